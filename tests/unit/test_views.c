/* The views people ask, on a small study whose answers are known by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "sql/stmt.h"
#include "tests/unit/test_store_room.h"

/* One row as text, cells parted by blanks, NULL as "-", numbers as %g: short enough to write down in a test. */
static void row_text(const struct rows *rows, size_t row, struct str *out)
{
    for (int i = 0; i < rows->cols; i++) {
        const struct cell *cell = rows_cell(rows, row, i);
        str_add(out, i ? " " : "");
        if (cell->kind == CELL_NULL)
            str_add(out, "-");
        else if (cell->kind == CELL_TEXT)
            str_add(out, cell->text);
        else
            str_addf(out, "%g", cell_num(cell));
    }
}

/* All rows of a statement, each ended by "; ". */
static void expect(const char *db, const char *sql, const char *wanted)
{
    struct rows rows;
    struct str found = {0};
    run_sql(db, sql, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        row_text(&rows, i, &found);
        str_add(&found, "; ");
    }
    if (strcmp(str_text(&found), wanted) != 0)
        fail_msg("%s\n  gave   %s\n  wanted %s", sql, str_text(&found), wanted);
    str_fini(&found);
    rows_fini(&rows);
}

static void move(struct store *store, int64_t trial, enum trial_status from, enum trial_status to,
                 int attempt, int64_t at)
{
    store_trial_moved(
        store, &(struct row_move){trial, from, to, trial_edge_event(from, to), NULL, attempt, at, NULL});
}

static void tell(struct store *store, int64_t trial, int attempt, int epoch, double value, double loss)
{
    struct row_metric metrics[] = {{"loss", loss}};
    struct row_epoch row = {.trial = trial,
                            .attempt = attempt,
                            .epoch = epoch,
                            .value = value,
                            .seconds = 0.25,
                            .received_ms = 10000 + epoch};
    store_add_epoch(store, &row, metrics, 1);
}

/* "s", maximised: trial 1 complete, 0.8 at epoch 2 of 3; trial 2 complete with the same score; trial 3 runs in its
 * second attempt, 0.9 at epoch 2, which both attempts reached; 4 waits; 5 diverged without a score; 6 is paused. */
static void furnish(const char *db)
{
    struct store *store = open_db(db);
    int64_t s = add_study(store, "s"), a = join(store, "a"), b = join(store, "b");
    int64_t t[7];
    for (uint32_t i = 1; i <= 6; i++)
        t[i] = add_trial(store, s, i, i / 8.0);
    start_attempt(store, t[1], 1, a);
    tell(store, t[1], 1, 1, 0.5, 1);
    tell(store, t[1], 1, 2, 0.8, 2);
    tell(store, t[1], 1, 3, 0.7, 3);
    set_progress(store, t[1], 0.8, 2, 3);
    store_attempt_ended(store, &(struct row_attempt_end){t[1], 1, "finished", NULL, NULL, 4500});
    move(store, t[1], TRIAL_running, TRIAL_complete, 1, 4500);
    start_attempt(store, t[2], 1, b);
    tell(store, t[2], 1, 1, 0.8, 4);
    set_progress(store, t[2], 0.8, 1, 1);
    store_attempt_ended(store, &(struct row_attempt_end){t[2], 1, "finished", NULL, NULL, 5000});
    move(store, t[2], TRIAL_running, TRIAL_complete, 1, 5000);
    start_attempt(store, t[3], 1, a);
    tell(store, t[3], 1, 1, 0.6, 5);
    tell(store, t[3], 1, 2, 0.65, 6);
    tell(store, t[3], 1, 3, 0.99, 7);
    store_attempt_ended(store, &(struct row_attempt_end){t[3], 1, "lost", NULL, NULL, 6000});
    move(store, t[3], TRIAL_running, TRIAL_waiting, 1, 6000);
    start_attempt(store, t[3], 2, b);
    tell(store, t[3], 2, 2, 0.9, 8);
    set_progress(store, t[3], 0.9, 2, 2);
    start_attempt(store, t[5], 1, a);
    tell(store, t[5], 1, 1, NAN, INFINITY);
    store_attempt_ended(store, &(struct row_attempt_end){t[5], 1, "stopped", "diverged", NULL, 7000});
    move(store, t[5], TRIAL_running, TRIAL_pruned, 1, 7000);
    start_attempt(store, t[6], 1, a);
    tell(store, t[6], 1, 1, 0.1, 9);
    set_progress(store, t[6], 0.1, 1, 1);
    store_attempt_ended(store, &(struct row_attempt_end){t[6], 1, "stopped", NULL, NULL, 8000});
    move(store, t[6], TRIAL_running, TRIAL_paused, 1, 8000);
    commit(store);
    store_close(store);
}

