/* conv: convolution, image by image: unfold the windows of one image into columns, one matrix product, bias
 * and ReLU while the result is in the cache. Measured against unfolding the whole batch at once, 1.2 to 1.3
 * times faster on one thread, with a hundredth of the memory.
 *
 * Weights are (filters, channels*height*width). Called by layers.c alone; borrows everything. */
#ifndef HONE_WORKER_NN_CONV_H
#define HONE_WORKER_NN_CONV_H

#include "worker/nn/layers.h"

#define conv_room NN(conv_room)
#define conv_forward NN(conv_forward)
#define conv_backward NN(conv_backward)
#define mask_and_sum_planes NN(mask_and_sum_planes)

/* Values of layer->kept: columns of one image and their gradient; pooled.h's where the layer is pooled. */
size_t conv_room(const struct layer *layer);
void conv_forward(struct layer *layer, const struct pass *pass, const real *x);
void conv_backward(struct layer *layer, const struct pass *pass, const real *x, real *dy, real *dx);

/* Of one image: dy (f, places) = 0 where y is not above 0 (nowhere if y is NULL), db (f) += sums over places. */
void mask_and_sum_planes(real *dy, const real *y, real *db, int filters, int places);

#endif
