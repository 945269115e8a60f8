/* curves: learning curves as pruners see them, always maximised, and of the trainings that ran to their end what others are
 * compared with: the running means of each epoch in order, and the best end.
 *
 * Kept so while trainings end: one more costs a binary search and one move of memory for each of its epochs, a question
 * nothing, whatever the number of trials. It is a function of the curves that are in it, in any order (tests/unit/test_prune
 * holds it against the plain rule); nothing is ever taken out: who has to begins again. Ownership: finished_fini frees; fine
 * on {0}, which is nobody. Curves are borrowed for the call. */
#ifndef HONE_MASTER_SEARCH_CURVES_H
#define HONE_MASTER_SEARCH_CURVES_H

#include <stddef.h>
#include <stdint.h>

/* The metric after epochs 1 .. count, maximised. */
struct curve {
    const double *value;
    int count;
};

double curve_best(struct curve curve, int epoch); /* up to that epoch; -INFINITY: none */

/* Running averages of one epoch, rising. */
struct means {
    double *list;
    size_t count, room;
};

struct finished {
    struct means *at; /* by epoch, from 1; of curves that are finite up to it */
    size_t epochs, room;
    int count;              /* curves */
    double best, best_last; /* of all their values, and of their last ones; of nobody 0 */
    uint64_t *since;        /* by trial - 1: 0 is not in it */
    size_t trials, trial_room;
    uint64_t seen; /* changes of a history, for whom it follows */
};

void finished_fini(struct finished *finished);
/* `since`, not 0: finished_since gives it back. PRE: it is not in there yet. */
void finished_add(struct finished *finished, uint32_t trial, uint64_t since, struct curve curve);
uint64_t finished_since(const struct finished *finished, uint32_t trial); /* 0: it is not in there */

/* The median of the running averages up to this epoch, of so many; -INFINITY of none. */
double finished_median(const struct finished *finished, int epoch, int *of);

#endif
