/* studies: all studies of a database, in memory; by name, by age, and how one more gets in. Those that cannot be read are kept
 * apart (unreadable.h).
 *
 * Ownership: owns its studies; the proposer is borrowed.
 */
#ifndef HONE_MASTER_STUDIES_H
#define HONE_MASTER_STUDIES_H

#include "master/study.h"
#include "master/unreadable.h"

struct studies {
    struct study **all; /* by rising id; the newest last */
    size_t count, room;
    struct unreadables unreadable;
    struct proposer *proposer; /* NULL: all points are proposed on the spot */
};

/* Every study out of its rows; open attempts get a fresh lease until orphan_until_mono_ms. One that cannot be read is no
 * failure: it is set aside, and its row says so from the next commit on. */
int studies_load(struct studies *studies, struct turn *turn, int64_t orphan_until_mono_ms, struct err *err);
void studies_fini(struct studies *studies);
/* Lets models be fitted off the loop, of these and later studies. */
void studies_use_proposer(struct studies *studies, struct proposer *proposer);

/* NULL or "": the newest. NULL if there is none. */
struct study *studies_find(const struct studies *studies, const char *name);
/* Is it one that was set aside? ERR_BAD and why; 0: no. */
int studies_refuse_unreadable(const struct studies *studies, const char *name, struct err *err);
/* The one whose name is most like it; NULL: none is. */
const char *studies_nearest(const struct studies *studies, const char *name);

/* A study with nothing but its definition, of its row; the caller's. NULL: it cannot be read, and err says which column. */
struct study *study_of_row(const struct row_study *row, struct err *err);

/* A new study, under a name that is free; takes the inside of `def`. */
struct submission;
int studies_create(struct studies *studies, struct turn *turn, struct study_def *def,
                   const struct submission *how, struct study **out, struct err *err);

#endif
