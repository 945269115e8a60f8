/* Lines of a trainer, and how they are cut from a stream: what counts, what is a fault, and that nothing grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/rng.h"
#include "worker/lines.h"
#include "worker/tail.h"
#include "worker/trainer_line.h"

static int parse(const char *text, struct trainer_line *line, struct err *err)
{
    return trainer_line_parse(text, strlen(text), line, err);
}

static void the_five_lines(void **state)
{
    (void)state;
    struct trainer_line line;
    assert_int_equal(
        parse("{\"epoch\":3,\"val_acc\":0.5,\"loss\":null,\"checkpoint\":\"a/b.ckpt\"}", &line, NULL), 0);
    assert_int_equal(line.says, TRAINER_REPORT);
    assert_int_equal(line.epoch, 3);
    assert_string_equal(line.checkpoint, "a/b.ckpt");
    trainer_line_fini(&line);
    assert_int_equal(parse("{\"epoch\":3,\"a\":1,\"checkpoint\":\"v1../2..3\"}", &line, NULL), 0);
    assert_string_equal(line.checkpoint, "v1../2..3"); /* two dots in a name climb nowhere */
    trainer_line_fini(&line);
    assert_int_equal(parse("{\"ready\":true}", &line, NULL), 0);
    assert_int_equal(line.says, TRAINER_READY);
    trainer_line_fini(&line);
    assert_int_equal(parse("{\"done\":true}", &line, NULL), 0);
    assert_int_equal(line.says, TRAINER_DONE);
    trainer_line_fini(&line);
    assert_int_equal(parse("{\"done\":false}", &line, NULL), 0);
    assert_int_equal(line.says, TRAINER_FAILED);
    assert_string_equal(line.cause, "error");
    assert_string_equal(line.text, "");
    trainer_line_fini(&line);
    assert_int_equal(parse("{\"note\":\"slow disk\"}", &line, NULL), 0);
    assert_int_equal(line.says, TRAINER_NOTE);
    assert_string_equal(line.text, "slow disk");
    trainer_line_fini(&line);
}

static void everything_else_is_a_fault_with_a_sentence(void **state)
{
    (void)state;
    static const char *const bad[] = {"x",
                                      "3",
                                      "null",
                                      "[]",
                                      "\"epoch\"",
                                      "{}",
                                      "{",
                                      "{\"epoch\":1}{}",
                                      "{\"epoch\":0}",
                                      "{\"epoch\":1.5}",
                                      "{\"epoch\":\"1\"}",
                                      "{\"epoch\":-1}",
                                      "{\"epoch\":1e300}",
                                      "{\"epoch\":1,\"epoch\":2}",
                                      "{\"epoch\":1,\"a\":true}",
                                      "{\"epoch\":1,\"a\":[1]}",
                                      "{\"epoch\":1,\"\":1}",
                                      "{\"epoch\":1,\"9a\":1}",
                                      "{\"epoch\":1,\"a\":1e999}",
                                      "{\"epoch\":1,\"a\":nan}",
                                      "{\"epoch\":NaN}",
                                      "{\"epoch\":1,\"a\":-NaN}",
                                      "{\"epoch\":1,\"a\":NaN",
                                      "{\"epoch\":1,NaN:1}",
                                      "{\"epoch\":1,\"checkpoint\":7}",
                                      "{\"epoch\":1,\"checkpoint\":\"\"}",
                                      "{\"epoch\":1,\"checkpoint\":\"/x\"}",
                                      "{\"epoch\":1,\"checkpoint\":\"..\"}",
                                      "{\"epoch\":1,\"checkpoint\":\"a/../../b\"}",
                                      "{\"epoch\":1,\"checkpoint\":\"a/\"}",
                                      "{\"epoch\":1,\"checkpoint\":\"./a\"}",
                                      "{\"epoch\":1,\"checkpoint\":\"a//b\"}",
                                      "{\"ready\":false}",
                                      "{\"ready\":1}",
                                      "{\"ready\":true,\"x\":1}",
                                      "{\"done\":1}",
                                      "{\"done\":false,\"cause\":\"bored\"}",
                                      "{\"done\":false,\"text\":7}",
                                      "{\"done\":true,\"x\":1}",
                                      "{\"note\":7}",
                                      "{\"note\":\"a\",\"b\":1}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct trainer_line line;
        struct err err = ERR_NONE;
        if (parse(bad[i], &line, &err) != ERR_PROTO)
            fail_msg("%s is taken", bad[i]);
        assert_int_equal(err.code, ERR_PROTO);
        assert_true(err.text[0] != '\0');
        assert_null(line.tree);
    }
}

