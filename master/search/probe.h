/* probe: one point just beyond a wall, where the best trials pile up and nothing else can tell.
 *
 * A model sees no more than the box shows it: where a net trains at one width and the last learning rate alone, the
 * rest is chance and no slope is beyond doubt. So the next proposal is the best trial with this parameter half a
 * box width beyond the wall; what it finds decides (walls.h).
 *
 *   when    one of the best three of at least 12 results lies in the outer tenth, and the wall may move by itself
 *   where   half the width the box began with, or half of the way to the nearest that was tried there; nowhere, where
 *           that breaks a rule of the space
 *   again   after 16 results more for every trial that lies beyond this wall already, 4 for one that diverged
 *   gain    by how much the best of those beyond beats the best of the rest, in units of what that is better
 *           than the rest's median: a parameter that does nothing gains nothing, but for noise
 *
 * Pure functions of (space, history). Methods with stages judge their walls themselves and are not probed.
 */
#ifndef HONE_MASTER_SEARCH_PROBE_H
#define HONE_MASTER_SEARCH_PROBE_H

#include "master/search/sampler.h"

/* A wall to look behind? Then `out` and the note are filled in. */
bool probe_point(const struct space *space, enum boundary study, const struct history *history,
                 struct point *out, struct proposal *note);

/* What lies beyond a wall. */
struct beyond {
    double gain;    /* -INFINITY: nothing, or nothing with a score */
    double nearest; /* distance of the nearest that diverged, in box widths; INFINITY: none */
    double tried;   /* the same of the nearest at all */
    int scored, bad, pending;
};
struct beyond probe_beyond(const struct space *space, const struct history *history, const struct box *box,
                           int param, int side);

#endif
