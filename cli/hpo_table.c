#include "cli/hpo_table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/check.h"
#include "common/hash.h"
#include "common/mem.h"

enum { AXES_MOST = 12, AXIS_MOST = 10 };

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

struct hpo_table {
    const struct family *family;
    float *values;
};

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

static int read_values(struct hpo_table *t, const char *path, struct err *err)
{
    size_t room = size_of(&families[1]) + 1, bytes = room * sizeof *t->values;
    gzFile file = gzopen(path, "rb"); /* reads plain files too */
    if (!file)
        return err_set(err, ERR_BAD, "%s: cannot be read: %s", path, strerror(errno));
    t->values = xmalloc(bytes);
    int got = gzread(file, t->values, (unsigned)bytes);
    gzclose(file);
    for (size_t i = 0; i < COUNT_OF(families); i++)
        if (got >= 0 && (size_t)got == size_of(&families[i]) * sizeof *t->values)
            t->family = &families[i];
    return t->family ? 0 : err_set(err, ERR_BAD, "%s: is no table of a family that is known here", path);
}

int hpo_table_open(const char *path, const struct space *space, struct hpo_table **out, struct err *err)
{
    struct hpo_table *t = xcalloc(1, sizeof *t);
    int rc = read_values(t, path, err);
    for (int i = 0; !rc && i < t->family->axes; i++)
        if (space_find(space, t->family->axis[i].name) < 0)
            rc = err_set(err, ERR_BAD, "the table has an axis %s, and the space has no such parameter",
                         t->family->axis[i].name);
    if (rc)
        hpo_table_free(t);
    else
        *out = t;
    return rc;
}

void hpo_table_free(struct hpo_table *t)
{
    if (!t)
        return;
    free(t->values);
    free(t);
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

double hpo_table_at(const struct hpo_table *t, const struct json *params, uint64_t seed, bool noisy)
{
    const struct family *f = t->family;
    size_t at = 0;
    for (int i = 0; i < f->axes; i++)
        at = at * (size_t)f->axis[i].count + (size_t)entry_of(&f->axis[i], json_get(params, f->axis[i].name));
    const float *row = t->values + at * (size_t)f->repetitions;
    if (noisy)
        return (double)row[hash_mix(seed, at) % (uint64_t)f->repetitions];
    double sum = 0;
    for (int i = 0; i < f->repetitions; i++)
        sum += (double)row[i];
    return sum / f->repetitions;
}
