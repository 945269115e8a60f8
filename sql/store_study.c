#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "sql/name.h"
#include "sql/store_inner.h"

static const char *const wish_names[] = {[WISH_RUN] = "run", [WISH_PAUSE] = "pause", [WISH_STOP] = "stop"};

static const char *const checks_names[] = {"wanted", "force", "skip"};
static const char *const checked_names[] = {NULL, "passed", "failed"};

enum { PARAMS_MAX = 1900 }; /* one column each in the flat view, of SQLite's 2000 */

/* ---- what cannot be added, said before anything is written ---- */

static int check_param(const struct row_study *study, const struct row_study_param *params, int i,
                       struct err *err)
{
    const char *name = params[i].name;
    if (!name_ok(name))
        return err_set(err, ERR_BAD, "study %s: \"%.80s\" is no name for a parameter", study->name, name);
    if (store_column_reserved(name)) {
        err_set(err, ERR_BAD, "study %s: parameter %s has the name of a column of its table", study->name,
                name);
        return err_hint(err, "call it something else, for example %s_", name);
    }
    for (int j = 0; j < i; j++)
        if (str_same_nocase(params[j].name, name))
            return err_set(err, ERR_BAD, "study %s: parameters %s and %s have the same name", study->name,
                           params[j].name, name);
    return 0;
}

