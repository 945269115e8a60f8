/* nn_rig: a net of any layers with samples to run it on, in double. Include it after cmocka.h, with NN_DOUBLE. */
#ifndef HONE_TESTS_UNIT_NN_RIG_H
#define HONE_TESTS_UNIT_NN_RIG_H

#include "common/hash.h"
#include "common/mem.h"
#include "common/rng.h"
#include "worker/nn/net.h"

enum { SAMPLES = 3 };

struct rig {
    struct net *net;
    double *x;
    int32_t y[SAMPLES];
    struct pass pass;
    double l1, l2;
};

static inline struct net *make_net(const char *const *layers, struct shape in, int classes,
                                   enum loss_kind loss, enum init_kind init)
{
    struct layer_spec specs[16];
    struct net_options options = {.layers = specs,
                                  .in = in,
                                  .classes = classes,
                                  .loss = loss,
                                  .init = init,
                                  .init_scale = init == INIT_SMALL ? 0.3 : 1,
                                  .seed = 7};
    struct err err = ERR_NONE;
    struct net *net;
    for (; layers[options.layer_count]; options.layer_count++)
        assert_int_equal(layer_spec_parse(layers[options.layer_count], &specs[options.layer_count], &err), 0);
    if (net_new(&options, &net, &err))
        fail_msg("%s", err.text);
    return net;
}

/* Weights of a trained look: biases and gammas away from their first values, so that they matter. */
static inline void set_up(struct rig *rig, const char *const *layers, struct shape in, enum loss_kind loss)
{
    struct rng rng = rng_at(3, 0, hash_name("test"), 0);
    *rig = (struct rig){.net = make_net(layers, in, 4, loss, INIT_SMALL)};
    rig->pass = (struct pass){.n = SAMPLES, .training = true, .memory = 1, .seed = 5, .epoch = 1, .step = 2};
    for (int i = 0; i < rig->net->block_count; i++)
        for (size_t j = 0; j < rig->net->blocks[i].count; j++)
            rig->net->params[rig->net->blocks[i].at + j] += 0.3 * rng_normal(&rng);
    rig->x = xcalloc((size_t)SAMPLES * (size_t)shape_size(in), sizeof *rig->x);
    for (int i = 0; i < SAMPLES * shape_size(in); i++)
        rig->x[i] = rng_normal(&rng);
    for (int i = 0; i < SAMPLES; i++)
        rig->y[i] = (int32_t)rng_below(&rng, 4);
}

static inline void tear_down(struct rig *rig)
{
    net_free(rig->net);
    free(rig->x);
}

#define LAYERS(...) ((const char *const[]){__VA_ARGS__, NULL})
static const struct shape flat = {6, 1, 1}, image = {2, 7, 6};

#endif
