/* The checks before training catch a fault planted in each layer, each loss, the update rule and the labels, each by its
 * gate, and are content with what is right.
 *
 * The double twin of the room is compiled here once more, with a backward pass in between that spoils what one kind
 * of layer gives: this is the fault a person makes, not one in the checker's own data. */
#define NN_DOUBLE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/nn/batchnorm.c"
#include "worker/nn/conv.c"
#include "worker/nn/dropout.c"
#include "worker/nn/layers.c"
#include "worker/nn/linalg.c"
#include "worker/nn/loss.c"
#include "worker/nn/optimizer.c"
#include "worker/nn/pool.c"
#include "worker/nn/pooled.c"
#include "worker/nn/unfold.c"

enum fault {
    NO_FAULT,
    NO_MASK,        /* the gradient passes where the unit is off, or where another one won */
    WRONG_CORNER,   /* the pooling in a convolution's pass sends it to the neighbour of the one that won */
    NO_BIAS,        /* the bias gets no gradient */
    BATCH_NOT_MEAN, /* a sum where the mean belongs */
    TRANSPOSED,     /* weights used as if they were stored the other way round */
    FLIPPED,        /* the convolution's window upside down */
    NO_SCALE,       /* dropout without its 1/(1-p) */
    WRONG_SLOPE,    /* the derivative of another function */
    NO_MEAN,        /* batchnorm without the terms of mean and variance */
};

static enum layer_kind planted_kind;
static enum fault planted;

static void reverse(double *values, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        double kept = values[i];
        values[i] = values[count - 1 - i];
        values[count - 1 - i] = kept;
    }
}

/* Every layer's dx as if it were the identity, or spread evenly over what it chose from. */
static void pass_on(const struct layer *layer, int n, const double *dy, double *dx)
{
    size_t in = (size_t)(n * shape_size(layer->in)), out = (size_t)(n * shape_size(layer->out));
    for (size_t i = 0; dx && i < in; i++)
        dx[i] = dy[i * out / in];
}

static void spoil(struct layer *layer, const struct pass *pass, const double *x, double *dy, double *dx)
{
    size_t in = (size_t)(pass->n * shape_size(layer->in));
    bool has_relu = layer->relu;
    double *dw = pass->grads + layer->weight, *db = pass->grads + layer->bias;
    switch (planted) {
    case NO_MASK: layer->relu = false; break;
    case WRONG_CORNER:
        for (int i = 0; layer->pooled && i < pass->n * shape_size(layer->out); i++)
            layer->corner[i] ^= 1;
        break;
    case WRONG_SLOPE:
        for (size_t i = 0; layer->spec.kind == LAYER_TANH && i < in; i++)
            dx[i] = dy[i] * (1 - layer->y[i]);
        for (size_t i = 0; layer->spec.kind == LAYER_SIGMOID && i < in; i++)
            dx[i] = dy[i] * (1 - layer->y[i] * layer->y[i]);
        for (size_t i = 0; layer->spec.kind == LAYER_LEAKY && i < in; i++)
            dx[i] = x[i] > 0 ? dy[i] : 0;
        return;
    default: break;
    }
    if (planted == NO_MASK && layer->spec.kind != LAYER_AFFINE && layer->spec.kind != LAYER_CONV) {
        pass_on(layer, pass->n, dy, dx);
        return;
    }
    layer_backward(layer, pass, x, dy, dx);
    layer->relu = has_relu;
    if (planted == NO_BIAS)
        memset(db, 0, layer->biases * sizeof *db);
    for (size_t i = 0; planted == BATCH_NOT_MEAN && i < layer->weights; i++)
        dw[i] *= pass->n;
    if (planted == TRANSPOSED || planted == FLIPPED)
        reverse(dw, layer->weights);
    for (size_t i = 0; planted == NO_SCALE && i < in; i++)
        dx[i] *= 1 - layer->spec.value;
    if (planted == NO_MEAN)
        for (size_t i = 0, plane = (size_t)(layer->in.h * layer->in.w); dx && i < in; i++) {
            size_t c = i / plane % (size_t)layer->in.c;
            dx[i] = dy[i] * pass->params[layer->weight + c] * layer->moments[(size_t)layer->in.c + c];
        }
}

static void planted_backward(struct layer *layer, const struct pass *pass, const double *x, double *dy,
                             double *dx)
{
    if (planted != NO_FAULT && layer->spec.kind == planted_kind)
        spoil(layer, pass, x, dy, dx);
    else
        layer_backward(layer, pass, x, dy, dx);
}

/* ---- faults outside the layers ---- */

enum outside {
    NOTHING,
    LOSS_NOT_MEAN, /* the gradient's 1/n is missing */
    LOSS_NO_LABEL, /* the label's own score gets no gradient */
    LOSS_SOFT_SVM, /* the gradient of the other loss */
    RATE_SIGN,     /* a step up the hill */
    LABEL_SHUFFLE, /* labels and samples out of step, another way each time */
    NO_PENALTY,
};

