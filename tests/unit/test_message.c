/* The codec, held against its table: messages are made up from it, so a new row is tested without a line here. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/mem.h"
#include "tests/unit/message_rows.h"

/* ---- helpers ---- */

static void expect_refused(const char *head, const char *body, const char *part)
{
    struct msg msg;
    struct err err = ERR_NONE;
    int rc = decode(head, body, &msg, &err);
    if (rc == 0)
        fail_msg("%s %.200s was taken", head, body);
    assert_int_equal(rc, ERR_PROTO);
    assert_int_equal(err.code, ERR_PROTO);
    if (!strstr(err.text, part))
        fail_msg("%s %.200s: \"%s\" does not hold \"%s\"", head, body, err.text, part);
    msg_fini(&msg); /* empty: harmless */
    struct msg again;
    assert_int_equal(decode(head, body, &again, NULL), ERR_PROTO);
}

/* ---- round trips ---- */

/* What goes into each field: nothing, the smallest that shows, the most that fits, and trouble. */
enum filling { EMPTY, SMALL, LARGEST, NASTY, FILLING_COUNT };

/* Every kind of byte that JSON has to escape, and every length of UTF-8. */
static const char nasty_text[] = "\"\\/\b\f\n\r\t\x01\x1f\x7f é ü 漢 𝄞 {}[]:, ";

static void fill_text(char *text, const struct row *row, enum filling filling)
{
    if (filling == SMALL)
        strcpy(text, "x");
    if (filling == LARGEST)
        memset(text, 'm', row->bound);
    for (size_t i = 0; filling == NASTY && nasty_text[i] && i < row->bound; i++)
        text[i] = nasty_text[i];
    if (filling == NASTY && row->bound < sizeof nasty_text)
        strcpy(text, "\"\\\n\t\x01");
}

static struct json *fill_tree(const struct row *row, enum filling filling)
{
    if (is(row, "ANY"))
        return tree(filling == SMALL ? "0" : "[{\"a\":[1,2.5,-3e-7,true,false,null,\"\\u00e9\"]},\"x\"]");
    struct str text = {0};
    uint64_t count = filling == SMALL ? 0 : filling == LARGEST ? row->bound : 2;
    str_addc(&text, is(row, "LIST") ? '[' : '{');
    for (uint64_t i = 0; i < count; i++)
        str_addf(&text, is(row, "LIST") ? "%s{\"n\":%llu}" : "%s\"k%llu\":0.5", i ? "," : "",
                 (unsigned long long)i);
    str_addc(&text, is(row, "LIST") ? ']' : '}');
    struct json *root = tree(str_text(&text));
    str_fini(&text);
    return root;
}

static void fill(struct msg *msg, const struct row *row, enum filling filling)
{
    if (filling == EMPTY) {
        if (is(row, "NUM"))
            *(double *)at(msg, row) = NAN;
        if (is_tree(row) && strcmp(row->need, "MUST") == 0)
            *(struct json **)at(msg, row) = fill_tree(row, SMALL);
    } else if (is(row, "TEXT")) {
        fill_text(at(msg, row), row, filling);
    } else if (is(row, "UINT")) {
        *(uint64_t *)at(msg, row) = filling == LARGEST ? row->bound : 1;
    } else if (is(row, "NUM")) {
        *(double *)at(msg, row) = filling == LARGEST ? 1.7976931348623157e308
                                  : filling == SMALL ? -0.1
                                                     : 5e-324;
    } else if (is(row, "BOOL")) {
        *(bool *)at(msg, row) = true;
    } else {
        *(struct json **)at(msg, row) = fill_tree(row, filling);
    }
}

static void test_every_message_comes_back(void **state)
{
    (void)state;
    for (int kind = 0; kind < MSG_KIND_COUNT; kind++) {
        for (int filling = 0; filling < FILLING_COUNT; filling++) {
            struct msg *msg = xcalloc(1, sizeof *msg);
            msg->kind = (enum msg_kind)kind;
            for (int i = 0; i < ROW_COUNT; i++)
                if (rows[i].message == msg->kind)
                    fill(msg, &rows[i], (enum filling)filling);
            round_trip(msg);
            msg_fini(msg);
            free(msg);
        }
    }
}

