/* `hone simulate` on tables: a table of a known family, made here, so that each entry says where it is. What a search finds
 * there must be the entry's value: nearest by ratio, mean of the repetitions, or one of them with noise. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "tests/tools/proc.h"
#include "tests/tools/scratch.h"

enum {
    ALPHAS = 10,
    BATCHES = 10,
    DEPTHS = 3,
    RATES = 10,
    WIDTHS = 10,
    REPETITIONS = 5,
    ENTRIES = ALPHAS * BATCHES * DEPTHS * RATES * WIDTHS
};

static struct scratch scratch;

/* Entry (a, b, d, l, w) has the repetitions 0.abdlw - 0.000002, … + 0.000002: their mean names it. */
static void make_table(bool zipped)
{
    static float table[ENTRIES][REPETITIONS];
    int at = 0;
    for (int a = 0; a < ALPHAS; a++)
        for (int b = 0; b < BATCHES; b++)
            for (int d = 0; d < DEPTHS; d++)
                for (int l = 0; l < RATES; l++)
                    for (int w = 0; w < WIDTHS; w++, at++)
                        for (int r = 0; r < REPETITIONS; r++)
                            table[at][r] = (float)(a * 1e-1 + b * 1e-2 + d * 1e-3 + l * 1e-4 + w * 1e-5 +
                                                   (r - 2) * 2e-6);
    if (zipped)
        scratch_gzip(&scratch, "t.f32.gz", table, sizeof table);
    else
        scratch_write(&scratch, "t.f32", table, sizeof table);
}

static void make_study(const char *alpha, const char *batch, const char *rate, const char *width)
{
    char text[1000];
    snprintf(text, sizeof text,
             "{ \"study\": \"s\", \"metric\": {\"name\": \"acc\", \"goal\": \"maximize\"}, \"trainer\": "
             "{\"command\": "
             "[\"true\"], \"seed\": 5}, \"space\": {\"alpha\": {\"values\": [%s]}, \"batch_size\": "
             "{\"values\": [%s]}, "
             "\"depth\": {\"values\": [2]}, \"learning_rate_init\": {\"values\": [%s]}, \"width\": "
             "{\"values\": [%s]}}, "
             "\"search\": {\"method\": \"grid\", \"epochs\": 1, \"seed\": 1} }",
             alpha, batch, rate, width);
    scratch_text(&scratch, "s.json", text);
}

/* The best of the whole search, as the last line of the table has it. */
static double best_of(const char *objective, const char *more)
{
    struct str out = {0};
    struct err err = ERR_NONE;
    if (RUN(scratch.folder, &out, "hone", "simulate", "s.json", "--objective", objective, "--json", more))
        fail_msg("%s", str_text(&out));
    struct json *list = json_parse(str_text(&out), out.len, "out", &err);
    assert_non_null(list);
    const struct json *last = json_at(list, (int)json_count(list) - 1);
    double best = json_num(json_get(last, "best"));
    json_free(list);
    str_fini(&out);
    return best;
}

static void entries_are_found(void **state)
{
    (void)state;
    make_table(false);
    make_table(true);
    make_study("1e-8, 1", "4, 256", "1e-5, 1", "16, 1024");
    assert_true(best_of("table:t.f32", "--slots=1") > 0.99198 &&
                best_of("table:t.f32", "--slots=1") < 0.99200 + 1e-5);
    assert_true(best_of("table:t.f32.gz", "--slots=1") == best_of("table:t.f32", "--slots=1"));
    /* entries 2, 4, 1, 2, 7 */
    make_study("6e-7", "24", "1.7e-4", "400");
    double value = best_of("table:t.f32", "--slots=1");
    assert_true(value > 0.24127 - 1e-6 && value < 0.24127 + 1e-6);
}

static void nearest_is_by_ratio(void **state)
{
    (void)state;
    make_table(false);
    make_study("6e-7", "5", "1.7e-4", "400"); /* 5: above the root of 4 * 6 */
    assert_true(best_of("table:t.f32", "--slots=1") > 0.2112 && best_of("table:t.f32", "--slots=1") < 0.2113);
    make_study("6e-7", "4.8", "1.7e-4", "400");
    assert_true(best_of("table:t.f32", "--slots=1") < 0.2013);
}

/* One of five repetitions is seen, and told by what the entry is worth: the mean. */
static void noise_is_a_repetition(void **state)
{
    (void)state;
    make_table(false);
    make_study("6e-7", "24", "1.7e-4", "400");
    double value = best_of("table:t.f32", "--noise=1");
    assert_true(value > 0.24127 - 1e-6 && value < 0.24127 + 1e-6);
}

static void what_is_no_table_is_refused(void **state)
{
    (void)state;
    struct str out = {0};
    make_table(false);
    make_study("6e-7", "24", "1.7e-4", "400");
    scratch_cut(&scratch, "t.f32", sizeof(float) * (ENTRIES * REPETITIONS - 1));
    assert_int_equal(RUN(scratch.folder, &out, "hone", "simulate", "s.json", "--objective", "table:t.f32"),
                     2);
    assert_non_null(strstr(str_text(&out), "t.f32: is no table of a family that is known here"));
    str_clear(&out);
    assert_int_equal(RUN(scratch.folder, &out, "hone", "simulate", "s.json", "--objective", "table:nosuch"),
                     2);
    str_clear(&out);
    make_table(false);
    assert_int_equal(RUN(scratch.folder, &out, "hone", "simulate", "s.json", "--objective", "table:t.f32",
                         "--set", "space={\"x\":{\"uniform\":[0,1]}}", "--set", "search={\"trials\":3}"),
                     2);
    assert_non_null(strstr(str_text(&out), "the space has no such parameter"));
    str_fini(&out);
}

