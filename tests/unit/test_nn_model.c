/* Checkpoints that predict: the numbers of the training, averages of weights, and files that lie about themselves. */
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
#include "common/hash.h"
#include "common/mem.h"
#include "common/rng.h"
#include "common/trainer_options.h"
#include "worker/nn/model.h"

static char folder[] = "/tmp/hone-test-XXXXXX";
static struct data_split scaled, raw;
static char *first, *second; /* checkpoints of epochs 2 and 3 */
static struct epoch_metrics metrics;

static const char trainer[] =
    "{\"builtin\":\"mlp\",\"data\":\"spiral\",\"ema\":0.9,\"hidden\":30,\"layers\":["
    "\"affine 30\",\"batchnorm\",\"relu\"]}";

static void load(int normalize, struct data_split *out)
{
    struct data_options options = {.spec = "spiral:n=900", .normalize = normalize};
    assert_int_equal(data_load(&options, out, NULL), 0);
}

static int set_up(void **state)
{
    (void)state;
    struct json *object = json_parse(trainer, strlen(trainer), "test", NULL), *options;
    struct jcur cur = jcur_root(object, "test");
    struct training *t;
    assert_non_null(mkdtemp(folder));
    load(1, &scaled);
    load(0, &raw);
    assert_int_equal(trainer_resolve(&cur, NULL, &options, NULL), 0);
    assert_int_equal(training_new(options, &scaled, 1, 3, &t, NULL), 0);
    first = path_join(folder, "first.ckpt");
    second = path_join(folder, "second.ckpt");
    training_epoch(t, NULL, NULL, &metrics);
    training_epoch(t, NULL, NULL, &metrics);
    assert_int_equal(checkpoint_write(t, &metrics, first, NULL), 0);
    training_epoch(t, NULL, NULL, &metrics);
    assert_int_equal(checkpoint_write(t, &metrics, second, NULL), 0);
    training_free(t);
    json_free(options);
    json_free(object);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char *command = xasprintf("rm -r %s", folder);
    int rc = system(command);
    free(command);
    free(first);
    free(second);
    data_split_fini(&scaled);
    data_split_fini(&raw);
    return rc;
}

static struct evaluation score(struct model *model, const struct dataset *set)
{
    struct evaluation out;
    float *p = xcalloc((size_t)(set->n * set->classes), sizeof *p);
    model_predict(model, set, p);
    evaluate(p, set->y, set->n, set->classes, &out);
    free(p);
    return out;
}

static void a_model_predicts_what_the_training_scored(void **state)
{
    (void)state;
    struct model model;
    struct err err = ERR_NONE;
    if (model_load(second, &model, &err))
        fail_msg("%s", err.text);
    struct dataset copy = raw.val;
    copy.x = xmalloc((size_t)(copy.n * 2) * sizeof(float));
    memcpy(copy.x, raw.val.x, (size_t)(copy.n * 2) * sizeof(float));
    assert_int_equal(model_take(&model, &copy, "spiral", &err), 0); /* raw data, scaled as in training */
    struct evaluation e = score(&model, &copy);
    assert_true(e.acc == metrics.val_acc && fabs(e.loss - metrics.val_loss) < 1e-5);
    int sum = 0, diagonal = 0;
    for (int i = 0; i < e.classes * e.classes; i++) {
        sum += e.confusion[i];
        diagonal += i % (e.classes + 1) ? 0 : e.confusion[i];
    }
    assert_int_equal(sum, e.n);
    assert_true((double)diagonal / e.n == e.acc);
    evaluation_fini(&e);
    free(copy.x);
    model_fini(&model);
}

static void other_data_is_refused(void **state)
{
    (void)state;
    struct model model;
    struct err err = ERR_NONE;
    assert_int_equal(model_load(second, &model, NULL), 0);
    struct dataset set = {.channels = 3, .height = 1, .width = 1, .classes = 3};
    assert_int_equal(model_take(&model, &set, "iris.csv", &err), ERR_BAD);
    assert_string_equal(err.text, "iris.csv: samples of 3 x 1 x 1; this model takes 2 x 1 x 1");
    set.channels = 2;
    set.classes = 4;
    assert_int_equal(model_take(&model, &set, "iris.csv", &err), ERR_BAD);
    assert_string_equal(err.text, "iris.csv: 4 classes; this model knows 3");
    model_fini(&model);
}

static void an_average_of_one_is_itself_and_of_two_their_middle(void **state)
{
    (void)state;
    struct model a, b, mean;
    struct err err = ERR_NONE;
    const char *one[] = {first, first, first}, *two[] = {first, second};
    assert_int_equal(
        model_load(first, &a, NULL) | model_load(second, &b, NULL) | model_load(first, &mean, NULL), 0);
    assert_int_equal(model_average(&mean, one, 3, &scaled.train, &err), 0);
    assert_memory_equal(mean.net->params, a.net->params, a.net->param_count * sizeof(float));
    assert_int_equal(model_average(&mean, two, 2, &scaled.train, &err), 0);
    for (size_t i = 0; i < a.net->param_count; i++)
        assert_true(fabsf(mean.net->params[i] - (a.net->params[i] + b.net->params[i]) / 2) < 1e-6f);
    assert_memory_not_equal(mean.net->states, a.net->states, a.net->state_count * sizeof(float));
    struct evaluation e = score(&mean, &scaled.val);
    assert_true(e.acc > 0.3);
    evaluation_fini(&e);
    assert_int_equal(model_average(&mean, (const char *const[]){"/nowhere"}, 1, &scaled.train, &err),
                     ERR_GONE);
    model_fini(&a);
    model_fini(&b);
    model_fini(&mean);
}

