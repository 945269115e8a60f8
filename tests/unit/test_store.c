/* The store on real files: what goes in comes out, what must be refused is refused with nothing written, and what
 * was committed survives whatever happens next. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "sql/store.h"
#include "sql/store_load.h"
#include "tests/unit/test_store_room.h"

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
    store_study_wish(store, id, WISH_PAUSE);
    store_study_used(store, id, 77, 88);
    store_study_ended(store, id, "target", 9);
    store_study_reopened(store, id);
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
    struct row_trial now = {.id = trial,
                            .score = 0.75,
                            .best_epoch = 2,
                            .last_epoch = 3,
                            .until = 5,
                            .epochs = 10,
                            .own_failures = 1};
    store_trial_progress(store, &now);
    store_attempt_ended(store, &(struct row_attempt_end){trial, 1, "stopped", "budget", NULL, 6000});
    store_trial_moved(store, &(struct row_move){trial, TRIAL_running, TRIAL_pruned, "stopped", "budget", 1,
                                                6000, "{\"seq\":1}"});
    commit(store);
    store_close(store);
    store = open_db(room->db);
    int seen = 0;
    assert_int_equal(store_load_trials(store, study, see_trial, &seen, NULL), 0);
    assert_int_equal(seen, 2);
    store_close(store);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM trial_event WHERE trial = 1"), 3);
    assert_int_equal(
        ask_int(room->db, "SELECT typeof(value) = 'integer' FROM param WHERE trial = 2 AND name = 'lr'"), 1);
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
    store_attempt_ended(store, &(struct row_attempt_end){trial, 1, "lost", NULL, NULL, 1});
    store_trial_moved(
        store, &(struct row_move){trial, TRIAL_running, TRIAL_waiting, "given_back", "lost", 1, 1, NULL});
    start_attempt(store, trial, 2, worker);
    store_attempt_ended(store, &(struct row_attempt_end){trial, 2, "lost", "lease", "x", 2});
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
    store_attempt_ended(store, &(struct row_attempt_end){trial, 1, "lost", NULL, NULL, 1});
    store_trial_moved(
        store, &(struct row_move){trial, TRIAL_running, TRIAL_waiting, "given_back", "lost", 1, 1, NULL});
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

static int see_loss(void *arg, int64_t trial, int epoch, double loss)
{
    str_addf(arg, "%lld %d %g, ", (long long)trial, epoch, loss);
    return 0;
}

static void test_a_metric_comes_back_in_the_order_it_was_told(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s"), worker = join(store, "w");
    int64_t a = add_trial(store, study, 1, 1), b = add_trial(store, study, 2, 2);
    start_attempt(store, a, 1, worker);
    start_attempt(store, b, 1, worker);
    static const double losses[] = {2.5, 1.5, NAN};
    for (int i = 0; i < 3; i++) {
        struct row_epoch epoch = {i == 1 ? a : b, 1, i + 1, 0.5 * i, 1, 1};
        struct row_metric metrics[] = {{"val_loss", 9}, {"train_loss", losses[i]}};
        store_add_epoch(store, &epoch, metrics, 2);
    }
    report(store, a, 1, 3, 0.9);
    struct str seen = {0}, told = {0};
    str_addf(&told, "%lld 1 2.5, %lld 2 1.5, ", (long long)b, (long long)a);
    assert_int_equal(store_load_metric(store, study, "train_loss", see_loss, &seen, NULL), 0);
    assert_string_equal(str_text(&seen), str_text(&told));
    str_clear(&seen);
    str_clear(&told);
    assert_int_equal(store_load_metric(store, study, "val_acc", see_loss, &seen, NULL), 0);
    str_addf(&told, "%lld 1 0, %lld 2 0.5, %lld 3 1, %lld 3 0.9, ", (long long)b, (long long)a, (long long)b,
             (long long)a);
    assert_string_equal(str_text(&seen), str_text(&told));
    str_clear(&seen);
    assert_int_equal(store_load_metric(store, study, "no_such", see_loss, &seen, NULL), 0);
    assert_int_equal(seen.len, 0);
    assert_int_equal(store_load_metric(store, study, "seconds", see_loss, &seen, NULL), 0);
    assert_non_null(strstr(str_text(&seen), " 2 1, "));
    str_fini(&seen);
    str_fini(&told);
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

/* Events and epochs in one row, as text: "seq:what". */
static int see_log(void *arg, const struct row_log *row)
{
    struct str *log = arg;
    str_addf(log, "%d:", (int)row->seq);
    if (row->epoch)
        str_addf(log, "e%d a%d %g ", row->epoch, row->attempt, row->value);
    else
        str_addf(log, "%s %s%s", trial_status_name(row->to_status), row->cause ? row->cause : "",
                 row->detail ? row->detail : "");
    return 0;
}

