#include "cli/objective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/functions.h"
#include "cli/hpo_table.h"
#include "cli/program.h"
#include "common/hash.h"
#include "common/mem.h"
#include "common/rng.h"
#include "master/past.h"
#include "sql/store_load.h"

enum { METRICS_MOST = 1 + HISTORY_MORE };

struct objective {
    const struct study_def *def;
    double noise;
    const struct function *function;
    const char *names[FUNCTION_PARAMS]; /* the parameters a function is of */
    int params;
    struct hpo_table *table[METRICS_MOST]; /* one for each metric */
    struct study *past;
    double **curves[METRICS_MOST]; /* of its trials, by their place in it; NaN where it said nothing finite */
    struct program *program;
    struct err failed;
};

static int metrics_of(const struct objective *o)
{
    return 1 + o->def->more_count;
}

static const char *metric_name(const struct study_def *def, int k)
{
    return k ? def->more[k - 1].name : def->metric;
}

static bool is_maximised(const struct objective *o, int k)
{
    return k ? o->def->more[k - 1].maximize : o->def->maximize;
}

/* ---- functions ---- */

static int open_function(struct objective *o, const struct function *f, struct err *err)
{
    for (int i = 0; i < o->def->space.count && o->params < f->most; i++)
        if (param_is_numeric(&o->def->space.params[i]))
            o->names[o->params++] = o->def->space.params[i].name;
    o->function = f;
    if (o->params < f->least) {
        err_set(err, ERR_BAD, "%s is of %d numeric parameters, and the space has %d", f->name, f->least,
                o->params);
        return err_hint(err,
                        "branin wants two; study:NAME is a study that has run, --exec a program of yours");
    }
    if (f->values == metrics_of(o))
        return 0;
    err_set(err, ERR_BAD, "%s has %d value%s, and the study is ranked by %d metric%s", f->name, f->values,
            f->values == 1 ? "" : "s", metrics_of(o), metrics_of(o) == 1 ? "" : "s");
    return err_hint(err, "zdt1, zdt2 and zdt3 have two, dtlz2 three, the others one; or --exec");
}

/* Its learning curve starts above the value and comes down to it. */
static double function_at(const struct objective *o, int k, const struct json *params, int epoch, int epochs)
{
    double x[FUNCTION_PARAMS], values[FUNCTION_VALUES];
    for (int i = 0; i < o->params; i++)
        x[i] = json_num(json_get(params, o->names[i]));
    o->function->at(x, o->params, values);
    double value = values[k] + (epochs > 1 ? (fabs(values[k]) + 1) * exp(-5.0 * epoch / epochs) : 0);
    return is_maximised(o, k) ? -value : value;
}

/* ---- tables ---- */

/* "FILE,FILE": one for each metric. */
static int open_tables(struct objective *o, const char *paths, struct err *err)
{
    int count = 0, rc = 0;
    while (!rc && paths && count < metrics_of(o)) {
        const char *end = strchr(paths, ',');
        char *path = xstrndup(paths, end ? (size_t)(end - paths) : strlen(paths));
        rc = hpo_table_open(path, &o->def->space, &o->table[count++], err);
        paths = end ? end + 1 : NULL;
        free(path);
    }
    if (rc || (count == metrics_of(o) && !paths))
        return rc;
    return err_set(err, ERR_BAD,
                   "a table has one value: table:FILE,FILE names as many as the study has metrics (%d)",
                   metrics_of(o));
}

/* ---- a study's trials ---- */

struct curves {
    const struct study *study;
    double **of; /* each with the epochs of its trial */
    bool any;
};

static int note_value(void *arg, int64_t trial, int epoch, double value)
{
    struct curves *curves = arg;
    const struct trial *t = study_trial_of_id(curves->study, trial);
    if (t && epoch <= t->last_epoch)
        curves->of[t->number - 1][epoch - 1] = value;
    curves->any = true;
    return 0;
}

/* Whether it was ranked by it or only told of it. */
static int load_curves(struct objective *o, int k, struct store *store, struct err *err)
{
    const struct study *past = o->past;
    const char *name = metric_name(o->def, k);
    struct curves curves = {.study = past, .of = xcalloc(past->count + 1, sizeof *curves.of)};
    o->curves[k] = curves.of;
    for (size_t i = 0; i < past->count; i++) {
        int epochs = past->trials[i]->last_epoch;
        curves.of[i] = xcalloc((size_t)epochs + 1, sizeof *curves.of[i]);
        for (int e = 0; e < epochs; e++)
            curves.of[i][e] = NAN;
    }
    int rc = store_load_metric(store, past->id, name, note_value, &curves, err);
    if (rc || curves.any)
        return rc;
    err_set(err, ERR_BAD, "no trial of study \"%s\" reported \"%s\"", past->def.name, name);
    return err_hint(err, "it is ranked by %s; `hone show %s/1` shows what else it reported", past->def.metric,
                    past->def.name);
}

static int check_past(const struct objective *o, struct err *err)
{
    const struct study *past = o->past;
    bool any = false;
    for (size_t i = 0; i < past->count; i++)
        any = any || past->trials[i]->last_epoch > 0;
    for (int i = 0; i < o->def->space.count; i++)
        if (space_find(&past->def.space, o->def->space.params[i].name) < 0)
            return err_set(err, ERR_BAD, "study \"%s\" has no parameter %s", past->def.name,
                           o->def->space.params[i].name);
    return any ? 0 : err_set(err, ERR_BAD, "no trial of study \"%s\" has an epoch", past->def.name);
}

