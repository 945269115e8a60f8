/* query: reading. Read-only connections, each statement a transaction of its own and shorter than a second, so
 * that no reader ever holds up the master. Every named statement stands in queries.sql; what people ask of the
 * database by hand stands in views.sql.
 *
 * A result is rows of typed cells, so that one printer serves tables, CSV and JSON, and the same rows can come
 * from a master over the wire. Ownership: the caller's struct rows, rows_fini. A struct query is one thread's.
 */
#ifndef HONE_SQL_QUERY_H
#define HONE_SQL_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/json.h"

enum cell_kind { CELL_NULL, CELL_INT, CELL_NUM, CELL_TEXT };

struct cell {
    enum cell_kind kind;
    int64_t integer;
    double number;
    char *text;
};

struct rows {
    int cols;
    char **names;
    size_t count, room;
    struct cell *cells; /* row-major: count * cols */
};

struct bind {
    const char *name; /* ":study" */
    struct cell value;
};

#define BIND_INT(n, v) ((struct bind){(n), {.kind = CELL_INT, .integer = (v)}})
#define BIND_NUM(n, v) ((struct bind){(n), {.kind = CELL_NUM, .number = (v)}})
#define BIND_TEXT(n, v) \
    ((struct bind){(n), {.kind = (v) ? CELL_TEXT : CELL_NULL, .text = (char *)(uintptr_t)(v)}})

struct query;

/* ERR_GONE: no such file; ERR_REACH: locked by a master with --network-db (ask the master instead). */
int query_open(const char *path, struct query **out, struct err *err);
void query_close(struct query *query);

/* Runs a named statement of queries.sql. */
int query_run(struct query *query, const char *name, const struct bind *binds, int bind_count,
              struct rows *out, struct err *err);
/* Runs one SELECT of the user's (`hone sql`); anything that writes is refused. max_rows 0: no bound. */
int query_sql(struct query *query, const char *sql, size_t max_rows, struct rows *out, struct err *err);

/* A copy of the whole database as of now, whole or not at all, whether a master is writing or not. Replaces an
 * older copy, refuses to replace anything else. */
int query_backup(const char *db_path, const char *to_path, struct err *err);

/* Of what the file and its WAL look like from outside: another number after a write, but for one that follows another
 * within some milliseconds. Opens nothing. */
uint64_t query_stamp(const char *path);

/* Address of the running master as the database knows it; "" if none. */
int query_address(struct query *query, char *out, size_t room, struct err *err);

const struct cell *rows_cell(const struct rows *rows, size_t row, int col);
const struct cell *rows_named(const struct rows *rows, size_t row,
                              const char *col); /* NULL if no such column */
int64_t cell_int(const struct cell *cell);
double cell_num(const struct cell *cell);       /* NaN when null */
const char *cell_text(const struct cell *cell); /* "" unless text */
void rows_fini(struct rows *rows);

#endif
