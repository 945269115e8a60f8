#include "worker/nn/pooled.h"

#include <string.h>

#include "worker/nn/conv.h"
#include "worker/nn/linalg.h"
#include "worker/nn/unfold.h"

enum {
    WIDE = 16,   /* values a loop over channels takes at a time; runs are filled up to it */
    VECTORS = 4, /* of a window that are dealt with at a time: as many sums hide the latency of an addition */
};

static size_t whole_lanes(size_t count)
{
    return (count + WIDE - 1) / WIDE * WIDE;
}

/* ---- room for one image and for the weights, in layer->kept ---- */

/* A gradient that is not 0, and where the window over its winner begins in the padded image. */
struct hit {
    int at;
    real d;
};
_Static_assert(sizeof(struct hit) <= 2 * sizeof(real), "room for a hit is two values");

/* x and dx here are the image with its padding and with channels last. A run is one line of the window, width*c
 * values; it may read and add zeros beyond its end. */
struct room {
    int line;            /* values in a line of the padded image */
    int run;             /* values in a run, filled up to whole lanes */
    real *turned;        /* weights (window, filters) */
    real *columns;       /* (window, places) */
    real *z;             /* (places, filters): before the pooling */
    real *best;          /* (places / 4, filters): after it */
    real *x, *dx;        /* (h + 2 pad, w + 2 pad, c) */
    real *runs, *d_runs; /* weights and their gradient (filters, height, run) */
    int vectors;         /* in a window: height * run / WIDE */
    int *offsets;        /* (vectors) where they lie in the padded image, from the window's begin */
    struct hit *hits;    /* (places / 4) */
};

static real *carve(real *from, size_t *used, size_t count)
{
    real *at = from ? from + *used : NULL;
    *used += whole_lanes(count);
    return at;
}

/* Returns how many values it takes; `from` is NULL to ask only that. */
static size_t lay_out(const struct layer *layer, real *from, struct room *room)
{
    size_t used = 0, window = (size_t)window_size(layer), filters = (size_t)layer->full.c;
    int height = layer->in.h + 2 * layer->spec.pad;
    room->line = (layer->in.w + 2 * layer->spec.pad) * layer->in.c;
    room->run = (int)whole_lanes((size_t)(layer->spec.width * layer->in.c));
    room->turned = carve(from, &used, window * filters);
    room->columns = carve(from, &used, window * (size_t)window_places(layer));
    room->z = carve(from, &used, (size_t)shape_size(layer->full));
    room->best = carve(from, &used, (size_t)shape_size(layer->out));
    room->x = carve(from, &used, (size_t)height * (size_t)room->line + WIDE);
    room->dx = carve(from, &used, (size_t)height * (size_t)room->line + WIDE);
    room->runs = carve(from, &used, filters * (size_t)(layer->spec.height * room->run));
    room->d_runs = carve(from, &used, filters * (size_t)(layer->spec.height * room->run));
    room->vectors = layer->spec.height * room->run / WIDE;
    room->offsets = (int *)(void *)carve(from, &used, (size_t)room->vectors);
    room->hits = (struct hit *)(void *)carve(from, &used, 2 * (size_t)(layer->out.h * layer->out.w));
    return used;
}

size_t pooled_room(const struct layer *layer)
{
    struct room room;
    return lay_out(layer, NULL, &room);
}

/* ---- forward ---- */

/* best[i] = largest of four, corner[i] which: 0 1 / 2 3, of equals the first. Steps that are vectors as they
 * stand; `count` is at most WIDE. */
static inline void pick(const real *above, const real *below, int right, real *restrict best,
                        uint8_t *restrict corner, int count)
{
    real top[WIDE], bottom[WIDE];
    int32_t which[WIDE];
    for (int i = 0; i < count; i++)
        top[i] = above[right + i] > above[i] ? above[right + i] : above[i];
    for (int i = 0; i < count; i++)
        bottom[i] = below[right + i] > below[i] ? below[right + i] : below[i];
    for (int i = 0; i < count; i++) {
        int32_t is_below = -(int32_t)(bottom[i] > top[i]); /* all bits or none */
        which[i] =
            ((above[right + i] > above[i]) & ~is_below) | ((2 + (below[right + i] > below[i])) & is_below);
    }
    for (int i = 0; i < count; i++)
        best[i] = bottom[i] > top[i] ? bottom[i] : top[i];
    for (int i = 0; i < count; i++)
        corner[i] = (uint8_t)which[i];
}

