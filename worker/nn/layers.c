#include "worker/nn/layers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/hash.h"
#include "common/mem.h"
#include "worker/nn/batchnorm.h"
#include "worker/nn/conv.h"
#include "worker/nn/dropout.h"
#include "worker/nn/linalg.h"
#include "worker/nn/pool.h"
#include "worker/nn/pooled.h"

enum { PADDED_MAX = 1 << 28 }; /* values of an image with its padding, beyond which there is no pass of one */

real *real_alloc(size_t count)
{
    size_t bytes = (count * sizeof(real) + 63) / 64 * 64;
    real *out = aligned_alloc(64, bytes ? bytes : 64);
    if (!out)
        return xcalloc(count, sizeof(real)); /* says so and ends the process */
    memset(out, 0, bytes);
    return out;
}

/* ---- planning ---- */

static int plan_window(struct layer *layer, struct err *err)
{
    const struct layer_spec *spec = &layer->spec;
    int h = layer->in.h + 2 * spec->pad, w = layer->in.w + 2 * spec->pad;
    if (spec->height > h || spec->width > w) {
        err_set(err, ERR_BAD, "%s: a window of %d x %d does not fit into an image of %d x %d",
                layer_kind_name(spec->kind), spec->height, spec->width, h, w);
        return err_hint(err, "what comes before leaves %d x %d x %d (channels, height, width)", layer->in.c,
                        layer->in.h, layer->in.w);
    }
    layer->out.h = (h - spec->height) / spec->stride + 1;
    layer->out.w = (w - spec->width) / spec->stride + 1;
    layer->full = layer->out;
    return 0;
}

static int plan_maxout(struct layer *layer, struct err *err)
{
    if (layer->in.c % layer->spec.count)
        return err_set(err, ERR_BAD, "maxout %d: %d units before it cannot be divided into groups of %d",
                       layer->spec.count, layer->in.c, layer->spec.count);
    layer->out.c = layer->in.c / layer->spec.count;
    return 0;
}

int layer_plan(struct layer *layer, struct shape in, struct err *err)
{
    layer->in = layer->out = in;
    switch (layer->spec.kind) {
    case LAYER_AFFINE:
        layer->out = (struct shape){layer->spec.count, 1, 1};
        layer->weights = (size_t)shape_size(in) * (size_t)layer->out.c;
        layer->biases = (size_t)layer->out.c;
        return 0;
    case LAYER_CONV:
        layer->out.c = layer->spec.count;
        layer->weights = (size_t)layer->out.c * (size_t)(in.c * layer->spec.height * layer->spec.width);
        layer->biases = (size_t)layer->out.c;
        return plan_window(layer, err);
    case LAYER_POOL: return plan_window(layer, err);
    case LAYER_MAXOUT: return plan_maxout(layer, err);
    case LAYER_BATCHNORM:
        layer->weights = layer->biases = (size_t)in.c;
        layer->states = 2 * (size_t)in.c;
        return 0;
    case LAYER_FLATTEN: layer->out = (struct shape){shape_size(in), 1, 1}; return 0;
    default: return 0;
    }
}

bool layer_take_pool(struct layer *layer, const struct layer_spec *pool)
{
    bool is_2x2 = pool->kind == LAYER_POOL && pool->height == 2 && pool->width == 2 && pool->stride == 2;
    int64_t height = layer->in.h + 2 * layer->spec.pad, width = layer->in.w + 2 * layer->spec.pad;
    if (layer->spec.kind != LAYER_CONV || layer->pooled || !is_2x2 || layer->out.h < 2 || layer->out.w < 2)
        return false;
    if (height * width * layer->in.c > PADDED_MAX)
        return false;
    layer->pooled = true;
    layer->out.h /= 2;
    layer->out.w /= 2;
    return true;
}

void layer_reserve(struct layer *layer, int batch)
{
    size_t n = (size_t)batch * (size_t)shape_size(layer->out);
    layer_fini(layer);
    if (layer->spec.kind != LAYER_FLATTEN)
        layer->y = real_alloc(n);
    if (layer->spec.kind == LAYER_POOL || layer->spec.kind == LAYER_MAXOUT)
        layer->winner = xcalloc(n, sizeof *layer->winner);
    if (layer->spec.kind == LAYER_DROPOUT || layer->spec.kind == LAYER_BATCHNORM)
        layer->kept = real_alloc(n);
    if (layer->spec.kind == LAYER_CONV)
        layer->kept = real_alloc(conv_room(layer));
    if (layer->pooled)
        layer->corner = xcalloc(n, sizeof *layer->corner);
    if (layer->spec.kind == LAYER_BATCHNORM)
        layer->moments = real_alloc(4 * (size_t)layer->in.c);
}

void layer_fini(struct layer *layer)
{
    free(layer->y);
    free(layer->kept);
    free(layer->moments);
    free(layer->winner);
    free(layer->corner);
    layer->y = layer->kept = layer->moments = NULL;
    layer->winner = NULL;
    layer->corner = NULL;
}

/* ---- affine: y (n,out) = x (n,in) W (in,out) + b (out) ---- */