static void test_names_and_heads(void **state)
{
    (void)state;
    assert_int_equal(sizeof messages / sizeof *messages, MSG_KIND_COUNT);
    for (int kind = 0; kind < MSG_KIND_COUNT; kind++) {
        char name[32];
        capitals(messages[kind].name, name);
        assert_string_equal(msg_name((enum msg_kind)kind), name);
    }
    struct str head = {0}, body = {0};
    msg_encode(&(struct msg){.kind = MSG_ack, .ack.seq = 7}, &head, &body);
    assert_string_equal(str_text(&head), "HONE1 ACK");
    assert_string_equal(str_text(&body), "{\"seq\":7}");
    str_fini(&head);
    str_fini(&body);
}

static void test_absent_fields_are_left_out(void **state)
{
    (void)state;
    struct msg msg = {.kind = MSG_answer, .answer.id = 3};
    struct str head = {0}, body = {0};
    msg_encode(&msg, &head, &body);
    assert_string_equal(str_text(&body), "{\"id\":3,\"code\":0}");
    str_fini(&head);
    str_fini(&body);
}

static void test_must_trees_that_are_missing_go_empty(void **state)
{
    (void)state;
    struct msg msg = {.kind = MSG_call, .call = {.id = 1, .verb = "ping"}};
    struct str head = {0}, body = {0};
    msg_encode(&msg, &head, &body);
    assert_string_equal(str_text(&body), "{\"id\":1,\"verb\":\"ping\",\"args\":{}}");
    str_fini(&head);
    str_fini(&body);
}

static void test_absent_and_null_fields_are_empty(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"id\":3,\"code\":0}",
        "{\"id\":3,\"code\":0,\"text\":null,\"hint\":null,\"result\":null}",
    };
    for (int i = 0; i < 2; i++) {
        struct msg msg;
        assert_int_equal(decode("HONE1 ANSWER", bodies[i], &msg, NULL), 0);
        assert_string_equal(msg.answer.text, "");
        assert_null(msg.answer.result);
    }
    struct msg msg;
    assert_int_equal(
        decode("HONE1 REPORT",
               "{\"seq\":1,\"study\":\"s\",\"trial\":1,\"attempt\":1,\"token\":\"t\",\"epoch\":1,"
               "\"metrics\":{}}",
               &msg, NULL),
        0);
    assert_true(isnan(msg.report.seconds));
    assert_null(msg.report.checkpoint);
    msg_fini(&msg);
}

static void test_unknown_fields_are_ignored(void **state)
{
    (void)state;
    struct msg msg;
    assert_int_equal(decode("HONE1 ACK", "{\"later\":{\"a\":[1]},\"seq\":5,\"x\":null}", &msg, NULL), 0);
    assert_int_equal(msg.ack.seq, 5);
    assert_int_equal(decode("HONE1 BEAT", " { \"at\" : 1 } ", &msg, NULL), 0);
}

static void test_a_taken_tree_stays(void **state)
{
    (void)state;
    struct msg msg;
    assert_int_equal(decode("HONE1 CALL", "{\"id\":1,\"verb\":\"ping\",\"args\":{\"a\":1}}", &msg, NULL), 0);
    struct json *kept = msg.call.args;
    msg.call.args = NULL;
    msg_fini(&msg);
    assert_true(json_num(json_get(kept, "a")) == 1);
    json_free(kept);
}

/* ---- mending and shortening our own ---- */

static void test_broken_utf8_of_ours_is_mended(void **state)
{
    (void)state;
    struct msg msg = {.kind = MSG_error, .error.code = "malformed"};
    strcpy(msg.error.text, "ok \xff\xc3 \xed\xa0\x80 \xf0\x9f\x98 caf\xc3\xa9 \xc3");
    struct str head = {0}, body = {0};
    msg_encode(&msg, &head, &body);
    struct msg back;
    assert_int_equal(msg_decode(head.text, head.len, body.text, body.len, &back, NULL), 0);
    assert_string_equal(back.error.text, "ok ?? ??? ??? caf\xc3\xa9 ?");
    str_fini(&head);
    str_fini(&body);
}

