/* lines: bytes of a descriptor, cut into lines that are never longer than a bound.
 *
 * Trainers and slots talk in lines, and a trainer may write whatever it likes: half a line, a gigabyte
 * without a line break, two hundred lines at once. At most `max` bytes of an unfinished line are ever kept.
 *
 * Refuses: growing past the bound; LINES_LONG is final, for where the next line begins is not worth knowing.
 * Ownership: the caller's storage; a line handed out is borrowed until the next call.
 */
#ifndef HONE_WORKER_LINES_H
#define HONE_WORKER_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/str.h"

struct lines {
    char *bytes;
    size_t start, len, room; /* bytes[start .. len) are not handed out yet */
    size_t max;              /* longest line, without its line break */
};

enum lines_next {
    LINES_NONE, /* no whole line yet */
    LINES_LINE, /* *line is one, NUL-terminated, without its line break */
    LINES_LONG, /* *line is the front of one that is too long */
};

void lines_init(struct lines *lines, size_t max);
void lines_fini(struct lines *lines);

/* One read(2): bytes got, 0 at the end, -1 with errno (EAGAIN: nothing now). */
ssize_t lines_fill(struct lines *lines, int fd);
void lines_add(struct lines *lines, const void *bytes, size_t len); /* the same, from memory */
enum lines_next lines_next(struct lines *lines, char **line, size_t *len);
/* The other way: writes as much of `pending` as the descriptor takes now, and takes that out of it. -1 with errno
 * if nobody reads there any more. The process ignores SIGPIPE. */
int lines_flush(int fd, struct str *pending);
/* Bytes of an unfinished line that wait for their line break. */
size_t lines_left(const struct lines *lines);

#endif
