/* hone verify sees each rule that is broken, and hone gc deletes what no row names and nothing else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/tools/proc.h"
#include "tests/tools/scratch.h"

static const char study_text[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral:n=300\", \"seed\": 1},\n"
    "  \"space\": {\"lr\": {\"log\": [1e-3, 1]}},\n"
    "  \"search\": {\"method\": \"random\", \"trials\": 3, \"epochs\": 3, \"seed\": 7} }\n";

struct room {
    struct scratch scratch;
    char db[128], whole[128];
};

static int furnish(void **state)
{
    static struct room room;
    struct str out = {0};
    scratch_init(&room.scratch);
    scratch_text(&room.scratch, "study.json", study_text);
    snprintf(room.db, sizeof room.db, "%s/hone.db", room.scratch.folder);
    snprintf(room.whole, sizeof room.whole, "%s/whole.db", room.scratch.folder);
    if (RUN(room.scratch.folder, &out, "hone", "run", "study.json", "--workers", "1", "--quiet"))
        fail_msg("%s", str_text(&out));
    if (RUN(room.scratch.folder, NULL, "cp", "hone.db", "whole.db"))
        fail_msg("cp");
    str_fini(&out);
    *state = &room;
    return 0;
}

static int clear(void **state)
{
    struct room *room = *state;
    scratch_fini(&room->scratch);
    return 0;
}

static void expect_wrong(const struct room *room, const char *what, const char *text)
{
    struct str out = {0};
    int status = RUN(room->scratch.folder, &out, "hone", "verify", "hone.db");
    if (status != 1 || !strstr(str_text(&out), text))
        fail_msg("%s: status %d, no \"%s\" in: %s", what, status, text, str_text(&out));
    str_fini(&out);
}

static void expect_fine(const struct room *room)
{
    struct str out = {0};
    if (RUN(room->scratch.folder, &out, "hone", "verify", "--db", "hone.db"))
        fail_msg("%s", str_text(&out));
    assert_non_null(strstr(str_text(&out), "3 trials, 3 checkpoints"));
    str_fini(&out);
}

static void every_broken_rule_is_seen(void **state)
{
    static const struct {
        const char *sql, *text;
    } cases[] = {
        {"UPDATE trial SET status = 'running' WHERE number = 1", "its last event left it complete"},
        {"UPDATE trial SET status = 'running' WHERE number = 1", "without an open attempt"},
        {"UPDATE trial_event SET from_status = 'paused' WHERE to_status = 'complete' AND trial = 1",
         "which is not allowed"},
        {"UPDATE trial_event SET event = 'danced' WHERE to_status = 'running' AND trial = 2",
         "is called danced"},
        {"INSERT INTO trial_event SELECT 99999, trial, at_ms, event, to_status, to_status, NULL, attempt, "
         "NULL "
         "FROM trial_event WHERE to_status = 'complete' AND trial = 2",
         "its move from complete to complete is called"},
        {"DELETE FROM trial_event WHERE to_status = 'running' AND trial = 2", "does not begin where"},
        {"UPDATE attempt SET outcome = NULL WHERE trial = 3; INSERT INTO attempt SELECT trial, 2, worker, "
         "'x', 0, 1, "
         "NULL, NULL, NULL, NULL FROM attempt WHERE trial = 3",
         "2 attempts are open"},
        {"UPDATE trial SET score = score + 1 WHERE number = 2", "its curve says"},
        {"UPDATE trial SET best_epoch = 99 WHERE number = 2", "its curve says"},
        {"UPDATE epoch SET epoch = 9 WHERE trial = 1 AND epoch = 3; DELETE FROM epoch_metric WHERE epoch = 3",
         "has 3 epochs from 1 to 9"},
        {"UPDATE epoch SET seq = 1 WHERE trial = 1 AND epoch = 3", "was given out 2 times"},
        {"UPDATE epoch SET seq = 0 WHERE trial = 1 AND epoch = 3", "came before"},
        {"UPDATE trial SET last_epoch = 2 WHERE number = 1", "its newest epoch is 3"},
        {"UPDATE study SET definition = json_set(definition, '$.search.trials', 2)", "2 are planned"},
        {"UPDATE attempt SET from_epoch = 2 WHERE trial = 1", "of which there is no checkpoint"},
        {"UPDATE checkpoint SET bytes = 1 WHERE state = 'kept' AND trial = 1", "bytes, not 1"},
        {"UPDATE checkpoint SET hash = 'f00' WHERE state = 'kept' AND trial = 1", "has the hash"},
        {"UPDATE checkpoint SET state = 'kept' WHERE state = 'gone' AND trial = 1", "is not there"},
    };
    struct room *room = *state;
    expect_fine(room);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        db_change(room->db, cases[i].sql);
        expect_wrong(room, cases[i].sql, cases[i].text);
        assert_int_equal(RUN(room->scratch.folder, NULL, "cp", "whole.db", "hone.db"), 0);
    }
    expect_fine(room);
    /* Three were trained when three were planned; that fewer would have done is no fault. */
    assert_int_equal(RUN(room->scratch.folder, NULL, "hone", "edit", "s", "--set", "search.trials=2"), 0);
    expect_fine(room);
    assert_int_equal(RUN(room->scratch.folder, NULL, "hone", "delete", "s/3"), 0);
    expect_fine(room);
    struct str out = {0};
    assert_int_equal(RUN(room->scratch.folder, &out, "hone", "verify", "--json"), 0);
    assert_non_null(strstr(str_text(&out), "\"problems\":[]"));
    assert_int_equal(RUN(room->scratch.folder, NULL, "hone", "verify", "nowhere.db"), 3);
    str_fini(&out);
}

