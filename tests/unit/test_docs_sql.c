/* docs/sql.md: each of its queries runs as printed on a database as a search leaves it, and finds something; the
 * columns it lists for the views are the columns they have. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/mem.h"
#include "sql/query.h"
#include "sql/store.h"
#include "tests/tools/scratch.h"

enum { TRIALS = 12, EPOCHS = 3, FAILED = 11, WAITING = 12, QUESTIONS = 15 };

struct room {
    struct scratch scratch;
    char *db;
    struct str page; /* docs/sql.md */
};

/* ---- a search, as far as the page needs one ---- */

static int64_t study_add(struct store *store)
{
    static const struct row_study_param params[] = {
        {"lr", "log", "{\"log\":[0.001,10]}"},
        {"l2", "log", "{\"log\":[1e-6,0.1]}"},
        {"hidden", "int", "{\"int\":[4,128]}"},
        {"optimizer", "choice", "{\"choice\":[\"sgd\",\"adam\"]}"}};
    struct row_study study = {.name = "spiral",
                              .definition = "{}",
                              .base = "/",
                              .metric = "val_acc",
                              .maximize = true,
                              .weight = 1,
                              .created_ms = 1000};
    struct err err = ERR_NONE;
    if (store_add_study(store, &study, params, 4, &err))
        fail_msg("%s", err.text);
    return study.id;
}

static int64_t trial_add(struct store *store, int64_t study, int number)
{
    struct row_trial trial = {.study = study,
                              .number = (uint32_t)number,
                              .group = (uint32_t)number,
                              .status = TRIAL_waiting,
                              .sampler = "random",
                              .until = EPOCHS,
                              .epochs = EPOCHS,
                              .score = NAN,
                              .created_ms = 2000};
    struct row_value values[] = {{.name = "lr", .is_number = true, .number = 0.001 * pow(2, number)},
                                 {.name = "l2", .is_number = true, .number = 1e-4},
                                 {.name = "hidden", .is_number = true, .number = 8 * number},
                                 {.name = "optimizer", .text = number % 2 ? "adam" : "sgd"}};
    store_add_trial(store, &trial, values, 4);
    return trial.id;
}

static void epochs_add(struct store *store, int64_t trial, int number, int64_t start_ms)
{
    for (int e = 1; e <= EPOCHS; e++) {
        struct row_epoch epoch = {.trial = trial,
                                  .attempt = 1,
                                  .epoch = e,
                                  .value = 0.3 + 0.05 * number + 0.01 * e,
                                  .seconds = 0.5,
                                  .received_ms = start_ms + 500 * e};
        struct row_metric metrics[] = {
            {"train_acc", epoch.value + 0.02}, {"train_loss", 1.0 / e}, {"val_loss", 1.1 / e}};
        store_add_epoch(store, &epoch, metrics, 3);
    }
}

static void trial_run(struct store *store, int64_t study, int64_t trial, int number, int64_t worker)
{
    bool failed = number == FAILED;
    int64_t start = 10000 * number;
    struct row_attempt attempt = {
        .trial = trial, .attempt = 1, .worker = worker, .token = "t", .started_ms = start};
    store_attempt_started(store, &attempt);
    store_trial_moved(
        store, &(struct row_move){trial, TRIAL_waiting, TRIAL_running, "dispatched", NULL, 1, start, NULL});
    if (!failed)
        epochs_add(store, trial, number, start);
    store_attempt_ended(store, &(struct row_attempt_end){trial, 1, failed ? "failed" : "finished",
                                                         failed ? "exit" : NULL,
                                                         failed ? "exit status 9" : NULL, start + 1500});
    store_trial_moved(store, &(struct row_move){trial, TRIAL_running, failed ? TRIAL_failed : TRIAL_complete,
                                                failed ? "failed" : "completed", failed ? "exit" : NULL, 1,
                                                start + 1500, NULL});
    struct row_trial progress = {.id = trial,
                                 .study = study,
                                 .number = (uint32_t)number,
                                 .attempt = 1,
                                 .until = EPOCHS,
                                 .epochs = EPOCHS,
                                 .last_epoch = failed ? 0 : EPOCHS,
                                 .best_epoch = failed ? 0 : EPOCHS,
                                 .score = failed ? NAN : 0.3 + 0.05 * number + 0.01 * EPOCHS};
    store_trial_progress(store, &progress);
}