static void test_flat_view(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    expect(room->db, "SELECT * FROM s WHERE trial IN (1, 3, 4)",
           "1 complete 0.125 adam 0.8 2 2 3 a 1970-01-01T00:00:03.000Z 1970-01-01T00:00:04.500Z; "
           "3 running 0.375 adam 0.9 8 2 2 b 1970-01-01T00:00:03.000Z -; "
           "4 waiting 0.5 adam - - - 0 - - -; ");
    expect(room->db, "SELECT name FROM pragma_table_info('s')",
           "trial; status; lr; optimizer; val_acc; loss; best_epoch; epochs; worker; started_at; ended_at; ");
    expect(room->db,
           "SELECT trial, lr, val_acc FROM s WHERE status = 'complete' AND lr < 0.2 ORDER BY val_acc DESC",
           "1 0.125 0.8; ");
    expect(room->db, "SELECT count(*), count(val_acc) FROM s", "6 4; ");
}

static void test_best_trials(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    expect(room->db,
           "SELECT study, trial, status, score, metric, best_epoch, epochs, worker FROM best_trials",
           "s 3 running 0.9 val_acc 2 2 b; s 1 complete 0.8 val_acc 2 3 a; s 2 complete 0.8 val_acc 1 1 b; "
           "s 6 paused 0.1 val_acc 1 1 a; s 5 pruned - val_acc - 0 a; ");
    expect(room->db, "SELECT params FROM best_trials LIMIT 1", "{\"lr\":0.375,\"optimizer\":\"adam\"}; ");
    expect(room->db, "SELECT json_extract(params, '$.lr') FROM best_trials WHERE trial = 6", "0.75; ");
    expect(room->db, "SELECT key, value FROM best_trials, json_each(params) WHERE trial = 6",
           "lr 0.75; optimizer adam; ");
}

static void test_leaderboard(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    struct store *store = open_db(room->db);
    struct row_study low = {.name = "low", .definition = "{}", .base = "/", .metric = "val_loss"};
    assert_int_equal(store_add_study(store, &low, two_params, 2, NULL), 0);
    for (uint32_t i = 1; i <= 3; i++) {
        int64_t trial = add_trial(store, low.id, i, 1);
        set_progress(store, trial, i == 2 ? 0.25 : (double)i, 1, 1);
    }
    commit(store);
    store_close(store);
    expect(room->db, "SELECT study, rank, trial, score FROM leaderboard",
           "low 1 2 0.25; low 2 1 1; low 3 3 3; s 1 3 0.9; s 2 1 0.8; s 3 2 0.8; s 4 6 0.1; ");
    expect(room->db, "SELECT trial FROM leaderboard WHERE study = 's' AND rank <= 2", "3; 1; ");
    expect(room->db, "SELECT study, trial FROM best_trials LIMIT 2",
           "low 2; low 1; "); /* the newest study first */
}

static void test_learning_curves(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    expect(room->db,
           "SELECT epoch, attempt, metric, value FROM learning_curves WHERE study = 's' AND trial = 3 "
           "ORDER BY metric, epoch",
           "1 1 loss 5; 2 2 loss 8; 3 1 loss 7; 1 1 val_acc 0.6; 2 2 val_acc 0.9; 3 1 val_acc 0.99; ");
    expect(room->db, "SELECT metric, value, seconds, at FROM learning_curves WHERE trial = 5 ORDER BY metric",
           "loss - 0.25 1970-01-01T00:00:10.001Z; val_acc - 0.25 1970-01-01T00:00:10.001Z; ");
    expect(room->db, "SELECT count(*) FROM learning_curves", "18; ");
    expect(room->db, "SELECT count(*) FROM epoch", "10; ");
}

