#include "worker/nn/conv.h"

#include <string.h>

#include "worker/nn/linalg.h"
#include "worker/nn/pooled.h"
#include "worker/nn/unfold.h"

static size_t columns_size(const struct layer *layer)
{
    return (size_t)window_size(layer) * (size_t)window_places(layer);
}

size_t conv_room(const struct layer *layer)
{
    return layer->pooled ? pooled_room(layer) : 2 * columns_size(layer);
}

NN_WIDE static void bias_planes(real *y, const real *bias, int filters, int places, bool relu)
{
    for (int f = 0; f < filters; f++) {
        real *plane = y + (size_t)f * (size_t)places, b = bias[f];
        if (relu)
            for (int i = 0; i < places; i++)
                plane[i] = plane[i] + b < 0 ? 0 : plane[i] + b; /* NaN stays NaN */
        else
            for (int i = 0; i < places; i++)
                plane[i] += b;
    }
}

/* y (f, places) = W (f, window) columns (window, places) + b (f), for each image */
void conv_forward(struct layer *layer, const struct pass *pass, const real *x)
{
    int places = layer->out.h * layer->out.w, filters = layer->out.c, window = window_size(layer);
    if (layer->pooled) {
        pooled_forward(layer, pass, x);
        return;
    }
    for (int i = 0; i < pass->n; i++) {
        real *y = layer->y + (size_t)i * (size_t)shape_size(layer->out);
        unfold(layer, x + (size_t)i * (size_t)shape_size(layer->in), layer->kept);
        gemm_nn(filters, places, window, pass->params + layer->weight, layer->kept, 0, y);
        bias_planes(y, pass->params + layer->bias, filters, places, layer->relu);
    }
}

/* Sixteen partial sums, so that the loop can use vectors. */
NN_WIDE void mask_and_sum_planes(real *restrict dy, const real *restrict y, real *restrict db, int filters,
                                 int places)
{
    for (int f = 0; f < filters; f++) {
        real *plane = dy + (size_t)f * (size_t)places, part[16] = {0};
        const real *out = y ? y + (size_t)f * (size_t)places : NULL;
        int i = 0;
        for (; out && i + 16 <= places; i += 16)
            for (int j = 0; j < 16; j++) {
                plane[i + j] = out[i + j] > 0 ? plane[i + j] : 0;
                part[j] += plane[i + j];
            }
        for (; i + 16 <= places; i += 16)
            for (int j = 0; j < 16; j++)
                part[j] += plane[i + j];
        for (int j = 0; i < places; i++, j++) {
            plane[i] = !out || out[i] > 0 ? plane[i] : 0;
            part[j] += plane[i];
        }
        for (int j = 0; j < 16; j++)
            db[f] += part[j];
    }
}

/* dW (f, window) = sum over images of dy columns^T, dcolumns (window, places) = W^T dy, dx = fold(dcolumns)
 */
void conv_backward(struct layer *layer, const struct pass *pass, const real *x, real *dy, real *dx)
{
    int places = layer->out.h * layer->out.w, filters = layer->out.c, window = window_size(layer);
    real *db = pass->grads + layer->bias, *dcolumns = layer->kept + columns_size(layer);
    if (layer->pooled) {
        pooled_backward(layer, pass, x, dy, dx);
        return;
    }
    memset(db, 0, layer->biases * sizeof *db);
    for (int i = 0; i < pass->n; i++) {
        size_t out = (size_t)i * (size_t)shape_size(layer->out),
               in = (size_t)i * (size_t)shape_size(layer->in);
        mask_and_sum_planes(dy + out, layer->relu ? layer->y + out : NULL, db, filters, places);
        unfold(layer, x + in, layer->kept);
        gemm_nt(filters, window, places, dy + out, layer->kept, i > 0, pass->grads + layer->weight);
        if (!dx)
            continue;
        gemm_tn(window, places, filters, pass->params + layer->weight, dy + out, 0, dcolumns);
        fold(layer, dcolumns, dx + in);
    }
}
