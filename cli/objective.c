#include "cli/objective.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "cli/program.h"
#include "common/check.h"
#include "common/hash.h"
#include "common/mem.h"
#include "common/rng.h"
#include "master/past.h"

enum { AXES_MOST = 12, AXIS_MOST = 10, FUNCTION_PARAMS = 6 };

struct axis {
    const char *name;
    int count;
    double values[AXIS_MOST];
    const char *texts[AXIS_MOST]; /* of a choice; else NULL */
};

struct family {
    int axes, repetitions;
    struct axis axis[AXES_MOST];
};

typedef double function_of(const double *x);

struct objective {
    const struct study_def *def;
    double noise;
    function_of *function;
    const char *names[FUNCTION_PARAMS]; /* the parameters a function is of */
    const struct family *family;
    float *table;
    struct study *past;
    struct program *program;
    struct err failed;
};

/* ---- functions ---- */

static double branin(const double *x)
{
    double a = x[1] - 5.1 / (4 * M_PI * M_PI) * x[0] * x[0] + 5 / M_PI * x[0] - 6;
    return a * a + 10 * (1 - 1 / (8 * M_PI)) * cos(x[0]) + 10;
}

static double hartmann6(const double *x)
{
    static const double alpha[4] = {1, 1.2, 3, 3.2};
    static const double a[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                   {0.05, 10, 17, 0.1, 8, 14},
                                   {3, 3.5, 1.7, 10, 17, 8},
                                   {17, 8, 0.05, 10, 0.1, 14}};
    static const double p[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                                   {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                                   {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                                   {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        double inner = 0;
        for (int j = 0; j < 6; j++)
            inner += a[i][j] * (x[j] - p[i][j]) * (x[j] - p[i][j]);
        sum -= alpha[i] * exp(-inner);
    }
    return sum;
}

static double rosenlog4(const double *x)
{
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double z = log10(x[i]), next = log10(x[i + 1]);
        sum += 100 * (next - z * z) * (next - z * z) + (1 - z) * (1 - z);
    }
    return sum;
}

/* An error rate: best at a learning rate of 1, diverged above 10^0.45; a weight decay that depends on it. */
static double lrsurf(const double *x)
{
    double d = log10(x[0]), wd = log10(x[1]) + 0.7 * d + 3;
    return d > 0.45 ? NAN : fmin(0.05 + 0.06 * d * d + 0.015 * wd * wd, 0.9);
}

static const struct {
    const char *name;
    function_of *function;
    int params;
} functions[] = {
    {"branin", branin, 2}, {"hartmann6", hartmann6, 6}, {"rosenlog4", rosenlog4, 4}, {"lrsurf", lrsurf, 2}};

static int open_function(struct objective *o, size_t which, struct err *err)
{
    int count = 0;
    for (int i = 0; i < o->def->space.count && count < functions[which].params; i++)
        if (param_is_numeric(&o->def->space.params[i]))
            o->names[count++] = o->def->space.params[i].name;
    o->function = functions[which].function;
    if (count < functions[which].params)
        return err_set(err, ERR_BAD, "%s is of %d numeric parameters, and the space has %d",
                       functions[which].name, functions[which].params, count);
    return 0;
}

static double function_at(const struct objective *o, const struct json *params)
{
    double x[FUNCTION_PARAMS] = {0};
    for (int i = 0; i < FUNCTION_PARAMS && o->names[i]; i++)
        x[i] = json_num(json_get(params, o->names[i]));
    double value = o->function(x);
    return o->def->maximize ? -value : value;
}

/* ---- tables ---- */

static const struct family families[] = {
    {5,
     5,
     {{"alpha",
       10,
       {1e-8, 7.742637e-8, 5.994842e-7, 4.641589e-6, 3.5938137e-5, 2.7825593e-4, 2.1544348e-3, 1.6681006e-2,
        1.2915497e-1, 1},
       {0}},
      {"batch_size", 10, {4, 6, 10, 16, 25, 40, 64, 101, 161, 256}, {0}},
      {"depth", 3, {1, 2, 3}, {0}},
      {"learning_rate_init",
       10,
       {1e-5, 3.5938137e-5, 1.2915497e-4, 4.641589e-4, 1.6681006e-3, 5.9948424e-3, 2.1544347e-2, 7.742637e-2,
        2.7825594e-1, 1},
       {0}},
      {"width", 10, {16, 25, 40, 64, 101, 161, 256, 406, 645, 1024}, {0}}}},
    {9,
     4,
     {{"activation_fn_1", 2, {0}, {"relu", "tanh"}},
      {"activation_fn_2", 2, {0}, {"relu", "tanh"}},
      {"batch_size", 4, {8, 16, 32, 64}, {0}},
      {"dropout_1", 3, {0, 0.3, 0.6}, {0}},
      {"dropout_2", 3, {0, 0.3, 0.6}, {0}},
      {"init_lr", 6, {5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1}, {0}},
      {"lr_schedule", 2, {0}, {"cosine", "const"}},
      {"n_units_1", 6, {16, 32, 64, 128, 256, 512}, {0}},
      {"n_units_2", 6, {16, 32, 64, 128, 256, 512}, {0}}}},
};

static size_t size_of(const struct family *f)
{
    size_t size = (size_t)f->repetitions;
    for (int i = 0; i < f->axes; i++)
        size *= (size_t)f->axis[i].count;
    return size;
}

static int read_table(struct objective *o, const char *path, struct err *err)
{
    size_t room = size_of(&families[1]) + 1, bytes = room * sizeof *o->table;
    gzFile file = gzopen(path, "rb"); /* reads plain files too */
    if (!file)
        return err_set(err, ERR_BAD, "%s: cannot be read: %s", path, strerror(errno));
    o->table = xmalloc(bytes);
    int got = gzread(file, o->table, (unsigned)bytes);
    gzclose(file);
    for (size_t i = 0; i < COUNT_OF(families); i++)
        if (got >= 0 && (size_t)got == size_of(&families[i]) * sizeof *o->table)
            o->family = &families[i];
    return o->family ? 0 : err_set(err, ERR_BAD, "%s: is no table of a family that is known here", path);
}

static int open_table(struct objective *o, const char *path, struct err *err)
{
    if (read_table(o, path, err))
        return ERR_BAD;
    for (int i = 0; i < o->family->axes; i++)
        if (space_find(&o->def->space, o->family->axis[i].name) < 0)
            return err_set(err, ERR_BAD, "the table has an axis %s, and the space has no such parameter",
                           o->family->axis[i].name);
    return 0;
}

/* The nearest entry: by ratio where the axis is of positive numbers. */
static int entry_of(const struct axis *axis, const struct json *value)
{
    int best = 0;
    bool by_ratio = axis->values[0] > 0;
    double x = json_num(value), least = INFINITY;
    for (int i = 0; i < axis->count; i++) {
        double gap = by_ratio ? fabs(log(fmax(x, 1e-300) / axis->values[i])) : fabs(x - axis->values[i]);
        if (axis->texts[0])
            gap = strcmp(json_text(value), axis->texts[i]) != 0;
        if (gap < least) {
            least = gap;
            best = i;
        }
    }
    return best;
}

/* With noise, one repetition, chosen by the seed; else their mean. */
static double table_at(const struct objective *o, const struct json *params, uint64_t seed, bool noisy)
{
    const struct family *f = o->family;
    size_t at = 0;
    for (int i = 0; i < f->axes; i++)
        at = at * (size_t)f->axis[i].count + (size_t)entry_of(&f->axis[i], json_get(params, f->axis[i].name));
    const float *row = o->table + at * (size_t)f->repetitions;
    if (noisy)
        return (double)row[hash_mix(seed, at) % (uint64_t)f->repetitions];
    double sum = 0;
    for (int i = 0; i < f->repetitions; i++)
        sum += (double)row[i];
    return sum / f->repetitions;
}

/* ---- a study's trials ---- */

static int open_past(struct objective *o, const char *name, const char *db, struct err *err)
{
    struct store_options options = {.read_only = true};
    struct store *store;
    int rc = store_open(db, &options, &store, err);
    if (rc)
        return rc;
    rc = past_study(store, name, &o->past, NULL, err);
    store_close(store);
    if (rc)
        return rc;
    bool any = false;
    for (size_t i = 0; i < o->past->count; i++)
        any = any || o->past->trials[i]->last_epoch > 0;
    for (int i = 0; i < o->def->space.count; i++)
        if (space_find(&o->past->def.space, o->def->space.params[i].name) < 0)
            return err_set(err, ERR_BAD, "study \"%s\" has no parameter %s", name,
                           o->def->space.params[i].name);
    return any ? 0 : err_set(err, ERR_BAD, "no trial of study \"%s\" has an epoch", name);
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

static double past_at(const struct objective *o, const struct json *params, int epoch)
{
    const struct trial *nearest = NULL;
    double least = INFINITY;
    for (size_t i = 0; i < o->past->count; i++) {
        const struct trial *t = o->past->trials[i];
        double gap = t->last_epoch && !t->is_deleted ? distance(&o->past->def.space, t, params) : INFINITY;
        if (gap < least) {
            least = gap;
            nearest = t;
        }
    }
    return nearest ? nearest->curve[(epoch < nearest->last_epoch ? epoch : nearest->last_epoch) - 1] : NAN;
}

/* ---- the whole ---- */

int objective_open(const struct objective_options *options, const struct study_def *def,
                   struct objective **out, struct err *err)
{
    struct objective *o = xcalloc(1, sizeof *o);
    const char *name = options->name;
    int rc = -1; /* no such one, so far */
    o->def = def;
    o->noise = options->noise;
    if (options->program)
        rc = program_start(options->program, def->metric, &o->program, err);
    else if (str_starts(name, "table:"))
        rc = open_table(o, name + strlen("table:"), err);
    else if (str_starts(name, "study:"))
        rc = open_past(o, name + strlen("study:"), options->db, err);
    else
        for (size_t i = 0; i < COUNT_OF(functions); i++)
            if (strcmp(functions[i].name, name) == 0)
                rc = open_function(o, i, err);
    if (rc == -1 && !o->function && !err->text[0]) {
        rc = err_set(err, ERR_BAD, "there is no objective \"%.60s\"", name);
        err_hint(err, "branin, hartmann6, rosenlog4, lrsurf, table:FILE, study:NAME");
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
    study_free(o->past);
    free(o->table);
    free(o);
}

static double value_at(struct objective *o, const struct json *params, uint64_t seed, int epoch, int epochs,
                       bool noisy)
{
    if (o->program)
        return o->failed.code ? NAN : program_ask(o->program, params, epoch, &o->failed);
    if (o->past)
        return past_at(o, params, epoch);
    if (o->family)
        return table_at(o, params, seed, noisy);
    double value = function_at(o, params), above = (fabs(value) + 1) * exp(-5.0 * epoch / epochs);
    if (epochs == 1)
        return value;
    return o->def->maximize ? value - above : value + above;
}

double objective_value(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    struct objective *o = arg;
    double value = value_at(o, params, seed, epoch, epochs, o->noise > 0);
    if (!(o->noise > 0) || o->family)
        return value;
    struct str text = {0};
    json_print(params, &text);
    struct rng rng = rng_at(seed, (uint32_t)epoch, hash_name(str_text(&text)), 0);
    str_fini(&text);
    return value + o->noise * rng_normal(&rng);
}

double objective_truth(struct objective *o, const struct json *params, uint64_t seed, int epochs)
{
    return value_at(o, params, seed, epochs, epochs, false);
}

const struct err *objective_failed(const struct objective *o)
{
    return o->failed.code ? &o->failed : NULL;
}