static void test_study_progress(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    struct store *store = open_db(room->db);
    store_study_wish(store, 1, WISH_STOP);
    store_study_ended(store, 1, "target", 9000);
    store_study_used(store, 1, 2500, 4000);
    add_study(store, "empty");
    commit(store);
    store_close(store);
    expect(
        room->db, "SELECT * FROM study_progress",
        "empty run 0 0 0 0 0 0 0 0 0 - - val_acc maximize 1970-01-01T00:00:01.000Z - - 0 0 - pending -; "
        "s stop 6 1 1 1 2 1 0 0 7 0.9 3 val_acc maximize 1970-01-01T00:00:01.000Z 1970-01-01T00:00:03.000Z "
        "1970-01-01T00:00:09.000Z 2.5 4 target pending -; ");
}

static void test_worker_timeline(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    expect(room->db,
           "SELECT worker, host, study, trial, attempt, outcome, seconds FROM worker_timeline "
           "WHERE trial IN (1, 3)",
           "a node1 s 1 1 finished 1.5; a node1 s 3 1 lost 3; b node1 s 3 2 - -; ");
}

/* ---- names ---- */

static void test_names_that_need_quotes(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    const struct row_study_param params[] = {{"layer.1-size", "int", "{}"},
                                             {"select", "log", "{}"},
                                             {"lr", "log", "{}"},
                                             {"metric.lr", "log", "{}"}};
    struct row_study study = {
        .name = "mnist-mlp.2", .definition = "{}", .base = "/", .metric = "Acc", .maximize = true};
    assert_int_equal(store_add_study(store, &study, params, 4, NULL), 0);
    struct row_value values[] = {{.name = "layer.1-size", .is_number = true, .number = 64},
                                 {.name = "select", .is_number = true, .number = 0.5},
                                 {.name = "lr", .is_number = true, .number = 1e-3},
                                 {.name = "metric.lr", .text = "true"}};
    struct row_trial trial = {
        .study = study.id, .number = 1, .group = 1, .sampler = "random", .epochs = 1, .until = 1};
    store_add_trial(store, &trial, values, 4);
    start_attempt(store, trial.id, 1, join(store, "w"));
    /* like a parameter, like that other parameter, like a fixed column, like the metric but for its case, and quotes */
    struct row_metric metrics[] = {{"lr", 1}, {"status", 2}, {"acc", 3}, {"it's \"odd\"", 4}, {"Acc", 0.5}};
    struct row_epoch epoch = {.trial = trial.id, .attempt = 1, .epoch = 1, .value = 0.5};
    assert_true(store_add_epoch(store, &epoch, metrics, 5) > 0);
    set_progress(store, trial.id, 0.5, 1, 1);
    commit(store);
    store_close(store);
    expect(room->db, "SELECT name FROM pragma_table_info('mnist-mlp.2')",
           "trial; status; layer.1-size; select; lr; metric.lr; Acc; metric.metric.lr; metric.status; "
           "metric.acc; "
           "it's \"odd\"; best_epoch; epochs; worker; started_at; ended_at; ");
    expect(room->db, "SELECT * FROM \"mnist-mlp.2\"",
           "1 running 64 0.5 0.001 true 0.5 1 2 3 4 1 1 w 1970-01-01T00:00:03.000Z -; ");
    expect(room->db, "SELECT \"layer.1-size\", \"metric.status\" FROM \"mnist-mlp.2\" WHERE \"select\" < 1",
           "64 2; ");
}

