#include "worker/nn/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/trainer_options.h"
#include "worker/nn/loss.h"
#include "worker/nn/train.h"
#include "worker/nn/train_options.h"

enum { BATCH = 100, SIDE_MAX = 1 << 16 };

/* ---- loading ---- */

static int read_shape(const struct json *header, const char *path, struct dataset *out, struct err *err)
{
    struct jcur root = jcur_root(header, path), shape = jcur_get(&root, "shape");
    struct jcur classes = jcur_get(&root, "classes");
    int64_t sides[3] = {0}, count = 0;
    int rc = jcur_array(&shape, 3, 3, err);
    for (int i = 0; !rc && i < 3; i++) {
        struct jcur side = jcur_at(&shape, i);
        rc = jcur_int(&side, 1, SIDE_MAX, &sides[i], err);
    }
    if (!rc && sides[0] * sides[1] * sides[2] > 1 << 26)
        rc = jcur_fail(&shape, err, "more than 2^26 values in one sample");
    if (!rc)
        rc = jcur_int(&classes, 2, SIDE_MAX, &count, err);
    *out = (struct dataset){
        .channels = (int)sides[0], .height = (int)sides[1], .width = (int)sides[2], .classes = (int)count};
    return rc;
}

/* The options of a file are checked like those of a study: it may come from anywhere. */
static int read_options(const struct json *header, const char *path, struct train_options *out,
                        struct err *err)
{
    struct jcur root = jcur_root(header, path), options = jcur_get(&root, "options");
    struct json *resolved = NULL;
    int rc = trainer_resolve(&options, NULL, &resolved, err);
    if (!rc)
        rc = train_options_read(resolved, 1, out, err);
    json_free(resolved);
    return rc;
}

static int take_array(const struct checkpoint *c, const char *name, float *to, size_t count, const char *path,
                      struct err *err)
{
    const struct checkpoint_array *array = checkpoint_array(c, name);
    if ((array ? array->count : 0) != count)
        return err_set(err, ERR_BAD, "%s: array %s: expected %zu values, found %zu", path, name, count,
                       array ? array->count : 0);
    if (count)
        memcpy(to, array->values, count * sizeof *to);
    return 0;
}

/* mem: a borrowed view, never written and never freed. */
static float *borrow(const struct checkpoint_array *array)
{
    union {
        const float *in;
        float *out;
    } view = {array->values};
    return view.out;
}

static int take_norm(struct model *model, const struct dataset *shape, const char *path, struct err *err)
{
    const struct checkpoint_array *mean = checkpoint_array(&model->checkpoint, "norm_mean");
    const struct checkpoint_array *scale = checkpoint_array(&model->checkpoint, "norm_scale");
    if (!mean && !scale)
        return 0;
    if (!mean || !scale || mean->count != (size_t)shape->channels || scale->count != mean->count)
        return err_set(err, ERR_BAD, "%s: arrays norm_mean and norm_scale: expected %d values each", path,
                       shape->channels);
    model->norm = (struct data_norm){shape->channels, borrow(mean), borrow(scale)};
    return 0;
}

static int build(struct model *model, const char *path, struct err *err)
{
    struct train_options options;
    struct net_options net_options;
    struct dataset shape;
    int rc = read_shape(model->checkpoint.header, path, &shape, err);
    if (!rc)
        rc = read_options(model->checkpoint.header, path, &options, err);
    if (rc)
        return rc;
    train_net_options(&options, &shape, 0, &net_options);
    model->softmax = options.loss == LOSS_SOFTMAX;
    const struct checkpoint_array *params = checkpoint_array(&model->checkpoint, "params");
    net_options.param_count = params ? params->count : 1; /* a header may lie about its layers */
    rc = net_new(&net_options, &model->net, err);
    if (rc)
        return err_prefix(err, "%s: ", path);
    rc = take_array(&model->checkpoint, "params", model->net->params, model->net->param_count, path, err);
    if (!rc)
        rc = take_array(&model->checkpoint, "states", model->net->states, model->net->state_count, path, err);
    return rc ? rc : take_norm(model, &shape, path, err);
}

int model_load(const char *path, struct model *out, struct err *err)
{
    *out = (struct model){0};
    int rc = checkpoint_load(path, &out->checkpoint, err);
    if (!rc)
        rc = build(out, path, err);
    if (rc)
        model_fini(out);
    return rc;
}

void model_fini(struct model *model)
{
    net_free(model->net);
    checkpoint_fini(&model->checkpoint);
    *model = (struct model){0};
}

/* ---- predicting ---- */

