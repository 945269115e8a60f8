/* extra: a configuration trained again with other seeds, for an ensemble (`hone ensemble --seeds 5`). Such a trial is one
 * of its group (same point, other seed), numbered like any other and marked by its sampler, "seeds". It is no part of
 * the search: outside every budget and count, never the best, no evidence for samplers, walls and pruners (it is not in
 * the history), and a study that has ended stays ended while it trains. `hone stop` ends it too.
 *
 * It runs the whole training, whatever stages and rungs the search has. Its repeat number begins beyond those that
 * "repeat" and "confirm" can reach, so that the two never train the same seed. */
#ifndef HONE_MASTER_EXTRA_H
#define HONE_MASTER_EXTRA_H

#include "master/study.h"

#define EXTRA_SAMPLER "seeds"

enum { EXTRA_REPEAT = 10000, EXTRA_MOST = 1000 };

/* Makes waiting trials until the group of `trial` has `seeds` trials besides its first that are complete or under way;
 * those of "repeat" and "confirm" count. *added: how many are new. ERR_NO: the trial cannot be trained again. */
int extra_add(struct turn *turn, const struct trial *trial, int seeds, const char *who, int *added,
              struct err *err);

/* The user stops the study: those that wait are cancelled, those that run stop after their epoch. */
void extra_stop(struct turn *turn, struct study *study);

#endif
