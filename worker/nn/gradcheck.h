/* gradcheck: is the gradient the derivative of the loss? Centred differences in double,
 * (f(w+h) - f(w-h)) / 2h, against the backward pass, on a sample of weights of every block.
 *
 * The error is |a-n| / max(|a|,|n|), 0 if both are, and at most 1e-8 where the two differ by no more than
 * rounding explains. A weight whose w+h and w-h lie on different sides of a kink (a ReLU, a maximum, a margin
 * that changed) has no derivative to compare with: it is counted and left out. Dropout keeps its mask, as it is
 * named by the pass; batchnorm uses the batch's moments. h is 1e-5, and where that disagrees also 1e-4 and
 * 1e-6: too large meets curvature, too small meets rounding, and a sweep shows where.
 *
 * Few samples (2 or 3) on purpose: fewer kinks, and a fault shows in each of them. Penalties are checked apart
 * from the data's loss, so that they cannot drown it. Borrows everything. */
#ifndef HONE_WORKER_NN_GRADCHECK_H
#define HONE_WORKER_NN_GRADCHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/trainer_layers.h"

struct net; /* the one in double */

enum { GRADCHECK_BLOCKS = 132, GRADCHECK_SWEEP = 8 };

/* What was found in the weights (or biases) of one layer. */
struct gradcheck_block {
    int layer; /* in the list of texts; layers.count for the last affine */
    enum layer_kind kind;
    bool is_bias;
    int checked, kinks, silent; /* weights compared, left out, with both sides 0 */
    double worst;               /* largest relative error */
    double analytic, numeric;   /* of the worst */
};

struct gradcheck {
    struct gradcheck_block blocks[GRADCHECK_BLOCKS];
    int count;
    int checked, kinks;
    double worst;
    double sweep_h[GRADCHECK_SWEEP],
        sweep_error[GRADCHECK_SWEEP]; /* median error of a few weights for each h */
};

struct gradcheck_options {
    double l1, l2;
    int per_block; /* weights to compare in each block */
    uint64_t seed; /* which ones, and the dropout mask */
};

/* x (n, in), labels (n). The net's weights are the same afterwards. */
void gradcheck_run(struct net *net, const double *x, const int32_t *labels, int n,
                   const struct gradcheck_options *options, struct gradcheck *out);

/* Takes a few small steps on the samples, so that the check sees a net in its working state and not only the
 * special one it starts in. */
void gradcheck_burn_in(struct net *net, const double *x, const int32_t *labels, int n, int steps,
                       uint64_t seed);

#endif
