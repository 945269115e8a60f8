#include "common/rng.h"

#include <math.h>

#include "common/check.h"

static void philox_round(uint32_t ctr[4], const uint32_t key[2])
{
    uint64_t p0 = (uint64_t)0xD2511F53u * ctr[0];
    uint64_t p1 = (uint64_t)0xCD9E8D57u * ctr[2];
    uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ ctr[1] ^ key[0], (uint32_t)p1,
                        (uint32_t)(p0 >> 32) ^ ctr[3] ^ key[1], (uint32_t)p0};
    for (int i = 0; i < 4; i++)
        ctr[i] = next[i];
}

void philox4x32_10(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t k[2] = {key[0], key[1]};
    for (int i = 0; i < 4; i++)
        out[i] = ctr[i];
    for (int round = 0; round < 10; round++) {
        philox_round(out, k);
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
}

struct rng rng_at(uint64_t seed, uint32_t trial, uint32_t name, uint32_t stream)
{
    return (struct rng){.seed = seed, .trial = trial, .name = name, .stream = stream};
}

uint32_t rng_u32(struct rng *rng)
{
    if (!rng->left) {
        uint32_t ctr[4] = {rng->trial, rng->name, rng->stream, rng->draw++};
        uint32_t key[2] = {(uint32_t)rng->seed, (uint32_t)(rng->seed >> 32)};
        philox4x32_10(ctr, key, rng->block);
        rng->left = 4;
    }
    return rng->block[4 - rng->left--];
}

uint64_t rng_u64(struct rng *rng)
{
    uint64_t high = rng_u32(rng);
    return high << 32 | rng_u32(rng);
}

double rng_unit(struct rng *rng)
{
    return (double)(rng_u64(rng) >> 11) * 0x1p-53;
}

double rng_open(struct rng *rng)
{
    return ((double)(rng_u64(rng) >> 12) + 0.5) * 0x1p-52;
}

/* Lemire's multiply-shift with rejection: unbiased, and nearly always one draw. */
uint32_t rng_below(struct rng *rng, uint32_t count)
{
    PRE(count > 0);
    uint32_t threshold = (0u - count) % count;
    for (;;) {
        uint64_t product = (uint64_t)rng_u32(rng) * count;
        if ((uint32_t)product >= threshold)
            return (uint32_t)(product >> 32);
    }
}

double rng_normal(struct rng *rng)
{
    double radius = sqrt(-2.0 * log(rng_open(rng)));
    return radius * cos(2.0 * M_PI * rng_unit(rng));
}

void rng_shuffle(struct rng *rng, uint32_t *items, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = rng_below(rng, (uint32_t)i);
        uint32_t kept = items[i - 1];
        items[i - 1] = items[j];
        items[j] = kept;
    }
}
