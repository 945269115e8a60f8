/* Checkpoints in transit, without a socket: base64, the worker's offers and fetches, the master's porter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base64.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/mem.h"
#include "master/porter.h"
#include "tests/tools/proc.h"
#include "tests/tools/scratch.h"
#include "worker/leftovers.h"

static void base64_comes_back(void **state)
{
    (void)state;
    unsigned char bytes[5000], back[5000];
    random_bytes(bytes, sizeof bytes);
    for (size_t len = 0; len < sizeof bytes; len += len < 10 ? 1 : 997) {
        struct str text = {0};
        base64_add(&text, bytes, len);
        assert_int_equal(base64_read(str_text(&text), back, sizeof back), (long)len);
        assert_memory_equal(bytes, back, len);
        if (len)
            assert_int_equal(base64_read(str_text(&text), back, len - 1), -1); /* no room */
        str_fini(&text);
    }
    static const char *const bad[] = {
        "a", "abc", "ab=c", "====", "a===", "ab\nc", "abc?", "abcdab", "ab==abcd", NULL};
    for (int i = 0; bad[i]; i++)
        if (base64_read(bad[i], back, sizeof back) != -1)
            fail_msg("%s was read", bad[i]);
    assert_int_equal(base64_read("TWFu", back, sizeof back), 3);
    assert_memory_equal(back, "Man", 3);
}

/* ---- the worker's side ---- */

static struct msg_report report_of(const char *path, uint64_t epoch)
{
    struct msg_report report = {.study = "s", .token = "abc", .trial = 1, .attempt = 2, .epoch = epoch};
    report.checkpoint = json_new_object();
    json_put_text(report.checkpoint, "path", path);
    return report;
}

static void offers_are_sent_in_pieces_and_dropped_with_their_file(void **state)
{
    (void)state;
    struct scratch scratch;
    struct transit transit;
    struct outbox outbox = {0};
    enum { SIZE = 2 * CHUNK_BYTES + 100 };
    unsigned char *bytes = xmalloc(SIZE), *back = xmalloc(SIZE);
    scratch_init(&scratch);
    transit_init(&transit, NULL, "");
    random_bytes(bytes, SIZE);
    scratch_write(&scratch, "e1.ckpt", bytes, SIZE);
    char *path = path_join(scratch.folder, "e1.ckpt");
    struct msg_report report = report_of(path, 1), other = report_of("s/t00001/a2/e2.ckpt", 2);
    transit_offer(&transit, &report);
    transit_offer(&transit, &other); /* the master sees that one itself */
    assert_int_equal(transit.count, 1);
    struct msg_want want = {
        .study = "s", .token = "abc", .trial = 1, .attempt = 2, .epoch = 1, .bytes = SIZE};
    assert_true(transit_send(&transit, &want, &outbox, 0));
    assert_int_equal(outbox.count, 3);
    size_t at = 0;
    for (size_t i = 0; i < outbox.count; i++) {
        struct msg msg;
        const struct outbox_item *item = &outbox.items[i];
        assert_int_equal(
            msg_decode(item->head.text, item->head.len, item->body.text, item->body.len, &msg, NULL), 0);
        assert_int_equal(msg.chunk.offset, at);
        assert_true(item->body.len <= (256 << 10) + 400);
        at += (size_t)base64_read(json_text(msg.chunk.data), back + at, SIZE - at);
        msg_fini(&msg);
    }
    assert_int_equal(at, SIZE);
    assert_memory_equal(bytes, back, SIZE);
    outbox_clear(&outbox);
    want.token[0] = 'x'; /* of nobody's attempt */
    assert_false(transit_send(&transit, &want, &outbox, 0));
    assert_int_equal(outbox.count, 1); /* data null */
    transit_drop(&transit, "abc", 2);
    assert_true(file_exists(path));
    transit_drop(&transit, "abc", 1);
    assert_false(file_exists(path));
    assert_null(transit_tell(&transit));
    json_free(report.checkpoint);
    json_free(other.checkpoint);
    transit_fini(&transit);
    outbox_fini(&outbox);
    scratch_fini(&scratch);
    free(bytes);
    free(back);
    free(path);
}

/* ---- what a killed worker left ---- */

static void init_as(struct transit *transit, const struct scratch *scratch, const char *uuid,
                    const char *store)
{
    transit_init(transit, scratch->folder, uuid);
    str_copy(transit->store, sizeof transit->store, store);
}

