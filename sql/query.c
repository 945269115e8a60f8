#include "sql/query.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "sql/backup.h"
#include "sql/migrate.h"
#include "sql/place.h"
#include "sql/query_inner.h"
#include "sql/stmt.h"
#include "sql/text.h"

/* A statement is stopped by its work, not by the clock: a step of SQLite's virtual machine takes some 30 ns, so a
 * reader ends after half a minute (longer, it would hold up the WAL for everyone), a borrowed connection after a
 * second (longer, it would hold up the master's loop). */
enum {
    STEPS_PER_LOOK = 100000,
    LOOKS_MAX = 10000,
    LOOKS_BORROWED_MAX = 300,
    TEXT_MAX = 64 << 20, /* bytes of one value */
    RETRIES = 3,
    BUSY_MS = 1000, /* a reader is locked out by a recovery, shortly, and by --network-db, for good */
};

/* What the file looked like: whether a master is writing (a WAL that holds something), and its last change. */
struct stamp {
    bool live;
    struct timespec changed;
    off_t bytes;
    ino_t inode;
};

struct query {
    struct conn *conn; /* own, or borrowed from a store */
    struct conn own;
    char *path, *wal; /* NULL when borrowed */
    struct stamp stamp;
    int looks_left; /* of the running statement */
};

/* ---- opening ----
 * At rest (no WAL) the file is read as immutable, for even a read-only connection would else leave a -wal and a
 * -shm file behind, and a clean exit leaves one file. A stamp taken before and after each statement tells when a
 * master has begun to write meanwhile; the statement is then run again. */

static struct stamp stamp_of(const struct query *query)
{
    struct stat st = {0};
    stat(query->path, &st);
    return (struct stamp){
        .live = file_size(query->wal) > 0, .changed = st.st_mtim, .bytes = st.st_size, .inode = st.st_ino};
}

