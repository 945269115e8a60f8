/* A search method on tables of real trainings: regret of the best point found after 25, 50 and 100 trials,
 * noise-free (the mean over the table's repetitions), as geometric mean over seeds, floored at 1e-4.
 *
 *   gcc -std=gnu17 -O2 -D_GNU_SOURCE -I. bench/search/tables.c build/libhone.a -lcjson -lsodium -lz -lm -o
 * /tmp/tables /tmp/tables FOLDER METHOD SEEDS      FOLDER holds car.f32.gz, ...: little-endian floats,
 * row-major, repetition last
 *
 * Ordinal axes are searched by index.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/json.h"
#include "common/mem.h"
#include "master/search/sampler.h"

struct table {
    const char *name, *space;
    int axes, size[9], repetitions;
    bool minimise;
    double *value; /* mean over the repetitions, minimised */
    long count;
    double best, median;
};

static const char mlp_space[] =
    "{\"alpha\": {\"int\": [0, 9]}, \"batch\": {\"int\": [0, 9]}, \"depth\": {\"int\": [0, 2]}, "
    "\"lr\": {\"int\": [0, 9]}, \"width\": {\"int\": [0, 9]}}";
static const char fcnet_space[] =
    "{\"act1\": {\"choice\": [\"relu\", \"tanh\"]}, \"act2\": {\"choice\": [\"relu\", \"tanh\"]}, \"batch\": "
    "{\"int\": [0, 3]}, "
    "\"drop1\": {\"int\": [0, 2]}, \"drop2\": {\"int\": [0, 2]}, \"lr\": {\"int\": [0, 5]}, \"schedule\": "
    "{\"choice\": "
    "[\"cosine\", \"const\"]}, \"units1\": {\"int\": [0, 5]}, \"units2\": {\"int\": [0, 5]}}";

#define MLP(name)                                                        \
    {                                                                    \
        name, mlp_space, 5, {10, 10, 3, 10, 10}, 5, false, NULL, 0, 0, 0 \
    }
#define FCNET(name)                                                               \
    {                                                                             \
        name, fcnet_space, 9, {2, 2, 4, 3, 3, 6, 2, 6, 6}, 4, true, NULL, 0, 0, 0 \
    }
static struct table tables[] = {MLP("car"),
                                MLP("phoneme"),
                                MLP("vehicle"),
                                MLP("segment"),
                                FCNET("naval_propulsion"),
                                FCNET("parkinsons_telemonitoring")};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void load(struct table *t, const char *folder)
{
    char *path = xasprintf("%s/%s.f32.gz", folder, t->name);
    gzFile file = gzopen(path, "rb");
    float row[8];
    t->count = 1;
    for (int i = 0; i < t->axes; i++)
        t->count *= t->size[i];
    t->value = xcalloc((size_t)t->count, sizeof *t->value);
    double *sorted = xcalloc((size_t)t->count, sizeof *sorted);
    for (long k = 0; k < t->count; k++) {
        if (!file || gzread(file, row, (unsigned)t->repetitions * 4) != t->repetitions * 4) {
            fprintf(stderr, "%s: cannot be read\n", path);
            exit(3);
        }
        for (int r = 0; r < t->repetitions; r++)
            t->value[k] += (t->minimise ? row[r] : -row[r]) / t->repetitions;
        sorted[k] = t->value[k];
    }
    qsort(sorted, (size_t)t->count, sizeof *sorted, compare);
    t->best = sorted[0];
    t->median = sorted[t->count / 2];
    free(sorted);
    free(path);
    gzclose(file);
}

static double look_up(const struct table *t, const struct point *point)
{
    long at = 0;
    for (int i = 0; i < t->axes; i++) {
        struct value v = point->v[i];
        at = at * t->size[i] + (v.kind == VALUE_CHOICE ? v.choice : (long)v.num);
    }
    return t->value[at];
}

static struct json *parsed(const char *text)
{
    struct err err = ERR_NONE;
    struct json *root = json_parse(text, strlen(text), "bench", &err);
    if (!root) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    return root;
}

/* log10 of the floored regret after 25, 50, 100 trials is added to sum. */
static void run(const struct table *t, const struct json *search, uint64_t seed, double sum[3])
{
    struct err err = ERR_NONE;
    struct json *root = parsed(t->space);
    struct jcur cur = jcur_root(root, "space"), search_cur = jcur_root(search, "search");
    struct space space;
    struct search_def def;
    if (space_parse(&cur, &space, &err) || search_parse(&search_cur, &space, &def, &err)) {
        fprintf(stderr, "%s (%s)\n", err.text, err.hint);
        exit(2);
    }
    struct sampler *sampler = sampler_new(&def, &space, seed, &err);
    struct history history = {0};
    struct proposal note;
    struct point point;
    double best = INFINITY;
    point_init(&point, &space);
    for (uint32_t trial = 1; trial <= 100; trial++) {
        if (sampler_propose(sampler, &history, trial, &point, &note, &err)) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        double y = look_up(t, &point);
        best = fmin(best, y);
        history_add(&history, trial, trial, &point, note.fit, note.fit_count, 2 * trial);
        history_update(&history, trial, HISTORY_SCORED, false, 1, -y, 2 * trial + 1);
        double regret = fmax((best - t->best) / (t->median - t->best), 1e-4);
        if (trial == 25 || trial == 50 || trial == 100)
            sum[trial == 25 ? 0 : trial == 50 ? 1 : 2] += log10(regret);
    }
    point_fini(&point);
    history_fini(&history);
    sampler_free(sampler);
    search_fini(&def);
    space_fini(&space);
    json_free(root);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: tables FOLDER METHOD SEEDS\n");
        return 2;
    }
    int seeds = atoi(argv[3]), count = (int)(sizeof tables / sizeof tables[0]);
    char *text = xasprintf("{\"method\": \"%s\"}", argv[2]);
    struct json *search = parsed(text);
    double all[3] = {0};
    for (int t = 0; t < count; t++) {
        double sum[3] = {0};
        load(&tables[t], argv[1]);
        for (int seed = 0; seed < seeds; seed++)
            run(&tables[t], search, (uint64_t)seed + 1, sum);
        printf("%-8s %-26s", argv[2], tables[t].name);
        for (int k = 0; k < 3; k++) {
            printf(" %.5f", pow(10, sum[k] / seeds));
            all[k] += sum[k] / seeds / count;
        }
        printf("\n");
        free(tables[t].value);
    }
    printf("%-8s %-26s %.5f %.5f %.5f\n", argv[2], "all", pow(10, all[0]), pow(10, all[1]), pow(10, all[2]));
    json_free(search);
    free(text);
    return 0;
}
