/* unfold: the windows of one image as the columns of a matrix, so that a convolution is a matrix product; and
 * back.
 *
 * Row (c, ky, kx) of the columns is the image's channel c moved by the window's place (ky, kx): one value for
 * each place of the output, 0 where the window stands over the padding. Called by conv.c and pooled.c; borrows
 * everything. */
#ifndef HONE_WORKER_NN_UNFOLD_H
#define HONE_WORKER_NN_UNFOLD_H

#include "worker/nn/layers.h"

#define unfold NN(unfold)
#define fold NN(fold)

/* columns (window, places) from x (c, h, w) */
void unfold(const struct layer *layer, const real *x, real *columns);

/* The transpose: adds up columns (window, places), which it may change, in x (c, h, w), from 0. */
void fold(const struct layer *layer, real *columns, real *x);

static inline int window_size(const struct layer *layer)
{
    return layer->in.c * layer->spec.height * layer->spec.width;
}

static inline int window_places(const struct layer *layer)
{
    return layer->full.h * layer->full.w;
}

#endif
