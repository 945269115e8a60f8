/* space: the named axes of a study, parsed from the "space" object of the study file.
 *
 *   "lr":        {"log": [1e-6, 10], "limits": [1e-9, 100]}
 *   "l2":        {"log": [1e-6, 1], "or_zero": 0.1}
 *   "dropout":   {"uniform": [0, 0.8], "step": 0.1}
 *   "momentum":  {"logit": [0.5, 0.999], "when": {"optimizer": ["momentum"]}}
 *   "hidden":    {"int": [16, 512], "log": true}
 *   "batch":     {"values": [16, 32, 64, 100]}
 *   "optimizer": {"choice": ["sgd", "momentum", "adam"], "weights": [1, 1, 2]}
 *   "width":     {"choice": ["small", "medium", "large"], "ordered": true}
 *
 * "when": every named parent must have one of the listed values; the parent is a choice, an int or a list of
 * values. "limits": how far a wall may ever move (null: open). "boundary": expand, ask, warn or off. "values"
 * beside another distribution are the points a grid visits.
 *
 * Refuses, with path and hint: unknown keys, two distributions or none, low >= high, low <= 0 on a log axis,
 * more than 1000 parameters, names that differ only in case, a `when` on a missing parameter or on a value
 * the parent cannot take, cycles, empty or duplicate choices, a step larger than its range. Ownership: the
 * caller's storage; space_fini frees what space_parse put in.
 */
#ifndef HONE_MASTER_SEARCH_SPACE_H
#define HONE_MASTER_SEARCH_SPACE_H

#include "common/err.h"
#include "common/json.h"
#include "master/search/param.h"
#include "master/search/point.h"

enum { SPACE_MAX_PARAMS = 1000 };

struct require;

struct space {
    struct param *params; /* in the order of the file */
    int count;
    int *order; /* indices, every parent before its children: the order in which a point is filled */
    struct require *require; /* rules that points keep (require.h); NULL: none */
};

/* On failure nothing is left to free. */
int space_parse(const struct jcur *cur, struct space *out, struct err *err);
void space_fini(struct space *space);

int space_find(const struct space *space, const char *name); /* index, -1: none */
/* Does the `when` of parameter i hold? Looks only at its parents, which must be filled in. */
bool space_is_active(const struct space *space, const struct point *point, int i);
bool space_has_conditions(const struct space *space);
/* At most this many distinct points; -1: infinitely many. Counts inactive axes too, stops at 2^53. */
int64_t space_bound(const struct space *space);

/* Fills the point in parents-first order from one unit number per parameter: inactive ones become OFF. */
void space_point(const struct space *space, const double *u, struct point *out);
/* Every value on its axis and inside [low, high] (or the limits, where walls may move), activity as it must
 * be; for our own checks. */
bool space_holds(const struct space *space, const struct point *point);

#endif
