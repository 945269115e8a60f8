/* page: pages of docs/ that name tests, held to it that these exist. */
#ifndef HONE_TESTS_TOOLS_PAGE_H
#define HONE_TESTS_TOOLS_PAGE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/mem.h"

/* The text between the next two backquotes from *at on; NULL if there is none before `end`. The caller frees. */
static inline char *quoted(const char **at, const char *end)
{
    const char *open = memchr(*at, '`', (size_t)(end - *at));
    const char *close = open ? memchr(open + 1, '`', (size_t)(end - open - 1)) : NULL;
    if (!close)
        return NULL;
    *at = close + 1;
    return xstrndup(open + 1, (size_t)(close - open - 1));
}

/* Does tests/FILE.c run a test of this name? */
static inline bool has_test(const char *file, const char *test)
{
    char *path = xasprintf("tests/%s.c", file), *call = xasprintf("cmocka_unit_test(%s)", test);
    struct str text = {0};
    bool found = !file_read(path, 1 << 20, &text, NULL) && strstr(str_text(&text), call);
    str_fini(&text);
    free(path);
    free(call);
    return found;
}

#endif
