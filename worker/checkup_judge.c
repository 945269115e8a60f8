#include "worker/checkup_judge.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- results ---- */

void judge_add(struct checkup *c, const struct check_result *result)
{
    if (c->count < CHECKUP_RESULTS_MAX)
        c->results[c->count++] = *result;
}

void judge_skip(struct checkup *c, const char *gate, const char *name, const char *why)
{
    struct check_result result;
    check_result_set(&result, gate, name, VERDICT_SKIPPED, "%s", why);
    judge_add(c, &result);
}

void judge_wrong(struct checkup *c, const char *gate, const char *name, const char *text, const char *hint)
{
    struct check_result result;
    check_result_set(&result, gate, name, VERDICT_WRONG, "%s", text);
    snprintf(result.hint, sizeof result.hint, "%s", hint);
    judge_add(c, &result);
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

/* ---- runs ---- */

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
        bool is_time = strcmp(name, "seconds") == 0; /* never the same twice */
        bool counts = (strcmp(name, c->check.metric) == 0 && !is_time) || strstr(name, "loss");
        if (counts && !json_same(m, json_get(b, name), NULL))
            return name;
    }
    return "";
}

/* The first number of a report that has not the metric; "": nothing was reported. */
static const char *reported_instead(const struct checkup *c)
{
    for (const struct json *m = json_first(c->run[RUN_FIRST - 1].metrics[0]); m; m = json_next(m))
        if (json_type(m) == JSON_NUM)
            return json_key(m);
    return "";
}

/* What to do about a command that did not come through its first epoch. */
static void advise(const struct checkup *c, const struct json *end, char *out, size_t room)
{
    const char *cause = json_text(json_get(end, "cause")), *detail = json_text(json_get(end, "detail"));
    const char *instead = reported_instead(c);
    if (strcmp(cause, "start") == 0 && strstr(detail, strerror(EACCES)))
        snprintf(out, room, "make it executable (chmod +x), or begin with what runs it: \"sh\", \"python3\"");
    else if (strcmp(cause, "start") == 0)
        snprintf(out, room,
                 "is it installed, and does the worker's PATH lead there? Relative names begin at the study "
                 "file's "
                 "folder");
    else if (strcmp(cause, "no_metric") != 0)
        snprintf(out, room,
                 "run the command by hand with HONE_PARAMS and the like set (hone help trainer); its log is "
                 "in the "
                 "check's folder");
    else if (instead[0])
        snprintf(out, room, "\"metric\": {\"name\": \"%s\"} in the study file, or let the trainer report %s",
                 instead, c->check.metric);
    else
        snprintf(out, room,
                 "after each epoch write a line like {\"epoch\": 1, \"%s\": 0.3} to the descriptor that "
                 "HONE_OUT_FD "
                 "names: hone help trainer, hone help train.py",
                 c->check.metric);
}

static void judge_first(struct checkup *c, const struct json *end)
{
    const struct json *metric = metric_of(c, RUN_FIRST, 1);
    bool failed = strcmp(json_text(json_get(end, "outcome")), "failed") == 0;
    struct check_result result;
    struct str text = {0};
    char advice[240];
    if (!metric || failed) {
        str_addf(&text, metric ? "it reports epoch 1, but then: " : "no epoch with the metric \"%s\": ",
                 c->check.metric);
        tell_end(end, &text);
        advise(c, end, advice, sizeof advice);
        judge_wrong(c, "G4", "one epoch", text.text, advice);
    } else {
        double value = number_of(metric);
        check_result_set(&result, "G4", "one epoch", isfinite(value) ? VERDICT_GOOD : VERDICT_SUSPICIOUS,
                         "%s %.6g after an epoch of %.3g s", c->check.metric, value, c->run[0].seconds);
        result.value = value;
        if (!isfinite(value))
            snprintf(result.hint, sizeof result.hint,
                     "it diverges at the middle of the space: is the box right?");
        judge_add(c, &result);
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
    judge_add(c, &result);
}

static void judge_again(struct checkup *c, const struct json *end)
{
    struct str text = {0};
    if (metric_of(c, RUN_AGAIN, 1)) {
        compare(c,
                &(struct twin){
                    .gate = "G5",
                    .name = "determinism",
                    .run = RUN_AGAIN,
                    .epoch = 1,
                    .good = "the same seed again: the same numbers after epoch 1",
                    .hint = "take every random number from HONE_SEED (shuffling, workers of a data loader, "
                            "kernels of a GPU); --force goes on without"});
    } else {
        str_add(&text, "a second run of the same job: ");
        tell_end(end, &text);
        judge_wrong(c, "G5", "determinism", text.text,
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
    if (metric_of(c, RUN_RESUMED, 2) && c->run[0].metrics[1]) {
        compare(c,
                &(struct twin){.gate = "G6",
                               .name = "resume",
                               .run = RUN_RESUMED,
                               .epoch = 2,
                               .good = "killed after epoch 1 and resumed: epoch 2 as if nothing had happened",
                               .hint = hint});
    } else if (!c->run[0].metrics[1]) {
        judge_skip(c, "G6", "resume", "it ended after one epoch: there is nothing to compare with");
    } else {
        str_add(&text, "resumed from the checkpoint of epoch 1, it does not report epoch 2: ");
        tell_end(end, &text);
        judge_wrong(c, "G6", "resume", text.text, hint);
    }
    str_fini(&text);
}

static void judge_builtin(struct checkup *c, const struct json *end)
{
    struct str text = {0};
    bool finished = strcmp(json_text(json_get(end, "outcome")), "finished") == 0;
    tell_end(end, &text);
    if (!finished || !c->count)
        judge_wrong(c, "G4", "one epoch", text.text,
                    "the trainer cannot even begin: files of the data, perhaps");
    str_fini(&text);
}

void judge_run(struct checkup *c, const struct json *end)
{
    if (c->builtin)
        judge_builtin(c, end);
    else if (c->runs == RUN_FIRST)
        judge_first(c, end);
    else if (c->runs == RUN_AGAIN)
        judge_again(c, end);
    else
        judge_resumed(c, end);
}
