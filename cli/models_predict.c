/* What models say of data: those they were trained on, or others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/models.h"
#include "common/file.h"
#include "common/mem.h"
#include "worker/nn/ensemble.h"

/* ---- data ---- */

static int load(const struct models *models, const char *spec, bool whole, struct data_split *out,
                struct err *err)
{
    const struct json *options = models->options;
    struct data_options data = {
        .spec = spec,
        .base = whole ? NULL : models->base,
        .val_part = json_num(json_get(options, "val_part")),
        .folds = (int)json_num(json_get(options, "folds")),
        .fold = (int)json_num(json_get(options, "fold")),
        .seed = (uint64_t)json_num(json_get(options, "data_seed")),
        .whole = whole,
    };
    return data_load(&data, out, err);
}

int models_data(const struct models *models, struct data_split *out, struct err *err)
{
    return load(models, json_text(json_get(models->options, "data")), false, out, err);
}

static int class_of(const struct models *models, const char *label)
{
    for (int k = 0; k < models->classes; k++)
        if (strcmp(json_text(json_at(models->labels, (size_t)k)), label) == 0)
            return k;
    return -1;
}

static const char no_label_hint[] =
    "in a table the last column is taken for the label; csv:FILE?label=none says that there is none";

/* Labels are numbered in each file anew: here they get the numbers the models know them by. */
static int name_labels(const struct models *models, const char *spec, struct data_split *split,
                       struct err *err)
{
    struct dataset *set = &split->train;
    if (!models->labels || !split->labels || !*split->labels[0])
        return 0;
    for (int i = 0; i < set->n; i++) {
        const char *label = split->labels[set->y[i]];
        int32_t class = class_of(models, label);
        if (class < 0) {
            err_set(err, ERR_BAD, "%s: the label \"%.64s\" of sample %d is none that the model knows", spec,
                    label, i + 1);
            return err_hint(err, "%s", no_label_hint);
        }
        set->y[i] = class;
    }
    for (int i = 0; i < set->classes; i++)
        free(split->labels[i]);
    free(split->labels);
    split->labels = NULL;
    set->classes = models->classes;
    return 0;
}

int models_other_data(const struct models *models, const char *spec, struct data_split *out, struct err *err)
{
    bool is_spec = data_spec_check(spec, NULL) == 0;
    if (!is_spec && !strchr(spec, ':') && !file_exists(spec)) {
        err_set(err, ERR_BAD, "%.200s: there is no such file", spec);
        return err_hint(
            err,
            "DATA is a CSV file, or a spec as in a study file: idx:DIR, cifar10:DIR, csv:FILE?label=none");
    }
    char *csv = !is_spec && file_exists(spec) ? xasprintf("csv:%s", spec) : NULL;
    int rc = load(models, csv ? csv : spec, true, out, err);
    free(csv);
    if (rc)
        return rc;
    rc = name_labels(models, spec, out, err);
    if (rc)
        data_split_fini(out);
    return rc;
}

/* ---- predicting ---- */

static struct dataset copy_of(const struct dataset *set)
{
    struct dataset copy = *set;
    size_t values = (size_t)set->n * (size_t)dataset_width(set);
    copy.x = xmalloc(values * sizeof *copy.x + 1);
    copy.y = xmalloc((size_t)set->n * sizeof *copy.y + 1);
    memcpy(copy.x, set->x, values * sizeof *copy.x);
    memcpy(copy.y, set->y, (size_t)set->n * sizeof *copy.y);
    return copy;
}

static int predict_with(struct model *model, const struct dataset *set, const char *data, float **out,
                        struct err *err)
{
    struct dataset mine = copy_of(set);
    int rc = model_take(model, &mine, data, err);
    if (rc && set->height == 1 && set->width == 1 && set->channels + 1 == model->net->in.c)
        err_hint(err, "%s", no_label_hint);
    if (!rc) {
        *out = xcalloc((size_t)set->n * (size_t)model->net->classes + 1, sizeof **out);
        model_predict(model, &mine, *out);
    }
    dataset_fini(&mine);
    return rc;
}

/* Moments are those of the training data under the average. */
static int take_average(const struct models *models, const char *path, struct model *model, struct err *err)
{
    struct data_split split;
    int rc = models_data(models, &split, err);
    if (rc)
        return rc;
    rc = model_take(model, &split.train, "the training data", err);
    if (!rc)
        rc = model_use_ema(model, &split.train, path, err);
    data_split_fini(&split);
    return rc;
}

int models_predict_one(const struct models *models, int member, const struct dataset *set, const char *data,
                       float **out, struct err *err)
{
    struct model model;
    const char *path = models->list[member].path;
    int rc = model_load(path, &model, err);
    if (rc)
        return rc;
    if (models->ema)
        rc = take_average(models, path, &model, err);
    if (!rc)
        rc = predict_with(&model, set, data, out, err);
    model_fini(&model);
    return rc;
}

static int average_weights(const struct models *models, struct model *model, struct err *err)
{
    struct data_split split;
    const char **paths = xcalloc((size_t)models->count, sizeof *paths);
    for (int i = 0; i < models->count; i++)
        paths[i] = models->list[i].path;
    int rc = models_data(models, &split, err);
    if (!rc) {
        rc = model_take(model, &split.train, "the training data", err);
        if (!rc)
            rc = model_average(model, paths, models->count, &split.train, err);
        data_split_fini(&split);
    }
    free(paths);
    return rc;
}

static int predict_averaged(const struct models *models, const struct dataset *set, const char *data,
                            float **out, struct err *err)
{
    struct model model;
    int rc = model_load(models->list[0].path, &model, err);
    if (rc)
        return rc;
    rc = average_weights(models, &model, err);
    if (!rc)
        rc = predict_with(&model, set, data, out, err);
    model_fini(&model);
    return rc;
}

static void put_together(const struct models *models, float *const *each, const struct dataset *set,
                         float *out)
{
    int *counts = xcalloc((size_t)models->count, sizeof *counts);
    const float **views = xcalloc((size_t)models->count, sizeof *views);
    for (int i = 0; i < models->count; i++) {
        counts[i] = models->list[i].weight;
        views[i] = each[i];
    }
    struct library library = {views, set->y, models->count, set->n, models->classes};
    if (models->combine == COMBINE_VOTE)
        ensemble_vote(&library, counts, out);
    else
        ensemble_mean(&library, counts, out);
    free(views);
    free(counts);
}

int models_predict(const struct models *models, const struct dataset *set, const char *data, float **out,
                   struct err *err)
{
    if (models->combine == COMBINE_WEIGHTS && models->ema)
        return err_set(err, ERR_BAD, "--ema: this ensemble is a mean of weights already");
    if (models->combine == COMBINE_WEIGHTS)
        return predict_averaged(models, set, data, out, err);
    float **each = xcalloc((size_t)models->count, sizeof *each);
    int rc = 0;
    for (int i = 0; !rc && i < models->count; i++)
        rc = models_predict_one(models, i, set, data, &each[i], err);
    if (!rc) {
        *out = xcalloc((size_t)set->n * (size_t)models->classes + 1, sizeof **out);
        put_together(models, each, set, *out);
    }
    for (int i = 0; i < models->count; i++)
        free(each[i]);
    free(each);
    return rc;
}

void models_class_name(const struct models *models, int class, char out[64])
{
    const char *label = models->labels ? json_text(json_at(models->labels, (size_t) class)) : "";
    if (*label)
        str_copy(out, 64, label);
    else
        snprintf(out, 64, "%d", class);
}
