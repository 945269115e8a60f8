/* batchnorm: per channel, xhat = (x - mean) / sqrt(var + eps), y = gamma xhat + beta (Ioffe and Szegedy 2015). In
 * training mean and variance are the batch's and flow into running averages; in evaluation they are those averages,
 * so that the answer for a sample depends on it alone.
 *
 * gamma is the layer's weight, beta its bias; neither is penalised. Called by layers.c alone; borrows everything. */
#ifndef HONE_WORKER_NN_BATCHNORM_H
#define HONE_WORKER_NN_BATCHNORM_H

#include "worker/nn/layers.h"

#define batchnorm_forward NN(batchnorm_forward)
#define batchnorm_backward NN(batchnorm_backward)

void batchnorm_forward(struct layer *layer, const struct pass *pass, const real *x);
void batchnorm_backward(struct layer *layer, const struct pass *pass, const real *dy, real *dx);

#endif
