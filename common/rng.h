/* rng: counter-based random numbers, Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers:
 * as easy as 1, 2, 3", SC 2011).
 *
 * A stream is named, not seeded: key = the study's (or trainer's) seed, counter = (trial number, hash of a
 * name, stream, draw). The same trial gets the same numbers whatever the order of workers, restarts and
 * retries, and a checkpoint stores five words to go on from exactly here.
 *
 * Refuses: global state, seeding from a clock. Ownership: plain values, copy freely.
 */
#ifndef HONE_COMMON_RNG_H
#define HONE_COMMON_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t seed;   /* key */
    uint32_t trial;  /* counter word 0 */
    uint32_t name;   /* counter word 1: hash_name() of a parameter, or any constant of the caller */
    uint32_t stream; /* counter word 2 */
    uint32_t draw;   /* counter word 3: blocks used so far */
    uint32_t block[4];
    uint32_t left; /* words of block[] not used yet */
};

/* One Philox4x32-10 block; the known answers of the paper are unit tests. */
void philox4x32_10(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4]);

struct rng rng_at(uint64_t seed, uint32_t trial, uint32_t name, uint32_t stream);

uint32_t rng_u32(struct rng *rng);
uint64_t rng_u64(struct rng *rng);
double rng_unit(struct rng *rng);                    /* [0, 1), 53 bits */
double rng_open(struct rng *rng);                    /* (0, 1), for logarithms */
uint32_t rng_below(struct rng *rng, uint32_t count); /* 0 .. count-1, unbiased; count >= 1 */
double rng_normal(struct rng *rng);                  /* mean 0, sd 1 (Box-Muller, two words pairs a draw) */
void rng_shuffle(struct rng *rng, uint32_t *items, size_t count);

#endif
