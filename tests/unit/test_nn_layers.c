/* What layers and losses compute, forward, in double: closed forms, naive twins, moments. */
#define NN_DOUBLE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/nn_rig.h"
#include "worker/nn/dropout.h"
#include "worker/nn/linalg.h"

/* In evaluation batchnorm uses the running moments, and dropout passes everything on. */
static void evaluation_depends_on_one_sample_alone(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, LAYERS("affine 6", "batchnorm", "relu", "dropout 0.5"), flat, LOSS_SOFTMAX);
    double together[SAMPLES * 4];
    rig.pass.training = false;
    memcpy(together, net_forward(rig.net, &rig.pass, rig.x), sizeof together);
    rig.pass.n = 1;
    for (int i = 0; i < SAMPLES; i++) {
        const double *alone = net_forward(rig.net, &rig.pass, rig.x + 6 * i);
        for (int k = 0; k < 4; k++)
            assert_true(fabs(alone[k] - together[4 * i + k]) < 1e-13);
    }
    tear_down(&rig);
}

static void batchnorm_gives_mean_0_and_deviation_1(void **state)
{
    (void)state;
    struct layer_spec spec;
    assert_int_equal(layer_spec_parse("batchnorm", &spec, NULL), 0);
    struct layer layer = {.spec = spec};
    double params[4] = {1, 1, 0, 0}, states[4] = {0, 0, 1, 1};
    double x[8] = {1, 10, 2, 20, 3, 30, 6, 60};
    struct pass pass = {.n = 4, .training = true, .memory = 0.9, .params = params, .states = states};
    assert_int_equal(layer_plan(&layer, (struct shape){2, 1, 1}, NULL), 0);
    layer.bias = 2;
    layer_reserve(&layer, 4);
    layer_forward(&layer, &pass, x);
    for (int c = 0; c < 2; c++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < 4; i++) {
            sum += layer.y[2 * i + c];
            squares += layer.y[2 * i + c] * layer.y[2 * i + c];
        }
        assert_true(fabs(sum) < 1e-12);
        assert_true(fabs(squares / 4 - 1) < 1e-5);
    }
    assert_true(fabs(states[0] - 0.3) < 1e-12);                    /* 0.9*0 + 0.1*3 */
    assert_true(fabs(states[2] - (0.9 + 0.1 * 14.0 / 3)) < 1e-12); /* unbiased variance of 1 2 3 6 */
    layer_fini(&layer);
}

static void dropout_keeps_the_mean_and_repeats_by_name(void **state)
{
    (void)state;
    enum { WIDTH = 20000 };
    struct layer layer = {.spec = {.kind = LAYER_DROPOUT, .value = 0.3}};
    double *x = xcalloc(WIDTH, sizeof *x), *first = xcalloc(WIDTH, sizeof *x), sum = 0;
    for (int i = 0; i < WIDTH; i++)
        x[i] = 1;
    struct pass pass = {.n = 1, .training = true, .seed = 1, .epoch = 4, .step = 9};
    assert_int_equal(layer_plan(&layer, (struct shape){WIDTH, 1, 1}, NULL), 0);
    layer_reserve(&layer, 1);
    layer_forward(&layer, &pass, x);
    memcpy(first, layer.y, WIDTH * sizeof *x);
    for (int i = 0; i < WIDTH; i++) {
        assert_true(first[i] == 0 || fabs(first[i] - 1 / 0.7) < 1e-12);
        sum += first[i];
    }
    assert_true(fabs(sum / WIDTH - 1) < 4 * sqrt(0.3 / 0.7 / WIDTH));
    layer_forward(&layer, &pass, x);
    assert_memory_equal(first, layer.y, WIDTH * sizeof *x);
    pass.step++;
    layer_forward(&layer, &pass, x);
    assert_memory_not_equal(first, layer.y, WIDTH * sizeof *x);
    layer_fini(&layer);
    free(x);
    free(first);
}

/* The lanes draw what the generator draws, one counter after the other. */
static void masks_come_from_the_named_stream(void **state)
{
    (void)state;
    struct dropout_stream stream = {0x123456789abcdefull, 7, 42, 3};
    uint32_t key[2] = {0x89abcdefu, 0x1234567u};
    double mask[200];
    dropout_mask(&stream, 0.25, mask, 200);
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t counter[4] = {7, 42, 3, i / 64 * 16 + i % 16}, draw[4];
        philox4x32_10(counter, key, draw);
        assert_true(mask[i] == (draw[i % 64 / 16] < 0x40000000u ? 0 : 1 / 0.75));
    }
}

