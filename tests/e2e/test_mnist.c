/* The figures that the practitioner's notes promise, on real digits where someone has them (HONE_MNIST=DIR), and on
 * self-made ones everywhere: the convnet, the MLP, and the greedy ensemble of a search of 30 trials that beats its best
 * single model on test data. Real runs by the real program; seeds are fixed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "tests/tools/shell.h"

static const char *mnist(void)
{
    const char *folder = getenv("HONE_MNIST");
    if (!folder || !*folder) {
        print_message("HONE_MNIST is not set to a folder with MNIST's files\n");
        skip();
    }
    proc_timeout_ms = 280000; /* minutes on a busy machine */
    return folder;
}

/* `data` and `layers` of the trainer; every trial trains `epochs`. */
static void search(const char *name, const char *data, const char *layers, const char *space, int trials,
                   int epochs)
{
    struct str text = {0};
    str_addf(&text,
             "{\"study\":\"%s\",\"metric\":{\"name\":\"val_acc\",\"goal\":\"maximize\"},\"trainer\":{"
             "\"builtin\":\"mlp\","
             "\"seed\":1,\"data\":\"%s\",\"layers\":[%s],\"optimizer\":\"adam\",\"schedule\":\"cosine\","
             "\"shift\":1},"
             "\"space\":{%s},\"search\":{\"method\":\"random\",\"trials\":%d,\"epochs\":%d,\"seed\":1}}",
             name, data, layers, space, trials, epochs);
    scratch_text(&scratch, "study.json", text.text);
    str_fini(&text);
    if (HONE("run", "study.json", "--workers", "2", "--no-check", "-q"))
        fail_msg("%s", str_text(&out));
}

static struct json *answer(void)
{
    struct json *tree = json_parse(str_text(&out), out.len, "answer", NULL);
    if (!tree)
        fail_msg("no JSON: %s", str_text(&out));
    return tree;
}

static double test_accuracy(const char *model)
{
    assert_int_equal(HONE("evaluate", model, "--json"), 0);
    struct json *tree = answer();
    double accuracy = json_num(json_get(tree, "accuracy"));
    json_free(tree);
    print_message("%s: test accuracy %.4f\n", model, accuracy);
    return accuracy;
}

static const char two_hidden[] =
    "\"affine {hidden}\",\"relu\",\"dropout {dropout}\",\"affine {hidden}\",\"relu\"",
                  convolutions[] = "\"conv 3x3x16\",\"relu\",\"pool 2\",\"conv 3x3x32\",\"relu\",\"pool 2\","
                                   "\"affine 128\",\"relu\",\"dropout 0.3\"",
                  wide_space[] =
                      "\"lr\":{\"log\":[1e-4,1e-2]},\"l2\":{\"log\":[1e-6,1e-3]},"
                      "\"dropout\":{\"uniform\":[0,0.5]},\"hidden\":{\"int\":[64,256],\"log\":true}";

/* Thirty trials; the choice is made on validation data, test data are asked once. */
static void ensemble_beats_the_best_single(const char *name, const char *data, int epochs, double least)
{
    search(name, data, two_hidden, wide_space, 30, epochs);
    assert_int_equal(HONE("ensemble", name, "--json"), 0);
    struct json *tree = answer();
    const struct json *models = json_get(tree, "models");
    double single = json_num(json_get(json_at(models, 0), "test_acc")),
           greedy = json_num(json_get(json_at(models, 1), "test_acc"));
    print_message("%s: test accuracy of the best single model %.4f, of the ensemble %.4f\n", name, single,
                  greedy);
    json_free(tree);
    if (!(single >= least && greedy > single))
        fail_msg("%s: single %.4f, greedy %.4f", name, single, greedy);
}

static void an_mlp_and_an_ensemble_on_mnist(void **state)
{
    (void)state;
    char data[512];
    snprintf(data, sizeof data, "idx:%s", mnist());
    ensemble_beats_the_best_single("mnist", data, 10, 0.955);
}

static void a_convnet_on_mnist(void **state)
{
    (void)state;
    char data[512];
    snprintf(data, sizeof data, "idx:%s", mnist());
    search("conv", data, convolutions, "\"lr\":{\"log\":[1e-3,3e-3]}", 1, 8);
    assert_true(test_accuracy("conv/best") >= 0.98);
}

static void an_ensemble_on_glyphs(void **state)
{
    (void)state;
    ensemble_beats_the_best_single("glyphs", "glyphs:n=1500", 6, 0.7);
}

static void a_convnet_on_glyphs(void **state)
{
    (void)state;
    search("small", "glyphs:n=1500", "\"conv 3x3x8\",\"relu\",\"pool 2\",\"affine 32\",\"relu\"",
           "\"lr\":{\"log\":[3e-3,5e-3]}", 1, 6);
    assert_true(test_accuracy("small/best") >= 0.8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ensemble_on_glyphs),
        cmocka_unit_test(a_convnet_on_glyphs),
        cmocka_unit_test(an_mlp_and_an_ensemble_on_mnist),
        cmocka_unit_test(a_convnet_on_mnist),
    };
    return cmocka_run_group_tests(tests, shell_open, shell_close);
}
