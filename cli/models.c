#include "cli/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/rows.h"
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

static const char what_a_model_is[] = "a model is a checkpoint, or a file that `hone ensemble` wrote";

static int open_file(const char *path, struct models *out, struct err *err)
{
    struct str text = {0};
    if (is_checkpoint(path)) {
        add(out, (struct member){.path = xstrdup(path), .weight = 1});
        return 0;
    }
    int rc = file_read(path, FILE_MAX, &text, err);
    struct json *tree = rc ? NULL : json_parse(str_text(&text), text.len, path, err);
    if (!tree) {
        rc = rc ? rc : ERR_BAD;
        err_hint(err, "%s", what_a_model_is);
    }
    if (!rc && json_get(tree, "study")) {
        rc = err_set(err, ERR_BAD, "%s: is a study file, not a model", path);
        err_hint(err, "hone evaluate best takes the best trial's; %s", what_a_model_is);
    } else if (!rc) {
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
                     const struct models_trial *of, struct err *err)
{
    struct rows rows;
    struct bind binds[] = {BIND_TEXT(":study", of->study), BIND_INT(":trial", of->trial)};
    int rc = source_run(source, "trial_models", binds, 2, &rows, err);
    if (rc)
        return rc;
    char *folder = xasprintf("%s.d", place->db), *root = path_absolute(folder);
    if (rows.count)
        take_base(models, place, first_text(&rows, "base"));
    if (!take_rows(models, &rows, root, of->trial, of->all))
        rc = no_checkpoint(of->study, of->trial, rows.count > 0, err);
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
        struct models_trial of = {study, trial, false};
        rc = models_add_trial(out, source, place, &of, err);
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

static int no_model(const char *name, struct err *err)
{
    err_set(err, ERR_BAD, "%s: there is no such file, and no trial is called so", name);
    return err_hint(err, "a checkpoint, a file that hone ensemble wrote, or trials: 17, best, STUDY/17");
}

int models_open(const char *name, const struct models_place *place, struct models *out, struct err *err)
{
    *out = (struct models){.base = place->dir ? xstrdup(place->dir) : NULL};
    bool is_file = file_exists(name);
    int rc = is_file ? open_file(name, out, err) : open_selected(name, place, out, err);
    if (rc && !is_file && rc == ERR_BAD)
        rc = no_model(name, err);
    if (!rc)
        rc = models_settle(out, err);
    if (rc)
        models_fini(out);
    return rc;
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
