/* given: a point that somebody names, in whole or in part ("enqueue"). Parameters that are not named get the values of
 * the trial's own random point, inside today's box, so that the point is a function of what was named, the history's
 * box, the seed and the trial number: replay computes it again. Where that breaks a rule ("require"), or leaves a named one
 * without its `when`, what is not named is drawn anew, from numbers that are the same for all trials, up to 10,000 times.
 *
 * Refuses with path and hint: points that break a rule, unknown names, values the axis cannot take or its limits do not allow, values for
 * parameters whose `when` does not hold, whatever is drawn. Ownership: the caller's.
 */
#ifndef HONE_MASTER_SEARCH_GIVEN_H
#define HONE_MASTER_SEARCH_GIVEN_H

#include "common/json.h"
#include "master/search/history.h"

/* `out` was initialised. Trial 0: without a random point of its own. */
int given_point(const struct space *space, const struct history *history, uint64_t seed, uint32_t trial,
                const struct jcur *given, struct point *out, struct err *err);

/* Is every name known, every value possible, and a point to be found for every trial, in the box of this moment? */
int given_check(const struct space *space, const struct history *history, const struct jcur *given,
                struct err *err);

#endif
