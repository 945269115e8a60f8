/* trial: one point of the space being trained, and the only code that changes its status.
 *
 * Persistent fields (the row) come first; what follows lives in memory alone and is rebuilt after a restart. The
 * lease is in memory too: a trial whose newest attempt is open has a holder (a worker that shows signs of life) or,
 * after a restart of the master, an orphan deadline until its worker comes back.
 *
 * An attempt is fenced when a later attempt is dispatched, not when its lease runs out: until then the trial keeps
 * its number and token, and late reports reinstate it (house contract *Leases*).
 *
 * Ownership: a study owns its trials; holder is borrowed from the roster.
 */
#ifndef HONE_MASTER_TRIAL_H
#define HONE_MASTER_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/trial_status.h"
#include "master/search/history.h"
#include "master/turn.h"

struct study;
struct worker;

enum stop_when { STOP_NO, STOP_EPOCH, STOP_NOW };

/* The training loss as reports told it, for findings.h. */
struct losses {
    int epoch, run; /* the newest, and how many in a row end there */
    double first;   /* of epoch 1 */
    double last[4]; /* the newest last */
    bool is_told;
};

struct trial {
    /* the row */
    int64_t id;
    uint32_t number, group;
    int repeat;
    enum trial_status status;
    char cause[33];
    struct point point;
    uint64_t seed;
    int attempt; /* newest, 0: none yet */
    char token[HASH_HEX];
    int until, epochs;
    int last_epoch; /* newest epoch with a row */
    int best_epoch; /* 0: no score */
    double score;   /* NaN: none */
    int own_failures, lost_on;
    int64_t created_ms, started_ms, ended_ms;
    bool is_deleted; /* hidden: no evidence, never the best */
    /* It began at this trial's checkpoint (population-based training); 0: at its own start. */
    uint32_t parent;
    int parent_epoch;
    uint32_t replaced; /* the trial whose place it took */
    bool confirms;     /* a repeat at the end, of one of the best groups */
    bool is_extra;     /* trained for an ensemble: no part of the search (extra.h) */
    char *fit;         /* JSON of the model's fit behind the proposal; NULL: none */

    /* memory */
    struct study *study;
    double *curve; /* the metric after epoch i+1; NaN: diverged or never reported */
    size_t curve_room;
    double (*more_curve)[HISTORY_MORE]; /* further metrics, as long; NULL: the study has none */
    double more[HISTORY_MORE];          /* at best_epoch; NaN: none */
    unsigned more_seen;                 /* bit k: some report held further metric k */
    bool is_open;                       /* the newest attempt has no outcome yet */
    struct worker *holder;              /* NULL: nobody, or its worker has not come back yet */
    int64_t orphan_until_mono_ms;
    int64_t attempt_started_ms; /* wall clock */
    int64_t failed_on;          /* worker of the last attempt that failed: another one tries next */
    int64_t wait_until_mono_ms; /* its checkpoint is on the way here: not dispatched before */
    struct losses losses;
    enum stop_when stopping;
    char stop_reason[33];
    struct trial *queue_prev, *queue_next; /* the study's waiting list */
};

/* Changes the status along an allowed edge: row, event, counters, waiting list. The only writer of trial->status.
 * `detail` is JSON for the event or NULL. PRE: the edge is in trial_status.def. */
void trial_move(struct turn *turn, struct trial *trial, enum trial_status to, const char *cause,
                const char *detail);

/* A paused trial may run on to this epoch. `why`: more of the event's JSON, from the comma on. */
void trial_let_run(struct turn *turn, struct trial *trial, int until, const char *why);

/* After search.epochs grew: a trial that has not begun, or is through with the shorter training, runs up to the new
 * length. Nothing otherwise. */
void trial_lengthen(struct turn *turn, struct trial *trial);

/* Asks the holder of an open attempt to stop; kept and repeated when its worker comes back. */
void trial_stop(struct turn *turn, struct trial *trial, enum stop_when when, const char *reason);

/* `hone delete`: a trial that has not ended is cancelled first; samplers and people see it no more. */
void trial_delete(struct turn *turn, struct trial *trial);

/* An epoch as a report tells it. */
struct epoch_told {
    int epoch;
    double value;   /* of the metric; NaN: diverged */
    double seconds; /* what the epoch took */
    const struct row_metric *metrics;
    int metric_count;
};
/* Takes it into curve, score and rows. False: that (trial, attempt, epoch) was there already. */
bool trial_take_epoch(struct turn *turn, struct trial *trial, const struct epoch_told *told);

/* What the samplers learn of a trial in its present state, as of this seq. */
void trial_tell_history(struct trial *trial, uint64_t seq);

/* Score and best epoch anew from the curve (another attempt may have replaced epochs). */
void trial_rescore(struct trial *trial);

/* Curve only; used while loading. `more`: HISTORY_MORE numbers. */
void trial_note_epoch(struct trial *trial, int epoch, double value, const double *more);
void trial_save_progress(struct turn *turn, const struct trial *trial);

#endif
