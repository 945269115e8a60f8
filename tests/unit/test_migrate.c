/* Databases of older versions become those of today, all at once or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "common/file.h"
#include "sql/migrate.h"
#include "sql/store.h"
#include "tests/unit/test_store_room.h"

/* ---- migrations ---- */

static const char good_step[] = "CREATE TABLE extra (a INTEGER) STRICT;"
                                "ALTER TABLE study ADD COLUMN note TEXT;"
                                "UPDATE study SET note = 'old';";
static const char bad_step[] =
    "CREATE TABLE extra2 (a INTEGER) STRICT; DROP TABLE param; SELECT no_such_function();";
static const char orphan_step[] = "DELETE FROM study;";

static int open_with(const char *db, const struct migration *steps, int count, struct err *err)
{
    struct store_options options = {.steps = steps, .step_count = count};
    struct store *store;
    int rc = store_open(db, &options, &store, err);
    store_close(store);
    return rc;
}

static void make_old_file(const char *db)
{
    struct store *store = open_db(db);
    int64_t trial = add_trial(store, add_study(store, "mnist-mlp"), 1, 1);
    start_attempt(store, trial, 1, join(store, "w"));
    report(store, trial, 1, 1, 0.5);
    commit(store);
    store_close(store);
}

/* Steps that change nothing up to our version, and `more` after them. Returns how many. */
enum { STEPS_MOST = 64 };
static int steps_beyond(struct migration steps[STEPS_MOST], const char *const *more)
{
    int count = 0;
    while (count < migration_count)
        steps[count++].sql = "";
    for (; *more; more++)
        steps[count++].sql = *more;
    return count;
}

static void test_a_migration(void **state)
{
    struct room *room = *state;
    struct migration steps[STEPS_MOST];
    int count = steps_beyond(steps, (const char *const[]){good_step, NULL});
    char version[32];
    struct err err = ERR_NONE;
    make_old_file(room->db);
    for (int twice = 0; twice < 2; twice++)
        if (open_with(room->db, steps, count, &err))
            fail_msg("%s", err.text);
    /* Ours does not know that version. */
    struct store *store;
    snprintf(version, sizeof version, "version %d", count);
    assert_int_equal(store_open(room->db, NULL, &store, &err), ERR_BAD);
    assert_non_null(strstr(err.text, version));
    patch(room->db, 60, (char[]){0, 0, 0, (char)migration_count}, 4);
    assert_int_equal(ask_int(room->db, "SELECT note = 'old' FROM study"), 1);
    assert_int_equal(ask_int(room->db, "SELECT val_loss = 0.5 FROM \"mnist-mlp\" WHERE 0 UNION SELECT 1"), 1);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM best_trials"), 1);
}