/* A file as of a time that is long past, or now. */
static void leave(const struct room *room, const char *name, bool old)
{
    const struct timespec times[2] = {{1000, 0}, {1000, 0}};
    char *path = path_join(room->scratch.folder, name);
    scratch_text(&room->scratch, name, "x");
    if (old)
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    free(path);
}

static bool is_there(const struct room *room, const char *name)
{
    char *path = path_join(room->scratch.folder, name);
    bool there = file_exists(path);
    free(path);
    return there;
}

static void gc_deletes_what_no_row_names(void **state)
{
    static const char *const goes[] = {"hone.db.d/s/t00001/a1/e9.ckpt", "hone.db.d/s/t00002/a1/e9.ckpt.part"};
    static const char *const stays[] = {"hone.db.d/s/t00001/a1/mine.bin", "hone.db.d/s/notes.ckpt",
                                        "hone.db.d/s/t00003/a1/new.ckpt"};
    struct room *room = *state;
    struct str out = {0};
    leave(room, goes[0], true);
    leave(room, goes[1], true);
    leave(room, stays[0], true);
    leave(room, stays[1], true);
    leave(room, stays[2], false);
    assert_int_equal(RUN(room->scratch.folder, &out, "hone", "gc", "--dry-run"), 0);
    assert_non_null(strstr(str_text(&out), "2 files"));
    assert_true(is_there(room, goes[0]) && is_there(room, goes[1]));
    assert_int_equal(RUN(room->scratch.folder, NULL, "hone", "gc"), 0);
    assert_false(is_there(room, goes[0]) || is_there(room, goes[1]));
    assert_true(is_there(room, stays[0]) && is_there(room, stays[1]) && is_there(room, stays[2]));
    expect_fine(room);
    str_fini(&out);
}

/* A host whose clock is two hours off writes files that look old while their report is on its way. */
static void gc_leaves_alone_what_runs(void **state)
{
    static const char name[] = "hone.db.d/s/t00001/a1/e9.ckpt";
    static const char *const ways[][2] = {{"UPDATE attempt SET outcome = NULL WHERE trial = 1",
                                           "UPDATE attempt SET outcome = 'finished' WHERE trial = 1"},
                                          {"UPDATE attempt SET outcome = 'lost' WHERE trial = 1; UPDATE "
                                           "trial SET status = 'waiting' WHERE id = 1",
                                           "UPDATE attempt SET outcome = 'finished' WHERE trial = 1; UPDATE "
                                           "trial SET status = 'complete' WHERE id = 1"}};
    struct room *room = *state;
    char *db = path_join(room->scratch.folder, "hone.db");
    leave(room, name, true);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        db_change(db, ways[i][0]);
        assert_int_equal(RUN(room->scratch.folder, NULL, "hone", "gc"), 0);
        assert_true(is_there(room, name));
        db_change(db, ways[i][1]);
    }
    assert_int_equal(RUN(room->scratch.folder, NULL, "hone", "gc"), 0);
    assert_false(is_there(room, name));
    free(db);
    expect_fine(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_broken_rule_is_seen),
        cmocka_unit_test(gc_deletes_what_no_row_names),
        cmocka_unit_test(gc_leaves_alone_what_runs),
    };
    return cmocka_run_group_tests_name("verify", tests, furnish, clear);
}
