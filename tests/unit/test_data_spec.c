/* The text that names a data set: what it accepts, its defaults, and every refusal with its hint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/data_spec.h"
#include "worker/nn/data.h"

static void takes_paths_whole(void **state)
{
    (void)state;
    struct data_spec spec;
    assert_int_equal(data_spec_parse("idx:data/my mnist?x", &spec, NULL), 0);
    assert_int_equal(spec.kind, DATA_IDX);
    assert_string_equal(spec.path, "data/my mnist?x");
    assert_int_equal(data_spec_parse("cifar10:/srv/c:10", &spec, NULL), 0);
    assert_int_equal(spec.kind, DATA_CIFAR10);
    assert_string_equal(spec.path, "/srv/c:10");
}

static void takes_options_of_tables(void **state)
{
    (void)state;
    struct data_spec spec;
    assert_int_equal(data_spec_parse("csv:a?b.csv?label=sort of=it&test=t.csv&header=no", &spec, NULL), 0);
    assert_string_equal(spec.path, "a?b.csv");
    assert_string_equal(spec.label, "sort of=it");
    assert_string_equal(spec.test, "t.csv");
    assert_int_equal(spec.header, HEADER_NO);
    assert_int_equal(data_spec_parse("csv:a.csv", &spec, NULL), 0);
    assert_string_equal(spec.label, "");
    assert_string_equal(spec.test, "");
    assert_int_equal(spec.header, HEADER_AUTO);
}

static void knows_defaults_of_made_sets(void **state)
{
    (void)state;
    struct data_spec spec;
    assert_int_equal(data_spec_parse("spiral", &spec, NULL), 0);
    assert_int_equal(spec.arms, 3);
    assert_int_equal(spec.n, 3000);
    assert_float_equal(spec.noise, 0.2, 0);
    assert_float_equal(spec.turns, 1, 0);
    assert_int_equal(spec.seed, 1);
    assert_int_equal(data_spec_parse("glyphs:", &spec, NULL), 0);
    assert_int_equal(spec.n, 5000);
    assert_int_equal(spec.size, 16);
    assert_int_equal(data_spec_parse("spiral:arms=5,n=1e3,noise=0,seed=9007199254740991", &spec, NULL), 0);
    assert_int_equal(spec.arms, 5);
    assert_int_equal(spec.n, 1000);
    assert_float_equal(spec.noise, 0, 0);
    assert_true(spec.seed == 9007199254740991);
}

static void refuses_with_a_hint(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *text, *hint;
    } cases[] = {
        {"", "unknown kind", "one of idx:DIR"},
        {"spirl", "unknown kind \"spirl\"", "did you mean spiral?"},
        {"https://example.org/x.csv", "unknown kind \"https\"", ""},
        {"idx:", "idx: no path", "idx:data/mnist"},
        {"csv", "csv: no path", "csv:FILE"},
        {"csv:?label=x", "csv: no path", "csv:FILE"},
        {"csv:a?lable=x", "csv has no option \"lable\"", "did you mean label?"},
        {"csv:a?label", "must be key=value", ""},
        {"csv:a?label=", "label: needs a value", ""},
        {"csv:a?header=maybe", "header: must be yes, no or auto (got \"maybe\")", ""},
        {"csv:a?label=1&label=2", "label: given twice", ""},
        {"spiral:arms=1", "arms: must be in 2 .. 100 (got 1)", ""},
        {"spiral:arms=2.5", "arms: must be a whole number (got \"2.5\")", ""},
        {"spiral:noise=nan", "noise: must be a number (got \"nan\")", ""},
        {"spiral:noise=-1", "noise: must be in 0 .. 10 (got -1)", ""},
        {"spiral:n=1e300", "n: must be in 20 .. 1000000", ""},
        {"spiral:seed=9007199254740992", "seed: must be in 0 .. 9007199254740991", ""},
        {"glyphs:arms=3", "glyphs has no option \"arms\"", ""},
        {"glyphs:n=100;size=8", "n: must be a whole number", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err err = ERR_NONE;
        assert_int_equal(data_spec_check(cases[i].spec, &err), ERR_BAD);
        if (!strstr(err.text, cases[i].text) || !strstr(err.hint, cases[i].hint))
            fail_msg("%s gave \"%s\" (%s)", cases[i].spec, err.text, err.hint);
    }
}

static void refuses_what_is_too_long(void **state)
{
    (void)state;
    char spec[4096] = "csv:";
    memset(spec + 4, 'a', sizeof spec - 5);
    assert_int_equal(data_spec_check(spec, NULL), ERR_BAD);
    memcpy(spec, "csv:f?label=", 12);
    struct err err = ERR_NONE;
    assert_int_equal(data_spec_check(spec, &err), ERR_BAD);
    spec[1000] = '\0';
    assert_int_equal(data_spec_check(spec, &err), ERR_BAD);
    assert_non_null(strstr(err.text, "label: longer than 255 bytes"));
    memset(spec, 'k', 1000);
    assert_int_equal(data_spec_check(spec, &err), ERR_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_paths_whole),           cmocka_unit_test(takes_options_of_tables),
        cmocka_unit_test(knows_defaults_of_made_sets), cmocka_unit_test(refuses_with_a_hint),
        cmocka_unit_test(refuses_what_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