/* As json.dumps and others write what is no number: a training that diverged is a result. Texts stay as they are. */
static void nan_and_infinity_are_null(void **state)
{
    (void)state;
    struct trainer_line line;
    assert_int_equal(
        parse("{\"epoch\":1,\"a\":NaN,\"b\": -Infinity , \"c\":Infinity,\"checkpoint\":\"NaN\\\"Infinity\"}",
              &line, NULL),
        0);
    assert_int_equal(json_type(json_get(line.tree, "a")), JSON_NULL);
    assert_int_equal(json_type(json_get(line.tree, "b")), JSON_NULL);
    assert_int_equal(json_type(json_get(line.tree, "c")), JSON_NULL);
    assert_string_equal(line.checkpoint, "NaN\"Infinity");
    trainer_line_fini(&line);
}

static void findings_are_no_metrics(void **state)
{
    (void)state;
    struct trainer_line line;
    assert_int_equal(
        parse("{\"epoch\":3,\"acc\":0.5,\"findings\":[{\"rule\":\"D5\",\"action\":\"warn\","
              "\"text\":\"a gap\",\"advice\":\"more l2\"},{\"rule\":\"mine\",\"action\":\"stop\","
              "\"text\":\"hopeless\"}]}",
              &line, NULL),
        0);
    assert_int_equal(json_count(line.findings), 2);
    trainer_line_fini(&line);
    assert_int_equal(parse("{\"epoch\":3,\"acc\":0.5}", &line, NULL), 0);
    assert_null(line.findings);
    trainer_line_fini(&line);
}

static void findings_have_bounds(void **state)
{
    (void)state;
    static const char *const bad[] = {"{}",
                                      "[1]",
                                      "[{}]",
                                      "[{\"rule\":\"D5\",\"action\":\"warn\"}]",
                                      "[{\"rule\":\"D5\",\"action\":\"shout\",\"text\":\"x\"}]",
                                      "[{\"rule\":\"D 5\",\"action\":\"warn\",\"text\":\"x\"}]",
                                      "[{\"rule\":\"D5\",\"action\":\"warn\",\"text\":\"x\",\"more\":1}]"};
    struct trainer_line line;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[300];
        struct err err = ERR_NONE;
        snprintf(text, sizeof text, "{\"epoch\":1,\"acc\":1,\"findings\":%s}", bad[i]);
        if (parse(text, &line, &err) != ERR_PROTO || !err.text[0])
            fail_msg("taken: %s", text);
    }
    struct str many = {0};
    str_add(&many, "{\"epoch\":1,\"acc\":1,\"findings\":[");
    for (int i = 0; i < 33; i++)
        str_addf(&many, "%s{\"rule\":\"D1\",\"action\":\"warn\",\"text\":\"x\"}", i ? "," : "");
    str_add(&many, "]}");
    assert_int_equal(parse(many.text, &line, NULL), ERR_PROTO);
    str_clear(&many);
    str_addf(&many, "{\"epoch\":1,\"findings\":[{\"rule\":\"D1\",\"action\":\"warn\",\"text\":\"%0201d\"}]}",
             1);
    assert_int_equal(parse(many.text, &line, NULL), ERR_PROTO);
    str_fini(&many);
}

static void metrics_are_counted(void **state)
{
    (void)state;
    for (int count = 64; count <= 65; count++) {
        struct str text = {0};
        struct trainer_line line;
        str_add(&text, "{\"epoch\":1,\"checkpoint\":\"c\"");
        for (int i = 0; i < count; i++)
            str_addf(&text, ",\"m%d\":%d", i, i);
        str_addc(&text, '}');
        assert_int_equal(parse(text.text, &line, NULL), count == 64 ? 0 : ERR_PROTO);
        trainer_line_fini(&line);
        str_fini(&text);
    }
}

/* Valid lines with bytes changed, cut and doubled: whatever comes out, it is one of the five or an error. */
static void damaged_lines_do_no_harm(void **state)
{
    (void)state;
    static const char *const seeds[] = {
        "{\"epoch\":3,\"val_acc\":0.5,\"loss\":null,\"checkpoint\":\"a/b.ckpt\"}",
        "{\"done\":false,\"cause\":\"oom\",\"text\":\"\\u00e9\\\\\"}", "{\"ready\":true}"};
    struct rng rng = rng_at(1, 2, 3, 4);
    for (int i = 0; i < 30000; i++) {
        char text[256];
        struct trainer_line line;
        const char *seed = seeds[rng_below(&rng, 3)];
        size_t len = strlen(seed) - rng_below(&rng, 3);
        memcpy(text, seed, len);
        for (uint32_t changes = rng_below(&rng, 4); changes; changes--)
            text[rng_below(&rng, (uint32_t)len)] = (char)rng_below(&rng, 256);
        if (trainer_line_parse(text, len, &line, NULL) == 0)
            assert_true(line.tree && line.says <= TRAINER_NOTE);
        trainer_line_fini(&line);
    }
}

