/* history: the trials of a study as samplers, stages and pruners see them.
 *
 * One entry per trial, with the log of what became known of it and when: every change carries the `seq` of
 * its row (trial_event and epoch share one counter), so that the study as it stood at any seq can be shown
 * again (history_as_of) and a proposal be recomputed. Scores are *always maximised* in here: the caller flips
 * the sign of a metric that is minimised. A failed or diverged trial is HISTORY_BAD with score -INFINITY: it
 * is data, it repels, it is never dropped.
 *
 * Refuses (PRE, our own bug): a trial added twice, an update of an unknown trial, a NaN score, seq running
 * backwards within a trial.
 * Ownership: the history owns copies of its points and logs, except a view made by history_as_of, which
 * borrows them and must not outlive (or survive a change of) its source. Entries move when one is added: keep
 * trial numbers, not pointers.
 */
#ifndef HONE_MASTER_SEARCH_HISTORY_H
#define HONE_MASTER_SEARCH_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "master/search/box.h"
#include "master/search/pareto.h"
#include "master/search/point.h"

enum { HISTORY_MORE = PARETO_MAX - 1 }; /* metrics beyond the first */
enum { HISTORY_CHANGED = 256 };         /* changes that are remembered */

enum history_state {
    HISTORY_PENDING, /* proposed, waiting, running or paused */
    HISTORY_SCORED,  /* final, with a score: complete, or pruned after at least one epoch */
    HISTORY_BAD,     /* final, failed or diverged: the worst */
    HISTORY_GONE,    /* cancelled: no evidence, but its point counts as seen */
};

/* What was known of a trial from this seq on. One for each epoch of each trial: its size (24 bytes) is the master's. */
struct history_step {
    uint64_t seq : 61;
    uint64_t state : 2; /* enum history_state */
    uint64_t pruned : 1;
    double score; /* the study's score over those epochs; -INFINITY: none yet, or bad */
    int epochs;   /* epochs done */
    int until;    /* epoch its job stops after; 0: not told */
};

struct entry {
    uint32_t trial; /* its number in the study, from 1 */
    uint32_t group; /* trials of one group share a point (repeats) */
    struct point point;
    uint64_t hash; /* of the point */
    uint64_t
        chain; /* of this and all entries before it: has the history only grown since a cache was made? */
    uint64_t added;           /* seq of the row that made it */
    enum history_state state; /* the newest step: */
    bool pruned;
    int epochs, until;
    double score, more[HISTORY_MORE]; /* more: its further metrics at the score's epoch, maximised too */
    uint64_t seq;                     /* of the newest step; `added` while there is none */
    struct history_step *log;
    double (*log_more)[HISTORY_MORE]; /* as long; NULL in a lean history */
    size_t log_count, log_room;
    double *fit; /* what a model's fit ended in when it proposed this trial; NULL: no model */
    int fit_count;
};

/* Where the study searched from this seq on: a wall moved, or a stage began. */
struct history_box {
    uint64_t seq;
    int stage;   /* from 0; always 0 where there are no stages */
    int carried; /* trials of earlier stages that count among this one's */
    struct box box;
};

struct history {
    struct entry *entries; /* by rising trial number */
    size_t count, room;
    struct history_box *boxes; /* by rising seq; none: the space's own box */
    size_t box_count, box_room;
    size_t finished; /* entries that are final, with evidence: asked for every turn of a master */
    size_t over;     /* the first so many entries are not pending, the next one is, if there is one */
    uint64_t seq;    /* the newest it has seen */
    /* Who was added, updated or removed: caches follow it. Change c (from 0) is in changed[c % HISTORY_CHANGED]. */
    uint64_t changes;
    uint32_t changed[HISTORY_CHANGED];
    /* Keeps of a trial's log what entry_score_at can be asked for, and nothing for history_as_of: a step for each score,
     * however often its epochs are said again. What a master lives with; set it while the history is empty. */
    bool is_lean;
    bool is_borrowed; /* a view */
};

void history_fini(struct history *history); /* fine on {0}, which is an empty history */

/* Evidence of another study, known before trial 1 (seq 0): numbers of its own, before all others. No stage, rung or
 * budget counts it. */
#define HISTORY_WARM 0x80000000u
static inline bool entry_is_warm(const struct entry *entry)
{
    return entry->trial & HISTORY_WARM;
}

/* A new trial, pending; copies the point and the fit (NULL, 0: none). */
void history_add(struct history *history, uint32_t trial, uint32_t group, const struct point *point,
                 const double *fit, int fit_count, uint64_t seq);
/* An epoch report or an end: state and score from `seq` on. BAD makes the score -INFINITY. */
void history_update(struct history *history, uint32_t trial, enum history_state state, bool pruned,
                    int epochs, double score, uint64_t seq);
/* What its newest update says of further metrics; those a study does not have are 0. */
void history_set_more(struct history *history, uint32_t trial, const double more[HISTORY_MORE]);
/* Its job now stops after epoch `until`: dispatched to a first rung, promoted to the next. */
void history_set_until(struct history *history, uint32_t trial, int until, uint64_t seq);
/* The box changed; copies it. */
void history_set_box(struct history *history, const struct space *space, const struct box *box, int stage,
                     int carried, uint64_t seq);
/* The newest; NULL: the space's own. Borrowed. */
const struct history_box *history_box(const struct history *history);
/* A copy of today's box for the caller to keep, the space's own if there is none. */
void history_box_clone(const struct history *history, const struct space *space, struct box *out);
/* NULL: no such trial. Borrowed until the next history_add. */
const struct entry *history_find(const struct history *history, uint32_t trial);
/* Takes a trial out, as `hone delete` does. */
void history_remove(struct history *history, uint32_t trial);

/* The history as it stood when `seq` was the newest row; a view, freed with history_fini. PRE: it is not lean. */
void history_as_of(const struct history *history, uint64_t seq, struct history *view);
/* In a view: an entry with the first so many steps of its log, put there if it is new. */
void history_show(struct history *view, const struct entry *entry, size_t steps);

/* Is this point among the trials, whatever became of them? */
bool history_has_point(const struct history *history, const struct point *point);

/* Score over the first `epochs` epochs: that of the newest step with at most that many, if the trial has gone
 * at least that far. False: it has not. Bad trials have -INFINITY at every epoch they did not pass, unless they were tried
 * again. */
bool entry_score_at(const struct entry *entry, int epochs, double *score);

/* Done with what it was asked for and not over: it waits at a rung (or a stage's end) with a score. */
bool entry_is_paused(const struct entry *entry);

/* Trials stop and go on: some trial waits like that, or was let run on. */
bool history_has_rungs(const struct history *history);

/* Final trials with evidence (scored or bad). */
size_t history_finished(const struct history *history);
/* The same and those that are paused: what samplers can learn from. */
size_t history_results(const struct history *history);
size_t history_pending(const struct history *history);

#endif
