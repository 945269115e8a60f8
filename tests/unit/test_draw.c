/* Pictures: which numbers stand on an axis, what a terminal gets, what a file gets. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/draw/chart.h"
#include "cli/draw/plane.h"
#include "cli/draw/svg.h"
#include "common/check.h"
#include "common/json.h"

static const struct style plain = {0};

/* ---- axes ---- */

/* "0 10 20": the texts of its ticks. */
static const char *ticks_of(enum axis_scale scale, double low, double high, int most)
{
    static char out[512];
    struct axis axis = {0};
    struct tick ticks[AXIS_TICKS_MAX];
    axis_set(&axis, scale, low, high);
    int count = axis_ticks(&axis, most, ticks);
    assert_true(count <= most);
    out[0] = '\0';
    for (int i = 0; i < count; i++) {
        assert_true(!i || ticks[i].at > ticks[i - 1].at);
        assert_true(axis_place(&axis, ticks[i].at) > -1e-6 && axis_place(&axis, ticks[i].at) < 1 + 1e-6);
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", i ? " " : "", ticks[i].text);
    }
    return out;
}

static void test_round_numbers(void **state)
{
    (void)state;
    assert_string_equal(ticks_of(AXIS_LINEAR, 0, 60, 7), "0 10 20 30 40 50 60");
    assert_string_equal(ticks_of(AXIS_LINEAR, 0, 60, 4), "0 20 40 60");
    assert_string_equal(ticks_of(AXIS_LINEAR, 0.31, 1, 5), "0.4 0.6 0.8 1");
    assert_string_equal(ticks_of(AXIS_LINEAR, -0.3, 0.3, 4), "-0.2 0 0.2");
    assert_string_equal(ticks_of(AXIS_LINEAR, 12345, 12349, 5), "12345 12346 12347 12348 12349");
    assert_string_equal(ticks_of(AXIS_LINEAR, 0, 3e7, 4), "0 1e7 2e7 3e7");
    assert_string_equal(ticks_of(AXIS_LOG, 1e-8, 1, 5), "1e-8 1e-6 0.0001 0.01 1");
    assert_string_equal(ticks_of(AXIS_LOG, 8, 128, 6), "10 20 50 100");
    assert_string_equal(ticks_of(AXIS_LOG, 0.02, 0.06, 6), "0.02 0.03 0.04 0.05 0.06");
    assert_string_equal(ticks_of(AXIS_LOGIT, 0.5, 0.999, 9), "0.5 0.8 0.9 0.95 0.99 0.999");
}

static void test_whole_numbers_stay_whole(void **state)
{
    (void)state;
    struct axis axis = {.is_whole = true};
    struct tick ticks[AXIS_TICKS_MAX];
    axis_set(&axis, AXIS_LINEAR, 1, 3);
    assert_int_equal(axis_ticks(&axis, 12, ticks), 3);
    assert_string_equal(ticks[1].text, "2");
}

/* Whatever a study holds, an axis has a length and some numbers. */
static void test_odd_ranges(void **state)
{
    (void)state;
    static const double odd[][2] = {{0, 0},     {5, 5},        {-1e300, 1e300}, {1, 1 + 1e-12},
                                    {NAN, NAN}, {0, INFINITY}, {1e-320, 1e-3},  {-2, 3},
                                    {0.5, 0.5}, {1e-9, 1e9}};
    for (size_t i = 0; i < COUNT_OF(odd); i++)
        for (int scale = AXIS_LINEAR; scale <= AXIS_LOGIT; scale++) {
            struct axis axis = {0};
            struct tick ticks[AXIS_TICKS_MAX];
            axis_set(&axis, (enum axis_scale)scale, odd[i][0], odd[i][1]);
            assert_true(axis.high > axis.low);
            assert_true(axis_ticks(&axis, 6, ticks) <= 6);
        }
}

/* ---- sheets ---- */