int model_take(const struct model *model, struct dataset *set, const char *name, struct err *err)
{
    struct shape in = model->net->in;
    if (set->channels != in.c || set->height != in.h || set->width != in.w)
        return err_set(err, ERR_BAD, "%s: samples of %d x %d x %d; this model takes %d x %d x %d", name,
                       set->channels, set->height, set->width, in.c, in.h, in.w);
    if (set->classes > model->net->classes)
        return err_set(err, ERR_BAD, "%s: %d classes; this model knows %d", name, set->classes,
                       model->net->classes);
    if (model->norm.channels)
        data_norm_apply(&model->norm, set);
    return 0;
}

void model_predict(struct model *model, const struct dataset *set, float *out)
{
    size_t width = (size_t)dataset_width(set), classes = (size_t)model->net->classes;
    for (int at = 0; at < set->n; at += BATCH) {
        struct pass pass = {.n = set->n - at < BATCH ? set->n - at : BATCH};
        const float *scores = net_forward(model->net, &pass, set->x + (size_t)at * width);
        float *rows = out + (size_t)at * classes;
        memcpy(rows, scores, (size_t)pass.n * classes * sizeof *rows);
        loss_probabilities(rows, pass.n, (int)classes);
    }
}

void evaluate(const float *probabilities, const int32_t *labels, int n, int classes, struct evaluation *out)
{
    *out = (struct evaluation){.n = n, .classes = classes};
    out->confusion = xcalloc((size_t)classes * (size_t)classes, sizeof *out->confusion);
    int correct = 0;
    for (int i = 0; i < n; i++) {
        const float *row = probabilities + (size_t)i * (size_t)classes;
        int answer = 0;
        for (int k = 1; k < classes; k++)
            answer = row[k] > row[answer] ? k : answer;
        out->confusion[(size_t)labels[i] * (size_t)classes + (size_t)answer]++;
        out->loss -= log(fmax((double)row[labels[i]], 1e-30)) / n;
        correct += answer == labels[i];
    }
    out->acc = n ? (double)correct / n : 0;
}

void evaluation_fini(struct evaluation *evaluation)
{
    free(evaluation->confusion);
    *evaluation = (struct evaluation){0};
}

/* ---- averages of weights ---- */

static int add_weights(const struct model *model, const char *path, double *sum, struct err *err)
{
    struct checkpoint other;
    size_t count = model->net->param_count;
    float *weights = real_alloc(count);
    int rc = checkpoint_load(path, &other, err);
    if (rc) {
        free(weights);
        return rc;
    }
    const struct json *mine = json_get(json_get(model->checkpoint.header, "options"), "layers");
    if (!json_same(mine, json_get(json_get(other.header, "options"), "layers"), NULL))
        rc = err_set(err, ERR_BAD, "%s: a checkpoint of another network", path);
    if (!rc)
        rc = take_array(&other, "params", weights, count, path, err);
    for (size_t i = 0; !rc && i < count; i++)
        sum[i] += (double)weights[i];
    checkpoint_fini(&other);
    free(weights);
    return rc;
}

int model_average(struct model *model, const char *const *paths, int count, const struct dataset *set,
                  struct err *err)
{
    double *sum = xcalloc(model->net->param_count, sizeof *sum);
    int rc = count > 0 ? 0 : err_set(err, ERR_BAD, "no checkpoints to average");
    for (int i = 0; !rc && i < count; i++)
        rc = add_weights(model, paths[i], sum, err);
    for (size_t i = 0; !rc && i < model->net->param_count; i++)
        model->net->params[i] = (float)(sum[i] / count);
    if (!rc)
        net_recompute_moments(model->net, set, BATCH);
    free(sum);
    return rc;
}

int model_use_ema(struct model *model, const struct dataset *set, const char *path, struct err *err)
{
    struct jcur root = jcur_root(model->checkpoint.header, path), steps = jcur_get(&root, "steps");
    double decay = json_num(json_get(json_get(model->checkpoint.header, "options"), "ema"));
    int64_t count = 0;
    if (!checkpoint_array(&model->checkpoint, "ema"))
        return err_set(err, ERR_BAD, "%s: keeps no running average: the option ema was not set", path);
    int rc = jcur_int(&steps, 1, (int64_t)1 << 53, &count, err);
    if (!rc)
        rc = take_array(&model->checkpoint, "ema", model->net->params, model->net->param_count, path, err);
    if (rc)
        return rc;
    double whole = 1 - pow(decay, (double)count);
    for (size_t i = 0; i < model->net->param_count; i++)
        model->net->params[i] = (float)(model->net->params[i] / whole);
    net_recompute_moments(model->net, set, BATCH);
    return 0;
}
