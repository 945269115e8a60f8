/* The flat view of a study: one row per trial, one column per parameter and metric, named like the study.
 *
 * Each column is a subquery of its own by primary key, so a query pays for the columns it names, a thousand
 * parameters are as fine as ten, and the planner has nothing to get wrong. All metrics of a row are those of the
 * score's epoch, of the newest attempt that holds that epoch. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sql/name.h"
#include "sql/store_inner.h"

enum {
    COLUMNS_MAX = 1990, /* SQLite allows 2000 columns; metrics beyond are in learning_curves only */
    COLUMNS_FIXED = 7,
};

struct columns {
    char **names;
    size_t count, room;
};

static bool taken(const struct columns *columns, const char *name)
{
    for (size_t i = 0; i < columns->count; i++)
        if (str_same_nocase(columns->names[i], name))
            return true;
    return name_is_fixed_column(name);
}

/* The column's name, with `metric.` in front for as long as something else is called so. */
static void add_column(struct columns *columns, const char *name, bool metric, struct str *sql)
{
    char *own = xstrdup(name);
    while (metric && taken(columns, own)) {
        char *longer = xasprintf("metric.%s", own);
        free(own);
        own = longer;
    }
    GROW(columns->names, columns->room, columns->count + 1);
    columns->names[columns->count++] = own;
    str_add(sql, " AS ");
    name_quote(own, sql);
    str_add(sql, ",\n");
}

static int add_params(struct store *store, const struct known_study *study, struct columns *columns,
                      struct str *sql, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = conn_stmt(&store->conn, "known_params", &stmt, err);
    if (rc)
        return rc;
    sqlite3_bind_int64(stmt, 1, study->id);
    int got;
    while ((got = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        str_add(sql, "    (SELECT value FROM param WHERE trial = t.id AND name = ");
        name_literal(name, sql);
        str_add(sql, ")");
        add_column(columns, name, false, sql);
    }
    if (got != SQLITE_DONE)
        rc = conn_fail(&store->conn, got, err);
    sqlite3_reset(stmt);
    return rc;
}

static void add_metrics(const struct known_study *study, struct columns *columns, struct str *sql)
{
    str_add(sql, "    e.value");
    add_column(columns, study->metric, true, sql);
    for (size_t i = 0; i < study->count && columns->count + COLUMNS_FIXED < COLUMNS_MAX; i++) {
        str_addf(sql,
                 "    (SELECT value FROM epoch_metric WHERE trial = e.trial AND epoch = e.epoch"
                 " AND attempt = e.attempt AND metric = %lld)",
                 (long long)study->metrics[i].id);
        add_column(columns, study->metrics[i].name, true, sql);
    }
}

static void add_rest(const struct known_study *study, struct str *sql)
{
    str_addf(sql,
             "    t.best_epoch AS best_epoch, t.last_epoch AS epochs,\n"
             "    (SELECT w.name FROM attempt a JOIN worker w ON w.id = a.worker"
             " WHERE a.trial = t.id AND a.attempt = t.attempt) AS worker,\n"
             "    strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', t.started_ms / 1000.0, 'unixepoch') AS started_at,\n"
             "    strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', t.ended_ms / 1000.0, 'unixepoch') AS ended_at\n"
             "FROM trial t LEFT JOIN epoch e ON e.trial = t.id AND e.epoch = t.best_epoch AND e.attempt =\n"
             "    (SELECT max(n.attempt) FROM epoch n WHERE n.trial = t.id AND n.epoch = t.best_epoch)\n"
             "WHERE t.study = %lld AND t.deleted_ms IS NULL ORDER BY t.number",
             (long long)study->id);
}

static bool is_there(struct store *store, const struct known_study *study, const char *sql)
{
    sqlite3_stmt *stmt;
    if (conn_stmt(&store->conn, "view_text", &stmt, NULL))
        return false;
    sqlite3_bind_text(stmt, 1, study->name, -1, SQLITE_STATIC);
    const char *now = sqlite3_step(stmt) == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    bool same = now && strcmp(now, sql) == 0;
    sqlite3_reset(stmt);
    return same;
}

static int replace(struct store *store, const struct known_study *study, const char *sql, struct err *err)
{
    struct str drop = {0};
    str_add(&drop, "DROP VIEW IF EXISTS ");
    name_quote(study->name, &drop);
    int rc = conn_exec(&store->conn, str_text(&drop), err);
    str_fini(&drop);
    return rc ? rc : conn_exec(&store->conn, sql, err);
}

/* One that is as it should be is left alone: a changed schema makes SQLite prepare every statement again. */
int study_view_make(struct store *store, struct known_study *study, struct err *err)
{
    struct str sql = {0};
    struct columns columns = {0};
    str_add(&sql, "CREATE VIEW ");
    name_quote(study->name, &sql);
    str_add(&sql, " AS SELECT t.number AS trial, t.status AS status,\n");
    int rc = add_params(store, study, &columns, &sql, err);
    add_metrics(study, &columns, &sql);
    add_rest(study, &sql);
    if (!rc && !is_there(store, study, str_text(&sql)))
        rc = replace(store, study, str_text(&sql), err);
    for (size_t i = 0; i < columns.count; i++)
        free(columns.names[i]);
    free(columns.names);
    str_fini(&sql);
    study->view_stale = rc != 0;
    return rc;
}

int study_views_make_stale(struct store *store, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; store->views_stale && !rc && i < store->study_count; i++)
        if (store->studies[i].view_stale)
            rc = study_view_make(store, &store->studies[i], err);
    store->views_stale = rc != 0;
    return rc;
}

int study_views_make_all(struct store *store, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < store->study_count; i++)
        rc = study_view_make(store, &store->studies[i], err);
    return rc;
}
