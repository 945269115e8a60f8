/* prune: which trials are not worth more epochs, from their curves. Pure: curves in, verdict out.
 *
 *   "prune": {"method": "asha", "eta": 3, "min_epochs": 1, "variant": "promotion"}
 *   "prune": {"method": "median", "grace_epochs": 1, "grace_trials": 5}
 *   "prune": {"method": "hyperband", "eta": 3, "min_epochs": 1}
 *   "prune": {"method": "curve", "chance": 0.05, "grace_epochs": 4, "grace_trials": 1}
 *   "prune": {"method": "none", "below": 0.15, "after": 3}
 *
 * median: stop where the best so far is worse than the median of the finished trials' running averages up to
 * this epoch (Golovin et al., "Google Vizier", KDD 2017; the running average as Vizier has it). threshold
 * ("below", "after", with any method): stop from epoch `after` on where the best so far does not reach
 * `below`: no better than chance. NaN and infinities are never pruned here: they end a trial as diverged.
 *
 * Refuses with path and hint: unknown methods and keys, eta < 2, min_epochs beyond the full training.
 * Ownership: plain values; curves are borrowed.
 */
#ifndef HONE_MASTER_SEARCH_PRUNE_H
#define HONE_MASTER_SEARCH_PRUNE_H

#include <stdbool.h>

#include "common/err.h"
#include "common/json.h"
#include "master/search/curves.h"
#include "master/search/hyperband.h"

enum prune_method { PRUNE_NONE, PRUNE_MEDIAN, PRUNE_ASHA, PRUNE_HYPERBAND, PRUNE_CURVE };

struct prune_def {
    enum prune_method method;
    struct asha asha; /* of PRUNE_ASHA */
    struct hyperband hyperband;
    bool
        promotes; /* trials pause at rungs and are resumed: PRUNE_HYPERBAND, and PRUNE_ASHA unless it stops them */
    int grace_epochs; /* of PRUNE_MEDIAN and PRUNE_CURVE: never before this epoch is done */
    int grace_trials; /* finished trials needed */
    double chance;    /* of PRUNE_CURVE: less than this to beat the best is not worth the rest */
    bool has_threshold;
    double below; /* in the metric's own sense: less is bad where it is maximised, more where minimised */
    int after;
};

/* The study's "prune" object, absent: none. `epochs`: of a full training. */
int prune_parse(const struct jcur *cur, int epochs, struct prune_def *out, struct err *err);

/* ---- rungs ---- */

/* One in so many trials reaches the last rung where only the best of each go on: with fewer none is trained in full. 1
 * without such rungs; brackets (hyperband) see to it themselves. */
int64_t prune_one_in(const struct prune_def *def);
/* The epoch after which a new trial of this number is looked at first; `epochs` where there are no rungs. */
int prune_first_until(const struct prune_def *def, uint32_t trial, int epochs);
/* What a free slot resumes (ASHA_RESUME), else ASHA_WAIT. `kept`: as asha_next has it. `more`: further trials will come. */
struct asha_job prune_next(const struct prune_def *def, const struct history *history, struct ladder *kept,
                           bool more);

/* Does `mine`, at its newest epoch, stop? */
bool median_stops(const struct prune_def *def, const struct finished *finished, struct curve mine);
/* `below` already maximised by the caller. */
bool threshold_stops(const struct prune_def *def, double below, struct curve mine);

#endif
