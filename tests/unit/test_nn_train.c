/* The training loop: it learns, it resumes to the bit, its checkpoints refuse what is not theirs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/mem.h"
#include "worker/nn/checkpoint.h"
#include "worker/nn/train.h"
#include "tests/unit/nn.h"

static char folder[] = "/tmp/hone-test-XXXXXX";

static struct training *make(const char *trainer, const struct data_split *data, int epochs)
{
    struct json *options = resolve(trainer);
    struct training *training;
    struct err err = ERR_NONE;
    if (training_new(options, data, 11, epochs, &training, &err))
        fail_msg("%s", err.text);
    json_free(options);
    return training;
}

static struct epoch_metrics run(struct training *training, int until)
{
    struct epoch_metrics metrics = {0};
    while (training->epoch < until)
        assert_int_equal(training_epoch(training, NULL, NULL, &metrics), 0);
    return metrics;
}

static char *file(const char *name)
{
    return path_join(folder, name);
}

static void the_defaults_learn_the_spiral(void **state)
{
    (void)state;
    struct data_split data = load("spiral");
    struct training *t = make("{\"builtin\":\"mlp\",\"data\":\"spiral\"}", &data, 20);
    struct epoch_metrics m = run(t, 20);
    if (!(m.val_acc > 0.9))
        fail_msg("val_acc %g, train_loss %g", m.val_acc, m.train_loss);
    assert_true(m.train_acc > 0.9 && m.val_loss < 0.4 && m.lr > 0);
    training_free(t);
    data_split_fini(&data);
}

static void a_convnet_learns_glyphs(void **state)
{
    (void)state;
    struct data_split data = load("glyphs:n=800");
    struct training *t =
        make("{\"builtin\":\"convnet\",\"data\":\"glyphs\",\"hidden\":32,\"batch\":32,\"layers\":"
             "[\"conv 3x3x8 stride 2\",\"relu\",\"pool 2\",\"affine 32\",\"relu\"]}",
             &data, 8);
    struct epoch_metrics first = run(t, 1), last = run(t, 8);
    if (!(last.val_acc > 0.5 && last.train_loss < first.train_loss))
        fail_msg("val_acc %g -> %g", first.val_acc, last.val_acc);
    training_free(t);
    data_split_fini(&data);
}

static void a_huge_rate_diverges_to_nan(void **state)
{
    (void)state;
    struct data_split data = load("spiral:n=300");
    struct training *t = make("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"lr\":1e10}", &data, 5);
    struct epoch_metrics m;
    for (int i = 0; i < 5 && !t->diverged; i++)
        training_epoch(t, NULL, NULL, &m);
    assert_true(t->diverged);
    assert_true(isnan(m.val_acc) && isnan(m.val_loss) && !isnan(m.lr));
    training_free(t);
    data_split_fini(&data);
}

/* ---- resume ---- */

static void assert_same_numbers(const struct training *a, const struct training *b)
{
    size_t bytes = a->net->param_count * sizeof(float);
    assert_memory_equal(a->net->params, b->net->params, bytes);
    if (a->net->state_count)
        assert_memory_equal(a->net->states, b->net->states, a->net->state_count * sizeof(float));
    if (a->optimizer.first)
        assert_memory_equal(a->optimizer.first, b->optimizer.first, bytes);
    if (a->optimizer.second)
        assert_memory_equal(a->optimizer.second, b->optimizer.second, bytes);
    if (a->ema)
        assert_memory_equal(a->ema, b->ema, bytes);
    assert_int_equal(a->plateau.drops, b->plateau.drops);
}

static void check_resume(const char *trainer, const struct data_split *data)
{
    struct training *whole = make(trainer, data, 4), *begun = make(trainer, data, 4),
                    *resumed = make(trainer, data, 4);
    struct checkpoint checkpoint;
    struct err err = ERR_NONE;
    char *path = file("resume.ckpt");
    struct epoch_metrics expected = run(whole, 4), middle = run(begun, 2);
    assert_int_equal(checkpoint_write(begun, &middle, path, &err), 0);
    if (checkpoint_load(path, &checkpoint, &err) || training_restore(resumed, &checkpoint, path, &err))
        fail_msg("%s", err.text);
    assert_int_equal(resumed->epoch, 2);
    struct epoch_metrics found = run(resumed, 4);
    assert_same_numbers(whole, resumed);
    assert_true(expected.val_loss == found.val_loss && expected.train_loss == found.train_loss);
    assert_true(expected.val_acc == found.val_acc && expected.lr == found.lr);
    checkpoint_fini(&checkpoint);
    training_free(whole);
    training_free(begun);
    training_free(resumed);
    free(path);
}

