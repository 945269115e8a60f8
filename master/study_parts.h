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

/* A trial that begins at the checkpoint of another and runs to epoch `until`. */
struct trial *study_add_child(struct turn *turn, struct study *study, const struct point *point,
                              const struct proposal *note, int until);

struct trial *study_trial_of_id(const struct study *study, int64_t id); /* of its row; NULL: none */

/* Has the budget room for another point, and the sampler one left? */
bool study_may_sample(const struct study *study);
/* Is a configuration to be run again with another seed? */
bool study_repeat_is_due(const struct study *study);
/* All of "confirm" at once, when everything else has ended. True: there is something to do again. */
bool study_confirm(struct turn *turn, struct study *study);

#endif