NN_WIDE static void add_bias(real *restrict y, const real *restrict bias, int n, int width)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < width; j++)
            y[(size_t)i * (size_t)width + (size_t)j] += bias[j];
}

NN_WIDE static void add_bias_relu(real *restrict y, const real *restrict bias, int n, int width)
{
    for (int i = 0; i < n; i++) {
        real *row = y + (size_t)i * (size_t)width;
        for (int j = 0; j < width; j++) {
            real z = row[j] + bias[j];
            row[j] = z < 0 ? 0 : z; /* NaN stays NaN */
        }
    }
}

/* dy = dy where y > 0, else 0; db = sum of the rows of dy. One pass over both. */
NN_WIDE static void mask_and_sum(real *restrict dy, const real *restrict y, real *restrict db, int n,
                                 int width)
{
    for (int i = 0; i < n; i++) {
        real *d = dy + (size_t)i * (size_t)width;
        const real *out = y + (size_t)i * (size_t)width;
        for (int j = 0; j < width; j++) {
            d[j] = out[j] > 0 ? d[j] : 0;
            db[j] += d[j];
        }
    }
}

NN_WIDE static void sum_rows(const real *restrict dy, real *restrict db, int n, int width)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j < width; j++)
            db[j] += dy[(size_t)i * (size_t)width + (size_t)j];
}

static void affine_forward(struct layer *layer, const struct pass *pass, const real *x)
{
    int in = shape_size(layer->in), out = layer->out.c;
    gemm_nn(pass->n, out, in, x, pass->params + layer->weight, 0, layer->y);
    if (layer->relu)
        add_bias_relu(layer->y, pass->params + layer->bias, pass->n, out);
    else
        add_bias(layer->y, pass->params + layer->bias, pass->n, out);
}

/* dW (in,out) = x^T dy, db = sum of dy, dx (n,in) = dy W^T. */
static void affine_backward(struct layer *layer, const struct pass *pass, const real *x, real *dy, real *dx)
{
    int in = shape_size(layer->in), out = layer->out.c;
    real *db = pass->grads + layer->bias;
    memset(db, 0, layer->biases * sizeof *db);
    if (layer->relu)
        mask_and_sum(dy, layer->y, db, pass->n, out);
    else
        sum_rows(dy, db, pass->n, out);
    gemm_tn(in, out, pass->n, x, dy, 0, pass->grads + layer->weight);
    if (dx)
        gemm_nt(pass->n, in, out, dy, pass->params + layer->weight, 0, dx);
}

/* ---- element by element: y = f(x), dx = dy f'(x), f' written in y where that is shorter ---- */

NN_WIDE static void relu_forward(const real *restrict x, real *restrict y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = x[i] < 0 ? 0 : x[i]; /* NaN stays NaN */
}

NN_WIDE static void relu_backward(const real *restrict y, const real *restrict dy, real *restrict dx,
                                  size_t count)
{
    for (size_t i = 0; i < count; i++)
        dx[i] = y[i] > 0 ? dy[i] : 0;
}

NN_WIDE static void leaky_forward(const real *restrict x, real *restrict y, real slope, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = x[i] > 0 ? x[i] : slope * x[i];
}

NN_WIDE static void leaky_backward(const real *restrict x, const real *restrict dy, real *restrict dx,
                                   real slope, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dx[i] = x[i] > 0 ? dy[i] : slope * dy[i];
}

static real tanh_real(real x)
{
#ifdef NN_DOUBLE
    return tanh(x);
#else
    return tanhf(x);
#endif
}

static real exp_real(real x)
{
#ifdef NN_DOUBLE
    return exp(x);
#else
    return expf(x);
#endif
}

static void tanh_forward(const real *x, real *y, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = tanh_real(x[i]);
}

NN_WIDE static void tanh_backward(const real *restrict y, const real *restrict dy, real *restrict dx,
                                  size_t count)
{
    for (size_t i = 0; i < count; i++)
        dx[i] = dy[i] * (1 - y[i] * y[i]);
}

/* exp of a negative number only, so that nothing overflows. */
static void sigmoid_forward(const real *x, real *y, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        real e = exp_real(x[i] > 0 ? -x[i] : x[i]);
        y[i] = (x[i] > 0 ? 1 : e) / (1 + e);
    }
}

NN_WIDE static void sigmoid_backward(const real *restrict y, const real *restrict dy, real *restrict dx,
                                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        dx[i] = dy[i] * y[i] * (1 - y[i]);
}

/* ---- dropout, inverted: y = x mask, the mask 0 with probability p and else 1/(1-p), so that evaluation
 * needs no factor; there y = x ---- */

NN_WIDE static void multiply(const real *restrict a, const real *restrict b, real *restrict out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = a[i] * b[i];
}

static void dropout_forward(struct layer *layer, const struct pass *pass, const real *x)
{
    size_t count = (size_t)pass->n * (size_t)shape_size(layer->out);
    if (!pass->training) {
        memcpy(layer->y, x, count * sizeof *x);
        return;
    }
    struct dropout_stream stream = {pass->seed, pass->epoch, hash_name("dropout") + (uint32_t)layer->index,
                                    pass->step};
    dropout_mask(&stream, layer->spec.value, layer->kept, count);
    multiply(x, layer->kept, layer->y, count);
}