static void wall_move(struct store *store, int64_t study)
{
    struct row_box_event moved = {.study = study,
                                  .param = "lr",
                                  .side = "high",
                                  .verdict = "grow",
                                  .best = 1,
                                  .lean = 0.9,
                                  .slope = NAN,
                                  .trend = NAN,
                                  .top = 3,
                                  .trials = 11,
                                  .before_low = 0.001,
                                  .before_high = 10,
                                  .after_low = 0.001,
                                  .after_high = 100,
                                  .behind = "[10]",
                                  .text = "lr: wall 10 to 100"};
    store_add_box_event(store, &moved, 200000);
}

static void search(const char *db)
{
    struct store *store;
    struct err err = ERR_NONE;
    if (store_open(db, NULL, &store, &err))
        fail_msg("%s", err.text);
    struct row_worker worker = {
        .uuid = "u", .name = "node1:1", .host = "node1", .version = "0", .platform = "x", .slots = 1};
    store_worker_joined(store, &worker, 1500);
    int64_t study = study_add(store);
    for (int number = 1; number <= TRIALS; number++) {
        int64_t trial = trial_add(store, study, number);
        if (number != WAITING)
            trial_run(store, study, trial, number, worker.id);
    }
    wall_move(store, study);
    if (store_commit(store, &err))
        fail_msg("%s", err.text);
    store_close(store);
}

static int setup(void **state)
{
    struct room *room = xcalloc(1, sizeof *room);
    struct err err = ERR_NONE;
    scratch_init(&room->scratch);
    room->db = path_join(room->scratch.folder, "a.db");
    if (file_read("docs/sql.md", 1 << 20, &room->page, &err))
        fail_msg("%s (tests run in the repository's root)", err.text);
    search(room->db);
    *state = room;
    return 0;
}

static int teardown(void **state)
{
    struct room *room = *state;
    scratch_fini(&room->scratch);
    str_fini(&room->page);
    free(room->db);
    free(room);
    return 0;
}

static void ask(const struct room *room, const char *sql, struct rows *out)
{
    struct query *query;
    struct err err = ERR_NONE;
    if (query_open(room->db, &query, &err) || query_sql(query, sql, 0, out, &err))
        fail_msg("%s\n%s", err.text, sql);
    query_close(query);
}

/* ---- the page ---- */

/* The next ```sql block at or after *at, without its fences; NULL: none is left. The caller frees. */
static char *next_query(const char **at)
{
    static const char fence[] = "```sql\n";
    const char *start = strstr(*at, fence);
    if (!start)
        return NULL;
    start += sizeof fence - 1;
    const char *end = strstr(start, "```");
    assert_non_null(end);
    *at = end + 3;
    return xstrndup(start, (size_t)(end - start));
}

static void every_query_runs_and_finds_something(void **state)
{
    const struct room *room = *state;
    const char *at = str_text(&room->page);
    int count = 0;
    for (char *sql = next_query(&at); sql; sql = next_query(&at), count++) {
        struct rows rows;
        ask(room, sql, &rows);
        if (!rows.count)
            fail_msg("no rows: %s", sql);
        rows_fini(&rows);
        free(sql);
    }
    assert_int_equal(count, QUESTIONS);
}

