/* rows: rearranging what a query gave before it is printed: columns picked, renamed and put in order, a
 * column of JSON objects spread into one column per key, rows dropped.
 *
 * Ownership: results are the caller's, rows_fini; inputs are borrowed.
 */
#ifndef HONE_CLI_ROWS_H
#define HONE_CLI_ROWS_H

#include <stdbool.h>

#include "cli/options.h"
#include "sql/query.h"

struct rows_item {
    const char *column;           /* of the input; ROWS_RANK: 1, 2, 3, ... */
    const char *as;               /* its new name; NULL: the same */
    const struct text_list *keys; /* not NULL: a column of JSON objects, one column per key */
    const char *clash; /* before a name that another column has: "metric." for metric.lr; NULL: left alone */
};

#define ROWS_RANK "#"

/* A column that the input does not have is left out. */
void rows_arrange(const struct rows *in, const struct rows_item *items, size_t count, struct rows *out);

/* Every key of the JSON objects in a column, once, in alphabetical order; texts are the caller's to free. */
void rows_keys(const struct rows *in, const char *column, struct text_list *out);

/* Keeps the rows for which keep() is true. */
void rows_filter(struct rows *rows, bool (*keep)(const struct rows *rows, size_t row, void *arg), void *arg);

/* From {"columns": [...], "rows": [[...], ...]}, as a master answers a query. */
int rows_from_json(const struct json *json, struct rows *out, struct err *err);

int rows_find(const struct rows *rows, const char *column); /* -1: none */

/* Of the first row, where there is but one. */
const char *first_text(const struct rows *rows, const char *column);
int64_t first_int(const struct rows *rows, const char *column);

#endif
