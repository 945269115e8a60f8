/* population: the generations of population-based training (search/pbt.h). When one is over, in one turn and one
 * transaction: those that go on are let run to the next generation's end, those that give up are pruned (pbt), and their
 * children are made, each with its parent in the table trial_lineage. A child's first attempt resumes from its parent's
 * checkpoint; retention keeps that one until the child has ended. */
#ifndef HONE_MASTER_POPULATION_H
#define HONE_MASTER_POPULATION_H

#include "master/study.h"

/* True: a generation ended. */
bool population_step(struct turn *turn, struct study *study);

/* Where a trial without a checkpoint of its own begins: the newest of its parent's up to the epoch they share. ERR_GONE:
 * it has no parent, or that has none. */
int population_checkpoint(struct store *store, const struct trial *trial, struct row_checkpoint *out);

/* Who is whose parent, out of the store. */
int population_load(struct store *store, struct study *study, struct err *err);

#endif
