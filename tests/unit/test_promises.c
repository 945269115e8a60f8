/* docs/promises.md and docs/security.md: every promise names what holds it, and every test they name is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/check.h"
#include "tests/tools/page.h"

/* Rows of the table below this heading, each with a test. */
static int check_table(const char *page, const char *heading)
{
    const char *row = page_row(page, NULL, heading);
    int rows = 0;
    assert_non_null(row);
    row = page_row(page, row, "|---"); /* below the names of the columns */
    while (row && (row = strchr(row, '\n')) && row[1] == '|') {
        row++;
        if (!page_row_tests(row))
            fail_msg("no test: %.60s", row);
        rows++;
    }
    return rows;
}

static void every_promise_names_its_tests(void **state)
{
    (void)state;
    struct str page = {0};
    page_read("promises.md", &page);
    assert_true(check_table(str_text(&page), "| promise |") >= 7);
    for (int promise = 1; promise <= 7; promise++) {
        char begins[16];
        snprintf(begins, sizeof begins, "| %d. ", promise);
        if (!page_row(str_text(&page), NULL, begins))
            fail_msg("promise %d is gone", promise);
    }
    str_fini(&page);
}

static void every_defence_names_its_attacker(void **state)
{
    (void)state;
    struct str page = {0};
    page_read("security.md", &page);
    assert_true(check_table(str_text(&page), "| sentence |") >= 20);
    str_fini(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_promise_names_its_tests),
        cmocka_unit_test(every_defence_names_its_attacker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
