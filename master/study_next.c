/* Where the trials of a study come from: the waiting list, promotions, repeats, the sampler, somebody's hand. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/checks.h"
#include "master/course.h"
#include "master/extra.h"
#include "master/platform.h"
#include "master/rungs.h"
#include "master/search/given.h"
#include "master/search/pbt.h"
#include "master/study_parts.h"

int64_t study_planned(const struct study *s)
{
    int64_t size = sampler_size(s->sampler), trials = s->def.search.trials;
    size = size > 0 ? size * s->def.repeat.repeats : size;
    /* A cancelled point of a grid is gone, of a random search another one takes its place. */
    if (size >= 0)
        return trials && trials < size ? trials : size;
    return trials ? trials : -1;
}

/* Trials that may still be made, those kept for the confirmation apart. */
static bool has_room(const struct study *s)
{
    int64_t planned = study_planned(s);
    if (planned >= 0)
        planned -= (int64_t)s->def.repeat.confirm_top * s->def.repeat.confirm_seeds;
    int64_t counted = study_sampled(s);
    if (sampler_size(s->sampler) < 0)
        counted -= s->counts[TRIAL_cancelled];
    return planned < 0 || counted < planned;
}

bool study_may_sample(const struct study *s)
{
    return !s->exhausted && has_room(s);
}

static void add_rows(struct turn *turn, struct trial *t, const struct proposal *note, const char *given)
{
    const struct space *space = &t->study->def.space;
    struct row_value *values = xcalloc((size_t)space->count, sizeof *values);
    int count = 0;
    for (int i = 0; i < space->count; i++) {
        const struct param *p = &space->params[i];
        struct value v = t->point.v[i];
        if (v.kind == VALUE_OFF)
            continue;
        struct row_value *row = &values[count++];
        row->name = p->name;
        row->is_number = value_as_num(p, v, &row->number);
        row->text = row->is_number ? NULL : value_as_text(p, v);
    }
    struct row_trial row = {
        .study = t->study->id,
        .number = t->number,
        .group = t->group,
        .repeat = t->repeat,
        .status = TRIAL_waiting,
        .seed = t->seed,
        .sampler = note->sampler,
        .sampler_version = note->version,
        .seq_cut = note->seq_cut,
        .why = note->why,
        .platform = platform_here(),
        .fit = t->fit,
        .given = given,
        .until = t->until,
        .epochs = t->epochs,
        .score = NAN,
        .created_ms = t->created_ms,
    };
    store_add_trial(turn->store, &row, values, count);
    t->id = row.id;
    free(values);
}

static char *write_fit(const struct proposal *note)
{
    if (!note->fit_count)
        return NULL;
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_array(&w, NULL);
    for (int i = 0; i < note->fit_count; i++)
        jw_num(&w, NULL, note->fit[i]);
    jw_close_array(&w);
    return str_take(&text);
}

/* ---- the next point ---- */

static void propose_here(struct study *s, struct proposed *out)
{
    out->trial = (uint32_t)s->count + 1;
    point_init(&out->point, &s->def.space);
    out->rc = sampler_propose(s->sampler, &s->history, out->trial, &out->point, &out->note, &out->err);
}

/* The next point, if it is there; else the proposer is asked for it. A point for a number that was taken meanwhile
 * (something was enqueued) is thrown away. */
static bool propose(struct study *s, struct proposed *out)
{
    *out = (struct proposed){0};
    if (!s->proposer) {
        propose_here(s, out);
        return true;
    }
    bool is_there = s->asked && proposer_take(s->proposer, s->id, out);
    s->asked = s->asked && !is_there;
    if (is_there && out->trial == s->count + 1)
        return true;
    if (is_there)
        point_fini(&out->point);
    if (!s->asked)
        proposer_ask(s->proposer, s->id, (uint32_t)s->count + 1);
    s->asked = true;
    return false;
}

/* In memory and in the store, waiting; nobody has learned of it. */
static void put_trial(struct turn *turn, struct trial *t, const struct point *point,
                      const struct proposal *note, const char *given)
{
    struct study *s = t->study;
    point_copy(&t->point, point);
    t->seed = hash_mix(s->def.trainer_seed, (uint64_t)t->repeat) & HONE_SEED_MAX;
    t->created_ms = turn->now.wall_ms;
    t->fit = write_fit(note);
    t->status = TRIAL_waiting;
    study_count(s, t, TRIAL_waiting, 1);
    add_rows(turn, t, note, given);
    study_enqueue(s, t, false);
}

