/* warm: what a study knows before its first trial.
 *
 *   "warm_start": {"study": "mnist-small", "db": "older.db"}     db left out: the same database
 *
 * When a study is submitted, the finished trials of the other one are copied into its rows: complete and pruned ones
 * with their score, failed and diverged ones as bad. Samplers see them as evidence of seq 0. Refuses: another metric
 * or goal, a study of which no trial fits the space. Single trials that do not fit (a value the axis cannot take, a rule of
 * "require" that is broken) are left out and counted.
 */
#ifndef HONE_MASTER_WARM_H
#define HONE_MASTER_WARM_H

#include "master/study.h"

struct warm;

/* At submission, before the study is a row: what "warm_start" names; *out NULL if it names nothing. */
int warm_read(struct turn *turn, const struct study *study, struct warm **out, struct err *err);
/* After: copies it into the study's rows and history. NULL is fine. */
int warm_write(struct turn *turn, struct study *study, const struct warm *warm, struct err *err);
void warm_free(struct warm *warm);

/* The rows, into the study's history. PRE: no trial is in it yet. */
int warm_load(struct store *store, struct study *study, struct err *err);

#endif