/* Version 2 brings new views: those of an older file are replaced. */
static void test_version_1_gets_the_views_of_2(void **state)
{
    struct room *room = *state;
    make_old_file(room->db);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(room->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DROP TABLE trial_lineage; DROP TABLE study_bracket;"
                                  "ALTER TABLE worker DROP COLUMN gpus; ALTER TABLE worker DROP COLUMN "
                                  "gpus_out; DROP VIEW leaderboard; CREATE VIEW "
                                  "leaderboard AS SELECT 1 AS score;"
                                  "DROP TABLE study_unreadable; PRAGMA user_version = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    store_close(open_db(room->db));
    assert_int_equal(
        ask_int(room->db, "SELECT sql LIKE '%seeds%' FROM sqlite_schema WHERE name = 'leaderboard'"), 1);
}

/* A file of version 2 has no brackets and no lineage; it comes to what a new one is. */
static void test_version_2_gets_the_tables_of_3(void **state)
{
    struct room *room = *state;
    static const char everything[] =
        "SELECT group_concat(what, ' ') FROM (SELECT type || ':' || name || ':' || "
        "tbl_name AS what FROM sqlite_schema ORDER BY 1)";
    struct rows fresh, migrated;
    sqlite3 *db;
    make_old_file(room->db);
    run_sql(room->db, everything, &fresh);
    assert_int_equal(sqlite3_open(room->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DROP TABLE trial_lineage; DROP TABLE study_bracket;"
                                  "ALTER TABLE worker DROP COLUMN gpus; ALTER TABLE worker DROP COLUMN "
                                  "gpus_out; DROP TABLE study_unreadable; PRAGMA user_version = 2",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    struct store *store = open_db(room->db);
    struct row_bracket bracket = {
        .study = 1, .first_trial = 1, .trials = 9, .min_epochs = 1, .eta = 3, .epochs = 9};
    store_add_bracket(store, &bracket);
    store_add_bracket(store, &bracket); /* known */
    commit(store);
    store_close(store);
    run_sql(room->db, everything, &migrated);
    assert_string_equal(cell_text(rows_cell(&fresh, 0, 0)), cell_text(rows_cell(&migrated, 0, 0)));
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM study_bracket"), 1);
    rows_fini(&fresh);
    rows_fini(&migrated);
}

/* A worker of version 3 says nothing of GPUs; one that joins later does. */
static void test_version_3_gets_the_gpus_of_4(void **state)
{
    struct room *room = *state;
    sqlite3 *db;
    make_old_file(room->db);
    assert_int_equal(sqlite3_open(room->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "ALTER TABLE worker DROP COLUMN gpus; ALTER TABLE worker DROP COLUMN "
                                  "gpus_out; DROP TABLE study_unreadable; PRAGMA user_version = 3",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    struct store *store = open_db(room->db);
    struct row_worker worker = {
        .uuid = "g", .name = "g", .host = "h", .version = "0", .platform = "x", .slots = 2, .gpus = "0,1"};
    store_worker_joined(store, &worker, 1);
    commit(store);
    store_close(store);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM worker WHERE gpus = '0,1'"), 1);
    assert_int_equal(ask_int(room->db, "SELECT count(*) > 0 FROM worker WHERE gpus IS NULL"), 1);
}

/* Of version 4 nothing is unreadable yet, and views did not say so. */
static void test_version_4_gets_the_unreadable_of_5(void **state)
{
    struct room *room = *state;
    sqlite3 *db;
    make_old_file(room->db);
    assert_int_equal(sqlite3_open(room->db, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "DROP TABLE study_unreadable; DROP VIEW study_progress; CREATE VIEW study_progress AS "
                     "SELECT name AS study FROM study; PRAGMA user_version = 4",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    store_close(open_db(room->db));
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM study_progress WHERE unreadable IS NULL"), 1);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM study_unreadable"), 0);
}

static void test_a_migration_that_fails(void **state)
{
    struct room *room = *state;
    struct migration steps[STEPS_MOST], orphans[STEPS_MOST];
    int count = steps_beyond(steps, (const char *const[]){good_step, bad_step, NULL});
    int orphan_count = steps_beyond(orphans, (const char *const[]){orphan_step, NULL});
    char which[48];
    make_old_file(room->db);
    struct str before = {0}, after = {0};
    assert_int_equal(file_read(room->db, 1 << 20, &before, NULL), 0);
    struct err err = ERR_NONE;
    assert_true(open_with(room->db, steps, count, &err) < 0);
    snprintf(which, sizeof which, "from version %d to %d", count - 1, count);
    assert_non_null(strstr(err.text, which));
    assert_true(open_with(room->db, orphans, orphan_count, &err) < 0);
    assert_non_null(strstr(err.text, "refer to nothing"));
    assert_int_equal(file_read(room->db, 1 << 20, &after, NULL), 0);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.text, after.text, before.len);
    str_fini(&before);
    str_fini(&after);
    store_close(open_db(room->db));
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM param"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_ROOM(test_a_migration),
        IN_A_ROOM(test_version_1_gets_the_views_of_2),
        IN_A_ROOM(test_version_2_gets_the_tables_of_3),
        IN_A_ROOM(test_version_3_gets_the_gpus_of_4),
        IN_A_ROOM(test_version_4_gets_the_unreadable_of_5),
        IN_A_ROOM(test_a_migration_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
