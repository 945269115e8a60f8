#include "worker/builtin_check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/mem.h"
#include "worker/nn/checkpoint.h"
#include "worker/nn/checks.h"
#include "worker/nn/train.h"

enum { TRAIN_ROWS = 256, VAL_ROWS = 128, EPOCHS = 2 };

/* Where a training stands after an epoch. */
struct stand {
    struct epoch_metrics metrics;
    float *params;
    size_t count;
};

static struct data_split part_of(const struct data_split *data)
{
    struct data_split part = *data;
    part.train.n = part.train.n < TRAIN_ROWS ? part.train.n : TRAIN_ROWS;
    part.val.n = part.val.n < VAL_ROWS ? part.val.n : VAL_ROWS;
    part.test.n = 0;
    return part;
}

static void advance(struct training *t, struct stand *stand)
{
    training_epoch(t, NULL, NULL, &stand->metrics);
    stand->count = t->net->param_count;
    stand->params = xcalloc(stand->count, sizeof *stand->params);
    memcpy(stand->params, t->net->params, stand->count * sizeof *stand->params);
}

/* To the bit, which is what determinism means: -0 is not 0, and a NaN is itself. */
static bool same_bits(const void *a, const void *b, size_t bytes)
{
    return memcmp(a, b, bytes) == 0;
}

static bool same(const struct stand *a, const struct stand *b)
{
    return a->count == b->count && same_bits(a->params, b->params, a->count * sizeof *a->params) &&
           same_bits(&a->metrics.val_loss, &b->metrics.val_loss, sizeof a->metrics.val_loss);
}

static void tell(const struct builtin_check *check, struct check_result *result, double value,
                 double expected)
{
    result->value = value;
    result->expected = expected;
    check->tell(check->arg, result);
}

/* Diverging is what bad hyperparameters do, and this point is but one of many: no reason to stop the study. */
static void tell_smoke(const struct builtin_check *check, const struct stand *first, const struct training *t)
{
    struct check_result result;
    check_result_set(&result, "G4", "one epoch", t->diverged ? VERDICT_SUSPICIOUS : VERDICT_GOOD,
                     "%d samples: train loss %.4g, val loss %.4g", t->data->train.n,
                     first->metrics.train_loss, first->metrics.val_loss);
    if (t->diverged)
        snprintf(result.hint, sizeof result.hint,
                 "it diverges at the middle of the space: is the learning rate's box too high?");
    tell(check, &result, first->metrics.val_loss, NAN);
}

static void tell_same(const struct builtin_check *check, const char *gate, const char *name,
                      const struct stand *got, const struct stand *expected, const char *what)
{
    struct check_result result;
    bool good = same(got, expected);
    check_result_set(&result, gate, name, good ? VERDICT_GOOD : VERDICT_WRONG, "%s: %s", what,
                     good ? "the same weights to the bit" : "other weights");
    if (!good)
        snprintf(result.hint, sizeof result.hint,
                 "this is a fault of hone: please report it with the study file");
    tell(check, &result, got->metrics.val_loss, expected->metrics.val_loss);
}

static int make(const struct builtin_check *check, const struct data_split *data, struct training **out,
                struct err *err)
{
    return training_new(check->options, data, check->seed, EPOCHS, out, err);
}

/* A new training, put where the file is, and on to the last epoch. */
static int resume(const struct builtin_check *check, const struct data_split *part, const char *path,
                  struct stand *out, struct err *err)
{
    struct checkpoint checkpoint;
    struct training *t;
    int rc = make(check, part, &t, err);
    if (rc)
        return rc;
    rc = checkpoint_load(path, &checkpoint, err);
    if (!rc) {
        rc = training_restore(t, &checkpoint, path, err);
        checkpoint_fini(&checkpoint);
    }
    if (!rc)
        advance(t, out);
    training_free(t);
    return rc;
}

static int check_determinism(const struct builtin_check *check, const struct data_split *part,
                             const struct stand *first, struct err *err)
{
    struct stand again = {0};
    struct training *t;
    int rc = make(check, part, &t, err);
    if (rc)
        return rc;
    advance(t, &again);
    tell_same(check, "G5", "determinism", &again, first, "the same seed again, one epoch");
    training_free(t);
    free(again.params);
    return 0;
}

static void check_resume(const struct builtin_check *check, const struct data_split *part, struct training *t,
                         const struct epoch_metrics *metrics)
{
    struct stand straight = {0}, resumed = {0};
    struct err why = ERR_NONE;
    struct check_result result;
    char *path = path_join(check->dir, "check.ckpt");
    int rc = checkpoint_write(t, metrics, path, &why);
    advance(t, &straight);
    if (!rc)
        rc = resume(check, part, path, &resumed, &why);
    if (!rc)
        tell_same(check, "G6", "resume", &resumed, &straight, "saved after epoch 1, resumed to epoch 2");
    if (rc) {
        check_result_set(&result, "G6", "resume", VERDICT_WRONG, "%s", why.text);
        snprintf(result.hint, sizeof result.hint, "%.200s",
                 why.hint[0] ? why.hint : "can files be written there?");
        tell(check, &result, NAN, NAN);
    }
    unlink(path);
    free(path);
    free(straight.params);
    free(resumed.params);
}

static int check_runs(const struct builtin_check *check, struct err *err)
{
    struct data_split part = part_of(check->data);
    struct stand first = {0};
    struct training *t;
    int rc = make(check, &part, &t, err);
    if (rc)
        return rc;
    advance(t, &first);
    tell_smoke(check, &first, t);
    rc = check_determinism(check, &part, &first, err);
    if (!rc && !t->diverged)
        check_resume(check, &part, t, &first.metrics);
    training_free(t);
    free(first.params);
    return rc;
}

int builtin_check(const struct builtin_check *check, struct err *err)
{
    struct check_report *report = xcalloc(1, sizeof *report);
    int rc = checks_run(check->options, check->data, check->seed, report, err);
    for (int i = 0; i < report->count && !rc; i++)
        check->tell(check->arg, &report->results[i]);
    free(report);
    return rc ? rc : check_runs(check, err);
}