static const char *text_of(const struct sheet *sheet)
{
    static char out[8192];
    struct str text = {0};
    sheet_text(sheet, false, &text);
    snprintf(out, sizeof out, "%s", str_text(&text));
    str_fini(&text);
    return out;
}

static void test_sheet_is_cut_not_overrun(void **state)
{
    (void)state;
    struct sheet sheet;
    sheet_init(&sheet, 3, 10, false);
    assert_int_equal(sheet_put(&sheet, 0, 0, 0, plain, "0123456789abc"), 10);
    assert_int_equal(sheet_put(&sheet, 1, 2, 4, plain, "abcdefg"), 6);
    sheet_put(&sheet, 2, 7, 0, plain, "漢字"); // two columns each: the second has no room
    sheet_put(&sheet, 9, 0, 0, plain, "nowhere");
    sheet_put(&sheet, 0, -3, 2, plain, "nor here");
    assert_string_equal(text_of(&sheet), "012345678…\n  abc…\n       漢…\n");
    sheet_put(&sheet, 1, 0, 0, plain, "\033[31mred\n");
    assert_string_equal(text_of(&sheet), "012345678…\n?[31mred?\n       漢…\n");
    sheet_fini(&sheet);
}

static void test_sheet_without_utf8(void **state)
{
    (void)state;
    struct sheet sheet;
    sheet_init(&sheet, 2, 24, true);
    sheet_put(&sheet, 0, 0, 0, plain, "│└─ ▁▄█░ 0.1 → 1 …é漢");
    sheet_put(&sheet, 1, 0, 0, plain, "\u2801\u2840\u28ff");
    assert_string_equal(text_of(&sheet), "|+- _-#. 0.1 > 1 ~??\n'.:\n");
    for (const char *c = text_of(&sheet); *c; c++)
        assert_true((unsigned char)*c < 0x80);
    sheet_fini(&sheet);
}

static void test_sheet_in_colour(void **state)
{
    (void)state;
    struct sheet sheet;
    struct str out = {0};
    sheet_init(&sheet, 1, 5, false);
    sheet_put(&sheet, 0, 0, 0, (struct style){HUE_RED, FACE_BOLD}, "ab");
    sheet_put(&sheet, 0, 2, 0, plain, "c");
    sheet_text(&sheet, true, &out);
    assert_string_equal(str_text(&out), "\033[0;1;31mab\033[0mc\n");
    str_fini(&out);
    sheet_fini(&sheet);
}

static void test_plane_of_dots(void **state)
{
    (void)state;
    struct sheet sheet;
    struct plane plane;
    sheet_init(&sheet, 2, 3, false);
    plane_init(&plane, 2, 3);
    assert_int_equal(plane_width(&plane), 6);
    assert_int_equal(plane_height(&plane), 8);
    plane_dot(&plane, 0, 0, plain);
    plane_dot(&plane, 5, 7, plain);
    plane_dot(&plane, 6, 0, plain);
    plane_dot(&plane, 0, -1, plain);
    plane_line(&plane, 2, 7, 3, 4, plain);
    plane_onto(&plane, &sheet, 0, 0);
    assert_string_equal(text_of(&sheet), " ⢣⠈\n⡀\n");
    plane_fini(&plane);
    sheet_fini(&sheet);
}

/* ---- charts ---- */

static void fill(struct chart *chart)
{
    struct series *line = chart_add(chart, SERIES_STEPS, (struct style){.hue = HUE_BLUE}, "best");
    snprintf(chart->title, sizeof chart->title, "acc of 4 trials <&>");
    snprintf(chart->y.title, sizeof chart->y.title, "acc");
    series_point(line, 0, 0, 1);
    series_point(line, 2, 0.5, 2);
    series_point(line, 4, 1, 4);
    axis_set(&chart->x, AXIS_LINEAR, 0, 4);
    axis_set(&chart->y, AXIS_LINEAR, 0, 1);
}

