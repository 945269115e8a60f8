#include "worker/nn/data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/mem.h"
#include "worker/nn/data_source.h"

int data_spec_check(const char *spec, struct err *err)
{
    struct data_spec parsed;
    return data_spec_parse(spec, &parsed, err);
}

void dataset_fini(struct dataset *set)
{
    free(set->x);
    free(set->y);
    *set = (struct dataset){0};
}

void data_split_fini(struct data_split *split)
{
    for (int i = 0; split->labels && i < split->train.classes; i++)
        free(split->labels[i]);
    free(split->labels);
    free(split->norm.mean);
    free(split->norm.scale);
    dataset_fini(&split->train);
    dataset_fini(&split->val);
    dataset_fini(&split->test);
    *split = (struct data_split){0};
}

/* ---- reading ---- */

static int source_read(const struct data_spec *spec, const char *base, struct data_source *out,
                       struct err *err)
{
    char *path = path_join(base, spec->path);
    char *test = *spec->test ? path_join(base, spec->test) : NULL;
    int rc = 0;
    switch (spec->kind) {
    case DATA_IDX: rc = idx_read(path, out, err); break;
    case DATA_CSV: rc = csv_read(spec, path, test, out, err); break;
    case DATA_CIFAR10: rc = cifar_read(path, out, err); break;
    case DATA_SPIRAL: spiral_make(spec, out); break;
    case DATA_GLYPHS: glyphs_make(spec, out); break;
    }
    free(path);
    free(test);
    return rc;
}

/* ---- splitting ---- */

static void swap_rows(float *a, float *b, float *room, size_t bytes)
{
    memcpy(room, a, bytes);
    memcpy(a, b, bytes);
    memcpy(b, room, bytes);
}

/* Fisher-Yates over whole rows, in place: a set may fill half of the memory. The draws depend on n alone. */
static void rows_shuffle(struct dataset *set, uint64_t seed)
{
    struct rng rng = rng_at(seed, 0, hash_name("data.split"), 0);
    size_t width = (size_t)dataset_width(set), bytes = width * sizeof *set->x;
    float *room = xmalloc(bytes);
    for (int i = set->n; i > 1; i--) {
        int j = (int)rng_below(&rng, (uint32_t)i);
        if (j == i - 1)
            continue;
        swap_rows(set->x + (size_t)(i - 1) * width, set->x + (size_t)j * width, room, bytes);
        int32_t label = set->y[i - 1];
        set->y[i - 1] = set->y[j];
        set->y[j] = label;
    }
    free(room);
}

/* Rows [first, last) leave `from` for a set of their own; those behind move up. */
static struct dataset rows_cut(struct dataset *from, int first, int last)
{
    size_t width = (size_t)dataset_width(from), n = (size_t)(last - first), behind = (size_t)(from->n - last);
    struct dataset out = *from;
    out.n = (int)n;
    out.x = xmalloc(n * width * sizeof *out.x);
    out.y = xmalloc(n * sizeof *out.y);
    memcpy(out.x, from->x + (size_t)first * width, n * width * sizeof *out.x);
    memcpy(out.y, from->y + first, n * sizeof *out.y);
    memmove(from->x + (size_t)first * width, from->x + (size_t)last * width, behind * width * sizeof *out.x);
    memmove(from->y + first, from->y + last, behind * sizeof *out.y);
    from->n -= (int)n;
    from->x = xrealloc(from->x, (size_t)from->n * width * sizeof *out.x);
    from->y = xrealloc(from->y, (size_t)from->n * sizeof *out.y);
    return out;
}

