/* A store in memory as if it were new, for the next rehearsal: what it knows is gone, its tables and prepared
 * statements stay, which are most of what a new one costs. Views of studies stay too: the next study of that name and
 * shape has the same. */

#include "common/check.h"
#include "common/str.h"
#include "sql/store_inner.h"

/* Children were made after their parents. */
static int delete_rows(struct conn *conn, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    struct str sql = {0};
    int got = SQLITE_DONE, rc = conn_stmt(conn, "tables_newest_first", &stmt, err);
    while (!rc && (got = sqlite3_step(stmt)) == SQLITE_ROW)
        str_addf(&sql, "DELETE FROM \"%s\";", (const char *)sqlite3_column_text(stmt, 0));
    if (!rc && got != SQLITE_DONE)
        rc = conn_fail(conn, got, err);
    if (stmt)
        sqlite3_reset(stmt);
    if (!rc)
        rc = conn_exec(conn, str_text(&sql), err);
    str_fini(&sql);
    return rc;
}

int store_renew(struct store *store, struct err *err)
{
    PRE(store->memory);
    store_rollback(store);
    store->broken = false;
    int rc = conn_run(&store->conn, "begin", err);
    if (!rc)
        rc = delete_rows(&store->conn, err);
    if (!rc)
        rc = store_sign_again(store, err);
    if (!rc)
        rc = conn_run(&store->conn, "commit", err);
    return rc ? rc : known_load(store, err);
}
