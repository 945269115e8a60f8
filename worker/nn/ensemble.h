/* ensemble: several models' probabilities made into one, and the choice of which models to take.
 *
 * Predictions are matrices (n, classes), one per model, on the same samples in the same order. Members may count
 * several times. The greedy choice (Caruana, Niculescu-Mizil, Crew, Ksikes, "Ensemble selection from libraries of
 * models", ICML 2004) looks at validation data only; the report on test data happens once, elsewhere.
 *
 * Pure, deterministic for a seed. Borrows everything; ensemble_greedy fills the caller's counts. */
#ifndef HONE_WORKER_NN_ENSEMBLE_H
#define HONE_WORKER_NN_ENSEMBLE_H

#include <stdint.h>

struct library {
    const float *const *predictions; /* (models) of (n, classes) */
    const int32_t *labels;           /* (n) */
    int models, n, classes;
};

struct ensemble_score {
    double acc, loss; /* loss: mean -ln p(label) */
};

struct greedy_options {
    int start;     /* begin with so many of the best (5) */
    int rounds;    /* then add so many, any model again and again (50) */
    int bags;      /* repeat on random halves of the library and add up (20); 0: once on all of it */
    uint64_t seed; /* of the halves */
};

/* Weighted mean of probabilities into out (n, classes); counts (models) must not all be 0. */
void ensemble_mean(const struct library *library, const int *counts, float *out);

/* Share of votes per class into out (n, classes): each member gives its weight to its most probable class. */
void ensemble_vote(const struct library *library, const int *counts, float *out);

struct ensemble_score ensemble_score(const struct library *library, const float *probabilities);

/* Chooses counts (models) by loss. Never worse on these samples than the best single model, which is what comes back
 * if nothing beats it. By accuracy the luckiest single model of a search often cannot be beaten where it was chosen,
 * and is beaten everywhere else: on MNIST it came back alone, 0.9742 on test beside 0.9761 of the choice by loss. */
struct ensemble_score ensemble_greedy(const struct library *library, const struct greedy_options *options,
                                      int *counts);

#endif
