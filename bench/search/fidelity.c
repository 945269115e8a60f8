/* What rungs save: epochs until a search comes to the best that random search finds with full trainings, as a share of the
 * epochs that random search pays. The real master with simulated workers, curves that cost nothing.
 *
 *   bench/search/fidelity [SEEDS [TRIALS [NAME]]]   default 30 seeds, 81 full trainings of 81 epochs each; NAME: only
 *                                                   the rows with this in their name
 *
 * Curves, per seed another optimum; error e_t = e + (0.9 - e) exp(-t / tau) + noise of 0.005, e of `lrsurf`
 * (docs/walls.md), with two parameters that do nothing:
 *   lrsurf    tau = 1 + 4 |d|: whoever is near the best rate is fast, rungs rank well
 *   crossing  tau = 2 + 14 / (1 + 10^d): low rates are slow and end better: curves cross, rungs rank badly
 *
 * One JSON line per method and family: median and quartiles of the ratio over the seeds, and in how many of them it
 * got there at all within random search's own epochs (else its ratio is 1). Samplers and seeds are paired. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rng.h"
#include "master/rehearsal.h"

enum { EPOCHS = 81 };

struct family {
    const char *name;
    double best_rate; /* log10 of it */
    uint64_t seed;
};

static double shortfall(const struct family *f, const struct json *params, double *d)
{
    double wd = log10(json_num(json_get(params, "wd")));
    *d = log10(json_num(json_get(params, "lr"))) - f->best_rate;
    if (*d > 0.45)
        return 0.9;
    double skew = wd + 0.7 * *d + 3;
    return fmin(0.05 + 0.06 * *d * *d + 0.015 * skew * skew, 0.9);
}

static double error_after(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    const struct family *f = arg;
    double d, e = shortfall(f, params, &d);
    (void)seed, (void)epochs;
    double tau = strcmp(f->name, "lrsurf") == 0 ? 1 + 4 * fabs(d) : 2 + 14 / (1 + pow(10, d));
    double lr = json_num(json_get(params, "lr"));
    uint64_t point; /* noise belongs to the point: whoever trains it sees the same */
    memcpy(&point, &lr, sizeof point);
    struct rng rng = rng_at(f->seed ^ point, (uint32_t)epoch, 7, 0);
    return e + (0.9 - e) * exp(-epoch / tau) + 0.005 * rng_normal(&rng);
}

