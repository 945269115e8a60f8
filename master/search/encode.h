/* encode: points of a space as vectors a kernel can measure distances between.
 *
 * Every numeric parameter becomes a number from 0 to 1 over the model's range: the hull of today's box and
 * all points it is shown, in T-space, cells included, so that nothing is lost when walls move. An ordered
 * choice is its place. A choice without order is its index, and differs or not (distance 0 or 1). "or_zero"
 * adds a column of that kind, the number itself is then 0. What is not active lies in the middle.
 *
 * Ownership: encode_init allocates, encode_fini frees; the space is borrowed.
 */
#ifndef HONE_MASTER_SEARCH_ENCODE_H
#define HONE_MASTER_SEARCH_ENCODE_H

#include "master/search/box.h"

enum column_kind { COLUMN_LINE, COLUMN_CHOICE, COLUMN_ZERO };

struct column {
    enum column_kind kind;
    int param;
};

struct encode {
    const struct space *space;
    struct column *columns; /* lines first */
    int count;
    struct span *range; /* by parameter: T-space that 0 .. 1 stands for */
};

void encode_init(struct encode *encode, const struct space *space, const struct box *box);
void encode_fini(struct encode *encode);
void encode_widen(struct encode *encode, const struct point *point); /* the hull takes it in */

void encode_point(const struct encode *encode, const struct point *point, double *x);
/* The value that column `c` (a line) has at x, inside the box. */
struct value encode_value(const struct encode *encode, const struct box *box, int c, double x);
/* Today's walls in the column's units. */
struct span encode_walls(const struct encode *encode, const struct box *box, int c);

#endif
