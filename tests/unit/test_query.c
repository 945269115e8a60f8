/* Readers: typed cells, named statements on a hand-made study, and what a reader may not do. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/unit/test_store_room.h"

static struct query *open_query(const char *db)
{
    struct err err = ERR_NONE;
    struct query *query;
    if (query_open(db, &query, &err))
        fail_msg("%s", err.text);
    return query;
}

static void run(struct query *query, const char *name, const struct bind *binds, int count, struct rows *out)
{
    struct err err = ERR_NONE;
    if (query_run(query, name, binds, count, out, &err))
        fail_msg("%s: %s", name, err.text);
}

static const char *text(const struct rows *rows, size_t row, const char *col)
{
    const struct cell *cell = rows_named(rows, row, col);
    if (!cell)
        fail_msg("no column %s", col);
    return cell_text(cell);
}

static int64_t integer(const struct rows *rows, size_t row, const char *col)
{
    const struct cell *cell = rows_named(rows, row, col);
    if (!cell)
        fail_msg("no column %s", col);
    return cell_int(cell);
}

/* Study "s": trial 1 complete with 0.9, trial 2 runs with 0.95 in its second attempt, trial 3 waits, trial 4
 * diverged. Study "other" is newer and empty. */
static void furnish(const char *db)
{
    struct store *store = open_db(db);
    int64_t s = add_study(store, "s"), w = join(store, "node1-1");
    int64_t one = add_trial(store, s, 1, 0.1 + 0.2), two = add_trial(store, s, 2, 128), four;
    add_trial(store, s, 3, 0.5);
    four = add_trial(store, s, 4, 1e-6);
    start_attempt(store, one, 1, w);
    report(store, one, 1, 1, 0.9);
    report(store, one, 1, 2, 0.8);
    set_progress(store, one, 0.9, 1, 2);
    store_attempt_ended(store, &(struct row_attempt_end){one, 1, "finished", NULL, NULL, 5500});
    store_trial_moved(
        store, &(struct row_move){one, TRIAL_running, TRIAL_complete, "finished", NULL, 1, 5500, NULL});
    start_attempt(store, two, 1, w);
    report(store, two, 1, 1, 0.4);
    store_attempt_ended(store, &(struct row_attempt_end){two, 1, "lost", "lease", NULL, 4000});
    store_trial_moved(
        store, &(struct row_move){two, TRIAL_running, TRIAL_waiting, "given_back", "lost", 1, 4000, NULL});
    start_attempt(store, two, 2, w);
    report(store, two, 2, 1, 0.95);
    set_progress(store, two, 0.95, 1, 1);
    struct row_checkpoint checkpoint = {.trial = two,
                                        .attempt = 2,
                                        .epoch = 1,
                                        .path = "s/t00002/a2/e1",
                                        .bytes = 9,
                                        .hash = "00",
                                        .created_ms = 6};
    store_add_checkpoint(store, &checkpoint);
    start_attempt(store, four, 1, w);
    report(store, four, 1, 1, NAN);
    store_attempt_ended(store, &(struct row_attempt_end){four, 1, "stopped", "diverged", NULL, 7000});
    store_trial_moved(
        store, &(struct row_move){four, TRIAL_running, TRIAL_pruned, "stopped", "diverged", 1, 7000, NULL});
    struct row_worker gone = {
        .uuid = "gone", .name = "a-gone", .host = "node2", .version = "0", .platform = "p"};
    store_worker_joined(store, &gone, 1);
    store_worker_left(store, gone.id, "bye", 2);
    add_study(store, "other");
    commit(store);
    store_close(store);
}

/* ---- named statements ---- */

static void test_studies(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    struct query *query = open_query(room->db);
    struct rows rows;
    run(query, "studies", NULL, 0, &rows);
    assert_int_equal(rows.count, 2);
    assert_string_equal(text(&rows, 0, "study"), "other");
    assert_int_equal(integer(&rows, 0, "trials"), 0);
    assert_int_equal(integer(&rows, 0, "running"), 0);
    assert_string_equal(text(&rows, 1, "study"), "s");
    assert_int_equal(integer(&rows, 1, "trials"), 4);
    assert_int_equal(integer(&rows, 1, "waiting"), 1);
    assert_int_equal(integer(&rows, 1, "running"), 1);
    assert_int_equal(integer(&rows, 1, "complete"), 1);
    assert_int_equal(integer(&rows, 1, "pruned"), 1);
    assert_int_equal(integer(&rows, 1, "epochs"), 3);
    assert_int_equal(integer(&rows, 1, "best_trial"), 2);
    assert_true(cell_num(rows_named(&rows, 1, "best_score")) == 0.95);
    rows_fini(&rows);
    run(query, "study_progress", (struct bind[]){BIND_TEXT(":study", "s")}, 1, &rows);
    assert_int_equal(rows.count, 1);
    rows_fini(&rows);
    run(query, "study_find", (struct bind[]){BIND_TEXT(":name", NULL)}, 1, &rows);
    assert_string_equal(text(&rows, 0, "study"), "other");
    assert_int_equal(integer(&rows, 0, "studies"), 2);
    rows_fini(&rows);
    run(query, "study_find", (struct bind[]){BIND_TEXT(":name", "S")}, 1, &rows);
    assert_string_equal(text(&rows, 0, "study"), "s");
    rows_fini(&rows);
    run(query, "study_find", (struct bind[]){BIND_TEXT(":name", "nobody")}, 1, &rows);
    assert_int_equal(rows.count, 0);
    assert_int_equal(rows.cols, 18);
    rows_fini(&rows);
    query_close(query);
}