static void expect_drawn(struct chart *chart, int rows, int cols, const char *text)
{
    struct sheet sheet;
    sheet_init(&sheet, rows, cols, false);
    chart_onto(chart, &sheet, 0, 0, rows, cols);
    assert_string_equal(text_of(&sheet), text);
    sheet_fini(&sheet);
    chart_fini(chart);
}

static void test_chart_in_characters(void **state)
{
    (void)state;
    struct chart chart = {0};
    fill(&chart);
    expect_drawn(&chart, 8, 30,
                 "acc of 4 trials <&>\n"
                 "  1 ┤                  ⢸ best\n"
                 "    │                  ⢸\n"
                 "0.5 ┤         ⢰⠒⠒⠒⠒⠒⠒⠒⠒⠚\n"
                 "    │         ⢸\n"
                 "  0 ┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣸\n"
                 "    └┬───┬────┬────┬───┬\n"
                 "     0   1    2    3   4\n");
}

/* Nothing is too small, and nothing is written outside the part that was given. */
static void test_chart_of_every_size(void **state)
{
    (void)state;
    struct chart chart = {0};
    fill(&chart);
    for (int rows = 0; rows < 14; rows++)
        for (int cols = 0; cols < 60; cols++) {
            struct sheet sheet;
            sheet_init(&sheet, rows + 2, cols + 2, false);
            chart_onto(&chart, &sheet, 1, 1, rows, cols);
            for (int col = 0; col < cols + 2; col++) {
                assert_string_equal(sheet_at(&sheet, 0, col)->text, " ");
                if (rows > 0)
                    assert_string_equal(sheet_at(&sheet, rows + 1, col)->text, " ");
            }
            sheet_fini(&sheet);
        }
    chart_fini(&chart);
}

/* Broken at blanks, and cut only where three rows are not enough. */
static void test_title_and_note_are_whole(void **state)
{
    (void)state;
    struct chart chart = {0};
    struct str text = {0};
    struct sheet sheet;
    fill(&chart);
    snprintf(chart.title, sizeof chart.title, "loss of 60 trials, and the best so far");
    snprintf(chart.note, sizeof chart.note, "top wall 0.0001 → 0.04642 after 17 trials");
    sheet_init(&sheet, 14, 26, false);
    chart_onto(&chart, &sheet, 0, 0, 14, 26);
    sheet_text(&sheet, false, &text);
    assert_true(str_starts(str_text(&text), "loss of 60 trials, and the\nbest so far\n"));
    assert_non_null(strstr(str_text(&text), "\ntop wall 0.0001 → 0.04642\nafter 17 trials\n"));
    sheet_fini(&sheet);
    chart_fini(&chart);
    str_fini(&text);
}

static void test_what_lies_beyond_is_counted(void **state)
{
    (void)state;
    struct chart chart = {0};
    struct sheet sheet;
    fill(&chart);
    assert_int_equal(chart_beyond(&chart), 0);
    struct series *dots = chart_add(&chart, SERIES_DOTS, plain, "");
    series_point(dots, 1, 7, 3);
    series_point(dots, 1, NAN, 3);
    assert_int_equal(chart_beyond(&chart), 1);
    sheet_init(&sheet, 8, 30, false);
    chart_onto(&chart, &sheet, 0, 0, 8, 30);
    assert_string_equal(sheet_at(&sheet, 1, 9)->text, "⠈"); // at the top edge
    sheet_fini(&sheet);
    chart_fini(&chart);
}

static void test_walls_in_characters(void **state)
{
    (void)state;
    struct chart chart = {0};
    axis_set(&chart.x, AXIS_LOG, 1e-4, 1);
    axis_set(&chart.y, AXIS_LINEAR, 0, 1);
    chart_rule(&chart, 1e-3, true, "top wall, moved since: 0.001");
    chart_rule(&chart, 0.1, false, "top wall: 0.1");
    expect_drawn(&chart, 7, 30,
                 "\n"
                 "1 ┤      ┊            │\n"
                 "  │      ┊            │\n"
                 "  │      ┊            │\n"
                 "0 ┤      ┊            │\n"
                 "  └┬────────────┬───────────┬\n"
                 "0.0001        0.01          1\n");
}

