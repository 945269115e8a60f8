/* predict, evaluate: what a saved model says of data, and what that is worth. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/models.h"
#include "cli/table.h"
#include "common/check.h"
#include "common/mem.h"

/* The samples that are asked about. */
struct asked {
    struct models models;
    struct data_split split;
    const struct dataset *set; /* a part of split */
    const char *part, *data;   /* "test"; the spec */
    float *probabilities;      /* (n, classes) */
};

static void asked_fini(struct asked *asked)
{
    free(asked->probabilities);
    data_split_fini(&asked->split);
    models_fini(&asked->models);
}

/* ---- which samples ---- */

static int pick_part(struct asked *asked, const char *part, struct err *err)
{
    static const char *const names[] = {"train", "val", "test"};
    const struct dataset *const parts[] = {&asked->split.train, &asked->split.val, &asked->split.test};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(part, names[i]) == 0)
            asked->set = parts[i];
    asked->part = part;
    if (!asked->set) {
        err_set(err, ERR_BAD, "--part %.40s: no such part", part);
        return err_hint(err, "train, val or test");
    }
    if (asked->set->n)
        return 0;
    err_set(err, ERR_BAD, "%s has no %s part", asked->data, part);
    return err_hint(err, "--part val: the samples the model was chosen on");
}

/* Other data are taken whole, in their order. */
static int load_data(struct asked *asked, const char *spec, const char *part, struct err *err)
{
    if (!spec) {
        asked->data = json_text(json_get(asked->models.options, "data"));
        int rc = models_data(&asked->models, &asked->split, err);
        return rc ? rc : pick_part(asked, part ? part : "test", err);
    }
    asked->data = spec;
    int rc = models_other_data(&asked->models, spec, &asked->split, err);
    if (!rc && part && strcmp(part, "test") == 0)
        return pick_part(asked, part, err);
    if (!rc && part) {
        err_set(err, ERR_BAD, "--part %.40s is for the data of the training", part);
        return err_hint(err, "of other data there are all samples, or --part test");
    }
    asked->set = &asked->split.train;
    asked->part = "all";
    return rc;
}

struct wish {
    const char *part; /* NULL: none was named */
    bool ema;
};

static int ask(struct asked *asked, const struct text_list *args, const struct models_place *place,
               const struct wish *wish, struct err *err)
{
    *asked = (struct asked){0};
    int rc = models_open(args->items[0], place, &asked->models, err);
    if (!rc)
        rc = load_data(asked, args->count > 1 ? args->items[1] : NULL, wish->part, err);
    asked->models.ema = wish->ema;
    if (!rc)
        rc = models_predict(&asked->models, asked->set, asked->data, &asked->probabilities, err);
    return rc;
}

/* ---- hone predict ---- */

static struct cell class_cell(const struct models *models, int class)
{
    char name[64];
    models_class_name(models, class, name);
    return (struct cell){.kind = CELL_TEXT, .text = xstrdup(name)};
}

static void name_columns(const struct models *models, struct rows *out)
{
    out->names = xcalloc((size_t)out->cols, sizeof *out->names);
    out->names[0] = xstrdup("sample");
    out->names[1] = xstrdup("answer");
    for (int k = 0; k < models->classes; k++) {
        char name[64];
        models_class_name(models, k, name);
        out->names[2 + k] = xasprintf("p(%s)", name);
    }
}

/* Seven digits: more would be noise of single precision. */
static void fill_row(const struct asked *asked, int sample, struct cell *to)
{
    int classes = asked->models.classes, answer = 0;
    const float *row = asked->probabilities + (size_t)sample * (size_t)classes;
    for (int k = 0; k < classes; k++) {
        answer = row[k] > row[answer] ? k : answer;
        to[2 + k] = (struct cell){.kind = CELL_NUM, .number = round((double)row[k] * 1e7) / 1e7};
    }
    to[0] = (struct cell){.kind = CELL_INT, .integer = sample + 1};
    to[1] = class_cell(&asked->models, answer);
}

