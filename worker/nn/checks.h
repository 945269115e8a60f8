/* checks: what a careful person does before the first long training, in a second. Pure: resolved options, data and
 * a seed in, verdicts out; who shows or stores them is not known here.
 *
 *   gradient, gradient+penalty, gradient later   gradcheck at the first weights, with l1/l2, after a short burn-in
 *   initial loss     ln(classes) for softmax, classes-1 for svm: what chance gives, within a tolerance that shrinks
 *                    with the number of samples
 *   penalty          l1/l2 makes the loss larger
 *   overfit          twenty samples to no loss at all, without penalties and dropout
 *   balance, constant, finite, duplicates, labels   the data (data_sanity)
 *
 * The bands of the gradient's relative error are those of the practitioner's notes: above 1e-2 wrong, above 1e-4
 * suspicious, below that fine if there are kinks, below 1e-7 good. Plain values; nothing to free. */
#ifndef HONE_WORKER_NN_CHECKS_H
#define HONE_WORKER_NN_CHECKS_H

#include "common/err.h"
#include "common/json.h"
#include "worker/nn/data.h"
#include "worker/nn/gradcheck.h"

enum check_verdict { CHECK_OK, CHECK_WARN, CHECK_FAIL };
enum { CHECK_MAX = 16 };

struct check_result {
    char name[24];
    enum check_verdict verdict;
    double value, expected; /* what was measured, and the number it was held against; NaN: none */
    char text[240];         /* with numbers */
    char hint[240];         /* what to do; "" if all is well */
};

struct check_report {
    struct check_result results[CHECK_MAX];
    int count;
    enum check_verdict worst;
    struct gradcheck gradients[3]; /* start, with penalty, later */
};

const char *check_verdict_name(enum check_verdict verdict); /* ok, warn, fail */

/* The verdict of a gradient's largest relative error, and its band in words. */
enum check_verdict check_gradient_band(double error, int kinks, const char **words);

/* Runs all of them. An error is returned only if the net cannot be made at all. */
int checks_run(const struct json *resolved, const struct data_split *data, uint64_t seed,
               struct check_report *out, struct err *err);

/* {"verdict":…, "checks":[…], "gradients":[per layer …], "sweep":[[h, error] …]} as a member or root of `w`. */
void checks_write(const struct check_report *report, const char *key, struct jw *w);

#endif
