#include "worker/checkup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"

enum {
    LONG_EPOCH_S = 120, /* beyond this the further runs cost more than they tell */
    GRACE_MS = 1000,    /* from a stop to SIGKILL: a check is in nobody's interest to wait for */
};

enum { FIRST = 1, AGAIN, RESUMED }; /* runs, by number */

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

static struct check_result *add(struct checkup *c, const struct check_result *result)
{
    if (c->count < CHECKUP_RESULTS_MAX)
        c->results[c->count++] = *result;
    return &c->results[c->count - 1];
}

static void skip(struct checkup *c, const char *gate, const char *name, const char *why)
{
    struct check_result result;
    check_result_set(&result, gate, name, VERDICT_SKIPPED, "%s", why);
    add(c, &result);
}

static void add_wrong(struct checkup *c, const char *gate, const char *name, const char *text,
                      const char *hint)
{
    struct check_result result;
    check_result_set(&result, gate, name, VERDICT_WRONG, "%s", text);
    snprintf(result.hint, sizeof result.hint, "%s", hint);
    add(c, &result);
}

/* "failed (exit): exit status 1 …": what the slot says of a run that went wrong. */
static void tell_end(const struct json *end, struct str *out)
{
    const char *cause = json_text(json_get(end, "cause")), *detail = json_text(json_get(end, "detail"));
    str_add(out, json_text(json_get(end, "outcome")));
    if (cause[0])
        str_addf(out, " (%s)", cause);
    if (detail[0])
        str_addf(out, ": %s", detail);
}

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
    return run == AGAIN && !may_resume(c) ? 1 : 2;
}

static void write_resume(const struct checkup *c, struct jw *w)
{
    const struct json *checkpoint = c->run[AGAIN - 1].checkpoint;
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
    add(c, &result);
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
    if (run == RESUMED)
        write_resume(c, &w);
    jw_close_object(&w);
    jw_close_object(&w);
    str_addc(out, '\n');
    free(dir);
}

/* Why the runs after this one would tell nothing; NULL: go on. */
static const char *why_no_more(struct checkup *c)
{
    if (c->builtin || c->check.smoke || c->runs == RESUMED)
        return "";
    if (checkup_worst(c) == VERDICT_WRONG)
        return "an earlier check has failed";
    if (is_long(c))
        return "an epoch takes minutes here; `hone check` has the same three runs and all the time it takes";
    if (c->runs == AGAIN && c->check.epochs < 2)
        return "trials have one epoch: there is nothing to resume to";
    if (c->runs == AGAIN && !c->run[AGAIN - 1].checkpoint)
        return "its reports name no checkpoint: a trial that is lost starts over";
    return NULL;
}

