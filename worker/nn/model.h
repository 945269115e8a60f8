/* model: a checkpoint that predicts. Probabilities, and what they are worth on labelled data: for `hone predict`,
 * `hone evaluate` and ensembles, and the average of several checkpoints' weights (in the notes' words: model soups).
 *
 * Data must come raw (data_options.normalize 0): the model scales it with the training part's mean and deviation,
 * which the checkpoint keeps. Refuses data of another shape or with more classes than the model knows.
 * Ownership: model_load fills the caller's storage, model_fini frees it. */
#ifndef HONE_WORKER_NN_MODEL_H
#define HONE_WORKER_NN_MODEL_H

#include "common/err.h"
#include "worker/nn/checkpoint.h"
#include "worker/nn/data.h"
#include "worker/nn/net.h"

struct model {
    struct checkpoint checkpoint;
    struct net *net;
    struct data_norm norm; /* borrowed from the checkpoint; channels 0: none */
    bool softmax; /* else the scores were trained with the svm loss; their softmax is no probability */
};

int model_load(const char *path, struct model *out, struct err *err);
void model_fini(struct model *model);

/* Scales raw data in place for this model; refuses what it cannot take. `name` is for the error. */
int model_take(const struct model *model, struct dataset *set, const char *name, struct err *err);

/* Softmax of the scores of data that model_take has scaled, into out (n, classes). */
void model_predict(struct model *model, const struct dataset *set, float *out);

/* What predictions are worth. */
struct evaluation {
    double loss, acc; /* mean of -ln p(label); share of right answers */
    int n, classes;
    int *confusion; /* (classes, classes): row = label, column = answer */
};

void evaluate(const float *probabilities, const int32_t *labels, int n, int classes, struct evaluation *out);
void evaluation_fini(struct evaluation *evaluation);

/* Replaces the model's weights by the plain mean over checkpoints of the same network; batchnorm's moments anew from
 * `set` (scaled). The first of them may be the model's own. */
int model_average(struct model *model, const char *const *paths, int count, const struct dataset *set,
                  struct err *err);

/* Replaces the model's weights by the running average that the training kept (option ema). */
int model_use_ema(struct model *model, const struct dataset *set, const char *path, struct err *err);

#endif
