/* docs/notes.md: all 31 rows of the practitioner's notes are there, and every test they name exists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/mem.h"
#include "tests/tools/page.h"

enum { ROWS = 31 };

static void check_row(const char *line, const char *end, int row)
{
    const char *cell = line;
    for (int bars = 0; bars < 4; bars++) {
        cell = memchr(cell, '|', (size_t)(end - cell));
        assert_non_null(cell);
        cell++;
    }
    char *file = quoted(&cell, end), *test = quoted(&cell, end);
    if (!file || !test || !has_test(file, test))
        fail_msg("row %d: no test \"%s\" in \"%s\"", row, test ? test : "", file ? file : "");
    free(file);
    free(test);
}

static void every_row_has_its_test(void **state)
{
    (void)state;
    struct str page = {0};
    assert_int_equal(file_read("docs/notes.md", 1 << 20, &page, NULL), 0);
    for (int row = 1; row <= ROWS; row++) {
        char *start = xasprintf("\n| %d | ", row);
        const char *line = strstr(str_text(&page), start);
        if (!line)
            fail_msg("docs/notes.md has no row %d", row);
        check_row(line + 1, strchr(line + 1, '\n'), row);
        free(start);
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