/* best (h/2, w/2, c) and corner from z (h, w, c) */
NN_WIDE static void pick_corners(const real *z, struct shape shape, real *best, uint8_t *corner)
{
    int c = shape.c, line = shape.w * c;
    for (int oy = 0; oy < shape.h / 2; oy++)
        for (int ox = 0; ox < shape.w / 2; ox++, best += c, corner += c) {
            const real *above = z + 2 * oy * line + 2 * ox * c, *below = above + line;
            int i = 0;
            for (; i + WIDE <= c; i += WIDE)
                pick(above + i, below + i, c, best + i, corner + i, WIDE);
            pick(above + i, below + i, c, best + i, corner + i, c - i);
        }
}

/* y (filters, places) = best^T + bias (filters), through the ReLU if there is one */
NN_WIDE static void finish(const real *restrict best, const real *restrict bias, real *restrict y,
                           int filters, int places, bool relu)
{
    for (int f = 0; f < filters; f++)
        for (int i = 0; i < places; i++) {
            real sum = best[i * filters + f] + bias[f];
            y[f * places + i] = relu && sum < 0 ? 0 : sum; /* NaN stays NaN */
        }
}

static void turn_weights(const real *w, real *turned, int filters, int window)
{
    for (int f = 0; f < filters; f++)
        for (int i = 0; i < window; i++)
            turned[i * filters + f] = w[f * window + i];
}

/* z (places, f) = columns^T (places, window) W^T (window, f), y (f, places/4) = max of 4 places + b, for each
 * image */
void pooled_forward(struct layer *layer, const struct pass *pass, const real *x)
{
    int filters = layer->full.c, window = window_size(layer);
    size_t in = (size_t)shape_size(layer->in), out = (size_t)shape_size(layer->out);
    struct room room;
    lay_out(layer, layer->kept, &room);
    turn_weights(pass->params + layer->weight, room.turned, filters, window);
    for (size_t i = 0; i < (size_t)pass->n; i++) {
        unfold(layer, x + i * in, room.columns);
        gemm_tn(window_places(layer), filters, window, room.columns, room.turned, 0, room.z);
        pick_corners(room.z, layer->full, room.best, layer->corner + i * out);
        finish(room.best, pass->params + layer->bias, layer->y + i * out, filters,
               layer->out.h * layer->out.w, layer->relu);
    }
}

/* ---- backward ---- */

/* The inside of the padded image with channels last, from or to (c, h, w). */
static void put_channels_last(const struct layer *layer, const struct room *room, const real *x)
{
    int c = layer->in.c, pad = layer->spec.pad;
    for (int k = 0; k < c; k++)
        for (int iy = 0; iy < layer->in.h; iy++) {
            real *line = room->x + (iy + pad) * room->line + pad * c + k;
            for (int ix = 0; ix < layer->in.w; ix++)
                line[ix * c] = *x++;
        }
}

static void put_channels_first(const struct layer *layer, const struct room *room, real *dx)
{
    int c = layer->in.c, pad = layer->spec.pad;
    for (int k = 0; k < c; k++)
        for (int iy = 0; iy < layer->in.h; iy++) {
            const real *line = room->dx + (iy + pad) * room->line + pad * c + k;
            for (int ix = 0; ix < layer->in.w; ix++)
                *dx++ = line[ix * c];
        }
}

/* Weights (filters, c, height, width) as (filters, height, run), a run being (width, c) and then what nobody reads
 * but to multiply it with 0; and back. */
static void weights_to_runs(const struct layer *layer, const real *w, int run, real *runs)
{
    int c = layer->in.c, height = layer->spec.height, width = layer->spec.width;
    for (int f = 0; f < layer->full.c; f++)
        for (int k = 0; k < c; k++)
            for (int ky = 0; ky < height; ky++)
                for (int kx = 0; kx < width; kx++)
                    runs[(f * height + ky) * run + kx * c + k] = *w++;
}

static void runs_to_weights(const struct layer *layer, const real *runs, int run, real *w)
{
    int c = layer->in.c, height = layer->spec.height, width = layer->spec.width;
    for (int f = 0; f < layer->full.c; f++)
        for (int k = 0; k < c; k++)
            for (int ky = 0; ky < height; ky++)
                for (int kx = 0; kx < width; kx++)
                    *w++ = runs[(f * height + ky) * run + kx * c + k];
}

