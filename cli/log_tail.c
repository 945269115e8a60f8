#include "cli/log_tail.h"

#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"
#include "common/base64.h"
#include "common/mem.h"
#include "common/stretch.h"

enum { FIRST_BYTES = 64 << 10, MOST_AT_ONCE = 1 << 20 };

char *log_of_attempt(const char *db, const char *study, int64_t trial, int64_t attempt)
{
    return xasprintf("%s.d/%s/t%05lld/a%lld/log", db, study, (long long)trial, (long long)attempt);
}

void log_tail_attempt(struct log_tail *tail, const char *db, const char *master, const char *study,
                      int64_t trial, int64_t attempt)
{
    *tail = (struct log_tail){
        .path = log_of_attempt(db, study, trial, attempt), .master = master, .whose = json_new_object()};
    json_put_text(tail->whose, "study", study);
    json_put_num(tail->whose, "trial", (double)trial);
    json_put_num(tail->whose, "attempt", (double)attempt);
}

void log_tail_worker(struct log_tail *tail, const char *db, const char *master, const char *worker)
{
    *tail = (struct log_tail){
        .path = xasprintf("%s.d/workers/%s.log", db, worker), .master = master, .whose = json_new_object()};
    json_put_text(tail->whose, "worker", worker);
}

void log_tail_close(struct log_tail *tail)
{
    free(tail->path);
    json_free(tail->whose);
    *tail = (struct log_tail){0};
}

/* ---- one stretch, here or through the master ---- */

struct piece {
    int64_t file, size; /* 0: it is not there */
    int64_t offset;
    size_t bytes;
};

static struct piece read_here(const struct log_tail *tail, bool older, int64_t offset, struct str *out)
{
    struct stretch stretch;
    char *path = xasprintf("%s%s", tail->path, older ? ".1" : "");
    stretch_read(path, offset, STRETCH_MAX, &stretch);
    free(path);
    struct piece piece = {stretch.file, stretch.size, stretch.offset, stretch.data.len};
    str_addn(out, str_text(&stretch.data), stretch.data.len);
    stretch_fini(&stretch);
    return piece;
}

static struct piece ask(const struct log_tail *tail, bool older, int64_t offset, struct str *out)
{
    struct piece piece = {0};
    struct msg_answer answer;
    struct json *args = json_clone(tail->whose);
    json_put_num(args, "offset", (double)offset);
    json_put_num(args, "bytes", STRETCH_MAX);
    json_set(args, "older", json_parse(older ? "true" : "false", older ? 4 : 5, "older", NULL), NULL);
    int rc = tail->master ? remote_call(tail->master, "log", args, REMOTE_CALL_MS, &answer, NULL)
                          : master_ask(tail->db, NULL, "log", args, &answer, NULL);
    json_free(args);
    if (rc)
        return piece;
    char *bytes = xmalloc(STRETCH_MAX);
    long got = base64_read(json_text(json_get(answer.result, "data")), bytes, STRETCH_MAX);
    piece.file = (int64_t)json_num(json_get(answer.result, "file"));
    piece.size = (int64_t)json_num(json_get(answer.result, "size"));
    piece.offset = (int64_t)json_num(json_get(answer.result, "offset"));
    piece.bytes = got > 0 ? (size_t)got : 0;
    str_addn(out, bytes, piece.bytes);
    free(bytes);
    answer_fini(&answer);
    return piece;
}

static struct piece read_at(const struct log_tail *tail, bool older, int64_t offset, struct str *out)
{
    struct piece piece = {0};
    if (!tail->master)
        piece = read_here(tail, older, offset, out);
    return tail->master || (!piece.file && tail->db) ? ask(tail, older, offset, out) : piece;
}

/* From the offset to the end, at most so many bytes; where it ended and in which file. */
static struct piece read_on(const struct log_tail *tail, bool older, int64_t offset, size_t most,
                            struct str *out)
{
    size_t before = out->len;
    struct piece piece = read_at(tail, older, offset, out), next = piece;
    while (next.bytes && next.offset + (int64_t)next.bytes < next.size && out->len - before < most) {
        next = read_at(tail, older, next.offset + (int64_t)next.bytes, out);
        if (next.file != piece.file)
            break;
    }
    next.file = piece.file;
    return next;
}

/* ---- the end of what is there ---- */

/* Where the last `lines` lines begin; *lines: how many are missing. */
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

/* Appends its last lines. *lacks: how many it has too few. */
static struct piece add_last(const struct log_tail *tail, bool older, int64_t lines, int64_t *lacks,
                             struct str *out)
{
    for (int64_t bytes = FIRST_BYTES;; bytes *= 4) {
        struct str text = {0};
        struct piece end = read_on(tail, older, lines < 0 ? 0 : -bytes, SIZE_MAX, &text);
        bool is_whole = lines < 0 || bytes >= end.size;
        *lacks = lines;
        size_t at = lines < 0 ? 0 : last_lines_at(str_text(&text), text.len, lacks);
        bool enough = is_whole || at > 0;
        if (enough)
            str_addn(out, str_text(&text) + at, text.len - at);
        str_fini(&text);
        if (enough)
            return end;
    }
}

bool log_tail_last(struct log_tail *tail, int64_t lines, struct str *out)
{
    struct str newest = {0};
    int64_t lacks, ignored;
    struct piece end = add_last(tail, false, lines, &lacks, &newest);
    tail->file = end.file;
    tail->offset = end.offset + (int64_t)end.bytes;
    bool is_there = end.file;
    if (lacks)
        is_there |= add_last(tail, true, lacks, &ignored, out).file != 0;
    str_addn(out, str_text(&newest), newest.len);
    str_fini(&newest);
    return is_there;
}

/* ---- what comes ---- */

void log_tail_more(struct log_tail *tail, struct str *out)
{
    struct str fresh = {0};
    struct piece piece = read_on(tail, false, tail->offset, MOST_AT_ONCE, &fresh);
    if (piece.file && piece.file != tail->file) {
        str_clear(&fresh);
        if (tail->file) // what was written between our last look and the renaming
            read_on(tail, true, tail->offset, MOST_AT_ONCE, out);
        piece = read_on(tail, false, 0, MOST_AT_ONCE, &fresh);
    }
    str_addn(out, str_text(&fresh), fresh.len);
    str_fini(&fresh);
    if (!piece.file)
        return;
    tail->file = piece.file;
    tail->offset = piece.offset + (int64_t)piece.bytes;
}
