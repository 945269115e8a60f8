#include "worker/nn/unfold.h"

#include <string.h>

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
    if (last > layer->full.w)
        last = layer->full.w;
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
    for (int ox = span.last; ox < layer->full.w; ox++)
        out[ox] = 0;
}

/* One window place (ky, kx) of one channel: all its lines. */
static void unfold_lines(const struct layer *layer, const real *plane, real *columns, int ky, int kx)
{
    struct span span = inside(layer, kx);
    for (int oy = 0; oy < layer->full.h; oy++, columns += layer->full.w) {
        int iy = oy * layer->spec.stride + ky - layer->spec.pad;
        if (iy < 0 || iy >= layer->in.h)
            memset(columns, 0, (size_t)layer->full.w * sizeof *columns);
        else
            unfold_line(layer, span, plane + iy * layer->in.w, columns, kx - layer->spec.pad);
    }
}

/* Where the output has the input's size, a place of the window is the whole plane moved by a few values: one
 * copy, then zeros where the move came in from outside. This is nearly every convolution that is used. */
static bool keeps_size(const struct layer *layer)
{
    return layer->spec.stride == 1 && layer->full.w == layer->in.w && layer->full.h == layer->in.h;
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

/* Zeros in the columns of each line that lie outside; both sides are a handful of values. Down, not across: of
 * each line a compiler makes a call of memset, and those cost more than the rest of the unfolding. */
static void clear_edges(real *columns, struct span x, int width, int height)
{
    for (int ox = 0; ox < width; ox++)
        for (int at = ox; (ox < x.first || ox >= x.last) && at < width * height; at += width)
            columns[at] = 0;
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

void unfold(const struct layer *layer, const real *x, real *columns)
{
    size_t places = (size_t)window_places(layer), plane = (size_t)(layer->in.h * layer->in.w);
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
    for (int oy = 0; oy < layer->full.h; oy++, columns += layer->full.w) {
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

void fold(const struct layer *layer, real *columns, real *x)
{
    size_t places = (size_t)window_places(layer), plane = (size_t)(layer->in.h * layer->in.w);
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
