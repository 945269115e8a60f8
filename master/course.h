/* course: where a study searches today and how far its trials are let run. It looks at the walls every few results,
 * ends stages, lets the best of a stage run on and gives up the rest; each decision is a box or a box_event row with
 * its evidence, told in the log as it happens, and what samplers see of it comes from those rows alone.
 *
 * All of it is decided in master/search (stages.h, walls.h) from the history; this only writes it down and acts. */
#ifndef HONE_MASTER_COURSE_H
#define HONE_MASTER_COURSE_H

#include "master/study.h"

/* After a turn's results: looks, and ends the stage if it is over. True: something changed (ask again for points). */
bool course_step(struct turn *turn, struct study *study);

/* The epoch after which a newly sampled trial is looked at again: the stage's, else the full length. */
int course_until(const struct study *study);

/* ASHA by promotion: the best paused trial that may run on, moved to waiting; NULL: none. */
struct trial *course_promote(struct turn *turn, struct study *study);
bool course_has_promotion(const struct study *study);

/* After an epoch: the pruner's word on this trial. */
void course_judge(struct turn *turn, struct trial *trial);

/* A box row read back at start. 0, or ERR_BAD if it does not fit the space. */
int course_load_box(struct study *study, const struct row_log *row);

/* `hone approve`: moves the walls that wait for it (param NULL or "": all). Returns how many. */
int course_approve(struct turn *turn, struct study *study, const char *param);

#endif
