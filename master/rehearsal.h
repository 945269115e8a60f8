/* rehearsal: the reactor with an in-memory wire, a made-up clock and simulated workers, in one process. What takes
 * a cluster a month happens here in a second, and every failure can be played: messages lost, doubled, late;
 * workers killed, cut off, healed; the master crashed before or after a commit; the clock jumping. The reactor and
 * the store are the real ones.
 *
 * Everything follows from the seed: a failing run replays exactly. The simulated workers keep a journal of what was
 * acknowledged to them, and rehearsal_check holds it, and the promises, against the store.
 *
 * Ownership: heap; objective and its argument are borrowed.
 */
#ifndef HONE_MASTER_REHEARSAL_H
#define HONE_MASTER_REHEARSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/check_result.h"
#include "master/reactor.h"

/* The metric after `epoch`, of a point and a seed; NaN: diverged. Pure. */
typedef double (*rehearsal_objective)(void *arg, const struct json *params, uint64_t seed, int epoch,
                                      int epochs);

struct rehearsal_options {
    uint64_t seed;
    int64_t beat_ms, lease_ms; /* 0: 200 and 1500 */
    int64_t epoch_ms;          /* what an epoch takes; 0: 100 */
    rehearsal_objective objective;
    void *arg;
    const char *metric;
    /* Further metric k of the study, from 0, under its name. Pure. */
    double (*further)(void *arg, int k, const struct json *params, uint64_t seed, int epoch, int epochs);
    const char *further_names[HISTORY_MORE]; /* NULL: there is no such one */
    struct store *store;                     /* in memory; borrowed and emptied. NULL: one of its own */
    const char *root; /* a folder that no worker sees, so that checkpoints travel; NULL: no files at all */
    /* The findings of a report, as a JSON list; NULL, or a callback that gives NULL: none. Pure. */
    const char *(*findings)(void *arg, const struct json *params, int epoch);
    /* What a check on that worker finds; NULL: all is good. Pure. */
    enum verdict (*verdict)(void *arg, int worker, bool smoke);
    /* Faults, as probabilities for each message in flight or each turn. */
    double lose, twice, late;         /* a whole connection is cut when one of its messages is lost: TCP */
    double crash_before, crash_after; /* master, at a commit: before it, or after it with nothing sent */
    double kill_worker, cut_worker;   /* per worker and virtual second */
    double cut_all;                   /* the switch dies, per virtual second: for one to three leases */
    double fail;                      /* an attempt fails in an epoch */
    double break_disk;                /* at a commit: the store takes no writes for a while */
    double stop_worker, stop_master;  /* SIGSTOP, per virtual second; SIGCONT up to three leases later */
    double jump_clock;                /* the wall clock, by up to a day, per virtual second */
    double refuse;                    /* a worker refuses a job it asked for */
};

struct rehearsal;

struct rehearsal *rehearsal_new(const struct rehearsal_options *options, struct err *err);
void rehearsal_free(struct rehearsal *r);

int rehearsal_submit(struct rehearsal *r, const char *definition, struct err *err);
/* Returns the worker's index. */
int rehearsal_add_worker(struct rehearsal *r, int slots);
void rehearsal_kill_worker(struct rehearsal *r,
                           int worker); /* a new process takes its place after a second */
void rehearsal_break_worker(struct rehearsal *r, int worker, bool broken); /* whatever it trains fails */
void rehearsal_cut_worker(struct rehearsal *r, int worker, int64_t for_ms);
bool rehearsal_was_dismissed(const struct rehearsal *r, int worker); /* told that it may leave */
void rehearsal_crash_master(struct rehearsal *r, int64_t for_ms);    /* what is not committed is gone */
void rehearsal_sleep(struct rehearsal *r,
                     int64_t for_ms); /* the whole machine: master, workers, what is under way */
void rehearsal_jump_clock(struct rehearsal *r, int64_t wall_ms); /* the wall clock alone */

/* No more faults of their own accord: the storm is over. */
void rehearsal_calm(struct rehearsal *r);

/* A CALL from outside; the answer is the caller's (msg_fini). */
void rehearsal_call(struct rehearsal *r, const char *verb, const char *args_json, struct msg *answer);

/* The master is there and well: a CALL would be answered. */
bool rehearsal_listens(const struct rehearsal *r);

/* Lets virtual time pass: at most for_ms, or until every study has ended. True: they have. */
bool rehearsal_run(struct rehearsal *r, int64_t for_ms);

/* The promises: every acknowledged (trial, attempt, epoch) is in the store, once; no attempt is open twice; every
 * edge is allowed; budgets are exact. 0, or ERR_NO with what is broken. */
int rehearsal_check(struct rehearsal *r, struct err *err);

struct reactor *rehearsal_reactor(struct rehearsal *r);
struct store *rehearsal_store(struct rehearsal *r);
int64_t rehearsal_now_ms(const struct rehearsal *r);  /* virtual, since the start */
int64_t rehearsal_fetched(const struct rehearsal *r); /* bytes of checkpoints that workers resumed from */
int64_t rehearsal_checks_run(const struct rehearsal *r);
int64_t rehearsal_epochs_run(const struct rehearsal *r); /* trained by the workers, repeats included */

#endif