/* The longest text there is, all of it no UTF-8: it must still fit, or its ACK would never come. */
static void test_the_longest_broken_text_fits(void **state)
{
    (void)state;
    struct msg msg = {.kind = MSG_done, .done = {.seq = 1, .outcome = "failed"}};
    memset(msg.done.detail, 0xff, sizeof msg.done.detail - 1);
    struct str head = {0}, body = {0};
    msg_encode(&msg, &head, &body);
    struct msg back;
    assert_int_equal(msg_decode(head.text, head.len, body.text, body.len, &back, NULL), 0);
    assert_int_equal(strspn(back.done.detail, "?"), sizeof msg.done.detail - 1);
    str_fini(&head);
    str_fini(&body);
}

static void test_an_answer_too_large_says_so(void **state)
{
    (void)state;
    char *text = xmalloc(MSG_MAX_BYTES + 1);
    memset(text, 'x', MSG_MAX_BYTES);
    text[MSG_MAX_BYTES] = '\0';
    struct msg msg = {.kind = MSG_answer, .answer = {.id = 9, .result = json_new_text(text)}};
    struct str head = {0}, body = {0};
    msg_encode(&msg, &head, &body);
    struct msg back;
    assert_int_equal(msg_decode(head.text, head.len, body.text, body.len, &back, NULL), 0);
    assert_int_equal(back.answer.id, 9);
    assert_int_equal(back.answer.code, 2);
    assert_non_null(strstr(back.answer.text, "too large"));
    assert_null(back.answer.result);
    msg_fini(&msg);
    str_fini(&head);
    str_fini(&body);
    free(text);
}

/* ---- what is refused ---- */