static void a_resumed_training_equals_an_undisturbed_one(void **state)
{
    (void)state;
    static const char *const rules[] = {"sgd",     "momentum", "nesterov", "nesterov_ahead",
                                        "adagrad", "rmsprop",  "adam",     "adamw"};
    static const char *const schedules[] = {"const", "step", "exp", "inv_t", "cosine", "plateau"};
    struct data_split data = load("glyphs:n=120");
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        char *trainer =
            xasprintf("{\"builtin\":\"mlp\",\"data\":\"glyphs\",\"optimizer\":\"%s\",\"schedule\":\"%s\","
                      "\"patience\":1,\"warmup\":1.5,\"momentum_start\":0.5,\"clip\":1,\"l2\":1e-3,"
                      "\"l1\":1e-5,\"ema\":0.9,\"shift\":1,\"flip\":true,\"crop\":1,\"batch\":32,"
                      "\"layers\":[\"conv 3x3x4\",\"batchnorm\",\"relu\",\"pool 2\",\"dropout 0.2\","
                      "\"affine 20\",\"batchnorm\",\"relu\",\"dropout 0.3\"]}",
                      rules[i], schedules[i % 6]);
        check_resume(trainer, &data);
        free(trainer);
    }
    data_split_fini(&data);
}

static void the_length_of_the_training_shapes_the_rate_not_its_end(void **state)
{
    (void)state;
    struct data_split data = load("spiral:n=300");
    const char *trainer = "{\"builtin\":\"mlp\",\"data\":\"spiral\",\"schedule\":\"cosine\",\"lr\":0.1}";
    struct training *stopped = make(trainer, &data, 10), *whole = make(trainer, &data, 10);
    struct epoch_metrics a = run(stopped, 3), b = run(whole, 3);
    assert_true(a.lr == b.lr && a.val_loss == b.val_loss);
    run(whole, 10);
    training_free(stopped);
    training_free(whole);
    data_split_fini(&data);
}

/* ---- averages ---- */

static void the_running_average_of_constant_weights_is_they(void **state)
{
    (void)state;
    struct data_split data = load("spiral:n=300");
    struct training *t = make("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"lr\":0,\"ema\":0.99}", &data, 1);
    struct epoch_metrics m = run(t, 1);
    float *averaged = xcalloc(t->net->param_count, sizeof *averaged);
    training_averaged(t, averaged);
    for (size_t i = 0; i < t->net->param_count; i++)
        assert_true(fabsf(averaged[i] - t->net->params[i]) <= 1e-5f * fabsf(averaged[i]));
    assert_true(fabs(m.ema_val_loss - m.val_loss) < 1e-5);
    free(averaged);
    training_free(t);
    data_split_fini(&data);
}

/* ---- checkpoints that are refused ---- */

struct spoiled {
    size_t at;
    unsigned char byte;
    const char *text; /* in the error */
};

static void write_spoiled(const struct str *bytes, size_t len, const struct spoiled *how, const char *path)
{
    char *copy = xmalloc(len);
    memcpy(copy, bytes->text, len);
    if (how)
        copy[how->at] = (char)(copy[how->at] ^ how->byte);
    assert_int_equal(file_write_whole(path, copy, len, NULL), 0);
    free(copy);
}

static void assert_refused(const char *path, const char *text)
{
    struct checkpoint checkpoint;
    struct err err = ERR_NONE;
    assert_int_equal(checkpoint_load(path, &checkpoint, &err), ERR_BAD);
    if (!strstr(err.text, path) || !strstr(err.text, text))
        fail_msg("expected \"%s\" in: %s", text, err.text);
}

