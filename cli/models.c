#include "cli/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/select.h"
#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "worker/nn/ensemble.h"

enum { FILE_MAX = 1 << 20, MEMBERS_MAX = 1000, WEIGHT_MAX = 1000000 };

static const char *const combine_names[] = {"average", "vote", "weights", NULL};

const char *combine_name(enum combine combine)
{
    return combine_names[combine];
}

void models_fini(struct models *models)
{
    for (int i = 0; i < models->count; i++)
        free(models->list[i].path);
    free(models->list);
    free(models->base);
    json_free(models->options);
    json_free(models->labels);
    *models = (struct models){0};
}

static void add(struct models *models, struct member member)
{
    models->list = xrealloc(models->list, ((size_t)models->count + 1) * sizeof *models->list);
    models->list[models->count++] = member;
}

/* ---- from a file ---- */

static int read_member(const struct jcur *cur, const char *folder, struct models *out, struct err *err)
{
    static const char *const keys[] = {"checkpoint", "weight", "trial", "epoch", NULL};
    struct jcur path = jcur_get(cur, "checkpoint"), weight = jcur_get(cur, "weight");
    const char *text;
    int64_t times = 1;
    if (jcur_known(cur, keys, err) || jcur_text(&path, 4096, &text, err))
        return ERR_BAD;
    if (jcur_has(&weight) && jcur_int(&weight, 1, WEIGHT_MAX, &times, err))
        return ERR_BAD;
    add(out, (struct member){.path = path_join(folder, text), .weight = (int)times});
    return 0;
}

static int read_list(const struct jcur *root, const char *folder, struct models *out, struct err *err)
{
    static const char *const keys[] = {"ensemble", "combine", "base", NULL};
    struct jcur list = jcur_get(root, "ensemble"), combine = jcur_get(root, "combine"),
                base = jcur_get(root, "base");
    const char *text = NULL;
    int how = 0, rc = jcur_known(root, keys, err);
    if (!rc)
        rc = jcur_array(&list, 1, MEMBERS_MAX, err);
    if (!rc && jcur_has(&combine))
        rc = jcur_choice(&combine, combine_names, &how, err);
    if (!rc && jcur_has(&base))
        rc = jcur_text(&base, 4096, &text, err);
    for (int i = 0; !rc && i < (int)json_count(list.node); i++) {
        struct jcur item = jcur_at(&list, i);
        rc = read_member(&item, folder, out, err);
    }
    out->combine = (enum combine)how;
    if (!out->base && text)
        out->base = xstrdup(text);
    return rc;
}

/* A checkpoint says so in its first bytes; anything else must be a list. */
static bool is_checkpoint(const char *path)
{
    char magic[8] = "";
    FILE *file = fopen(path, "rb");
    bool is =
        file && fread(magic, 1, sizeof magic, file) == sizeof magic && memcmp(magic, "HONECKPT", 8) == 0;
    if (file)
        fclose(file);
    return is;
}

static int open_file(const char *path, struct models *out, struct err *err)
{
    struct str text = {0};
    if (is_checkpoint(path)) {
        add(out, (struct member){.path = xstrdup(path), .weight = 1});
        return 0;
    }
    int rc = file_read(path, FILE_MAX, &text, err);
    struct json *tree = rc ? NULL : json_parse(str_text(&text), text.len, path, err);
    if (!rc && !tree) {
        rc = ERR_BAD;
        err_hint(err, "a model is a checkpoint, or a file that `hone ensemble` wrote");
    }
    if (!rc) {
        struct jcur root = jcur_root(tree, path);
        char *folder = path_dir(path);
        rc = read_list(&root, folder, out, err);
        free(folder);
    }
    json_free(tree);
    str_fini(&text);
    return rc;
}

/* ---- from the database ---- */

static int no_checkpoint(const char *study, uint32_t trial, bool has_rows, struct err *err)
{
    if (!has_rows) {
        err_set(err, ERR_GONE, "trial %s/%u has no checkpoint", study, trial);
        return err_hint(err, "only trainers that report checkpoints leave any");
    }
    err_set(err, ERR_GONE, "no checkpoint file of trial %s/%u is here", study, trial);
    return err_hint(err, "`hone show %s/%u` lists them; \"keep\" in the study file says which stay", study,
                    trial);
}

static void take_base(struct models *models, const struct models_place *place, const char *base)
{
    if (!models->base && !place->dir)
        models->base = xstrdup(base);
}

/* Rows come with the score's epoch first. An epoch that two attempts saved counts once. */
static int take_rows(struct models *models, const struct rows *rows, const char *root, uint32_t trial,
                     bool all)
{
    int taken = 0;
    int64_t last = -1;
    for (size_t row = 0; row < rows->count && (all || !taken); row++) {
        int64_t epoch = cell_int(rows_named(rows, row, "epoch"));
        char *path = path_join(root, cell_text(rows_named(rows, row, "path")));
        bool wanted = all || cell_int(rows_named(rows, row, "is_best"));
        if (!wanted || epoch == last || !file_exists(path)) {
            free(path);
            continue;
        }
        add(models, (struct member){.path = path, .weight = 1, .epoch = (int)epoch, .trial = trial});
        last = epoch;
        taken++;
    }
    return taken;
}

