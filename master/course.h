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

/* The epoch after which the new trial of this number is looked at first: the stage's, rung's or generation's, else the
 * full length. */
int course_until(const struct study *study, uint32_t trial);

/* A paused trial may run on to this epoch. `why`: more of the event's JSON, from the comma on. */
void course_let_run(struct turn *turn, struct trial *trial, int until, const char *why);

/* Rungs: the best paused trial that may run on, moved to waiting; NULL: none. */
struct trial *course_promote(struct turn *turn, struct study *study);
bool course_has_promotion(const struct study *study);

/* After an epoch: the pruner's word on this trial. */
void course_judge(struct turn *turn, struct trial *trial);

/* A box row read back at start. 0, or ERR_BAD if it does not fit the space. */
int course_load_box(struct study *study, const struct row_log *row);

/* `hone approve`: moves the walls that wait for it (param NULL or "": all). Returns how many. */
int course_approve(struct turn *turn, struct study *study, const char *param, const char *who);

/* `hone edit` of a range: the walls of those parameters go to the new range's ends. */
void course_ranges_changed(struct turn *turn, struct study *study, const struct space *before);

/* ---- for replay, which decides the same again ---- */

/* A trial's curve as pruners want it: more is better. */
struct curve course_curve(const struct study_def *def, const struct trial *trial, int epochs,
                          struct str *turned);
/* Which rule stops a trial at the end of this curve; NULL: none. `finished` are curves of complete trials. */
const char *course_verdict(const struct study_def *def, const struct history *history, struct ladder *kept,
                           uint32_t trial, struct curve mine, const struct curve *finished, int count);
void course_follow_ranges(const struct space *before, const struct space *after, struct box *box);
void course_widen(const struct param *param, const char *side, double low, double high, struct span *wall);

#endif
