/* asha: asynchronous successive halving (Li et al., "A system for massively parallel hyperparameter tuning",
 * MLSys 2020). Trials are compared at rungs, epochs r, r eta, r eta^2, ... R; the best 1 / eta of a rung go
 * on.
 *
 *   promotion  a trial pauses at a rung with its checkpoint; a free slot first resumes the best one that is
 * among the top floor(n / eta) of its rung and was not promoted yet, highest rung first, else starts a new
 * trial stopping   for trainers that cannot resume: at a rung a trial goes on only while it is among the top
 * floor(n / eta) of those that got there, all of them while n < eta
 *
 * Pure functions of the history: a rung is every trial with a score at its epoch, a promotion is an `until`
 * beyond it, so that a master that comes back decides the same. Bad trials stay members of the rung they
 * failed on the way to. Ownership: plain values.
 */
#ifndef HONE_MASTER_SEARCH_ASHA_H
#define HONE_MASTER_SEARCH_ASHA_H

#include "master/search/history.h"

enum { ASHA_RUNGS = 32 };

struct asha {
    int eta;
    int count; /* rungs, the last is the full training */
    int epochs[ASHA_RUNGS];
};

/* PRE: eta >= 2, 1 <= min_epochs <= max_epochs. The last rung is max_epochs even where eta does not lead
 * there. */
void asha_init(struct asha *asha, int eta, int min_epochs, int max_epochs);

enum asha_verdict {
    ASHA_RESUME, /* `trial` up to epoch `until` */
    ASHA_START,  /* a new trial, up to the first rung */
    ASHA_WAIT,   /* nothing may be promoted yet, and no new trial is left */
    ASHA_DROP,   /* `trial` will never be promoted (hyperband.h) */
};

struct asha_job {
    enum asha_verdict verdict;
    uint32_t trial;
    int until;
    int rung, rank, of; /* of a promotion: rank (from 1) among the `of` trials of that rung */
};

/* `kept`: what was asked before about this history (ladder.h), brought up to date; NULL: everything is sorted anew. */
struct ladder;

/* What a free slot does. */
struct asha_job asha_next(const struct asha *asha, const struct history *history, struct ladder *kept,
                          bool may_start);

/* Stopping: does the trial stop now, at epoch n? Only ever at a rung. */
bool asha_stops(const struct asha *asha, const struct history *history, struct ladder *kept, uint32_t trial,
                int epoch);

#endif
