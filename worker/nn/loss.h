/* loss: what a batch of scores is worth, and its gradient. Means over the batch, without weight penalties.
 *
 *   softmax  -ln(e^s_y / sum_j e^s_j), the largest score subtracted first; ln(classes) for equal scores
 *   svm      sum_{j != y} max(0, s_j - s_y + 1), the multiclass form of Weston and Watkins; classes-1 for
 * equal scores
 */
#ifndef HONE_WORKER_NN_LOSS_H
#define HONE_WORKER_NN_LOSS_H

#include <stdint.h>

#include "worker/nn/real.h"

#define loss_batch NN(loss_batch)
#define loss_pattern NN(loss_pattern)
#define loss_probabilities NN(loss_probabilities)

enum loss_kind { LOSS_SOFTMAX, LOSS_SVM };

struct loss_sum {
    double loss; /* mean over the batch */
    int correct; /* samples whose largest score is the label's; the first of equals counts */
};

/* scores (n, classes), labels (n); d (n, classes) receives dloss/dscores, NULL if not wanted. */
struct loss_sum loss_batch(enum loss_kind kind, const real *scores, const int32_t *labels, int n, int classes,
                           real *d);

/* Folds which margins are active into a hash; softmax has no kinks. */
uint64_t loss_pattern(enum loss_kind kind, const real *scores, const int32_t *labels, int n, int classes,
                      uint64_t hash);

/* Softmax of each row of scores (n, classes), in place. */
void loss_probabilities(real *scores, int n, int classes);

#endif
