/* How much of a known front a sampler covers after 50, 100, 200 and 400 trials: one JSON line per problem and method, the
 * median over seeds of the hypervolume that is still missing, as a part of all there is, and its ratio to that of the
 * method named first, paired by seed. bench/search/front.py does the same with Optuna.
 *
 *   make build/bench/search/front
 *   build/bench/search/front SEEDS TRIALS METHOD...      such as: front 20 400 tpe nsga-ii auto
 *   HONE_BENCH_FRONT=zdt4,kinds                          these problems alone
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/search/fronts.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/rng.h"
#include "master/search/sampler.h"

enum { LOOKS = 4, METHODS_MOST = 8, SEEDS_MOST = 200, FRONT_POINTS = 4000 };
static const double LEAST = 1e-5; /* missing: no difference below it */
static const int looks[LOOKS] = {50, 100, 200, 400};

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

static void run(const struct problem *p, const char *method, uint64_t seed, double all, int count,
                double missing[LOOKS])
{
    struct err err = ERR_NONE;
    char *text = xasprintf("{\"space\": %s, \"search\": {\"method\": \"%s\", \"trials\": %d}}", p->space,
                           method, looks[count - 1]);
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
    double *y = xcalloc((size_t)looks[count - 1] * PARETO_MAX, sizeof *y);
    point_init(&point, &space);
    for (int t = 1, look = 0; look < count; t++) {
        double f[PARETO_MAX] = {0}, more[HISTORY_MORE] = {0};
        if (sampler_propose(s, &history, (uint32_t)t, &point, &note, &err))
            exit(1);
        p->f(&point, f);
        for (int k = 0; k < p->metrics; k++) {
            y[(t - 1) * p->metrics + k] = -f[k];
            if (k)
                more[k - 1] = -f[k];
        }
        history_add(&history, (uint32_t)t, (uint32_t)t, &point, note.fit, note.fit_count, 2 * (uint64_t)t);
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

/* Of what the first method has left, paired by seed: geometric mean, and two standard errors either way. */
static void tell_ratio(const double (*first)[LOOKS], const double (*mine)[LOOKS], int seeds, int look)
{
    double sum = 0, squares = 0;
    for (int seed = 0; seed < seeds; seed++) {
        double r = log(fmax(mine[seed][look], LEAST) / fmax(first[seed][look], LEAST));
        sum += r / seeds;
        squares += r * r / seeds;
    }
    double error = sqrt(fmax(squares - sum * sum, 0) / (seeds - 1));
    printf(", \"ratio_at_%d\": %.3f, \"interval_at_%d\": [%.3f, %.3f]", looks[look], exp(sum), looks[look],
           exp(sum - 2 * error), exp(sum + 2 * error));
}

static double median(const double (*missing)[LOOKS], int seeds, int look)
{
    double column[SEEDS_MOST];
    for (int seed = 0; seed < seeds; seed++)
        column[seed] = missing[seed][look];
    qsort(column, (size_t)seeds, sizeof *column, compare);
    return 0.5 * (column[(seeds - 1) / 2] + column[seeds / 2]);
}

int main(int argc, char **argv)
{
    static double missing[METHODS_MOST][SEEDS_MOST][LOOKS];
    int seeds = argc > 1 ? atoi(argv[1]) : 10, trials = argc > 2 ? atoi(argv[2]) : 400, count = LOOKS;
    const char *only = getenv("HONE_BENCH_FRONT");
    seeds = seeds < 2 ? 2 : seeds > SEEDS_MOST ? SEEDS_MOST : seeds;
    while (count > 1 && looks[count - 1] > trials)
        count--;
    for (size_t k = 0; k < sizeof problems / sizeof problems[0]; k++) {
        double all = all_there_is(&problems[k]);
        for (int m = 0; m + 3 < argc && m < METHODS_MOST && (!only || strstr(only, problems[k].name)); m++) {
            for (int seed = 0; seed < seeds; seed++)
                run(&problems[k], argv[m + 3], (uint64_t)seed + 1, all, count, missing[m][seed]);
            printf("{\"bench\": \"front\", \"problem\": \"%s\", \"method\": \"%s\", \"trials\": %d, "
                   "\"seeds\": %d",
                   problems[k].name, argv[m + 3], looks[count - 1], seeds);
            for (int look = 0; look < count; look++) {
                printf(", \"missing_at_%d\": %.4g", looks[look], median(missing[m], seeds, look));
                if (m)
                    tell_ratio(missing[0], missing[m], seeds, look);
            }
            printf("}\n");
            fflush(stdout);
        }
    }
    return 0;
}
