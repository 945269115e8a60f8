/* lattice: all points that a list of values per parameter spans, numbered 0 .. count-1.
 *
 * Points that break a rule of the space are left out and counted. The first parameter (parents first) turns slowest. A parameter that is not active counts once, so
 * conditions make no duplicates. The points are kept as a table of digits: 4 bytes for each parameter with
 * more than one value, which bounds a lattice of 10^6 points to some 80 MB and makes both directions (number
 * -> point, point -> number) short.
 *
 * Refuses: more than LATTICE_MAX points, or 2^26 / parameters of them.
 * Ownership: lattice_init takes the axes; lattice_fini frees all.
 */
#ifndef HONE_MASTER_SEARCH_LATTICE_H
#define HONE_MASTER_SEARCH_LATTICE_H

#include <stdint.h>

#include "master/search/space.h"

enum { LATTICE_MAX = 1000000 };

struct axis {
    struct value *v; /* distinct */
    int count;       /* at least 1 */
};

struct lattice {
    const struct space *space; /* borrowed */
    struct axis *axes;         /* space->count of them */
    int *column;               /* of a parameter in the table; -1: it has only one value */
    int width;
    uint32_t *digits; /* [count][width], rising lexicographically */
    int64_t count;
    int64_t left_out; /* points that break a rule ("require") and have no number */
};

/* ERR_BAD: too many points (nothing is left to free). */
int lattice_init(struct lattice *lattice, const struct space *space, struct axis *axes);
void lattice_fini(struct lattice *lattice);

void lattice_point(const struct lattice *lattice, int64_t number, struct point *out);
int64_t lattice_number(const struct lattice *lattice, const struct point *point); /* -1: not on it */

/* Every value of every parameter. PRE: each is discrete. The caller's, as lattice_init takes them. */
struct axis *axes_in_full(const struct space *space);
struct axis axis_in_full(const struct param *param);

#endif