/* `until` 0: as far as a new trial is let run. */
static struct trial *new_trial_until(struct turn *turn, struct study *s, const struct point *point,
                                     const struct proposal *note, const char *given, uint32_t group,
                                     int repeat, int until)
{
    struct trial *t = study_add_trial(s);
    t->group = group ? group : t->number;
    t->repeat = repeat;
    t->epochs = s->def.epochs;
    t->until = until ? until : course_until(s, t->number);
    put_trial(turn, t, point, note, given);
    study_learn_point(s, t, note, store_seq(turn->store));
    study_learn_until(s, t->number, t->until, store_seq(turn->store));
    rungs_note_bracket(turn, t);
    return t;
}

static struct trial *new_trial(struct turn *turn, struct study *s, const struct point *point,
                               const struct proposal *note, const char *given, uint32_t group, int repeat)
{
    return new_trial_until(turn, s, point, note, given, group, repeat, 0);
}

struct trial *study_add_child(struct turn *turn, struct study *s, const struct point *point,
                              const struct proposal *note, int until)
{
    return new_trial_until(turn, s, point, note, NULL, 0, 0, until);
}

static struct trial *sample(struct turn *turn, struct study *s)
{
    struct proposed proposed;
    if (!propose(s, &proposed))
        return NULL;
    struct proposal note = proposed.note;
    if (proposed.rc) {
        point_fini(&proposed.point);
        s->exhausted = s->exhausted || proposed.rc == ERR_GONE;
        return NULL;
    }
    struct trial *t = new_trial(turn, s, &proposed.point, &note, NULL, 0, 0);
    point_fini(&proposed.point);
    return t;
}

/* ---- points that somebody names ---- */

int study_add_given(struct turn *turn, struct study *s, const struct jcur *given, const char *who,
                    struct trial **out, struct err *err)
{
    if (sampler_size(s->sampler) >= 0 || !study_may_sample(s)) {
        if (sampler_size(s->sampler) >= 0)
            return err_set(err, ERR_NO, "study \"%s\": a grid visits its own points and no others",
                           s->def.name);
        err_set(err, ERR_NO, "study \"%s\" has all its %lld trials", s->def.name,
                (long long)study_planned(s));
        return err_hint(err, "hone edit %s --set search.trials=%lld makes room", s->def.name,
                        (long long)study_planned(s) + 1);
    }
    const struct pbt *pbt = pbt_of(&s->def.search);
    if (pbt && s->count >= (size_t)pbt->population)
        return err_set(err, ERR_NO,
                       "study \"%s\" has its population of %d: whoever comes later has no place in it",
                       s->def.name, pbt->population);
    struct proposal note = {.sampler = "enqueued", .version = 1, .seq_cut = s->history.seq};
    struct point point;
    struct str text = {0};
    point_init(&point, &s->def.space);
    int rc = given_point(&s->def.space, &s->history, s->def.search.seed, (uint32_t)s->count + 1, given,
                         &point, err);
    if (!rc) {
        size_t named = json_count(given->node);
        json_print(given->node, &text);
        snprintf(note.why, sizeof note.why, "%zu of %d parameters named by %.60s", named, s->def.space.count,
                 who);
        struct trial *t = new_trial(turn, s, &point, &note, str_text(&text), 0, 0);
        if (out)
            *out = t;
    }
    str_fini(&text);
    point_fini(&point);
    return rc;
}

void study_add_file_points(struct turn *turn, struct study *s)
{
    struct jcur root = jcur_root(s->def.json, s->def.name), list = jcur_get(&root, "enqueue");
    for (const struct json *n = jcur_has(&list) ? json_first(list.node) : NULL; n; n = json_next(n)) {
        struct jcur given = jcur_of(&list, n);
        int rc = study_add_given(turn, s, &given, "the study file", NULL, NULL);
        POST(!rc); /* study_def has looked at each */
    }
}

/* ---- repeats ---- */

