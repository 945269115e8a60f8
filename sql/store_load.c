/* Rebuilding the master's memory: every row again, in the order of its key. */
#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"
#include "common/str.h"
#include "sql/store_inner.h"

const char *text_at_col(sqlite3_stmt *stmt, int col)
{
    return (const char *)sqlite3_column_text(stmt, col);
}

double num_at_col(sqlite3_stmt *stmt, int col)
{
    return sqlite3_column_type(stmt, col) == SQLITE_NULL ? NAN : sqlite3_column_double(stmt, col);
}

struct load load_begin(struct store *store, const char *name, int64_t id, struct err *err)
{
    struct load load = {.store = store, .err = err, .got = SQLITE_DONE};
    load.rc = conn_stmt(&store->conn, name, &load.stmt, err);
    store->damaged = store->damaged || load.rc;
    if (load.rc)
        return load;
    PRE(!sqlite3_stmt_busy(load.stmt));
    sqlite3_bind_int64(load.stmt, 1, id);
    return load;
}

bool load_next(struct load *load)
{
    if (load->rc)
        return false;
    load->got = sqlite3_step(load->stmt);
    return load->got == SQLITE_ROW;
}

int load_end(struct load *load)
{
    if (!load->rc && load->got != SQLITE_DONE) {
        load->rc = conn_fail(&load->store->conn, load->got, load->err);
        load->store->damaged = true;
    }
    if (load->stmt)
        sqlite3_reset(load->stmt);
    return load->rc;
}

bool store_is_damaged(const struct store *store)
{
    return store->damaged;
}

/* A CHECK of schema.sql sees to it, but not where somebody has turned the checks off. */
static int read_status(const char *column, const char *text, enum trial_status *out, struct err *err)
{
    if (trial_status_parse(text ? text : "", out))
        return 0;
    return err_set(err, ERR_BAD, "%s: \"%.40s\" is no status", column, text ? text : "NULL");
}

/* ---- trials ---- */

/* The values of one trial; texts are kept in one block, for a statement's own die with its next step. */
struct values {
    struct row_value *items;
    size_t count, room;
    struct str texts;
};

static void add_value(struct values *values, sqlite3_stmt *stmt)
{
    GROW(values->items, values->room, values->count + 1);
    struct row_value *value = &values->items[values->count++];
    *value = (struct row_value){.is_number = sqlite3_column_type(stmt, 1) != SQLITE_TEXT};
    /* Offsets for now: the block may still move. */
    value->name = (const char *)values->texts.len;
    str_addn(&values->texts, text_at_col(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0) + 1);
    if (value->is_number) {
        value->number = sqlite3_column_double(stmt, 1);
        return;
    }
    value->text = (const char *)values->texts.len;
    str_addn(&values->texts, text_at_col(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1) + 1);
}

static int load_values(struct store *store, int64_t trial, struct values *values, struct err *err)
{
    values->count = 0;
    str_clear(&values->texts);
    struct load load = load_begin(store, "load_params", trial, err);
    while (load_next(&load))
        add_value(values, load.stmt);
    for (size_t i = 0; i < values->count; i++) {
        values->items[i].name = values->texts.text + (size_t)values->items[i].name;
        if (!values->items[i].is_number)
            values->items[i].text = values->texts.text + (size_t)values->items[i].text;
    }
    return load_end(&load);
}

static struct row_trial trial_row(sqlite3_stmt *stmt)
{
    return (struct row_trial){
        .id = sqlite3_column_int64(stmt, 0),
        .study = sqlite3_column_int64(stmt, 1),
        .number = (uint32_t)sqlite3_column_int64(stmt, 2),
        .group = (uint32_t)sqlite3_column_int64(stmt, 3),
        .repeat = sqlite3_column_int(stmt, 4),
        .cause = text_at_col(stmt, 6),
        .seed = (uint64_t)sqlite3_column_int64(stmt, 7),
        .sampler = text_at_col(stmt, 8),
        .sampler_version = sqlite3_column_int(stmt, 9),
        .seq_cut = (uint64_t)sqlite3_column_int64(stmt, 10),
        .why = text_at_col(stmt, 11),
        .platform = text_at_col(stmt, 12),
        .fit = text_at_col(stmt, 13),
        .attempt = sqlite3_column_int(stmt, 14),
        .until = sqlite3_column_int(stmt, 15),
        .epochs = sqlite3_column_int(stmt, 16),
        .last_epoch = sqlite3_column_int(stmt, 17),
        .best_epoch = sqlite3_column_int(stmt, 18),
        .score = num_at_col(stmt, 19),
        .own_failures = sqlite3_column_int(stmt, 20),
        .lost_on = sqlite3_column_int(stmt, 21),
        .created_ms = sqlite3_column_int64(stmt, 22),
        .started_ms = sqlite3_column_int64(stmt, 23),
        .ended_ms = sqlite3_column_int64(stmt, 24),
    };
}

