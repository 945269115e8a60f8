/* log_tail: the newest lines of a log (common/log_file.h: NAME, and NAME.1 before it), and what is added to it from then on,
 * through its renaming, as tail -F does.
 *
 * Where logs lie: an attempt's in <db>.d/<study>/t00017/a2/log where its worker sees the master's folder, a worker's in
 * <db>.d/workers/<name>.log where `hone run` started it; read there, or through the master (`log`, PROTOCOL.md section 7), who asks
 * the worker for what he does not have. Nothing stays open between two reads.
 *
 * Ownership: the caller's storage, log_tail_close; `master` is borrowed. */
#ifndef HONE_CLI_LOG_TAIL_H
#define HONE_CLI_LOG_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/json.h"
#include "common/str.h"

struct log_tail {
    char *path;         /* of a log here, and what it is called */
    const char *master; /* who is asked; NULL: it is read here */
    const char *
        db; /* whose master is asked for what is not here; NULL: nobody is. For the caller to set; borrowed */
    struct json *whose; /* what he is asked for */
    int64_t file;       /* whose bytes were read; 0: there is none yet */
    int64_t offset;     /* how far */
};

/* Where it would be, here. The caller frees. */
char *log_of_attempt(const char *db, const char *study, int64_t trial, int64_t attempt);

/* master NULL: beside the database. */
void log_tail_attempt(struct log_tail *tail, const char *db, const char *master, const char *study,
                      int64_t trial, int64_t attempt);
void log_tail_worker(struct log_tail *tail, const char *db, const char *master, const char *worker);
void log_tail_close(struct log_tail *tail);

/* Appends the last `lines` lines (-1: all that is kept); what comes after them is for log_tail_more. False: there is no
 * such log (yet). */
bool log_tail_last(struct log_tail *tail, int64_t lines, struct str *out);
/* Appends what was added since. */
void log_tail_more(struct log_tail *tail, struct str *out);

#endif
