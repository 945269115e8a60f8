/* How much of a known front a sampler covers after 50, 100, 200 and 400 trials: one JSON line per problem and method, the
 * median over seeds of the hypervolume that is still missing, as a part of all there is. bench/search/front.py does the same
 * with Optuna.
 *
 *   gcc -std=gnu17 -O2 -D_GNU_SOURCE -I. bench/search/front.c build/libhone.a -lcjson -lsodium -lz -lm -o front
 *   ./front SEEDS METHOD...      such as: ./front 10 random nsga-ii tpe
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/rng.h"
#include "master/search/pareto.h"
#include "master/search/sampler.h"

enum { LOOKS = 4, SEEDS_MOST = 200, FRONT_POINTS = 4000 };
static const int looks[LOOKS] = {50, 100, 200, 400};

/* Every metric is minimised. */
struct problem {
    const char *name, *space;
    int metrics;
    void (*f)(const struct point *point, double *out);
    void (*front)(double u, double v, double *out); /* a point of the best there is */
    double reference[PARETO_MAX];
};

/* ---- functions: Zitzler, Deb, Thiele (2000); Deb, Thiele, Laumanns, Zitzler (2002) ---- */

#define AXIS(name) "\"" name "\": {\"uniform\": [0, 1]}"
#define TEN                                                                                       \
    "{" AXIS("a") "," AXIS("b") "," AXIS("c") "," AXIS("d") "," AXIS("e") "," AXIS("f") "," AXIS( \
        "g") "," AXIS("h") "," AXIS("i") "," AXIS("j") "}"

static double far_away(const struct point *p)
{
    double g = 0;
    for (int i = 1; i < p->count; i++)
        g += p->v[i].num;
    return 1 + 9 * g / (p->count - 1);
}

static void zdt1(const struct point *p, double *out)
{
    double g = far_away(p);
    out[0] = p->v[0].num;
    out[1] = g * (1 - sqrt(out[0] / g));
}

static void zdt2(const struct point *p, double *out)
{
    double g = far_away(p);
    out[0] = p->v[0].num;
    out[1] = g * (1 - out[0] / g * out[0] / g);
}

static void zdt3(const struct point *p, double *out)
{
    double g = far_away(p);
    out[0] = p->v[0].num;
    out[1] = g * (1 - sqrt(out[0] / g) - out[0] / g * sin(10 * M_PI * out[0]));
}

static void dtlz2(const struct point *p, double *out)
{
    double g = 0, a = p->v[0].num * M_PI / 2, b = p->v[1].num * M_PI / 2;
    for (int i = 2; i < p->count; i++)
        g += (p->v[i].num - 0.5) * (p->v[i].num - 0.5);
    out[0] = (1 + g) * cos(a) * cos(b);
    out[1] = (1 + g) * cos(a) * sin(b);
    out[2] = (1 + g) * sin(a);
}

/* A net: error by learning rate, penalty and size, against the logarithm of what it costs. */
static double net_error(double lr, double l2, double hidden, double depth)
{
    double d = log10(lr) + 1.5 + 0.3 * log2(depth), w = log10(l2) + 4;
    return fmin(0.9, 0.02 + 0.05 * d * d + 0.01 * w * w + 0.5 / sqrt(hidden * depth));
}

static void net(const struct point *p, double *out)
{
    double hidden = p->v[2].num, depth = p->v[3].num;
    out[0] = net_error(p->v[0].num, p->v[1].num, hidden, depth);
    out[1] = log10(hidden * hidden * depth);
}

static void front_zdt1(double u, double v, double *out)
{
    (void)v;
    out[0] = u;
    out[1] = 1 - sqrt(u);
}

static void front_zdt2(double u, double v, double *out)
{
    (void)v;
    out[0] = u;
    out[1] = 1 - u * u;
}

static void front_zdt3(double u, double v, double *out)
{
    (void)v;
    out[0] = u;
    out[1] = 1 - sqrt(u) - u * sin(10 * M_PI * u);
}

static void front_dtlz2(double u, double v, double *out)
{
    out[0] = cos(u * M_PI / 2) * cos(v * M_PI / 2);
    out[1] = cos(u * M_PI / 2) * sin(v * M_PI / 2);
    out[2] = sin(u * M_PI / 2);
}

static void front_net(double u, double v, double *out)
{
    double hidden = round(16 * pow(64, u)), depth = 1 + floor(v * 6);
    out[0] = 0.02 + 0.5 / sqrt(hidden * depth);
    out[1] = log10(hidden * hidden * depth);
}

