/* feasible: points that keep the rules of a space ("require"), for methods whose own points may break them.
 *
 * Rejection first: fine where a good part of the space keeps the rules. Where hardly any does, a walk: from a point that is
 * known to keep them, one parameter after the other is drawn anew between the walls, and again nearer to where it was
 * while that breaks a rule (slice sampling with shrinkage; Neal, Annals of Statistics 31, 2003), ten times round. Whoever
 * walks says so in the proposal's row.
 *
 * Pure in (space, box, history, rng). Ownership: plain values; points are the caller's.
 */
#ifndef HONE_MASTER_SEARCH_FEASIBLE_H
#define HONE_MASTER_SEARCH_FEASIBLE_H

#include "common/rng.h"
#include "master/search/history.h"

enum { FEASIBLE_DRAWS = 1000 }; /* rejected before a walk begins */

/* A walk begins at the best trial inside the box that keeps the rules, else at their witness (require.h), which may lie
 * outside the box. Returns the number of that trial, 0 for the witness. PRE: the space has rules. */
uint32_t feasible_walk(const struct space *space, const struct box *box, const struct history *history,
                       struct rng *rng, struct point *out);

#endif
