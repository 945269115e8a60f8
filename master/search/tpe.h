/* tpe: the tree-structured Parzen estimator, multivariate, with the constant liar (Bergstra, Bardenet,
 * Bengio, Kegl, "Algorithms for hyper-parameter optimization", NIPS 2011; the estimator of Optuna 5).
 *
 *   fewer than 10 finished: points of the scrambled Halton sequence
 *   split: the best min(ceil(n / 10), 25) are `below`, the rest and every pending trial `above`
 *   with several metrics the best are those of the lower Pareto rank, and of the front that is cut those that cover most
 *   (Ozaki, Tanigaki, Watanabe, Onishi, "Multiobjective tree-structured Parzen estimator", GECCO 2020), and each parameter is
 *   drawn by itself, 24 times: the good points are spread along a front, so what is good of one parameter says little of the
 *   others, and a joint density takes their combinations for evidence (docs/samplers.md: figures; Optuna 5 does so, too)
 *   draw 24 points from the density of `below`, propose the one with the largest log l(x) - log g(x)
 *   with or_zero, whether a value is zero is decided by the draw that is best when the places of those that are not zero are
 *   left out: few points make sharp peaks in a density, and a zero, which has none, would hardly ever win against one
 *
 * Parameters under the same conditions form a group with densities of its own, from the trials in which it
 * was active; groups are drawn parents first. Past 4,000 finished trials the model sees the best 2,000 and
 * the newest 2,000 and says so. On a discrete space a point that is there already is drawn again. Ownership:
 * plain values; between calls an atlas of the points is kept.
 */
#ifndef HONE_MASTER_SEARCH_TPE_H
#define HONE_MASTER_SEARCH_TPE_H

#include "master/search/atlas.h"
#include "master/search/evidence.h"
#include "master/search/sampler.h"

enum { TPE_STARTUP = 10, TPE_DRAWS = 24 };

int tpe_below(int finished); /* size of the better group */

/* Proposes inside the history's box, from at least one finished trial; the atlas has followed the history. False: what it draws breaks a rule of the space
 * every time. */
bool tpe_point(struct atlas *atlas, const struct history *history, int metrics, uint64_t seed, uint32_t trial,
               struct point *out, struct proposal *note);

#endif
