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

/* One window place (ky, kx) of one channel: all its lines. */
static void unfold_lines(const struct layer *layer, const real *plane, real *columns, int ky, int kx)
{
    struct span span = inside(layer, kx);
    for (int oy = 0; oy < layer->out.h; oy++, columns += layer->out.w) {
        int iy = oy * layer->spec.stride + ky - layer->spec.pad;
        if (iy < 0 || iy >= layer->in.h)
            memset(columns, 0, (size_t)layer->out.w * sizeof *columns);
        else
            unfold_line(layer, span, plane + iy * layer->in.w, columns, kx - layer->spec.pad);
    }
}

/* Where the output has the input's size, a place of the window is the whole plane moved by a few values: one
 * copy, then zeros where the move came in from outside. This is nearly every convolution that is used. */
static bool keeps_size(const struct layer *layer)
{
    return layer->spec.stride == 1 && layer->out.w == layer->in.w && layer->out.h == layer->in.h;
}

struct move {
    int shift;       /* input place minus output place */
    int first, last; /* output places [first, last) whose input place exists */
    struct span x;   /* columns of a line that come from the same line */
};

static struct move move_of(const struct layer *layer, int ky, int kx)
{
    int width = layer->in.w, down = ky - layer->spec.pad, right = kx - layer->spec.pad;
    int size = width * layer->in.h, shift = down * width + right;
    struct move move = {.shift = shift, .x = inside(layer, kx)};
    int top = down < 0 ? -down : 0, bottom = down > 0 ? layer->in.h - down : layer->in.h;
    move.first = top * width > -shift ? top * width : -shift;
    move.last = bottom * width < size - shift ? bottom * width : size - shift;
    if (move.last < move.first)
        move.first = move.last = 0;
    return move;
}

/* Zeros in the columns of each line that lie outside; both sides are a handful of values. */
static void clear_edges(real *columns, struct span x, int width, int height)
{
    if (x.first == 0 && x.last == width)
        return;
    for (int oy = 0; oy < height; oy++, columns += width) {
        for (int ox = 0; ox < x.first; ox++)
            columns[ox] = 0;
        for (int ox = x.last; ox < width; ox++)
            columns[ox] = 0;
    }
}

static void unfold_move(const struct layer *layer, const struct move *move, const real *plane, real *columns)
{
    int size = layer->in.w * layer->in.h;
    memset(columns, 0, (size_t)move->first * sizeof *columns);
    memcpy(columns + move->first, plane + move->first + move->shift,
           (size_t)(move->last - move->first) * sizeof *columns);
    memset(columns + move->last, 0, (size_t)(size - move->last) * sizeof *columns);
    clear_edges(columns, move->x, layer->in.w, layer->in.h);
}

/* columns (c*kh*kw, oh*ow) from x (c, h, w), one place of the window after the other */
static void unfold(const struct layer *layer, const real *x, real *columns)
{
    size_t places = (size_t)(layer->out.h * layer->out.w), plane = (size_t)(layer->in.h * layer->in.w);
    size_t window = (size_t)(layer->spec.height * layer->spec.width);
    bool whole = keeps_size(layer);
    for (int ky = 0; ky < layer->spec.height; ky++)
        for (int kx = 0; kx < layer->spec.width; kx++, columns += places) {
            struct move move = move_of(layer, ky, kx);
            for (size_t c = 0; c < (size_t)layer->in.c; c++) {
                if (whole)
                    unfold_move(layer, &move, x + c * plane, columns + c * window * places);
                else
                    unfold_lines(layer, x + c * plane, columns + c * window * places, ky, kx);
            }
        }
}

NN_WIDE static void add_line(real *restrict out, const real *restrict in, int count)
{
    for (int i = 0; i < count; i++)
        out[i] += in[i];
}

static void fold_lines(const struct layer *layer, const real *columns, real *plane, int ky, int kx)
{
    struct span span = inside(layer, kx);
    int stride = layer->spec.stride, shift = kx - layer->spec.pad;
    for (int oy = 0; oy < layer->out.h; oy++, columns += layer->out.w) {
        int iy = oy * stride + ky - layer->spec.pad;
        if (iy < 0 || iy >= layer->in.h)
            continue;
        for (int ox = span.first; ox < span.last; ox++)
            plane[iy * layer->in.w + ox * stride + shift] += columns[ox];
    }
}

static void fold_move(const struct layer *layer, const struct move *move, real *columns, real *plane)
{
    clear_edges(columns, move->x, layer->in.w, layer->in.h);
    add_line(plane + move->first + move->shift, columns + move->first, move->last - move->first);
}

/* The transpose of unfold: adds columns (c*kh*kw, oh*ow), which it may change, into x (c, h, w) from 0. */
static void fold(const struct layer *layer, real *columns, real *x)
{
    size_t places = (size_t)(layer->out.h * layer->out.w), plane = (size_t)(layer->in.h * layer->in.w);
    size_t window = (size_t)(layer->spec.height * layer->spec.width);
    bool whole = keeps_size(layer);
    memset(x, 0, (size_t)shape_size(layer->in) * sizeof *x);
    for (int ky = 0; ky < layer->spec.height; ky++)
        for (int kx = 0; kx < layer->spec.width; kx++, columns += places) {
            struct move move = move_of(layer, ky, kx);
            for (size_t c = 0; c < (size_t)layer->in.c; c++) {
                if (whole)
                    fold_move(layer, &move, columns + c * window * places, x + c * plane);
                else
                    fold_lines(layer, columns + c * window * places, x + c * plane, ky, kx);
            }
        }
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
    for (int i = 0; i < pass->n; i++) {
        real *y = layer->y + (size_t)i * (size_t)shape_size(layer->out);
        unfold(layer, x + (size_t)i * (size_t)shape_size(layer->in), layer->kept);
        gemm_nn(filters, places, window, pass->params + layer->weight, layer->kept, 0, y);
        bias_planes(y, pass->params + layer->bias, filters, places, layer->relu);
    }
}

/* db[f] += sum over places of dy (f, places), where y is NULL or above 0; dy is 0 elsewhere from then on. Sixteen
 * partial sums, so that the loop can use vectors. */
NN_WIDE static void mask_and_sum_planes(real *restrict dy, const real *restrict y, real *restrict db,
                                        int filters, int places)
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
    real *db = pass->grads + layer->bias, *dcolumns = layer->kept + conv_columns(layer);
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
