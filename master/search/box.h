/* box: where a study searches today: a low and a high wall for each numeric parameter, in its T-space, and
 * for each choice the values still tried. It begins as the space says and is moved by stages (stages.h) and
 * by walls that good trials lean on (walls.h); every change is a row of the store.
 *
 * Refuses: nothing; walls beyond a parameter's reach are cut there when values are made (param_nearest).
 * Ownership: the caller's storage, box_init / box_fini.
 */
#ifndef HONE_MASTER_SEARCH_BOX_H
#define HONE_MASTER_SEARCH_BOX_H

#include <stdbool.h>

#include "master/search/space.h"

struct box {
    struct span *walls; /* T-space of the lowest and highest value; a choice's are unused */
    bool **dropped;     /* by parameter; NULL for all but choices */
    int *kept;          /* choices not dropped */
    int count;
};

void box_init(struct box *box, const struct space *space); /* the study's own */
void box_fini(struct box *box);                            /* fine on {0} */
void box_clone(struct box *to, const struct box *from, const struct space *space);
bool box_equal(const struct box *a, const struct box *b, const struct space *space);
void box_drop(struct box *box, int param, int choice);

/* Unscaled ends of a numeric parameter's walls: exact at the study's own. */
struct span box_range(const struct box *box, const struct space *space, int param);
/* Position of a value between the walls: 0 at the low one, 1 at the high one; outside them beyond. False: the
 * value is OFF, a choice, or the zero of or_zero, and has no position. */
bool box_position(const struct box *box, const struct space *space, int param, struct value value, double *z);
bool box_holds(const struct box *box, const struct space *space, const struct point *point);

/* Walls moved outward to the next values of a stepped axis, and inward to its reach. */
struct span wall_snapped(const struct param *param, struct span wall);

/* The value of one parameter inside the box. */
struct value box_value(const struct box *box, const struct space *space, int param, double u);
/* space_point inside the box. */
void box_point(const struct box *box, const struct space *space, const double *u, struct point *out);

#endif