static char *attempt_file(const struct scratch *scratch, const char *name)
{
    char *folder = xasprintf("%s/0123abcd/s/t00001/a2", scratch->folder), *path = path_join(folder, name);
    assert_int_equal(dir_make(folder, NULL), 0);
    free(folder);
    return path;
}

static void write_old(const char *path, int64_t age_s)
{
    struct timespec then[2] = {{clock_wall_ms() / 1000 - age_s, 0}, {clock_wall_ms() / 1000 - age_s, 0}};
    assert_int_equal(file_write_whole(path, "x", 1, NULL), 0);
    assert_int_equal(utimensat(AT_FDCWD, path, then, 0), 0);
}

static void what_a_killed_worker_left_is_offered_by_the_next(void **state)
{
    (void)state;
    struct scratch scratch;
    struct transit first, second, third;
    scratch_init(&scratch);
    char *path = attempt_file(&scratch, "e1.ckpt"), *half = attempt_file(&scratch, "e2.ckpt.tmp"),
         *fresh = attempt_file(&scratch, "e3.ckpt.tmp"), *log = attempt_file(&scratch, "log");
    struct msg_report report = report_of(path, 1);
    write_old(path, 7200);
    write_old(half, 7200);
    write_old(fresh, 60);
    write_old(log, 7200);
    init_as(&first, &scratch, "first", "0123abcd0123abcd");
    init_as(&second, &scratch, "second", "0123abcd0123abcd");
    init_as(&third, &scratch, "third", "0123abcdffffffff");
    transit_offer(&first, &report);
    assert_int_equal(leftovers_adopt(&second, clock_wall_ms()), 0); /* it lives */
    assert_true(file_exists(path));
    assert_false(file_exists(half)); /* nobody's */
    assert_true(file_exists(fresh)); /* perhaps being written */
    assert_true(file_exists(log));
    transit_fini(&first);
    assert_int_equal(leftovers_adopt(&third, clock_wall_ms()), 0); /* of another master's */
    assert_int_equal(leftovers_adopt(&second, clock_wall_ms()), 1);
    assert_string_equal(second.offers[0].token, "abc");
    assert_int_equal(second.offers[0].epoch, 1);
    assert_int_equal(leftovers_adopt(&second, clock_wall_ms()), 0); /* its own now */
    transit_drop(&second, "abc", 1);
    assert_false(file_exists(path));
    transit_fini(&second);
    assert_int_equal(leftovers_adopt(&third, clock_wall_ms()), 0);
    struct str left = {0};
    RUN(scratch.folder, &left, "sh", "-c", "find . -name '*.offer'");
    assert_string_equal(str_text(&left), "");
    str_fini(&left);
    transit_fini(&third);
    json_free(report.checkpoint);
    free(path);
    free(half);
    free(fresh);
    free(log);
    scratch_fini(&scratch);
}

static int take(struct fetch *fetch, uint64_t offset, const unsigned char *bytes, size_t len)
{
    struct msg_chunk chunk = {.epoch = 3, .offset = offset};
    struct str text = {0};
    base64_add(&text, bytes, len);
    chunk.data = json_new_text(str_text(&text));
    int rc = fetch_take(fetch, &chunk, 0, NULL);
    json_free(chunk.data);
    str_fini(&text);
    return rc;
}

static void a_fetch_asks_within_its_window_and_goes_on_after_a_break(void **state)
{
    (void)state;
    struct scratch scratch;
    struct fetch fetch;
    struct msg_want want = {0};
    uint64_t size = 3 * (uint64_t)FETCH_WINDOW + 7;
    unsigned char *bytes = xmalloc(size);
    scratch_init(&scratch);
    random_bytes(bytes, size);
    char *path = path_join(scratch.folder, "a1/resume.part"), hash[HASH_HEX], found[HASH_HEX];
    hash_bytes(bytes, size, hash);
    fetch_init(&fetch, path, 3, size, 0);
    assert_true(fetch_ask(&fetch, &want));
    assert_int_equal(want.bytes, FETCH_WINDOW);
    assert_false(fetch_ask(&fetch, &want));              /* nothing came yet */
    assert_int_equal(take(&fetch, 5, bytes + 5, 10), 0); /* not the next one: ignored */
    assert_int_equal(fetch.have, 0);
    assert_int_equal(take(&fetch, 0, bytes, CHUNK_BYTES), 0);
    fetch_rewind(&fetch); /* the connection broke */
    assert_true(fetch_ask(&fetch, &want));
    assert_int_equal(want.offset, CHUNK_BYTES);
    int rc = 0;
    while (!rc) {
        uint64_t left = fetch.asked - fetch.have;
        rc = take(&fetch, fetch.have, bytes + fetch.have, left < CHUNK_BYTES ? left : CHUNK_BYTES);
        fetch_ask(&fetch, &want);
    }
    assert_int_equal(rc, 1);
    assert_int_equal(hash_file(path, found, NULL, NULL), 0);
    assert_string_equal(hash, found);
    assert_int_equal(take(&fetch, size, bytes, 10), ERR_PROTO); /* nobody asked for more */
    fetch_fini(&fetch);
    assert_false(file_exists(path));
    free(path);
    free(bytes);
    scratch_fini(&scratch);
}