static void test_chart_as_json(void **state)
{
    (void)state;
    struct chart chart = {0};
    struct str out = {0};
    struct jw w = jw_to(&out);
    fill(&chart);
    chart_json(&chart, &w);
    struct json *json = json_parse(str_text(&out), out.len, "chart", NULL);
    const struct json *points = json_get(json_at(json_get(json, "series"), 0), "points");
    assert_int_equal(json_count(points), 3);
    assert_true(json_num(json_at(json_at(points, 1), 1)) == 0.5);
    assert_true(json_num(json_at(json_at(points, 1), 2)) == 2); // the trial
    json_free(json);
    str_fini(&out);
    chart_fini(&chart);
}

/* ---- svg ---- */

/* Every element that is opened is closed, in order. */
static void expect_well_formed(const char *text)
{
    char open[32][16];
    int depth = 0;
    for (const char *c = text; (c = strchr(c, '<')); c++) {
        size_t len = strcspn(c + 1, " >/\n");
        const char *end = strchr(c, '>');
        assert_non_null(end);
        if (c[1] == '/') {
            assert_true(depth > 0);
            depth--;
            assert_int_equal(strncmp(open[depth], c + 2, strlen(open[depth])), 0);
        } else if (end[-1] != '/') {
            assert_true(depth < 32 && len < 16);
            snprintf(open[depth++], sizeof open[0], "%.*s", (int)len, c + 1);
        }
    }
    assert_int_equal(depth, 0);
}

static void test_svg_stands_alone(void **state)
{
    (void)state;
    struct chart charts[3] = {0};
    struct str out = {0};
    for (size_t i = 0; i < COUNT_OF(charts); i++) {
        fill(&charts[i]);
        chart_rule(&charts[i], 1, true, "a wall");
        series_point(chart_add(&charts[i], SERIES_DOTS, plain, "dots"), 3, 0.2, 17);
    }
    svg_print(charts, COUNT_OF(charts), "a \"study\" <x>", &out);
    expect_well_formed(str_text(&out));
    assert_non_null(strstr(str_text(&out), "acc of 4 trials &lt;&amp;&gt;"));
    assert_non_null(strstr(str_text(&out), "trial 17: 3, 0.2"));
    assert_non_null(strstr(str_text(&out), "prefers-color-scheme: dark"));
    static const char *const strangers[] = {"<script", "href", "url(", "@import", "onload", "nan", "inf"};
    for (size_t i = 0; i < COUNT_OF(strangers); i++)
        if (strstr(str_text(&out), strangers[i]))
            fail_msg("%s in:\n%s", strangers[i], str_text(&out));
    for (size_t i = 0; i < COUNT_OF(charts); i++)
        chart_fini(&charts[i]);
    str_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_numbers),
        cmocka_unit_test(test_whole_numbers_stay_whole),
        cmocka_unit_test(test_odd_ranges),
        cmocka_unit_test(test_sheet_is_cut_not_overrun),
        cmocka_unit_test(test_sheet_without_utf8),
        cmocka_unit_test(test_sheet_in_colour),
        cmocka_unit_test(test_plane_of_dots),
        cmocka_unit_test(test_chart_in_characters),
        cmocka_unit_test(test_chart_of_every_size),
        cmocka_unit_test(test_title_and_note_are_whole),
        cmocka_unit_test(test_what_lies_beyond_is_counted),
        cmocka_unit_test(test_walls_in_characters),
        cmocka_unit_test(test_chart_as_json),
        cmocka_unit_test(test_svg_stands_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