/* ---- lines ---- */

static void lines_arrive_in_pieces(void **state)
{
    (void)state;
    struct lines lines;
    char *line;
    size_t len;
    lines_init(&lines, 5);
    lines_add(&lines, "ab", 2);
    assert_int_equal(lines_next(&lines, &line, &len), LINES_NONE);
    assert_int_equal(lines_left(&lines), 2);
    lines_add(&lines, "c\n\n12345\nx", 10);
    assert_int_equal(lines_next(&lines, &line, &len), LINES_LINE);
    assert_string_equal(line, "abc");
    assert_int_equal(lines_next(&lines, &line, &len), LINES_LINE);
    assert_int_equal(len, 0);
    assert_int_equal(lines_next(&lines, &line, &len), LINES_LINE);
    assert_string_equal(line, "12345");
    assert_int_equal(lines_next(&lines, &line, &len), LINES_NONE);
    assert_int_equal(lines_left(&lines), 1);
    lines_fini(&lines);
}

static void a_line_too_long_is_seen_before_its_end(void **state)
{
    (void)state;
    struct lines lines;
    char *line;
    size_t len;
    lines_init(&lines, 5);
    lines_add(&lines, "123456", 6);
    assert_int_equal(lines_next(&lines, &line, &len), LINES_LONG);
    assert_string_equal(line, "12345");
    lines_fini(&lines);
    lines_init(&lines, 5);
    lines_add(&lines, "1234567\n", 8);
    assert_int_equal(lines_next(&lines, &line, &len), LINES_LONG);
    lines_fini(&lines);
}

/* ---- tail ---- */

static char *tail_of(const char *text, size_t max)
{
    static struct tail tail;
    struct str out = {0};
    tail = (struct tail){0};
    tail_add(&tail, text, strlen(text));
    tail_text(&tail, max, &out);
    return str_take(&out);
}

static void expect_tail(const char *text, size_t max, const char *want)
{
    char *got = tail_of(text, max);
    assert_string_equal(got, want);
    free(got);
}

static void the_tail_is_whole_lines(void **state)
{
    (void)state;
    expect_tail("", 100, "");
    expect_tail("\n\n", 100, "");
    expect_tail("one", 100, "one");
    expect_tail("one\ntwo\n", 100, "one\ntwo");
    expect_tail("one\ntwo\n", 5, "two");
    expect_tail("one\ntwo\n", 3, "two");
    expect_tail("one long line", 4, "line");
    struct str many = {0};
    for (int i = 0; i < 3000; i++)
        str_addf(&many, "%d\n", i);
    char *got = tail_of(many.text, 4000);
    assert_int_equal(strncmp(got, "2980\n2981\n", 10), 0);
    assert_string_equal(got + strlen(got) - 5, "\n2999");
    free(got);
    str_fini(&many);
}

static void the_text_of_strangers_is_clean(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"h\xc3\xa9\tx\n", "h\xc3\xa9\tx\n"},
        {"\x1b[31mred\x7f\r", " [31mred  "},
        {"\xff\xc3(\xc0\x80\xed\xa0\x80", "??"
                                          "(?????"},
        {"\xf4\x90\x80\x80", "????"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"\xc2\x9b"
         "1m",
         "??1m"},
        {"\xe2\x82", "??"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str out = {0};
        text_clean(cases[i][0], strlen(cases[i][0]), 100, &out);
        assert_string_equal(str_text(&out), cases[i][1]);
        str_fini(&out);
    }
    struct str out = {0};
    text_clean("ab\xf0\x9f\x98\x80", 6, 4, &out);
    assert_string_equal(out.text, "ab");
    str_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_five_lines),
        cmocka_unit_test(everything_else_is_a_fault_with_a_sentence),
        cmocka_unit_test(nan_and_infinity_are_null),
        cmocka_unit_test(findings_are_no_metrics),
        cmocka_unit_test(findings_have_bounds),
        cmocka_unit_test(metrics_are_counted),
        cmocka_unit_test(damaged_lines_do_no_harm),
        cmocka_unit_test(lines_arrive_in_pieces),
        cmocka_unit_test(a_line_too_long_is_seen_before_its_end),
        cmocka_unit_test(the_tail_is_whole_lines),
        cmocka_unit_test(the_text_of_strangers_is_clean),
    };
    return cmocka_run_group_tests_name("trainer_line", tests, NULL, NULL);
}