/* ---- the master's side ---- */

static struct chore *done(struct porter *porter, struct chore *chore)
{
    porter_post(porter, chore);
    porter_settle(porter);
    struct chore *back = porter_take(porter);
    assert_non_null(back);
    assert_null(porter_take(porter));
    return back;
}

static struct chore *write_of(const char *path, int64_t offset, const void *bytes, size_t len)
{
    struct chore *chore = chore_new(CHORE_WRITE, 1, path);
    chore->data = xmalloc(len);
    memcpy(chore->data, bytes, len);
    chore->len = len;
    chore->offset = offset;
    return chore;
}

static void what_arrives_is_whole_or_not_there(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_init(&scratch);
    for (int threaded = 0; threaded < 2; threaded++) {
        struct porter *porter = porter_new(scratch.folder, threaded);
        char *path = path_join(scratch.folder, "s/t1/a1/e1.ckpt"), hash[HASH_HEX];
        const char *name = "s/t1/a1/e1.ckpt";
        hash_bytes("hello world", 11, hash);
        chore_free(done(porter, chore_new(CHORE_BEGIN, 1, name)));
        chore_free(done(porter, write_of(name, 0, "hello ", 6)));
        struct chore *c = done(porter, chore_new(CHORE_BEGIN, 1, name));
        assert_int_equal(c->bytes, 6); /* it goes on there */
        chore_free(c);
        chore_free(done(porter, write_of(name, 6, "moon!", 5)));
        c = chore_new(CHORE_FINISH, 1, name);
        c->bytes = 11;
        memcpy(c->hash, hash, sizeof hash);
        c = done(porter, c);
        assert_int_equal(c->rc, ERR_BAD); /* another hash: it is thrown away */
        chore_free(c);
        assert_false(file_exists(path));
        c = done(porter, chore_new(CHORE_BEGIN, 1, name));
        assert_int_equal(c->bytes, 0);
        chore_free(c);
        chore_free(done(porter, write_of(name, 0, "hello world", 11)));
        c = chore_new(CHORE_FINISH, 1, name);
        c->bytes = 11;
        memcpy(c->hash, hash, sizeof hash);
        c = done(porter, c);
        assert_int_equal(c->rc, 0);
        chore_free(c);
        c = chore_new(CHORE_READ, 1, name);
        c->offset = 6;
        c->len = 100;
        c = done(porter, c);
        assert_int_equal(c->len, 5);
        assert_memory_equal(c->data, "world", 5);
        chore_free(c);
        c = done(porter, chore_new(CHORE_DELETE, 1, name));
        assert_int_equal(c->rc, 0);
        chore_free(c);
        assert_false(file_exists(path));
        c = done(porter, chore_new(CHORE_DELETE, 1, name)); /* again, as after a crash */
        assert_int_equal(c->rc, 0);
        chore_free(c);
        porter_post(porter, chore_new(CHORE_READ, 2, name)); /* left behind */
        porter_free(porter);
        free(path);
    }
    scratch_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_comes_back),
        cmocka_unit_test(offers_are_sent_in_pieces_and_dropped_with_their_file),
        cmocka_unit_test(what_a_killed_worker_left_is_offered_by_the_next),
        cmocka_unit_test(a_fetch_asks_within_its_window_and_goes_on_after_a_break),
        cmocka_unit_test(what_arrives_is_whole_or_not_there),
    };
    cmocka_set_skip_filter(getenv("HONE_TEST_SKIP"));
    return cmocka_run_group_tests_name("transit", tests, NULL, NULL);
}
