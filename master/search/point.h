/* point: one value for each parameter of a space, in the space's order, unscaled.
 *
 * Points are kept as the trainer sees them, never as unit numbers: walls may move and a scale may be looked
 * at anew, old trials stay evidence. A parameter that is not active at this point is VALUE_OFF and is absent
 * from the JSON. Two points are equal when their values are, bit for bit; point_text gives one canonical line
 * for keys and messages.
 *
 * Refuses (point_read): unknown names, values outside the axis' kind, missing active parameters, values for
 * inactive ones. Values beyond [low, high] are let through when the parameter's limits allow them.
 * Ownership: point_init allocates, point_fini frees; a struct point copied by assignment only borrows.
 */
#ifndef HONE_MASTER_SEARCH_POINT_H
#define HONE_MASTER_SEARCH_POINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/json.h"
#include "common/str.h"
#include "master/search/param.h"

struct space;

struct point {
    struct value *v; /* space->count of them */
    int count;
};

void point_init(struct point *point, const struct space *space); /* all OFF */
void point_fini(struct point *point);                            /* fine on {0} */
void point_copy(struct point *to, const struct point *from);     /* `to` was initialised, of the same space */
void point_clone(struct point *to, const struct point *from);    /* `to` was not initialised */
bool point_equal(const struct point *a, const struct point *b);
uint64_t point_hash(const struct point *point); /* of the canonical values; stable within a space */

/* "lr=0.001 optimizer=adam": names and values in the space's order, inactive ones left out. */
void point_text(const struct space *space, const struct point *point, struct str *out);

/* {"lr":0.001,"hidden":64,"optimizer":"adam"}: ints without a fraction, choices in their own JSON type. */
void point_write(const struct space *space, const struct point *point, struct jw *w, const char *key);
/* `out` was initialised. `params` is the object that point_write wrote, or one that a user did. */
int point_read(const struct space *space, const struct jcur *params, struct point *out, struct err *err);

#endif
