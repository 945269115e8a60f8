/* builtin: `hone train`, the built-in trainer. It is one more program that speaks proto/TRAINER.md, and a
 * warm one: after a job it stays, with its data loaded, and takes the next. The clock, the files and the two
 * pipes are here; the training itself (worker/nn) knows none of them.
 *
 * After every epoch it writes a checkpoint, then reports it; only files that are whole ever carry a
 * checkpoint's name, so SIGTERM and SIGKILL need no handler. It deletes its own older checkpoints in the
 * attempt's folder, all but the newest `keep` and the best.
 *
 * Refuses: to run outside a slot (HONE_IN_FD, HONE_OUT_FD not set). */
#ifndef HONE_WORKER_BUILTIN_H
#define HONE_WORKER_BUILTIN_H

/* Serves jobs until the slot closes its pipe; returns the exit status. */
int builtin_train(void);

#endif