static void test_bad_heads(void **state)
{
    (void)state;
    static const struct {
        const char *head, *part, *fault;
    } cases[] = {
        {"", "first frame", "malformed"},
        {"HONE1", "must begin", "version"},
        {"HONE1 ", "no message", "unknown"},
        {"HONE1 ack", "no message \"ack\"", "unknown"},
        {"HONE1 ACKK", "no message \"ACKK\"", "unknown"},
        {"HONE1 AC", "no message \"AC\"", "unknown"},
        {"HONE1  ACK", "no message", "unknown"},
        {"HONE1 ACK ", "no message", "unknown"},
        {"HONE2 ACK", "HONE2 ACK", "version"},
        {"HONE11 ACK", "must begin", "version"},
        {"hone1 ACK", "must begin", "version"},
        {"ACK", "must begin", "version"},
        {"HONE1\tACK", "first frame", "malformed"},
        {"\xff\xfe\xfd", "first frame", "malformed"},
        {"HONE1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "first frame",
         "malformed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_refused(cases[i].head, "{\"seq\":1}", cases[i].part);
        assert_string_equal(msg_fault(cases[i].head, strlen(cases[i].head)), cases[i].fault);
    }
    assert_int_equal(msg_decode("HONE1 ACK\0", 10, "{\"seq\":1}", 9, &(struct msg){0}, NULL), ERR_PROTO);
    assert_string_equal(msg_fault("HONE1 ACK", 9), "malformed"); /* the body's fault */
}

static void test_bad_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body, *part;
    } cases[] = {
        {"", "ACK"},
        {"null", "must be an object"},
        {"7", "must be an object"},
        {"[]", "must be an object"},
        {"{", "not valid JSON"},
        {"{\"seq\":1", "not valid JSON"},
        {"{\"seq\":1}}", "not valid JSON"},
        {"{\"seq\":1} x", "not valid JSON"},
        {"{\"seq\":1,\"seq\":2}", "twice"},
        {"{\"seq\":1e999}", "too large"},
        {"{\"seq\":1,\"x\":\"\xff\"}", "1:15: these bytes are not UTF-8"},
        {"{\"seq\":1,\"x\":\"\xc0\xaf\"}", "not UTF-8"},         /* longer than needed */
        {"{\"seq\":1,\"x\":\"\xed\xa0\x80\"}", "not UTF-8"},     /* half of a surrogate pair */
        {"{\"seq\":1,\"x\":\"\xf4\x90\x80\x80\"}", "not UTF-8"}, /* beyond U+10FFFF */
        {"{\"seq\":1,\"x\":\"\xe2\x82\"}", "not UTF-8"},
        {"{\"seq\":1,\"x\":\"a\\u0000b\"}", "\\u0000 cannot be part of a text"},
        {"{\"seq\":1,\"x\\u0000\":1}", "\\u0000 cannot be part of a text"},
        {"{\"seq\":1,\"x\":\"\\\\\\u0000\"}", "\\u0000 cannot be part of a text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refused("HONE1 ACK", cases[i].body, cases[i].part);
    struct msg msg; /* an escaped backslash and the letters u0000: no NUL */
    assert_int_equal(decode("HONE1 ACK", "{\"seq\":1,\"x\":\"\\\\u0000\"}", &msg, NULL), 0);
    assert_int_equal(msg_decode("HONE1 ACK", 9, "{\"seq\":1}\0", 10, &msg, NULL), ERR_PROTO);
}

static void test_too_deep_and_too_long(void **state)
{
    (void)state;
    struct str body = {0};
    str_add(&body, "{\"seq\":1,\"x\":");
    for (int i = 0; i < 100000; i++)
        str_addc(&body, '[');
    expect_refused("HONE1 ACK", str_text(&body), "deep");
    str_clear(&body);
    str_add(&body, "{\"seq\":1}");
    while (body.len <= MSG_MAX_BYTES)
        str_addc(&body, ' ');
    expect_refused("HONE1 ACK", str_text(&body), "fit in a frame");
    str_fini(&body);
}

/* A body with all MUST fields small, but for one that holds `value` (NULL: is absent). */
static void body_with(const struct row *odd, const char *value, struct str *body)
{
    str_clear(body);
    str_addc(body, '{');
    for (int i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        const char *small = is(row, "TEXT")     ? "\"x\""
                            : is(row, "OBJECT") ? "{}"
                            : is(row, "LIST")   ? "[]"
                            : is(row, "BOOL")   ? "true"
                                                : "1";
        bool wanted = row == odd ? value != NULL : strcmp(row->need, "MUST") == 0;
        if (row->message == odd->message && wanted)
            str_addf(body, "%s\"%s\":%s", body->len > 1 ? "," : "", row->field, row == odd ? value : small);
    }
    str_addc(body, '}');
}

static void expect_field_refused(const struct row *row, const char *value, const char *part)
{
    struct str body = {0};
    char head[64] = "HONE1 ", full[160];
    capitals(messages[row->message].name, head + strlen(head));
    body_with(row, value, &body);
    expect_refused(head, str_text(&body), part);
    snprintf(full, sizeof full, "%s: %s", head + strlen("HONE1 "), row->field);
    expect_refused(head, str_text(&body), full); /* message and field are named */
    str_fini(&body);
}

static void test_missing_fields(void **state)
{
    (void)state;
    for (int i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].need, "MUST"))
            continue;
        expect_field_refused(&rows[i], NULL, "is missing");
        if (!is(&rows[i], "NUM") && !is(&rows[i], "ANY"))
            expect_field_refused(&rows[i], "null", "must be");
    }
}

static void test_wrong_types(void **state)
{
    (void)state;
    static const char *const values[] = {"true", "1.5", "\"x\"", "[]", "{}"};
    for (int i = 0; i < ROW_COUNT; i++) {
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            const struct row *row = &rows[i];
            const char *value = values[v];
            bool fine = is(row, "ANY") || (is(row, "BOOL") && value[0] == 't') ||
                        (is(row, "NUM") && value[0] == '1') || (is(row, "TEXT") && value[0] == '"') ||
                        (is(row, "LIST") && value[0] == '[') || (is(row, "OBJECT") && value[0] == '{');
            if (!fine)
                expect_field_refused(row, value, "must be");
        }
    }
}

