/* parzen: a density over points from a group of observed ones, as TPE builds it (Optuna 5's multivariate
 * estimator).
 *
 * A mixture of one kernel for each point and one prior kernel; a kernel is a product over parameters:
 *   numeric   normal around T(x), truncated to the box (cells of stepped axes: the mass between their ends);
 *             width: the larger gap to a neighbouring point of the group, the outermost ones their inner gap,
 *             clipped to [range / min(100, m + 2), range]; prior: the middle, as wide as the range
 *   choice    (1[same] + 1/(m+1)) / (1 + C/(m+1)); prior: the choices' own weights
 *   or_zero   "is it zero" as a choice of two, and the numeric kernel where it is not
 * Weights: the newest 25 points 1, older ones falling to 1/m; prior 1.
 *
 * Ownership: parzen_init allocates, parzen_fini frees; space and box are borrowed.
 */
#ifndef HONE_MASTER_SEARCH_PARZEN_H
#define HONE_MASTER_SEARCH_PARZEN_H

#include <stdbool.h>

#include "common/rng.h"
#include "master/search/atlas.h"
#include "master/search/box.h"

/* One of its parameters; arrays by kernel. */
struct axis {
    struct span range;  /* cells and all, in T-space */
    double *mu, *scale; /* centre, 1 / sigma; NULL: choices without an order */
    double *
        constant; /* log of truncated mass and, on continuous axes, of sigma; NULL: it always counts, and is in `base` */
    int *seen; /* choice, or whether it is the zero, of the kernel's point; -1: prior. NULL: neither */
    int *same; /* stepped: first kernel with this centre and width; NULL: continuous */
};

struct parzen {
    const struct space *space;
    const struct box *box;
    const int *params; /* which parameters of the space, parents first; borrowed */
    int dims, kernels; /* the last kernel is the prior */
    double *log_weight;
    double *base; /* by kernel: log of weight, less the constants of all axes that have none of their own */
    struct axis *axes;
    double *block; /* what the arrays of all axes are slices of */
};

/* `points`: m of them, by rising trial number, each with every one of these parameters active. */
void parzen_init(struct parzen *parzen, const struct space *space, const struct box *box, const int *params,
                 int dims, const struct point *const *points, int m);
/* The same of entries of the history that an atlas follows: places and their order are read off it. */
void parzen_read(struct parzen *parzen, struct atlas *atlas, const struct box *box, const int *params,
                 int dims, const struct point *const *points, const int *entries, int m);
void parzen_fini(struct parzen *parzen);

/* Log density (mass, on stepped axes and choices) of the values of its parameters in each of the points, in
 * T-space. */
void parzen_log(const struct parzen *parzen, const struct point *points, int count, double *out);
/* The same, but of or_zero only whether the value is zero counts: a peak of the range is worth nothing against the zero,
 * which has none. False, and nothing is done: none of its parameters has or_zero. */
bool parzen_log_zeros(const struct parzen *parzen, const struct point *points, int count, double *out);
/* Log probability that a kernel gives to one of `count` categories, of which it has seen one; the prior (-1) its mass. */
double parzen_log_category(const struct parzen *parzen, int seen, int category, int count, double mass);
/* Draws values for its parameters into `point`. */
void parzen_draw(const struct parzen *parzen, struct rng *rng, struct point *point);

/* Weights before the prior's is appended and all are normalised; for their table. */
void parzen_weights(int m, double *weights);

#endif
