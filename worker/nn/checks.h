/* checks: what a careful person does before the first long training, in a second. Pure: resolved options, data and
 * a seed in, results out; who shows or stores them is not known here.
 *
 *   gradient, gradient+penalty, gradient later   gradcheck at the first weights, with l1/l2, after a short burn-in;
 *                    then one `gradient` for each layer's weights and biases, and `gradient step` with a sweep of h
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

#include "common/check_result.h"
#include "common/err.h"
#include "common/json.h"
#include "worker/nn/data.h"
#include "worker/nn/gradcheck.h"

enum { CHECK_MAX = 16 + GRADCHECK_BLOCKS };

struct check_report {
    struct check_result results[CHECK_MAX];
    int count;
    enum verdict worst;
    struct gradcheck gradients[3]; /* start, with penalty, later */
};

/* The verdict of a gradient's largest relative error. */
enum verdict check_gradient_band(double error, int kinks);

/* Runs all of them. An error is returned only if the net cannot be made at all. */
int checks_run(const struct json *resolved, const struct data_split *data, uint64_t seed,
               struct check_report *out, struct err *err);

#endif
