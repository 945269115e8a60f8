/* require: rules that every point of a study keeps, from "require" of the study file.
 *
 *   "require": ["hidden1 >= hidden2", "optimizer == \"adam\" or momentum > 0.5", "batch * hidden <= 1e5"]
 *
 *   or       or and, left to right; `||`, `&&` and `!` are taken too
 *   compare  == != < <= > >=, also in a chain: 16 <= hidden2 <= hidden1
 *   sum      + - * / and % (the remainder of fmod), then ^ or ** (to the right, and above a minus: -x^2 is -(x^2))
 *   value    1e-3, a parameter's name, "text" or 'text', true, false, (...)
 *   call     min max (of 1 to 16), abs sqrt exp log (natural) log2 log10 floor ceil round
 *
 * Types are checked once, here: a choice of numbers is a number, one of true and false is a truth, any other is a text,
 * which is compared with one of its own choices; < and its like need "ordered": true.
 *
 * What a rule is worth at a point. A parameter that is not active has no value there, and whatever is made of it is
 * *unknown*, except that false `and` unknown is false, true `or` unknown is true. A rule that is unknown holds. A result
 * that is no finite number (1/0, log(-1), 0/0) *fails* the whole rule, `not` or no `not`, unless the left side of an
 * `and` or `or` has decided already: "x == 0 or y / x < 2" is well. The same serves half a point: parameters that are
 * still to be drawn are OFF.
 *
 * Refuses with file, path, column and hint: what does not parse, names that are no parameters, texts no choice has, more
 * than 64 rules, 1000 bytes or 64 levels a rule, and rules that no point of the space keeps (all of its points where they
 * can be listed, else 100,000 random ones). Ownership: the space's; space_fini frees. Pure.
 */
#ifndef HONE_MASTER_SEARCH_REQUIRE_H
#define HONE_MASTER_SEARCH_REQUIRE_H

#include <stdbool.h>

#include "common/err.h"
#include "common/json.h"
#include "master/search/point.h"

struct space;
struct require;

/* "require" of a study file into space->require; absent is fine. PRE: the space is parsed. */
int require_parse(const struct jcur *cur, struct space *space, struct err *err);
void require_free(struct require *require); /* NULL is fine */

/* The first rule that the point breaks, from 0; -1: none, as wherever a space has no rules. */
int require_broken(const struct space *space, const struct point *point);
bool require_holds(const struct space *space, const struct point *point);
/* Its text, as the study file has it. Borrowed. */
const char *require_text(const struct space *space, int rule);
/* Some point that keeps all rules, of the space's own box; PRE: there are rules. Borrowed. */
const struct point *require_witness(const struct space *space);

#endif