static enum outside outside;

static struct loss_sum planted_loss(enum loss_kind kind, const double *scores, const int32_t *labels, int n,
                                    int classes, double *d)
{
    struct loss_sum sum = loss_batch(kind, scores, labels, n, classes, d);
    if (d && outside == LOSS_SOFT_SVM)
        loss_batch(kind == LOSS_SVM ? LOSS_SOFTMAX : LOSS_SVM, scores, labels, n, classes, d);
    for (int i = 0; d && outside == LOSS_NOT_MEAN && i < n * classes; i++)
        d[i] *= n;
    for (int i = 0; d && outside == LOSS_NO_LABEL && i < n; i++)
        d[i * classes + labels[i]] = 0;
    return sum;
}

static void planted_step(struct optimizer *optimizer, double *params, double *grads,
                         const struct param_block *blocks, int count, const struct step *step)
{
    struct step other = *step;
    if (outside == RATE_SIGN)
        other.lr = -other.lr;
    optimizer_step(optimizer, params, grads, blocks, count, &other);
}

#undef layer_backward
#define layer_backward planted_backward
#undef loss_batch
#define loss_batch planted_loss
#undef optimizer_step
#define optimizer_step planted_step
#define by_size gradcheck_by_size
#include "worker/nn/gradcheck.c"
#include "worker/nn/net.c"

static struct loss_sum planted_net_loss(struct net *net, struct pass *pass, const double *x,
                                        const int32_t *labels, bool gradient)
{
    static uint32_t turn;
    int32_t other[64];
    for (int i = 0; i < pass->n && i < 64; i++)
        other[i] = labels[(i + (int)(turn % 7)) % pass->n];
    turn += 3;
    return net_loss(net, pass, x, outside == LABEL_SHUFFLE && pass->n <= 64 ? other : labels, gradient);
}

static double planted_penalty(const struct net *net, double l1, double l2)
{
    return outside == NO_PENALTY ? 0 : net_penalty(net, l1, l2);
}

#undef net_loss
#define net_loss planted_net_loss
#undef net_penalty
#define net_penalty planted_penalty
#include "worker/nn/checks.c"
#include "tests/unit/nn.h"

enum { SAMPLES = 3 };
#define LAYERS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char *const *const networks[] = {
    LAYERS("affine 9", "relu", "affine 8", "leaky 0.1", "affine 8", "maxout 2", "affine 6", "tanh",
           "affine 6", "sigmoid", "dropout 0.3"),
    LAYERS("conv 3x3x3", "relu", "pool 2", "conv 3x3x4", "batchnorm", "tanh", "maxout 2", "affine 6", "relu"),
    LAYERS("conv 3x3x3", "tanh", "pool 2", "affine 6", "relu"),
};

static double worst_of(const char *const *layers, uint64_t seed, enum loss_kind loss)
{
    struct layer_spec specs[16];
    struct net_options options = {
        .layers = specs, .in = {2, 6, 6}, .classes = 4, .loss = loss, .init_scale = 1, .seed = seed};
    struct gradcheck_options check = {.per_block = 12, .seed = seed};
    struct gradcheck found;
    struct net *net;
    double x[SAMPLES * 72];
    int32_t y[SAMPLES] = {0, 3, 1};
    struct rng rng = rng_at(seed, 0, 0, 0);
    for (; layers[options.layer_count]; options.layer_count++)
        assert_int_equal(layer_spec_parse(layers[options.layer_count], &specs[options.layer_count], NULL), 0);
    assert_int_equal(net_new(&options, &net, NULL), 0);
    for (int i = 0; i < SAMPLES * 72; i++)
        x[i] = rng_normal(&rng);
    for (size_t i = 0; i < net->param_count; i++)
        net->params[i] += 0.2 * rng_normal(&rng);
    gradcheck_run(net, x, y, SAMPLES, &check, &found);
    assert_true(found.checked > 5 * found.kinks);
    net_free(net);
    return found.worst;
}

static void right_gradients_pass(void **state)
{
    (void)state;
    planted = NO_FAULT;
    for (uint64_t seed = 1; seed <= 20; seed++)
        for (int i = 0; i < 3; i++) {
            double worst = worst_of(networks[i], seed, seed % 2 ? LOSS_SOFTMAX : LOSS_SVM);
            if (!(worst < 1e-6))
                fail_msg("seed %d, network %d: %g", (int)seed, i, worst);
        }
}

