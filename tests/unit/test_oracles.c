/* docs/oracles.md: all of its rows are there, and every test they name exists and is run. And the oracle of expected
 * improvement that has no better place. */
#include "tests/unit/search.h"

#include "common/file.h"
#include "master/search/normal.h"

enum { ROWS = 71 };

/* log EI = log s + h((best - m) / s) must fall with m and rise with s, also where h is of the order of -1e12. */
static double log_ei(double m, double s)
{
    return log(s) + normal_log_ei(-m / s);
}

static void expected_improvement_is_monotone(void **state)
{
    (void)state;
    for (double s = 1e-4; s < 20; s *= 1.7)
        for (double m = -3; m < 100; m += 0.013)
            assert_true(log_ei(m + 0.013, s) < log_ei(m, s));
    for (double m = -3; m < 100; m += 0.29)
        for (double s = 1e-4; s < 20; s *= 1.01)
            /* Where it is sure to be better it is -m, whatever s: to the last digits. */
            assert_true(log_ei(m, 1.01 * s) > log_ei(m, s) - (m < 0 ? 1e-13 : 0));
}

/* The text between the next two backquotes from *at on; NULL if there is none before `end`. The caller frees. */
static char *quoted(const char **at, const char *end)
{
    const char *open = memchr(*at, '`', (size_t)(end - *at));
    const char *close = open ? memchr(open + 1, '`', (size_t)(end - open - 1)) : NULL;
    if (!close)
        return NULL;
    *at = close + 1;
    return xstrndup(open + 1, (size_t)(close - open - 1));
}

static bool has_test(const char *file, const char *test)
{
    char *path = xasprintf("tests/%s.c", file), *call = xasprintf("cmocka_unit_test(%s)", test);
    struct str text = {0};
    bool found = !file_read(path, 1 << 20, &text, NULL) && strstr(str_text(&text), call);
    str_fini(&text);
    free(path);
    free(call);
    return found;
}

static void every_oracle_has_its_test(void **state)
{
    (void)state;
    struct str page = {0};
    int rows = 0;
    assert_int_equal(file_read("docs/oracles.md", 1 << 20, &page, NULL), 0);
    for (const char *line = strstr(str_text(&page), "\n| 1 |"); line && line[1] == '|';
         line = strchr(line + 1, '\n')) {
        const char *end = strchr(line + 1, '\n'), *cell = end;
        while (cell[-1] != '`' || cell[-2] == ' ') /* the last cell holds the last two quoted words */
            cell--;
        for (int quotes = 0; quotes < 4; cell--)
            quotes += cell[-1] == '`';
        char *file = quoted(&cell, end), *test = quoted(&cell, end);
        assert_int_equal(strtol(line + 3, NULL, 10), ++rows);
        if (!file || !test || !has_test(file, test))
            fail_msg("row %d: no test \"%s\" in \"%s\"", rows, test ? test : "", file ? file : "");
        free(file);
        free(test);
    }
    assert_int_equal(rows, ROWS);
    str_fini(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expected_improvement_is_monotone),
        cmocka_unit_test(every_oracle_has_its_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
