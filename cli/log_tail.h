/* log_tail: the newest lines of a log (common/log_file.h: NAME, and NAME.1 before it), and what is added to it from then on,
 * through its renaming, as tail -F does.
 *
 * Where logs lie: an attempt's in <db>.d/<study>/t00017/a2/log where its worker sees the master's folder, a worker's in
 * <db>.d/workers/<name>.log where `hone run` started it. Others stay with the worker.
 *
 * Ownership: the caller's storage, log_tail_close; paths are the caller's to free. */
#ifndef HONE_CLI_LOG_TAIL_H
#define HONE_CLI_LOG_TAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/str.h"

struct log_tail {
    char *path;
    int fd; /* -1: it is not there (yet) */
};

char *log_of_attempt(const char *db, const char *study, int64_t trial, int64_t attempt);
char *log_of_worker(const char *db, const char *worker);

/* False: there is none yet; log_tail_more looks again. */
bool log_tail_open(struct log_tail *tail, const char *path);
void log_tail_close(struct log_tail *tail);

/* Appends the last `lines` lines (-1: all that is kept); what comes after them is for log_tail_more. */
void log_tail_last(struct log_tail *tail, int64_t lines, struct str *out);
/* Appends what was added since, at most a megabyte at a time. */
void log_tail_more(struct log_tail *tail, struct str *out);

#endif
