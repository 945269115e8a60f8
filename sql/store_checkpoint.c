/* Checkpoints as the master asks for them: the one to resume from, those the keep policy looks at, those on their way. */
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
    struct load load = load_begin(store, "last_checkpoint", trial, err);
    if (load.rc)
        return load.rc;
    sqlite3_stmt *stmt = load.stmt;
    sqlite3_bind_int64(stmt, 2, max_epoch);
    if (load_next(&load)) {
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
        load.got = SQLITE_DONE; /* there is no other */
    } else if (load.got == SQLITE_DONE) {
        load.rc = err_set(err, ERR_GONE, "%s: trial with id %lld has no checkpoint up to epoch %d",
                          store->path, (long long)trial, max_epoch);
    }
    return load_end(&load);
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

static int visit_all(struct load *load, checkpoint_visit visit, void *arg)
{
    while (load_next(load)) {
        struct row_checkpoint row = checkpoint_row(load->stmt);
        load->rc = visit(arg, &row, num_at_col(load->stmt, 8));
    }
    return load_end(load);
}

int store_load_checkpoints(struct store *store, int64_t trial, checkpoint_visit visit, void *arg,
                           struct err *err)
{
    struct load load = load_begin(store, "live_checkpoints", trial, err);
    return visit_all(&load, visit, arg);
}

int store_load_spare_checkpoints(struct store *store, int64_t study, int top, checkpoint_visit visit,
                                 void *arg, struct err *err)
{
    struct load load = load_begin(store, "spare_checkpoints", study, err);
    if (!load.rc)
        sqlite3_bind_int(load.stmt, 2, top);
    return visit_all(&load, visit, arg);
}

int64_t store_kept_bytes(struct store *store, int64_t study)
{
    struct load load = load_begin(store, "kept_bytes", study, NULL);
    int64_t bytes = load_next(&load) ? sqlite3_column_int64(load.stmt, 0) : 0;
    load.got = SQLITE_DONE;
    load_end(&load);
    return bytes;
}

int store_load_transit(struct store *store, enum checkpoint_state state, int limit,
                       int (*visit)(void *arg, const struct row_transit *row), void *arg, struct err *err)
{
    const char *name = state == CHECKPOINT_OFFERED ? "offered_checkpoints" : "doomed_checkpoints";
    struct load load = load_begin(store, name, limit, err);
    while (load_next(&load)) {
        struct row_transit row = {
            .checkpoint = checkpoint_row(load.stmt),
            .study = text_at_col(load.stmt, 9),
            .number = (uint32_t)sqlite3_column_int64(load.stmt, 10),
            .token = text_at_col(load.stmt, 11),
            .worker = sqlite3_column_int64(load.stmt, 12),
        };
        load.rc = visit(arg, &row);
    }
    return load_end(&load);
}
