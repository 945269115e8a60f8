/* row_json: rows of a query as JSON, with every column under its name and every digit. */
#ifndef HONE_SQL_ROW_JSON_H
#define HONE_SQL_ROW_JSON_H

#include "common/json.h"
#include "sql/query.h"

/* A member under `key`, or an element if key is NULL. */
void cell_json(struct jw *w, const char *key, const struct cell *cell);
void row_json(struct jw *w, const char *key, const struct rows *rows, size_t row);
void rows_json(struct jw *w, const char *key, const struct rows *rows); /* an array of them */

#endif
