#include "worker/held.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"

enum { TOLD_MAX = 4096 }; /* bound of HELLO.held */

/* ---- the line for the slot ---- */

char *held_folder(const char *scratch, const char *store, const char *study, uint64_t trial, uint64_t attempt)
{
    return xasprintf("%s/%.8s/%s/t%05llu/a%llu", scratch, store, study, (unsigned long long)trial,
                     (unsigned long long)attempt);
}

/* Absolute path of the attempt's folder, and in *shown how the master will know it. */
static char *attempt_folder(const struct msg_job *job, const struct held_place *place, char **shown)
{
    if (place->root_seen) {
        *shown = xasprintf("%s/t%05llu/a%llu", job->study, (unsigned long long)job->trial,
                           (unsigned long long)job->attempt);
        return path_join(place->root, *shown);
    }
    char *dir = held_folder(place->scratch, place->store, job->study, job->trial, job->attempt);
    *shown = xstrdup(dir);
    return dir;
}

/* 0 for what is no epoch: then training begins at the start, and that is what the master hears. */
static uint64_t resume_epoch(const struct json *resume)
{
    double epoch = json_num(json_get(resume, "epoch"));
    return epoch >= 1 && epoch <= 1e9 ? (uint64_t)epoch : 0;
}

/* A checkpoint in the master's folder, which is not seen from here: it is fetched, and lies beside the attempt's own. */
static bool must_fetch(const struct msg_job *job, const struct held_place *place)
{
    const char *name = json_text(json_get(job->resume, "path"));
    return job->resume && resume_epoch(job->resume) && name[0] && name[0] != '/' && !place->root_seen;
}

/* The slot checks the file itself; a path that leaves the master's folder is as good as none. */
static void write_resume(struct jw *w, const struct json *resume, const struct held_place *place,
                         const char *fetched)
{
    const char *name = json_text(json_get(resume, "path"));
    char *path = fetched ? xstrdup(fetched) : path_join(place->root, name);
    bool fine = fetched || name[0] == '/' || path_is_inside(path, place->root);
    jw_object(w, "resume");
    jw_text(w, "path", fine && name[0] ? path : "");
    jw_int(w, "epoch", (int64_t)resume_epoch(resume));
    if (json_get(resume, "bytes"))
        jw_num(w, "bytes", json_num(json_get(resume, "bytes")));
    if (json_get(resume, "hash"))
        jw_text(w, "hash", json_text(json_get(resume, "hash")));
    jw_close_object(w);
    free(path);
}

static void write_line(const struct msg_job *job, const struct held_place *place, const char *fetched,
                       struct str *out)
{
    char *shown, *dir = attempt_folder(job, place, &shown);
    struct jw w = jw_to(out);
    jw_object(&w, NULL);
    jw_object(&w, "run");
    jw_text(&w, "study", job->study);
    jw_int(&w, "trial", (int64_t)job->trial);
    jw_int(&w, "attempt", (int64_t)job->attempt);
    jw_node(&w, "params", job->params);
    jw_int(&w, "seed", (int64_t)job->seed);
    jw_int(&w, "until", (int64_t)job->until);
    jw_int(&w, "epochs", (int64_t)job->epochs);
    jw_text(&w, "metric", job->metric);
    jw_node(&w, "trainer", job->trainer);
    jw_text(&w, "base", place->dir ? place->dir : job->base);
    jw_text(&w, "dir", dir);
    jw_text(&w, "shown", shown);
    if (job->resume && resume_epoch(job->resume))
        write_resume(&w, job->resume, place, fetched);
    jw_int(&w, "grace_ms", place->grace_ms);
    if (place->may)
        jw_raw(&w, "may", place->may);
    jw_close_object(&w);
    jw_close_object(&w);
    str_addc(out, '\n');
    free(dir);
    free(shown);
}

/* ---- the list ---- */

int held_add(struct held_list *list, const struct msg_job *job, const struct held_place *place,
             int64_t now_ms, struct held **out, struct err *err)
{
    struct held *held = xcalloc(1, sizeof *held);
    held->state = HELD_WAITING;
    str_copy(held->study, sizeof held->study, job->study);
    str_copy(held->token, sizeof held->token, job->token);
    held->trial = job->trial;
    held->attempt = job->attempt;
    held->slot = -1;
    GROW(list->items, list->room, list->count + 1);
    list->items[list->count++] = held;
    *out = held;
    if (!name_ok(job->study))
        return err_set(err, ERR_BAD, "\"%.64s\" cannot be the name of a study, for it names a folder",
                       job->study);
    if (job->resume)
        held->epoch = resume_epoch(job->resume);
    if (must_fetch(job, place)) {
        double bytes = json_num(json_get(job->resume, "bytes"));
        char *shown, *dir = attempt_folder(job, place, &shown), *path = path_join(dir, "resume.part");
        fetch_init(&held->fetch, path, resume_epoch(job->resume),
                   bytes >= 1 && bytes < 0x1p53 ? (uint64_t)bytes : 0, now_ms);
        held->state = held->fetch.bytes ? HELD_FETCHING : HELD_WAITING;
        free(path);
        free(shown);
        free(dir);
    }
    write_line(job, place, held->fetch.path, &held->line);
    return 0;
}

struct held *held_find(const struct held_list *list, const char *token)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->state != HELD_ORPHAN && strcmp(list->items[i]->token, token) == 0)
            return list->items[i];
    return NULL;
}

struct held *held_waiting(const struct held_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->state == HELD_WAITING)
            return list->items[i];
    return NULL;
}

size_t held_count(const struct held_list *list, enum held_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += list->items[i]->state == state;
    return count;
}

static void held_free(struct held *held)
{
    str_fini(&held->line);
    fetch_fini(&held->fetch);
    free(held);
}

void held_remove(struct held_list *list, struct held *held)
{
    size_t at = 0;
    while (at < list->count && list->items[at] != held)
        at++;
    PRE(at < list->count);
    memmove(list->items + at, list->items + at + 1, (list->count - at - 1) * sizeof *list->items);
    list->count--;
    held_free(held);
}

static void tell_one(struct jw *w, const struct held *held)
{
    jw_object(w, NULL);
    jw_text(w, "study", held->study);
    jw_int(w, "trial", (int64_t)held->trial);
    jw_int(w, "attempt", (int64_t)held->attempt);
    jw_text(w, "token", held->token);
    jw_int(w, "epoch", (int64_t)held->epoch);
    jw_close_object(w);
}

/* Those that run go first: should there ever be more than a HELLO holds, results can wait, trainers cannot.
 */
struct json *held_tell(const struct held_list *list)
{
    static const enum held_state order[] = {HELD_RUNNING, HELD_WAITING, HELD_FETCHING, HELD_ENDED};
    struct str text = {0};
    struct jw w = jw_to(&text);
    size_t told = 0;
    jw_array(&w, NULL);
    for (size_t o = 0; o < COUNT_OF(order); o++)
        for (size_t i = 0; i < list->count && told < TOLD_MAX; i++)
            if (list->items[i]->state == order[o]) {
                tell_one(&w, list->items[i]);
                told++;
            }
    jw_close_array(&w);
    struct json *tree = told ? json_parse(text.text, text.len, "held", NULL) : NULL;
    str_fini(&text);
    return tree;
}

void held_fini(struct held_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        held_free(list->items[i]);
    free(list->items);
    *list = (struct held_list){0};
}
