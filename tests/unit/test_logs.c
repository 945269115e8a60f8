/* Logs: their newest lines, what is added through a renaming, and what a master tells of them to a peer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/log_tail.h"
#include "common/base64.h"
#include "common/check.h"
#include "common/file.h"
#include "common/log_file.h"
#include "master/logs.h"
#include "tests/tools/scratch.h"
#include "tests/unit/session_world.h"

static struct scratch scratch;
static char db[128], root[160], folder[256], path[300];

static int setup(void **state)
{
    (void)state;
    scratch_init(&scratch);
    snprintf(db, sizeof db, "%s/hone.db", scratch.folder);
    snprintf(root, sizeof root, "%s.d", db);
    snprintf(folder, sizeof folder, "%s/s/t00017/a2", root);
    snprintf(path, sizeof path, "%s/log", folder);
    return dir_make(folder, NULL);
}

static int teardown(void **state)
{
    (void)state;
    scratch_fini(&scratch);
    return 0;
}

/* ---- reading here ---- */

static void expect_last(int64_t lines, const char *text)
{
    struct log_tail tail;
    struct str out = {0};
    log_tail_attempt(&tail, db, NULL, "s", 17, 2);
    log_tail_last(&tail, lines, &out);
    assert_string_equal(str_text(&out), text);
    log_tail_close(&tail);
    str_fini(&out);
}

static void test_last_lines(void **state)
{
    (void)state;
    expect_last(3, "");
    assert_int_equal(file_write_whole(path, "1\n2\n3\n4", 7, NULL), 0);
    expect_last(-1, "1\n2\n3\n4");
    expect_last(0, "");
    expect_last(1, "4");
    expect_last(2, "3\n4");
    expect_last(9, "1\n2\n3\n4");
    char older[320];
    snprintf(older, sizeof older, "%s.1", path);
    assert_int_equal(file_write_whole(older, "a\nb\n", 4, NULL), 0);
    expect_last(4, "1\n2\n3\n4");
    expect_last(5, "b\n1\n2\n3\n4");
    expect_last(-1, "a\nb\n1\n2\n3\n4");
}

/* Larger than what is read at once: the last lines are found from its end, and all of it is read. */
static void test_a_large_log(void **state)
{
    (void)state;
    struct str text = {0}, out = {0};
    struct log_tail tail;
    for (int i = 0; i < 60000; i++)
        str_addf(&text, "line %d\n", i);
    assert_int_equal(file_write_whole(path, str_text(&text), text.len, NULL), 0);
    expect_last(2, "line 59998\nline 59999\n");
    log_tail_attempt(&tail, db, NULL, "s", 17, 2);
    assert_true(log_tail_last(&tail, 30000, &out)); // more than the first look holds
    assert_true(str_starts(str_text(&out), "line 30000\n"));
    str_clear(&out);
    log_tail_last(&tail, -1, &out);
    assert_int_equal(out.len, text.len);
    log_tail_close(&tail);
    str_fini(&text);
    str_fini(&out);
}

/* As a slot writes it: full, renamed, begun anew. Nothing is lost, nothing comes twice. */
static void test_through_a_renaming(void **state)
{
    (void)state;
    struct log_file log;
    struct log_tail tail;
    struct str out = {0}, all = {0};
    assert_int_equal(log_file_open(&log, path, 2000, NULL), 0);
    log_tail_attempt(&tail, db, NULL, "s", 17, 2);
    assert_false(tail.file);
    for (int i = 0; i < 400; i++) {
        char line[32];
        int len = snprintf(line, sizeof line, "line %d\n", i);
        log_file_write(&log, line, (size_t)len);
        str_addn(&all, line, (size_t)len);
        if (i % 50 == 0) {
            log_tail_more(&tail, &out);
            assert_string_equal(str_text(&out), str_text(&all));
        }
    }
    log_tail_close(&tail);
    log_file_close(&log);
    str_fini(&out);
    str_fini(&all);
}

/* ---- what a peer gets ---- */

static struct log_asked asked_for;

static int asked(const char *args, struct msg_answer *answer)
{
    struct msg_call call = {.id = 7, .verb = "log", .args = json_parse(args, strlen(args), "args", NULL)};
    assert_non_null(call.args);
    *answer = (struct msg_answer){0};
    logs_answer(root, &call, &asked_for, answer);
    json_free(call.args);
    assert_int_equal(answer->id, 7);
    return (int)answer->code;
}

static void expect_told(const char *args, const char *text, int64_t offset, int64_t size)
{
    struct msg_answer answer;
    char bytes[64] = "";
    assert_int_equal(asked(args, &answer), 0);
    assert_true(json_num(json_get(answer.result, "file")) > 0);
    assert_int_equal((int64_t)json_num(json_get(answer.result, "offset")), offset);
    assert_int_equal((int64_t)json_num(json_get(answer.result, "size")), size);
    assert_true(base64_read(json_text(json_get(answer.result, "data")), bytes, sizeof bytes - 1) >= 0);
    assert_string_equal(bytes, text);
    json_free(answer.result);
}

static void test_a_stretch_for_a_peer(void **state)
{
    (void)state;
    assert_int_equal(file_write_whole(path, "0123456789", 10, NULL), 0);
    expect_told("{\"study\":\"s\",\"trial\":17,\"attempt\":2}", "0123456789", 0, 10);
    expect_told("{\"study\":\"s\",\"trial\":17,\"attempt\":2,\"offset\":7}", "789", 7, 10);
    expect_told("{\"study\":\"s\",\"trial\":17,\"attempt\":2,\"offset\":-4,\"bytes\":2}", "67", 6, 10);
    expect_told("{\"study\":\"s\",\"trial\":17,\"attempt\":2,\"offset\":99}", "", 10, 10);
    expect_told("{\"study\":\"s\",\"trial\":17,\"attempt\":2,\"offset\":-99}", "0123456789", 0, 10);
}

