#include "worker/nn/batchnorm.h"

#include <math.h>

static const real batchnorm_eps = (real)1e-5;

/* Sums over samples and places of one channel, in double: a float sum of a whole batch loses digits. */
static double channel_sum(const real *a, const real *b, int n, int channels, int plane, int channel)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        size_t at = ((size_t)i * (size_t)channels + (size_t)channel) * (size_t)plane;
        for (int j = 0; j < plane; j++)
            sum += (double)a[at + (size_t)j] * (b ? (double)b[at + (size_t)j] : 1);
    }
    return sum;
}

static void batch_moments(struct layer *layer, const struct pass *pass, const real *x)
{
    int plane = layer->in.h * layer->in.w, channels = layer->in.c;
    double count = (double)pass->n * plane;
    real *running_mean = pass->states + layer->state, *running_var = running_mean + channels;
    for (int c = 0; c < channels; c++) {
        double mean = channel_sum(x, NULL, pass->n, channels, plane, c) / count;
        double square = 0;
        for (int i = 0; i < pass->n; i++) {
            const real *at = x + ((size_t)i * (size_t)channels + (size_t)c) * (size_t)plane;
            for (int j = 0; j < plane; j++)
                square += ((double)at[j] - mean) * ((double)at[j] - mean);
        }
        layer->moments[c] = (real)mean;
        layer->moments[channels + c] = (real)(1 / sqrt(square / count + (double)batchnorm_eps));
        double unbiased = square / (count > 1 ? count - 1 : 1);
        running_mean[c] = pass->memory * running_mean[c] + (1 - pass->memory) * (real)mean;
        running_var[c] = pass->memory * running_var[c] + (1 - pass->memory) * (real)unbiased;
    }
}

static void running_moments(struct layer *layer, const struct pass *pass)
{
    int channels = layer->in.c;
    const real *mean = pass->states + layer->state, *var = mean + channels;
    for (int c = 0; c < channels; c++) {
        layer->moments[c] = mean[c];
        layer->moments[channels + c] = (real)(1 / sqrt((double)var[c] + (double)batchnorm_eps));
    }
}

void batchnorm_forward(struct layer *layer, const struct pass *pass, const real *x)
{
    int plane = layer->in.h * layer->in.w, channels = layer->in.c;
    if (pass->training)
        batch_moments(layer, pass, x);
    else
        running_moments(layer, pass);
    for (int i = 0; i < pass->n; i++) {
        for (int c = 0; c < channels; c++) {
            size_t at = ((size_t)i * (size_t)channels + (size_t)c) * (size_t)plane;
            real mean = layer->moments[c], inverse = layer->moments[channels + c];
            real gamma = pass->params[layer->weight + (size_t)c],
                 beta = pass->params[layer->bias + (size_t)c];
            for (size_t j = at; j < at + (size_t)plane; j++) {
                layer->kept[j] = (x[j] - mean) * inverse;
                layer->y[j] = gamma * layer->kept[j] + beta;
            }
        }
    }
}

/* dgamma = sum dy xhat, dbeta = sum dy, dx = gamma/deviation (dy - mean(dy) - xhat mean(dy xhat)). */
void batchnorm_backward(struct layer *layer, const struct pass *pass, const real *dy, real *dx)
{
    int plane = layer->in.h * layer->in.w, channels = layer->in.c;
    double count = (double)pass->n * plane;
    for (int c = 0; c < channels; c++) {
        double sum = channel_sum(dy, NULL, pass->n, channels, plane, c);
        double dot = channel_sum(dy, layer->kept, pass->n, channels, plane, c);
        pass->grads[layer->bias + (size_t)c] = (real)sum;
        pass->grads[layer->weight + (size_t)c] = (real)dot;
        if (!dx)
            continue;
        real scale = pass->params[layer->weight + (size_t)c] * layer->moments[channels + c];
        real mean = (real)(sum / count), slope = (real)(dot / count);
        for (int i = 0; i < pass->n; i++) {
            size_t at = ((size_t)i * (size_t)channels + (size_t)c) * (size_t)plane;
            for (size_t j = at; j < at + (size_t)plane; j++)
                dx[j] = scale * (dy[j] - mean - layer->kept[j] * slope);
        }
    }
}