static const struct problem problems[] = {
    {"zdt1", TEN, 2, zdt1, front_zdt1, {1.1, 7}},
    {"zdt2", TEN, 2, zdt2, front_zdt2, {1.1, 7}},
    {"zdt3", TEN, 2, zdt3, front_zdt3, {1.1, 7}},
    {"dtlz2",
     "{" AXIS("a") "," AXIS("b") "," AXIS("c") "," AXIS("d") "," AXIS("e") "," AXIS("f") "}",
     3,
     dtlz2,
     front_dtlz2,
     {2, 2, 2}},
    {"net",
     "{\"lr\": {\"log\": [1e-6, 10]}, \"l2\": {\"log\": [1e-7, 1]}, \"hidden\": {\"int\": [16, 1024], "
     "\"log\": true},"
     " \"depth\": {\"int\": [1, 6]}}",
     2,
     net,
     front_net,
     {0.9, 7}},
};

static double covered(const struct problem *p, const double *y, int n)
{
    double reference[PARETO_MAX];
    for (int k = 0; k < p->metrics; k++)
        reference[k] = -p->reference[k];
    return pareto_hypervolume(y, n, p->metrics, reference);
}

static double all_there_is(const struct problem *p)
{
    double *y = xcalloc(FRONT_POINTS * PARETO_MAX, sizeof *y), f[PARETO_MAX];
    int side = p->metrics == 3 || p->front == front_net ? 63 : FRONT_POINTS, n = 0;
    for (int i = 0; i < side; i++)
        for (int j = 0; j < (side < FRONT_POINTS ? side : 1); j++, n++) {
            p->front(i / (side - 1.0), j / (double)side, f);
            for (int k = 0; k < p->metrics; k++)
                y[n * p->metrics + k] = -f[k];
        }
    double all = covered(p, y, n);
    free(y);
    return all;
}

static void run(const struct problem *p, const char *method, uint64_t seed, double all, double missing[LOOKS])
{
    struct err err = ERR_NONE;
    char *text = xasprintf("{\"space\": %s, \"search\": {\"method\": \"%s\", \"trials\": %d}}", p->space,
                           method, looks[LOOKS - 1]);
    struct json *root = json_parse(text, strlen(text), "bench", &err);
    struct jcur cur = jcur_root(root, "bench"), at = jcur_get(&cur, "space"),
                search_at = jcur_get(&cur, "search");
    struct space space;
    struct search_def def;
    if (!root || space_parse(&at, &space, &err) || search_parse(&search_at, &space, &def, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    def.metrics = p->metrics;
    struct sampler *s = sampler_new(&def, &space, seed, &err);
    struct history history = {0};
    struct proposal note;
    struct point point;
    double *y = xcalloc((size_t)looks[LOOKS - 1] * PARETO_MAX, sizeof *y);
    point_init(&point, &space);
    for (int t = 1, look = 0; look < LOOKS; t++) {
        double f[PARETO_MAX] = {0}, more[HISTORY_MORE] = {0};
        if (sampler_propose(s, &history, (uint32_t)t, &point, &note, &err))
            exit(1);
        p->f(&point, f);
        for (int k = 0; k < p->metrics; k++) {
            y[(t - 1) * p->metrics + k] = -f[k];
            if (k)
                more[k - 1] = -f[k];
        }
        history_add(&history, (uint32_t)t, (uint32_t)t, &point, NULL, 0, 2 * (uint64_t)t);
        history_update(&history, (uint32_t)t, HISTORY_SCORED, false, 1, -f[0], 2 * (uint64_t)t + 1);
        history_set_more(&history, (uint32_t)t, more);
        if (t == looks[look])
            missing[look++] = 1 - covered(p, y, t) / all;
    }
    free(y);
    point_fini(&point);
    history_fini(&history);
    sampler_free(s);
    search_fini(&def);
    space_fini(&space);
    json_free(root);
    free(text);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static double missing[SEEDS_MOST][LOOKS];
    int seeds = argc > 1 ? atoi(argv[1]) : 10;
    seeds = seeds < 1 ? 1 : seeds > SEEDS_MOST ? SEEDS_MOST : seeds;
    for (size_t k = 0; k < sizeof problems / sizeof problems[0]; k++)
        for (int m = 2; m < argc; m++) {
            double all = all_there_is(&problems[k]);
            for (int seed = 0; seed < seeds; seed++)
                run(&problems[k], argv[m], (uint64_t)seed + 1, all, missing[seed]);
            printf("{\"bench\": \"front\", \"problem\": \"%s\", \"method\": \"%s\", \"seeds\": %d",
                   problems[k].name, argv[m], seeds);
            for (int look = 0; look < LOOKS; look++) {
                double column[SEEDS_MOST];
                for (int seed = 0; seed < seeds; seed++)
                    column[seed] = missing[seed][look];
                qsort(column, (size_t)seeds, sizeof *column, compare);
                printf(", \"missing_at_%d\": %.4g", looks[look],
                       0.5 * (column[(seeds - 1) / 2] + column[seeds / 2]));
            }
            printf("}\n");
            fflush(stdout);
        }
    return 0;
}