/* ---- several metrics ---- */

static const char two_metrics[] =
    "{ \"study\": \"two\", \"metric\": [{\"name\": \"a\", \"goal\": \"minimize\"}, {\"name\": \"seconds\", "
    "\"goal\": \"minimize\"}], \"trainer\": {\"command\": [\"true\"], \"seed\": 1}, \"space\": {\"x\": "
    "{\"values\": [0, 0.5, 1]}, \"y\": {\"values\": [0]}}, \"search\": {\"method\": \"grid\", \"epochs\": 1, "
    "\"seed\": 1} }";

static void expect(int status, const char *text, const char *const argv[])
{
    struct str out = {0};
    int got = run_in(scratch.folder, &out, argv);
    if (got != status || !strstr(str_text(&out), text))
        fail_msg("status %d, no \"%s\" in:\n%s", got, text, str_text(&out));
    str_fini(&out);
}

/* x, 1 - sqrt(x) at 0, 0.5 and 1: against (1, 1) the middle one covers 0.5 * 0.7071, the ends nothing. */
static void a_front_is_covered(void **state)
{
    (void)state;
    scratch_text(&scratch, "two.json", two_metrics);
    expect(0, "\n3,3,3,0.353553390593273",
           (const char *[]){"hone", "simulate", "two.json", "--objective", "zdt1", "--reference", "1,1",
                            "--csv", NULL});
    expect(0, "{\"trials\":3,\"epochs\":3,\"front\":3,\"q1\":0.353553390593273",
           (const char *[]){"hone", "simulate", "two.json", "--objective", "zdt1", "--reference", "1,1",
                            "--json", "--seeds", "3", "--slots", "2", NULL});
    expect(0, "hypervolume from a 1.1, seconds 1.1",
           (const char *[]){"hone", "simulate", "two.json", "--objective", "zdt1", NULL});
    expect(2, "--reference: 2 numbers",
           (const char *[]){"hone", "simulate", "two.json", "--objective", "zdt1", "--reference", "1,1,1",
                            NULL});
    expect(2, "branin has 1 value, and the study is ranked by 2 metrics",
           (const char *[]){"hone", "simulate", "two.json", "--objective", "branin", NULL});
}

/* A metric that is maximised counts the other way round: 9 at its best epoch, 14 over -5, and 2 below 5 seconds. */
static void a_program_answers_both(void **state)
{
    (void)state;
    scratch_text(&scratch, "two.json", two_metrics);
    scratch_text(&scratch, "f.sh",
                 "while read -r l; do echo '{\"a\":[9,2],\"seconds\":3,\"b\":null}'; done\n");
    expect(0, "\n3,6,3,28\n",
           (const char *[]){"hone", "simulate", "two.json", "--exec", "sh f.sh", "--reference", "-5,5",
                            "--csv", "--set", "search.epochs=2", "--set",
                            "metric=[{\"name\":\"a\",\"goal\":\"maximize\"},{\"name\":"
                            "\"seconds\",\"goal\":\"minimize\"}]",
                            NULL});
    expect(2, "it said: hello",
           (const char *[]){"hone", "simulate", "two.json", "--exec", "echo hello", NULL});
    scratch_text(&scratch, "g.sh", "while read -r l; do echo '{\"a\":2}'; done\n");
    expect(2, "the program's answer has no \"seconds\": {\"a\":2}",
           (const char *[]){"hone", "simulate", "two.json", "--exec", "sh g.sh", NULL});
}

static void tables_are_one_for_each_metric(void **state)
{
    (void)state;
    make_table(false);
    make_table(true);
    make_study("6e-7", "24", "1.7e-4", "400"); /* 0.24127 in both */
    expect(2, "a table has one value: table:FILE,FILE names as many as the study has metrics (1)",
           (const char *[]){"hone", "simulate", "s.json", "--objective", "table:t.f32,t.f32.gz", NULL});
    const char *both =
        "metric=[{\"name\":\"acc\",\"goal\":\"maximize\"},{\"name\":\"cost\",\"goal\":\"minimize\"}]";
    expect(2, "as many as the study has metrics (2)",
           (const char *[]){"hone", "simulate", "s.json", "--objective", "table:t.f32", "--set", both, NULL});
    expect(0, "\n1,1,1,0.1830", /* 0.24127 * (1 - 0.24127) */
           (const char *[]){"hone", "simulate", "s.json", "--objective", "table:t.f32,t.f32.gz", "--set",
                            both, "--csv", "--reference", "0,1", NULL});
}

static int enter(void **state)
{
    (void)state;
    scratch_init(&scratch);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    scratch_fini(&scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_are_found, enter, leave),
        cmocka_unit_test_setup_teardown(nearest_is_by_ratio, enter, leave),
        cmocka_unit_test_setup_teardown(noise_is_a_repetition, enter, leave),
        cmocka_unit_test_setup_teardown(what_is_no_table_is_refused, enter, leave),
        cmocka_unit_test_setup_teardown(a_front_is_covered, enter, leave),
        cmocka_unit_test_setup_teardown(a_program_answers_both, enter, leave),
        cmocka_unit_test_setup_teardown(tables_are_one_for_each_metric, enter, leave),
    };
    return cmocka_run_group_tests_name("simulate", tests, NULL, NULL);
}
