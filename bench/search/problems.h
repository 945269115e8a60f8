/* problems: what samplers are raced on, in C; problems.py has the same with the words to it. Six tables of real trainings
 * and eight functions, and some made ones that no rival is raced on: whoever changes a sampler looks there whether what
 * helped on the others was chance. All are minimised. Included by programs of one file. */
#ifndef HONE_BENCH_SEARCH_PROBLEMS_H
#define HONE_BENCH_SEARCH_PROBLEMS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "cli/functions.h"
#include "common/check.h"
#include "common/hash.h"
#include "common/mem.h"
#include "common/rng.h"
#include "common/str.h"
#include "master/search/space.h"

/* splitmix64 of (seed, j) as a number in [0, 1). */
static double unit_of(uint64_t seed, uint64_t j)
{
    uint64_t z = seed * 1000003 + j + 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return (double)(z >> 11) / 9007199254740992.0;
}

/* ---- functions of the numbers of a point ---- */

/* Those that `hone simulate` knows as well. */
static double known(const char *name, const double *x, int n)
{
    double out;
    function_find(name)->at(x, n, &out);
    return out;
}

static double branin(const double *x, uint64_t seed)
{
    (void)seed;
    return known("branin", x, 2);
}

static double hartmann6(const double *x, uint64_t seed)
{
    (void)seed;
    return known("hartmann6", x, 6);
}

static double rosenlog4(const double *x, uint64_t seed)
{
    (void)seed;
    return known("rosenlog4", x, 4);
}

static double ackley(const double *x, int d)
{
    double square = 0, wave = 0;
    for (int i = 0; i < d; i++) {
        square += x[i] * x[i] / d;
        wave += cos(2 * M_PI * x[i]) / d;
    }
    return -20 * exp(-0.2 * sqrt(square)) - exp(wave) + 20 + M_E;
}

static double ackley10(const double *x, uint64_t seed)
{
    (void)seed;
    return ackley(x, 10);
}

static double ackley10s(const double *x, uint64_t seed)
{
    double y[10];
    for (int i = 0; i < 10; i++)
        y[i] = x[i] - (unit_of(seed, 100 + (uint64_t)i) - 0.5) * 32.768;
    return ackley(y, 10);
}

static double levy8mi(const double *x, uint64_t seed)
{
    double w[8], sum;
    (void)seed;
    for (int i = 0; i < 8; i++)
        w[i] = 1 + (x[i] - 1) / 4;
    sum = sin(M_PI * w[0]) * sin(M_PI * w[0]);
    for (int i = 0; i < 7; i++) {
        double s = sin(M_PI * w[i] + 1);
        sum += (w[i] - 1) * (w[i] - 1) * (1 + 10 * s * s);
    }
    double s = sin(2 * M_PI * w[7]);
    return sum + (w[7] - 1) * (w[7] - 1) * (1 + s * s);
}

static double bowl(const double *x, uint64_t seed, const double *centre)
{
    double sum = 0;
    for (uint64_t i = 0; i < 3; i++) {
        double off = log10(x[i]) - centre[i];
        sum += pow(10, 2 * unit_of(seed, 200 + i) - 1) * off * off;
    }
    return sum;
}

static double logbowl5(const double *x, uint64_t seed)
{
    double c[3];
    for (uint64_t i = 0; i < 3; i++)
        c[i] = -5.5 + 6 * unit_of(seed, 300 + i);
    return bowl(x, seed, c);
}

static double logbowl5out(const double *x, uint64_t seed)
{
    return bowl(x, seed, (double[]){2, -7, -5.5 + 6 * unit_of(seed, 302)});
}

/* ---- made ones, for validation ---- */

/* Error of a training by learning rate and weight decay, diverging at high rates; two axes do next to nothing. */
static double lrsurf(const double *x, uint64_t seed)
{
    double d = log10(x[0]) - (-2.5 + 2 * unit_of(seed, 400)), wd = log10(x[1]) + 0.7 * d + 3;
    double e = d > 0.45 ? 0.9 : fmin(0.05 + 0.06 * d * d + 0.015 * wd * wd, 0.9);
    return e + 0.003 * x[2] * x[2] + 0.002 * log10(x[3]) * log10(x[3]) - 0.05;
}