/* conv by its definition: y[f][oy][ox] = b[f] + sum of w[f][c][ky][kx] x[c][oy s + ky - p][ox s + kx - p] */
static double conv_at(const struct layer *layer, const double *w, const double *x, int f, int oy, int ox)
{
    double sum = 0;
    for (int c = 0; c < layer->in.c; c++)
        for (int ky = 0; ky < layer->spec.height; ky++)
            for (int kx = 0; kx < layer->spec.width; kx++) {
                int iy = oy * layer->spec.stride + ky - layer->spec.pad;
                int ix = ox * layer->spec.stride + kx - layer->spec.pad;
                if (iy >= 0 && iy < layer->in.h && ix >= 0 && ix < layer->in.w)
                    sum += w[((f * layer->in.c + c) * layer->spec.height + ky) * layer->spec.width + kx] *
                           x[(c * layer->in.h + iy) * layer->in.w + ix];
            }
    return sum;
}

static void convolution_is_its_definition(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "conv 3x3x3",          "conv 2x5x3 pad 1", "conv 3x3x2 stride 2 pad 0",
        "conv 1x1x4 stride 3", "conv 7x6x2 pad 0", "conv 3x3x2 stride 2 pad 5"};
    for (size_t form = 0; form < sizeof forms / sizeof *forms; form++) {
        struct rig rig;
        set_up(&rig, LAYERS(forms[form]), image, LOSS_SOFTMAX);
        net_forward(rig.net, &rig.pass, rig.x);
        const struct layer *layer = &rig.net->layers[0];
        const double *w = rig.net->params + layer->weight, *b = rig.net->params + layer->bias;
        const double *x = rig.x + shape_size(image),
                     *y = layer->y + shape_size(layer->out); /* second sample */
        for (int f = 0, i = 0; f < layer->out.c; f++)
            for (int oy = 0; oy < layer->out.h; oy++)
                for (int ox = 0; ox < layer->out.w; ox++, i++)
                    assert_true(fabs(y[i] - b[f] - conv_at(layer, w, x, f, oy, ox)) < 1e-12);
        tear_down(&rig);
    }
}

/* Same weights, same samples: the two nets give the same scores and gradients, to the last few bits. */
static void assert_same(struct rig *a, struct rig *b)
{
    assert_int_equal(a->net->param_count, b->net->param_count);
    memcpy(b->net->params, a->net->params, a->net->param_count * sizeof *a->net->params);
    assert_true(fabs(net_loss(a->net, &a->pass, a->x, a->y, true).loss -
                     net_loss(b->net, &b->pass, b->x, b->y, true).loss) < 1e-12);
    for (size_t i = 0; i < a->net->param_count; i++)
        assert_true(fabs(a->net->grads[i] - b->net->grads[i]) < 1e-12);
}

