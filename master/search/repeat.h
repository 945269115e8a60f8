/* repeat: one configuration as a group of trials with other seeds or folds, and the confirmation of the best.
 *
 *   "repeat": {"seeds": 3}   or   {"folds": 5}          "confirm": {"top": 5, "seeds": 2}
 *
 * A group's repeats run one after the other, and losers stop early. After j repeats (all complete) the next one starts
 * unless the group's mean is worse than M - S: M the mean and S the sample standard deviation of the best group that
 * has all its repeats (by mean; the lower number wins ties). While no group has all of them, none is stopped. A group
 * with a repeat that failed, diverged, was pruned, cancelled or deleted gets no more. Repeats go before new points.
 *
 * Confirmation keeps top x seeds trials of the budget for the end: when all others have ended, the best `top` groups by
 * mean run `seeds` more times each, whatever their rank has become meanwhile.
 *
 * Pure functions of the history, so that replay decides the same. Ownership: plain values.
 */
#ifndef HONE_MASTER_SEARCH_REPEAT_H
#define HONE_MASTER_SEARCH_REPEAT_H

#include "common/err.h"
#include "common/json.h"
#include "master/search/history.h"

enum { CONFIRM_MOST = 100 };

struct repeat_def {
    int repeats;                    /* trials of a group; 1: none of this */
    bool folds;                     /* repeat k validates on fold k */
    int confirm_top, confirm_seeds; /* 0: no confirmation */
};

/* "repeat" and "confirm" of the study file. `trials`: the study's budget, 0: not said. */
int repeat_parse(const struct jcur *root, int64_t trials, struct repeat_def *out, struct err *err);

struct repeat_job {
    uint32_t group;
    int repeat;  /* from 1 */
    double mean; /* of the group so far */
    double bar;  /* M - S; -INFINITY: no group has all its repeats */
};

/* The next repeat that may start; false: none now. */
bool repeat_next(const struct repeat_def *def, const struct history *history, struct repeat_job *out);

/* Mean of the best group that has all its repeats, maximised; -INFINITY: none has. */
double repeat_best_mean(const struct repeat_def *def, const struct history *history);

struct confirm_job {
    uint32_t group;
    int repeat; /* the first of its confirm_seeds */
    int rank;
    double mean;
};

/* The groups to run again, best first; 0: nothing to confirm. Whoever asks knows whether they have been. `out` holds
 * CONFIRM_MOST. */
int confirm_groups(const struct repeat_def *def, const struct history *history, struct confirm_job *out);

#endif