static void test_best(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    struct query *query = open_query(room->db);
    struct rows rows;
    run(query, "best", (struct bind[]){BIND_TEXT(":study", "s"), BIND_INT(":limit", 10)}, 2, &rows);
    assert_int_equal(rows.count, 3);
    assert_int_equal(integer(&rows, 0, "trial"), 2);
    assert_string_equal(text(&rows, 0, "params"), "{\"lr\":128,\"optimizer\":\"adam\"}");
    assert_string_equal(text(&rows, 0, "status"), "running");
    assert_int_equal(rows_named(&rows, 0, "seconds")->kind, CELL_NULL);
    assert_int_equal(integer(&rows, 1, "trial"), 1);
    /* 17 digits, where SQLite's own JSON has 15 */
    assert_string_equal(text(&rows, 1, "params"), "{\"lr\":0.30000000000000004,\"optimizer\":\"adam\"}");
    assert_true(cell_num(rows_named(&rows, 1, "seconds")) == 2.5);
    assert_string_equal(text(&rows, 1, "worker"), "node1-1");
    assert_int_equal(integer(&rows, 2, "trial"), 4);
    assert_true(isnan(cell_num(rows_named(&rows, 2, "score"))));
    rows_fini(&rows);
    run(query, "best", (struct bind[]){BIND_INT(":limit", 1)}, 1, &rows);
    assert_int_equal(rows.count, 1);
    rows_fini(&rows);
    run(query, "best", NULL, 0, &rows);
    assert_int_equal(rows.count, 3);
    rows_fini(&rows);
    query_close(query);
}

