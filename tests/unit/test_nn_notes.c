/* docs/notes.md: all 31 rows of the practitioner's notes are there, and every test they name exists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/tools/page.h"

enum { ROWS = 31 };

static void every_row_has_its_test(void **state)
{
    (void)state;
    struct str page = {0};
    page_read("notes.md", &page);
    for (int row = 1; row <= ROWS; row++) {
        char begins[16];
        snprintf(begins, sizeof begins, "| %d |", row);
        const char *line = page_row(str_text(&page), NULL, begins);
        if (!line || page_row_tests(line) < 2)
            fail_msg("row %d: no test", row);
    }
    str_fini(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_its_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
