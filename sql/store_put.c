#include <math.h>

#include "common/check.h"
#include "sql/store_inner.h"

void store_fail(struct store *store, const struct err *why)
{
    if (store->failed.code)
        return;
    store->failed = *why;
    if (!sqlite3_get_autocommit(store->conn.db))
        conn_run(&store->conn, "rollback", NULL);
    store->dirty = false;
}

void store_break(struct store *store, bool broken)
{
    struct err why = ERR_NONE;
    store->broken = broken;
    if (!broken)
        return;
    err_set(&why, ERR_IO, "%s: no space left (a test said so)", store->path);
    store_fail(store, &why);
}

static int touch(struct store *store)
{
    PRE(!store->reader);
    if (store->failed.code)
        return store->failed.code;
    if (store->dirty)
        return 0;
    struct err why = ERR_NONE;
    if (store->broken)
        store_break(store, true);
    if (store->failed.code)
        return store->failed.code;
    if (conn_run(&store->conn, "begin", &why)) {
        store_fail(store, &why);
        return why.code;
    }
    store->dirty = true;
    return 0;
}

struct put put_begin(struct store *store, const char *name)
{
    struct put put = {.store = store, .next = 1};
    if (touch(store))
        return put;
    struct err why = ERR_NONE;
    if (conn_stmt(&store->conn, name, &put.stmt, &why))
        store_fail(store, &why);
    return put;
}

void put_int(struct put *put, int64_t value)
{
    if (put->stmt)
        sqlite3_bind_int64(put->stmt, put->next++, value);
}

void put_opt(struct put *put, int64_t value)
{
    if (!put->stmt)
        return;
    if (value)
        sqlite3_bind_int64(put->stmt, put->next++, value);
    else
        sqlite3_bind_null(put->stmt, put->next++);
}

void put_num(struct put *put, double value)
{
    if (!put->stmt)
        return;
    if (isfinite(value))
        sqlite3_bind_double(put->stmt, put->next++, value);
    else
        sqlite3_bind_null(put->stmt, put->next++);
}

void put_text(struct put *put, const char *value)
{
    if (put->stmt)
        sqlite3_bind_text(put->stmt, put->next++, value, -1, SQLITE_STATIC);
}

int put_run(struct put *put)
{
    if (!put->stmt)
        return -1;
    PRE(put->next == sqlite3_bind_parameter_count(put->stmt) + 1);
    int rc = sqlite3_step(put->stmt);
    if (rc == SQLITE_DONE) {
        sqlite3_reset(put->stmt);
        return sqlite3_changes(put->store->conn.db);
    }
    struct err why = ERR_NONE;
    conn_fail(&put->store->conn, rc, &why);
    sqlite3_reset(put->stmt);
    store_fail(put->store, &why);
    return -1;
}
