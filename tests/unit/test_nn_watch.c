/* What a look inside the network sees: planted dead and saturated units, updates, histograms, a picture. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/trainer_options.h"
#include "worker/nn/watch.h"

static struct data_split data;

static int load(void **state)
{
    (void)state;
    struct data_options options = {.spec = "glyphs:n=400", .normalize = 1};
    return data_load(&options, &data, NULL);
}

static int unload(void **state)
{
    (void)state;
    data_split_fini(&data);
    return 0;
}

static struct training *make(const char *layers)
{
    struct str text = {0};
    str_addf(&text, "{\"builtin\":\"mlp\",\"data\":\"glyphs\",\"watch\":1,\"layers\":%s}", layers);
    struct json *object = json_parse(text.text, text.len, "test", NULL), *options;
    struct jcur cur = jcur_root(object, "test");
    struct training *t;
    struct err err = ERR_NONE;
    if (trainer_resolve(&cur, NULL, &options, &err) || training_new(options, &data, 1, 4, &t, &err))
        fail_msg("%s", err.text);
    json_free(object);
    json_free(options);
    str_fini(&text);
    return t;
}

static struct watch look_after_an_epoch(struct training *t)
{
    struct epoch_metrics metrics;
    struct watch watch;
    assert_int_equal(training_epoch(t, NULL, NULL, &metrics), 0);
    assert_true(t->watched);
    watch_look(t, &watch);
    return watch;
}

static uint32_t sum(const struct histogram *h)
{
    uint32_t total = 0;
    for (int i = 0; i < WATCH_BINS; i++)
        total += h->bins[i];
    return total;
}

static void a_sane_net_looks_sane(void **state)
{
    (void)state;
    struct training *t = make("[\"conv 3x3x4\",\"relu\",\"pool 4\",\"affine 20\",\"tanh\"]");
    struct watch w = look_after_an_epoch(t);
    uint32_t probe = (uint32_t)(data.val.n < 64 ? data.val.n : 64);
    assert_int_equal(w.count, 5); /* conv with its relu, pool, affine, tanh, the last affine */
    assert_int_equal(w.layers[3].index, 4);
    assert_true(w.update_ratio > 1e-5 && w.update_ratio < 1 && w.gradient > 0);
    if (!(w.dead < 0.5 && w.saturated > 0 && w.saturated < 0.9))
        fail_msg("dead %g, saturated %g", w.dead, w.saturated);
    assert_true(isnan(w.layers[1].facts.update_ratio) && isnan(w.layers[1].facts.dead));
    assert_int_equal(sum(&w.layers[3].outputs), 20 * probe);
    assert_int_equal(sum(&w.layers[0].gradients), t->net->layers[0].weights);
    assert_true(w.layers[3].outputs.low >= -1 && w.layers[3].outputs.high <= 1);
    training_free(t);
}

static void dead_and_saturated_units_are_counted(void **state)
{
    (void)state;
    struct training *t = make("[\"affine 10\",\"relu\",\"affine 8\",\"tanh\",\"affine 8\",\"sigmoid\"]");
    struct watch w;
    t->options.schedule.lr = 0; /* what is planted stays */
    for (int i = 0; i < 3; i++)
        t->net->params[t->net->layers[0].bias + (size_t)i] = -1e4f; /* 3 of 10 ReLUs */
    for (int i = 0; i < 4; i++)
        t->net->params[t->net->layers[1].bias + (size_t)i] = i % 2 ? 50 : -50; /* 4 of 8 tanh */
    for (int i = 0; i < 8; i++)
        t->net->params[t->net->layers[3].bias + (size_t)i] = 50; /* all sigmoids */
    w = look_after_an_epoch(t);
    assert_true(fabs(w.layers[0].facts.dead - 0.3) < 0.11);
    assert_true(w.layers[0].facts.dead >= 0.3);
    assert_true(w.layers[2].facts.saturated >= 0.5 && w.layers[2].facts.saturated < 0.9);
    assert_true(w.layers[4].facts.saturated == 1 && w.saturated == 1);
    assert_true(w.update_ratio == 0);
    training_free(t);
}

static void the_babysitter_gets_layers_by_their_index(void **state)
{
    (void)state;
    struct training *t = make("[\"affine 10\",\"relu\",\"flatten\",\"affine 8\",\"tanh\"]");
    struct watch w = look_after_an_epoch(t);
    struct babysit_facts facts;
    watch_facts(&w, &facts);
    assert_int_equal(facts.layer_count, 6);
    assert_true(facts.layers[0].dead >= 0 && isnan(facts.layers[1].dead) && isnan(facts.layers[2].gradient));
    assert_true(facts.layers[3].gradient > 0 && facts.layers[4].saturated >= 0 &&
                facts.layers[5].gradient > 0);
    training_free(t);
}

/* Looking changes nothing: the training goes on with the same numbers. */
static void a_look_leaves_no_trace(void **state)
{
    (void)state;
    static const char layers[] = "[\"affine 20\",\"batchnorm\",\"relu\",\"dropout 0.5\"]";
    struct training *a = make(layers), *b = make(layers);
    struct epoch_metrics ma, mb;
    for (int i = 0; i < 3; i++) {
        struct watch w;
        training_epoch(a, NULL, NULL, &ma);
        watch_look(a, &w);
        training_epoch(b, NULL, NULL, &mb);
    }
    assert_true(ma.val_loss == mb.val_loss && ma.train_loss == mb.train_loss);
    assert_memory_equal(a->net->params, b->net->params, a->net->param_count * sizeof(float));
    assert_memory_equal(a->net->states, b->net->states, a->net->state_count * sizeof(float));
    training_free(a);
    training_free(b);
}

static void first_weights_become_a_picture(void **state)
{
    (void)state;
    struct training *mlp = make("[\"affine 6\",\"relu\"]"), *bare = make("[\"relu\"]");
    struct image image;
    struct err err = ERR_NONE;
    assert_int_equal(watch_picture(mlp->net, &image, &err), 0);
    assert_true(image.width > data.train.width && image.height > data.train.height);
    image_fini(&image);
    assert_int_equal(watch_picture(bare->net, &image, &err), ERR_NO);
    training_free(mlp);
    training_free(bare);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sane_net_looks_sane),
        cmocka_unit_test(dead_and_saturated_units_are_counted),
        cmocka_unit_test(the_babysitter_gets_layers_by_their_index),
        cmocka_unit_test(a_look_leaves_no_trace),
        cmocka_unit_test(first_weights_become_a_picture),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
