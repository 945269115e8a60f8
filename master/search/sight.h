/* sight: the finished trials of a study as its walls see them: one observation for each group, at most 512 of them
 * (past that the best 256 and the newest 256), with their positions in the box, ranks and normal scores, and a
 * quadratic in the positions of all numeric parameters, fitted once for all walls.
 *
 * Ownership: sight_init allocates, sight_fini frees; space, box and history are borrowed.
 */
#ifndef HONE_MASTER_SEARCH_SIGHT_H
#define HONE_MASTER_SEARCH_SIGHT_H

#include "master/search/box.h"
#include "master/search/evidence.h"
#include "master/search/slope.h"

struct sight {
    const struct space *space;
    const struct box *box;
    struct evidence ev;
    const struct observed **who; /* by rising trial number */
    int n;
    double *score, *normal; /* Blom's normal scores; bad trials last */
    int *order;             /* best first */
    double *z;              /* [param][n]; NAN: no position */
    bool has_fit;
    struct slope fit; /* over the parameters that every one of them has */
    int *term;        /* by parameter: its place in the fit; -1: none */
};

void sight_init(struct sight *sight, const struct space *space, const struct history *history,
                const struct box *box);
void sight_fini(struct sight *sight);

static inline const double *sight_row(const struct sight *sight, int param)
{
    return sight->z + (long)param * sight->n;
}

/* How much of the scatter of the normal scores the fit explains, beyond what as many random columns would: at most 1,
 * about 0 where there is nothing to be seen. NAN: no fit. */
double sight_structure(const struct sight *sight);

/* Normal scores and order (best first) of n scores. */
void sight_rank(const double *score, int n, double *normal, int *order);

#endif