int store_load_trials(struct store *store, int64_t study,
                      int (*visit)(void *arg, const struct row_trial *row, const struct row_value *values,
                                   int count),
                      void *arg, struct err *err)
{
    struct values values = {0};
    struct load load = load_begin(store, "load_trials", study, err);
    while (load_next(&load)) {
        struct row_trial row = trial_row(load.stmt);
        load.rc = read_status("trial.status", text_at_col(load.stmt, 5), &row.status, err);
        if (!load.rc)
            load.rc = load_values(store, row.id, &values, err);
        if (!load.rc)
            load.rc = visit(arg, &row, values.items, (int)values.count);
    }
    free(values.items);
    str_fini(&values.texts);
    return load_end(&load);
}

/* ---- the log ---- */

static struct row_log log_row(sqlite3_stmt *stmt)
{
    return (struct row_log){
        .seq = (uint64_t)sqlite3_column_int64(stmt, 0),
        .trial = sqlite3_column_int64(stmt, 1),
        .cause = text_at_col(stmt, 3),
        .attempt = sqlite3_column_int(stmt, 4),
        .epoch = sqlite3_column_int(stmt, 5),
        .value = num_at_col(stmt, 6),
        .detail = text_at_col(stmt, 7),
        .walls = text_at_col(stmt, 8),
        .stage = sqlite3_column_int(stmt, 9),
        .carried = sqlite3_column_int(stmt, 10),
        .trials = sqlite3_column_int(stmt, 11),
        .more = {num_at_col(stmt, 12), num_at_col(stmt, 13)},
    };
}

int store_load_log(struct store *store, int64_t study, int (*visit)(void *arg, const struct row_log *row),
                   void *arg, struct err *err)
{
    struct load load = load_begin(store, "load_log", study, err);
    while (load_next(&load)) {
        struct row_log row = log_row(load.stmt);
        if (!row.epoch && !row.walls)
            load.rc = read_status("trial_event.to_status", text_at_col(load.stmt, 2), &row.to_status, err);
        if (!load.rc)
            load.rc = visit(arg, &row);
    }
    return load_end(&load);
}

/* ---- attempts and epochs ---- */

int store_load_attempts(struct store *store, int64_t study,
                        int (*visit)(void *arg, const struct row_attempt *row), void *arg, struct err *err)
{
    struct load load = load_begin(store, "load_attempts", study, err);
    while (load_next(&load)) {
        struct row_attempt row = {
            .trial = sqlite3_column_int64(load.stmt, 0),
            .attempt = sqlite3_column_int(load.stmt, 1),
            .worker = sqlite3_column_int64(load.stmt, 2),
            .token = text_at_col(load.stmt, 3),
            .from_epoch = sqlite3_column_int(load.stmt, 4),
            .started_ms = sqlite3_column_int64(load.stmt, 5),
            .ended_ms = sqlite3_column_int64(load.stmt, 6),
            .outcome = text_at_col(load.stmt, 7),
            .cause = text_at_col(load.stmt, 8),
            .detail = text_at_col(load.stmt, 9),
        };
        load.rc = visit(arg, &row);
    }
    return load_end(&load);
}

int store_load_epochs(struct store *store, int64_t study,
                      int (*visit)(void *arg, const struct row_epoch *row, uint64_t seq), void *arg,
                      struct err *err)
{
    struct load load = load_begin(store, "load_epochs", study, err);
    while (load_next(&load)) {
        struct row_epoch row = {
            .trial = sqlite3_column_int64(load.stmt, 0),
            .attempt = sqlite3_column_int(load.stmt, 1),
            .epoch = sqlite3_column_int(load.stmt, 2),
            .value = num_at_col(load.stmt, 3),
            .seconds = num_at_col(load.stmt, 4),
            .received_ms = sqlite3_column_int64(load.stmt, 5),
        };
        load.rc = visit(arg, &row, (uint64_t)sqlite3_column_int64(load.stmt, 6));
    }
    return load_end(&load);
}

int store_load_metric(struct store *store, int64_t study, const char *name,
                      int (*visit)(void *arg, int64_t trial, int epoch, double value), void *arg,
                      struct err *err)
{
    struct load load = load_begin(store, "load_metric", study, err);
    if (!load.rc)
        sqlite3_bind_text(load.stmt, 2, name, -1, SQLITE_TRANSIENT);
    while (load_next(&load))
        load.rc = visit(arg, sqlite3_column_int64(load.stmt, 0), sqlite3_column_int(load.stmt, 1),
                        sqlite3_column_double(load.stmt, 2));
    return load_end(&load);
}
