#include "worker/nn/net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/hash.h"
#include "common/mem.h"
#include "common/rng.h"
#include "worker/nn/linalg.h"

enum { PARAM_MAX = 1 << 28, WIDTH_MAX = 1 << 26 };

/* ---- building ---- */

static bool takes_relu(const struct layer *layer)
{
    return (layer->spec.kind == LAYER_AFFINE || layer->spec.kind == LAYER_CONV) && !layer->relu;
}

/* Appends a layer after shape `*at`, unless it is only a change of shape or part of the layer before. */
static int add_layer(struct net *net, const struct layer_spec *spec, int index, struct shape *at,
                     struct err *err)
{
    struct layer *last = net->layer_count ? &net->layers[net->layer_count - 1] : NULL;
    if (spec->kind == LAYER_RELU && last && takes_relu(last) && shape_size(last->out) == shape_size(*at)) {
        last->relu = true;
        return 0;
    }
    if (last && shape_equal(last->out, *at) && layer_take_pool(last, spec)) {
        *at = last->out;
        return 0;
    }
    struct layer layer = {.spec = *spec, .index = index};
    int rc = layer_plan(&layer, *at, err);
    if (rc)
        return err_prefix(err, "layers[%d]: ", index);
    *at = layer.out;
    if (spec->kind != LAYER_FLATTEN)
        net->layers[net->layer_count++] = layer;
    if (layer.weights > PARAM_MAX || shape_size(layer.out) > WIDTH_MAX)
        return err_set(err, ERR_BAD, "layers[%d]: %zu weights, %d outputs: too large", index, layer.weights,
                       shape_size(layer.out));
    return 0;
}

static size_t add_block(struct net *net, size_t count, int layer, bool penalised)
{
    size_t at = net->param_count;
    net->blocks[net->block_count++] =
        (struct param_block){.at = at, .count = count, .layer = layer, .penalised = penalised};
    net->param_count += (count + 15) / 16 * 16;
    return at;
}

static int place_params(struct net *net, size_t expected, struct err *err)
{
    net->blocks = xcalloc((size_t)net->layer_count * 2, sizeof *net->blocks);
    for (int i = 0; i < net->layer_count; i++) {
        struct layer *layer = &net->layers[i];
        if (!layer->weights)
            continue;
        layer->weight = add_block(net, layer->weights, i, layer->spec.kind != LAYER_BATCHNORM);
        layer->bias = add_block(net, layer->biases, i, false);
        layer->state = net->state_count;
        net->state_count += layer->states;
        if (net->param_count > PARAM_MAX)
            return err_set(err, ERR_BAD, "layers: more than %d parameters", PARAM_MAX);
    }
    if (expected && expected != net->param_count)
        return err_set(err, ERR_BAD, "layers: expected %zu parameters, found %zu", expected,
                       net->param_count);
    net->params = real_alloc(net->param_count);
    net->grads = real_alloc(net->param_count);
    net->states = real_alloc(net->state_count);
    return 0;
}

int net_new(const struct net_options *options, struct net **out, struct err *err)
{
    struct net *net = xcalloc(1, sizeof *net);
    struct layer_spec last = {.kind = LAYER_AFFINE, .count = options->classes};
    struct shape at = options->in;
    *out = NULL;
    linalg_init();
    net->in = options->in;
    net->classes = options->classes;
    net->loss = options->loss;
    net->layers = xcalloc((size_t)options->layer_count + 1, sizeof *net->layers);
    int rc = 0;
    for (int i = 0; !rc && i < options->layer_count; i++)
        rc = add_layer(net, &options->layers[i], i, &at, err);
    if (!rc)
        rc = add_layer(net, &last, options->layer_count, &at, err);
    if (!rc)
        rc = place_params(net, options->param_count, err);
    if (rc) {
        net_free(net);
        return rc;
    }
    net_init(net, options);
    *out = net;
    return 0;
}

void net_free(struct net *net)
{
    if (!net)
        return;
    for (int i = 0; i < net->layer_count; i++)
        layer_fini(&net->layers[i]);
    free(net->layers);
    free(net->blocks);
    free(net->params);
    free(net->grads);
    free(net->states);
    free(net->dy[0]);
    free(net->dy[1]);
    free(net);
}

/* ---- first weights ---- */

static double deviation(const struct net_options *options, const struct layer *layer, bool is_last)
{
    double in = layer->spec.kind == LAYER_CONV ? (double)(layer->weights / (size_t)layer->out.c)
                                               : (double)shape_size(layer->in);
    double out = (double)layer->weights / in;
    if (layer->spec.kind == LAYER_CONV)
        out *= layer->spec.height * layer->spec.width;
    if (options->init == INIT_SMALL)
        return options->init_scale;
    if (is_last)
        return options->init_scale * 0.1 / sqrt(in);
    return options->init_scale * (options->init == INIT_XAVIER ? sqrt(2 / (in + out)) : sqrt(2 / in));
}

/* sqrt(2) times orthonormal columns (or rows, where there are more outputs than inputs). `draws` is count
 * normals. */
