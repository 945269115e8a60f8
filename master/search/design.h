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

/* A method's point number `index` from its own sequence. */
typedef void design_make(const struct sampler *sampler, const struct history *history, uint64_t seed,
                         uint32_t index, struct point *out);
struct sequence {
    design_make *make;
    uint64_t seed;
    uint32_t first; /* index of the first point */
};
/* Point number `nth` (counted from 0) of those of a sequence that keep the rules of the space; without rules that is
 * point first + nth. So a design skips what breaks a rule, and still depends on trial numbers alone. After
 * DESIGN_RUN that break one in a row, the run has none and false comes back: `out` breaks a rule. */
enum { DESIGN_RUN = 200 };
bool design_nth(struct sampler *sampler, const struct history *history, const struct sequence *sequence,
                uint32_t nth, struct point *out);
/* design_nth for the trial's number, a random point where a run has none, and design_settle. The note has its `why`. */
int design_propose(struct sampler *sampler, const struct history *history, const struct sequence *sequence,
                   uint32_t trial, struct point *out, struct proposal *note, struct err *err);

/* A random point that keeps the rules, where the method had none; the note says so, and why. */
int design_instead(const struct sampler *sampler, const struct history *history, uint32_t trial,
                   const char *reason, struct point *out, struct proposal *note, struct err *err);

/* The design's run had no point that keeps the rules. */
int design_without(const struct sampler *sampler, const struct history *history, uint32_t trial,
                   struct point *out, struct proposal *note, struct err *err);

/* On a space with finitely many points a design's point may be one that some trial has: then a random one
 * that is new, and the note says so. ERR_GONE: there is none. */
int design_settle(const struct space *space, const struct history *history, uint64_t seed, uint32_t trial,
                  struct point *out, struct proposal *note, struct err *err);

#endif
