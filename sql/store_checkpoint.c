/* Checkpoints as the master asks for them: the one to resume from, those the keep policy looks at, those on their way. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "sql/store_inner.h"

static void keep(char **kept, const char *text)
{
    free(*kept);
    *kept = xstrdup(text);
}

int store_last_checkpoint(struct store *store, int64_t trial, int max_epoch, struct row_checkpoint *out,
                          struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = load_start(store, "last_checkpoint", trial, &stmt, err);
    if (rc)
        return rc;
    sqlite3_bind_int64(stmt, 2, max_epoch);
    int got = sqlite3_step(stmt);
    if (got == SQLITE_ROW) {
        keep(&store->checkpoint_path, text_at_col(stmt, 3));
        keep(&store->checkpoint_hash, text_at_col(stmt, 5));
        *out = (struct row_checkpoint){
            .trial = trial,
            .attempt = sqlite3_column_int(stmt, 1),
            .epoch = sqlite3_column_int(stmt, 2),
            .path = store->checkpoint_path,
            .bytes = sqlite3_column_int64(stmt, 4),
            .hash = store->checkpoint_hash,
            .created_ms = sqlite3_column_int64(stmt, 6),
        };
        got = SQLITE_DONE;
    } else if (got == SQLITE_DONE) {
        rc = err_set(err, ERR_GONE, "%s: trial with id %lld has no checkpoint up to epoch %d", store->path,
                     (long long)trial, max_epoch);
    }
    return load_finish(store, stmt, got, rc, err);
}

/* ---- many at a time ---- */

static enum checkpoint_state state_of(const char *name)
{
    static const char *const names[] = {"kept", "offered", "doomed", "gone"};
    int state = 0;
    while (state < CHECKPOINT_GONE && strcmp(names[state], name) != 0)
        state++;
    return (enum checkpoint_state)state;
}

static struct row_checkpoint checkpoint_row(sqlite3_stmt *stmt)
{
    return (struct row_checkpoint){
        .trial = sqlite3_column_int64(stmt, 0),
        .attempt = sqlite3_column_int(stmt, 1),
        .epoch = sqlite3_column_int(stmt, 2),
        .path = text_at_col(stmt, 3),
        .bytes = sqlite3_column_int64(stmt, 4),
        .hash = text_at_col(stmt, 5),
        .created_ms = sqlite3_column_int64(stmt, 6),
        .state = state_of(text_at_col(stmt, 7)),
    };
}

static int visit_all(struct store *store, sqlite3_stmt *stmt, checkpoint_visit visit, void *arg,
                     struct err *err)
{
    int rc = 0, got = SQLITE_DONE;
    while (!rc && (got = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct row_checkpoint row = checkpoint_row(stmt);
        double value = sqlite3_column_type(stmt, 8) == SQLITE_NULL ? NAN : sqlite3_column_double(stmt, 8);
        rc = visit(arg, &row, value);
    }
    return load_finish(store, stmt, got, rc, err);
}

int store_load_checkpoints(struct store *store, int64_t trial, checkpoint_visit visit, void *arg,
                           struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = load_start(store, "live_checkpoints", trial, &stmt, err);
    return rc ? rc : visit_all(store, stmt, visit, arg, err);
}

int store_load_spare_checkpoints(struct store *store, int64_t study, int top, checkpoint_visit visit,
                                 void *arg, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = load_start(store, "spare_checkpoints", study, &stmt, err);
    if (rc)
        return rc;
    sqlite3_bind_int(stmt, 2, top);
    return visit_all(store, stmt, visit, arg, err);
}

int64_t store_kept_bytes(struct store *store, int64_t study)
{
    sqlite3_stmt *stmt;
    if (load_start(store, "kept_bytes", study, &stmt, NULL))
        return 0;
    int64_t bytes = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_reset(stmt);
    return bytes;
}

int store_load_transit(struct store *store, enum checkpoint_state state, int limit,
                       int (*visit)(void *arg, const struct row_transit *row), void *arg, struct err *err)
{
    sqlite3_stmt *stmt;
    const char *name = state == CHECKPOINT_OFFERED ? "offered_checkpoints" : "doomed_checkpoints";
    int rc = load_start(store, name, limit, &stmt, err), got = SQLITE_DONE;
    while (!rc && (got = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct row_transit row = {
            .checkpoint = checkpoint_row(stmt),
            .study = text_at_col(stmt, 9),
            .number = (uint32_t)sqlite3_column_int64(stmt, 10),
            .token = text_at_col(stmt, 11),
            .worker = sqlite3_column_int64(stmt, 12),
        };
        rc = visit(arg, &row);
    }
    return stmt ? load_finish(store, stmt, got, rc, err) : rc;
}