static void test_numbers_out_of_range(void **state)
{
    (void)state;
    for (int i = 0; i < ROW_COUNT; i++) {
        if (!is(&rows[i], "UINT"))
            continue;
        char over[32];
        snprintf(over, sizeof over, "%llu", (unsigned long long)rows[i].bound + 1);
        expect_field_refused(&rows[i], "-1", "must be from");
        expect_field_refused(&rows[i], "0.5", "whole number");
        expect_field_refused(&rows[i], over, "must be");
        expect_field_refused(&rows[i], "1e300", "must be");
    }
}

static void test_too_long_and_too_many(void **state)
{
    (void)state;
    struct str value = {0};
    for (int i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        str_clear(&value);
        if (is(row, "TEXT")) {
            str_addc(&value, '"');
            for (uint64_t n = 0; n <= row->bound; n++)
                str_addc(&value, 'x');
            str_addc(&value, '"');
            expect_field_refused(row, str_text(&value), "longer than");
        } else if (is(row, "OBJECT") || is(row, "LIST")) {
            bool list = is(row, "LIST");
            str_addc(&value, list ? '[' : '{');
            for (uint64_t n = 0; n <= row->bound; n++)
                str_addf(&value, list ? "%s%llu" : "%s\"k%llu\":0", n ? "," : "", (unsigned long long)n);
            str_addc(&value, list ? ']' : '}');
            expect_field_refused(row, str_text(&value), list ? "elements" : "members");
        }
    }
    str_fini(&value);
}

/* Every front part of a message is refused, and leaks nothing. */
static void test_truncated(void **state)
{
    (void)state;
    static const char body[] =
        "{\"seq\":1,\"study\":\"s\\u00e9\",\"trial\":1,\"attempt\":1,\"token\":\"t\",\"epoch\":1,"
        "\"metrics\":{\"a\":[1,{\"b\":null}]},\"seconds\":1e-3,\"checkpoint\":{\"path\":\"p\"}}";
    struct msg msg;
    for (size_t len = 0; len + 1 < sizeof body; len++)
        assert_int_equal(msg_decode("HONE1 REPORT", 12, body, len, &msg, NULL), ERR_PROTO);
    assert_int_equal(msg_decode("HONE1 REPORT", 12, body, sizeof body - 1, &msg, NULL), 0);
    msg_fini(&msg);
}

/* ---- outbox ---- */

static void test_outbox_keeps_order_and_memory(void **state)
{
    (void)state;
    struct outbox outbox = {0};
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 100; i++)
            outbox_add(&outbox, (peer_id)i + 1, &(struct msg){.kind = MSG_ack, .ack.seq = i});
        assert_int_equal(outbox.count, 100);
        for (uint64_t i = 0; i < 100; i++) {
            struct msg msg;
            const struct outbox_item *item = &outbox.items[i];
            assert_int_equal(item->to, i + 1);
            assert_int_equal(item->kind, MSG_ack);
            assert_int_equal(
                msg_decode(item->head.text, item->head.len, item->body.text, item->body.len, &msg, NULL), 0);
            assert_int_equal(msg.ack.seq, i);
        }
        outbox_clear(&outbox);
        assert_int_equal(outbox.count, 0);
    }
    outbox_fini(&outbox);
    outbox_clear(&outbox);
    outbox_fini(&outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_message_comes_back),
        cmocka_unit_test(test_names_and_heads),
        cmocka_unit_test(test_absent_fields_are_left_out),
        cmocka_unit_test(test_must_trees_that_are_missing_go_empty),
        cmocka_unit_test(test_absent_and_null_fields_are_empty),
        cmocka_unit_test(test_unknown_fields_are_ignored),
        cmocka_unit_test(test_a_taken_tree_stays),
        cmocka_unit_test(test_broken_utf8_of_ours_is_mended),
        cmocka_unit_test(test_the_longest_broken_text_fits),
        cmocka_unit_test(test_an_answer_too_large_says_so),
        cmocka_unit_test(test_bad_heads),
        cmocka_unit_test(test_bad_bodies),
        cmocka_unit_test(test_too_deep_and_too_long),
        cmocka_unit_test(test_missing_fields),
        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_numbers_out_of_range),
        cmocka_unit_test(test_too_long_and_too_many),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_outbox_keeps_order_and_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
