/* bayes: the sampler "gp": Gaussian process, half-rank warped scores, log expected improvement, pending
 * trials believed (Ginsbourger, Le Riche, Carraro, "Kriging is well-suited to parallelize optimization",
 * 2010).
 *
 *   fewer than max(8, d + 2) finished: points of the scrambled Halton sequence
 *   the model sees all trials, past 250 the best 125 and the newest 125
 *   on a space with finitely many points its kernel has a rough part (kernel.h), and every second trial from 20 results
 * on asks extra-trees (extra_trees.h) in its place while its foresight, the rank correlation of the scores with what each
 * would be to a process that has not seen it, is below 0.8: where it does not see the shape, it does not know either
 * where it has not looked (docs/samplers.md)
 *   the fit starts from that of the newest proposal in the history (8 steps) and, up to 100 results, from the
 * default too (40 steps): the better one is used and stored with this proposal. Past 100 results every second
 * trial is fitted
 *   it searches the box, and beyond a wall that may move as far as a result there was the best of all when it
 * came: a probe (probe.h) can be that long before the wall has moved
 *
 * A covariance that cannot be factored, or scores without any difference, fall back to a random or Halton
 * point, and the note says so. Ownership: plain values; nothing is kept between calls.
 */
#ifndef HONE_MASTER_SEARCH_BAYES_H
#define HONE_MASTER_SEARCH_BAYES_H

#include "master/search/evidence.h"
#include "master/search/sampler.h"

int bayes_startup(const struct space *space);
/* Columns of the model; beyond FIT_MAX - 3 a fit cannot be stored, and the sampler is not for it. */
int bayes_columns(const struct space *space);
enum { BAYES_TRIALS = 250 };

/* `study`: what the study says of its walls. Fills in the point and the note. False: it fell back, the note says why. */
bool bayes_point(const struct space *space, enum boundary study, const struct history *history, uint64_t seed,
                 uint32_t trial, struct point *out, struct proposal *note);

#endif
