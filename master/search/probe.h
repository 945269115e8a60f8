/* probe: one point beyond a wall, where nothing inside the box can tell whether it is in the way.
 *
 * A model sees no more than the box shows it: where a net trains at the last learning rate alone, the rest is chance
 * and no slope is beyond doubt; and points that a model chose prove nothing by where they lie, for it puts them into
 * corners itself. So the next proposal is a trial from inside with this one parameter beyond the wall: a pair. Three
 * kinds, in this order:
 *
 *   confirm   a pair has gained, but not enough to be sure: the best inside that has no partner there is taken to the
 *             same place, at once; up to six pairs, as long as there are no more losses than gains
 *   probe     one of the best three of at least 12 results lies in the outer tenth: that one, half the width the box
 *             began with beyond the wall, or half of the way to the nearest that was tried there; again after 16 l
 *             results more for l losses, 4 b^2 for b that diverged, and no more
 *             than 8 and an eighth of the results beyond all walls
 *   scout     what was tried shows no structure (a quadratic in all parameters explains less than a third of the
 *             scatter of the ranks): nothing is learned anywhere. The best one goes one box width beyond each wall,
 *             then two, as far as the limits go; no more than a fifth of the results, and not past 120 of them
 *
 *
 * What a pair says, beyond.h has; docs/walls.md has the measurements. Points that would break a rule of the space are left out. Pure functions of (space,
 * history). Methods with stages judge their walls themselves, and a slope is proof enough where points depend on nothing but
 * trial numbers: neither is probed.
 */
#ifndef HONE_MASTER_SEARCH_PROBE_H
#define HONE_MASTER_SEARCH_PROBE_H

#include "master/search/atlas.h"
#include "master/search/sampler.h"

/* A wall to look behind? The atlas has followed the history. Then `out` and the note are filled in. */
bool probe_point(const struct atlas *atlas, enum boundary study, const struct history *history,
                 struct point *out, struct proposal *note);

#endif
