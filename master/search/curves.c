#include "master/search/curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"

double curve_best(struct curve curve, int epoch)
{
    double best = -INFINITY;
    for (int e = 0; e < epoch && e < curve.count; e++)
        if (curve.value[e] > best)
            best = curve.value[e];
    return best;
}

void finished_fini(struct finished *f)
{
    for (size_t e = 0; e < f->epochs; e++)
        free(f->at[e].list);
    free(f->at);
    free(f->since);
    *f = (struct finished){0};
}

static void put(struct means *m, double mean)
{
    size_t lo = 0, hi = m->count;
    while (lo < hi) {
        size_t middle = (lo + hi) / 2;
        if (m->list[middle] < mean)
            lo = middle + 1;
        else
            hi = middle;
    }
    GROW(m->list, m->room, m->count + 1);
    memmove(&m->list[lo + 1], &m->list[lo], (m->count++ - lo) * sizeof *m->list);
    m->list[lo] = mean;
}

static void put_means(struct finished *f, struct curve curve)
{
    double sum = 0;
    GROW(f->at, f->room, (size_t)curve.count);
    for (; f->epochs < (size_t)curve.count; f->epochs++)
        f->at[f->epochs] = (struct means){0};
    for (int e = 0; e < curve.count; e++) {
        sum += curve.value[e];
        double mean = sum / (e + 1);
        if (isfinite(mean))
            put(&f->at[e], mean);
    }
}

static void note(struct finished *f, uint32_t trial, uint64_t since)
{
    GROW(f->since, f->trial_room, trial);
    for (; f->trials < trial; f->trials++)
        f->since[f->trials] = 0;
    f->since[trial - 1] = since;
}

void finished_add(struct finished *f, uint32_t trial, uint64_t since, struct curve curve)
{
    PRE(trial && since && !finished_since(f, trial));
    double best = curve_best(curve, curve.count);
    double last = curve.count ? curve.value[curve.count - 1] : -INFINITY;
    put_means(f, curve);
    note(f, trial, since);
    f->best = f->count ? fmax(f->best, best) : best;
    f->best_last = f->count ? fmax(f->best_last, last) : last;
    f->count++;
}

uint64_t finished_since(const struct finished *f, uint32_t trial)
{
    return trial <= f->trials ? f->since[trial - 1] : 0;
}

double finished_median(const struct finished *f, int epoch, int *of)
{
    struct means none = {0};
    const struct means *m = epoch >= 1 && (size_t)epoch <= f->epochs ? &f->at[epoch - 1] : &none;
    size_t n = m->count;
    *of = (int)n;
    return n == 0 ? -INFINITY : n % 2 ? m->list[n / 2] : 0.5 * (m->list[n / 2 - 1] + m->list[n / 2]);
}
