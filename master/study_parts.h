/* study_parts: what the files of a study need of each other and show to nobody else. They stand on one another:
 *
 *   study_end → study_next → study_add → study     what ends, what starts next, what is new, what there is
 *   study_create → study_add, study_load → study   out of a study file, out of rows
 */
#ifndef HONE_MASTER_STUDY_PARTS_H
#define HONE_MASTER_STUDY_PARTS_H

#include "master/study.h"

/* The next number, in memory alone; the study owns it. */
struct trial *study_add_trial(struct study *study);

/* Trials that may still be made, those kept for the confirmation apart. */
bool study_has_room(const struct study *study);
/* Is a configuration to be run again with another seed? */
bool study_repeat_is_due(const struct study *study);
/* All of "confirm" at once, when everything else has ended. True: there is something to do again. */
bool study_confirm(struct turn *turn, struct study *study);

#endif
