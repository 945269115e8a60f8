/* design: low-discrepancy and stratified numbers, one coordinate at a time: (seed, axis, key, index) -> u in
 * [0, 1).
 *
 * `axis` is the parameter's position in the space (it picks the prime or the polynomial), `key` its name's
 * hash (it keys the scrambling), `index` which point. Nothing is kept between calls and nothing has to be
 * asked in order.
 *
 *   scrambled Halton  an independent random permutation for every prime and digit level. Any number of
 * points, can be extended, needs no table: the default start of every study. Best up to 20 axes. Halton 1960;
 * random digit permutations: Owen, "A randomized Halton algorithm in R", 2017. scrambled Sobol   Joe-Kuo
 * directions (S. Joe, F. Kuo, "Constructing Sobol sequences with better two-dimensional projections", SIAM J.
 * Sci. Comput. 30, 2008), random lower-triangular matrix and digital shift (Matousek 1998). Best with 2^m
 * points. Axes beyond the table get random numbers. Latin hypercube   each of n strata of each axis exactly
 * once (McKay, Beckman, Conover 1979).
 *
 * Refuses nothing: every index below 2^32 and every axis has an answer. Ownership: plain values.
 */
#ifndef HONE_MASTER_SEARCH_DESIGN_H
#define HONE_MASTER_SEARCH_DESIGN_H

#include <stdint.h>

#include "master/search/history.h"
#include "master/search/sampler.h"

enum { HALTON_AXES = 100, SOBOL_AXES = 21 };

double halton_unit(uint64_t seed, int axis, uint32_t key, uint32_t index);
double halton_plain(int axis, uint32_t index); /* without scrambling: for its oracle; index 0 is 0 */
double sobol_unit(uint64_t seed, int axis, uint32_t key, uint32_t index);
double sobol_plain(int axis, uint32_t index);
/* Stratum of point `index` of a design of n: index / n is the round, each round a new design. */
double latin_unit(uint64_t seed, uint32_t key, uint32_t n, uint32_t index);

/* One coordinate function -> a point of the space, inside the history's box. */
typedef double design_unit(uint64_t seed, int axis, uint32_t key, uint32_t index);
void design_point(const struct space *space, const struct history *history, design_unit *unit, uint64_t seed,
                  uint32_t index, struct point *out);

/* On a space with finitely many points a design's point may be one that some trial has: then a random one
 * that is new, and the note says so. ERR_GONE: there is none. */
int design_settle(const struct space *space, const struct history *history, uint64_t seed, uint32_t trial,
                  struct point *out, struct proposal *note, struct err *err);

#endif
