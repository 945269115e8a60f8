/* docs/oracles.md: all of its rows are there, and every test they name exists and is run. And the oracle of expected
 * improvement that has no better place. */
#include "tests/unit/search.h"

#include "master/search/normal.h"
#include "tests/tools/page.h"

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

static void every_oracle_has_its_test(void **state)
{
    (void)state;
    page_numbered("oracles.md", ROWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expected_improvement_is_monotone),
        cmocka_unit_test(every_oracle_has_its_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
