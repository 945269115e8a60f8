/* edit: changing a study that lives: its budget, length, parallelism, priority, the limits and ranges of its axes, its
 * name. The whole definition is checked anew; every path that changed is one row (study_event), so that replay knows
 * under which definition each proposal was made (eras.h).
 *
 * Refuses: what would make old trials mean something else (metric, trainer, method, seed, parameters, choices), a name
 * that is taken, renaming while attempts run (workers know the study by its name).
 */
#ifndef HONE_MASTER_EDIT_H
#define HONE_MASTER_EDIT_H

#include "master/studies.h"

/* `sets`: "search.trials=200", NULL at the end; an empty value ("budget.wall=") takes the key away. Writes {path, before,
 * after} of what changed into `result`. An ended study goes on if its budget allows it now. */
int edit_study(struct turn *turn, struct study *study, const char *const *sets, const char *who,
               struct jw *result, struct err *err);

int edit_name(const struct studies *studies, struct turn *turn, struct study *study, const char *name,
              const char *who, struct err *err);

#endif
