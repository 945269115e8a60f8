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

enum { ROWS = 31 };

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

/* Does tests/FILE.c run a test of this name? */
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