static void make_orthogonal(const struct layer *layer, double scale, double *draws, real *w)
{
    int cols = layer->out.c, rows = (int)(layer->weights / (size_t)cols);
    int tall = rows > cols ? rows : cols, thin = rows > cols ? cols : rows;
    bool filters_first = layer->spec.kind == LAYER_CONV; /* stored (out, in); affine is stored (in, out) */
    POST(orthonormal(tall, thin, draws) == 0);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) {
            double value = rows > cols ? draws[(size_t)r * (size_t)cols + (size_t)c]
                                       : draws[(size_t)c * (size_t)rows + (size_t)r];
            size_t at =
                filters_first ? (size_t)c * (size_t)rows + (size_t)r : (size_t)r * (size_t)cols + (size_t)c;
            w[at] = (real)(scale * M_SQRT2 * value);
        }
}

static void init_weights(struct net *net, const struct net_options *options, int index)
{
    struct layer *layer = &net->layers[index];
    bool is_last = index == net->layer_count - 1;
    real *w = net->params + layer->weight;
    struct rng rng = rng_at(options->seed, 0, hash_name("init"), (uint32_t)layer->index);
    double *draws = xcalloc(layer->weights, sizeof *draws);
    for (size_t i = 0; i < layer->weights; i++)
        draws[i] = rng_normal(&rng);
    double sd = deviation(options, layer, is_last);
    if (options->init == INIT_ORTHOGONAL && !is_last)
        make_orthogonal(layer, options->init_scale, draws, w);
    else
        for (size_t i = 0; i < layer->weights; i++)
            w[i] = (real)(sd * draws[i]);
    free(draws);
}

void net_init(struct net *net, const struct net_options *options)
{
    memset(net->params, 0, net->param_count * sizeof *net->params);
    memset(net->states, 0, net->state_count * sizeof *net->states);
    for (int i = 0; i < net->layer_count; i++) {
        struct layer *layer = &net->layers[i];
        if (layer->spec.kind == LAYER_BATCHNORM)
            for (size_t c = 0; c < layer->weights; c++) {
                net->params[layer->weight + c] = 1;
                net->states[layer->state + layer->weights + c] = 1;
            }
        else if (layer->weights)
            init_weights(net, options, i);
    }
}

/* ---- passes ---- */

/* Gradients go back through two buffers in turn; each is as wide as the widest output that uses it. */
static int gradient_buffer(const struct net *net, int layer)
{
    return (net->layer_count - 1 - layer) % 2;
}

static void reserve(struct net *net, int n)
{
    int widest[2] = {0, 0};
    if (n <= net->batch)
        return;
    for (int i = 0; i < net->layer_count; i++) {
        int size = shape_size(net->layers[i].out), which = gradient_buffer(net, i);
        layer_reserve(&net->layers[i], n);
        widest[which] = size > widest[which] ? size : widest[which];
    }
    for (int i = 0; i < 2; i++) {
        free(net->dy[i]);
        net->dy[i] = real_alloc((size_t)n * (size_t)widest[i]);
    }
    net->batch = n;
}

const real *net_forward(struct net *net, struct pass *pass, const real *x)
{
    PRE(pass->n > 0);
    reserve(net, pass->n);
    pass->params = net->params;
    pass->grads = net->grads;
    pass->states = net->states;
    net->x = x;
    for (int i = 0; i < net->layer_count; i++) {
        layer_forward(&net->layers[i], pass, x);
        x = net->layers[i].y;
    }
    return x;
}

/* dy[0] holds the gradient of the scores. */
static void backward(struct net *net, const struct pass *pass)
{
    for (int i = net->layer_count - 1; i >= 0; i--) {
        const real *x = i ? net->layers[i - 1].y : net->x;
        real *dx = i ? net->dy[gradient_buffer(net, i - 1)] : NULL;
        layer_backward(&net->layers[i], pass, x, net->dy[gradient_buffer(net, i)], dx);
    }
}

struct loss_sum net_loss(struct net *net, struct pass *pass, const real *x, const int32_t *labels,
                         bool gradient)
{
    const real *scores = net_forward(net, pass, x);
    struct loss_sum sum =
        loss_batch(net->loss, scores, labels, pass->n, net->classes, gradient ? net->dy[0] : NULL);
    if (gradient)
        backward(net, pass);
    return sum;
}

uint64_t net_pattern(const struct net *net, const int32_t *labels, int n)
{
    uint64_t hash = 0;
    for (int i = 0; i < net->layer_count; i++)
        hash = layer_pattern(&net->layers[i], n, hash);
    return loss_pattern(net->loss, net->layers[net->layer_count - 1].y, labels, n, net->classes, hash);
}

size_t net_parameters(const struct net *net)
{
    size_t sum = 0;
    for (int i = 0; i < net->block_count; i++)
        sum += net->blocks[i].count;
    return sum;
}

/* ---- weight penalties ---- */

double net_penalty(const struct net *net, double l1, double l2)
{
    double squares = 0, sizes = 0;
    for (int i = 0; i < net->block_count; i++) {
        const struct param_block *block = &net->blocks[i];
        for (size_t j = block->at; block->penalised && j < block->at + block->count; j++) {
            squares += (double)net->params[j] * (double)net->params[j];
            sizes += fabs((double)net->params[j]);
        }
    }
    return l1 * sizes + 0.5 * l2 * squares;
}

void net_add_penalty(struct net *net, double l1, double l2)
{
    for (int i = 0; i < net->block_count; i++) {
        const struct param_block *block = &net->blocks[i];
        for (size_t j = block->at; block->penalised && j < block->at + block->count; j++) {
            real w = net->params[j];
            net->grads[j] += (real)l2 * w + (real)l1 * (real)((w > 0) - (w < 0));
        }
    }
}
