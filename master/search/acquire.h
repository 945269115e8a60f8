/* acquire: the point with the largest log expected improvement under a Gaussian process, weighted by how many of the
 * better trials lie there: log EI + min(1, m / 5) log l, inside a box.
 *
 * l is the density of the m better trials (parzen.h, as TPE has it). A process that is the same everywhere knows nothing of a
 * far corner and expects as much of it as of what is left between good trials; yet good ones lie together. (A density
 * over the optimum as a factor of EI: Hvarfner et al., "piBO", ICLR 2022, there the user's belief.)
 *
 * 100 random points, 100 mutants of the best one (each coordinate with probability 1/2, sd 0.05 of the box) and 200 draws
 * from l; from the best four, in turns until neither helps: BFGS on log EI over the continuous columns, and for every
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
#include "master/search/gp.h"
#include "master/search/parzen.h"

struct acquire {
    const struct space *space;
    const struct box *box;
    const struct encode *encode;
    struct gp *gp;
    const struct history *history; /* what is there already */
    const struct point *incumbent; /* mutants start from it */
    const struct parzen *good;     /* where the better trials lie; NULL: anywhere */
    double best;                   /* least posterior mean at an observed point */
    struct rng rng;
};

/* That value; `out` was initialised. -INFINITY: every candidate is there already. */
double acquire_point(struct acquire *acquire, struct point *out);

#endif
