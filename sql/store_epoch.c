/* Attempts and what they leave: epochs, metrics, checkpoints. store_add_epoch is the hot path of the master. */
#include <string.h>

#include "common/check.h"
#include "sql/store_inner.h"

void store_attempt_started(struct store *store, const struct row_attempt *attempt)
{
    struct put put = put_begin(store, "add_attempt");
    put_int(&put, attempt->trial);
    put_int(&put, attempt->attempt);
    put_int(&put, attempt->worker);
    put_text(&put, attempt->token);
    put_int(&put, attempt->from_epoch);
    put_int(&put, attempt->started_ms);
    put_run(&put);
}

void store_attempt_ended(struct store *store, const struct row_attempt_end *end)
{
    struct put put = put_begin(store, "set_attempt_ended");
    put_text(&put, end->outcome);
    put_text(&put, end->cause);
    put_text(&put, end->detail);
    put_int(&put, end->ended_ms);
    put_int(&put, end->trial);
    put_int(&put, end->attempt);
    put_run(&put);
}

void store_attempt_reinstated(struct store *store, int64_t trial, int attempt, int64_t worker)
{
    struct put put = put_begin(store, "set_attempt_open");
    put_int(&put, worker);
    put_int(&put, trial);
    put_int(&put, attempt);
    put_run(&put);
}

static void put_metric(struct store *store, const struct row_epoch *epoch, int64_t id, double value)
{
    struct put put = put_begin(store, "add_epoch_metric");
    put_int(&put, epoch->trial);
    put_int(&put, epoch->epoch);
    put_int(&put, epoch->attempt);
    put_int(&put, id);
    put_num(&put, value);
    put_run(&put);
}

/* The study's own metric is epoch.value and not said twice. */
static void put_metrics(struct store *store, const struct row_epoch *epoch, const struct row_metric *metrics,
                        int count)
{
    struct known_study *study = known_study_of(store, epoch->trial);
    PRE(study);
    size_t place = 0;
    for (int i = 0; i < count; i++) {
        if (strcmp(metrics[i].name, study->metric) == 0)
            continue;
        int64_t id = known_metric_id(store, study, place++, metrics[i].name);
        if (id)
            put_metric(store, epoch, id, metrics[i].value);
    }
}

uint64_t store_add_epoch(struct store *store, const struct row_epoch *epoch, const struct row_metric *metrics,
                         int count)
{
    uint64_t seq = store->seq + 1;
    struct put put = put_begin(store, "add_epoch");
    put_int(&put, epoch->trial);
    put_int(&put, epoch->epoch);
    put_int(&put, epoch->attempt);
    put_int(&put, (int64_t)seq);
    put_num(&put, epoch->value);
    put_num(&put, epoch->seconds);
    put_int(&put, epoch->received_ms);
    if (put_run(&put) <= 0)
        return 0;
    store->seq = seq;
    if (count)
        put_metrics(store, epoch, metrics, count);
    return seq;
}

static const char *const states[] = {"kept", "offered", "doomed", "gone"}; /* enum checkpoint_state */

void store_checkpoint_state(struct store *store, int64_t trial, int attempt, int epoch,
                            enum checkpoint_state state, const char *path)
{
    struct put put = put_begin(store, "set_checkpoint_state");
    put_text(&put, states[state]);
    put_text(&put, path);
    put_int(&put, trial);
    put_int(&put, attempt);
    put_int(&put, epoch);
    put_run(&put);
}

void store_checkpoints_fenced(struct store *store, int64_t trial)
{
    struct put put = put_begin(store, "fence_checkpoints");
    put_int(&put, trial);
    put_run(&put);
}

bool store_add_checkpoint(struct store *store, const struct row_checkpoint *checkpoint)
{
    struct put put = put_begin(store, "add_checkpoint");
    put_int(&put, checkpoint->trial);
    put_int(&put, checkpoint->attempt);
    put_int(&put, checkpoint->epoch);
    put_text(&put, checkpoint->path);
    put_int(&put, checkpoint->bytes);
    put_text(&put, checkpoint->hash);
    put_int(&put, checkpoint->created_ms);
    put_text(&put, states[checkpoint->state]);
    return put_run(&put) > 0;
}

void store_add_finding(struct store *store, const struct row_finding *finding)
{
    struct put put = put_begin(store, "add_finding");
    put_int(&put, finding->trial);
    put_int(&put, finding->attempt);
    put_int(&put, finding->epoch);
    put_text(&put, finding->rule);
    put_text(&put, finding->action);
    put_text(&put, finding->text);
    put_text(&put, finding->advice);
    put_run(&put);
}

bool store_finding_known(struct store *store, int64_t study, int64_t trial, const char *rule,
                         const char *part)
{
    struct put find = put_begin(store, "finding_known");
    put_int(&find, study);
    put_int(&find, trial);
    put_text(&find, rule);
    put_text(&find, part);
    bool known = find.stmt && sqlite3_step(find.stmt) == SQLITE_ROW && sqlite3_column_int64(find.stmt, 0) > 0;
    if (find.stmt)
        sqlite3_reset(find.stmt);
    return known;
}