static double styblinski5(const double *x, uint64_t seed)
{
    double sum = 5 * 39.16616570377142;
    for (uint64_t i = 0; i < 5; i++) {
        double z = x[i] + 2 * unit_of(seed, 410 + i) - 1;
        sum += 0.5 * (z * z * z * z - 16 * z * z + 5 * z);
    }
    return sum;
}

static double rastrigin3(const double *x, uint64_t seed)
{
    double sum = 0;
    for (uint64_t i = 0; i < 3; i++) {
        double z = x[i] - 4 * unit_of(seed, 420 + i) + 2;
        sum += z * z + 10 - 10 * cos(2 * M_PI * z);
    }
    return sum;
}

/* A turned, ill-conditioned bowl in seven logarithms. */
static double turned7(const double *x, uint64_t seed)
{
    double z[7], sum = 0;
    for (uint64_t i = 0; i < 7; i++)
        z[i] = log10(x[i]) + 4.5 - 3 * unit_of(seed, 430 + i);
    for (uint64_t k = 0; k < 7; k++) {
        double along = 0, norm = 0;
        for (uint64_t i = 0; i < 7; i++) {
            double w = unit_of(seed, 440 + 7 * k + i) - 0.5;
            along += w * z[i];
            norm += w * w;
        }
        sum += pow(10, -3.0 * (double)k / 6) * along * along / norm;
    }
    return sum;
}

static double griewank6(const double *x, uint64_t seed)
{
    double sum = 0, product = 1;
    for (uint64_t i = 0; i < 6; i++) {
        double z = x[i] - 20 * unit_of(seed, 500 + i) + 10;
        sum += z * z / 400;
        product *= cos(z / sqrt((double)i + 1));
    }
    return sum - product + 1;
}

/* ---- the list ---- */

enum { AXES_MAX = 10 };

struct problem {
    const char *name, *space;
    double (*f)(const double *x, uint64_t seed); /* NULL: a table */
    double best;                                 /* f* */
    int axes, size[AXES_MAX], repetitions;       /* of a table */
    double sign;
    double made;  /* a table that is no file: share of chance in its values */
    double *each; /* [configuration][repetition] */
    long count;
};

#define R "{\"uniform\": [0, 1]}"
#define A "{\"uniform\": [-32.768, 32.768]}"
#define L "{\"log\": [1e-6, 10]}"
#define LV "{\"uniform\": [-10, 10]}"
#define LI "{\"int\": [-10, 10]}"
#define S "{\"uniform\": [-5, 5]}"
static const char branin_space[] = "{\"x0\": {\"uniform\": [-5, 10]}, \"x1\": {\"uniform\": [0, 15]}}";
static const char hartmann6_space[] =
    "{\"x0\":" R ",\"x1\":" R ",\"x2\":" R ",\"x3\":" R ",\"x4\":" R ",\"x5\":" R "}";
static const char rosenlog4_space[] =
    "{\"x0\": {\"log\": [1e-3, 1e3]}, \"x1\": {\"log\": [1e-3, 1e3]}, \"x2\": "
    "{\"log\": [1e-3, 1e3]}, \"x3\": {\"log\": [1e-3, 1e3]}}";
static const char ackley10_space[] = "{\"x0\":" A ",\"x1\":" A ",\"x2\":" A ",\"x3\":" A ",\"x4\":" A
                                     ",\"x5\":" A ",\"x6\":" A ",\"x7\":" A ",\"x8\":" A ",\"x9\":" A "}";
static const char levy8mi_space[] = "{\"x0\":" LV ",\"x1\":" LV ",\"x2\":" LV ",\"x3\":" LV ",\"x4\":" LI
                                    ",\"x5\":" LI ",\"x6\":" LI ",\"x7\":" LI "}";
static const char logbowl5_space[] = "{\"x0\":" L ",\"x1\":" L ",\"x2\":" L ",\"x3\":" L ",\"x4\":" L "}";
static const char mlp_space[] =
    "{\"alpha\": {\"int\": [0, 9]}, \"batch\": {\"int\": [0, 9]}, \"depth\": {\"int\": [0, 2]}, "
    "\"lr\": {\"int\": [0, 9]}, \"width\": {\"int\": [0, 9]}}";
