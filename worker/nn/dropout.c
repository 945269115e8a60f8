#include "worker/nn/dropout.h"

#include <string.h>

enum { LANES = 16, WORDS = 4, ROUNDS = 10 };

/* One round of Philox4x32 in each lane; c holds the four words of the counters. */
static inline void philox_round_lanes(uint32_t c[WORDS][LANES], uint32_t key0, uint32_t key1)
{
    for (int i = 0; i < LANES; i++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0][i], p1 = (uint64_t)0xCD9E8D57u * c[2][i];
        uint32_t w0 = (uint32_t)(p1 >> 32) ^ c[1][i] ^ key0, w2 = (uint32_t)(p0 >> 32) ^ c[3][i] ^ key1;
        c[0][i] = w0;
        c[1][i] = (uint32_t)p1;
        c[2][i] = w2;
        c[3][i] = (uint32_t)p0;
    }
}

/* 64 values of a mask from the counters first … first+15. */
NN_WIDE static void mask_block(const struct dropout_stream *stream, uint32_t first, uint32_t below,
                               real scale, real mask[WORDS * LANES])
{
    uint32_t c[WORDS][LANES], key0 = (uint32_t)stream->seed, key1 = (uint32_t)(stream->seed >> 32);
    for (uint32_t i = 0; i < LANES; i++) {
        c[0][i] = stream->epoch;
        c[1][i] = stream->name;
        c[2][i] = stream->step;
        c[3][i] = first + i;
    }
    for (int round = 0; round < ROUNDS; round++) {
        philox_round_lanes(c, key0, key1);
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    for (int word = 0; word < WORDS; word++)
        for (int i = 0; i < LANES; i++)
            mask[word * LANES + i] = c[word][i] < below ? 0 : scale;
}

void dropout_mask(const struct dropout_stream *stream, double p, real *mask, size_t count)
{
    uint32_t below = (uint32_t)(p * 4294967296.0);
    real scale = (real)(1 / (1 - p)), rest[WORDS * LANES];
    size_t block = 0;
    for (; (block + 1) * WORDS * LANES <= count; block++)
        mask_block(stream, (uint32_t)block * LANES, below, scale, mask + block * WORDS * LANES);
    size_t done = block * WORDS * LANES;
    if (done == count)
        return;
    mask_block(stream, (uint32_t)block * LANES, below, scale, rest);
    memcpy(mask + done, rest, (count - done) * sizeof *mask);
}