/* "leaky 1" changes nothing, but keeps the pooling from the convolution. */
static void convolution_and_pooling_in_one_pass_equal_one_after_the_other(void **state)
{
    (void)state;
    static const char *const forms[] = {"conv 3x3x3",          "conv 5x4x18 pad 1", "conv 3x3x33",
                                        "conv 2x2x5 stride 2", "conv 1x1x2",        "conv 7x6x40 pad 6"};
    static const struct shape shapes[] = {{2, 7, 6}, {1, 8, 9}, {17, 6, 6}, {33, 5, 8}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (size_t j = 0; j < sizeof shapes / sizeof *shapes; j++)
            for (int order = 0; order < 3; order++) {
                const char *const *one = order == 0   ? LAYERS("tanh", forms[i], "relu", "pool 2")
                                         : order == 1 ? LAYERS("tanh", forms[i], "pool 2", "relu")
                                                      : LAYERS("tanh", forms[i], "pool 2", "tanh");
                const char *const *two = order == 2 ? LAYERS("tanh", forms[i], "leaky 1", "pool 2", "tanh")
                                                    : LAYERS("tanh", forms[i], "leaky 1", "relu", "pool 2");
                struct rig a, b;
                set_up(&a, one, shapes[j], LOSS_SOFTMAX);
                set_up(&b, two, shapes[j], LOSS_SOFTMAX);
                assert_true(a.net->layers[1].pooled && !b.net->layers[1].pooled);
                assert_same(&a, &b);
                tear_down(&a);
                tear_down(&b);
            }
}

/* Only 2 x 2 by 2, right after the convolution, on an image of that size at least. */
static void other_poolings_are_layers_of_their_own(void **state)
{
    (void)state;
    static const char *const poolings[] = {"pool 3", "pool 2 stride 1", "pool 2x1", "pool 1x2"};
    for (size_t i = 0; i < sizeof poolings / sizeof *poolings; i++) {
        struct net *net =
            make_net(LAYERS("conv 3x3x3", "relu", poolings[i]), image, 4, LOSS_SOFTMAX, INIT_HE);
        assert_int_equal(net->layers[1].spec.kind, LAYER_POOL);
        net_free(net);
    }
    struct net *net = make_net(LAYERS("conv 3x3x3", "pool 2", "pool 2"), image, 4, LOSS_SOFTMAX, INIT_HE);
    assert_true(net->layers[0].pooled && net->layers[1].spec.kind == LAYER_POOL);
    net_free(net);
}

static void products_equal_their_naive_twins(void **state)
{
    (void)state;
    enum { M = 5, N = 7, K = 6 };
    struct rng rng = rng_at(1, 1, 1, 1);
    double a[M * K], b[N * K], fast[M * N] = {0}, slow[M * N] = {0};
    for (int i = 0; i < M * K; i++)
        a[i] = rng_normal(&rng);
    for (int i = 0; i < N * K; i++)
        b[i] = rng_normal(&rng);
    for (int beta = 0; beta < 2; beta++) {
        gemm_nn(M, N, K, a, b, beta, fast);
        gemm_naive(false, false, M, N, K, a, b, beta, slow);
        gemm_nt(M, N, K, a, b, 1, fast);
        gemm_naive(false, true, M, N, K, a, b, 1, slow);
        gemm_tn(M, N, K, a, b, 1, fast);
        gemm_naive(true, false, M, N, K, a, b, 1, slow);
        for (int i = 0; i < M * N; i++)
            assert_true(fabs(fast[i] - slow[i]) < 1e-12);
    }
}

/* ln(classes) and classes-1 for equal scores; small hand-computed values. */
static void losses_have_their_closed_forms(void **state)
{
    (void)state;
    double zeros[10] = {0}, d[10];
    int32_t y = 3;
    assert_true(fabs(loss_batch(LOSS_SOFTMAX, zeros, &y, 1, 10, d).loss - log(10)) < 1e-12);
    assert_true(fabs(d[3] + 0.9) < 1e-12 && fabs(d[0] - 0.1) < 1e-12);
    assert_true(fabs(loss_batch(LOSS_SVM, zeros, &y, 1, 10, d).loss - 9) < 1e-12);
    double scores[6] = {3.2, 5.1, -1.7, 1000, 0, -1000};
    int32_t labels[2] = {0, 0};
    struct loss_sum sum = loss_batch(LOSS_SVM, scores, labels, 1, 3, NULL);
    assert_true(fabs(sum.loss - 2.9) < 1e-12); /* max(0, 5.1-3.2+1) + max(0, -1.7-3.2+1) */
    assert_int_equal(sum.correct, 0);
    sum = loss_batch(LOSS_SOFTMAX, scores, labels, 2, 3, NULL); /* no overflow at 1000 */
    assert_true(fabs(sum.loss - 0.5 * (log(exp(3.2) + exp(5.1) + exp(-1.7)) - 3.2)) < 1e-12);
    assert_int_equal(sum.correct, 1);
    loss_probabilities(scores, 2, 3);
    assert_true(fabs(scores[0] + scores[1] + scores[2] - 1) < 1e-12 && scores[3] == 1);
}

static void nan_scores_give_a_nan_loss(void **state)
{
    (void)state;
    double scores[3] = {0, NAN, 1};
    int32_t y = 0;
    assert_true(isnan(loss_batch(LOSS_SOFTMAX, scores, &y, 1, 3, NULL).loss));
    y = 1;
    assert_true(isnan(loss_batch(LOSS_SVM, scores, &y, 1, 3, NULL).loss));
    assert_int_equal(loss_batch(LOSS_SVM, scores, &y, 1, 3, NULL).correct, 0);
}

static double spread(const struct net *net, int layer)
{
    const struct layer *l = &net->layers[layer];
    double squares = 0;
    for (size_t i = 0; i < l->weights; i++)
        squares += net->params[l->weight + i] * net->params[l->weight + i];
    return sqrt(squares / (double)l->weights);
}

static void first_weights_have_their_spread(void **state)
{
    (void)state;
    struct net *net =
        make_net(LAYERS("affine 300", "relu"), (struct shape){200, 1, 1}, 10, LOSS_SOFTMAX, INIT_HE);
    assert_true(fabs(spread(net, 0) / sqrt(2.0 / 200) - 1) < 0.02);
    assert_true(fabs(spread(net, 1) / (0.1 / sqrt(300)) - 1) < 0.1);
    net_free(net);
    net = make_net(LAYERS("conv 3x3x40", "relu"), (struct shape){20, 3, 3}, 10, LOSS_SOFTMAX, INIT_XAVIER);
    assert_true(fabs(spread(net, 0) / sqrt(2.0 / (20 * 9 + 40 * 9)) - 1) < 0.03);
    net_free(net);
    net = make_net(LAYERS("affine 300"), (struct shape){200, 1, 1}, 10, LOSS_SOFTMAX, INIT_SMALL);
    assert_true(fabs(spread(net, 0) / 0.3 - 1) < 0.02);
    assert_true(fabs(spread(net, 1) / 0.3 - 1) < 0.05);
    net_free(net);
}

/* W^T W = 2 I for a tall matrix, W W^T = 2 I for a wide one. */
static void orthogonal_weights_are_orthogonal(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        int in = wide ? 5 : 9, out = wide ? 9 : 5;
        struct net *net = make_net(LAYERS(wide ? "affine 9" : "affine 5", "relu"), (struct shape){in, 1, 1},
                                   3, LOSS_SOFTMAX, INIT_ORTHOGONAL);
        const double *w = net->params + net->layers[0].weight;
        double product[81] = {0};
        int side = wide ? in : out;
        if (wide)
            gemm_naive(false, true, side, side, out, w, w, 0, product);
        else
            gemm_naive(true, false, side, side, in, w, w, 0, product);
        for (int i = 0; i < side * side; i++)
            assert_true(fabs(product[i] - (i % (side + 1) ? 0 : 2)) < 1e-12);
        net_free(net);
    }
}