static void recomputed_moments_are_those_of_the_data(void **state)
{
    (void)state;
    struct model model;
    assert_int_equal(model_load(second, &model, NULL), 0);
    const struct layer *affine = &model.net->layers[0], *norm = &model.net->layers[1];
    net_recompute_moments(model.net, &scaled.train, 100);
    double sum = 0;
    int n = scaled.train.n / 100 * 100;
    const float *w = model.net->params + affine->weight;
    for (int i = 0; i < n; i++)
        sum += (double)(scaled.train.x[2 * i] * w[0] + scaled.train.x[2 * i + 1] * w[affine->out.c]);
    double mean = sum / n + (double)model.net->params[affine->bias];
    assert_true(fabs(mean - (double)model.net->states[norm->state]) < 1e-4);
    model_fini(&model);
}

static void the_running_average_scores_as_in_training(void **state)
{
    (void)state;
    struct model model;
    struct err err = ERR_NONE;
    assert_int_equal(model_load(second, &model, NULL), 0);
    assert_int_equal(model_use_ema(&model, &scaled.train, second, &err), 0);
    struct evaluation e = score(&model, &scaled.val);
    assert_true(fabs(e.loss - metrics.ema_val_loss) < 0.01 && fabs(e.acc - metrics.ema_val_acc) < 0.03);
    evaluation_fini(&e);
    model_fini(&model);
}

/* A file with another header and a right fingerprint: what a liar would write. */
static void write_liar(const char *path, const char *from, const char *to)
{
    struct str bytes = {0}, header = {0}, out = {0};
    uint32_t front[2];
    char hex[HASH_HEX];
    assert_int_equal(file_read(second, 1 << 24, &bytes, NULL), 0);
    memcpy(front, bytes.text + 8, sizeof front);
    char *text = xstrndup(bytes.text + 16, front[1]);
    char *at = strstr(text, from);
    assert_non_null(at);
    str_addn(&header, text, (size_t)(at - text));
    str_add(&header, to);
    str_add(&header, at + strlen(from));
    while (header.len % 4)
        str_addc(&header, ' ');
    front[1] = (uint32_t)header.len;
    str_addn(&out, bytes.text, 8);
    str_addn(&out, front, sizeof front);
    str_addn(&out, header.text, header.len);
    size_t arrays = 16 + strlen(text);
    str_addn(&out, bytes.text + arrays, bytes.len - arrays - 32);
    hash_bytes(out.text, out.len, hex);
    str_addn(&out, hex, 32);
    assert_int_equal(file_write_whole(path, out.text, out.len, NULL), 0);
    free(text);
    str_fini(&bytes);
    str_fini(&header);
    str_fini(&out);
}

static void lying_headers_are_refused(void **state)
{
    (void)state;
    static const char *const lies[][2] = {
        {"\"shape\":[2,1,1]", "\"shape\":[3,1,1]"},
        {"\"shape\":[2,1,1]", "\"shape\":[65536,65536,65536]"},
        {"\"shape\":[2,1,1]", "\"shape\":[2,1]"},
        {"\"classes\":3", "\"classes\":4"},
        {"\"classes\":3", "\"classes\":1e300"},
        {"affine 30", "affine 31"},
        {"affine 30", "affine 65536"},
        {"\"affine 30\",", "\"affine 65536\",\"affine 4000\","}, /* a gigabyte, were it believed */
        {"affine 30", "afine 30"},
        {"\"layers\":", "\"layer\":"},
        {"\"loss\":\"softmax\"", "\"loss\":\"hard\""},
        {"\"name\":\"params\"", "\"name\":\"papas\""},
        {"\"name\":\"norm_mean\"", "\"name\":\"norm\""},
        {"\"count\":", "\"count\":1"},
        {"\"arrays\":", "\"array\":"},
        {"\"options\":", "\"option\":"},
        {"{\"epoch\"", "{{\"epoch\""},
    };
    char *path = path_join(folder, "liar.ckpt");
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct model model;
        struct err err = ERR_NONE;
        write_liar(path, lies[i][0], lies[i][1]);
        if (model_load(path, &model, &err) != ERR_BAD || !*err.text)
            fail_msg("\"%s\" was believed", lies[i][1]);
    }
    free(path);
}

/* Random changes with a right fingerprint: refused or read, never a crash (the sanitizer build watches). */
static void random_changes_do_not_crash(void **state)
{
    (void)state;
    struct str bytes = {0};
    struct rng rng = rng_at(1, 0, 0, 0);
    char *path = path_join(folder, "random.ckpt"), hex[HASH_HEX];
    assert_int_equal(file_read(second, 1 << 24, &bytes, NULL), 0);
    for (int i = 0; i < 300; i++) {
        char *copy = xmalloc(bytes.len);
        struct model model;
        memcpy(copy, bytes.text, bytes.len);
        for (uint32_t changes = 1 + rng_below(&rng, 4); changes; changes--)
            copy[8 + rng_below(&rng, 1400)] = (char)rng_u32(&rng);
        hash_bytes(copy, bytes.len - 32, hex);
        memcpy(copy + bytes.len - 32, hex, 32);
        assert_int_equal(file_write_whole(path, copy, bytes.len, NULL), 0);
        if (!model_load(path, &model, NULL))
            model_fini(&model);
        free(copy);
    }
    str_fini(&bytes);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_predicts_what_the_training_scored),
        cmocka_unit_test(other_data_is_refused),
        cmocka_unit_test(an_average_of_one_is_itself_and_of_two_their_middle),
        cmocka_unit_test(recomputed_moments_are_those_of_the_data),
        cmocka_unit_test(the_running_average_scores_as_in_training),
        cmocka_unit_test(lying_headers_are_refused),
        cmocka_unit_test(random_changes_do_not_crash),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
