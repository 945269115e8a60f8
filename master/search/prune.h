/* prune: which trials are not worth more epochs, from their curves. Pure: curves in, verdict out.
 *
 *   "prune": {"method": "asha", "eta": 3, "min_epochs": 1, "variant": "promotion"}
 *   "prune": {"method": "median", "grace_epochs": 1, "grace_trials": 5}
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
#include "master/search/asha.h"

enum prune_method { PRUNE_NONE, PRUNE_MEDIAN, PRUNE_ASHA };

struct prune_def {
    enum prune_method method;
    struct asha asha; /* of PRUNE_ASHA */
    bool promotes;    /* of PRUNE_ASHA: pause and resume, else stop */
    int grace_epochs; /* of PRUNE_MEDIAN: never before this epoch is done */
    int grace_trials; /* finished trials needed */
    bool has_threshold;
    double below; /* in the metric's own sense: less is bad where it is maximised, more where minimised */
    int after;
};

/* The study's "prune" object, absent: none. `epochs`: of a full training. */
int prune_parse(const struct jcur *cur, int epochs, struct prune_def *out, struct err *err);

/* The metric after epochs 1 .. count, maximised. */
struct curve {
    const double *value;
    int count;
};

/* Mean of the first `epoch` values; false: it has fewer, or one that is not finite. */
bool curve_running_mean(struct curve curve, int epoch, double *mean);
double curve_best(struct curve curve, int epoch); /* -INFINITY: none */

/* Does `mine`, at its newest epoch, stop? `finished`: curves of complete trials. */
bool median_stops(const struct prune_def *def, const struct curve *finished, int count, struct curve mine);
/* `below` already maximised by the caller. */
bool threshold_stops(const struct prune_def *def, double below, struct curve mine);

#endif