/* ---- maxout: y[c] = largest of x[c k .. c k + k-1], for each place of the image ---- */

static void maxout_forward(struct layer *layer, const struct pass *pass, const real *x)
{
    size_t plane = (size_t)(layer->in.h * layer->in.w), k = (size_t)layer->spec.count;
    size_t groups = (size_t)pass->n * (size_t)layer->out.c;
    for (size_t g = 0; g < groups; g++) {
        for (size_t i = 0; i < plane; i++) {
            const real *in = x + g * k * plane + i;
            size_t best = 0;
            for (size_t j = 1; j < k; j++)
                best = in[j * plane] > in[best * plane] ? j : best;
            layer->y[g * plane + i] = in[best * plane];
            layer->winner[g * plane + i] = (int32_t)best;
        }
    }
}

static void maxout_backward(struct layer *layer, const struct pass *pass, const real *dy, real *dx)
{
    size_t plane = (size_t)(layer->in.h * layer->in.w), k = (size_t)layer->spec.count;
    size_t groups = (size_t)pass->n * (size_t)layer->out.c;
    memset(dx, 0, groups * k * plane * sizeof *dx);
    for (size_t g = 0; g < groups; g++)
        for (size_t i = 0; i < plane; i++)
            dx[(g * k + (size_t)layer->winner[g * plane + i]) * plane + i] = dy[g * plane + i];
}

/* ---- all of them ---- */

void layer_forward(struct layer *layer, const struct pass *pass, const real *x)
{
    size_t count = (size_t)pass->n * (size_t)shape_size(layer->out);
    switch (layer->spec.kind) {
    case LAYER_AFFINE: affine_forward(layer, pass, x); return;
    case LAYER_CONV: conv_forward(layer, pass, x); return;
    case LAYER_POOL: pool_forward(layer, pass, x); return;
    case LAYER_RELU: relu_forward(x, layer->y, count); return;
    case LAYER_LEAKY: leaky_forward(x, layer->y, (real)layer->spec.value, count); return;
    case LAYER_TANH: tanh_forward(x, layer->y, count); return;
    case LAYER_SIGMOID: sigmoid_forward(x, layer->y, count); return;
    case LAYER_MAXOUT: maxout_forward(layer, pass, x); return;
    case LAYER_DROPOUT: dropout_forward(layer, pass, x); return;
    case LAYER_BATCHNORM: batchnorm_forward(layer, pass, x); return;
    case LAYER_FLATTEN: break; /* the net leaves it out: it only changes a shape */
    }
    UNREACHABLE();
}

void layer_backward(struct layer *layer, const struct pass *pass, const real *x, real *dy, real *dx)
{
    size_t count = (size_t)pass->n * (size_t)shape_size(layer->out);
    switch (layer->spec.kind) {
    case LAYER_AFFINE: affine_backward(layer, pass, x, dy, dx); return;
    case LAYER_CONV: conv_backward(layer, pass, x, dy, dx); return;
    case LAYER_BATCHNORM: batchnorm_backward(layer, pass, dy, dx); return;
    default: break;
    }
    if (!dx)
        return;
    switch (layer->spec.kind) {
    case LAYER_POOL: pool_backward(layer, pass, dy, dx); return;
    case LAYER_RELU: relu_backward(layer->y, dy, dx, count); return;
    case LAYER_LEAKY: leaky_backward(x, dy, dx, (real)layer->spec.value, count); return;
    case LAYER_TANH: tanh_backward(layer->y, dy, dx, count); return;
    case LAYER_SIGMOID: sigmoid_backward(layer->y, dy, dx, count); return;
    case LAYER_MAXOUT: maxout_backward(layer, pass, dy, dx); return;
    case LAYER_DROPOUT: multiply(dy, layer->kept, dx, count); return;
    default: break;
    }
    UNREACHABLE();
}

static uint64_t corner_pattern(const struct layer *layer, size_t count, uint64_t hash)
{
    size_t places = (size_t)(layer->out.h * layer->out.w), filters = (size_t)layer->out.c;
    for (size_t i = 0; i < count; i++) {
        size_t image = i / (filters * places), f = i / places % filters, place = i % places;
        if (!layer->relu || layer->y[i] > 0) /* who won matters only where the ReLU lets it through */
            hash = hash_mix(hash, layer->corner[(image * places + place) * filters + f]);
    }
    return hash;
}

uint64_t layer_pattern(const struct layer *layer, int n, uint64_t hash)
{
    size_t count = (size_t)n * (size_t)shape_size(layer->out);
    if (layer->winner)
        for (size_t i = 0; i < count; i++)
            hash = hash_mix(hash, (uint64_t)layer->winner[i]);
    if (layer->corner)
        hash = corner_pattern(layer, count, hash);
    if (layer->relu || layer->spec.kind == LAYER_RELU || layer->spec.kind == LAYER_LEAKY)
        for (size_t i = 0; i < count; i++)
            hash = hash_mix(hash, layer->y[i] > 0);
    return hash;
}
