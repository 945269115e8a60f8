/* Selectors: what names which trials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/select.h"
#include "common/check.h"

/* The trials of 1..12, of which 5 is the best, that a selector names, as text; "!" if it is refused. */
static const char *chosen(const char *text)
{
    static char out[128];
    struct selector selector;
    struct err err = ERR_NONE;
    size_t n = 0;
    out[0] = '\0';
    if (select_parse(text, &selector, &err)) {
        assert_int_equal(err.code, ERR_BAD);
        return "!";
    }
    if (selector.word != SELECT_NUMBERS)
        select_number(&selector, selector.word == SELECT_LAST ? 12 : 5);
    for (uint32_t i = 1; i <= 12; i++)
        if (select_has(&selector, i))
            n += (size_t)snprintf(out + n, sizeof out - n, "%s%u", n ? " " : "", i);
    return out;
}

static void test_selectors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *chosen;
    } cases[] = {
        {"7", "7"},
        {"last", "12"},
        {"best", "5"},
        {"mnist/best", "5"},
        {"1-3", "1 2 3"},
        {"1-10:4", "1 5 9"},
        {"1,3,5-8", "1 3 5 6 7 8"},
        {"3,3", "3"},
        {"11-99", "11 12"},
        {"mnist/2", "2"},
        {"a.b-c/last", "12"},
        {"4294967295", ""},
        {"mnist/1-2,4", "1 2 4"},
        {"all", "1 2 3 4 5 6 7 8 9 10 11 12"},
        {"", "!"},
        {"0", "!"},
        {"-1", "!"},
        {"1-", "!"},
        {"8-5", "!"},
        {"1,", "!"},
        {",1", "!"},
        {"1-5:0", "!"},
        {"1:2", "!"},
        {"mnist/", "!"},
        {"/1", "!"},
        {"4294967296", "!"},
        {"99999999999999999999", "!"},
        {"1 2", "!"},
        {"lats", "!"},
        {"9x/1", "!"},
        {"m/n/1", "!"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(chosen(cases[i].text), cases[i].chosen);
}

static void test_one(void **state)
{
    (void)state;
    struct selector s;
    assert_int_equal(select_parse("mnist/17", &s, NULL), 0);
    assert_string_equal(s.study, "mnist");
    assert_int_equal(select_one(&s), 17);
    assert_int_equal(select_parse("last", &s, NULL), 0);
    assert_string_equal(s.study, "");
    select_number(&s, 40);
    assert_int_equal(select_one(&s), 40);
    select_number(&s, 0); /* there is none */
    assert_int_equal(select_one(&s), 0);
    assert_int_equal(select_parse("1-2", &s, NULL), 0);
    assert_int_equal(select_one(&s), 0);
}

static void test_too_many_parts(void **state)
{
    (void)state;
    char text[4 * SELECT_MAX + 8] = "1";
    for (int i = 1; i < SELECT_MAX; i++)
        strcat(text, ",1");
    assert_string_equal(chosen(text), "1");
    strcat(text, ",1");
    assert_string_equal(chosen(text), "!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selectors),
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_too_many_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
