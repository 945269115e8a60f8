/* pbt: population-based training (Jaderberg et al., "Population based training of neural networks", arXiv 1711.09846,
 * 2017): a population trains side by side; every `interval` epochs the worst quarter gives up, and in place of each a
 * random member of the best quarter is copied, training state and all (exploit), with other hyperparameters from there on
 * (explore). What comes out is a schedule, not a point.
 *
 *   "search": {"method": "pbt", "population": 16, "interval": 5, "epochs": 50, "explore": ["lr", "l2"]}
 *
 * A member is a line of trials: one point each, for that is what a trial is. Generation k ends at epoch k * interval, when
 * all its trials are paused there or have ended; those that go on are resumed, those that give up are pruned (pbt), and
 * each child is a new trial with a parent, which starts from the parent's checkpoint at that epoch. Trials that failed or
 * diverged give up too. All members wait for the generation's end, so the study is the same with any number of workers.
 *
 * Explore, for each parameter of `explore` on its own: with probability `resample` a new value from the box, else times
 * 0.8 or 1.2 (the odds of a logit axis; to the next value of an int or a list where that changes nothing; unordered choices
 * stay), inside the box; drawn again where a rule of "require" is broken, after 24 times the parent's own point. Quarter,
 * factors and 0.25 are those of Ray Tune and Syne Tune; the paper has a fifth.
 *
 * Pure functions of (history, seed). Refuses with path and hint: "trials" (the population says how many), no "epochs", an
 * interval beyond them, names in `explore` that are no parameters. Ownership: struct pbt is one block, freed with free(). */
#ifndef HONE_MASTER_SEARCH_PBT_H
#define HONE_MASTER_SEARCH_PBT_H

#include "master/search/sampler.h"

enum { PBT_MOST = 10000, PBT_VERSION = 1 };

struct pbt {
    int population, interval;
    double quantile, resample;
    bool explores[]; /* by parameter */
};

/* Of a search by populations; NULL: it is none. */
const struct pbt *pbt_of(const struct search_def *def);

/* The end of the first generation. */
int pbt_first_until(const struct pbt *pbt, int epochs);

/* What becomes of a member when its generation ends. */
struct pbt_fate {
    uint32_t trial;
    uint32_t parent; /* of the child that takes its place; 0: it goes on itself */
    int rank;        /* from 1, of the generation */
};

/* The fates of the generation, best first; returns how many, 0: it is not over, or was the last. `at` is the epoch at
 * which it ended, `until` where the next one will. `more`: further first trials will come. `fates` holds one for each
 * trial of the history. */
int pbt_fates(const struct pbt *pbt, const struct history *history, uint64_t seed, int epochs, bool more,
              struct pbt_fate *fates, int *at, int *until);

/* The last generation is over, or nobody is left to go on: no trial will be made any more. */
bool pbt_is_through(const struct pbt *pbt, const struct history *history, int epochs);

/* The child's point: what its parent has, explored. `out` was initialised. */
void pbt_explore(const struct pbt *pbt, const struct space *space, const struct history *history,
                 uint64_t seed, uint32_t child, const struct point *parent, struct point *out);

#endif