static int check_study(struct store *store, const struct row_study *study,
                       const struct row_study_param *params, int param_count, struct err *err)
{
    if (!name_ok(study->name))
        return err_set(err, ERR_BAD, "\"%.80s\" is no name for a study", study->name);
    if (store_name_reserved(study->name)) {
        err_set(err, ERR_BAD, "%s: a study cannot have this name, the database uses it", study->name);
        return err_hint(err, "call it something else, for example %s-1", study->name);
    }
    for (size_t i = 0; i < store->study_count; i++)
        if (str_same_nocase(store->studies[i].name, study->name))
            return err_set(err, ERR_BAD, "%s: there is a study %s already", study->name,
                           store->studies[i].name);
    if (param_count > PARAMS_MAX)
        return err_set(err, ERR_BAD, "study %s: %d parameters, at most %d are possible", study->name,
                       param_count, PARAMS_MAX);
    for (int i = 0; i < param_count; i++) {
        int rc = check_param(study, params, i, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- adding ---- */

static void put_study(struct store *store, struct row_study *study)
{
    struct put put = put_begin(store, "add_study");
    put_text(&put, study->name);
    put_text(&put, study->definition);
    put_text(&put, study->base);
    put_int(&put, (int64_t)study->seed);
    put_text(&put, study->metric);
    put_text(&put, study->maximize ? "maximize" : "minimize");
    put_text(&put, wish_names[study->wish]);
    put_num(&put, study->priority);
    put_num(&put, study->weight);
    put_int(&put, study->created_ms);
    put_opt(&put, study->ended_ms);
    put_int(&put, study->wall_used_ms);
    put_int(&put, study->slot_used_ms);
    put_text(&put, study->end_reason);
    put_text(&put, checks_names[study->checks]);
    if (put_run(&put) < 0)
        return;
    study->id = sqlite3_last_insert_rowid(store->conn.db);
    known_add_study(store, study->id, study->name, study->metric);
}

static void put_study_params(struct store *store, int64_t study, const struct row_study_param *params,
                             int count)
{
    for (int i = 0; i < count; i++) {
        struct put put = put_begin(store, "add_study_param");
        put_int(&put, study);
        put_int(&put, i);
        put_text(&put, params[i].name);
        put_text(&put, params[i].dist);
        put_text(&put, params[i].definition);
        put_run(&put);
    }
}

int store_add_study(struct store *store, struct row_study *study, const struct row_study_param *params,
                    int param_count, struct err *err)
{
    PRE(study->name && study->definition && study->base && study->metric);
    int rc = check_study(store, study, params, param_count, err);
    if (rc)
        return rc;
    put_study(store, study);
    put_study_params(store, study->id, params, param_count);
    struct err why = ERR_NONE;
    if (!store->failed.code && study_view_make(store, known_study(store, study->id), &why))
        store_fail(store, &why);
    if (store->failed.code && err)
        *err = store->failed;
    return store->failed.code;
}

/* ---- changing ---- */

void store_study_wish(struct store *store, int64_t study, enum study_wish wish)
{
    struct put put = put_begin(store, "set_study_wish");
    put_text(&put, wish_names[wish]);
    put_int(&put, study);
    put_run(&put);
}

void store_study_ended(struct store *store, int64_t study, const char *reason, int64_t now_ms)
{
    struct put put = put_begin(store, "set_study_ended");
    put_int(&put, now_ms);
    put_text(&put, reason);
    put_int(&put, study);
    put_run(&put);
}

void store_study_reopened(struct store *store, int64_t study)
{
    struct put put = put_begin(store, "set_study_ended");
    put_opt(&put, 0);
    put_text(&put, NULL);
    put_int(&put, study);
    put_run(&put);
}

void store_study_used(struct store *store, int64_t study, int64_t wall_used_ms, int64_t slot_used_ms)
{
    struct put put = put_begin(store, "set_study_used");
    put_int(&put, wall_used_ms);
    put_int(&put, slot_used_ms);
    put_int(&put, study);
    put_run(&put);
}

void store_study_unreadable(struct store *store, int64_t study, const struct err *why, int64_t now_ms)
{
    struct put put = put_begin(store, "set_study_unreadable");
    put_int(&put, study);
    put_text(&put, why->text);
    put_text(&put, why->hint);
    put_int(&put, now_ms);
    put_run(&put);
}

void store_study_readable(struct store *store, int64_t study)
{
    struct put put = put_begin(store, "set_study_readable");
    put_int(&put, study);
    put_run(&put);
}

void store_study_checks(struct store *store, int64_t study, enum study_checks checks,
                        enum study_checked checked)
{
    struct put put = put_begin(store, "set_study_checks");
    put_text(&put, checks_names[checks]);
    put_text(&put, checked_names[checked]);
    put_int(&put, study);
    put_run(&put);
}

void store_study_redefined(struct store *store, int64_t study, const char *definition, double priority,
                           double weight)
{
    struct put put = put_begin(store, "set_study_definition");
    put_text(&put, definition);
    put_num(&put, priority);
    put_num(&put, weight);
    put_int(&put, study);
    put_run(&put);
}

void store_study_param(struct store *store, int64_t study, const char *name, const char *definition)
{
    struct put put = put_begin(store, "set_study_param");
    put_text(&put, definition);
    put_int(&put, study);
    put_text(&put, name);
    put_run(&put);
}

static void put_name(struct store *store, struct known_study *known, const char *name, const char *definition)
{
    struct put put = put_begin(store, "set_study_name");
    put_text(&put, name);
    put_text(&put, definition);
    put_int(&put, known->id);
    if (put_run(&put) < 0)
        return;
    struct str drop = {0};
    struct err why = ERR_NONE;
    str_add(&drop, "DROP VIEW IF EXISTS ");
    name_quote(known->name, &drop);
    free(known->name);
    known->name = xstrdup(name);
    if (conn_exec(&store->conn, str_text(&drop), &why) || study_view_make(store, known, &why))
        store_fail(store, &why);
    str_fini(&drop);
}

int store_study_renamed(struct store *store, int64_t study, const char *name, const char *definition,
                        struct err *err)
{
    struct row_study row = {.name = name};
    int rc = check_study(store, &row, NULL, 0, err);
    if (rc)
        return rc;
    put_name(store, known_study(store, study), name, definition);
    if (store->failed.code && err)
        *err = store->failed;
    return store->failed.code;
}

/* ---- loading ---- */

static enum study_checks checks_of(const char *name)
{
    return strcmp(name, "skip") == 0    ? CHECKS_SKIP
           : strcmp(name, "force") == 0 ? CHECKS_FORCE
                                        : CHECKS_WANTED;
}

static enum study_checked checked_of(const char *name)
{
    return !name ? CHECKED_NOT : strcmp(name, "passed") == 0 ? CHECKED_PASSED : CHECKED_FAILED;
}

static enum study_wish wish_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(wish_names); i++)
        if (strcmp(wish_names[i], name) == 0)
            return (enum study_wish)i;
    return WISH_RUN; /* the CHECK in schema.sql allows no other */
}

static struct row_study study_row(sqlite3_stmt *stmt)
{
    return (struct row_study){
        .id = sqlite3_column_int64(stmt, 0),
        .name = (const char *)sqlite3_column_text(stmt, 1),
        .definition = (const char *)sqlite3_column_text(stmt, 2),
        .base = (const char *)sqlite3_column_text(stmt, 3),
        .seed = (uint64_t)sqlite3_column_int64(stmt, 4),
        .wish = wish_of((const char *)sqlite3_column_text(stmt, 5)),
        .priority = sqlite3_column_double(stmt, 6),
        .weight = sqlite3_column_double(stmt, 7),
        .created_ms = sqlite3_column_int64(stmt, 8),
        .ended_ms = sqlite3_column_int64(stmt, 9),
        .wall_used_ms = sqlite3_column_int64(stmt, 10),
        .slot_used_ms = sqlite3_column_int64(stmt, 11),
        .end_reason = (const char *)sqlite3_column_text(stmt, 12),
        .checks = checks_of((const char *)sqlite3_column_text(stmt, 13)),
        .checked = checked_of((const char *)sqlite3_column_text(stmt, 14)),
        .unreadable = sqlite3_column_int(stmt, 15) != 0,
    };
}

int store_load_studies(struct store *store, int (*visit)(void *arg, const struct row_study *row), void *arg,
                       struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = conn_stmt(&store->conn, "load_studies", &stmt, err), got = SQLITE_DONE;
    PRE(rc || !sqlite3_stmt_busy(stmt)); /* a visit that visits the same again */
    while (!rc && (got = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct row_study row = study_row(stmt);
        rc = visit(arg, &row);
    }
    if (!rc && got != SQLITE_DONE)
        rc = conn_fail(&store->conn, got, err);
    if (stmt)
        sqlite3_reset(stmt);
    return rc;
}
