#include <math.h>
#include <string.h>

#include "common/check.h"
#include "common/str.h"
#include "sql/store_inner.h"

/* ---- workers ---- */

void store_worker_joined(struct store *store, struct row_worker *worker, int64_t now_ms)
{
    struct put put = put_begin(store, "add_worker");
    put_text(&put, worker->uuid);
    put_text(&put, worker->name);
    put_text(&put, worker->host);
    put_text(&put, worker->version);
    put_text(&put, worker->platform);
    put_int(&put, worker->pid);
    put_int(&put, worker->slots);
    put_text(&put, worker->gpus ? worker->gpus : "");
    put_int(&put, now_ms);
    if (put_run(&put) < 0)
        return;
    struct put find = put_begin(store, "worker_id");
    put_text(&find, worker->uuid);
    if (find.stmt && sqlite3_step(find.stmt) == SQLITE_ROW) {
        worker->id = sqlite3_column_int64(find.stmt, 0);
        const char *mode = (const char *)sqlite3_column_text(find.stmt, 1);
        worker->mode = strcmp(mode, "draining") == 0      ? WORKER_DRAINING
                       : strcmp(mode, "quarantined") == 0 ? WORKER_QUARANTINED
                                                          : WORKER_OPEN;
        worker->failed_in_row = sqlite3_column_int(find.stmt, 2);
    }
    if (find.stmt)
        sqlite3_reset(find.stmt);
}

void store_worker_mode(struct store *store, int64_t worker, enum worker_mode mode, int failed_in_row)
{
    static const char *const names[] = {"open", "draining", "quarantined"};
    struct put put = put_begin(store, "set_worker_mode");
    put_text(&put, names[mode]);
    put_int(&put, failed_in_row);
    put_int(&put, worker);
    put_run(&put);
}

void store_worker_gpus_out(struct store *store, int64_t worker, const char *gpus)
{
    struct put put = put_begin(store, "set_worker_gpus_out");
    put_text(&put, gpus);
    put_int(&put, worker);
    put_run(&put);
}

int store_workers_lost(struct store *store, int64_t trial)
{
    struct put find = put_begin(store, "workers_lost");
    put_int(&find, trial);
    int count = find.stmt && sqlite3_step(find.stmt) == SQLITE_ROW ? sqlite3_column_int(find.stmt, 0) : 0;
    if (find.stmt)
        sqlite3_reset(find.stmt);
    return count;
}

int64_t store_attempt_worker(struct store *store, int64_t trial, int64_t attempt)
{
    struct put find = put_begin(store, "attempt_worker");
    put_int(&find, trial);
    put_int(&find, attempt);
    int64_t worker =
        find.stmt && sqlite3_step(find.stmt) == SQLITE_ROW ? sqlite3_column_int64(find.stmt, 0) : 0;
    if (find.stmt)
        sqlite3_reset(find.stmt);
    return worker;
}

void store_worker_left(struct store *store, int64_t worker, const char *why, int64_t now_ms)
{
    struct put put = put_begin(store, "set_worker_left");
    put_int(&put, now_ms);
    put_text(&put, why);
    put_int(&put, worker);
    put_run(&put);
}

/* ---- trials ---- */

/* `from` may be that of a trial that is new: none. */
static uint64_t put_event(struct store *store, const struct row_move *move, const char *from)
{
    uint64_t seq = store->seq + 1;
    struct put put = put_begin(store, "add_event");
    put_int(&put, (int64_t)seq);
    put_int(&put, move->trial);
    put_int(&put, move->at_ms);
    put_text(&put, move->event);
    put_text(&put, from);
    put_text(&put, trial_status_name(move->to));
    put_text(&put, move->cause);
    put_opt(&put, move->attempt);
    put_text(&put, move->detail);
    return put_run(&put) < 0 ? 0 : (store->seq = seq);
}

/* Whole numbers become INTEGER, so that 128 reads 128; -0.0 stays what it is. */
static void put_value(struct store *store, int64_t trial, const struct row_value *value)
{
    static const double exact_below = 9007199254740992.0; /* 2^53 */
    struct put put = put_begin(store, "add_param");
    put_int(&put, trial);
    put_text(&put, value->name);
    double number = value->number;
    if (!value->is_number)
        put_text(&put, value->text);
    else if (number == trunc(number) && fabs(number) < exact_below && !(number == 0 && signbit(number)))
        put_int(&put, (int64_t)number);
    else
        put_num(&put, number);
    put_run(&put);
}

