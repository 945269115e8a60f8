/* docs/notes.md: all 31 rows of the practitioner's notes are there, and every test they name exists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/tools/page.h"

enum { ROWS = 31 };

static void every_row_has_its_test(void **state)
{
    (void)state;
    page_numbered("notes.md", ROWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_its_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
