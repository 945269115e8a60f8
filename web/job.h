/* job: what takes seconds (importance over ten thousand trials), in a child of its own, so that
 * neither other pages nor the trials wait for it. One at a time; the newest result of each of a few studies is kept.
 *
 * A study that runs changes all the time: a result is given again for ten times as long as it took, so that the work is at
 * most a tenth of a core however many pages ask.
 *
 * The child is a fork: one thread, and nothing of the database open when it is made (SQLite does not survive that).
 * Ownership: heap; jobs_free ends a child that works. */
#ifndef HONE_WEB_JOB_H
#define HONE_WEB_JOB_H

#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

/* Appends its result to `out`. Runs in the child: it may lower its priority, but not while it reads the database, for what
 * it holds there would be held for long. */
typedef int job_work(const char *db, const char *study, struct str *out, struct err *err);

struct jobs;

struct jobs *jobs_new(const char *db, job_work *work);
void jobs_free(struct jobs *jobs);

/* 0: *out is the result, borrowed till the next call. ERR_BUSY: ask again in JOB_LOOK_MS; anything else is what the work
 * said (err). */
enum { JOB_LOOK_MS = 200 };
int jobs_ask(struct jobs *jobs, const char *study, const char *version, int64_t now_ms, const char **out,
             struct err *err);
/* Begins what was asked for, if it has to be computed. PRE: no query is open. */
void jobs_begin(struct jobs *jobs, int64_t now_ms); /* NULL is fine */

#endif
