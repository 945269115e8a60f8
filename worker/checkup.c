#include "worker/checkup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "worker/checkup_judge.h"

enum {
    LONG_EPOCH_S = 120, /* beyond this the further runs cost more than they tell */
    GRACE_MS = 1000,    /* from a stop to SIGKILL: a check is in nobody's interest to wait for */
};

static const char killed_hint[] =
    "is memory short (dmesg tells), or did somebody kill it? a trial that this happens to "
    "is tried again (max_attempts)";

struct checkup *checkup_new(struct msg_check *check, const struct held_place *place)
{
    struct checkup *c = xcalloc(1, sizeof *c);
    char *below = xasprintf("%s/check/%.8s", check->study, check->token);
    c->check = *check;
    check->params = check->trainer = NULL;
    c->base = xstrdup(place->dir ? place->dir : check->base);
    c->dir = place->root_seen ? path_join(place->root, below)
                              : xasprintf("%s/%.8s/%s", place->scratch, place->store, below);
    c->may = place->may;
    c->grace_ms = place->grace_ms && place->grace_ms < GRACE_MS ? place->grace_ms : GRACE_MS;
    c->builtin = json_get(c->check.trainer, "builtin") != NULL;
    c->slot = -1;
    free(below);
    return c;
}

void checkup_free(struct checkup *c)
{
    if (!c)
        return;
    for (int i = 0; i < CHECKUP_RUNS; i++) {
        json_free(c->run[i].metrics[0]);
        json_free(c->run[i].metrics[1]);
        json_free(c->run[i].checkpoint);
    }
    json_free(c->check.params);
    json_free(c->check.trainer);
    free(c->base);
    free(c->dir);
    free(c);
}

/* ---- results ---- */

enum verdict checkup_worst(const struct checkup *c)
{
    enum verdict worst = VERDICT_SKIPPED;
    for (int i = 0; i < c->count; i++)
        worst = c->results[i].verdict > worst ? c->results[i].verdict : worst;
    return worst;
}

struct json *checkup_tell(const struct checkup *c)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_array(&w, NULL);
    for (int i = 0; i < c->count; i++)
        check_result_write(&c->results[i], &w, NULL);
    jw_close_array(&w);
    struct json *tree = json_parse(text.text, text.len, "results", NULL);
    POST(tree);
    str_fini(&text);
    return tree;
}

/* ---- runs ---- */

static bool is_long(const struct checkup *c)
{
    return !c->patient && c->run[0].seconds > LONG_EPOCH_S;
}

/* Is a third run possible: is there an epoch to resume to, and a checkpoint to resume from? */
static bool may_resume(const struct checkup *c)
{
    return c->check.epochs >= 2 && c->run[0].checkpoint;
}

static int until_of(const struct checkup *c, int run)
{
    if (c->check.smoke || c->check.epochs < 2)
        return 1;
    return run == RUN_AGAIN && !may_resume(c) ? 1 : 2;
}

static void write_resume(const struct checkup *c, struct jw *w)
{
    const struct json *checkpoint = c->run[RUN_AGAIN - 1].checkpoint;
    jw_object(w, "resume");
    jw_text(w, "path", json_text(json_get(checkpoint, "path")));
    jw_int(w, "epoch", 1);
    jw_num(w, "bytes", json_num(json_get(checkpoint, "bytes")));
    jw_text(w, "hash", json_text(json_get(checkpoint, "hash")));
    jw_close_object(w);
}

/* Forgets what the run has said, so that it is the next one again. */
static void take_back(struct checkup *c)
{
    struct checkup_run *run = &c->run[c->runs - 1];
    json_free(run->metrics[0]);
    json_free(run->metrics[1]);
    json_free(run->checkpoint);
    *run = (struct checkup_run){0};
    c->count = c->kept;
    c->runs--;
}

/* True: the run ended by no fault that it must have again, and is repeated. */
static bool tries_again(struct checkup *c, const char *cause, const char *how)
{
    bool killed = strcmp(cause, "signal") == 0 || strcmp(cause, "oom") == 0;
    if (!killed || c->retried)
        return false;
    c->retried = true;
    str_copy(c->died, sizeof c->died, how);
    take_back(c);
    return true;
}

/* The second try went well: people should know of the first all the same. */
static void tell_died(struct checkup *c)
{
    struct check_result result;
    if (!c->died[0])
        return;
    check_result_set(&result, "G4", "killed", VERDICT_SUSPICIOUS,
                     "the first try was killed, the second went on: %s", c->died);
    snprintf(result.hint, sizeof result.hint, "%s", killed_hint);
    c->died[0] = '\0';
    judge_add(c, &result);
}

