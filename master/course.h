/* course: where a study searches today and how far its trials are let run. It looks at the walls every few results,
 * ends stages, lets the best of a stage run on and gives up the rest; each decision is a box or a box_event row with
 * its evidence, told in the log as it happens, and what samplers see of it comes from those rows alone.
 *
 * All of it is decided in master/search (stages.h, walls.h) from the history; this only writes it down and acts. */
#ifndef HONE_MASTER_COURSE_H
#define HONE_MASTER_COURSE_H

#include "master/study.h"
#include "sql/store_load.h"

/* After a turn's results: looks, and ends the stage if it is over. True: something changed (ask again for points). */
bool course_step(struct turn *turn, struct study *study);

/* A box row read back at start. 0, or ERR_BAD if it does not fit the space. */
int course_load_box(struct study *study, const struct row_log *row);

/* `hone approve`: moves the walls that wait for it (param NULL or "": all). Returns how many. */
int course_approve(struct turn *turn, struct study *study, const char *param, const char *who);

/* `hone edit` of a range: the walls of those parameters go to the new range's ends; of limits: not beyond them. */
void course_ranges_changed(struct turn *turn, struct study *study, const struct space *before);

/* ---- for replay, which decides the same again ---- */

void course_follow_ranges(const struct space *before, const struct space *after, struct box *box);
void course_widen(const struct param *param, const char *side, double low, double high, struct span *wall);

#endif
