/* nsga: a child of two good points, as the method nsga-ii makes it (nsga.c has the operators and their papers): each parent
 * is the better of two drawn from the list; crossed, mutated, inside the box, keeping the rules, and no point that a trial has.
 *
 * Pure in its arguments. Owns nothing.
 */
#ifndef HONE_MASTER_SEARCH_NSGA_H
#define HONE_MASTER_SEARCH_NSGA_H

#include "master/search/history.h"

/* `parents`: `count` of them, best first. `of`: which two it is of, the last two that were tried if nothing came of any: false,
 * after 50 children that were nothing new. */
bool nsga_child(const struct space *space, const struct history *history, uint64_t seed, uint32_t trial,
                const struct point *const *parents, int count, struct point *out, int of[2]);

#endif
