/* The parts of the dashboard that meet strangers and need no socket: the target of a request, who is let in, gzip. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "web/api.h"
#include "web/body.h"
#include "web/gate.h"
#include "web/kept.h"
#include "web/page.h"

static int parse(const char *target, struct request *out)
{
    struct err err = ERR_NONE;
    int rc = request_parse(target, out, &err);
    assert_true(rc == 0 || err.text[0]);
    return rc;
}

static void a_target_is_a_path_and_arguments(void **state)
{
    (void)state;
    struct request r;
    assert_int_equal(parse("/api/trials?study=a%20b%2Fc&after=17-0-ab&&flag&trials=1,2+3", &r), 0);
    assert_string_equal(r.path, "/api/trials");
    assert_string_equal(request_arg(&r, "study"), "a b/c");
    assert_string_equal(request_arg(&r, "after"), "17-0-ab");
    assert_string_equal(request_arg(&r, "flag"), "");
    assert_string_equal(request_arg(&r, "trials"), "1,2+3");
    assert_null(request_arg(&r, "stud"));
    assert_int_equal(parse("/%C3%BC", &r), 0);
    assert_string_equal(r.path, "/ü");
}

static void what_cannot_be_read_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "api",
                                      "*",
                                      "http://x/",
                                      "/%",
                                      "/%4",
                                      "/%zz",
                                      "/a%00b",
                                      "/a?x=%00",
                                      "/a?x=%0a",
                                      "/a\tb",
                                      "/%ff",
                                      "/a?x=%c3",
                                      "/a?=1",
                                      "/a?x=1&x=2",
                                      "/a?%=1",
                                      "/a?x=1%2",
                                      "/\x80",
                                      "/a?a&b&c&d&e&f&g&h&i"};
    struct request r;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (parse(bad[i], &r) != ERR_BAD)
            fail_msg("taken: %s", bad[i]);
    char longest[REQUEST_TARGET_MAX + 1];
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    longest[REQUEST_TARGET_MAX] = '\0';
    assert_int_equal(parse(longest, &r), ERR_BAD);
    longest[REQUEST_TARGET_MAX - 1] = '\0';
    assert_int_equal(parse(longest, &r), 0);
}

static void numbers_are_digits_within_bounds(void **state)
{
    (void)state;
    static const char *const bad[] = {"/a?n=",    "/a?n=-1", "/a?n=+1",  "/a?n=%201",
                                      "/a?n=0x2", "/a?n=31", "/a?n=1e1", "/a?n=99999999999999999999"};
    struct request r;
    struct err err = ERR_NONE;
    int64_t n;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(parse(bad[i], &r), 0);
        if (request_whole(&r, &(struct request_range){"n", 0, 30, 5}, &n, &err) != ERR_BAD)
            fail_msg("taken: %s as %lld", bad[i], (long long)n);
    }
    assert_int_equal(parse("/a?n=30", &r), 0);
    assert_int_equal(request_whole(&r, &(struct request_range){"n", 0, 30, 5}, &n, &err), 0);
    assert_int_equal(n, 30);
    assert_int_equal(request_whole(&r, &(struct request_range){"m", 0, 30, 5}, &n, &err), 0);
    assert_int_equal(n, 5);
    assert_int_equal(request_whole(&r, &(struct request_range){"m", 1, 30, 0}, &n, &err), ERR_BAD);
}

static int numbers(const char *target, uint32_t *out, int most)
{
    struct request r;
    struct err err = ERR_NONE;
    assert_int_equal(parse(target, &r), 0);
    return request_numbers(&r, "trials", out, most, &err);
}

static void lists_of_trials_are_bounded(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "/a",           "/a?trials=",    "/a?trials=0",          "/a?trials=1,",
        "/a?trials=,1", "/a?trials=1;2", "/a?trials=4294967296", "/a?trials=1,2,3,4"};
    uint32_t list[3];
    assert_int_equal(numbers("/a?trials=7,4294967295,1", list, 3), 3);
    assert_int_equal(list[0], 7);
    assert_true(list[1] == UINT32_MAX && list[2] == 1);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (numbers(bad[i], list, 3) != ERR_BAD)
            fail_msg("taken: %s", bad[i]);
}

static void only_the_whole_token_fits(void **state)
{
    (void)state;
    char token[GATE_TOKEN_ROOM], other[GATE_TOKEN_ROOM], header[128];
    gate_new_token(token);
    gate_new_token(other);
    assert_int_equal(strlen(token), 43);
    assert_int_equal(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
    assert_string_not_equal(token, other);
    snprintf(header, sizeof header, "Bearer %s", token);
    assert_true(gate_token_fits(token, header));
    snprintf(header, sizeof header, "bearer %s", token);
    assert_true(gate_token_fits(token, header));
    snprintf(header, sizeof header, "Bearer %s%s", token, token); // as often as one likes
    assert_false(gate_token_fits(token, header));
    snprintf(header, sizeof header, "Bearer %.42s", token);
    assert_false(gate_token_fits(token, header));
    snprintf(header, sizeof header, "Bearer %s", other);
    assert_false(gate_token_fits(token, header));
    snprintf(header, sizeof header, "Basic %s", token);
    assert_false(gate_token_fits(token, header));
    assert_false(gate_token_fits(token, "Bearer "));
    assert_false(gate_token_fits(token, ""));
    assert_false(gate_token_fits(token, NULL));
}

static void a_name_that_somebody_else_made_is_none_of_ours(void **state)
{
    (void)state;
    static const char *const good[] = {"127.0.0.1",  "127.0.0.1:7080", "localhost:1", "LOCALHOST",
                                       "[::1]:7080", "[::1]",          "10.1.2.3:80", "node7:7080"};
    static const char *const bad[] = {"",
                                      ":80",
                                      "evil.example:7080",
                                      "127.0.0.1.evil.example",
                                      "localhost.evil.example",
                                      "localhost:80@evil",
                                      "[::1",
                                      "[]:80",
                                      "::1",
                                      "localhost:80:80",
                                      "127.1",
                                      "2130706433"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (!gate_host_fits(good[i], "node7"))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (gate_host_fits(bad[i], "node7"))
            fail_msg("let in: %s", bad[i]);
    assert_false(gate_host_fits("node7", NULL));
    assert_false(gate_host_fits("", ""));
    assert_false(gate_host_fits(NULL, "node7"));
}

static void a_version_is_gone_on_from_only_where_that_is_possible(void **state)
{
    (void)state;
    assert_int_equal(api_seq_since("17-0-ab", "20-0-cd"), 17);
    assert_int_equal(api_seq_since("20-0-ab", "20-0-ab"), 20);
    assert_int_equal(api_seq_since("21-0-ab", "20-0-cd"), -1); // another database
    assert_int_equal(api_seq_since("17-0-ab", "20-1-cd"), -1); // a trial was deleted
    assert_int_equal(api_seq_since(NULL, "20-0-cd"), -1);
    assert_int_equal(api_seq_since("", "20-0-cd"), -1);
    assert_int_equal(api_seq_since("-3-0", "20-0-cd"), -1);
    assert_int_equal(api_seq_since("99999999999999999999999-0", "20-0-cd"), -1);
}

static void a_body_is_the_same_after_gzip(void **state)
{
    (void)state;
    struct str text = {0};
    for (int i = 0; i < 20000; i++)
        str_addf(&text, "{\"trial\":%d},", i * 7919);
    struct str copy = {0};
    str_add(&copy, str_text(&text));
    struct body *plain = body_take(&copy), *packed = body_pack(plain);
    assert_true(packed->is_gzip && packed->len < plain->len / 2);
    struct body *again = body_unpack(packed, text.len);
    assert_int_equal(again->len, text.len);
    assert_memory_equal(again->bytes, text.text, text.len);
    assert_null(body_unpack(packed, text.len - 1));
    assert_null(body_unpack(plain, text.len));
    body_drop(body_hold(plain));
    body_drop(plain);
    body_drop(packed);
    body_drop(again);
    str_fini(&text);
}

static void keep(struct kept_list *list, const char *target, const char *version, size_t bytes)
{
    struct str text = {0};
    while (text.len < bytes)
        str_add(&text, "0123456789");
    struct kept one = {.target = xstrdup(target), .plain = body_take(&text)};
    str_copy(one.version, sizeof one.version, version);
    kept_take(list, &one);
    assert_null(one.target);
}

static void answers_are_kept_while_the_database_is_the_same(void **state)
{
    (void)state;
    struct kept_list list = {0};
    char target[32];
    keep(&list, "/a", "1", 10);
    keep(&list, "/big", "1", KEPT_BYTES_EACH + 1);
    assert_null(kept_find(&list, "/big", "1"));
    assert_null(kept_find(&list, "/b", "1"));
    struct kept *a = kept_find(&list, "/a", "1");
    assert_non_null(a);
    struct body *packed = kept_body(a, true), *again = kept_body(a, true);
    assert_true(packed == again && packed->is_gzip); // made once
    body_drop(again);
    for (int i = 0; i < KEPT; i++) { // /a is asked for again and again, the others once
        snprintf(target, sizeof target, "/%d", i);
        keep(&list, target, "1", 10);
        assert_non_null(kept_find(&list, "/a", "1"));
    }
    assert_null(kept_find(&list, "/0", "1"));
    assert_non_null(kept_find(&list, "/15", "1"));
    assert_null(kept_find(&list, "/a", "2"));
    assert_null(kept_find(&list, "/a", "1")); // gone with its version
    assert_true(packed->len > 0);             // but not from who still sends it
    body_drop(packed);
    kept_fini(&list);
}

static void the_page_is_part_of_the_program(void **state)
{
    (void)state;
    const struct page_file *page = web_page_find("/");
    assert_non_null(page);
    assert_ptr_equal(page, web_page_find("/index.html"));
    assert_string_equal(page->type, "text/html; charset=utf-8");
    assert_null(web_page_find("/../index.html"));
    assert_null(web_page_find(""));
    assert_null(web_page_find("/no"));
    struct body *packed = web_page_body(page, true), *plain = web_page_body(page, false);
    assert_ptr_equal(packed->bytes, page->bytes);
    struct body *again = web_page_body(page, false);
    assert_ptr_equal(plain, again); // however many ask
    body_drop(again);
    assert_non_null(plain);
    assert_int_equal(plain->len, page->plain);
    assert_int_equal(plain->bytes[0], '<');
    body_drop(packed);
    body_drop(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_is_a_path_and_arguments),
        cmocka_unit_test(what_cannot_be_read_is_refused),
        cmocka_unit_test(numbers_are_digits_within_bounds),
        cmocka_unit_test(lists_of_trials_are_bounded),
        cmocka_unit_test(only_the_whole_token_fits),
        cmocka_unit_test(a_name_that_somebody_else_made_is_none_of_ours),
        cmocka_unit_test(a_version_is_gone_on_from_only_where_that_is_possible),
        cmocka_unit_test(a_body_is_the_same_after_gzip),
        cmocka_unit_test(answers_are_kept_while_the_database_is_the_same),
        cmocka_unit_test(the_page_is_part_of_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