static void put_trial(struct put *put, const struct row_trial *trial)
{
    put_int(put, trial->study);
    put_int(put, trial->number);
    put_int(put, trial->group);
    put_int(put, trial->repeat);
    put_text(put, trial_status_name(trial->status));
    put_text(put, trial->cause);
    put_int(put, (int64_t)trial->seed);
    put_text(put, trial->sampler);
    put_int(put, trial->sampler_version);
    put_int(put, (int64_t)trial->seq_cut);
    put_text(put, trial->why);
    put_text(put, trial->platform);
    put_text(put, trial->fit);
    put_int(put, trial->attempt);
    put_int(put, trial->until);
    put_int(put, trial->epochs);
    put_int(put, trial->last_epoch);
    put_opt(put, trial->best_epoch);
    put_num(put, trial->best_epoch ? trial->score : NAN);
    put_int(put, trial->own_failures);
    put_int(put, trial->lost_on);
    put_int(put, trial->created_ms);
    put_opt(put, trial->started_ms);
    put_opt(put, trial->ended_ms);
}

void store_add_trial(struct store *store, struct row_trial *trial, const struct row_value *values, int count)
{
    PRE(trial->status == TRIAL_waiting);
    struct put put = put_begin(store, "add_trial");
    put_trial(&put, trial);
    if (put_run(&put) < 0)
        return;
    trial->id = sqlite3_last_insert_rowid(store->conn.db);
    known_add_trial(store, trial->id, trial->study);
    for (int i = 0; i < count; i++)
        put_value(store, trial->id, &values[i]);
    struct str detail = {0};
    str_addf(&detail, "{\"until\":%d", trial->until);
    if (trial->given)
        str_addf(&detail, ",\"given\":%s", trial->given);
    str_add(&detail, "}");
    struct row_move move = {.trial = trial->id,
                            .to = TRIAL_waiting,
                            .event = trial->given ? "enqueued" : "sampled",
                            .cause = trial->cause,
                            .at_ms = trial->created_ms,
                            .detail = str_text(&detail)};
    put_event(store, &move, NULL);
    str_fini(&detail);
}

/* Memory and store disagree about a status: our own bug, but not one to lose acknowledged epochs for. */
static void fail_move(struct store *store, int64_t trial, const char *from, const char *to)
{
    struct err why = ERR_NONE;
    err_set(&why, ERR_IO, "%s: trial with id %lld is not %s, so it cannot become %s", store->path,
            (long long)trial, from, to);
    store_fail(store, &why);
}

uint64_t store_trial_moved(struct store *store, const struct row_move *move)
{
    const char *from = trial_status_name(move->from), *to = trial_status_name(move->to);
    struct put put = put_begin(store, "move_trial");
    put_text(&put, to);
    put_text(&put, move->cause);
    put_int(&put, move->attempt);
    put_opt(&put, trial_status_is_final(move->to) ? move->at_ms : 0);
    put_opt(&put, move->to == TRIAL_running ? move->at_ms : 0);
    put_int(&put, move->trial);
    put_text(&put, from);
    if (put_run(&put) == 0)
        fail_move(store, move->trial, from, to);
    return put_event(store, move, from);
}

uint64_t store_trial_deleted(struct store *store, int64_t trial, enum trial_status status, int attempt,
                             int64_t now_ms)
{
    struct put put = put_begin(store, "set_trial_deleted");
    put_int(&put, now_ms);
    put_int(&put, trial);
    put_run(&put);
    struct row_move move = {trial, status, status, "deleted", "deleted", attempt, now_ms, NULL};
    return put_event(store, &move, trial_status_name(status));
}

void store_trial_progress(struct store *store, const struct row_trial *trial)
{
    struct put put = put_begin(store, "set_trial_progress");
    put_num(&put, trial->best_epoch ? trial->score : NAN);
    put_opt(&put, trial->best_epoch);
    put_int(&put, trial->last_epoch);
    put_int(&put, trial->until);
    put_int(&put, trial->epochs);
    put_int(&put, trial->own_failures);
    put_int(&put, trial->lost_on);
    put_int(&put, trial->id);
    put_run(&put);
}