bool checkup_next(struct checkup *c, struct str *out)
{
    const char *why = c->runs ? why_no_more(c) : NULL;
    if (why) {
        if (why[0] && c->runs < AGAIN)
            skip(c, "G5", "determinism", why);
        if (why[0])
            skip(c, "G6", "resume", why);
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
    if (c->runs == AGAIN)
        str_add(out, "{\"stop\":\"preempt\"}\n"); /* the kill of kill and resume */
    else if (!run->checkpoint || is_long(c))
        str_add(out, "{\"stop\":\"epoch\"}\n"); /* the second epoch would not be looked at */
}

void checkup_on_line(struct checkup *c, struct json *line, struct str *out)
{
    struct check_result result;
    if (check_result_read(json_get(line, "check"), &result))
        add(c, &result);
    else if (json_get(line, "epoch"))
        on_epoch(c, line, out);
}

/* ---- what a run amounts to ---- */

static const struct json *metric_of(const struct checkup *c, int run, int epoch)
{
    return json_get(c->run[run - 1].metrics[epoch - 1], c->check.metric);
}

static double number_of(const struct json *node)
{
    return node && json_type(node) == JSON_NUM ? json_num(node) : NAN;
}

/* The first number that should agree and does not: the metric, and whatever else is a loss. Rates and times may
 * differ. "" if all agree. */
static const char *first_difference(const struct checkup *c, const struct json *a, const struct json *b)
{
    for (const struct json *m = json_first(a); m; m = json_next(m)) {
        const char *name = json_key(m);
        bool counts = strcmp(name, c->check.metric) == 0 || strstr(name, "loss");
        if (counts && !json_same(m, json_get(b, name), NULL))
            return name;
    }
    return "";
}

/* What to do about a command that did not come through its first epoch. */
static const char *advice_on(const struct checkup *c, const struct json *end, char room[240])
{
    const char *cause = json_text(json_get(end, "cause"));
    if (strcmp(cause, "start") == 0)
        return "is it installed, and does the worker's PATH lead there? Relative names begin at the study "
               "file's "
               "folder";
    if (strcmp(cause, "no_metric") != 0)
        return "run the command by hand with HONE_PARAMS and the like set (hone help trainer); its log is in "
               "the "
               "check's folder";
    snprintf(room, 240,
             "after each epoch write a line like {\"epoch\": 1, \"%s\": 0.3} to the descriptor that "
             "HONE_OUT_FD names: "
             "hone help trainer, hone help train.py",
             c->check.metric);
    return room;
}

static void judge_first(struct checkup *c, const struct json *end)
{
    const struct json *metric = metric_of(c, FIRST, 1);
    bool failed = strcmp(json_text(json_get(end, "outcome")), "failed") == 0;
    struct check_result result;
    struct str text = {0};
    char advice[240];
    if (!metric || failed) {
        str_addf(&text, metric ? "it reports epoch 1, but then: " : "no epoch with the metric \"%s\": ",
                 c->check.metric);
        tell_end(end, &text);
        add_wrong(c, "G4", "one epoch", text.text, advice_on(c, end, advice));
    } else {
        double value = number_of(metric);
        check_result_set(&result, "G4", "one epoch", isfinite(value) ? VERDICT_GOOD : VERDICT_SUSPICIOUS,
                         "%s %.6g after an epoch of %.3g s", c->check.metric, value, c->run[0].seconds);
        result.value = value;
        if (!isfinite(value))
            snprintf(result.hint, sizeof result.hint,
                     "it diverges at the middle of the space: is the box right?");
        add(c, &result);
    }
    str_fini(&text);
}

/* Two runs that should have said the same after an epoch: the first and this one. */
struct twin {
    const char *gate, *name;
    int run, epoch;
    const char *good, *hint;
};

static void compare(struct checkup *c, const struct twin *twin)
{
    const struct json *expected = c->run[0].metrics[twin->epoch - 1],
                      *got = c->run[twin->run - 1].metrics[twin->epoch - 1];
    const char *differs = first_difference(c, expected, got);
    struct check_result result;
    if (differs[0])
        check_result_set(&result, twin->gate, twin->name, VERDICT_WRONG,
                         "%s of epoch %d: %.17g first, then %.17g", differs, twin->epoch,
                         number_of(json_get(expected, differs)), number_of(json_get(got, differs)));
    else
        check_result_set(&result, twin->gate, twin->name, VERDICT_GOOD, "%s", twin->good);
    if (differs[0])
        snprintf(result.hint, sizeof result.hint, "%s", twin->hint);
    result.value = number_of(json_get(got, differs[0] ? differs : c->check.metric));
    result.expected = number_of(json_get(expected, differs[0] ? differs : c->check.metric));
    add(c, &result);
}

static void judge_again(struct checkup *c, const struct json *end)
{
    struct str text = {0};
    if (metric_of(c, AGAIN, 1)) {
        compare(c,
                &(struct twin){
                    .gate = "G5",
                    .name = "determinism",
                    .run = AGAIN,
                    .epoch = 1,
                    .good = "the same seed again: the same numbers after epoch 1",
                    .hint = "take every random number from HONE_SEED (shuffling, workers of a data loader, "
                            "kernels of a GPU); --force goes on without"});
    } else {
        str_add(&text, "a second run of the same job: ");
        tell_end(end, &text);
        add_wrong(c, "G5", "determinism", text.text,
                  "it ran once and not a second time: does it leave something behind?");
    }
    str_fini(&text);
}

static void judge_resumed(struct checkup *c, const struct json *end)
{
    static const char hint[] =
        "go on from HONE_RESUME with the state of HONE_RESUME_EPOCH: weights, the optimizer's "
        "state, the position of the random numbers; --force goes on without";
    struct str text = {0};
    if (metric_of(c, RESUMED, 2) && c->run[0].metrics[1]) {
        compare(c,
                &(struct twin){.gate = "G6",
                               .name = "resume",
                               .run = RESUMED,
                               .epoch = 2,
                               .good = "killed after epoch 1 and resumed: epoch 2 as if nothing had happened",
                               .hint = hint});
    } else if (!c->run[0].metrics[1]) {
        skip(c, "G6", "resume", "it ended after one epoch: there is nothing to compare with");
    } else {
        str_add(&text, "resumed from the checkpoint of epoch 1, it does not report epoch 2: ");
        tell_end(end, &text);
        add_wrong(c, "G6", "resume", text.text, hint);
    }
    str_fini(&text);
}

static void judge_builtin(struct checkup *c, const struct json *end)
{
    struct str text = {0};
    bool finished = strcmp(json_text(json_get(end, "outcome")), "finished") == 0;
    tell_end(end, &text);
    if (!finished || !c->count)
        add_wrong(c, "G4", "one epoch", text.text,
                  "the trainer cannot even begin: files of the data, perhaps");
    str_fini(&text);
}

void checkup_on_end(struct checkup *c, const struct json *end)
{
    bool failed = strcmp(json_text(json_get(end, "outcome")), "failed") == 0;
    if (failed && tries_again(c, json_text(json_get(end, "cause")), json_text(json_get(end, "detail"))))
        return;
    tell_died(c);
    if (c->builtin)
        judge_builtin(c, end);
    else if (c->runs == FIRST)
        judge_first(c, end);
    else if (c->runs == AGAIN)
        judge_again(c, end);
    else
        judge_resumed(c, end);
}

bool checkup_on_gone(struct checkup *c)
{
    static const char how[] = "the process that supervises the trainer has died";
    if (tries_again(c, "signal", how))
        return true;
    add_wrong(c, "G4", "one epoch", how, "was it killed for lack of memory?");
    return false;
}
