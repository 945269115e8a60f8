/* past: a study as its rows have it, rebuilt to be looked at: history, curves, counters; nobody works on it and nothing
 * is written. For replay, importance and simulations against what was found.
 *
 * Ownership: the study is the caller's, study_free. The store may be closed meanwhile. */
#ifndef HONE_MASTER_PAST_H
#define HONE_MASTER_PAST_H

#include "master/study.h"

/* `name` NULL or "": the newest. ERR_GONE: there is none. `definition` (NULL: not wanted) is the caller's to free. */
int past_study(struct store *store, const char *name, struct study **out, char **definition, struct err *err);

#endif
