/* slot: `hone slot FD`, a small supervisor process that runs one trainer at a time for the session.
 *
 * Why a process: a trainer must not outlive its worker, even one killed by kill -9, and neither may anything
 * that the trainer started. So the slot is the subreaper of all of it, and the descriptor to the session is
 * the worker's life line: at its end the slot kills everything below it and exits. It also keeps slow things
 * (hashing checkpoints, making folders) off the session's loop.
 *
 * Lines of JSON on FD, a stream socket. From the session:
 *     {"run":{study, trial, attempt, params, seed, until, epochs, metric, trainer, base, dir, shown,
 *             resume?:{path, epoch, bytes?, hash?}, grace_ms, may?}}
 *             dir: the attempt's folder; shown: the same as reports name it; grace_ms: from a stop to SIGKILL;
 *             may: permit.h; "check":true asks a trainer for checks in place of training
 *     {"stop":"epoch"}  {"stop":"now"}  {"stop":"preempt"}    of the attempt that runs, if one does
 * To the session, all about the attempt that runs:
 *     {"epoch":n, "seconds":s, "metrics":{…}, "checkpoint"?:{path, bytes, hash}}
 *     {"check":{gate, name, verdict, …}}    of a check (common/check_result.h)
 *     {"end":{"epoch":n, "outcome":…, "cause"?:…, "detail"?:…}}    words of DONE (messages.def); the slot is
 * free
 *
 * A stop now asks on the trainer's line, then SIGTERM after a tenth of grace_ms, then SIGKILL after all of it
 * (1 s and 10 s by default); a preemption begins with SIGTERM, for programs that only know that.
 * A warm trainer stays for the next job with the same trainer; for another it is let go and a new one
 * started.
 */
#ifndef HONE_WORKER_SLOT_H
#define HONE_WORKER_SLOT_H

enum { SLOT_FD = 3 }; /* where the session puts it */

/* Runs until the session's end of `fd` closes; the exit status of the process. */
int slot_main(int fd);

#endif
