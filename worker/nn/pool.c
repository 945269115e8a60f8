#include "worker/nn/pool.h"

#include <string.h>

static void pool_channel(const struct layer *layer, const real *x, real *y, int32_t *winner)
{
    const struct layer_spec *spec = &layer->spec;
    int width = layer->in.w;
    for (int oy = 0; oy < layer->out.h; oy++) {
        for (int ox = 0; ox < layer->out.w; ox++) {
            int best = oy * spec->stride * width + ox * spec->stride;
            for (int ky = 0; ky < spec->height; ky++) {
                int row = (oy * spec->stride + ky) * width + ox * spec->stride;
                for (int kx = 0; kx < spec->width; kx++)
                    best = x[row + kx] > x[best] ? row + kx : best;
            }
            y[oy * layer->out.w + ox] = x[best];
            winner[oy * layer->out.w + ox] = best;
        }
    }
}

/* The usual 2 x 2 with stride 2, without branches: the same winners as above, the first of equals. */
NN_WIDE static void pool_2x2_channel(const real *restrict x, real *restrict y, int32_t *restrict winner,
                                     int width, int out_h, int out_w)
{
    for (int oy = 0; oy < out_h; oy++) {
        const real *line = x + (size_t)(2 * oy * width);
        for (int ox = 0; ox < out_w; ox++) {
            real a = line[2 * ox], b = line[2 * ox + 1], c = line[width + 2 * ox],
                 d = line[width + 2 * ox + 1];
            int32_t at = 2 * oy * width + 2 * ox;
            int32_t right = b > a, right_below = d > c;
            real top = b > a ? b : a, bottom = d > c ? d : c;
            int32_t below = -(int32_t)(bottom > top); /* all bits or none: a mask costs no branch */
            y[oy * out_w + ox] = bottom > top ? bottom : top;
            winner[oy * out_w + ox] = at + (right & ~below) + ((width + right_below) & below);
        }
    }
}

static bool is_2x2(const struct layer_spec *spec)
{
    return spec->height == 2 && spec->width == 2 && spec->stride == 2;
}

void pool_forward(struct layer *layer, const struct pass *pass, const real *x)
{
    size_t in = (size_t)(layer->in.h * layer->in.w), out = (size_t)(layer->out.h * layer->out.w);
    size_t planes = (size_t)pass->n * (size_t)layer->in.c;
    for (size_t i = 0; i < planes; i++)
        if (is_2x2(&layer->spec))
            pool_2x2_channel(x + i * in, layer->y + i * out, layer->winner + i * out, layer->in.w,
                             layer->out.h, layer->out.w);
        else
            pool_channel(layer, x + i * in, layer->y + i * out, layer->winner + i * out);
}

void pool_backward(struct layer *layer, const struct pass *pass, const real *dy, real *dx)
{
    size_t in = (size_t)(layer->in.h * layer->in.w), out = (size_t)(layer->out.h * layer->out.w);
    size_t planes = (size_t)pass->n * (size_t)layer->in.c;
    memset(dx, 0, planes * in * sizeof *dx);
    for (size_t i = 0; i < planes; i++)
        for (size_t j = 0; j < out; j++)
            dx[i * in + (size_t)layer->winner[i * out + j]] += dy[i * out + j];
}
