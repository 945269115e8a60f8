/* Rows rearranged, curves drawn. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/curve.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "common/check.h"
#include "common/json.h"

/* From the JSON a master would answer with. */
static struct rows rows_of(const char *text)
{
    struct rows rows;
    struct err err = ERR_NONE;
    struct json *json = json_parse(text, strlen(text), "test", &err);
    assert_non_null(json);
    assert_int_equal(rows_from_json(json, &rows, &err), 0);
    json_free(json);
    return rows;
}

static void assert_csv(const struct rows *rows, const char *wanted)
{
    struct str out = {0};
    table_print(rows, NULL, &(struct table_style){.format = TABLE_CSV}, &out);
    assert_string_equal(str_text(&out), wanted);
    str_fini(&out);
}

static const char trials[] =
    "{\"columns\":[\"trial\",\"params\",\"score\",\"metrics\"],\"rows\":["
    "[1,\"{\\\"lr\\\":0.1,\\\"opt\\\":\\\"adam\\\"}\",0.5,\"{\\\"lr\\\":0.1,\\\"loss\\\":2}\"],"
    "[2,\"{\\\"lr\\\":0.30000000000000004}\",null,null]]}";

static void test_arrange_spreads_and_tells_clashes_apart(void **state)
{
    (void)state;
    const char *params[] = {"lr", "opt"};
    struct text_list param_list = {.items = params, .count = 2}, metrics = {0};
    struct rows in = rows_of(trials), out;
    rows_keys(&in, "metrics", &metrics);
    assert_int_equal(metrics.count, 2);
    const struct rows_item items[] = {
        {.column = ROWS_RANK, .as = "rank"},
        {.column = "trial"},
        {.column = "params", .keys = &param_list, .clash = "param."},
        {.column = "metrics", .keys = &metrics, .clash = "metric."},
        {.column = "score", .as = "acc"},
        {.column = "not there"},
    };
    rows_arrange(&in, items, COUNT_OF(items), &out);
    assert_csv(&out, "rank,trial,lr,opt,loss,metric.lr,acc\n"
                     "1,1,0.1,adam,2,0.1,0.5\n"
                     "2,2,0.30000000000000004,,,,\n");
    rows_fini(&out);
    rows_fini(&in);
    text_list_free(&metrics);
}

static void test_a_parameter_named_like_a_column(void **state)
{
    (void)state;
    const char *names[] = {"Score"};
    struct text_list list = {.items = names, .count = 1};
    struct rows in = rows_of("{\"columns\":[\"params\",\"score\"],\"rows\":[[\"{\\\"Score\\\":1}\",2]]}"),
                out;
    const struct rows_item items[] = {{.column = "params", .keys = &list, .clash = "param."},
                                      {.column = "score"}};
    rows_arrange(&in, items, 2, &out);
    assert_csv(&out, "param.Score,score\n1,2\n");
    rows_fini(&out);
    rows_fini(&in);
}

static bool is_odd(const struct rows *rows, size_t row, void *arg)
{
    (void)arg;
    return cell_int(rows_cell(rows, row, 0)) % 2;
}

static void test_filter(void **state)
{
    (void)state;
    struct rows rows =
        rows_of("{\"columns\":[\"n\",\"t\"],\"rows\":[[1,\"a\"],[2,\"b\"],[4,\"c\"],[5,\"d\"]]}");
    rows_filter(&rows, is_odd, NULL);
    assert_csv(&rows, "n,t\n1,a\n5,d\n");
    rows_fini(&rows);
}

static void test_bad_answers_are_errors(void **state)
{
    (void)state;
    static const char *const bad[] = {"{}", "{\"columns\":[],\"rows\":[]}", "{\"columns\":[\"a\"]}", "[]"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct rows rows;
        struct err err = ERR_NONE;
        struct json *json = json_parse(bad[i], strlen(bad[i]), "test", &err);
        assert_int_equal(rows_from_json(json, &rows, &err), ERR_PROTO);
        json_free(json);
        rows_fini(&rows);
    }
    struct rows rows =
        rows_of("{\"columns\":[\"a\",\"b\"],\"rows\":[[1],[1,2,3],7]}"); // ragged: what is there
    assert_csv(&rows, "a,b\n1,\n1,2\n,\n");
    rows_fini(&rows);
}

static void assert_spark(const double *values, size_t count, size_t width, const char *wanted)
{
    struct str out = {0};
    curve_spark(values, count, width, &out);
    assert_string_equal(str_text(&out), wanted);
    str_fini(&out);
}

static void test_spark(void **state)
{
    (void)state;
    assert_spark((double[]){0, 1, 2, 3, 4, 5, 6, 7}, 8, 60, "▁▂▃▄▅▆▇█");
    assert_spark((double[]){5, 5}, 2, 60, "▄▄");
    assert_spark((double[]){0, NAN, 7, INFINITY}, 4, 60, "▁ █ ");
    assert_spark((double[]){0, 0, 7, 7}, 4, 2, "▁█");
    assert_spark(NULL, 0, 60, "");
}

static void test_curve_table(void **state)
{
    (void)state;
    struct rows out,
        curve = rows_of("{\"columns\":[\"epoch\",\"attempt\",\"metric\",\"value\",\"seconds\"],\"rows\":["
                        "[1,1,\"acc\",0.5,2],[1,1,\"loss\",1.5,2],[2,1,\"acc\",0.75,3],"
                        "[3,2,\"loss\",1.25,4],[3,2,\"acc\",null,4]]}");
    curve_table(&curve, "acc", &out);
    assert_csv(&out, "epoch,acc,loss,seconds,attempt\n1,0.5,1.5,2,1\n2,0.75,,3,1\n3,,1.25,4,2\n");
    rows_fini(&out);
    rows_fini(&curve);
}

static void test_thin_keeps_the_ends(void **state)
{
    (void)state;
    struct str text = {0};
    str_add(&text, "{\"columns\":[\"epoch\"],\"rows\":[");
    for (int i = 1; i <= 100; i++)
        str_addf(&text, "%s[%d]", i > 1 ? "," : "", i);
    str_add(&text, "]}");
    struct rows rows = rows_of(str_text(&text));
    curve_thin(&rows, 20);
    assert_in_range(rows.count, 18, 21);
    assert_int_equal(cell_int(rows_cell(&rows, 0, 0)), 1);
    assert_int_equal(cell_int(rows_cell(&rows, rows.count - 1, 0)), 100);
    rows_fini(&rows);
    str_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrange_spreads_and_tells_clashes_apart),
        cmocka_unit_test(test_a_parameter_named_like_a_column),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_bad_answers_are_errors),
        cmocka_unit_test(test_spark),
        cmocka_unit_test(test_curve_table),
        cmocka_unit_test(test_thin_keeps_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
