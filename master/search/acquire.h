/* acquire: the point with the largest log expected improvement under a Gaussian process, inside a box; on a discrete
 * space under extra-trees if they are given.
 *
 * 200 random points and 200 mutants of the best one (each coordinate with probability 1/2, sd 0.05 of the
 * box); from the best four, in turns until neither helps: BFGS over the continuous columns, and for every
 * discrete one its neighbours, some longer steps, or all choices. Points within a thousandth of one that is
 * there lose 3 nats, lest the search circles in one valley; on a discrete space what is there is no candidate
 * at all. (Log EI: Ament et al., "Unexpected improvements to expected improvement", NeurIPS 2023.)
 *
 * Ownership: all borrowed; nothing is kept.
 */
#ifndef HONE_MASTER_SEARCH_ACQUIRE_H
#define HONE_MASTER_SEARCH_ACQUIRE_H

#include "common/rng.h"
#include "master/search/evidence.h"
#include "master/search/extra_trees.h"
#include "master/search/gp.h"

struct acquire {
    const struct space *space;
    const struct box *box;
    const struct encode *encode;
    struct gp *gp;
    const struct extra_trees *trees; /* asked in its place; NULL: none */
    const struct history *history;   /* what is there already */
    const struct point *incumbent;   /* mutants start from it */
    double best; /* least posterior mean at an observed point; of trees the least observed */
    struct rng rng;
};

/* Its log EI; `out` was initialised. -INFINITY: every candidate is there already. */
double acquire_point(struct acquire *acquire, struct point *out);

#endif
