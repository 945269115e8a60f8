/* outcome: how one run of a trial by one worker ends or comes back, and what that makes of the trial. The trial
 * goes on where it can: what was stopped for a while, lost, or failed with tries left waits again; what has reached the
 * last epoch asked of it is through whatever became of the attempt after that.
 */
#ifndef HONE_MASTER_OUTCOME_H
#define HONE_MASTER_OUTCOME_H

#include "master/roster.h"
#include "master/study.h"

/* It ended well. Without a single epoch that is a failure. */
void outcome_finished(struct turn *turn, struct trial *trial);
/* It obeyed a STOP: what for decides what the trial is now. Also of one that was preempted or refused. */
void outcome_stopped(struct turn *turn, struct trial *trial, const char *outcome);
/* The worker had asked for it and cannot take it after all: no failure of the trial's, and no reason to ask again at
 * once. */
void outcome_refused(struct turn *turn, struct worker *worker, struct trial *trial);
/* `counts` false: its worker fails whatever it gets, and the trial is not to blame. */
void outcome_failed(struct turn *turn, struct trial *trial, bool counts, const char *cause,
                    const char *detail);
/* Nothing was heard of its worker for a lease, or (worker_died) its process has ended. */
void outcome_lost(struct turn *turn, struct trial *trial, bool worker_died);

/* Another attempt begins while this one is open: its trial was cancelled, its worker has not said that it stopped, and
 * somebody wants the trial after all. */
void outcome_fenced(struct turn *turn, struct trial *trial);

/* Its worker shows that it still has it: hold it again, and take it off the waiting list if it was given up. */
void outcome_reinstate(struct turn *turn, struct worker *worker, struct trial *trial);

#endif
