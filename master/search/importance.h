/* importance: which parameters made the good trials good: PED-ANOVA (Watanabe, Bansal, Hutter, "PED-ANOVA:
 * efficiently quantifying hyperparameter importance in arbitrary subspaces", IJCAI 2023).
 *
 * For each parameter the density of the best tenth (at least 5 trials) is compared with that of all, on a
 * grid of up to 50 cells of its own scale, so that an lr from 1e-6 to 10 is judged in decades: D = sum p_all
 * (p_top / p_all - 1)^2. Both come from the trials themselves, so boxes that moved need no special case. No
 * forest, O(n) per parameter. A parameter is judged among the trials in which it was active; the zero of
 * or_zero is a cell of its own.
 *
 * Refuses (ERR_NO): fewer than 10 finished trials, or all of one score. Ownership: the caller's array.
 */
#ifndef HONE_MASTER_SEARCH_IMPORTANCE_H
#define HONE_MASTER_SEARCH_IMPORTANCE_H

#include "common/err.h"
#include "master/search/history.h"

struct importance {
    double share; /* of the sum over all parameters: 0 .. 1 */
    double raw;   /* D */
    int trials;   /* in which it was active */
};

/* out[i] of parameter i. */
int importance_ped(const struct space *space, const struct history *history, struct importance *out,
                   struct err *err);

/* How sure that is: as many finished trials drawn again, with replacement, `draws` times (bootstrap), on the cells of all
 * of them. shares[i * draws + d] of parameter i: from the d-th draw that could be judged. Returns how many could. */
int importance_again(const struct space *space, const struct history *history, int draws, double *shares);

#endif
