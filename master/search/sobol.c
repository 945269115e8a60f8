/* sobol: the scrambled Sobol sequence as a sampler; trial n is its point number n - 1, so that the first 2^m
 * trials are a net. */
#include <stdio.h>

#include "common/check.h"
#include "master/search/design.h"
#include "master/search/sampler_row.h"

/* Degree s and inner coefficients a of a primitive polynomial over GF(2), and the first s direction integers:
 * rows 2 .. 21 of Joe and Kuo's table "new-joe-kuo-6". Axis 0 is van der Corput's sequence. */
static const struct {
    uint8_t s, a;
    uint8_t m[7];
} joe_kuo[SOBOL_AXES - 1] = {
    {1, 0, {1}},
    {2, 1, {1, 3}},
    {3, 1, {1, 3, 1}},
    {3, 2, {1, 1, 1}},
    {4, 1, {1, 1, 3, 3}},
    {4, 4, {1, 3, 5, 13}},
    {5, 2, {1, 1, 5, 5, 17}},
    {5, 4, {1, 1, 5, 5, 5}},
    {5, 7, {1, 1, 7, 11, 19}},
    {5, 11, {1, 1, 5, 1, 1}},
    {5, 13, {1, 1, 1, 3, 11}},
    {5, 14, {1, 3, 5, 5, 31}},
    {6, 1, {1, 3, 3, 9, 7, 49}},
    {6, 13, {1, 1, 1, 15, 21, 21}},
    {6, 16, {1, 3, 1, 13, 27, 49}},
    {6, 19, {1, 1, 1, 15, 7, 5}},
    {6, 22, {1, 3, 1, 15, 13, 25}},
    {6, 25, {1, 1, 5, 5, 19, 61}},
    {7, 1, {1, 3, 7, 11, 23, 15, 103}},
    {7, 4, {1, 3, 7, 13, 13, 15, 69}},
};

/* v[i] is added (xor) where bit i of the Gray code of the index is set; 32-bit fractions. */
static void directions(int axis, uint32_t v[32])
{
    if (axis == 0) {
        for (int i = 0; i < 32; i++)
            v[i] = 1u << (31 - i);
        return;
    }
    int s = joe_kuo[axis - 1].s, a = joe_kuo[axis - 1].a;
    for (int i = 0; i < s; i++)
        v[i] = (uint32_t)joe_kuo[axis - 1].m[i] << (31 - i);
    for (int i = s; i < 32; i++) {
        v[i] = v[i - s] ^ (v[i - s] >> s);
        for (int k = 1; k < s; k++)
            if (a >> (s - 1 - k) & 1)
                v[i] ^= v[i - k];
    }
}

/* In Gray-code order, as published tables of the first points have it. */
static uint32_t sobol_bits(int axis, uint32_t index)
{
    uint32_t v[32], x = 0, gray = index ^ index >> 1;
    directions(axis, v);
    for (int i = 0; gray; i++, gray >>= 1)
        if (gray & 1)
            x ^= v[i];
    return x;
}

double sobol_plain(int axis, uint32_t index)
{
    PRE(axis >= 0 && axis < SOBOL_AXES);
    return sobol_bits(axis, index) * 0x1p-32;
}

/* y = L x + shift over GF(2), L lower triangular with ones on the diagonal: digit i of y depends on the first
 * i digits of x, so every dyadic cell keeps its number of points. */
static uint32_t scramble(uint64_t seed, uint32_t key, uint32_t x)
{
    struct rng rng = rng_at(seed, 0, key, STREAM_SOBOL);
    uint32_t y = rng_u32(&rng);
    for (int i = 0; i < 32; i++) {
        uint32_t diagonal = 1u << (31 - i);
        uint32_t row = (rng_u32(&rng) & ~(diagonal | (diagonal - 1))) | diagonal;
        y ^= (uint32_t)__builtin_parity(row & x) << (31 - i);
    }
    return y;
}

double sobol_unit(uint64_t seed, int axis, uint32_t key, uint32_t index)
{
    if (axis >= SOBOL_AXES) {
        struct rng rng = rng_at(seed, index, key, STREAM_SOBOL_TAIL);
        return rng_unit(&rng);
    }
    return scramble(seed, key, sobol_bits(axis, index)) * 0x1p-32;
}

static void make(const struct sampler *s, const struct history *history, uint64_t seed, uint32_t index,
                 struct point *out)
{
    design_point(s->space, history, sobol_unit, seed, index, out);
}

static int propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    snprintf(note->why, sizeof note->why, "point %u of the scrambled Sobol sequence", trial - 1);
    struct sequence sequence = {make, s->seed, .first = 0};
    return design_propose(s, history, &sequence, trial, out, note, err);
}

const struct sampler_row sampler_sobol = {
    .name = "sobol", .version = 1, .by_number = true, .propose = propose};
