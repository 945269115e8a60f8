#include "worker/nn/loss.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/check.h"
#include "common/hash.h"

static int largest(const real *row, int classes)
{
    int best = 0;
    for (int k = 1; k < classes; k++)
        best = row[k] > row[best] ? k : best;
    return best;
}

static double exp_less(real score, real top)
{
#ifdef NN_DOUBLE
    return exp(score - top);
#else
    return (double)expf(score - top);
#endif
}

/* d = (softmax(s) - [k == y]) / n */
static double softmax_row(const real *s, int label, int classes, int n, real *d)
{
    real top = s[largest(s, classes)];
    double sum = 0;
    for (int k = 0; k < classes; k++) {
        double e = exp_less(s[k], top);
        sum += e;
        if (d)
            d[k] = (real)e;
    }
    real scale = (real)(1 / (sum * n));
    for (int k = 0; d && k < classes; k++)
        d[k] *= scale;
    if (d)
        d[label] -= (real)1 / (real)n;
    return log(sum) - ((double)s[label] - (double)top);
}

/* d = [s_j - s_y + 1 > 0] / n for j != y, and minus their sum for y */
static double svm_row(const real *s, int label, int classes, int n, real *d)
{
    double loss = 0;
    int active = 0;
    for (int k = 0; k < classes; k++) {
        double margin = (double)s[k] - (double)s[label] + 1;
        bool on = k != label && margin > 0;
        loss += on ? margin : 0;
        active += on;
        if (d)
            d[k] = on ? (real)1 / (real)n : 0;
    }
    if (d)
        d[label] = -(real)active / (real)n;
    return loss + 0 * (double)s[label]; /* NaN stays NaN */
}

struct loss_sum loss_batch(enum loss_kind kind, const real *scores, const int32_t *labels, int n, int classes,
                           real *d)
{
    struct loss_sum sum = {0};
    for (int i = 0; i < n; i++) {
        const real *row = scores + (size_t)i * (size_t)classes;
        real *drow = d ? d + (size_t)i * (size_t)classes : NULL;
        PRE(labels[i] >= 0 && labels[i] < classes);
        if (kind == LOSS_SOFTMAX)
            sum.loss += softmax_row(row, labels[i], classes, n, drow);
        else
            sum.loss += svm_row(row, labels[i], classes, n, drow);
        sum.correct += largest(row, classes) == labels[i];
    }
    sum.loss /= n;
    return sum;
}

uint64_t loss_pattern(enum loss_kind kind, const real *scores, const int32_t *labels, int n, int classes,
                      uint64_t hash)
{
    for (int i = 0; kind == LOSS_SVM && i < n; i++) {
        const real *row = scores + (size_t)i * (size_t)classes;
        for (int k = 0; k < classes; k++)
            hash = hash_mix(hash, row[k] - row[labels[i]] + 1 > 0);
    }
    return hash;
}

void loss_probabilities(real *scores, int n, int classes)
{
    for (int i = 0; i < n; i++) {
        real *row = scores + (size_t)i * (size_t)classes;
        real top = row[largest(row, classes)];
        double sum = 0;
        for (int k = 0; k < classes; k++) {
            double e = exp_less(row[k], top);
            sum += e;
            row[k] = (real)e;
        }
        for (int k = 0; k < classes; k++)
            row[k] = (real)(row[k] / sum);
    }
}
