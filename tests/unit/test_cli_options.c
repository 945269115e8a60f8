/* Options: what one may type, and what is said about the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"
#include "common/check.h"

struct sample {
    const char *db;
    int64_t count, wait, room;
    double rate;
    bool quiet, network_db;
    struct text_list set;
};

static const struct option table[] = {
    {"db", 0, OPT_TEXT, "PATH", "HONE_TEST_DB", "hone.db", "", offsetof(struct sample, db)},
    {"count", 'n', OPT_INT, "N", "", "10", "", offsetof(struct sample, count)},
    {"wait", 't', OPT_DURATION, "TIME", "", "", "", offsetof(struct sample, wait)},
    {"room", 0, OPT_SIZE, "SIZE", "HONE_TEST_ROOM", "", "", offsetof(struct sample, room)},
    {"rate", 0, OPT_NUMBER, "X", "", "", "", offsetof(struct sample, rate)},
    {"quiet", 'q', OPT_FLAG, "", "", "", "", offsetof(struct sample, quiet)},
    {"network_db", 0, OPT_FLAG, "", "", "", "", offsetof(struct sample, network_db)},
    {"set", 's', OPT_LIST, "PATH=VALUE", "", "", "", offsetof(struct sample, set)},
    {0},
};

static struct sample got;
static struct text_list rest;
static struct err err;

/* Words are separated by single blanks. */
static int parse(const char *line)
{
    static char words[256];
    char *argv[32];
    int argc = 0;
    strcpy(words, line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    options_fini(table, &got);
    text_list_fini(&rest);
    err = ERR_NONE;
    return options_parse(table, argc, argv, &got, &rest, &err);
}

static void end(void)
{
    options_fini(table, &got);
    text_list_fini(&rest);
}

static void test_nothing_given_means_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse(""), 0);
    assert_string_equal(got.db, "hone.db");
    assert_int_equal(got.count, 10);
    assert_int_equal(got.wait, -1);
    assert_int_equal(got.room, -1);
    assert_true(got.rate < 0);
    assert_false(got.quiet);
    assert_int_equal(got.set.count, 0);
    end();
}

static void test_spellings(void **state)
{
    (void)state;
    static const char *const same[] = {"-n 7 -q a b",        "-n7 -q a b",       "-qn7 a b",
                                       "-qn 7 a b",          "--count 7 -q a b", "a --count=7 b -q",
                                       "a -q --count=7 -- b"};
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        assert_int_equal(parse(same[i]), 0);
        assert_int_equal(got.count, 7);
        assert_true(got.quiet);
        assert_int_equal(rest.count, 2);
        assert_string_equal(rest.items[0], "a");
        assert_string_equal(rest.items[1], "b");
    }
    end();
}

static void test_units_lists_and_dashes(void **state)
{
    (void)state;
    assert_int_equal(parse("--wait 2h30m --room=8G --rate 0.5 --network-db -s a=1 --set b=2 -sc=3"), 0);
    assert_int_equal(got.wait, 9000000);
    assert_true(got.room == INT64_C(8) << 30);
    assert_true(got.rate == 0.5);
    assert_true(got.network_db);
    assert_int_equal(got.set.count, 3);
    assert_string_equal(got.set.items[2], "c=3");
    end();
}

static void test_double_dash_and_single_dash_are_arguments(void **state)
{
    (void)state;
    assert_int_equal(parse("- -- --count -q"), 0);
    assert_int_equal(rest.count, 3);
    assert_string_equal(rest.items[0], "-");
    assert_string_equal(rest.items[1], "--count");
    assert_false(got.quiet);
    end();
}

static void test_environment_stands_between_line_and_default(void **state)
{
    (void)state;
    setenv("HONE_TEST_DB", "env.db", 1);
    assert_int_equal(parse(""), 0);
    assert_string_equal(got.db, "env.db");
    assert_int_equal(parse("--db line.db"), 0);
    assert_string_equal(got.db, "line.db");
    setenv("HONE_TEST_DB", "", 1);
    assert_int_equal(parse(""), 0);
    assert_string_equal(got.db, "hone.db");
    unsetenv("HONE_TEST_DB");
    setenv("HONE_TEST_ROOM", "much", 1);
    assert_int_equal(parse(""), ERR_BAD);
    assert_non_null(strstr(err.text, "HONE_TEST_ROOM: "));
    unsetenv("HONE_TEST_ROOM");
    end();
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line, *text;
    } bad[] = {
        {"--conut 7", "unknown option --conut"},
        {"--coun 7", "unknown option --coun"},
        {"--conut=7", "unknown option --conut"},
        {"-x", "unknown option -x"},
        {"-qx", "unknown option -x"},
        {"--count", "--count needs a value (N)"},
        {"-n", "--count needs a value (N)"},
        {"--count seven", "--count: must be a whole number from 0 (got \"seven\")"},
        {"--count 7.5", "--count: must be a whole number from 0 (got \"7.5\")"},
        {"--count -1", "--count: must be a whole number from 0 (got \"-1\")"},
        {"--count 99999999999999999999", "--count: must be"},
        {"--count=", "--count: must be"},
        {"--rate nan", "--rate: must be a number"},
        {"--rate 1x", "--rate: must be a number"},
        {"--wait 5", "--wait: "},
        {"--quiet=yes", "--quiet takes no value"},
        {"--db a --db b", "--db is given twice"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(parse(bad[i].line), ERR_BAD);
        assert_ptr_equal(strstr(err.text, bad[i].text), err.text);
    }
    parse("--conut 7");
    assert_string_equal(err.hint, "did you mean --count?");
    parse("--elephant");
    assert_string_equal(
        err.hint, "--help lists the options; what the study file says changes with --set search.trials=100");
    end();
}

static void test_help_wins_over_what_follows(void **state)
{
    (void)state;
    assert_int_equal(parse("--help"), 1);
    assert_int_equal(parse("-h --nonsense"), 1);
    assert_int_equal(parse("-qh"), 1);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_given_means_defaults),
        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_units_lists_and_dashes),
        cmocka_unit_test(test_double_dash_and_single_dash_are_arguments),
        cmocka_unit_test(test_environment_stands_between_line_and_default),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_help_wins_over_what_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
