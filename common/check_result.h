/* check_result: what one check before training found, the same in the trainer that measures, on the wire, in the
 * store and in the table for people.
 *
 * The gates, in the order of the doors a trainer has to pass: G1 gradients, G2 first loss, G3 overfit twenty samples,
 * data (no number: it is about the samples), G4 one epoch runs, G5 the same seed gives the same numbers, G6 killed
 * and resumed gives the same curve. A verdict is one of five words, from best to worst; `skipped` says in its text why.
 *
 * Plain values: texts have bounds and are cut, nothing is to be freed. */
#ifndef HONE_COMMON_CHECK_RESULT_H
#define HONE_COMMON_CHECK_RESULT_H

#include <stdbool.h>

#include "common/json.h"

enum verdict { VERDICT_SKIPPED, VERDICT_GOOD, VERDICT_FINE, VERDICT_SUSPICIOUS, VERDICT_WRONG };

struct check_result {
    char gate[8];  /* G1 to G6, data */
    char name[24]; /* gradient, initial loss, … */
    char part[48]; /* layer and block, "layer 2 affine bias"; "": the whole */
    enum verdict verdict;
    double value, expected; /* what was measured, and what it was held against; NaN: none */
    char text[400];         /* the reason, with numbers */
    char hint[240];         /* what to do; "" if all is well */
};

const char *verdict_name(enum verdict verdict);
bool verdict_parse(const char *name, enum verdict *out);

/* A result without numbers. */
void check_result_set(struct check_result *out, const char *gate, const char *name, enum verdict verdict,
                      const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* As an object: a member under `key`, or an element or the root if key is NULL. */
void check_result_write(const struct check_result *result, struct jw *w, const char *key);
/* False if it is no result: then *out is not to be used. */
bool check_result_read(const struct json *object, struct check_result *out);

#endif