static void test_the_log_in_order(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s"), trial = add_trial(store, study, 1, 1), worker = join(store, "w");
    start_attempt(store, trial, 1, worker);
    report(store, trial, 1, 0, 0.25); /* before training: kept, and no part of the log */
    report(store, trial, 1, 1, 0.5);
    add_trial(store, add_study(store, "other"), 1, 1);
    store_attempt_ended(store, &(struct row_attempt_end){trial, 1, "lost", NULL, NULL, 1});
    store_trial_moved(
        store, &(struct row_move){trial, TRIAL_running, TRIAL_waiting, "given_back", "lost", 1, 1, "{}"});
    start_attempt(store, trial, 2, worker);
    report(store, trial, 2, 1, 0.75);
    struct str log = {0};
    assert_int_equal(store_load_log(store, study, see_log, &log, NULL), 0);
    assert_string_equal(
        str_text(&log),
        "1:waiting {\"until\":5}2:running 4:e1 a1 0.5 6:waiting lost{}7:running 8:e1 a2 0.75 ");
    str_fini(&log);
    store_close(store);
}

static void test_newest_checkpoint(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t trial = add_trial(store, add_study(store, "s"), 1, 1), worker = join(store, "w");
    start_attempt(store, trial, 1, worker);
    for (int epoch = 1; epoch <= 4; epoch++) {
        struct row_checkpoint row = {.trial = trial,
                                     .attempt = 1,
                                     .epoch = epoch,
                                     .path = "s/t00001/a1/x",
                                     .bytes = epoch * 10,
                                     .hash = "h",
                                     .created_ms = 5};
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

/* ---- names ---- */

static void test_our_names_are_reserved(void **state)
{
    struct room *room = *state;
    store_close(open_db(room->db));
    struct rows rows;
    run_sql(room->db, "SELECT name FROM sqlite_schema", &rows);
    assert_true(rows.count > 20);
    for (size_t i = 0; i < rows.count; i++)
        if (!store_name_reserved(cell_text(rows_cell(&rows, i, 0))))
            fail_msg("%s is not reserved", cell_text(rows_cell(&rows, i, 0)));
    rows_fini(&rows);
    assert_true(store_name_reserved("Best_Trials") && store_name_reserved("sqlite_x") &&
                store_name_reserved("EPOCHS"));
    assert_false(store_name_reserved("mnist-mlp"));
}

static void refuse_study(struct store *store, const char *name, const char *param, const char *words)
{
    struct row_study study = {.name = name, .definition = "{}", .base = "/", .metric = "m", .maximize = true};
    struct row_study_param params[] = {{"lr", "log", "{}"}, {param, "log", "{}"}};
    struct err err = ERR_NONE;
    assert_int_equal(store_add_study(store, &study, params, 2, &err), ERR_BAD);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    assert_int_equal(store_failed(store), 0);
    assert_false(store_dirty(store));
}

static void test_studies_that_cannot_be(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    add_study(store, "Spiral");
    commit(store);
    refuse_study(store, "trial", "x", "the database uses it");
    refuse_study(store, "Sqlite_x", "x", "the database uses it");
    refuse_study(store, "spiral", "x", "there is a study Spiral already");
    refuse_study(store, "a b", "x", "is no name");
    refuse_study(store, "ok", "Started_At", "column of its table");
    refuse_study(store, "ok", "LR", "have the same name");
    refuse_study(store, "ok", "x\"y", "is no name");
    store_close(store);
}

/* ---- what fails in mid-turn ---- */

/* Statuses in memory and store that differ: the turn is undone, the text says what, and the next turn works. */
static void test_errors_stick_until_the_commit(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s"), trial = add_trial(store, study, 1, 1);
    commit(store);
    uint64_t seq = store_seq(store);
    add_trial(store, study, 2, 1);
    assert_int_equal(store_trial_moved(store, &(struct row_move){trial, TRIAL_running, TRIAL_complete,
                                                                 "finished", NULL, 1, 1, NULL}),
                     0);
    assert_true(store_failed(store) != 0 && store_dirty(store));
    add_trial(store, study, 3, 1); /* does nothing */
    struct err err = ERR_NONE;
    assert_true(store_commit(store, &err) < 0);
    assert_non_null(strstr(err.text, "is not running"));
    assert_int_equal(store_failed(store), 0);
    assert_int_equal(store_seq(store), seq);
    add_trial(store, study, 2, 2);
    commit(store);
    store_close(store);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM trial"), 2);
}

static void test_a_full_disk(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t trial = add_trial(store, add_study(store, "s"), 1, 1);
    start_attempt(store, trial, 1, join(store, "w"));
    report(store, trial, 1, 1, 0.1);
    commit(store);
    struct rlimit old, small = {.rlim_cur = 400000};
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    for (int epoch = 2; epoch < 20000; epoch++)
        report(store, trial, 1, epoch, 0.1);
    struct err err = ERR_NONE;
    int rc = store_commit(store, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(rc, ERR_IO);
    assert_non_null(strstr(err.hint, "nothing acknowledged is lost"));
    assert_int_equal(report(store, trial, 1, 1, 0.1), 0); /* still there */
    assert_true(report(store, trial, 1, 2, 0.1) > 0);
    commit(store);
    store_close(store);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM epoch"), 2);
}

static void test_a_rollback_forgets_the_turn(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s"), trial = add_trial(store, study, 1, 1);
    start_attempt(store, trial, 1, join(store, "w"));
    commit(store);
    uint64_t seq = store_seq(store);
    report(store, trial, 1, 1, 0.5); /* first sight of val_loss */
    add_study(store, "t");
    store_rollback(store);
    assert_false(store_dirty(store));
    assert_int_equal(store_seq(store), seq);
    store_rollback(store);
    report(store, trial, 1, 1, 0.5);
    add_study(store, "t");
    commit(store);
    store_trial_moved(store,
                      &(struct row_move){trial, TRIAL_paused, TRIAL_waiting, "promoted", NULL, 1, 1, NULL});
    store_rollback(store);
    assert_int_equal(store_failed(store), 0);
    store_close(store);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM metric WHERE name = 'val_loss'"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_ROOM(test_study_comes_back),
        IN_A_ROOM(test_trials_come_back),
        IN_A_ROOM(test_open_attempts_come_back),
        IN_A_ROOM(test_newest_attempt_of_an_epoch_counts),
        IN_A_ROOM(test_a_metric_comes_back_in_the_order_it_was_told),
        IN_A_ROOM(test_a_report_sent_twice_changes_nothing),
        IN_A_ROOM(test_seq_goes_on_after_a_restart),
        IN_A_ROOM(test_the_log_in_order),
        IN_A_ROOM(test_newest_checkpoint),
        IN_A_ROOM(test_memory_store),
        IN_A_ROOM(test_our_names_are_reserved),
        IN_A_ROOM(test_studies_that_cannot_be),
        IN_A_ROOM(test_errors_stick_until_the_commit),
        IN_A_ROOM(test_a_full_disk),
        IN_A_ROOM(test_a_rollback_forgets_the_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