/* Where validation lies among the shuffled rows: [*first, *last). */
static int validation_range(const struct data_options *options, int n, int *first, int *last, struct err *err)
{
    int folds = options->folds > 1 ? options->folds : 0;
    if (n < 2 || n < folds)
        return err_set(err, ERR_BAD, "data \"%s\": %d samples are too few for %d parts", options->spec, n,
                       folds ? folds : 2);
    if (folds) {
        PRE(options->fold >= 0 && options->fold < folds);
        *first = (int)((int64_t)n * options->fold / folds);
        *last = (int)((int64_t)n * (options->fold + 1) / folds);
        return 0;
    }
    double part = options->val_part != 0 ? options->val_part : 0.1;
    if (!(part > 0 && part < 1))
        return err_set(err, ERR_BAD, "data: the validation part must be in (0, 1) (got %g)", part);
    int count = (int)lround(n * part);
    *first = n - (count < 1 ? 1 : count > n - 1 ? n - 1 : count);
    *last = n;
    return 0;
}

/* ---- scaling ---- */

/* Mean and standard deviation of channel c in double, two passes; a channel that never changes keeps scale 1.
 */
static void channel_measure(const struct dataset *set, int c, float *mean, float *scale)
{
    size_t area = (size_t)set->height * (size_t)set->width, width = (size_t)dataset_width(set);
    double count = (double)set->n * (double)area, sum = 0, squares = 0;
    for (int i = 0; i < set->n; i++)
        for (size_t p = 0; p < area; p++)
            sum += set->x[(size_t)i * width + (size_t)c * area + p];
    double average = sum / count;
    for (int i = 0; i < set->n; i++)
        for (size_t p = 0; p < area; p++) {
            double away = set->x[(size_t)i * width + (size_t)c * area + p] - average;
            squares += away * away;
        }
    double deviation = sqrt(squares / count);
    *mean = (float)average;
    *scale = deviation > 1e-6 * (fabs(average) + 1e-30) ? (float)(1 / deviation) : 1.0f;
}

static void norm_init(const struct dataset *train, bool measure, struct data_norm *norm)
{
    norm->channels = train->channels;
    norm->mean = xcalloc((size_t)train->channels, sizeof *norm->mean);
    norm->scale = xcalloc((size_t)train->channels, sizeof *norm->scale);
    for (int c = 0; c < train->channels; c++) {
        norm->scale[c] = 1;
        if (measure)
            channel_measure(train, c, &norm->mean[c], &norm->scale[c]);
    }
}

void data_norm_apply(const struct data_norm *norm, struct dataset *set)
{
    PRE(!set->n || norm->channels == set->channels);
    size_t area = (size_t)set->height * (size_t)set->width;
    float *x = set->x;
    for (int i = 0; i < set->n; i++)
        for (int c = 0; c < set->channels; c++)
            for (size_t p = 0; p < area; p++, x++)
                *x = (*x - norm->mean[c]) * norm->scale[c];
}

/* ---- all of it ---- */

static int split_make(const struct data_options *options, struct data_split *split, struct err *err)
{
    int first = 0, last = 0;
    if (options->whole) {
        norm_init(&split->train, false, &split->norm);
        return 0;
    }
    if (split->train.classes < 2)
        return err_set(err, ERR_BAD, "data \"%s\": expected at least two classes, found one", options->spec);
    int rc = validation_range(options, split->train.n, &first, &last, err);
    if (rc)
        return rc;
    rows_shuffle(&split->train, options->seed);
    split->val = rows_cut(&split->train, first, last);
    norm_init(&split->train, options->normalize, &split->norm);
    if (options->normalize) {
        data_norm_apply(&split->norm, &split->train);
        data_norm_apply(&split->norm, &split->val);
        data_norm_apply(&split->norm, &split->test);
    }
    return 0;
}

int data_load(const struct data_options *options, struct data_split *out, struct err *err)
{
    struct data_spec spec;
    struct data_source source = {0};
    *out = (struct data_split){0};
    int rc = data_spec_parse(options->spec, &spec, err);
    if (rc)
        return err_prefix(err, "data: ");
    rc = source_read(&spec, options->base, &source, err);
    *out = (struct data_split){.train = source.train, .test = source.test, .labels = source.labels};
    if (!rc)
        rc = split_make(options, out, err);
    if (rc)
        data_split_fini(out);
    return rc;
}
