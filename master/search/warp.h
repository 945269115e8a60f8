/* warp: scores -> what a Gaussian process is fitted to. Half-rank: the better half keeps its values, the
 * worse half is replaced by normal quantiles of its ranks, so that how bad the bad ones are is nothing to the
 * model; then mean 0 and sd 1. Bad trials lie above all others by half the range plus one: they repel, they
 * are data. (The half-rank warp of Vizier's Gaussian process, Song et al. 2024, arXiv 2408.11527, here for
 * minimisation.)
 *
 * Refuses (returns false): fewer than two different scores. Ownership: the caller's arrays. */
#ifndef HONE_MASTER_SEARCH_WARP_H
#define HONE_MASTER_SEARCH_WARP_H

#include <stdbool.h>

/* Of more than twice as many results only so many, the best, keep their values: where most of the later points are far from
 * the valley that the search is in, the better half reaches far up its walls, and the floor of it has no scale left. */
enum { WARP_KEPT = 60 };

/* Half-rank alone, of values to be minimised; NaN-free. */
void warp_half_rank(const double *y, int n, double *out);

/* score[i] maximised, -INFINITY bad -> out[i] minimised. */
bool warp_scores(const double *score, int n, double *out);

#endif
