/* The store on real files: what goes in comes out, what must be refused is refused with nothing written, and what
 * was committed survives whatever happens next. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "sql/migrate.h"
#include "sql/place.h"
#include "sql/query.h"
#include "sql/store.h"
#include "sql/text.h"

/* ---- a folder of its own for every test ---- */

struct room {
    char dir[64];
    char *db;
};

static int enter(void **state)
{
    struct room *room = xcalloc(1, sizeof *room);
    strcpy(room->dir, "/tmp/hone-test-XXXXXX");
    if (!mkdtemp(room->dir))
        return -1;
    room->db = path_join(room->dir, "a.db");
    *state = room;
    return 0;
}

static int leave(void **state)
{
    struct room *room = *state;
    char *command = xasprintf("chmod -R u+w '%s'; rm -rf '%s'", room->dir, room->dir);
    int rc = system(command);
    free(command);
    free(room->db);
    free(room);
    return rc;
}

static struct store *open_db(const char *path)
{
    struct err err = ERR_NONE;
    struct store *store = NULL;
    if (store_open(path, NULL, &store, &err))
        fail_msg("%s (%s)", err.text, err.hint);
    return store;
}

static void commit(struct store *store)
{
    struct err err = ERR_NONE;
    if (store_commit(store, &err))
        fail_msg("%s", err.text);
}

static void run_sql(const char *db, const char *sql, struct rows *out)
{
    struct err err = ERR_NONE;
    struct query *query;
    if (query_open(db, &query, &err) || query_sql(query, sql, 0, out, &err))
        fail_msg("%s: %s", sql, err.text);
    query_close(query);
}

static int64_t ask_int(const char *db, const char *sql)
{
    struct rows rows;
    run_sql(db, sql, &rows);
    assert_int_equal(rows.count, 1);
    int64_t value = cell_int(rows_cell(&rows, 0, 0));
    rows_fini(&rows);
    return value;
}

static int files_in(const char *dir)
{
    char *command = xasprintf("test $(ls -A '%s' | wc -l) -eq 2", dir);
    int status = system(command);
    free(command);
    return status;
}

/* ---- a small study ---- */

static const struct row_study_param two_params[] = {
    {"lr", "log", "{\"log\":[0.0001,1]}"},
    {"optimizer", "choice", "{\"choice\":[\"sgd\",\"adam\"]}"},
};

static int64_t add_study(struct store *store, const char *name)
{
    struct row_study study = {
        .name = name, .definition = "{\"study\":1}", .base = "/tmp", .seed = UINT64_MAX - 5, .priority = 1, .weight = 2,
        .created_ms = 1000,
    };
    struct err err = ERR_NONE;
    if (store_add_study(store, &study, two_params, 2, "val_acc", true, &err))
        fail_msg("%s", err.text);
    return study.id;
}

static int64_t add_trial(struct store *store, int64_t study, uint32_t number, double lr)
{
    struct row_trial trial = {
        .study = study, .number = number, .group = number, .status = TRIAL_waiting, .seed = 1ull << 63,
        .sampler = "random", .sampler_version = 1, .seq_cut = store_seq(store), .why = "drawn", .platform = "test",
        .until = 5, .epochs = 10, .score = NAN, .created_ms = 2000 + number,
    };
    struct row_value values[] = {{.name = "lr", .is_number = true, .number = lr}, {.name = "optimizer", .text = "adam"}};
    store_add_trial(store, &trial, values, 2);
    return trial.id;
}

static int64_t join(struct store *store, const char *uuid)
{
    struct row_worker worker = {.uuid = uuid, .name = uuid, .host = "node1", .version = "0", .platform = "test",
                                .pid = 7, .slots = 2};
    store_worker_joined(store, &worker, 1500);
    return worker.id;
}

static void start_attempt(struct store *store, int64_t trial, int attempt, int64_t worker)
{
    struct row_attempt row = {.trial = trial, .attempt = attempt, .worker = worker, .token = "t", .started_ms = 3000};
    store_attempt_started(store, &row);
    store_trial_moved(store, trial, TRIAL_waiting, TRIAL_running, "dispatched", NULL, attempt, 3000, NULL);
}

static uint64_t report(struct store *store, int64_t trial, int attempt, int epoch, double value)
{
    struct row_metric metrics[] = {{"val_acc", value}, {"val_loss", 1 - value}};
    struct row_epoch row = {.trial = trial, .attempt = attempt, .epoch = epoch, .value = value, .seconds = 0.5,
                            .received_ms = 4000 + epoch};
    return store_add_epoch(store, &row, metrics, 2);
}

/* ---- round trips ---- */