/* Epochs that were paid; *best: the least error of a full training. */
static int64_t search(struct family *f, const char *method, const char *prune, int64_t trials, int slots,
                      double target, int64_t epochs, double *best)
{
    char text[2000], end[100] = "";
    struct err err = ERR_NONE;
    struct rehearsal_options options = {.seed = 1, .objective = error_after, .arg = f, .metric = "error"};
    struct rehearsal *r = rehearsal_new(&options, &err);
    if (isfinite(target))
        snprintf(end, sizeof end, "\"budget\":{\"target\":%.17g,\"epochs\":%lld},", target,
                 (long long)epochs);
    snprintf(text, sizeof text,
             "{\"study\":\"s\",\"metric\":{\"name\":\"error\",\"goal\":\"minimize\"},\"trainer\":{"
             "\"command\":[\"true\"],"
             "\"seed\":1},%s%s\"space\":{\"lr\":{\"log\":[1e-6,10]},\"wd\":{\"log\":[1e-6,1]},\"dead\":{"
             "\"uniform\":[0,1]},"
             "\"deaf\":{\"uniform\":[0,1]}},\"search\":{\"method\":\"%s\",\"seed\":%llu,\"trials\":%lld,"
             "\"epochs\":%d,"
             "\"boundary\":\"off\"}}",
             end, prune, method, (unsigned long long)f->seed, (long long)trials, EPOCHS);
    if (!r || rehearsal_submit(r, text, &err)) {
        fprintf(stderr, "fidelity: %s\n", err.text);
        exit(1);
    }
    rehearsal_add_worker(r, slots);
    rehearsal_run(r, INT64_C(1) << 50);
    const struct study *s = reactor_study(rehearsal_reactor(r), NULL);
    *best = s->best ? s->best->score : NAN;
    int64_t paid = rehearsal_epochs_run(r);
    rehearsal_free(r);
    return paid;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void tell(const char *family, const char *name, int slots, double *ratio, int seeds, int reached)
{
    qsort(ratio, (size_t)seeds, sizeof *ratio, by_value);
    printf("{\"bench\":\"fidelity\",\"family\":\"%s\",\"search\":\"%s\",\"slots\":%d,\"seeds\":%d,"
           "\"reached\":%d,"
           "\"ratio\":%.4f,\"q1\":%.4f,\"q3\":%.4f}\n",
           family, name, slots, seeds, reached, ratio[seeds / 2], ratio[seeds / 4], ratio[3 * seeds / 4]);
    fflush(stdout);
}

static const struct {
    const char *name, *method, *prune;
    int slots;
} rows[] = {
    {"random, asha by promotion", "random", "\"prune\":{\"method\":\"asha\",\"eta\":3},", 1},
    {"random, asha by promotion", "random", "\"prune\":{\"method\":\"asha\",\"eta\":3},", 8},
    {"random, asha by stopping", "random",
     "\"prune\":{\"method\":\"asha\",\"eta\":3,\"variant\":\"stopping\"},", 8},
    {"random, asha from 9 epochs", "random", "\"prune\":{\"method\":\"asha\",\"eta\":3,\"min_epochs\":9},",
     8},
    {"random, hyperband", "random", "\"prune\":{\"method\":\"hyperband\",\"eta\":3},", 8},
    {"random, median", "random", "\"prune\":{\"method\":\"median\"},", 8},
    {"random, curve", "random", "\"prune\":{\"method\":\"curve\"},", 8},
    {"tpe, no rungs", "tpe", "", 8},
    {"tpe, asha by promotion", "tpe", "\"prune\":{\"method\":\"asha\",\"eta\":3},", 8},
    {"tpe, asha from 9 epochs", "tpe", "\"prune\":{\"method\":\"asha\",\"eta\":3,\"min_epochs\":9},", 8},
    {"tpe, hyperband", "tpe", "\"prune\":{\"method\":\"hyperband\",\"eta\":3},", 8},
    {"gp, no rungs", "gp", "", 8},
    {"gp, asha by promotion", "gp", "\"prune\":{\"method\":\"asha\",\"eta\":3},", 8},
    {"gp, hyperband", "gp", "\"prune\":{\"method\":\"hyperband\",\"eta\":3},", 8},
};

int main(int argc, char **argv)
{
    static const char *const names[] = {"lrsurf", "crossing"};
    int seeds = argc > 1 ? atoi(argv[1]) : 30;
    int64_t trials = argc > 2 ? atoi(argv[2]) : 81, full = trials * EPOCHS;
    const char *only = argc > 3 ? argv[3] : "";
    log_init(LOG_ERROR);
    PRE(seeds >= 1 && trials >= 1);
    double *target = xcalloc((size_t)seeds, sizeof *target), *ratio = xcalloc((size_t)seeds, sizeof *ratio);
    for (size_t k = 0; k < COUNT_OF(names); k++) {
        for (int i = 0; i < seeds; i++) {
            struct rng rng = rng_at((uint64_t)i, 0, 0, 0);
            struct family f = {names[k], -3 + 2 * rng_unit(&rng), (uint64_t)i};
            search(&f, "random", "", trials, 8, NAN, 0, &target[i]);
        }
        for (size_t row = 0; row < COUNT_OF(rows); row++) {
            int reached = 0;
            if (!strstr(rows[row].name, only))
                continue;
            for (int i = 0; i < seeds; i++) {
                struct rng rng = rng_at((uint64_t)i, 0, 0, 0);
                struct family f = {names[k], -3 + 2 * rng_unit(&rng), (uint64_t)i};
                double best;
                int64_t paid = search(&f, rows[row].method, rows[row].prune, 50 * trials, rows[row].slots,
                                      target[i], full, &best);
                bool is_there = best <= target[i];
                reached += is_there;
                ratio[i] = is_there ? fmin((double)paid / (double)full, 1) : 1;
            }
            tell(names[k], rows[row].name, rows[row].slots, ratio, seeds, reached);
        }
    }
    free(target);
    free(ratio);
    return 0;
}