static void write_run(const struct checkup *c, int run, struct str *out)
{
    char *dir = xasprintf("%s/r%d", c->dir, run);
    struct jw w = jw_to(out);
    jw_object(&w, NULL);
    jw_object(&w, "run");
    jw_text(&w, "study", c->check.study);
    jw_int(&w, "trial", 0);
    jw_int(&w, "attempt", run);
    jw_node(&w, "params", c->check.params);
    jw_int(&w, "seed", (int64_t)c->check.seed);
    jw_int(&w, "until", until_of(c, run));
    jw_int(&w, "epochs", (int64_t)c->check.epochs);
    jw_text(&w, "metric", c->check.metric);
    jw_node(&w, "trainer", c->check.trainer);
    jw_text(&w, "base", c->base);
    jw_text(&w, "dir", dir);
    jw_text(&w, "shown", dir);
    jw_int(&w, "grace_ms", c->grace_ms);
    if (c->may)
        jw_raw(&w, "may", c->may);
    if (c->builtin)
        jw_bool(&w, "check", true);
    if (run == RUN_RESUMED)
        write_resume(c, &w);
    jw_close_object(&w);
    jw_close_object(&w);
    str_addc(out, '\n');
    free(dir);
}

/* Why the runs after this one would tell nothing; NULL: go on. */
static const char *why_no_more(struct checkup *c)
{
    if (c->builtin || c->check.smoke || c->runs == RUN_RESUMED)
        return "";
    if (checkup_worst(c) == VERDICT_WRONG)
        return "an earlier check has failed";
    if (is_long(c))
        return "an epoch takes minutes here; `hone check` has the same three runs and all the time it takes";
    if (c->runs == RUN_AGAIN && c->check.epochs < 2)
        return "trials have one epoch: there is nothing to resume to";
    if (c->runs == RUN_AGAIN && !c->run[RUN_AGAIN - 1].checkpoint)
        return "its reports name no checkpoint: a trial that is lost starts over";
    return NULL;
}

bool checkup_next(struct checkup *c, struct str *out)
{
    const char *why = c->runs ? why_no_more(c) : NULL;
    if (why) {
        if (why[0] && c->runs < RUN_AGAIN)
            judge_skip(c, "G5", "determinism", why);
        if (why[0])
            judge_skip(c, "G6", "resume", why);
        return false;
    }
    c->kept = c->count;
    write_run(c, ++c->runs, out);
    return true;
}

/* ---- what a run says ---- */

static void on_epoch(struct checkup *c, struct json *line, struct str *out)
{
    struct checkup_run *run = &c->run[c->runs - 1];
    double epoch = json_num(json_get(line, "epoch"));
    if (epoch != 1 && epoch != 2)
        return;
    struct json **metrics = &run->metrics[epoch == 2];
    json_free(*metrics);
    *metrics = json_take(line, "metrics");
    if (epoch != 1)
        return;
    run->seconds = json_num(json_get(line, "seconds"));
    run->checkpoint = json_take(line, "checkpoint");
    if (until_of(c, c->runs) == 1)
        return;
    if (c->runs == RUN_AGAIN)
        str_add(out, "{\"stop\":\"preempt\"}\n"); /* the kill of kill and resume */
    else if (!run->checkpoint || is_long(c))
        str_add(out, "{\"stop\":\"epoch\"}\n"); /* the second epoch would not be looked at */
}

void checkup_on_line(struct checkup *c, struct json *line, struct str *out)
{
    struct check_result result;
    if (check_result_read(json_get(line, "check"), &result))
        judge_add(c, &result);
    else if (json_get(line, "epoch"))
        on_epoch(c, line, out);
}

void checkup_on_end(struct checkup *c, const struct json *end)
{
    bool failed = strcmp(json_text(json_get(end, "outcome")), "failed") == 0;
    if (failed && tries_again(c, json_text(json_get(end, "cause")), json_text(json_get(end, "detail"))))
        return;
    tell_died(c);
    judge_run(c, end);
}

bool checkup_on_gone(struct checkup *c)
{
    static const char how[] = "the process that supervises the trainer has died";
    if (tries_again(c, "signal", how))
        return true;
    judge_wrong(c, "G4", "one epoch", how, "was it killed for lack of memory?");
    return false;
}
