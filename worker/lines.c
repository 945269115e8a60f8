#include "worker/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"

enum { CHUNK = 1 << 16 };

void lines_init(struct lines *lines, size_t max)
{
    *lines = (struct lines){.max = max};
}

void lines_fini(struct lines *lines)
{
    free(lines->bytes);
    *lines = (struct lines){0};
}

/* Handed-out bytes go, so that the buffer holds one unfinished line and what a read brought. */
static void make_room(struct lines *lines, size_t more)
{
    if (lines->start) {
        memmove(lines->bytes, lines->bytes + lines->start, lines->len - lines->start);
        lines->len -= lines->start;
        lines->start = 0;
    }
    GROW(lines->bytes, lines->room, lines->len + more + 1);
}

ssize_t lines_fill(struct lines *lines, int fd)
{
    make_room(lines, CHUNK);
    ssize_t got = read(fd, lines->bytes + lines->len, CHUNK);
    if (got > 0)
        lines->len += (size_t)got;
    return got;
}

void lines_add(struct lines *lines, const void *bytes, size_t len)
{
    make_room(lines, len);
    memcpy(lines->bytes + lines->len, bytes, len);
    lines->len += len;
}

enum lines_next lines_next(struct lines *lines, char **line, size_t *len)
{
    size_t left = lines_left(lines);
    if (!left)
        return LINES_NONE;
    char *front = lines->bytes + lines->start;
    char *end = memchr(front, '\n', left);
    *line = front;
    *len = end ? (size_t)(end - front) : left;
    if (*len > lines->max) {
        *len = lines->max;
        front[*len] = '\0';
        return LINES_LONG;
    }
    if (!end)
        return LINES_NONE;
    *end = '\0';
    lines->start += *len + 1;
    return LINES_LINE;
}

size_t lines_left(const struct lines *lines)
{
    return lines->len - lines->start;
}

int lines_flush(int fd, struct str *pending)
{
    while (pending->len) {
        ssize_t put = write(fd, pending->text, pending->len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno == EAGAIN ? 0 : -1;
        pending->len -= (size_t)put;
        memmove(pending->text, pending->text + put, pending->len + 1);
    }
    return 0;
}