static int open_past(struct objective *o, const char *name, const char *db, struct err *err)
{
    struct store_options options = {.read_only = true};
    struct store *store;
    int rc = store_open(db, &options, &store, err);
    if (rc)
        return rc;
    rc = past_study(store, name, &o->past, NULL, err);
    if (!rc)
        rc = check_past(o, err);
    for (int k = 0; k < metrics_of(o) && !rc; k++)
        rc = load_curves(o, k, store, err);
    store_close(store);
    return rc;
}

/* Squares of distances in widths of each parameter's range; 1 for another choice, or one that is off. */
static double distance(const struct space *space, const struct trial *t, const struct json *params)
{
    double sum = 0;
    for (int i = 0; i < space->count; i++) {
        const struct param *p = &space->params[i];
        const struct json *here = json_get(params, p->name);
        struct value there = t->point.v[i], v;
        bool text = here && json_type(here) == JSON_STR;
        bool known =
            here && (text ? value_from_text(p, json_text(here), &v) : value_from_num(p, json_num(here), &v));
        if (known && there.kind == VALUE_NUM && v.kind == VALUE_NUM) {
            double gap =
                (param_scale(p, v.num) - param_scale(p, there.num)) / (p->box.hi - p->box.lo + 1e-300);
            sum += isfinite(gap) ? gap * gap : 1;
        } else {
            sum += (here != NULL) != (there.kind != VALUE_OFF) || (known && !value_same(v, there));
        }
    }
    return sum;
}

/* Its place; the study's count where there is none. */
static size_t nearest_trial(const struct objective *o, const struct json *params)
{
    size_t nearest = o->past->count;
    double least = INFINITY;
    for (size_t i = 0; i < o->past->count; i++) {
        const struct trial *t = o->past->trials[i];
        double gap = t->last_epoch && !t->is_deleted ? distance(&o->past->def.space, t, params) : INFINITY;
        if (gap < least) {
            least = gap;
            nearest = i;
        }
    }
    return nearest;
}

static double past_at(const struct objective *o, int k, const struct json *params, int epoch)
{
    size_t nearest = nearest_trial(o, params);
    if (nearest == o->past->count)
        return NAN;
    int last = o->past->trials[nearest]->last_epoch;
    return o->curves[k][nearest][(epoch < last ? epoch : last) - 1];
}

/* ---- the whole ---- */

int objective_open(const struct objective_options *options, const struct study_def *def,
                   struct objective **out, struct err *err)
{
    struct objective *o = xcalloc(1, sizeof *o);
    const char *name = options->name;
    const struct function *function = name ? function_find(name) : NULL;
    int rc = 0;
    o->def = def;
    o->noise = options->noise;
    if (options->program) {
        rc = program_start(options->program, &o->program, err);
    } else if (str_starts(name, "table:")) {
        rc = open_tables(o, name + strlen("table:"), err);
    } else if (str_starts(name, "study:")) {
        rc = open_past(o, name + strlen("study:"), options->db, err);
    } else if (function) {
        rc = open_function(o, function, err);
    } else {
        rc = err_set(err, ERR_BAD, "there is no objective \"%.60s\"", name);
        err_hint(err,
                 "branin, hartmann6, rosenlog4, lrsurf, zdt1, zdt2, zdt3, dtlz2, table:FILE, study:NAME");
    }
    if (rc)
        objective_free(o);
    else
        *out = o;
    return rc;
}

void objective_free(struct objective *o)
{
    if (!o)
        return;
    program_free(o->program);
    for (int k = 0; k < METRICS_MOST; k++) {
        for (size_t i = 0; o->curves[k] && i < o->past->count; i++)
            free(o->curves[k][i]);
        free(o->curves[k]);
    }
    study_free(o->past);
    for (int k = 0; k < METRICS_MOST; k++)
        hpo_table_free(o->table[k]);
    free(o);
}

/* Where a training stands whose metric is asked for. */
struct place {
    const struct json *params;
    uint64_t seed;
    int epoch, epochs;
};

static double value_at(struct objective *o, int k, const struct place *at, bool noisy)
{
    if (o->program)
        return o->failed.code
                   ? NAN
                   : program_ask(o->program, at->params, metric_name(o->def, k), at->epoch, &o->failed);
    if (o->past)
        return past_at(o, k, at->params, at->epoch);
    if (o->table[k])
        return hpo_table_at(o->table[k], at->params, at->seed, noisy);
    return function_at(o, k, at->params, at->epoch, at->epochs);
}

static double seen_at(struct objective *o, int k, const struct place *at)
{
    double value = value_at(o, k, at, o->noise > 0);
    if (!(o->noise > 0) || o->table[k])
        return value;
    struct str text = {0};
    json_print(at->params, &text);
    struct rng rng = rng_at(at->seed, (uint32_t)at->epoch, hash_name(str_text(&text)), (uint32_t)k);
    str_fini(&text);
    return value + o->noise * rng_normal(&rng);
}

double objective_value(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    return seen_at(arg, 0, &(struct place){params, seed, epoch, epochs});
}

double objective_further(void *arg, int k, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    return seen_at(arg, 1 + k, &(struct place){params, seed, epoch, epochs});
}

double objective_truth(struct objective *o, int k, const struct json *params, uint64_t seed, int epochs)
{
    return value_at(o, k, &(struct place){params, seed, epochs, epochs}, false);
}

const struct err *objective_failed(const struct objective *o)
{
    return o->failed.code ? &o->failed : NULL;
}
