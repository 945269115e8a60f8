/* dropout: masks of the inverted dropout, 0 with probability p and else 1/(1-p). The numbers are those of the
 * counter-based generator in common/rng, drawn for sixteen counters at a time, because a mask needs as many numbers
 * as the layer has outputs and must not cost as much as the layer. Pure; fills the caller's mask. */
#ifndef HONE_WORKER_NN_DROPOUT_H
#define HONE_WORKER_NN_DROPOUT_H

#include <stddef.h>
#include <stdint.h>

#include "worker/nn/real.h"

#define dropout_mask NN(dropout_mask)

/* The stream is named by (seed, epoch, name, step); value i comes from counter i/64*16 + i%16, word i%64/16. */
struct dropout_stream {
    uint64_t seed;
    uint32_t epoch, name, step;
};

void dropout_mask(const struct dropout_stream *stream, double p, real *mask, size_t count);

#endif
