/* nn_dump: networks with their numbers as JSON lines, for another implementation to compute again. bench/nn_torch.py
 * reads them: forward, loss and all gradients of nets that have every kind of layer, and ten steps of each rule.
 *
 *   build/bench/nn_dump
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/json.h"
#include "common/rng.h"
#include "worker/nn/net.h"

enum { SAMPLES = 8, STEPS = 10 };

static const struct {
    struct shape in;
    enum loss_kind loss;
    const char *layers[16];
} nets[] = {
    {{2, 9, 8},
     LOSS_SOFTMAX,
     {"conv 3x3x4", "relu", "pool 2", "conv 3x2x6 stride 2 pad 1", "batchnorm", "leaky 0.1", "maxout 2",
      "flatten", "affine 12", "tanh", "dropout 0.4", "affine 8", "sigmoid"}},
    {{1, 12, 12},
     LOSS_SVM,
     {"conv 5x5x3 pad 0", "batchnorm", "relu", "pool 3 stride 2", "conv 1x1x4", "tanh", "affine 10",
      "batchnorm", "relu"}},
    {{20, 1, 1}, LOSS_SOFTMAX, {"affine 16", "relu", "affine 12", "maxout 3", "affine 9", "leaky"}},
};

static const char *const rule_names[] = {"sgd",     "momentum", "nesterov", "nesterov_ahead",
                                         "adagrad", "rmsprop",  "adam",     "adamw"};

static void write_floats(struct jw *w, const char *key, const float *values, size_t count)
{
    jw_array(w, key);
    for (size_t i = 0; i < count; i++)
        jw_num(w, NULL, values[i]);
    jw_close_array(w);
}

static void write_blocks(struct jw *w, const struct net *net, const char *key, const float *values)
{
    jw_array(w, key);
    for (int i = 0; i < net->block_count; i++)
        write_floats(w, NULL, values + net->blocks[i].at, net->blocks[i].count);
    jw_close_array(w);
}

static void write_masks(struct jw *w, const struct net *net, int n)
{
    jw_array(w, "masks");
    for (int i = 0; i < net->layer_count; i++)
        if (net->layers[i].spec.kind == LAYER_DROPOUT)
            write_floats(w, NULL, net->layers[i].kept, (size_t)(n * shape_size(net->layers[i].out)));
    jw_close_array(w);
}

static struct net *make(size_t which, float *x, int32_t *y)
{
    struct layer_spec specs[16];
    struct net_options options = {.layers = specs,
                                  .in = nets[which].in,
                                  .classes = 5,
                                  .loss = nets[which].loss,
                                  .init_scale = 1,
                                  .seed = 3};
    struct rng rng = rng_at(which, 0, 0, 0);
    struct net *net;
    for (; nets[which].layers[options.layer_count]; options.layer_count++)
        POST(!layer_spec_parse(nets[which].layers[options.layer_count], &specs[options.layer_count], NULL));
    POST(!net_new(&options, &net, NULL));
    for (int i = 0; i < net->block_count; i++) /* away from the special values they start with */
        for (size_t j = 0; j < net->blocks[i].count; j++)
            net->params[net->blocks[i].at + j] += 0.2f * (float)rng_normal(&rng);
    for (int i = 0; i < SAMPLES * shape_size(options.in); i++)
        x[i] = (float)rng_normal(&rng);
    for (int i = 0; i < SAMPLES; i++)
        y[i] = (int32_t)rng_below(&rng, 5);
    return net;
}

static void write_problem(struct jw *w, size_t which, const struct net *net, const float *x, const int32_t *y)
{
    jw_text(w, "loss_kind", net->loss == LOSS_SOFTMAX ? "softmax" : "svm");
    jw_array(w, "layers");
    for (int i = 0; nets[which].layers[i]; i++)
        jw_text(w, NULL, nets[which].layers[i]);
    jw_close_array(w);
    jw_array(w, "shape");
    jw_int(w, NULL, net->in.c);
    jw_int(w, NULL, net->in.h);
    jw_int(w, NULL, net->in.w);
    jw_close_array(w);
    write_floats(w, "x", x, (size_t)(SAMPLES * shape_size(net->in)));
    jw_array(w, "y");
    for (int i = 0; i < SAMPLES; i++)
        jw_int(w, NULL, y[i]);
    jw_close_array(w);
    write_blocks(w, net, "params", net->params);
}

static void print_line(struct str *line)
{
    printf("%s\n", str_text(line));
    str_fini(line);
}

static void dump_gradients(size_t which)
{
    float x[SAMPLES * 200];
    int32_t y[SAMPLES];
    struct net *net = make(which, x, y);
    struct pass pass = {.n = SAMPLES, .training = true, .memory = 1, .seed = 9, .epoch = 1};
    struct str line = {0};
    struct jw w = jw_to(&line);
    struct loss_sum sum = net_loss(net, &pass, x, y, true);
    jw_object(&w, NULL);
    jw_text(&w, "what", "gradients");
    write_problem(&w, which, net, x, y);
    jw_num(&w, "loss", sum.loss);
    write_floats(&w, "scores", net->layers[net->layer_count - 1].y, SAMPLES * 5);
    write_blocks(&w, net, "grads", net->grads);
    write_masks(&w, net, SAMPLES);
    jw_close_object(&w);
    print_line(&line);
    net_free(net);
}

static void dump_rule(enum update_rule rule)
{
    float x[SAMPLES * 200];
    int32_t y[SAMPLES];
    struct net *net = make(2, x, y);
    struct update_options options = {
        .rule = rule, .beta1 = 0.9, .beta2 = 0.999, .rho = 0.9, .eps = 1e-8, .l2 = 0.01};
    struct step step = {.lr = 0.01, .momentum = 0.9, .scale = 1};
    struct optimizer optimizer;
    struct str line = {0};
    struct jw w = jw_to(&line);
    options.bias_correction = true;
    optimizer_init(&optimizer, &options, net->param_count);
    jw_object(&w, NULL);
    jw_text(&w, "what", "steps");
    jw_text(&w, "rule", rule_names[rule]);
    write_problem(&w, 2, net, x, y);
    for (int i = 0; i < STEPS; i++) {
        struct pass pass = {.n = SAMPLES, .training = true, .memory = 1};
        optimizer_look(&optimizer, net->params, step.momentum);
        net_loss(net, &pass, x, y, true);
        optimizer_step(&optimizer, net->params, net->grads, net->blocks, net->block_count, &step);
    }
    optimizer_look(&optimizer, net->params,
                   step.momentum); /* nesterov_ahead: where torch keeps its weights */
    write_blocks(&w, net, "after", net->params);
    jw_close_object(&w);
    print_line(&line);
    optimizer_fini(&optimizer);
    net_free(net);
}

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(nets); i++)
        dump_gradients(i);
    for (int rule = UPDATE_SGD; rule <= UPDATE_ADAMW; rule++)
        dump_rule((enum update_rule)rule);
    return 0;
}
