#include "tests/tools/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"

void page_read(const char *name, struct str *out)
{
    struct err err = ERR_NONE;
    char *path = xasprintf("docs/%s", name);
    if (file_read(path, 1 << 20, out, &err))
        fail_msg("%s", err.text);
    free(path);
}

const char *page_row(const char *page, const char *line, const char *begins)
{
    const char *at = line ? line : page;
    while ((at = strchr(at, '\n')))
        if (str_starts(++at, begins))
            return at;
    return NULL;
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

/* Is there a line of this file that holds one of these? */
static bool holds(const char *path, const char *one, const char *other)
{
    struct str text = {0};
    bool found = !file_read(path, 1 << 20, &text, NULL) &&
                 (strstr(str_text(&text), one) || (other && strstr(str_text(&text), other)));
    str_fini(&text);
    return found;
}

static bool is_file(const char *word)
{
    static const char *const rooms[] = {"unit/test_", "sim/test_", "e2e/test_", "fault/test_"};
    for (size_t i = 0; i < COUNT_OF(rooms); i++)
        if (str_starts(word, rooms[i]))
            return true;
    return false;
}

static bool is_name(const char *word)
{
    return strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(word);
}

static bool file_is_there(const char *file)
{
    char *c = xasprintf("tests/%s.c", file), *sh = xasprintf("tests/%s.sh", file);
    bool there = file_exists(c) || file_exists(sh);
    free(c);
    free(sh);
    return there;
}

static bool runs(const char *file, const char *test)
{
    char *path = xasprintf("tests/%s.c", file), *alone = xasprintf("(%s)", test),
         *first = xasprintf("(%s,", test);
    bool found = holds(path, alone, first);
    free(path);
    free(alone);
    free(first);
    return found;
}

static bool can_make(const char *target)
{
    char *rule = xasprintf("\n%s:", target);
    bool found = holds("Makefile", rule, NULL);
    free(rule);
    return found;
}

int page_row_tests(const char *row)
{
    const char *end = strchrnul(row, '\n');
    char *file = NULL;
    int count = 0;
    for (char *word; (word = quoted(&row, end)); free(word)) {
        if (str_starts(word, "make ") && !can_make(word + 5))
            fail_msg("there is no `%s`", word);
        if (is_file(word)) {
            free(file);
            file = xstrdup(word);
            if (!file_is_there(file))
                fail_msg("there is no tests/%s", file);
            count++;
        } else if (file && is_name(word)) {
            if (!runs(file, word))
                fail_msg("tests/%s runs no %s", file, word);
            count++;
        }
    }
    free(file);
    return count;
}

void page_numbered(const char *name, int last)
{
    struct str page = {0};
    page_read(name, &page);
    for (int row = 1; row <= last; row++) {
        char begins[16];
        snprintf(begins, sizeof begins, "| %d |", row);
        const char *line = page_row(str_text(&page), NULL, begins);
        if (!line || page_row_tests(line) < 2)
            fail_msg("docs/%s, row %d: no test", name, row);
    }
    str_fini(&page);
}