static void damaged_checkpoints_are_refused(void **state)
{
    (void)state;
    static const struct spoiled ways[] = {
        {0, 1, "offset 0: expected \"HONECKPT\""}, {8, 2, "offset 8: expected version 1, found 3"},
        {15, 255, "offset 12: expected a header"}, {40, 1, "expected fingerprint"},
        {4000, 128, "expected fingerprint"},
    };
    struct data_split data = load("spiral:n=300");
    struct training *t = make("{\"builtin\":\"mlp\",\"data\":\"spiral\"}", &data, 1);
    struct epoch_metrics m = run(t, 1);
    struct str bytes = {0};
    char *path = file("good.ckpt"), *bad = file("bad.ckpt");
    assert_int_equal(checkpoint_write(t, &m, path, NULL), 0);
    assert_int_equal(file_read(path, 1 << 24, &bytes, NULL), 0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        write_spoiled(&bytes, bytes.len, &ways[i], bad);
        assert_refused(bad, ways[i].text);
    }
    for (size_t len = 0; len < bytes.len; len += len < 100 ? 1 : 97) {
        write_spoiled(&bytes, len, NULL, bad);
        assert_refused(bad, len < 48 ? "too short" : "expected");
        if (len >= 1000)
            assert_refused(bad, "found none: the file is damaged or cut short");
    }
    str_fini(&bytes);
    training_free(t);
    data_split_fini(&data);
    free(path);
    free(bad);
}

static void checkpoints_of_another_net_are_refused(void **state)
{
    (void)state;
    struct data_split data = load("spiral:n=300"), other = load("glyphs:n=50");
    struct training *t = make("{\"builtin\":\"mlp\",\"data\":\"spiral\"}", &data, 1);
    struct training *wide = make("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"hidden\":101}", &data, 1);
    struct training *adam =
        make("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"optimizer\":\"adam\"}", &data, 1);
    struct training *images = make("{\"builtin\":\"mlp\",\"data\":\"glyphs\"}", &other, 1);
    struct epoch_metrics m = run(t, 1);
    struct checkpoint checkpoint;
    struct err err = ERR_NONE;
    char *path = file("other.ckpt");
    assert_int_equal(checkpoint_write(t, &m, path, NULL), 0);
    assert_int_equal(checkpoint_load(path, &checkpoint, NULL), 0);
    assert_int_equal(training_restore(wide, &checkpoint, path, &err), ERR_BAD);
    assert_non_null(
        strstr(err.text, "options.layers: expected [\"affine 101\",\"relu\"], found [\"affine 100\""));
    assert_int_equal(training_restore(adam, &checkpoint, path, &err), ERR_BAD);
    assert_non_null(strstr(err.text, "options.optimizer: expected \"adam\", found \"momentum\""));
    assert_int_equal(training_restore(images, &checkpoint, path, &err), ERR_BAD);
    assert_non_null(strstr(err.text, "array params: expected"));
    checkpoint_fini(&checkpoint);
    training_free(t);
    training_free(wide);
    training_free(adam);
    training_free(images);
    data_split_fini(&data);
    data_split_fini(&other);
    free(path);
}

static void names_say_trial_epoch_and_accuracy(void **state)
{
    (void)state;
    char name[64];
    checkpoint_name(42, 7, 0.93124, name);
    assert_string_equal(name, "t00042.e007.v0.9312.ckpt");
    checkpoint_name(1234567, 1234, NAN, name);
    assert_string_equal(name, "t1234567.e1234.v0.0000.ckpt");
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char *command = xasprintf("rm -r %s", folder);
    int rc = system(command);
    free(command);
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_learn_the_spiral),
        cmocka_unit_test(a_convnet_learns_glyphs),
        cmocka_unit_test(a_huge_rate_diverges_to_nan),
        cmocka_unit_test(a_resumed_training_equals_an_undisturbed_one),
        cmocka_unit_test(the_length_of_the_training_shapes_the_rate_not_its_end),
        cmocka_unit_test(the_running_average_of_constant_weights_is_they),
        cmocka_unit_test(damaged_checkpoints_are_refused),
        cmocka_unit_test(checkpoints_of_another_net_are_refused),
        cmocka_unit_test(names_say_trial_epoch_and_accuracy),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
