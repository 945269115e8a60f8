/* rungs: what a study's "prune" decides while it lives: who runs on from a rung, who is given up there, and who stops by
 * his curve. Decided in master/search (prune.h, asha.h, hyperband.h, extrapolate.h) from history and curves; here it is
 * written down and done. Part of course.h, whose course_promote, course_judge and course_verdict are here too. */
#ifndef HONE_MASTER_RUNGS_H
#define HONE_MASTER_RUNGS_H

#include "master/study.h"

/* Hyperband: those that did not make it at a decided rung are pruned. True: there were some. */
bool rungs_drop(struct turn *turn, struct study *study);

/* Hyperband: the row of a bracket whose first trial this is. */
void rungs_note_bracket(struct turn *turn, const struct trial *trial);

#endif