static void layers_that_do_not_fit_are_refused_by_index(void **state)
{
    (void)state;
    static const struct {
        const char *layers[4];
        const char *text;
    } wrong[] = {
        {{"relu", "conv 9x9x3 pad 0"},
         "layers[1]: conv: a window of 9 x 9 does not fit into an image of 7 x 6"},
        {{"pool 2", "pool 2", "pool 2"},
         "layers[2]: pool: a window of 2 x 2 does not fit into an image of 1 x 1"},
        {{"affine 9", "maxout 2"},
         "layers[1]: maxout 2: 9 units before it cannot be divided into groups of 2"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct layer_spec specs[4];
        struct net_options options = {.layers = specs, .in = image, .classes = 3};
        struct err err = ERR_NONE;
        struct net *net;
        for (; wrong[i].layers[options.layer_count]; options.layer_count++)
            layer_spec_parse(wrong[i].layers[options.layer_count], &specs[options.layer_count], NULL);
        assert_int_equal(net_new(&options, &net, &err), ERR_BAD);
        assert_null(net);
        assert_string_equal(err.text, wrong[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluation_depends_on_one_sample_alone),
        cmocka_unit_test(batchnorm_gives_mean_0_and_deviation_1),
        cmocka_unit_test(dropout_keeps_the_mean_and_repeats_by_name),
        cmocka_unit_test(masks_come_from_the_named_stream),
        cmocka_unit_test(convolution_is_its_definition),
        cmocka_unit_test(convolution_and_pooling_in_one_pass_equal_one_after_the_other),
        cmocka_unit_test(other_poolings_are_layers_of_their_own),
        cmocka_unit_test(products_equal_their_naive_twins),
        cmocka_unit_test(losses_have_their_closed_forms),
        cmocka_unit_test(nan_scores_give_a_nan_loss),
        cmocka_unit_test(first_weights_have_their_spread),
        cmocka_unit_test(orthogonal_weights_are_orthogonal),
        cmocka_unit_test(layers_that_do_not_fit_are_refused_by_index),
    };
    cmocka_set_skip_filter(getenv("HONE_TEST_SKIP"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
