#include "sql/migrate.h"

#include <stdint.h>
#include <stdio.h>

#include "common/check.h"
#include "common/str.h"
#include "sql/name.h"
#include "sql/stmt.h"
#include "sql/text.h"

const struct migration migrations[] = {
    {text_migrate_001}, {text_migrate_002}, {text_migrate_003}, {text_migrate_004}, {text_migrate_005},
};
const int migration_count = COUNT_OF(migrations);

static int drop_views(struct conn *conn, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = conn_stmt(conn, "all_views", &stmt, err);
    if (rc)
        return rc;
    struct str sql = {0};
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        str_add(&sql, "DROP VIEW ");
        name_quote((const char *)sqlite3_column_text(stmt, 0), &sql);
        str_add(&sql, ";");
    }
    sqlite3_reset(stmt);
    rc = conn_exec(conn, str_text(&sql), err);
    str_fini(&sql);
    return rc;
}

/* Rows that refer to nothing after the steps: a step forgot them. */
static int check_keys(struct conn *conn, struct err *err)
{
    int64_t broken = 0;
    int rc = conn_integer(conn, "broken_keys", &broken, err);
    if (!rc && broken)
        rc = err_set(err, ERR_BAD, "%s: %lld rows would refer to nothing", conn->path, (long long)broken);
    return rc;
}

static int run_steps(struct conn *conn, const struct migration *steps, int from, int to, struct err *err)
{
    int rc = conn_run(conn, "begin", err);
    if (!rc)
        rc = drop_views(conn, err);
    for (int i = from; !rc && i < to; i++)
        if ((rc = conn_exec(conn, steps[i].sql, err)))
            err_prefix(err, "bringing the database from version %d to %d: ", i, i + 1);
    if (!rc)
        rc = check_keys(conn, err);
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", to);
    return rc ? rc : conn_exec(conn, pragma, err);
}

static int refuse_newer(const struct conn *conn, int64_t version, int known, struct err *err)
{
    err_set(err, ERR_BAD,
            "%s: written by a newer hone (version %lld of the database; this one knows up to %d)", conn->path,
            (long long)version, known);
    return err_hint(err, "use that hone; nothing was changed");
}

int migrate(struct conn *conn, const struct migration *steps, int count, int *changed, struct err *err)
{
    int64_t version = 0;
    *changed = 0;
    int rc = conn_pragma(conn, "PRAGMA user_version", &version, err);
    if (rc || version == count)
        return rc;
    if (version > count)
        return refuse_newer(conn, version, count, err);
    /* Rebuilding a table drops the one others refer to; the check at the end stands in for the rule. */
    rc = conn_exec(conn, "PRAGMA foreign_keys = OFF", err);
    if (!rc && (rc = run_steps(conn, steps, (int)version, count, err))) {
        conn_run(conn, "rollback", NULL);
        err_hint(err, "the file is as it was; keep a copy and report this");
    }
    *changed = !rc;
    return rc;
}