static const char fcnet_space[] =
    "{\"act1\": {\"choice\": [\"relu\", \"tanh\"]}, \"act2\": {\"choice\": [\"relu\", \"tanh\"]}, \"batch\": "
    "{\"int\": [0, 3]}, \"drop1\": {\"int\": [0, 2]}, \"drop2\": {\"int\": [0, 2]}, \"lr\": {\"int\": [0, "
    "5]}, "
    "\"schedule\": {\"choice\": [\"cosine\", \"const\"]}, \"units1\": {\"int\": [0, 5]}, \"units2\": "
    "{\"int\": [0, "
    "5]}}";
static const char lrsurf_space[] =
    "{\"x0\": {\"log\": [1e-5, 1]}, \"x1\": {\"log\": [1e-7, 1]}, \"x2\": " R ", \"x3\": {\"log\": [1, 10]}}";
static const char styblinski5_space[] = "{\"x0\":" S ",\"x1\":" S ",\"x2\":" S ",\"x3\":" S ",\"x4\":" S "}";
static const char rastrigin3_space[] = "{\"x0\":" S ",\"x1\":" S ",\"x2\":" S "}";
static const char turned7_space[] =
    "{\"x0\":" L ",\"x1\":" L ",\"x2\":" L ",\"x3\":" L ",\"x4\":" L ",\"x5\":" L ",\"x6\":" L "}";
static const char griewank6_space[] =
    "{\"x0\":" LV ",\"x1\":" LV ",\"x2\":" LV ",\"x3\":" LV ",\"x4\":" LV ",\"x5\":" LV "}";
#undef R
#undef A
#undef L
#undef LV
#undef LI
#undef S

#define FUNCTION(name, space, best)                                 \
    {                                                               \
#name, space##_space, name, best, 0, {0 }, 0, 1, 0, NULL, 0 \
    }
#define MLP(name)                                                           \
    {                                                                       \
        name, mlp_space, NULL, 0, 5, {10, 10, 3, 10, 10}, 5, -1, 0, NULL, 0 \
    }
#define FCNET(name)                                                                  \
    {                                                                                \
        name, fcnet_space, NULL, 0, 9, {2, 2, 4, 3, 3, 6, 2, 6, 6}, 4, 1, 0, NULL, 0 \
    }
#define MADE_MLP(name, chance)                                                  \
    {                                                                           \
        name, mlp_space, NULL, 0, 5, {10, 10, 3, 10, 10}, 5, 1, chance, NULL, 0 \
    }
#define MADE_FCNET(name, chance)                                                          \
    {                                                                                     \
        name, fcnet_space, NULL, 0, 9, {2, 2, 4, 3, 3, 6, 2, 6, 6}, 4, 1, chance, NULL, 0 \
    }

static struct problem problems[] = {MLP("car"),
                                    MLP("phoneme"),
                                    MLP("vehicle"),
                                    MLP("segment"),
                                    FCNET("naval_propulsion"),
                                    FCNET("parkinsons_telemonitoring"),
                                    FUNCTION(branin, branin, 0.39788735772973816),
                                    FUNCTION(hartmann6, hartmann6, -3.322368011391339),
                                    FUNCTION(rosenlog4, rosenlog4, 0),
                                    FUNCTION(ackley10, ackley10, 0),
                                    FUNCTION(ackley10s, ackley10, 0),
                                    FUNCTION(levy8mi, levy8mi, 0),
                                    FUNCTION(logbowl5, logbowl5, 0),
                                    FUNCTION(logbowl5out, logbowl5, 0),
                                    MADE_MLP("made1", 0.02),
                                    MADE_MLP("made2", 0.1),
                                    MADE_MLP("made3", 0.3),
                                    MADE_FCNET("made4", 0.02),
                                    MADE_FCNET("made5", 0.1),
                                    MADE_FCNET("made6", 0.3),
                                    FUNCTION(lrsurf, lrsurf, 0),
                                    FUNCTION(styblinski5, styblinski5, 0),
                                    FUNCTION(rastrigin3, rastrigin3, 0),
                                    FUNCTION(turned7, turned7, 0),
                                    FUNCTION(griewank6, griewank6, 0)};

/* ---- tables ---- */

