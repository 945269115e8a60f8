/* slurm_decide: what `hone slurm` does next, from what it sees: submit a job, cancel those that wait, end, or look again.
 *
 * Pure: it is told the time and what the master and Slurm's queue say; what it remembers between two looks is the
 * caller's. Never more than `backlog` jobs wait in the queue, because a queue that is full of ours says nothing of how
 * long the next one takes; a job that fails at once is tried again after a rest that doubles, one at a time, CRASHES_MOST
 * times.
 */
#ifndef HONE_CLI_SLURM_DECIDE_H
#define HONE_CLI_SLURM_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SLURM_CRASHES_MOST = 5,    /* in a row, submissions that failed among them */
    SLURM_UNWANTED_MS = 60000, /* so long nothing wants a worker: jobs that wait are cancelled */
    SLURM_ALONE_MS = 300000,   /* so long no master answers */
};

struct slurm_limits {
    int most;    /* jobs in the queue, waiting and running */
    int backlog; /* jobs that wait */
    int slots;   /* that a job brings, as far as known; from 1 */
    bool stay;   /* after the last study, too */
};

struct slurm_view {
    bool master;    /* it has answered; else what follows of it is 0 */
    bool over;      /* it has not, but its database says that all studies have ended */
    int64_t open;   /* studies that have not ended */
    int64_t wanted; /* trials that could begin now */
    int64_t free;   /* slots of workers without a trial */
    int waiting;    /* jobs of ours in the queue that have not started */
    int running;    /* and those that have */
    int starting;   /* of these, whose worker has not joined yet */
};

struct slurm_memory {
    int crashes;           /* in a row */
    int64_t rest_until_ms; /* no submission before that; monotonic */
    int64_t unwanted_ms;   /* since when nothing wants a worker; 0: something does */
    int64_t alone_ms;      /* since when no master answers; 0: one does */
};

enum slurm_what { SLURM_LOOK, SLURM_SUBMIT, SLURM_CANCEL_WAITING, SLURM_END };

struct slurm_act {
    enum slurm_what what;
    int count;     /* of jobs to submit */
    int status;    /* of SLURM_END: exit status */
    char why[160]; /* for people; the same as long as nothing has changed */
};

void slurm_decide(const struct slurm_view *view, const struct slurm_limits *limits,
                  struct slurm_memory *memory, int64_t now_ms, struct slurm_act *out);

/* A job ended at once, or could not be submitted: a rest, the first one of `rest_ms`. */
void slurm_crashed(struct slurm_memory *memory, int64_t rest_ms, int64_t now_ms);
/* A worker has joined: whatever was wrong is no longer. */
void slurm_worked(struct slurm_memory *memory);

#endif
