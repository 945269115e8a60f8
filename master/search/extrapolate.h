/* extrapolate: how probable is it that a training ends above a value, from its curve so far? (The rule of Domhan,
 * Springenberg, Hutter, "Speeding up automatic hyperparameter optimization of deep neural networks by extrapolation of
 * learning curves", IJCAI 2015; the three families that LC-PFN kept of its eleven, Adriaensen et al., NeurIPS 2023.)
 *
 *   y(t) = c - a g(t), a >= 0, with  g = t^-alpha   g = 1 / ln(t + 1)   g = exp(-k t^delta)
 *
 * alpha, k and delta lie on a grid, so that each fit is a straight line by least squares, exact and without a start that
 * could be wrong; families weigh the same before, members by exp(-AIC / 2) after. A residual bootstrap (draw a member,
 * residuals with replacement, fit again, one residual more for the noise of the last epoch) gives the distribution of
 * the last value. Pure: the same curve and numbers give the same answer; some tenths of a millisecond.
 *
 * Refuses nothing: fewer than 4 epochs, or values that are not finite, are worth 1 (let it run). Ownership: borrowed. */
#ifndef HONE_MASTER_SEARCH_EXTRAPOLATE_H
#define HONE_MASTER_SEARCH_EXTRAPOLATE_H

#include "common/rng.h"
#include "master/search/prune.h"

enum { EXTRAPOLATE_LEAST = 4 };

/* Of a value above `bar` at epoch `epochs`, the score being the best of the curve (else its last value). */
double curve_chance(struct curve curve, int epochs, double bar, bool score_last, struct rng *rng);

/* Does `mine` stop at its newest epoch: is its chance to end above the best of the finished below def->chance? */
bool curve_stops(const struct prune_def *def, const struct finished *finished, struct curve mine, int epochs,
                 bool score_last, struct rng *rng);

#endif
