/* Gradients of every layer and loss against centred differences, in double. Units that change side between
 * x-h and x+h are left out and counted: a ReLU has no derivative there. */
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

static double value_at(struct rig *rig, size_t at, double w, uint64_t *pattern)
{
    rig->net->params[at] = w;
    struct loss_sum sum = net_loss(rig->net, &rig->pass, rig->x, rig->y, false);
    *pattern = net_pattern(rig->net, rig->y, SAMPLES);
    return sum.loss + net_penalty(rig->net, rig->l1, rig->l2);
}

/* Relative error of one weight's gradient, -1 at a kink. */
static double gradient_error(struct rig *rig, size_t at, double analytic)
{
    const double h = 1e-5;
    double w = rig->net->params[at];
    uint64_t above, below;
    double plus = value_at(rig, at, w + h, &above), minus = value_at(rig, at, w - h, &below);
    rig->net->params[at] = w;
    if (above != below || (rig->l1 > 0 && fabs(w) < h))
        return -1;
    double numeric = (plus - minus) / (2 * h), largest = fmax(fabs(analytic), fabs(numeric));
    return fabs(analytic - numeric) < 1e-10 ? 0
                                            : fabs(analytic - numeric) / largest; /* 1e-16 of the loss / h */
}

/* Largest relative error over all parameters; at most a tenth of them may sit at a kink. */
static void check_gradients(struct rig *rig, double tolerance)
{
    struct net *net = rig->net;
    size_t checked = 0, kinks = 0;
    double *grads = xcalloc(net->param_count, sizeof *grads);
    net_loss(net, &rig->pass, rig->x, rig->y, true);
    net_add_penalty(net, rig->l1, rig->l2);
    memcpy(grads, net->grads, net->param_count * sizeof *grads);
    for (int i = 0; i < net->block_count; i++) {
        for (size_t j = 0; j < net->blocks[i].count; j++) {
            size_t at = net->blocks[i].at + j;
            double error = gradient_error(rig, at, grads[at]);
            if (error > tolerance)
                fail_msg("block %d, parameter %zu: relative error %g of %g", i, j, error, grads[at]);
            checked++;
            kinks += error < 0;
        }
    }
    assert_true(kinks * 10 <= checked);
    free(grads);
}

static void check_layers(const char *const *layers, struct shape in, enum loss_kind loss)
{
    struct rig rig;
    set_up(&rig, layers, in, loss);
    check_gradients(&rig, 1e-6);
    rig.l2 = 0.1;
    rig.l1 = 0.01;
    check_gradients(&rig, 1e-6);
    tear_down(&rig);
}

static void gradients_are_right_where_all_is_smooth(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, LAYERS("affine 5", "tanh", "affine 4", "sigmoid"), flat, LOSS_SOFTMAX);
    check_gradients(&rig, 1e-7);
    tear_down(&rig);
}

static void gradients_of_flat_layers(void **state)
{
    (void)state;
    check_layers(LAYERS("affine 8", "relu", "affine 7", "relu"), flat, LOSS_SOFTMAX);
    check_layers(LAYERS("affine 8", "tanh", "relu"), flat, LOSS_SOFTMAX);
    check_layers(LAYERS("affine 8", "leaky 0.1", "affine 5", "leaky"), flat, LOSS_SOFTMAX);
    check_layers(LAYERS("affine 8", "sigmoid"), flat, LOSS_SOFTMAX);
    check_layers(LAYERS("affine 12", "maxout 3", "affine 6", "maxout 2"), flat, LOSS_SOFTMAX);
    check_layers(LAYERS("affine 20", "tanh", "dropout 0.4"), flat, LOSS_SOFTMAX);
    check_layers(LAYERS("affine 6", "batchnorm", "tanh", "affine 6", "batchnorm", "relu"), flat,
                 LOSS_SOFTMAX);
    check_layers(LAYERS("flatten"), flat, LOSS_SOFTMAX);
}

static void gradients_of_image_layers(void **state)
{
    (void)state;
    check_layers(LAYERS("conv 3x3x3", "relu"), image, LOSS_SOFTMAX);
    check_layers(LAYERS("conv 3x3x3", "tanh", "conv 3x3x2", "relu"), image, LOSS_SOFTMAX);
    check_layers(LAYERS("conv 3x3x3", "tanh", "conv 3x2x2 stride 2 pad 0", "relu"), image, LOSS_SOFTMAX);
    check_layers(LAYERS("conv 1x1x3", "tanh", "conv 5x5x2 stride 3 pad 4", "tanh"), image, LOSS_SOFTMAX);
    check_layers(LAYERS("conv 3x3x3", "pool 2", "tanh"), image, LOSS_SOFTMAX);
    check_layers(LAYERS("conv 3x3x3", "tanh", "pool 3 stride 2"), image, LOSS_SOFTMAX);
    check_layers(
        LAYERS("conv 3x3x4", "tanh", "maxout 2", "conv 3x3x2", "relu", "flatten", "affine 5", "relu"), image,
        LOSS_SOFTMAX);
    check_layers(LAYERS("conv 3x3x3", "batchnorm", "relu", "pool 2", "dropout 0.3"), image, LOSS_SOFTMAX);
}

static void gradients_of_the_svm_loss(void **state)
{
    (void)state;
    check_layers(LAYERS("affine 8", "relu"), flat, LOSS_SVM);
    check_layers(LAYERS("conv 3x3x3", "relu", "pool 2"), image, LOSS_SVM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_right_where_all_is_smooth),
        cmocka_unit_test(gradients_of_flat_layers),
        cmocka_unit_test(gradients_of_image_layers),
        cmocka_unit_test(gradients_of_the_svm_loss),
    };
    cmocka_set_skip_filter(getenv("HONE_TEST_SKIP"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