static bool stamp_same(const struct stamp *a, const struct stamp *b)
{
    return a->live == b->live && a->bytes == b->bytes && a->inode == b->inode &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static int too_long(void *arg)
{
    struct query *query = arg;
    return --query->looks_left < 0;
}

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

/* SQLite's URI: everything but plain characters in %xx. */
static char *uri_of(const char *path, bool immutable)
{
    static const char hex[] = "0123456789abcdef";
    struct str uri = {0};
    str_add(&uri, "file:");
    for (const unsigned char *c = (const unsigned char *)path; *c; c++) {
        if (strchr("?#%", *c)) {
            char coded[4] = {'%', hex[*c >> 4], hex[*c & 15], '\0'};
            str_add(&uri, coded);
        } else {
            str_addc(&uri, (char)*c);
        }
    }
    str_add(&uri, immutable ? "?immutable=1" : "");
    return str_take(&uri);
}

/* Also reads the schema: a damaged file is told apart now and not by the first question. */
static int check_version(struct query *query, struct err *err)
{
    int64_t version = 0;
    sqlite3_stmt *any;
    int rc = conn_pragma(query->conn, "PRAGMA user_version", &version, err);
    if (!rc)
        rc = conn_stmt(query->conn, "meta", &any, err);
    if (rc || version == migration_count)
        return rc;
    err_set(err, ERR_BAD, "%s: of %s hone (version %lld of the database; this one reads %d)", query->path,
            version > migration_count ? "a newer" : "an older", (long long)version, migration_count);
    return err_hint(err, version > migration_count
                             ? "use that hone"
                             : "a master of this hone brings it up to date when it starts");
}

static int refuse_live_on_network(const struct query *query, struct err *err)
{
    char type[64];
    if (!query->stamp.live || !place_is_network(query->path, NULL, type))
        return 0;
    err_set(err, ERR_REACH, "%s: a master writes it, and it lies on a network file system: %s", query->path,
            type);
    return err_hint(err, "ask that master (--master ADDR), or read its mirror");
}

static int connect(struct query *query, struct err *err)
{
    query->stamp = stamp_of(query);
    int rc = refuse_live_on_network(query, err);
    if (rc)
        return rc;
    char *uri = uri_of(query->path, !query->stamp.live);
    rc = conn_open(&query->own, uri, query->path, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
    free(uri);
    if (!rc)
        sqlite3_busy_timeout(query->own.db, BUSY_MS);
    if (!rc)
        rc = conn_exec(query->conn, "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY", err);
    if (!rc)
        rc = check_version(query, err);
    if (!rc)
        sqlite3_limit(query->own.db, SQLITE_LIMIT_LENGTH, TEXT_MAX);
    return rc;
}

static int query_look(const char *path, struct err *err)
{
    bool empty;
    int rc = place_look(path, &empty, err);
    if (!rc && empty) {
        rc = err_set(err, ERR_GONE, "%s: there is no database", path);
        err_hint(err, "hone run STUDY.json makes one; --db FILE or HONE_DB names another");
    }
    return rc;
}

int query_open(const char *path, struct query **out, struct err *err)
{
    *out = NULL;
    int rc = query_look(path, err);
    if (rc)
        return rc;
    struct query *query = xcalloc(1, sizeof *query);
    query->conn = &query->own;
    rc = place_resolve(path, &query->path, err);
    if (!rc) {
        query->wal = xasprintf("%s-wal", query->path);
        rc = connect(query, err);
    }
    if (rc) {
        query_close(query);
        return rc;
    }
    *out = query;
    return 0;
}

int query_open_on(struct conn *conn, struct query **out, struct err *err)
{
    (void)err;
    struct query *query = xcalloc(1, sizeof *query);
    query->conn = conn;
    *out = query;
    return 0;
}

void query_take_conn(struct query *query, struct conn *out)
{
    *out = query->own;
    query->own = (struct conn){0};
}

/* A master that ended while we were connected could not take its -wal and -shm along, and a read-only connection
 * may not. SQLite does when the last one closes that might write; this one never does. */
static void tidy(const struct query *query)
{
    char type[64];
    if (!query->stamp.live || file_size(query->wal) != 0 || place_is_network(query->path, NULL, type))
        return;
    struct conn last;
    int64_t version;
    if (conn_open(&last, query->path, query->path, SQLITE_OPEN_READWRITE, NULL) == 0)
        conn_pragma(&last, "PRAGMA user_version", &version, NULL);
    conn_fini(&last);
}

void query_close(struct query *query)
{
    if (!query)
        return;
    conn_fini(&query->own);
    if (query->wal)
        tidy(query);
    free(query->path);
    free(query->wal);
    free(query);
}

static uint64_t mixed(uint64_t hash, const char *path)
{
    struct stat st = {0};
    stat(path, &st);
    const uint64_t parts[] = {st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec,
                              (uint64_t)st.st_mtim.tv_nsec};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        hash = (hash ^ parts[i]) * 1099511628211u; // FNV-1a
    return hash;
}

uint64_t query_stamp(const char *path)
{
    char *wal = xasprintf("%s-wal", path);
    uint64_t hash = mixed(mixed(14695981039346656037u, path), wal);
    free(wal);
    return hash;
}

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

/* If the file at rest is at rest no more, the connection is of no use. */
static int refresh(struct query *query, struct err *err)
{
    if (!query->path || query->stamp.live)
        return 0;
    struct stamp now = stamp_of(query);
    if (stamp_same(&now, &query->stamp))
        return 0;
    conn_fini(&query->own);
    return connect(query, err);
}

bool query_overtaken(const struct query *query)
{
    if (!query->path || query->stamp.live)
        return false;
    struct stamp now = stamp_of(query);
    return !stamp_same(&now, &query->stamp);
}

static int run_once(struct query *query, const char *name, const struct bind *binds, int bind_count,
                    struct rows *out, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = refresh(query, err);
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
    int rc = refresh(query, err);
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
        rc = refresh(query, err);
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