static void test_trials(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    struct query *query = open_query(room->db);
    struct rows rows;
    run(query, "trials", (struct bind[]){BIND_TEXT(":study", "s"), BIND_TEXT(":status", NULL)}, 2, &rows);
    assert_int_equal(rows.count, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(integer(&rows, (size_t)i, "trial"), i + 1);
    assert_string_equal(text(&rows, 0, "metrics"), "{\"val_loss\":0.09999999999999998}");
    assert_string_equal(text(&rows, 1, "metrics"), "{\"val_loss\":0.050000000000000044}");
    assert_int_equal(integer(&rows, 1, "attempts"), 2);
    assert_string_equal(text(&rows, 2, "metrics"), "{}");
    assert_string_equal(text(&rows, 2, "worker"), "");
    assert_string_equal(text(&rows, 3, "cause"), "diverged");
    assert_string_equal(text(&rows, 0, "started_at"), "1970-01-01T00:00:03.000Z");
    assert_string_equal(text(&rows, 0, "ended_at"), "1970-01-01T00:00:05.500Z");
    rows_fini(&rows);
    run(query, "trials", (struct bind[]){BIND_TEXT(":study", NULL), BIND_TEXT(":status", "waiting")}, 2,
        &rows);
    assert_int_equal(rows.count, 1);
    rows_fini(&rows);
    run(query, "running", (struct bind[]){BIND_TEXT(":study", NULL)}, 1, &rows);
    assert_int_equal(rows.count, 1);
    assert_int_equal(integer(&rows, 0, "trial"), 2);
    assert_int_equal(integer(&rows, 0, "attempt"), 2);
    assert_true(cell_num(rows_named(&rows, 0, "value")) == 0.95);
    rows_fini(&rows);
    query_close(query);
}

static void test_one_trial(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    struct query *query = open_query(room->db);
    struct bind which[] = {BIND_TEXT(":study", "s"), BIND_INT(":trial", 2)};
    struct rows rows;
    run(query, "trial_head", which, 2, &rows);
    assert_int_equal(rows.count, 1);
    assert_int_equal(integer(&rows, 0, "rank"), 1);
    assert_int_equal(integer(&rows, 0, "trials"), 4);
    assert_true((uint64_t)integer(&rows, 0, "seed") == 1ull << 63);
    rows_fini(&rows);
    run(query, "trial_params", which, 2, &rows);
    assert_int_equal(rows.count, 2);
    assert_string_equal(text(&rows, 0, "name"), "lr");
    assert_int_equal(rows_named(&rows, 0, "value")->kind, CELL_INT);
    assert_string_equal(text(&rows, 1, "value"), "adam");
    rows_fini(&rows);
    run(query, "trial_attempts", which, 2, &rows);
    assert_int_equal(rows.count, 2);
    assert_string_equal(text(&rows, 0, "outcome"), "lost");
    assert_int_equal(rows_named(&rows, 1, "outcome")->kind, CELL_NULL);
    rows_fini(&rows);
    run(query, "trial_events", which, 2, &rows);
    assert_int_equal(rows.count, 4);
    assert_string_equal(text(&rows, 0, "event"), "sampled");
    assert_int_equal(rows_named(&rows, 0, "from_status")->kind, CELL_NULL);
    assert_string_equal(text(&rows, 2, "cause"), "lost");
    rows_fini(&rows);
    run(query, "trial_curve", which, 2, &rows);
    assert_int_equal(rows.count, 2); /* one epoch, two metrics, of the second attempt */
    assert_int_equal(integer(&rows, 0, "attempt"), 2);
    rows_fini(&rows);
    run(query, "trial_checkpoints", which, 2, &rows);
    assert_int_equal(rows.count, 1);
    assert_string_equal(text(&rows, 0, "path"), "s/t00002/a2/e1");
    rows_fini(&rows);
    query_close(query);
}

static void test_workers_and_space(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    struct query *query = open_query(room->db);
    struct rows rows;
    run(query, "workers", NULL, 0, &rows);
    assert_int_equal(rows.count, 2);
    assert_string_equal(text(&rows, 0, "worker"), "node1-1");
    assert_int_equal(integer(&rows, 0, "running"), 1);
    assert_int_equal(integer(&rows, 0, "attempts"), 4);
    assert_int_equal(integer(&rows, 0, "done"), 2);
    assert_int_equal(integer(&rows, 0, "failed"), 1);
    assert_string_equal(text(&rows, 1, "left_why"), "bye");
    rows_fini(&rows);
    run(query, "space", (struct bind[]){BIND_TEXT(":study", "s")}, 1, &rows);
    assert_int_equal(rows.count, 2);
    assert_string_equal(text(&rows, 1, "name"), "optimizer");
    rows_fini(&rows);
    run(query, "study_names", NULL, 0, &rows);
    assert_int_equal(rows.count, 2);
    rows_fini(&rows);
    query_close(query);
}

/* ---- what people type ---- */

static void refuse(struct query *query, const char *sql, const char *words)
{
    struct err err = ERR_NONE;
    struct rows rows;
    int rc = query_sql(query, sql, 0, &rows, &err);
    if (rc != ERR_BAD || !strstr(err.text, words))
        fail_msg("%s: %d \"%s\"", sql, rc, err.text);
    assert_int_equal(rows.count, 0);
}

static void test_a_reader_cannot_write(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    struct query *query = open_query(room->db);
    static const char *const writes[] = {
        "DELETE FROM trial",
        "UPDATE study SET name = 'x' RETURNING name",
        "INSERT INTO meta VALUES ('a', 'b')",
        "DROP TABLE epoch",
        "CREATE TEMP TABLE t (a)",
        "ATTACH 'x.db' AS x",
        "PRAGMA query_only = OFF",
        "PRAGMA journal_mode = DELETE",
        "BEGIN IMMEDIATE",
        "VACUUM",
        "SELECT 1; SELECT 2",
        "SELECT 1; DELETE FROM trial",
        "REINDEX",
        "CREATE VIEW v AS SELECT 1",
        "ALTER TABLE trial RENAME TO t",
    };
    for (size_t i = 0; i < COUNT_OF(writes); i++)
        refuse(query, writes[i], "only one statement that reads");
    refuse(query, "UPDATE sqlite_master SET sql = ''", "may not be modified");
    refuse(query, "  -- nothing\n", "no statement");
    refuse(query, "SELEC 1", "syntax error");
    refuse(query, "SELECT nonesuch FROM s", "no such column");
    refuse(query, "SELECT * FROM nowhere", "no such table");
    query_close(query);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM trial"), 4);
}

static void test_cells(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    struct query *query = open_query(room->db);
    struct rows rows;
    struct err err = ERR_NONE;
    assert_int_equal(query_sql(query, "SELECT NULL AS a, 7 AS b, 0.5 AS c, 'x;y' AS d, x'6869' AS e; -- end",
                               0, &rows, &err),
                     0);
    assert_int_equal(rows.cols, 5);
    assert_int_equal(rows_cell(&rows, 0, 0)->kind, CELL_NULL);
    assert_true(isnan(cell_num(rows_cell(&rows, 0, 0))));
    assert_int_equal(cell_int(rows_cell(&rows, 0, 1)), 7);
    assert_true(cell_num(rows_cell(&rows, 0, 1)) == 7 && cell_num(rows_cell(&rows, 0, 2)) == 0.5);
    assert_string_equal(cell_text(rows_cell(&rows, 0, 3)), "x;y");
    assert_string_equal(text(&rows, 0, "e"), "hi");
    assert_null(rows_named(&rows, 0, "no"));
    assert_string_equal(cell_text(rows_cell(&rows, 0, 1)), "");
    rows_fini(&rows);
    assert_int_equal(query_sql(query,
                               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) "
                               "SELECT i FROM n",
                               10, &rows, &err),
                     0);
    assert_int_equal(rows.count, 10);
    rows_fini(&rows);
    assert_int_equal(query_sql(query, "PRAGMA table_info(trial)", 0, &rows, &err), 0);
    assert_true(rows.count > 10);
    rows_fini(&rows);
    assert_int_equal(query_sql(query, "EXPLAIN QUERY PLAN SELECT * FROM s", 0, &rows, &err), 0);
    rows_fini(&rows);
    query_close(query);
}

