#include "cli/log_tail.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

enum { FIRST_BYTES = 64 << 10, MOST_AT_ONCE = 1 << 20 };

char *log_of_attempt(const char *db, const char *study, int64_t trial, int64_t attempt)
{
    return xasprintf("%s.d/%s/t%05lld/a%lld/log", db, study, (long long)trial, (long long)attempt);
}

char *log_of_worker(const char *db, const char *worker)
{
    return xasprintf("%s.d/workers/%s.log", db, worker);
}

bool log_tail_open(struct log_tail *tail, const char *path)
{
    *tail = (struct log_tail){xstrdup(path), open(path, O_RDONLY | O_CLOEXEC)};
    return tail->fd >= 0;
}

void log_tail_close(struct log_tail *tail)
{
    if (tail->fd >= 0)
        close(tail->fd);
    free(tail->path);
    *tail = (struct log_tail){.fd = -1};
}

/* From where the descriptor stands, at most so many bytes. */
static size_t read_on(int fd, size_t most, struct str *out)
{
    char chunk[16 << 10];
    size_t before = out->len;
    while (out->len - before < most) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got <= 0)
            break;
        str_addn(out, chunk, (size_t)got);
    }
    return out->len - before;
}

/* ---- the end of what is there ---- */

/* Where the last `lines` lines begin. `lines`: how many are missing from the text's front. */
static size_t last_lines_at(const char *text, size_t len, int64_t *lines)
{
    size_t at = len;
    while (at && *lines > 0) {
        const char *brk = at > 1 ? memrchr(text, '\n', at - 1) : NULL;
        at = brk ? (size_t)(brk - text) + 1 : 0;
        --*lines;
    }
    return at;
}

/* Appends the last lines of an open file, whose end the descriptor then stands at; how many it lacks. */
static int64_t add_last(int fd, int64_t lines, struct str *out)
{
    off_t size = lseek(fd, 0, SEEK_END);
    for (off_t bytes = FIRST_BYTES;; bytes *= 2) {
        struct str text = {0};
        bool is_whole = bytes >= size || lines < 0;
        int64_t lacks = lines;
        lseek(fd, is_whole ? 0 : size - bytes, SEEK_SET);
        read_on(fd, SIZE_MAX, &text);
        size_t at = lines < 0 ? 0 : last_lines_at(str_text(&text), text.len, &lacks);
        bool enough = is_whole || at > 0;
        if (enough)
            str_addn(out, str_text(&text) + at, text.len - at);
        str_fini(&text);
        if (enough)
            return lines < 0 ? -1 : lacks;
    }
}

void log_tail_last(struct log_tail *tail, int64_t lines, struct str *out)
{
    struct str newest = {0};
    int64_t lacks = tail->fd >= 0 ? add_last(tail->fd, lines, &newest) : lines;
    char *path = xasprintf("%s.1", tail->path);
    int older = lacks ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (older >= 0) {
        add_last(older, lacks, out);
        close(older);
    }
    str_addn(out, str_text(&newest), newest.len);
    str_fini(&newest);
    free(path);
}

/* ---- what comes ---- */

static bool is_renamed(const struct log_tail *tail)
{
    struct stat open_one, named;
    return stat(tail->path, &named) == 0 && fstat(tail->fd, &open_one) == 0 &&
           open_one.st_ino != named.st_ino;
}

void log_tail_more(struct log_tail *tail, struct str *out)
{
    if (tail->fd < 0)
        tail->fd = open(tail->path, O_RDONLY | O_CLOEXEC);
    if (tail->fd < 0 || read_on(tail->fd, MOST_AT_ONCE, out) || !is_renamed(tail))
        return;
    read_on(tail->fd, MOST_AT_ONCE, out); // written between our look and its renaming
    close(tail->fd);
    tail->fd = open(tail->path, O_RDONLY | O_CLOEXEC);
    if (tail->fd >= 0)
        read_on(tail->fd, MOST_AT_ONCE, out);
}
