/* attempt: one attempt as its slot sees it: the folder, the log, what the trainer's lines amount to, and how
 * it ended.
 *
 * Knows files, but neither processes nor descriptors of the protocol: lines and wait statuses are given to
 * it, and it answers with the JSON lines for the session (slot.h lists them). Checkpoints are hashed here, so
 * that the session's loop, which must keep its beat, never reads a gigabyte.
 *
 * Refuses: epochs that do not count up by one from the resume epoch or go beyond `until`, checkpoints that are
 * there but cannot be read. Each is the trainer's fault: failed(protocol), with the line quoted.
 * Ownership: takes the job; attempt_close frees.
 */
#ifndef HONE_WORKER_ATTEMPT_H
#define HONE_WORKER_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/json.h"
#include "common/log_file.h"
#include "worker/tail.h"
#include "worker/trainer_line.h"

enum attempt_stop { STOP_NONE, STOP_EPOCH, STOP_NOW, STOP_PREEMPT };

struct attempt {
    struct json *job;
    const char *dir, *shown, *metric; /* borrowed from job */
    uint64_t epoch, until;            /* the last one reported, or resumed from */
    bool has_metric;                  /* some report held the metric */
    struct str others;                /* what a report without it held instead: "loss, acc" */
    bool is_check;                    /* {"check":…}: results of checks are wanted, no epochs */
    bool synced;                      /* the folder itself is on disk: done once a checkpoint relies on it */
    enum attempt_stop stop;           /* the strongest wish so far */
    const char *cause;                /* it has failed, before its process ended; NULL: not */
    struct str detail;                /* of that failure */
    struct log_file log;              /* opened when something is printed */
    struct tail tail;
    int64_t mark_ms; /* when the epoch in progress began */
};

/* Makes the folder and looks at the checkpoint to resume from. One that is not what the master's row says is
 * not an error: training starts over, and the log says why. */
int attempt_open(struct attempt *attempt, struct json *job, int64_t now_ms, struct err *err);
void attempt_close(struct attempt *attempt);

/* The job as the trainer hears it: {"job":{...}}. ERR_BAD if it is longer than a line may be. */
int attempt_job_line(const struct attempt *attempt, struct str *out, struct err *err);

void attempt_print(struct attempt *attempt, const void *bytes, size_t len); /* what the trainer printed */
void attempt_note(struct attempt *attempt, const char *text); /* what we have to say in its log */

/* A report of the trainer: appends {"epoch":…} for the session, or fails the attempt and returns ERR_PROTO.
 */
int attempt_report(struct attempt *attempt, const struct trainer_line *line, int64_t now_ms, struct str *out,
                   struct err *err);
/* What a check has found: appends {"check":…}, or ERR_PROTO. */
int attempt_result(const struct attempt *attempt, const struct trainer_line *line, struct str *out,
                   struct err *err);
/* Fixes a failure that the end of the process will not change; the first one stays. */
void attempt_fail(struct attempt *attempt, const char *cause, const char *detail);
/* The same for a line that breaks the protocol. */
void attempt_fail_line(struct attempt *attempt, const char *line, size_t len, const struct err *why);

/* It has ended well (warm trainer), or its process has with this wait status: appends {"end":…}. */
void attempt_end_done(struct attempt *attempt, struct str *out);
void attempt_end_exit(struct attempt *attempt, int wait_status, bool out_of_memory, struct str *out);

#endif