static struct trial *repeat_one(struct turn *turn, struct study *s)
{
    struct repeat_job job;
    if (!has_room(s) || !repeat_next(&s->def.repeat, &s->history, &job))
        return NULL;
    struct proposal note = {.sampler = "repeat", .version = 1, .seq_cut = s->history.seq};
    int len =
        snprintf(note.why, sizeof note.why, "repeat %d of %d of trial %u: mean %.6g so far", job.repeat + 1,
                 s->def.repeat.repeats, job.group, s->def.maximize ? job.mean : -job.mean);
    if (isfinite(job.bar))
        snprintf(note.why + len, sizeof note.why - (size_t)len, ", the bar is %.6g",
                 s->def.maximize ? job.bar : -job.bar);
    return new_trial(turn, s, &study_trial(s, job.group)->point, &note, NULL, job.group, job.repeat);
}

bool study_repeat_is_due(const struct study *s)
{
    struct repeat_job job;
    return has_room(s) && repeat_next(&s->def.repeat, &s->history, &job);
}

/* All at once, when everything else has ended. True: there is something to do again. */
bool study_confirm(struct turn *turn, struct study *s)
{
    struct confirm_job jobs[CONFIRM_MOST];
    uint64_t cut = s->history.seq;
    int count = confirm_groups(&s->def.repeat, &s->history, jobs);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < s->def.repeat.confirm_seeds; k++) {
            struct proposal note = {.sampler = "confirm", .version = 1, .seq_cut = cut};
            snprintf(note.why, sizeof note.why, "trial %u again: rank %d with mean %.6g, to be confirmed",
                     jobs[i].group, jobs[i].rank, s->def.maximize ? jobs[i].mean : -jobs[i].mean);
            new_trial_until(turn, s, &study_trial(s, jobs[i].group)->point, &note, NULL, jobs[i].group,
                            jobs[i].repeat + k, s->def.epochs);
        }
    return count > 0;
}

/* Its checkpoint is on the way here; a child waits for its parent's, which nobody has moved on from yet. */
static bool waits_for_checkpoint(const struct trial *t, int64_t now_mono_ms)
{
    const struct trial *parent = t->parent && !t->last_epoch ? study_trial(t->study, t->parent) : NULL;
    bool comes = parent && parent->status != TRIAL_running && parent->wait_until_mono_ms > now_mono_ms;
    return comes || t->wait_until_mono_ms > now_mono_ms;
}

struct trial *study_add_extra(struct turn *turn, struct study *s, const struct trial *first, int epochs,
                              int repeat, const char *who)
{
    struct proposal note = {.sampler = EXTRA_SAMPLER, .version = 1, .seq_cut = s->history.seq};
    snprintf(note.why, sizeof note.why, "trial %u again with another seed, for an ensemble of %.60s's",
             first->number, who);
    struct trial *t = study_add_trial(s);
    t->is_extra = true;
    s->extra_count++;
    t->group = first->number;
    t->repeat = repeat;
    t->epochs = t->until = epochs;
    put_trial(turn, t, &first->point, &note, NULL);
    return t;
}

static bool search_goes_on(const struct study *s)
{
    return !study_has_ended(s) && !s->ending[0] && s->wish == WISH_RUN && !checks_pending(s);
}

bool study_has_work(const struct study *s)
{
    return !study_has_ended(s) || (s->extra_open && s->wish != WISH_PAUSE);
}

struct trial *study_next(struct turn *turn, struct study *s, int64_t worker)
{
    bool searches = search_goes_on(s), extras = s->extra_open && s->wish != WISH_PAUSE;
    if (!searches && !extras)
        return NULL;
    if (s->def.search.parallel && s->open_count >= s->def.search.parallel)
        return NULL;
    /* A trial whose older attempt a worker is still winding up waits for its end: the slot is not free yet. */
    for (struct trial *t = s->waiting_first; t; t = t->queue_next)
        if ((t->is_extra ? extras : searches) && !t->holder && !waits_for_checkpoint(t, turn->now.mono_ms) &&
            (!worker || t->failed_on != worker))
            return t;
    if (!searches)
        return NULL;
    struct trial *promoted = course_promote(turn, s);
    if (promoted)
        return promoted;
    struct trial *again = repeat_one(turn, s);
    if (again)
        return again;
    return study_may_sample(s) ? sample(turn, s) : NULL;
}