/* Answers that can be worked out from what search() wrote. */
static void answers_are_right(void **state)
{
    const struct room *room = *state;
    const char *at = str_text(&room->page);
    for (int number = 1; number <= QUESTIONS; number++) {
        struct rows rows;
        char *sql = next_query(&at);
        ask(room, sql, &rows);
        if (number == 1) {
            assert_int_equal(rows.count, 10);
            assert_int_equal(cell_int(rows_named(&rows, 0, "trial")), 10);
            assert_float_equal(cell_num(rows_named(&rows, 0, "score")), 0.83, 1e-9);
        } else if (number == 2) {
            assert_int_equal(cell_int(rows_named(&rows, 0, "trial")), 9); /* the best of adam */
        } else if (number == 3) {
            assert_int_equal(cell_int(rows_named(&rows, 0, "complete")), 10);
            assert_int_equal(cell_int(rows_named(&rows, 0, "failed")), 1);
        } else if (number == 4) {
            assert_int_equal(rows.count, EPOCHS);
            assert_float_equal(cell_num(rows_named(&rows, 2, "val_acc")), 0.83, 1e-9);
            assert_float_equal(cell_num(rows_named(&rows, 1, "val_loss")), 0.55, 1e-9);
        } else if (number == 6) {
            assert_int_equal(rows.count, 4); /* 0.002 .. 1.024 */
            assert_int_equal(cell_int(rows_named(&rows, 0, "decade")), -3);
        } else if (number == 7) {
            assert_int_equal(rows.count, 10); /* each was better than those before */
        } else if (number == 9) {
            assert_int_equal(cell_int(rows_named(&rows, 0, "attempts")), 11);
            assert_int_equal(cell_int(rows_named(&rows, 0, "went_wrong")), 1);
        } else if (number == 10) {
            assert_string_equal(rows_named(&rows, 0, "cause")->text, "exit");
            assert_string_equal(rows_named(&rows, 0, "which")->text, "11");
        } else if (number == 11) {
            assert_int_equal(cell_int(rows_named(&rows, rows.count - 1, "about")), 64); /* of 48 to 80 */
            assert_float_equal(cell_num(rows_named(&rows, rows.count - 1, "best")), 0.83, 1e-9);
        } else if (number == 12) {
            assert_int_equal(cell_int(rows_named(&rows, 0, "trial")), FAILED);
            assert_string_equal(rows_named(&rows, 0, "detail")->text, "exit status 9");
        } else if (number == 13) {
            assert_int_equal(cell_int(rows_named(&rows, 0, "epochs")), 10 * EPOCHS);
            assert_float_equal(cell_num(rows_named(&rows, 0, "seconds_an_epoch")), 0.5, 1e-9);
        } else if (number == 14) {
            assert_int_equal(cell_int(rows_named(&rows, 0, "epochs")), 10 * EPOCHS);
            assert_int_equal(cell_int(rows_named(&rows, 0, "trained_again")), 0);
        } else if (number == 15) {
            assert_string_equal(rows_named(&rows, 0, "verdict")->text, "grow");
            assert_float_equal(cell_num(rows_named(&rows, 0, "after_high")), 100, 1e-9);
        }
        rows_fini(&rows);
        free(sql);
    }
}

/* The table's line about a view names each of its columns in backquotes, but for the counts per status. */
static void lists_the_columns_there_are(void **state)
{
    const struct room *room = *state;
    static const char *const views[] = {"best_trials", "leaderboard", "learning_curves", "study_progress",
                                        "worker_timeline"};
    for (int v = 0; v < 5; v++) {
        char *sql = xasprintf("SELECT * FROM %s LIMIT 1", views[v]),
             *start = xasprintf("\n| `%s` |", views[v]);
        const char *line = strstr(str_text(&room->page), start);
        assert_non_null(line);
        char *text = xstrndup(line + 1, strcspn(line + 1, "\n"));
        struct rows rows;
        enum trial_status status;
        ask(room, sql, &rows);
        for (int c = 0; c < rows.cols; c++) {
            char *quoted = xasprintf("`%s`", rows.names[c]);
            if (!strstr(text, quoted) && !trial_status_parse(rows.names[c], &status))
                fail_msg("docs/sql.md: %s has a column %s", views[v], rows.names[c]);
            free(quoted);
        }
        rows_fini(&rows);
        free(text);
        free(start);
        free(sql);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_query_runs_and_finds_something),
        cmocka_unit_test(answers_are_right),
        cmocka_unit_test(lists_the_columns_there_are),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
