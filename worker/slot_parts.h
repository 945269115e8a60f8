/* slot_parts: what the files of a slot (slot, slot_trainer, slot_job) need of each other and show to nobody else; each only
 * of those to its right: the loop and the session's word, what the trainer says and how it ends, an attempt's beginning
 * and end. */
#ifndef HONE_WORKER_SLOT_PARTS_H
#define HONE_WORKER_SLOT_PARTS_H

#include "worker/attempt.h"
#include "worker/cgroup.h"
#include "worker/command.h"
#include "worker/trainer.h"

enum { SLOT_GRACE_MS = 10000 };

struct slot {
    int fd, signals;
    pid_t parent; /* the session */
    struct lines in;
    struct str out; /* for the session */
    bool over;      /* the session is gone */

    struct cgroup group; /* the trainers' */
    struct trainer trainer;
    struct attempt attempt;
    struct command command;
    struct str job_line;
    bool busy;   /* there is an attempt */
    bool waits;  /* … whose trainer starts when the one before has left */
    bool reused; /* … which a warm trainer of an earlier job got, */
    bool heard;  /* … and has answered */
    bool killed; /* SIGKILL by us */

    int64_t grace_ms;
    int64_t term_at, kill_at, timeout_at; /* monotonic; 0: not set */
};

/* ---- trainer ---- */

void slot_read_prints(struct slot *slot);
void slot_read_trainer(struct slot *slot, int64_t now);
void slot_on_exit(struct slot *slot, int status, int64_t now);

/* ---- job ---- */

/* A job of the session's; `program` is our own. Takes the job. PRE: the slot is free. */
void slot_begin(struct slot *slot, struct json *job, const char *program, int64_t now);
void slot_start_trainer(struct slot *slot, int64_t now);
/* The {"end":…} line is in `out`: the slot is free. */
void slot_release(struct slot *slot);
void slot_forget_deadlines(struct slot *slot);
void slot_kill_trainer(struct slot *slot);
/* Everything that a trainer started, and it itself. */
void slot_kill_all(struct slot *slot);

#endif
