/* pooled: a convolution, the 2 x 2 max pooling after it and their ReLU in one pass, image by image. What the
 * pooling throws away is never stored for the batch, and three of four gradients are known to be 0 before they
 * are multiplied. Measured against one after the other on the network of docs/speed.md: 1.7 times as fast, with
 * two thirds of the memory.
 *
 * Inside, channels come last: a filter bank's outputs at one place lie side by side, so the largest of four
 * places is a maximum of four vectors, and one line of a window is one run of values. x, y and the weights keep
 * the net's order.
 *
 * layer->full is the shape before the pooling, layer->out after it; layer->corner says which of the four won,
 * (n, places, filters). Called by conv.c alone; borrows everything. */
#ifndef HONE_WORKER_NN_POOLED_H
#define HONE_WORKER_NN_POOLED_H

#include "worker/nn/layers.h"

#define pooled_room NN(pooled_room)
#define pooled_forward NN(pooled_forward)
#define pooled_backward NN(pooled_backward)

/* Values of layer->kept. */
size_t pooled_room(const struct layer *layer);
void pooled_forward(struct layer *layer, const struct pass *pass, const real *x);
void pooled_backward(struct layer *layer, const struct pass *pass, const real *x, real *dy, real *dx);

#endif
