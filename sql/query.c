#include "sql/query.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "sql/backup.h"
#include "sql/query_inner.h"
#include "sql/query_parts.h"
#include "sql/stmt.h"

/* A statement is stopped by its work, not by the clock: a step of SQLite's virtual machine takes some 30 ns, so a
 * reader ends after half a minute (longer, it would hold up the WAL for everyone), a borrowed connection after a
 * second (longer, it would hold up the master's loop). */
enum {
    STEPS_PER_LOOK = 100000,
    LOOKS_MAX = 10000,
    LOOKS_BORROWED_MAX = 300,
    RETRIES = 3,
};

/* ---- running ---- */

static void bind_cell(sqlite3_stmt *stmt, int i, const struct cell *cell)
{
    switch (cell->kind) {
    case CELL_NULL: sqlite3_bind_null(stmt, i); break;
    case CELL_INT: sqlite3_bind_int64(stmt, i, cell->integer); break;
    case CELL_NUM: sqlite3_bind_double(stmt, i, cell->number); break;
    case CELL_TEXT: sqlite3_bind_text(stmt, i, cell->text, -1, SQLITE_TRANSIENT); break;
    }
}

/* Parameters that the caller leaves out are NULL: "any". */
static void bind_all(sqlite3_stmt *stmt, const struct bind *binds, int count)
{
    sqlite3_clear_bindings(stmt);
    for (int i = 0; i < count; i++) {
        int at = sqlite3_bind_parameter_index(stmt, binds[i].name);
        PRE(at > 0);
        bind_cell(stmt, at, &binds[i].value);
    }
}

static struct cell take_cell(sqlite3_stmt *stmt, int col)
{
    switch (sqlite3_column_type(stmt, col)) {
    case SQLITE_INTEGER: return (struct cell){.kind = CELL_INT, .integer = sqlite3_column_int64(stmt, col)};
    case SQLITE_FLOAT: return (struct cell){.kind = CELL_NUM, .number = sqlite3_column_double(stmt, col)};
    case SQLITE_TEXT:
    case SQLITE_BLOB: {
        const char *text = (const char *)sqlite3_column_text(stmt, col);
        return (struct cell){.kind = CELL_TEXT, .text = xstrdup(text ? text : "")};
    }
    default: return (struct cell){.kind = CELL_NULL};
    }
}

static void take_row(sqlite3_stmt *stmt, struct rows *out)
{
    size_t cells = (out->count + 1) * (size_t)out->cols;
    GROW(out->cells, out->room, cells);
    for (int i = 0; i < out->cols; i++)
        out->cells[out->count * (size_t)out->cols + (size_t)i] = take_cell(stmt, i);
    out->count++;
}

static int too_long(void *arg)
{
    struct query *query = arg;
    return --query->looks_left < 0;
}

/* Only while a statement runs: a borrowed connection is a writer the rest of the time. */
static void guard(struct query *query)
{
    query->looks_left = query->path ? LOOKS_MAX : LOOKS_BORROWED_MAX;
    sqlite3_progress_handler(query->conn->db, STEPS_PER_LOOK, too_long, query);
}

static void unguard(struct query *query)
{
    sqlite3_progress_handler(query->conn->db, 0, NULL, NULL);
}

static int take_rows(struct query *query, sqlite3_stmt *stmt, size_t max_rows, struct rows *out,
                     struct err *err)
{
    *out = (struct rows){.cols = sqlite3_column_count(stmt)};
    out->names = xcalloc((size_t)out->cols + 1, sizeof *out->names);
    for (int i = 0; i < out->cols; i++)
        out->names[i] = xstrdup(sqlite3_column_name(stmt, i));
    guard(query);
    int got = SQLITE_DONE;
    while ((!max_rows || out->count < max_rows) && (got = sqlite3_step(stmt)) == SQLITE_ROW)
        take_row(stmt, out);
    unguard(query);
    int rc = got == SQLITE_DONE || got == SQLITE_ROW ? 0 : conn_fail(query->conn, got, err);
    sqlite3_reset(stmt);
    if (rc)
        rows_fini(out);
    return rc;
}

static int run_once(struct query *query, const char *name, const struct bind *binds, int bind_count,
                    struct rows *out, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = query_refresh(query, err);
    if (!rc)
        rc = conn_stmt(query->conn, name, &stmt, err);
    if (rc)
        return rc;
    bind_all(stmt, binds, bind_count);
    return take_rows(query, stmt, 0, out, err);
}

int query_run(struct query *query, const char *name, const struct bind *binds, int bind_count,
              struct rows *out, struct err *err)
{
    int rc = 0;
    for (int tries = 0; tries < RETRIES; tries++) {
        *out = (struct rows){0};
        rc = run_once(query, name, binds, bind_count, out, err);
        if (!query_overtaken(query))
            break;
        if (tries + 1 < RETRIES)
            rows_fini(out);
    }
    return rc;
}

