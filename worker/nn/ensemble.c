#include "worker/nn/ensemble.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/hash.h"
#include "common/mem.h"
#include "common/rng.h"

static size_t values(const struct library *library)
{
    return (size_t)library->n * (size_t)library->classes;
}

static int answer(const float *row, int classes)
{
    int best = 0;
    for (int k = 1; k < classes; k++)
        best = row[k] > row[best] ? k : best;
    return best;
}

void ensemble_mean(const struct library *library, const int *counts, float *out)
{
    int total = 0;
    memset(out, 0, values(library) * sizeof *out);
    for (int m = 0; m < library->models; m++) {
        total += counts[m];
        for (size_t i = 0; counts[m] && i < values(library); i++)
            out[i] += (float)counts[m] * library->predictions[m][i];
    }
    PRE(total > 0);
    for (size_t i = 0; i < values(library); i++)
        out[i] /= (float)total;
}

void ensemble_vote(const struct library *library, const int *counts, float *out)
{
    int total = 0;
    memset(out, 0, values(library) * sizeof *out);
    for (int m = 0; m < library->models; m++) {
        total += counts[m];
        for (size_t i = 0; counts[m] && i < values(library); i += (size_t)library->classes)
            out[i + (size_t)answer(library->predictions[m] + i, library->classes)] += (float)counts[m];
    }
    PRE(total > 0);
    for (size_t i = 0; i < values(library); i++)
        out[i] /= (float)total;
}

struct ensemble_score ensemble_score(const struct library *library, const float *probabilities)
{
    struct ensemble_score score = {0};
    int right = 0;
    for (int i = 0; i < library->n; i++) {
        const float *row = probabilities + (size_t)i * (size_t)library->classes;
        right += answer(row, library->classes) == library->labels[i];
        score.loss -= log(fmax((double)row[library->labels[i]], 1e-30)) / library->n;
    }
    score.acc = (double)right / library->n;
    return score;
}

/* By loss: accuracy on a thousand samples moves in steps of 0.001, and its best reading is in good part luck. */
static bool better(struct ensemble_score a, struct ensemble_score b)
{
    return a.loss < b.loss;
}

/* ---- greedy choice ---- */

/* A growing ensemble: sum of probabilities, members, and the best prefix so far. */
struct growth {
    const struct library *library;
    const bool *allowed; /* (models) */
    double *sum;         /* (n, classes) */
    int *counts, *best_counts;
    int members;
    struct ensemble_score best;
};

/* Score of the mean if model m joined. */
static struct ensemble_score score_with(const struct growth *g, int m)
{
    const struct library *l = g->library;
    struct ensemble_score score = {0};
    int right = 0;
    for (int i = 0; i < l->n; i++) {
        size_t row = (size_t)i * (size_t)l->classes;
        int top = 0;
        double most = -1, own = 0;
        for (int k = 0; k < l->classes; k++) {
            double p = g->sum[row + (size_t)k] + (double)l->predictions[m][row + (size_t)k];
            top = p > most ? k : top;
            most = p > most ? p : most;
            own = k == l->labels[i] ? p : own;
        }
        right += top == l->labels[i];
        score.loss -= log(fmax(own / (g->members + 1), 1e-30)) / l->n;
    }
    score.acc = (double)right / l->n;
    return score;
}

static void join(struct growth *g, int m, struct ensemble_score score)
{
    for (size_t i = 0; i < values(g->library); i++)
        g->sum[i] += (double)g->library->predictions[m][i];
    g->counts[m]++;
    g->members++;
    if (g->members == 1 || better(score, g->best)) {
        g->best = score;
        memcpy(g->best_counts, g->counts, (size_t)g->library->models * sizeof *g->counts);
    }
}

/* The allowed model that makes the mean best; with `once` none that is in already. -1: none is left. */
static int find_next(const struct growth *g, bool once, bool alone, struct ensemble_score *score)
{
    int next = -1;
    for (int m = 0; m < g->library->models; m++) {
        if (!g->allowed[m] || (once && g->counts[m]))
            continue;
        struct ensemble_score s =
            alone ? ensemble_score(g->library, g->library->predictions[m]) : score_with(g, m);
        if (next < 0 || better(s, *score)) {
            next = m;
            *score = s;
        }
    }
    return next;
}

static void grow_ensemble(struct growth *g, const struct greedy_options *options)
{
    struct ensemble_score score;
    for (int i = 0; i < options->start; i++) {
        int m = find_next(g, true, true, &score);
        if (m < 0)
            break;
        join(g, m, score_with(g, m));
    }
    for (int i = 0; i < options->rounds; i++) {
        int m = find_next(g, false, false, &score);
        if (m >= 0)
            join(g, m, score);
    }
}

/* Adds the best prefix found among the allowed models to counts. */
static void one_bag(const struct library *library, const bool *allowed, const struct greedy_options *options,
                    int *counts)
{
    size_t models = (size_t)library->models;
    struct growth g = {.library = library, .allowed = allowed};
    g.sum = xcalloc(values(library), sizeof *g.sum);
    g.counts = xcalloc(models, sizeof *g.counts);
    g.best_counts = xcalloc(models, sizeof *g.best_counts);
    grow_ensemble(&g, options);
    for (size_t m = 0; m < models; m++)
        counts[m] += g.best_counts[m];
    free(g.sum);
    free(g.counts);
    free(g.best_counts);
}

static void half_of(const struct library *library, uint64_t seed, int bag, bool *allowed)
{
    uint32_t models = (uint32_t)library->models, *order = xcalloc(models, sizeof *order);
    struct rng rng = rng_at(seed, (uint32_t)bag, hash_name("bag"), 0);
    for (uint32_t m = 0; m < models; m++)
        order[m] = m;
    rng_shuffle(&rng, order, models);
    for (uint32_t i = 0; i < models; i++)
        allowed[order[i]] = i < (models + 1) / 2;
    free(order);
}

static struct ensemble_score score_of(const struct library *library, const int *counts)
{
    float *mean = xcalloc(values(library), sizeof *mean);
    ensemble_mean(library, counts, mean);
    struct ensemble_score score = ensemble_score(library, mean);
    free(mean);
    return score;
}

static int best_single(const struct library *library, struct ensemble_score *score)
{
    int best = 0;
    *score = ensemble_score(library, library->predictions[0]);
    for (int m = 1; m < library->models; m++) {
        struct ensemble_score s = ensemble_score(library, library->predictions[m]);
        if (better(s, *score)) {
            best = m;
            *score = s;
        }
    }
    return best;
}

struct ensemble_score ensemble_greedy(const struct library *library, const struct greedy_options *options,
                                      int *counts)
{
    size_t models = (size_t)library->models;
    bool *allowed = xcalloc(models, sizeof *allowed);
    struct ensemble_score single;
    PRE(library->models > 0 && library->n > 0 && options->start > 0);
    memset(counts, 0, models * sizeof *counts);
    memset(allowed, true, models * sizeof *allowed);
    if (!options->bags)
        one_bag(library, allowed, options, counts);
    for (int bag = 0; bag < options->bags; bag++) {
        half_of(library, options->seed, bag, allowed);
        one_bag(library, allowed, options, counts);
    }
    free(allowed);
    int best = best_single(library, &single);
    struct ensemble_score score = score_of(library, counts);
    if (!better(single, score))
        return score;
    memset(counts, 0, models * sizeof *counts);
    counts[best] = 1;
    return single;
}