int models_add_trial(struct models *models, struct source *source, const struct models_place *place,
                     const char *study, uint32_t trial, bool all, struct err *err)
{
    struct rows rows;
    struct bind binds[] = {BIND_TEXT(":study", study), BIND_INT(":trial", trial)};
    int rc = source_run(source, "trial_models", binds, 2, &rows, err);
    if (rc)
        return rc;
    char *folder = xasprintf("%s.d", place->db), *root = path_absolute(folder);
    if (rows.count)
        take_base(models, place, cell_text(rows_named(&rows, 0, "base")));
    if (!take_rows(models, &rows, root, trial, all))
        rc = no_checkpoint(study, trial, rows.count > 0, err);
    free(folder);
    free(root);
    rows_fini(&rows);
    return rc;
}

static int open_selected(const char *name, const struct models_place *place, struct models *out,
                         struct err *err)
{
    struct source *source = NULL;
    char *study = NULL;
    uint32_t trial = 0;
    int rc = source_open(place->db, place->master, &source, err);
    if (!rc)
        rc = select_trial(source, name, place->study, &study, &trial, err);
    if (!rc) {
        rc = models_add_trial(out, source, place, study, trial, false, err);
        free(study);
    }
    source_free(source);
    return rc;
}

/* ---- what members have in common ---- */

static int same_samples(const struct models *models, const struct json *options, const char *path,
                        struct err *err)
{
    static const char *const keys[] = {"data", "data_seed", "val_part", "folds", "fold"};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (!json_same(json_get(models->options, keys[i]), json_get(options, keys[i]), NULL)) {
            err_set(err, ERR_BAD, "%s: trained with another %s than the first member", path, keys[i]);
            return err_hint(err, "validation samples of one would be training samples of the other");
        }
    return 0;
}

static int settle_one(struct models *models, const char *path, struct err *err)
{
    struct model model;
    int rc = model_load(path, &model, err);
    if (rc)
        return rc;
    const struct json *options = json_get(model.checkpoint.header, "options"),
                      *labels = json_get(model.checkpoint.header, "labels");
    if (!models->options) {
        models->options = json_clone(options);
        models->labels = labels && json_count(labels) ? json_clone(labels) : NULL;
        models->classes = model.net->classes;
    } else if (model.net->classes != models->classes) {
        rc = err_set(err, ERR_BAD, "%s: knows %d classes, the first member %d", path, model.net->classes,
                     models->classes);
    } else {
        rc = same_samples(models, options, path, err);
    }
    model_fini(&model);
    return rc;
}

int models_settle(struct models *models, struct err *err)
{
    int rc = 0;
    for (int i = 0; !rc && i < models->count; i++)
        rc = settle_one(models, models->list[i].path, err);
    return rc;
}

int models_open(const char *name, const struct models_place *place, struct models *out, struct err *err)
{
    *out = (struct models){.base = place->dir ? xstrdup(place->dir) : NULL};
    bool is_file = file_exists(name);
    int rc = is_file ? open_file(name, out, err) : open_selected(name, place, out, err);
    if (rc && !is_file && rc == ERR_BAD)
        err_prefix(err, "there is no file of that name, and as a selector: ");
    if (!rc)
        rc = models_settle(out, err);
    if (rc)
        models_fini(out);
    return rc;
}

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

int models_predict_one(const struct models *models, int member, const struct dataset *set, const char *data,
                       float **out, struct err *err)
{
    struct model model;
    int rc = model_load(models->list[member].path, &model, err);
    if (rc)
        return rc;
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

/* ---- writing ---- */

static void write_member(struct jw *w, const struct member *member)
{
    char *path = path_absolute(member->path);
    jw_object(w, NULL);
    jw_text(w, "checkpoint", path);
    jw_int(w, "weight", member->weight);
    if (member->trial) {
        jw_int(w, "trial", member->trial);
        jw_int(w, "epoch", member->epoch);
    }
    jw_close_object(w);
    free(path);
}

int models_write(const struct models *models, const char *path, struct err *err)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_object(&w, NULL);
    jw_text(&w, "combine", combine_name(models->combine));
    if (models->base) {
        char *base = path_absolute(models->base);
        jw_text(&w, "base", base);
        free(base);
    }
    jw_array(&w, "ensemble");
    for (int i = 0; i < models->count; i++)
        if (models->list[i].weight)
            write_member(&w, &models->list[i]);
    jw_close_array(&w);
    jw_close_object(&w);
    str_addc(&text, '\n');
    int rc = file_write_whole(path, text.text, text.len, err);
    str_fini(&text);
    return rc;
}