static void place_table(const struct problem *p, const char *folder, float *row)
{
    char *path = xasprintf("%s/%s.f32.gz", folder ? folder : ".", p->name);
    gzFile file = gzopen(path, "rb");
    unsigned bytes = (unsigned)(p->count * p->repetitions) * 4;
    if (!file || gzread(file, row, bytes) != (int)bytes) {
        fprintf(stderr, "%s: cannot be read; HONE_HPO must name the folder of the tables\n", path);
        exit(3);
    }
    gzclose(file);
    free(path);
}

enum { WAVES = 24 };

/* A random smooth landscape (a sum of few waves and a bowl, stretched towards its worse end as error rates are) and
 * chance of its own in every configuration and repetition. */
static void make_table(const struct problem *p, float *row)
{
    struct rng rng = rng_at(hash_name(p->name), 0, 0, 0);
    double wave[WAVES][AXES_MAX + 2], centre[AXES_MAX], steep[AXES_MAX];
    for (int k = 0; k < WAVES; k++) {
        for (int i = 0; i < p->axes; i++)
            wave[k][i] = rng_normal(&rng) * (i % 3 ? 0.7 : 1.8);
        wave[k][AXES_MAX] = 2 * M_PI * rng_unit(&rng);
    }
    for (int i = 0; i < p->axes; i++) {
        centre[i] = rng_unit(&rng);
        steep[i] = pow(10, 2 * rng_unit(&rng) - 1.5);
    }
    for (long at = 0; at < p->count; at++) {
        double y = 0, x[AXES_MAX];
        long left = at;
        for (int i = p->axes - 1; i >= 0; left /= p->size[i--])
            x[i] = (double)(left % p->size[i]) / (p->size[i] - 1);
        for (int k = 0; k < WAVES; k++) {
            double phase = wave[k][AXES_MAX];
            for (int i = 0; i < p->axes; i++)
                phase += wave[k][i] * x[i];
            y += cos(phase) / sqrt(WAVES);
        }
        for (int i = 0; i < p->axes; i++)
            y += steep[i] * (x[i] - centre[i]) * (x[i] - centre[i]);
        double own = rng_normal(&rng);
        for (int r = 0; r < p->repetitions; r++)
            row[at * p->repetitions + r] = (float)(exp(y) + p->made * 0.2 * (own + rng_normal(&rng)));
    }
}

static double table_mean(const struct problem *p, long at)
{
    double sum = 0;
    for (int r = 0; r < p->repetitions; r++)
        sum += p->each[at * p->repetitions + r];
    return sum / p->repetitions;
}

static void problem_load(struct problem *p, const char *folder)
{
    if (p->f || p->each)
        return;
    p->count = 1;
    for (int i = 0; i < p->axes; i++)
        p->count *= p->size[i];
    size_t cells = (size_t)(p->count * p->repetitions);
    float *row = xcalloc(cells, sizeof *row);
    p->each = xcalloc(cells, sizeof *p->each);
    if (p->made > 0)
        make_table(p, row);
    else
        place_table(p, folder, row);
    for (size_t k = 0; k < cells; k++)
        p->each[k] = p->sign * (double)row[k];
    free(row);
    p->best = INFINITY;
    for (long at = 0; at < p->count; at++)
        p->best = fmin(p->best, table_mean(p, at));
}

static long table_index(const struct problem *p, const struct point *point)
{
    long at = 0;
    for (int i = 0; i < p->axes; i++) {
        struct value v = point->v[i];
        at = at * p->size[i] + (v.kind == VALUE_CHOICE ? v.choice : (long)v.num);
    }
    return at;
}

static double problem_value(const struct problem *p, const struct point *point, uint64_t seed)
{
    double x[AXES_MAX];
    if (!p->f)
        return table_mean(p, table_index(p, point));
    for (int i = 0; i < point->count && i < AXES_MAX; i++)
        x[i] = point->v[i].num;
    return p->f(x, seed);
}

/* What one training gave (of a table): which repetition depends on the configuration, and the next on the repeat. */
static double problem_once(const struct problem *p, const struct point *point, uint64_t seed, int repeat)
{
    long at = table_index(p, point), first = (long)(unit_of(seed, 100000 + (uint64_t)at) * p->repetitions);
    return p->each[at * p->repetitions + (first + repeat) % p->repetitions];
}

#endif
