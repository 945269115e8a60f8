#include "sql/stmt.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"
#include "common/str.h"
#include "sql/text.h"

/* SQLite 3.45 and later want to be told that a function marks its results. */
#ifndef SQLITE_RESULT_SUBTYPE
#define SQLITE_RESULT_SUBTYPE 0
#endif

enum {
    BUSY_MS = 5000,     /* how long one waits for another's lock: longer than any checkpoint should take */
    JSON_SUBTYPE = 'J', /* by this SQLite's json functions know that a text is JSON already */
};

/* exact(x): a REAL as the shortest JSON number that reads back as the same double; anything else as it is. */
static void exact(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    double number = sqlite3_value_double(values[0]);
    if (sqlite3_value_type(values[0]) != SQLITE_FLOAT || !isfinite(number)) {
        sqlite3_result_value(context, values[0]);
        return;
    }
    char text[32];
    num_text(number, text);
    sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
    sqlite3_result_subtype(context, JSON_SUBTYPE);
}

/* SQLite counts its memory under a lock, for nobody. */
static void set_up_sqlite(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int conn_open(struct conn *conn, const char *uri, const char *path, int flags, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_up_sqlite);
    *conn = (struct conn){.path = path};
    int rc = sqlite3_open_v2(uri, &conn->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_function_v2(conn->db, "exact", 1,
                                        SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_SUBTYPE |
                                            SQLITE_RESULT_SUBTYPE | SQLITE_INNOCUOUS,
                                        NULL, exact, NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        int code = conn_fail(conn, rc, err);
        conn_fini(conn);
        return code;
    }
    sqlite3_busy_timeout(conn->db, BUSY_MS);
    conn->stmts = xcalloc((size_t)text_count(), sizeof *conn->stmts);
    return 0;
}

void conn_fini(struct conn *conn)
{
    for (int i = 0; conn->stmts && i < text_count(); i++)
        sqlite3_finalize(conn->stmts[i]);
    free(conn->stmts);
    sqlite3_close_v2(conn->db);
    conn->stmts = NULL;
    conn->db = NULL;
}

int conn_stmt(struct conn *conn, const char *name, sqlite3_stmt **out, struct err *err)
{
    int i = text_find(name);
    PRE(i >= 0);
    if (!conn->stmts[i]) {
        const struct text_statement *text = text_at(i);
        int rc = sqlite3_prepare_v3(conn->db, text->sql, text->bytes, SQLITE_PREPARE_PERSISTENT,
                                    &conn->stmts[i], NULL);
        if (rc != SQLITE_OK)
            return conn_fail(conn, rc, err);
    }
    *out = conn->stmts[i];
    return 0;
}

int conn_exec(struct conn *conn, const char *sql, struct err *err)
{
    int rc = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : conn_fail(conn, rc, err);
}

static int first_cell(struct conn *conn, sqlite3_stmt *stmt, int64_t *out, struct err *err)
{
    int rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW)
        return conn_fail(conn, rc, err);
    *out = sqlite3_column_int64(stmt, 0);
    return 0;
}

int conn_pragma(struct conn *conn, const char *pragma, int64_t *out, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(conn->db, pragma, -1, &stmt, NULL);
    rc = rc == SQLITE_OK ? first_cell(conn, stmt, out, err) : conn_fail(conn, rc, err);
    sqlite3_finalize(stmt);
    return rc;
}

int conn_integer(struct conn *conn, const char *name, int64_t *out, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = conn_stmt(conn, name, &stmt, err);
    if (rc)
        return rc;
    rc = first_cell(conn, stmt, out, err);
    sqlite3_reset(stmt);
    return rc;
}

int conn_run(struct conn *conn, const char *name, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = conn_stmt(conn, name, &stmt, err);
    if (rc)
        return rc;
    int got = sqlite3_step(stmt);
    if (got != SQLITE_DONE && got != SQLITE_ROW)
        rc = conn_fail(conn, got, err);
    sqlite3_reset(stmt);
    return rc;
}

/* What SQLite's primary codes mean to a person. */
static const struct {
    int sqlite_code, code;
    const char *what, *hint;
} meanings[] = {
    {SQLITE_FULL, ERR_IO, "no space left", "free some space; nothing acknowledged is lost"},
    {SQLITE_IOERR, ERR_IO, "the disk refused", "look at the system's log; nothing acknowledged is lost"},
    {SQLITE_READONLY, ERR_IO, "cannot be written",
     "check who owns the file and its folder, and how the disk is mounted"},
    {SQLITE_PERM, ERR_IO, "no permission", "check who owns the file and its folder"},
    {SQLITE_CANTOPEN, ERR_IO, "cannot be opened", "check that the folder is there and who owns it"},
    {SQLITE_BUSY, ERR_REACH, "locked by another process",
     "ask the master that holds it (--master ADDR), or wait"},
    {SQLITE_CORRUPT, ERR_BAD, "the database is damaged",
     "go back to a backup, or save what is left: sqlite3 FILE .recover | sqlite3 saved.db"},
    {SQLITE_NOTADB, ERR_BAD, "not a database", "name another file with --db"},
    {SQLITE_INTERRUPT, ERR_BUSY, "took too long and was stopped", "narrow it with WHERE or LIMIT"},
};

/* What the system says behind "disk I/O error", where it says more than that. */
static const struct {
    int error;
    const char *what, *hint;
} disk_meanings[] = {
    {EDQUOT, "your disk quota is used up",
     "quota -s says how much that is; free some space; nothing acknowledged is lost"},
    {EFBIG, "the file may not grow any more",
     "a limit of this shell or job: ulimit -f unlimited; nothing acknowledged is lost"},
    {ENOSPC, "no space left", "free some space; nothing acknowledged is lost"},
};

static bool told_by_disk(const struct conn *conn, int sqlite_code, struct err *err)
{
    if (!conn->db || (sqlite_code & 0xff) != SQLITE_IOERR)
        return false;
    int error = sqlite3_system_errno(conn->db) ? sqlite3_system_errno(conn->db)
                                               : errno; /* a COMMIT does not keep it */
    for (size_t i = 0; i < COUNT_OF(disk_meanings); i++) {
        if (error != disk_meanings[i].error)
            continue;
        err_set(err, ERR_IO, "%s: %s", conn->path, disk_meanings[i].what);
        err_hint(err, "%s", disk_meanings[i].hint);
        return true;
    }
    return false;
}

int conn_fail(const struct conn *conn, int sqlite_code, struct err *err)
{
    const char *said = conn->db ? sqlite3_errmsg(conn->db) : sqlite3_errstr(sqlite_code);
    if (told_by_disk(conn, sqlite_code, err))
        return ERR_IO;
    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        if ((sqlite_code & 0xff) != meanings[i].sqlite_code)
            continue;
        err_set(err, meanings[i].code, "%s: %s (%s)", conn->path, meanings[i].what, said);
        err_hint(err, "%s", meanings[i].hint);
        return meanings[i].code;
    }
    return err_set(err, ERR_IO, "%s: %s", conn->path, said);
}