/* ---- what people type ---- */

/* Reading, and nothing else: query_only stops writes to the file, this stops ATTACH, PRAGMA and transactions. Table
 * functions (json_each) declare their columns by an "update" of the schema; a real one SQLite refuses by itself. */
static int allow_reading(void *arg, int action, const char *a, const char *b, const char *db, const char *via)
{
    (void)arg, (void)b, (void)db, (void)via;
    static const char *const pragmas[] = {"table_info", "table_xinfo", "table_list", "index_list",
                                          "index_info"};
    for (size_t i = 0; action == SQLITE_PRAGMA && i < COUNT_OF(pragmas); i++)
        if (strcmp(a, pragmas[i]) == 0)
            return SQLITE_OK;
    bool reads = action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_FUNCTION ||
                 action == SQLITE_RECURSIVE || (action == SQLITE_UPDATE && strcmp(a, "sqlite_master") == 0);
    return reads ? SQLITE_OK : SQLITE_DENY;
}

static int not_reading(struct err *err)
{
    err_set(err, ERR_BAD, "only one statement that reads is possible here");
    return err_hint(err,
                    "one SELECT, without BEGIN, ATTACH or PRAGMA; the sqlite3 program has no such limits");
}

static int mistaken(struct query *query, struct err *err)
{
    int sqlite_code = sqlite3_errcode(query->conn->db);
    if (sqlite_code == SQLITE_AUTH)
        return not_reading(err);
    if (sqlite_code != SQLITE_ERROR)
        return conn_fail(query->conn, sqlite3_extended_errcode(query->conn->db), err);
    err_set(err, ERR_BAD, "%s", sqlite3_errmsg(query->conn->db));
    return err_hint(err, "SELECT name FROM sqlite_schema WHERE type = 'view' lists what can be asked");
}

/* Prepares the one statement; *out NULL and an error if there is none, a second one, or one that writes. */
static int prepare_one(struct query *query, const char *sql, sqlite3_stmt **out, struct err *err)
{
    const char *rest = sql;
    sqlite3_stmt *second = NULL;
    *out = NULL;
    if (sqlite3_prepare_v2(query->conn->db, sql, -1, out, &rest) != SQLITE_OK)
        return mistaken(query, err);
    if (!*out)
        return err_set(err, ERR_BAD, "there is no statement in it");
    bool one = sqlite3_prepare_v2(query->conn->db, rest, -1, &second, NULL) == SQLITE_OK && !second;
    if (one && sqlite3_stmt_readonly(*out) && sqlite3_column_count(*out) > 0)
        return 0;
    sqlite3_finalize(second);
    sqlite3_finalize(*out);
    *out = NULL;
    return not_reading(err);
}

static int sql_once(struct query *query, const char *sql, size_t max_rows, struct rows *out, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = query_refresh(query, err);
    if (rc)
        return rc;
    sqlite3_set_authorizer(query->conn->db, allow_reading, NULL);
    rc = prepare_one(query, sql, &stmt, err);
    if (!rc)
        rc = take_rows(query, stmt, max_rows, out, err);
    sqlite3_set_authorizer(query->conn->db, NULL, NULL);
    sqlite3_finalize(stmt);
    return rc;
}

int query_sql(struct query *query, const char *sql, size_t max_rows, struct rows *out, struct err *err)
{
    int rc = 0;
    for (int tries = 0; tries < RETRIES; tries++) {
        *out = (struct rows){0};
        rc = sql_once(query, sql, max_rows, out, err);
        if (!query_overtaken(query))
            break;
        if (tries + 1 < RETRIES)
            rows_fini(out);
    }
    return rc;
}

/* A copy made while a master began to write is made again. */
int query_backup(const char *db_path, const char *to_path, struct err *err)
{
    struct query *query;
    int rc = query_open(db_path, &query, err);
    for (int tries = 0; !rc && tries < RETRIES; tries++) {
        rc = query_refresh(query, err);
        if (!rc)
            rc = backup_to(query->conn, to_path, err);
        if (!query_overtaken(query))
            break;
    }
    query_close(query);
    return rc;
}

int query_address(struct query *query, char *out, size_t room, struct err *err)
{
    struct rows rows;
    const char *address = "address";
    struct bind key = BIND_TEXT(":key", address);
    if (room)
        out[0] = '\0';
    int rc = query_run(query, "meta", &key, 1, &rows, err);
    if (!rc && rows.count)
        str_copy(out, room, cell_text(rows_cell(&rows, 0, 0)));
    rows_fini(&rows);
    return rc;
}