/* The view takes on a metric in the very transaction that brings it, and keeps it over a restart. */
static void test_a_new_metric_becomes_a_column(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    struct store *store = open_db(room->db);
    struct query *query;
    struct rows rows;
    assert_int_equal(query_open(room->db, &query, NULL), 0);
    struct row_metric metrics[] = {{"loss", 0.5}, {"auc", 0.75}};
    struct row_epoch epoch = {.trial = 3, .attempt = 2, .epoch = 3, .value = 0.95};
    store_add_epoch(store, &epoch, metrics, 2);
    set_progress(store, 3, 0.95, 3, 3);
    assert_int_equal(query_sql(query, "SELECT auc FROM s", 0, &rows, NULL), ERR_BAD);
    commit(store);
    assert_int_equal(query_sql(query, "SELECT auc FROM s WHERE trial = 3", 0, &rows, NULL), 0);
    assert_true(cell_num(rows_cell(&rows, 0, 0)) == 0.75);
    rows_fini(&rows);
    query_close(query);
    store_close(store);
    store = open_db(room->db);
    epoch.epoch = 4;
    store_add_epoch(store, &epoch, metrics, 2);
    commit(store);
    store_close(store);
    expect(room->db, "SELECT name FROM metric", "loss; auc; ");
    expect(room->db, "SELECT val_acc, loss, auc FROM s WHERE trial = 3", "0.95 0.5 0.75; ");
}

/* ---- sizes ---- */

static void test_a_thousand_parameters(void **state)
{
    enum { COUNT = 1000 };
    struct room *room = *state;
    struct store *store = open_db(room->db);
    struct row_study_param *params = xcalloc(COUNT, sizeof *params);
    struct row_value *values = xcalloc(COUNT, sizeof *values);
    struct row_metric *metrics = xcalloc(COUNT, sizeof *metrics);
    char(*names)[72] = xcalloc(2 * COUNT, sizeof *names);
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "a_long_name_with_all_64_characters_in_it_%023d", i);
        snprintf(names[COUNT + i], sizeof names[i], "m%d", i);
        params[i] = (struct row_study_param){names[i], "log", "{}"};
        values[i] = (struct row_value){.name = names[i], .is_number = true, .number = i + 0.5};
        metrics[i] = (struct row_metric){names[COUNT + i], i};
    }
    struct row_study study = {
        .name = "wide", .definition = "{}", .base = "/", .metric = "m", .maximize = true};
    struct err err = ERR_NONE;
    if (store_add_study(store, &study, params, COUNT, &err))
        fail_msg("%s", err.text);
    struct row_trial trial = {
        .study = study.id, .number = 1, .group = 1, .sampler = "random", .epochs = 1, .until = 1};
    store_add_trial(store, &trial, values, COUNT);
    start_attempt(store, trial.id, 1, join(store, "w"));
    struct row_epoch epoch = {.trial = trial.id, .attempt = 1, .epoch = 1, .value = 0.5};
    store_add_epoch(store, &epoch, metrics, COUNT);
    set_progress(store, trial.id, 0.5, 1, 1);
    commit(store);
    store_close(store);
    struct rows rows;
    run_sql(room->db, "SELECT * FROM wide", &rows);
    assert_int_equal(rows.cols, 1990); /* the last metrics are in learning_curves only */
    assert_true(cell_num(rows_named(&rows, 0, names[999])) == 999.5);
    assert_true(cell_num(rows_named(&rows, 0, "m900")) == 900);
    rows_fini(&rows);
    expect(room->db, "SELECT value FROM learning_curves WHERE metric = 'm999'", "999; ");
    expect(room->db, "SELECT length(params) > 64000 FROM best_trials", "1; ");
    free(params);
    free(values);
    free(metrics);
    free(names);
}

/* A trainer that makes up a name for every number cannot make the file grow for ever. */
static void test_names_without_end(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    struct store *store = open_db(room->db);
    for (int epoch = 3; epoch < 5000; epoch++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", epoch);
        struct row_metric metric = {name, 1};
        struct row_epoch row = {.trial = 3, .attempt = 2, .epoch = epoch, .value = 0.5};
        assert_true(store_add_epoch(store, &row, &metric, 1) > 0);
    }
    commit(store);
    store_close(store);
    expect(room->db, "SELECT count(*) FROM metric", "4000; ");
    expect(room->db, "SELECT count(*) FROM s", "6; ");
}

/* What a statement costs, in steps of SQLite's machine: no clock, so no neighbour counts. */
static int steps_of(sqlite3_stmt *stmt, int wanted_rows)
{
    int rows = 0;
    while (sqlite3_step(stmt) == SQLITE_ROW)
        rows++;
    assert_int_equal(rows, wanted_rows);
    return sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 0);
}

static int steps_for(const char *path, const char *sql, int wanted_rows)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    int steps = steps_of(stmt, wanted_rows);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return steps;
}