static int see_study(void *arg, const struct row_study *row)
{
    int *seen = arg;
    assert_string_equal(row->name, "mnist-mlp");
    assert_string_equal(row->definition, "{\"study\":1}");
    assert_true(row->seed == UINT64_MAX - 5);
    assert_true(row->priority == 1 && row->weight == 2);
    assert_int_equal(row->wish, WISH_PAUSE);
    assert_int_equal(row->wall_used_ms, 77);
    assert_int_equal(row->slot_used_ms, 88);
    assert_int_equal(row->ended_ms, 0);
    assert_null(row->end_reason);
    ++*seen;
    return 0;
}

static void test_study_comes_back(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t id = add_study(store, "mnist-mlp");
    store_study_wish(store, id, WISH_PAUSE, 5);
    store_study_used(store, id, 77, 88);
    store_study_ended(store, id, "target", 9);
    store_study_reopened(store, id, 10);
    commit(store);
    store_close(store);
    store = open_db(room->db);
    int seen = 0;
    assert_int_equal(store_load_studies(store, see_study, &seen, NULL), 0);
    assert_int_equal(seen, 1);
    store_close(store);
}

static int see_trial(void *arg, const struct row_trial *row, const struct row_value *values, int count)
{
    int *seen = arg;
    ++*seen;
    assert_int_equal(row->number, *seen);
    assert_true(row->seed == 1ull << 63);
    assert_string_equal(row->sampler, "random");
    assert_string_equal(row->why, "drawn");
    assert_int_equal(count, 2);
    assert_string_equal(values[0].name, "lr");
    assert_true(values[0].is_number && values[0].number == (row->number == 1 ? 0.1 + 0.2 : 128));
    assert_string_equal(values[1].text, "adam");
    assert_int_equal(row->until, 5);
    if (row->number == 2) {
        assert_int_equal(row->status, TRIAL_waiting);
        assert_true(isnan(row->score) && row->best_epoch == 0 && row->started_ms == 0);
        return 0;
    }
    assert_int_equal(row->status, TRIAL_pruned);
    assert_string_equal(row->cause, "budget");
    assert_true(row->score == 0.75 && row->best_epoch == 2 && row->last_epoch == 3);
    assert_int_equal(row->started_ms, 3000);
    assert_int_equal(row->ended_ms, 6000);
    assert_int_equal(row->attempt, 1);
    assert_int_equal(row->own_failures, 1);
    return 0;
}

static void test_trials_come_back(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s");
    int64_t trial = add_trial(store, study, 1, 0.1 + 0.2);
    add_trial(store, study, 2, 128);
    start_attempt(store, trial, 1, join(store, "w"));
    struct row_trial now = {.id = trial, .score = 0.75, .best_epoch = 2, .last_epoch = 3, .until = 5, .epochs = 10,
                            .own_failures = 1};
    store_trial_progress(store, &now);
    store_attempt_ended(store, trial, 1, "stopped", "budget", NULL, 6000);
    store_trial_moved(store, trial, TRIAL_running, TRIAL_pruned, "stopped", "budget", 1, 6000, "{\"seq\":1}");
    commit(store);
    store_close(store);
    store = open_db(room->db);
    int seen = 0;
    assert_int_equal(store_load_trials(store, study, see_trial, &seen, NULL), 0);
    assert_int_equal(seen, 2);
    store_close(store);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM trial_event WHERE trial = 1"), 3);
    assert_int_equal(ask_int(room->db, "SELECT typeof(value) = 'integer' FROM param WHERE trial = 2 AND name = 'lr'"), 1);
}

static int see_attempt(void *arg, const struct row_attempt *row)
{
    int *seen = arg;
    assert_int_equal(row->attempt, 2);
    assert_string_equal(row->token, "t");
    assert_null(row->outcome);
    ++*seen;
    return 0;
}

static void test_open_attempts_come_back(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s"), trial = add_trial(store, study, 1, 1), worker = join(store, "w");
    start_attempt(store, trial, 1, worker);
    store_attempt_ended(store, trial, 1, "lost", NULL, NULL, 1);
    store_trial_moved(store, trial, TRIAL_running, TRIAL_waiting, "given_back", "lost", 1, 1, NULL);
    start_attempt(store, trial, 2, worker);
    store_attempt_ended(store, trial, 2, "lost", "lease", "x", 2);
    store_attempt_reinstated(store, trial, 2, worker);
    commit(store);
    int seen = 0;
    assert_int_equal(store_load_attempts(store, study, see_attempt, &seen, NULL), 0);
    assert_int_equal(seen, 1);
    assert_int_equal(join(store, "w"), worker);
    store_close(store);
}

struct curve {
    int epochs[16], attempts[16], count;
    double values[16];
    uint64_t last_seq;
};