/* Finds them in one filter of one image; returns how many. */
static int find_hits(const struct layer *layer, const struct room *room, const real *dy,
                     const uint8_t *corner)
{
    int count = 0, right = layer->spec.stride * layer->in.c, down = layer->spec.stride * room->line;
    int from[4] = {0, right, down, down + right};
    for (int oy = 0; oy < layer->out.h; oy++)
        for (int ox = 0; ox < layer->out.w; ox++, corner += layer->full.c, dy++) {
            room->hits[count] = (struct hit){2 * (oy * down + ox * right) + from[*corner], *dy};
            count += *dy != 0;
        }
    return count;
}

typedef real lanes __attribute__((vector_size(WIDE * sizeof(real)), aligned(sizeof(real)), may_alias));

/* dW += d x and dx += d W over all hits, for `count` vectors of the window; offset says where they lie in the
 * image. Called with a constant count, so that sums and weights stay in registers. */
__attribute__((always_inline)) static inline void meet(const struct hit *hits, int hit_count, const real *x,
                                                       real *dx, const lanes *w, lanes *dw, const int *offset,
                                                       int count)
{
    lanes sum[VECTORS], weight[VECTORS];
    for (int v = 0; v < count; v++) {
        sum[v] = dw[v];
        weight[v] = w[v];
    }
    for (const struct hit *hit = hits; hit < hits + hit_count; hit++) {
        for (int v = 0; v < count; v++)
            sum[v] += hit->d * *(const lanes *)(x + hit->at + offset[v]);
        for (int v = 0; dx && v < count; v++)
            *(lanes *)(dx + hit->at + offset[v]) += hit->d * weight[v];
    }
    for (int v = 0; v < count; v++)
        dw[v] = sum[v];
}

NN_WIDE static void meet_all(const struct room *room, int hit_count, int f, bool wants_dx)
{
    const lanes *w = (const lanes *)(room->runs + f * room->vectors * WIDE);
    lanes *dw = (lanes *)(room->d_runs + f * room->vectors * WIDE);
    real *dx = wants_dx ? room->dx : NULL;
    for (int v = 0; v < room->vectors; v += VECTORS, w += VECTORS, dw += VECTORS) {
        const int *offset = room->offsets + v;
        switch (room->vectors - v) {
        case 1: meet(room->hits, hit_count, room->x, dx, w, dw, offset, 1); break;
        case 2: meet(room->hits, hit_count, room->x, dx, w, dw, offset, 2); break;
        case 3: meet(room->hits, hit_count, room->x, dx, w, dw, offset, 3); break;
        default: meet(room->hits, hit_count, room->x, dx, w, dw, offset, 4); break;
        }
    }
}

void pooled_backward(struct layer *layer, const struct pass *pass, const real *x, real *dy, real *dx)
{
    size_t in = (size_t)shape_size(layer->in), out = (size_t)shape_size(layer->out);
    size_t places = (size_t)(layer->out.h * layer->out.w);
    real *db = pass->grads + layer->bias;
    struct room room;
    lay_out(layer, layer->kept, &room);
    for (int v = 0; v < room.vectors; v++)
        room.offsets[v] = v * WIDE / room.run * room.line + v * WIDE % room.run;
    size_t run_values = (size_t)(layer->full.c * layer->spec.height * room.run);
    memset(db, 0, layer->biases * sizeof *db);
    memset(room.d_runs, 0, run_values * sizeof *room.d_runs);
    weights_to_runs(layer, pass->params + layer->weight, room.run, room.runs);
    for (size_t i = 0; i < (size_t)pass->n; i++) {
        mask_and_sum_planes(dy + i * out, layer->relu ? layer->y + i * out : NULL, db, layer->full.c,
                            (int)places);
        put_channels_last(layer, &room, x + i * in);
        if (dx)
            memset(room.dx, 0, (size_t)(room.runs - room.dx) * sizeof *room.dx);
        for (int f = 0; f < layer->full.c; f++) {
            int hits =
                find_hits(layer, &room, dy + i * out + (size_t)f * places, layer->corner + i * out + f);
            meet_all(&room, hits, f, dx);
        }
        if (dx)
            put_channels_first(layer, &room, dx + i * in);
    }
    runs_to_weights(layer, room.d_runs, room.run, pass->grads + layer->weight);
}
