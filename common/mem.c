#include "common/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_die(void *got, size_t bytes)
{
    if (!got && bytes) {
        fprintf(stderr, "hone: out of memory (%zu bytes)\n", bytes);
        abort();
    }
    return got;
}

void *xmalloc(size_t bytes)
{
    return or_die(malloc(bytes ? bytes : 1), bytes);
}

void *xcalloc(size_t count, size_t bytes)
{
    return or_die(calloc(count ? count : 1, bytes ? bytes : 1), bytes);
}

void *xrealloc(void *old, size_t bytes)
{
    return or_die(realloc(old, bytes ? bytes : 1), bytes);
}

char *xstrdup(const char *text)
{
    return xstrndup(text, strlen(text));
}

char *xstrndup(const char *text, size_t bytes)
{
    size_t len = strnlen(text, bytes);
    char *copy = xmalloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *xasprintf(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int len = vasprintf(&text, fmt, ap);
    va_end(ap);
    return or_die(len < 0 ? NULL : text, 1);
}

void *grow(void *items, size_t *room, size_t need, size_t item_bytes)
{
    if (need <= *room)
        return items;
    if (need > SIZE_MAX / 2 / item_bytes)
        or_die(NULL, SIZE_MAX);
    size_t next = *room ? *room : 8;
    while (next < need)
        next *= 2;
    *room = next;
    return xrealloc(items, next * item_bytes);
}
