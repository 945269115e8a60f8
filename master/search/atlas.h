/* atlas: where the points of a history lie on each axis of their space, in T-space, and in which order: what a model would
 * work out again at every proposal, of which one trial is new.
 *
 * A cache, a function of (space, history): it goes on where the history has only grown, which its chain of hashes says
 * (history.h), and begins again otherwise. Boxes do not matter to it. Unordered choices have no axis, OFF and the zero of
 * or_zero no place. Ownership: atlas_new allocates, atlas_free frees (NULL is fine); the space is borrowed.
 */
#ifndef HONE_MASTER_SEARCH_ATLAS_H
#define HONE_MASTER_SEARCH_ATLAS_H

#include "master/search/history.h"
#include "master/search/place.h"

struct chart {
    double *place;         /* by entry of the history; NAN: none. NULL: an unordered choice */
    struct placed *sorted; /* those that have a place, by rising place, then entry; `kernel` is the entry */
    int placed;
    double *mass; /* by entry: of a normal around its place, what lies in `range`; NAN: not worked out yet */
    struct span range;
    double sigma; /* of those normals */
};

struct atlas {
    const struct space *space;
    struct chart *charts; /* by parameter */
    size_t count, room;   /* entries */
    uint64_t chain;       /* of the last */
};

struct atlas *atlas_new(const struct space *space);
void atlas_free(struct atlas *atlas);
/* Takes in what is new. */
void atlas_follow(struct atlas *atlas, const struct history *history);

/* Room to keep, by entry, what of a normal of this width around its place lies in the range; NAN where nobody has filled it
 * in. Another range or width empties it. */
double *atlas_masses(struct atlas *atlas, int param, struct span range, double sigma);

#endif
