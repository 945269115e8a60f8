/* Tables: the same rows three ways. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli/table.h"
#include "common/check.h"

#define INT(v)                           \
    {                                    \
        .kind = CELL_INT, .integer = (v) \
    }
#define NUM(v)                          \
    {                                   \
        .kind = CELL_NUM, .number = (v) \
    }
#define TEXT(v)                                           \
    {                                                     \
        .kind = CELL_TEXT, .text = (char *)(uintptr_t)(v) \
    }
#define NONE              \
    {                     \
        .kind = CELL_NULL \
    }

enum { COLS = 6 };
#define NAME(v) (char *)(uintptr_t)(v)
static char *names[COLS] = {NAME("trial"), NAME("status"),    NAME("score"),
                            NAME("lr"),    NAME("optimizer"), NAME("took_ms")};
static struct cell cells[] = {
    INT(1),
    TEXT("complete"),
    NUM(0.93124999),
    NUM(1e-5),
    TEXT("momentum, plain \"heavy ball\""),
    INT(9000000), //
    INT(12),
    TEXT("running"),
    NUM(0.5),
    NUM(0.003),
    TEXT("adam"),
    NONE, //
    INT(130),
    TEXT("failed"),
    NONE,
    NUM(10),
    NONE,
    INT(850),
};
static const struct rows rows = {.cols = COLS, .names = names, .count = 3, .cells = cells};
static const struct column columns[] = {{"took_ms", COLUMN_DURATION_MS, "took"}, {0}};

static char *printed(const struct rows *what, struct table_style style)
{
    static char out[4096];
    struct str text = {0};
    table_print(what, columns, &style, &text);
    assert_true(text.len < sizeof out);
    strcpy(out, str_text(&text));
    str_fini(&text);
    return out;
}

static void test_text(void **state)
{
    (void)state;
    assert_string_equal(printed(&rows, (struct table_style){0}),
                        "trial  status     score      lr  optimizer                       took\n"
                        "    1  complete  0.9312   1e-05  momentum, plain \"heavy ball\"  2h 30m\n"
                        "   12  running   0.5      0.003  adam                               -\n"
                        "  130  failed    -       10      -                              850ms\n");
}

static void test_csv(void **state)
{
    (void)state;
    assert_string_equal(printed(&rows, (struct table_style){.format = TABLE_CSV, .width = 20}),
                        "trial,status,score,lr,optimizer,took_ms\n"
                        "1,complete,0.93124999,1e-05,\"momentum, plain \"\"heavy ball\"\"\",9000000\n"
                        "12,running,0.5,0.003,adam,\n"
                        "130,failed,,10,,850\n");
}

static void test_json(void **state)
{
    (void)state;
    const struct rows one = {.cols = 5, .names = names, .count = 1, .cells = cells};
    assert_string_equal(printed(&one, (struct table_style){.format = TABLE_JSON}),
                        "[\n {\"trial\":1,\"status\":\"complete\",\"score\":0.93124999,\"lr\":1e-05,"
                        "\"optimizer\":\"momentum, plain \\\"heavy ball\\\"\"}\n]\n");
    const struct rows none = {.cols = 5, .names = names};
    assert_string_equal(printed(&none, (struct table_style){.format = TABLE_JSON}), "[]\n");
}

static void test_narrow_shortens_then_leaves_out(void **state)
{
    (void)state;
    const char *narrow = printed(&rows, (struct table_style){.width = 60});
    assert_non_null(strstr(narrow, "momentum, pl"));
    assert_null(strstr(narrow, "too narrow"));
    const char *tiny = printed(&rows, (struct table_style){.width = 30});
    assert_non_null(strstr(tiny, " 130  failed"));
    assert_non_null(strstr(tiny, " more columns: --csv)\n"));
    assert_non_null(strstr(printed(&rows, (struct table_style){.width = 45}), "(too narrow for "));
    for (int width = 1; width < 90; width++) {
        char *text = printed(&rows, (struct table_style){.width = width});
        for (char *line = strtok(text, "\n"); line && width >= 24; line = strtok(NULL, "\n")) {
            size_t n = 0;
            for (const char *c = line; *c; c++)
                n += ((unsigned char)*c & 0xc0) != 0x80;
            assert_true(n <= (size_t)width);
        }
    }
}

static void test_terminal_is_safe_and_coloured(void **state)
{
    (void)state;
    static char *one[] = {NAME("status")};
    struct cell evil[] = {TEXT("failed"), TEXT("\033[2Jgone\n"), TEXT("Grüße")};
    const struct rows what = {.cols = 1, .names = one, .count = 3, .cells = evil};
    assert_string_equal(printed(&what, (struct table_style){.colour = true}),
                        "\033[1mstatus\033[0m\n\033[0;31mfailed\033[0m\n?[2Jgone?\nGrüße\n");
}

/* Characters of two columns, of none, and such as turn the writing round: what follows stands where it should. */
static void test_wide_characters_are_aligned(void **state)
{
    (void)state;
    static char *two[] = {NAME("optimizer"), NAME("trial")};
    struct cell texts[] = {TEXT("模型"),
                           INT(1),
                           TEXT("e\xcc\x81t\xc3\xa9"),
                           INT(22),
                           TEXT("🚀!"),
                           INT(3),
                           TEXT("\xc2\x9b"
                                "2J\xe2\x80\xae"),
                           INT(4),
                           TEXT("\xff"),
                           INT(5)};
    const struct rows what = {.cols = 2, .names = two, .count = 5, .cells = texts};
    assert_string_equal(printed(&what, (struct table_style){0}), "optimizer  trial\n"
                                                                 "模型           1\n"
                                                                 "e\xcc\x81té           22\n"
                                                                 "🚀!            3\n"
                                                                 "?2J?           4\n"
                                                                 "?              5\n");
    struct str cut = {0};
    table_clean(&cut, "模型模型", 6);
    table_clean(&cut, "|模型", 5);
    assert_string_equal(str_text(&cut), "模型…|模型");
    str_fini(&cut);
}

static void test_not_a_number(void **state)
{
    (void)state;
    static char *one[] = {NAME("score")};
    struct cell odd[] = {NUM(NAN), NUM(-1.5), NUM(-123456789), NUM(-0.0)};
    const struct rows what = {.cols = 1, .names = one, .count = 4, .cells = odd};
    assert_string_equal(printed(&what, (struct table_style){0}),
                        "       score\n         -\n        -1.5\n-123456789\n         0\n");
    assert_string_equal(printed(&what, (struct table_style){.format = TABLE_CSV}),
                        "score\n\n-1.5\n-123456789\n-0\n");
}

static void test_hidden_columns(void **state)
{
    (void)state;
    static const struct column hide[] = {{"status", COLUMN_DATA_ONLY, NULL}, {0}};
    const struct rows two = {.cols = 2, .names = names, .count = 1, .cells = cells};
    struct str out = {0};
    table_print(&two, hide, &(struct table_style){0}, &out);
    assert_string_equal(str_text(&out), "trial\n    1\n");
    str_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_narrow_shortens_then_leaves_out),
        cmocka_unit_test(test_terminal_is_safe_and_coloured),
        cmocka_unit_test(test_wide_characters_are_aligned),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_hidden_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
