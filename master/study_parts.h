/* study_parts: what the files of a study (study, study_load, study_next, study_end) need of each other and show to
 * nobody else.
 */
#ifndef HONE_MASTER_STUDY_PARTS_H
#define HONE_MASTER_STUDY_PARTS_H

#include "master/study.h"

/* The next number, in memory alone; the study owns it. */
struct trial *study_add_trial(struct study *study);

/* "enqueue" of the study file, as trials that wait. */
void study_add_file_points(struct turn *turn, struct study *study);

/* Has the budget room for another point, and the sampler one left? */
bool study_may_sample(const struct study *study);
/* Is a configuration to be run again with another seed? */
bool study_repeat_is_due(const struct study *study);
/* All of "confirm" at once, when everything else has ended. True: there is something to do again. */
bool study_confirm(struct turn *turn, struct study *study);

#endif
