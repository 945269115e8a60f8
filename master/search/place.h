/* place: an axis as a density's kernels see it: where a value lies on it, the cell around the value of a stepped one, and
 * the order of many. Choices without an order have no place, they are told apart only; neither has the zero of or_zero.
 *
 * Refuses nothing. Owns nothing.
 */
#ifndef HONE_MASTER_SEARCH_PLACE_H
#define HONE_MASTER_SEARCH_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "master/search/param.h"

static inline bool is_line(const struct param *p)
{
    return p->dist != DIST_CHOICE || p->ordered;
}

static inline bool is_zero(const struct param *p, struct value v)
{
    return p->or_zero > 0 && v.num == 0;
}

/* In T-space; of an ordered choice its number. */
static inline double place_of(const struct param *p, struct value v)
{
    return p->dist == DIST_CHOICE ? v.choice : param_scale(p, v.num);
}

static inline struct span place_cell(const struct param *p, struct value v)
{
    return param_cell(p, p->dist == DIST_CHOICE ? v.choice : v.num);
}

struct placed {
    double t;
    int kernel;
    uint32_t key; /* the sort's own */
};

/* By rising t; of equals the one that came first stays first. `spare` has room for n as well. */
void place_sort(struct placed *list, struct placed *spare, int n);

#endif
