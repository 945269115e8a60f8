/* halton: the scrambled Halton sequence as a sampler; trial n is its point number n. */
#include <math.h>
#include <stdio.h>

#include "common/check.h"
#include "master/search/design.h"
#include "master/search/require.h"
#include "master/search/sampler_row.h"

enum { PRIME_MAX = 541 };

static const uint16_t primes[HALTON_AXES] = {
    2,   3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,
    73,  79,  83,  89,  97,  101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173,
    179, 181, 191, 193, 197, 199, 211, 223, 227, 229, 233, 239, 241, 251, 257, 263, 269, 271, 277, 281,
    283, 293, 307, 311, 313, 317, 331, 337, 347, 349, 353, 359, 367, 373, 379, 383, 389, 397, 401, 409,
    419, 421, 431, 433, 439, 443, 449, 457, 461, 463, 467, 479, 487, 491, 499, 503, 509, 521, 523, 541,
};

double halton_plain(int axis, uint32_t index)
{
    PRE(axis >= 0 && axis < HALTON_AXES);
    double u = 0, place = 1;
    for (; index; index /= primes[axis]) {
        place /= primes[axis];
        u += place * (index % primes[axis]);
    }
    return u;
}

/* Where a random permutation of 0 .. base-1 sends the digit. Each digit level has one of its own. */
static uint32_t permuted(uint64_t seed, uint32_t key, uint32_t level, uint32_t base, uint32_t digit)
{
    uint32_t order[PRIME_MAX];
    struct rng rng = rng_at(seed, level, key, STREAM_HALTON);
    for (uint32_t i = 0; i < base; i++)
        order[i] = i;
    rng_shuffle(&rng, order, base);
    return order[digit];
}

double halton_unit(uint64_t seed, int axis, uint32_t key, uint32_t index)
{
    if (axis >= HALTON_AXES) {
        struct rng rng = rng_at(seed, index, key, STREAM_HALTON);
        return rng_unit(&rng);
    }
    uint32_t base = primes[axis];
    int levels = (int)ceil(32 / log2(base));
    double u = 0, place = 1;
    for (int level = 0; level < levels; level++, index /= base) {
        place /= base;
        u += place * permuted(seed, key, (uint32_t)level, base, index % base);
    }
    return u < 1 ? u : 0x1.fffffffffffffp-1;
}

static void make(const struct sampler *s, const struct history *history, uint64_t seed, uint32_t index,
                 struct point *out)
{
    design_point(s->space, history, halton_unit, seed, index, out);
}

static int propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    snprintf(note->why, sizeof note->why, "point %u of the scrambled Halton sequence", trial);
    struct sequence sequence = {make, s->seed, .first = 1};
    return design_propose(s, history, &sequence, trial, out, note, err);
}

/* ---- how model-based samplers begin ---- */

void start_point(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                 struct proposal *note)
{
    struct sequence sequence = {make, s->seed, .first = 1};
    if (!design_nth(s, history, &sequence, trial - 1, out) &&
        design_without(s, history, trial, out, note, NULL))
        point_copy(out, require_witness(s->space)); /* all have been tried: whoever settles it says so */
}

const struct sampler_row sampler_halton = {
    .name = "halton", .version = 1, .by_number = true, .propose = propose};