static void expect_no_log(const char *args)
{
    struct msg_answer answer;
    assert_int_equal(asked(args, &answer), 0);
    assert_int_equal((int)json_num(json_get(answer.result, "file")), 0);
    assert_null(json_get(answer.result, "data"));
    json_free(answer.result);
}

/* A peer reads logs, and nothing else. */
static void test_what_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}",
        "{\"study\":\"..\",\"trial\":1,\"attempt\":1}",
        "{\"study\":\"../s\",\"trial\":17,\"attempt\":2}",
        "{\"study\":\"s\",\"trial\":0,\"attempt\":1}",
        "{\"study\":\"s\",\"trial\":1.5,\"attempt\":1}",
        "{\"study\":\"s\",\"trial\":\"17\",\"attempt\":2}",
        "{\"study\":\"s\",\"trial\":17,\"attempt\":-2}",
        "{\"worker\":\"../../etc/passwd\"}",
        "{\"worker\":\"\"}",
        "{\"worker\":7}",
        "{\"study\":\"s\",\"trial\":17,\"attempt\":2,\"bytes\":99999999}",
        "{\"study\":\"s\",\"trial\":17,\"attempt\":2,\"bytes\":-1}",
        "{\"study\":\"s\",\"trial\":17,\"attempt\":2,\"offset\":1e300}",
        "{\"study\":\"s\",\"trial\":17,\"attempt\":2,\"older\":1}",
    };
    struct msg_answer answer;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (asked(bad[i], &answer) != 2 || answer.result)
            fail_msg("%s is taken", bad[i]);
    expect_no_log("{\"study\":\"s\",\"trial\":17,\"attempt\":3}");
    expect_no_log("{\"worker\":\"w1\"}");
    scratch_text(&scratch, "secret", "secret");
    char secret[200];
    snprintf(secret, sizeof secret, "%s/secret", scratch.folder);
    unlink(path);
    assert_int_equal(symlink(secret, path), 0);
    expect_no_log("{\"study\":\"s\",\"trial\":17,\"attempt\":2}");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0); // whoever waits for its writer waits for ever
    expect_no_log("{\"study\":\"s\",\"trial\":17,\"attempt\":2}");
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    expect_no_log("{\"study\":\"s\",\"trial\":17,\"attempt\":2}");
}

/* ---- what a worker tells its master ---- */

static struct msg told_of(struct world *world, const char *study, uint64_t offset, bool back, uint64_t bytes)
{
    struct msg look = {.kind = MSG_look, .look = {.id = 5, .trial = 17, .attempt = 2, .offset = offset}};
    str_copy(look.look.study, sizeof look.look.study, study);
    look.look.back = back;
    look.look.bytes = bytes;
    session_on_message(&world->session, &look, world->now);
    struct msg seen = expect(world, MSG_seen);
    assert_int_equal(seen.seen.id, 5);
    return seen;
}

static void expect_seen(struct world *world, uint64_t offset, bool back, uint64_t bytes, const char *text,
                        uint64_t at)
{
    struct msg seen = told_of(world, "s", offset, back, bytes);
    char data[64] = "";
    assert_true(seen.seen.file > 0);
    assert_int_equal(seen.seen.size, 8);
    assert_int_equal(seen.seen.offset, at);
    assert_true(base64_read(json_text(seen.seen.data), data, sizeof data - 1) >= 0);
    assert_string_equal(data, text);
    msg_fini(&seen);
}

static void expect_unseen(struct world *world, const char *study)
{
    struct msg seen = told_of(world, study, 0, false, 100);
    assert_int_equal(seen.seen.file, 0);
    assert_string_equal(json_text(seen.seen.data), "");
    msg_fini(&seen);
}

static void test_a_worker_tells_of_its_own_folder(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    char own[300], log[320], secret[300];
    world->session.scratch = scratch.folder;
    connect_to(world, store_a);
    expect_credit(world, 1);
    expect_unseen(world, "s");
    snprintf(own, sizeof own, "%s/%.8s/s/t00017/a2", scratch.folder, store_a);
    snprintf(log, sizeof log, "%s/log", own);
    assert_int_equal(dir_make(own, NULL), 0);
    assert_int_equal(file_write_whole(log, "epoch 1\n", 8, NULL), 0);
    expect_seen(world, 0, false, 100, "epoch 1\n", 0);
    expect_seen(world, 2, true, 100, "1\n", 6);
    expect_seen(world, 6, false, 1, "1", 6);
    expect_seen(world, 99, true, 5, "epoch", 0);
    expect_seen(world, 99, false, 5, "", 8);
    expect_unseen(world, "..");
    expect_unseen(world, "../aaaaaaaa/s");
    snprintf(secret, sizeof secret, "%s/secret", scratch.folder);
    assert_int_equal(file_write_whole(secret, "secret\n", 7, NULL), 0);
    assert_int_equal(unlink(log), 0);
    assert_int_equal(symlink(secret, log), 0); /* a trainer may put one there */
    expect_unseen(world, "s");
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_last_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_large_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_through_a_renaming, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_stretch_for_a_peer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_worker_tells_of_its_own_folder, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