/* The same for a statement of queries.sql, asked of the study "many", of its trial 7 where it wants one. */
static int steps_for_named(const char *path, const char *name, int wanted_rows)
{
    struct conn conn;
    sqlite3_stmt *stmt;
    struct err err = ERR_NONE;
    if (conn_open(&conn, path, path, SQLITE_OPEN_READONLY, &err) || conn_stmt(&conn, name, &stmt, &err))
        fail_msg("%s", err.text);
    sqlite3_bind_text(stmt, sqlite3_bind_parameter_index(stmt, ":study"), "many", -1, SQLITE_STATIC);
    sqlite3_bind_int(stmt, sqlite3_bind_parameter_index(stmt, ":trial"), 7);
    sqlite3_bind_int(stmt, sqlite3_bind_parameter_index(stmt, ":limit"), 10);
    int steps = steps_of(stmt, wanted_rows);
    conn_fini(&conn);
    return steps;
}

static void run_here(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* 10,000 trials of 10 parameters: a view costs what its trials are, not their square. */
static void test_ten_thousand_trials(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    struct row_study_param params[10];
    struct row_value values[10];
    char names[10][4];
    for (int i = 0; i < 10; i++) {
        snprintf(names[i], sizeof names[i], "p%d", i);
        params[i] = (struct row_study_param){names[i], "log", "{}"};
        values[i] = (struct row_value){.name = names[i], .is_number = true, .number = i + 0.5};
    }
    struct row_study study = {
        .name = "many", .definition = "{}", .base = "/", .metric = "m", .maximize = true};
    assert_int_equal(store_add_study(store, &study, params, 10, NULL), 0);
    int64_t worker = join(store, "w");
    for (uint32_t i = 1; i <= 10000; i++) {
        struct row_trial trial = {
            .study = study.id, .number = i, .group = i, .sampler = "random", .epochs = 1, .until = 1};
        store_add_trial(store, &trial, values, 10);
        start_attempt(store, trial.id, 1, worker);
        tell(store, trial.id, 1, 1, 1.0 / i, i);
        set_progress(store, trial.id, 1.0 / i, 1, 1);
    }
    commit(store);
    store_close(store);
    assert_true(steps_for(room->db, "SELECT * FROM many", 10000) < 4000000);
    assert_true(steps_for(room->db, "SELECT * FROM best_trials LIMIT 10", 10) < 1000000);
    assert_true(steps_for(room->db, "SELECT * FROM leaderboard WHERE rank <= 10", 10) < 2000000);
    assert_true(steps_for(room->db, "SELECT * FROM learning_curves WHERE study = 'many' AND trial = 7", 2) <
                1000);
    /* What people type: a list costs what it lists, one trial costs little. */
    assert_true(steps_for_named(room->db, "best", 10) < 1000000);
    assert_true(steps_for_named(room->db, "best_groups", 0) < 2000000);
    assert_true(steps_for_named(room->db, "best_front", 0) < 1000000);
    assert_true(steps_for_named(room->db, "trials", 10000) < 10000000);
    assert_true(steps_for_named(room->db, "study_progress", 1) < 2000000);
    assert_true(steps_for_named(room->db, "trial_head", 1) < 1000000);
    assert_true(steps_for_named(room->db, "trial_origin", 1) < 2000000);
    assert_true(steps_for_named(room->db, "trial_queue", 1) < 1000000);
    run_here(room->db, "UPDATE trial SET status = 'complete', \"group\" = number - (number + 1) % 2, "
                       "repeat = (number + 1) % 2");
    assert_true(steps_for_named(room->db, "best_groups", 5000) < 10000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_ROOM(test_flat_view),
        IN_A_ROOM(test_best_trials),
        IN_A_ROOM(test_leaderboard),
        IN_A_ROOM(test_learning_curves),
        IN_A_ROOM(test_study_progress),
        IN_A_ROOM(test_worker_timeline),
        IN_A_ROOM(test_names_that_need_quotes),
        IN_A_ROOM(test_a_new_metric_becomes_a_column),
        IN_A_ROOM(test_a_thousand_parameters),
        IN_A_ROOM(test_names_without_end),
        IN_A_ROOM(test_ten_thousand_trials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
