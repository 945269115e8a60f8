#include "worker/nn/conv.h"

#include <string.h>

#include "worker/nn/linalg.h"

static int window_size(const struct layer *layer)
{
    return layer->in.c * layer->spec.height * layer->spec.width;
}

size_t conv_columns(const struct layer *layer)
{
    return (size_t)window_size(layer) * (size_t)(layer->out.h * layer->out.w);
}

/* The part of an output line, [first, last), whose input column ox*stride + kx - pad lies inside the image.
 */
struct span {
    int first, last;
};

static struct span inside(const struct layer *layer, int kx)
{
    int stride = layer->spec.stride, shift = kx - layer->spec.pad;
    int first = shift < 0 ? (-shift + stride - 1) / stride : 0;
    int last = layer->in.w - 1 - shift < 0 ? 0 : (layer->in.w - 1 - shift) / stride + 1;
    if (last > layer->out.w)
        last = layer->out.w;
    return (struct span){first < last ? first : last, last};
}

/* One line of the columns: out[ox] = in[ox*stride + shift] inside the span, 0 outside. */
static void unfold_line(const struct layer *layer, struct span span, const real *in, real *out, int shift)
{
    int stride = layer->spec.stride;
    for (int ox = 0; ox < span.first; ox++)
        out[ox] = 0;
    if (stride == 1)
        memcpy(out + span.first, in + span.first + shift, (size_t)(span.last - span.first) * sizeof *out);
    else
        for (int ox = span.first; ox < span.last; ox++)
            out[ox] = in[ox * stride + shift];
    for (int ox = span.last; ox < layer->out.w; ox++)
        out[ox] = 0;
}

/* columns (c*kh*kw, oh*ow) from x (c, h, w) */
static void unfold(const struct layer *layer, const real *x, real *columns)
{
    const struct layer_spec *spec = &layer->spec;
    size_t line = (size_t)layer->out.w;
    for (int c = 0; c < layer->in.c; c++) {
        const real *plane = x + (size_t)c * (size_t)(layer->in.h * layer->in.w);
        for (int ky = 0; ky < spec->height; ky++) {
            for (int kx = 0; kx < spec->width; kx++) {
                struct span span = inside(layer, kx);
                for (int oy = 0; oy < layer->out.h; oy++, columns += line) {
                    int iy = oy * spec->stride + ky - spec->pad;
                    if (iy < 0 || iy >= layer->in.h)
                        memset(columns, 0, line * sizeof *columns);
                    else
                        unfold_line(layer, span, plane + iy * layer->in.w, columns, kx - spec->pad);
                }
            }
        }
    }
}

NN_WIDE static void add_line(real *restrict out, const real *restrict in, int count)
{
    for (int i = 0; i < count; i++)
        out[i] += in[i];
}

/* The transpose of unfold: adds columns (c*kh*kw, oh*ow) into x (c, h, w), which starts at 0. */
static void fold(const struct layer *layer, const real *columns, real *x)
{
    const struct layer_spec *spec = &layer->spec;
    memset(x, 0, (size_t)shape_size(layer->in) * sizeof *x);
    for (int c = 0; c < layer->in.c; c++) {
        real *plane = x + (size_t)c * (size_t)(layer->in.h * layer->in.w);
        for (int ky = 0; ky < spec->height; ky++) {
            for (int kx = 0; kx < spec->width; kx++) {
                struct span span = inside(layer, kx);
                int shift = kx - spec->pad;
                for (int oy = 0; oy < layer->out.h; oy++, columns += layer->out.w) {
                    int iy = oy * spec->stride + ky - spec->pad;
                    if (iy < 0 || iy >= layer->in.h)
                        continue;
                    real *line = plane + iy * layer->in.w;
                    if (spec->stride == 1)
                        add_line(line + span.first + shift, columns + span.first, span.last - span.first);
                    else
                        for (int ox = span.first; ox < span.last; ox++)
                            line[ox * spec->stride + shift] += columns[ox];
                }
            }
        }
    }
}

NN_WIDE static void bias_planes(real *y, const real *bias, int filters, int places, bool relu)
{
    for (int f = 0; f < filters; f++) {
        real *plane = y + (size_t)f * (size_t)places, b = bias[f];
        if (relu)
            for (int i = 0; i < places; i++)
                plane[i] = plane[i] + b > 0 ? plane[i] + b : 0;
        else
            for (int i = 0; i < places; i++)
                plane[i] += b;
    }
}

/* y (f, places) = W (f, window) columns (window, places) + b (f), for each image */
void conv_forward(struct layer *layer, const struct pass *pass, const real *x)
{
    int places = layer->out.h * layer->out.w, filters = layer->out.c, window = window_size(layer);
    for (int i = 0; i < pass->n; i++) {
        real *y = layer->y + (size_t)i * (size_t)shape_size(layer->out);
        unfold(layer, x + (size_t)i * (size_t)shape_size(layer->in), layer->kept);
        gemm_nn(filters, places, window, pass->params + layer->weight, layer->kept, 0, y);
        bias_planes(y, pass->params + layer->bias, filters, places, layer->relu);
    }
}

NN_WIDE static void mask(real *restrict dy, const real *restrict y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dy[i] = y[i] > 0 ? dy[i] : 0;
}

/* db[f] += sum over places of dy (f, places); sixteen partial sums, so that the loop can use vectors. */
NN_WIDE static void sum_planes(const real *dy, real *db, int filters, int places)
{
    for (int f = 0; f < filters; f++) {
        const real *plane = dy + (size_t)f * (size_t)places;
        real part[16] = {0};
        int i = 0;
        for (; i + 16 <= places; i += 16)
            for (int j = 0; j < 16; j++)
                part[j] += plane[i + j];
        for (int j = 0; i < places; i++, j++)
            part[j] += plane[i];
        for (int j = 0; j < 16; j++)
            db[f] += part[j];
    }
}

/* dW (f, window) = sum over images of dy columns^T, dcolumns (window, places) = W^T dy, dx = fold(dcolumns)
 */
void conv_backward(struct layer *layer, const struct pass *pass, const real *x, real *dy, real *dx)
{
    int places = layer->out.h * layer->out.w, filters = layer->out.c, window = window_size(layer);
    real *db = pass->grads + layer->bias, *dcolumns = layer->kept + conv_columns(layer);
    memset(db, 0, layer->biases * sizeof *db);
    for (int i = 0; i < pass->n; i++) {
        size_t out = (size_t)i * (size_t)shape_size(layer->out),
               in = (size_t)i * (size_t)shape_size(layer->in);
        if (layer->relu)
            mask(dy + out, layer->y + out, (size_t)shape_size(layer->out));
        sum_planes(dy + out, db, filters, places);
        unfold(layer, x + in, layer->kept);
        gemm_nt(filters, window, places, dy + out, layer->kept, i > 0, pass->grads + layer->weight);
        if (!dx)
            continue;
        gemm_tn(window, places, filters, pass->params + layer->weight, dy + out, 0, dcolumns);
        fold(layer, dcolumns, dx + in);
    }
}