static void test_no_database(void **state)
{
    struct room *room = *state;
    struct query *query;
    struct err err = ERR_NONE;
    assert_int_equal(query_open(room->db, &query, &err), ERR_GONE);
    assert_null(query);
    assert_non_null(strstr(err.hint, "--db"));
    assert_false(file_exists(room->db));
    char *odd = path_join(room->dir, "50%?#.db");
    furnish(odd);
    assert_int_equal(ask_int(odd, "SELECT count(*) FROM s"), 4);
    free(odd);
}

/* ---- beside a writer ---- */

/* An old connection to a file at rest sees what a master wrote since. */
static void test_a_reader_at_rest_wakes_up(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    struct query *query = open_query(room->db);
    struct rows rows;
    run(query, "study_names", NULL, 0, &rows);
    assert_int_equal(rows.count, 2);
    rows_fini(&rows);
    struct store *store = open_db(room->db);
    add_study(store, "third");
    commit(store);
    run(query, "study_names", NULL, 0, &rows);
    assert_int_equal(rows.count, 3);
    rows_fini(&rows);
    add_study(store, "fourth");
    store_commit(store, NULL);
    store_close(store);
    run(query, "study_names", NULL, 0, &rows);
    assert_int_equal(rows.count, 4);
    rows_fini(&rows);
    query_close(query);
    query = open_query(room->db);
    store = open_db(room->db);
    add_study(store, "fifth");
    commit(store);
    store_close(store); /* came and went while nobody asked */
    run(query, "study_names", NULL, 0, &rows);
    assert_int_equal(rows.count, 5);
    rows_fini(&rows);
    query_close(query);
    assert_names(room->dir, "a.db a.db.d ");
}

/* A child commits turns of ten epochs as fast as it can; every reader sees whole turns, in order, and no error. */
static void write_for_ever(const char *db)
{
    struct store *store = open_db(db);
    int64_t s = add_study(store, "busy"), trial = add_trial(store, s, 1, 1);
    start_attempt(store, trial, 1, join(store, "w"));
    for (int epoch = 1; epoch < 1000000; epoch++) {
        report(store, trial, 1, epoch, 0.5);
        if (epoch % 10 == 0 && store_commit(store, NULL))
            _exit(1);
    }
    _exit(0);
}

static void test_readers_while_writing(void **state)
{
    struct room *room = *state;
    furnish(room->db);
    pid_t pid = fork();
    if (pid == 0)
        write_for_ever(room->db);
    struct query *query = open_query(room->db);
    int64_t last = 0;
    for (int i = 0; last < 3000; i++) {
        struct query *fresh = i % 7 == 0 ? open_query(room->db) : NULL;
        struct rows rows;
        struct err err = ERR_NONE;
        if (query_sql(fresh ? fresh : query, "SELECT count(*) FROM epoch WHERE trial > 4", 0, &rows, &err))
            fail_msg("%s", err.text);
        int64_t now = cell_int(rows_cell(&rows, 0, 0));
        assert_true(now >= last && now % 10 == 0);
        last = now;
        rows_fini(&rows);
        query_close(fresh);
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0); /* the writer never failed */
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    query_close(query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_ROOM(test_studies),
        IN_A_ROOM(test_best),
        IN_A_ROOM(test_trials),
        IN_A_ROOM(test_one_trial),
        IN_A_ROOM(test_workers_and_space),
        IN_A_ROOM(test_a_reader_cannot_write),
        IN_A_ROOM(test_cells),
        IN_A_ROOM(test_no_database),
        IN_A_ROOM(test_a_reader_at_rest_wakes_up),
        IN_A_ROOM(test_readers_while_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