static void every_planted_fault_is_caught(void **state)
{
    (void)state;
    static const struct {
        enum layer_kind kind;
        enum fault fault;
        int network;
    } faults[] = {
        {LAYER_AFFINE, NO_MASK, 0},    {LAYER_AFFINE, NO_BIAS, 0},       {LAYER_AFFINE, BATCH_NOT_MEAN, 0},
        {LAYER_AFFINE, TRANSPOSED, 0}, {LAYER_LEAKY, NO_MASK, 0},        {LAYER_LEAKY, WRONG_SLOPE, 0},
        {LAYER_MAXOUT, NO_MASK, 0},    {LAYER_TANH, WRONG_SLOPE, 0},     {LAYER_SIGMOID, WRONG_SLOPE, 0},
        {LAYER_DROPOUT, NO_MASK, 0},   {LAYER_DROPOUT, NO_SCALE, 0},     {LAYER_CONV, NO_MASK, 1},
        {LAYER_CONV, NO_BIAS, 1},      {LAYER_CONV, BATCH_NOT_MEAN, 1},  {LAYER_CONV, FLIPPED, 1},
        {LAYER_POOL, NO_MASK, 2},      {LAYER_CONV, WRONG_CORNER, 1},    {LAYER_BATCHNORM, NO_MEAN, 1},
        {LAYER_BATCHNORM, NO_BIAS, 1}, {LAYER_BATCHNORM, TRANSPOSED, 1},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        planted_kind = faults[i].kind;
        planted = faults[i].fault;
        double worst = worst_of(networks[faults[i].network], 5, LOSS_SOFTMAX);
        if (!(worst > 1e-2))
            fail_msg("%s, fault %d: worst error %g", layer_kind_name(planted_kind), (int)planted, worst);
    }
    planted = NO_FAULT;
}

static void a_relu_of_its_own_is_caught_too(void **state)
{
    (void)state;
    planted_kind = LAYER_RELU;
    planted = NO_MASK;
    assert_true(worst_of(LAYERS("affine 9", "batchnorm", "relu", "affine 5"), 3, LOSS_SOFTMAX) > 1e-2);
    planted = NO_FAULT;
    assert_true(worst_of(LAYERS("affine 9", "batchnorm", "relu", "affine 5"), 3, LOSS_SOFTMAX) < 1e-6);
}

/* ---- by name: which gate says "wrong" ---- */

/* The gates of a training on the spiral that found something wrong: "G1 G3". */
static void wrong_gates(const char *loss, char out[64])
{
    struct data_options data_options = {.spec = "spiral:n=600", .normalize = 1};
    struct data_split data;
    struct check_report *report = xcalloc(1, sizeof *report);
    struct err err = ERR_NONE;
    char *text =
        xasprintf("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"loss\":\"%s\",\"layers\":[\"affine 24\","
                  "\"tanh\"]}",
                  loss);
    struct json *options = resolve(text);
    out[0] = '\0';
    if (data_load(&data_options, &data, &err) || checks_run(options, &data, 3, report, &err))
        fail_msg("%s", err.text);
    for (int i = 0; i < report->count; i++)
        if (report->results[i].verdict == VERDICT_WRONG && !strstr(out, report->results[i].gate))
            snprintf(out + strlen(out), 64 - strlen(out), "%s%s", out[0] ? " " : "", report->results[i].gate);
    data_split_fini(&data);
    json_free(options);
    free(report);
    free(text);
}

static void each_fault_is_caught_by_its_gate(void **state)
{
    (void)state;
    static const struct {
        enum outside fault;
        const char *gate;
    } faults[] = {
        {LOSS_NOT_MEAN, "G1"}, {LOSS_NO_LABEL, "G1"}, {LOSS_SOFT_SVM, "G1"},
        {RATE_SIGN, "G3"},     {LABEL_SHUFFLE, "G3"}, {NO_PENALTY, "G2"},
    };
    static const char *const losses[] = {"softmax", "svm"};
    char gates[64];
    for (int k = 0; k < 2; k++) {
        outside = NOTHING;
        wrong_gates(losses[k], gates);
        assert_string_equal(gates, "");
        for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
            outside = faults[i].fault;
            wrong_gates(losses[k], gates);
            if (!strstr(gates, faults[i].gate))
                fail_msg("%s, fault %d: caught by \"%s\", not %s", losses[k], (int)outside, gates,
                         faults[i].gate);
        }
    }
    outside = NOTHING;
}

/* The hint names the layer: of all wrong blocks the one nearest to the loss. */
static void the_hint_names_the_layer(void **state)
{
    (void)state;
    struct check_report *report = xcalloc(1, sizeof *report);
    struct gradcheck found = {.count = 3, .checked = 9, .worst = 0.5};
    for (int i = 0; i < 3; i++)
        found.blocks[i] = (struct gradcheck_block){.layer = i, .kind = LAYER_AFFINE, .checked = 3};
    found.blocks[0].worst = 0.5;
    found.blocks[1].worst = 0.3;
    judge_gradient(report, "gradient", &found);
    assert_int_equal(report->results[0].verdict, VERDICT_WRONG);
    assert_string_equal(report->results[0].part, "layer 0 affine weight");
    assert_non_null(strstr(report->results[0].hint, "layer 1 (affine) is the last one"));
    free(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_gradients_pass),
        cmocka_unit_test(every_planted_fault_is_caught),
        cmocka_unit_test(a_relu_of_its_own_is_caught_too),
        cmocka_unit_test(each_fault_is_caught_by_its_gate),
        cmocka_unit_test(the_hint_names_the_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
