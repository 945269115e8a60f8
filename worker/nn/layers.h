/* layers: forward and backward of each kind of layer, in pairs, with shapes in the comments.
 *
 * A layer owns what it must remember between the two (its output y, winners of a maximum, a mask); weights
 * and gradients live in the net's flat arrays, so that an update rule, a checkpoint or an average is one loop
 * over all of them. Images are (n, c, h, w), flat data (n, c) with h = w = 1: the same memory, so "flatten"
 * changes only a shape.
 *
 * Dropout draws from a stream named by (seed, epoch, layer, step): nothing has to be stored to go on from an
 * epoch, and a gradient check sees the same mask as often as it asks.
 *
 * Refuses: layers that do not fit the shape before them. Ownership: layer_fini frees what layer_plan and
 * layer_reserve made. */
#ifndef HONE_WORKER_NN_LAYERS_H
#define HONE_WORKER_NN_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/trainer_layers.h"
#include "worker/nn/real.h"

#define layer_plan NN(layer_plan)
#define layer_take_pool NN(layer_take_pool)
#define layer_reserve NN(layer_reserve)
#define layer_fini NN(layer_fini)
#define layer_forward NN(layer_forward)
#define layer_backward NN(layer_backward)
#define layer_pattern NN(layer_pattern)
#define real_alloc NN(real_alloc)

struct shape {
    int c, h, w;
};

static inline int shape_size(struct shape shape)
{
    return shape.c * shape.h * shape.w;
}

static inline bool shape_equal(struct shape a, struct shape b)
{
    return a.c == b.c && a.h == b.h && a.w == b.w;
}

struct layer {
    struct layer_spec spec;
    int index; /* in the list of texts: names the dropout stream */
    struct shape in, out;
    struct shape full;      /* conv: its output before a pooling in the same pass */
    bool relu;              /* affine, conv: the ReLU after it is done in the same pass */
    bool pooled;            /* conv: the 2 x 2 pooling after it is too */
    size_t weight, weights; /* first weight in the net's params, and how many */
    size_t bias, biases;    /* batchnorm: weight is gamma, bias is beta */
    size_t state, states;   /* batchnorm: running mean (c), then running variance (c) */
    real *y;                /* (n, out) */
    real *kept;             /* batchnorm: xhat (n, out); dropout: mask (n, out); conv: room for one image */
    real *moments;          /* batchnorm: mean (c), 1/deviation (c), two sums (2c) */
    int32_t *winner;        /* pool: place in the input image (n, out); maxout: which neighbour (n, out) */
    uint8_t *corner;        /* conv with pooling: which of the four (n, h, w, c) */
};

/* What one pass over a batch shares. */
struct pass {
    int n;         /* samples in the batch */
    bool training; /* dropout drops, batchnorm uses the batch's own moments */
    real memory; /* training: what batchnorm's running moments keep of themselves; 1: they stay as they are */
    uint64_t seed;
    uint32_t epoch, step;
    const real *params;
    real *grads;
    real *states;
};

/* Sets shapes and counts of `layer` (whose spec is set) after `in`. Allocates nothing. */
int layer_plan(struct layer *layer, struct shape in, struct err *err);

/* Makes a pooling part of the convolution before it; false if it is no such pair. */
bool layer_take_pool(struct layer *layer, const struct layer_spec *pool);

void layer_reserve(struct layer *layer, int batch); /* room for `batch` samples */
void layer_fini(struct layer *layer);

/* y = f(x); x is (n, in). */
void layer_forward(struct layer *layer, const struct pass *pass, const real *x);

/* dx (n, in) from dy (n, out), and the weights' gradients into pass->grads (overwritten). dy may be changed.
 * dx is NULL for the first layer, where nobody needs it. */
void layer_backward(struct layer *layer, const struct pass *pass, const real *x, real *dy, real *dx);

/* Folds which side of each kink, and which winner of each maximum, the last forward pass took into a hash. */
uint64_t layer_pattern(const struct layer *layer, int n, uint64_t hash);

real *real_alloc(size_t count); /* zeros, aligned to 64 bytes */

#endif
