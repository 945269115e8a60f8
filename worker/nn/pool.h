/* pool: max pooling. y is the largest of each window, layer->winner its place in the image of one channel; the
 * gradient goes to the winner, of equals the first.
 *
 * A pooling of 2 x 2 right after a convolution is no layer of its own: see pooled.h. Called by layers.c alone;
 * borrows everything. */
#ifndef HONE_WORKER_NN_POOL_H
#define HONE_WORKER_NN_POOL_H

#include "worker/nn/layers.h"

#define pool_forward NN(pool_forward)
#define pool_backward NN(pool_backward)

void pool_forward(struct layer *layer, const struct pass *pass, const real *x);
void pool_backward(struct layer *layer, const struct pass *pass, const real *dy, real *dx);

#endif