static void print_predictions(const struct asked *asked, bool json)
{
    struct rows rows = {.cols = 2 + asked->models.classes, .count = (size_t)asked->set->n};
    rows.room = rows.count;
    name_columns(&asked->models, &rows);
    rows.cells = xcalloc(rows.count * (size_t)rows.cols + 1, sizeof *rows.cells);
    for (int i = 0; i < asked->set->n; i++)
        fill_row(asked, i, &rows.cells[(size_t)i * (size_t)rows.cols]);
    table_show(&rows, NULL, !json, json);
    rows_fini(&rows);
}

int cmd_predict(const struct opt_predict *opt)
{
    struct err err = ERR_NONE;
    struct asked asked;
    const struct models_place place = {opt->db, opt->master, opt->study, opt->dir};
    int rc = ask(&asked, &opt->args, &place, &(struct wish){opt->part, opt->ema}, &err);
    if (!rc)
        print_predictions(&asked, opt->json);
    asked_fini(&asked);
    return rc ? command_fail("predict", &err) : 0;
}

/* ---- hone evaluate ---- */

static void confusion_rows(const struct asked *asked, const struct evaluation *e, struct rows *out)
{
    *out = (struct rows){.cols = e->classes + 1, .count = (size_t)e->classes, .room = (size_t)e->classes};
    out->names = xcalloc((size_t)out->cols, sizeof *out->names);
    out->cells = xcalloc((size_t)out->cols * out->count + 1, sizeof *out->cells);
    out->names[0] = xstrdup("label");
    for (int k = 0; k < e->classes; k++) {
        struct cell *row = &out->cells[(size_t)k * (size_t)out->cols];
        char name[64];
        models_class_name(&asked->models, k, name);
        out->names[1 + k] = xstrdup(name);
        row[0] = class_cell(&asked->models, k);
        for (int j = 0; j < e->classes; j++)
            row[1 + j] = (struct cell){.kind = CELL_INT, .integer = e->confusion[k * e->classes + j]};
    }
}

static void print_evaluation(const struct asked *asked, const struct evaluation *e)
{
    struct rows rows;
    confusion_rows(asked, e, &rows);
    printf(
        "%s, %s: %d samples\naccuracy %.4f, loss %.4f\n\nConfusion: a row is a label, a column an answer\n",
        asked->data, asked->part, e->n, e->acc, e->loss);
    table_show_part(&rows, NULL);
    rows_fini(&rows);
}

static void json_evaluation(const struct asked *asked, const struct evaluation *e)
{
    struct str out = {0};
    struct jw w = jw_to(&out);
    jw_object(&w, NULL);
    jw_text(&w, "data", asked->data);
    jw_text(&w, "part", asked->part);
    jw_int(&w, "members", asked->models.count);
    jw_int(&w, "samples", e->n);
    jw_num(&w, "accuracy", e->acc);
    jw_num(&w, "loss", e->loss);
    jw_array(&w, "labels");
    for (int k = 0; k < e->classes; k++) {
        char name[64];
        models_class_name(&asked->models, k, name);
        jw_text(&w, NULL, name);
    }
    jw_close_array(&w);
    jw_array(&w, "confusion");
    for (int k = 0; k < e->classes; k++) {
        jw_array(&w, NULL);
        for (int j = 0; j < e->classes; j++)
            jw_int(&w, NULL, e->confusion[k * e->classes + j]);
        jw_close_array(&w);
    }
    jw_close_array(&w);
    jw_close_object(&w);
    printf("%s\n", str_text(&out));
    str_fini(&out);
}

int cmd_evaluate(const struct opt_evaluate *opt)
{
    struct err err = ERR_NONE;
    struct asked asked;
    const struct models_place place = {opt->db, opt->master, opt->study, opt->dir};
    int rc = ask(&asked, &opt->args, &place, &(struct wish){opt->part, opt->ema}, &err);
    if (!rc && asked.split.labels && !*asked.split.labels[0])
        rc = err_set(&err, ERR_BAD, "%s: without labels there is nothing to compare with", asked.data);
    if (!rc) {
        struct evaluation evaluation;
        evaluate(asked.probabilities, asked.set->y, asked.set->n, asked.models.classes, &evaluation);
        (opt->json ? json_evaluation : print_evaluation)(&asked, &evaluation);
        evaluation_fini(&evaluation);
    }
    asked_fini(&asked);
    return rc ? command_fail("evaluate", &err) : 0;
}
