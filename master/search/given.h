/* given: a point that somebody names, in whole or in part ("enqueue"). Parameters that are not named get the values of
 * the trial's own random point, inside today's box, so that the point is a function of what was named, the history's
 * box, the seed and the trial number: replay computes it again. Where that breaks a rule ("require"), what is not named is
 * drawn anew, from numbers that are the same for all trials, up to 10,000 times.
 *
 * Refuses with path and hint: points that break a rule, unknown names, values the axis cannot take or its limits do not allow, values for
 * parameters whose `when` does not hold. Ownership: the caller's.
 */
#ifndef HONE_MASTER_SEARCH_GIVEN_H
#define HONE_MASTER_SEARCH_GIVEN_H

#include "common/json.h"
#include "master/search/history.h"

/* `out` was initialised. */
int given_point(const struct space *space, const struct history *history, uint64_t seed, uint32_t trial,
                const struct jcur *given, struct point *out, struct err *err);

/* Is every name known and every value possible? For a study file, before there is a history. */
int given_check(const struct space *space, const struct jcur *given, struct err *err);

#endif
