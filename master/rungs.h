/* rungs: what a study's "prune" decides while it lives: who runs on from a rung, who is given up there, and who stops by
 * his curve. Decided in master/search (prune.h, asha.h, hyperband.h, extrapolate.h) from history and curves; here it is
 * written down and done. */
#ifndef HONE_MASTER_RUNGS_H
#define HONE_MASTER_RUNGS_H

#include "master/study.h"

/* The best paused trial that may run on, moved to waiting; NULL: none. */
struct trial *rungs_promote(struct turn *turn, struct study *study);
bool rungs_has_promotion(const struct study *study);

/* Hyperband: those that did not make it at a decided rung are pruned. True: there were some. */
bool rungs_drop(struct turn *turn, struct study *study);

/* After an epoch: the pruner's word on this trial. */
void rungs_judge(struct turn *turn, struct trial *trial);

/* ---- for replay, which decides the same again ---- */

/* What a trial is judged by. */
struct judged_by {
    const struct study_def *def;
    const struct history *history;
    struct ladder *ladder; /* as asha_next has it */
    const struct finished *finished;
};

/* A trial's curve as pruners want it: more is better. `turned` owns it where it had to be turned over. */
struct curve rungs_curve(const struct study_def *def, const struct trial *trial, int epochs,
                         struct str *turned);
/* Which rule stops a trial at the end of this curve; NULL: none. */
const char *rungs_verdict(const struct judged_by *by, uint32_t trial, struct curve mine);
/* One more that is complete. */
void rungs_finished(const struct study_def *def, const struct trial *trial, uint64_t since,
                    struct finished *finished);

#endif