static int see_epoch(void *arg, const struct row_epoch *row, uint64_t seq)
{
    struct curve *curve = arg;
    curve->epochs[curve->count] = row->epoch;
    curve->attempts[curve->count] = row->attempt;
    curve->values[curve->count++] = row->value;
    curve->last_seq = seq;
    return 0;
}

static void test_newest_attempt_of_an_epoch_counts(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s"), trial = add_trial(store, study, 1, 1), worker = join(store, "w");
    start_attempt(store, trial, 1, worker);
    for (int epoch = 1; epoch <= 3; epoch++)
        report(store, trial, 1, epoch, epoch / 10.0);
    store_attempt_ended(store, trial, 1, "lost", NULL, NULL, 1);
    store_trial_moved(store, trial, TRIAL_running, TRIAL_waiting, "given_back", "lost", 1, 1, NULL);
    start_attempt(store, trial, 2, worker);
    report(store, trial, 2, 2, NAN);
    struct curve curve = {0};
    assert_int_equal(store_load_epochs(store, study, see_epoch, &curve, NULL), 0);
    assert_int_equal(curve.count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(curve.epochs[i], i + 1);
    assert_int_equal(curve.attempts[0], 1);
    assert_int_equal(curve.attempts[1], 2);
    assert_int_equal(curve.attempts[2], 1);
    assert_true(isnan(curve.values[1]) && curve.values[2] == 0.3);
    store_close(store);
}

static void test_a_report_sent_twice_changes_nothing(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t trial = add_trial(store, add_study(store, "s"), 1, 1);
    start_attempt(store, trial, 1, join(store, "w"));
    uint64_t seq = report(store, trial, 1, 1, 0.5);
    assert_int_equal(seq, store_seq(store));
    assert_int_equal(report(store, trial, 1, 1, 0.9), 0);
    assert_int_equal(store_seq(store), seq);
    commit(store);
    assert_int_equal(report(store, trial, 1, 1, 0.9), 0);
    commit(store);
    store_close(store);
    assert_int_equal(ask_int(room->db, "SELECT count(*) = 1 AND max(value) = 0.5 FROM epoch"), 1);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM epoch_metric"), 1);
}

static void test_seq_goes_on_after_a_restart(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t trial = add_trial(store, add_study(store, "s"), 1, 1);
    start_attempt(store, trial, 1, join(store, "w"));
    uint64_t seq = report(store, trial, 1, 1, 0.5);
    commit(store);
    store_close(store);
    store = open_db(room->db);
    assert_int_equal(store_seq(store), seq);
    assert_int_equal(report(store, trial, 1, 2, 0.5), seq + 1);
    store_close(store);
    store = open_db(room->db);
    assert_int_equal(store_seq(store), seq); /* not committed, not there */
    store_close(store);
}

static void test_newest_checkpoint(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t trial = add_trial(store, add_study(store, "s"), 1, 1), worker = join(store, "w");
    start_attempt(store, trial, 1, worker);
    for (int epoch = 1; epoch <= 4; epoch++) {
        struct row_checkpoint row = {.trial = trial, .attempt = 1, .epoch = epoch, .path = "s/t00001/a1/x",
                                     .bytes = epoch * 10, .hash = "h", .created_ms = 5};
        store_add_checkpoint(store, &row);
    }
    commit(store);
    struct row_checkpoint found;
    assert_int_equal(store_last_checkpoint(store, trial, 3, &found, NULL), 0);
    assert_int_equal(found.epoch, 3);
    assert_int_equal(found.bytes, 30);
    assert_string_equal(found.path, "s/t00001/a1/x");
    assert_int_equal(store_last_checkpoint(store, trial, 0, &found, NULL), ERR_GONE);
    store_close(store);
}

static void test_memory_store(void **state)
{
    (void)state;
    struct store_options options = {.memory = true};
    struct store *store;
    assert_int_equal(store_open(NULL, &options, &store, NULL), 0);
    int64_t trial = add_trial(store, add_study(store, "s"), 1, 1);
    start_attempt(store, trial, 1, join(store, "w"));
    report(store, trial, 1, 1, 0.5);
    commit(store);
    assert_string_equal(store_root(store), "");
    store_close(store);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, enter, leave)
    const struct CMUnitTest tests[] = {
        TEST(test_study_comes_back),
        TEST(test_trials_come_back),
        TEST(test_open_attempts_come_back),
        TEST(test_newest_attempt_of_an_epoch_counts),
        TEST(test_a_report_sent_twice_changes_nothing),
        TEST(test_seq_goes_on_after_a_restart),
        TEST(test_newest_checkpoint),
        TEST(test_memory_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
