/* train: the training of one network as an object without clock, files or sockets: made from resolved
 * options, data, a seed and the length of the whole training; then one call per epoch.
 *
 * All randomness is in streams named by (seed, epoch, purpose): first weights, order of the samples, dropout,
 * augmentation. The state after an epoch is therefore weights, update rule's state and averages alone, and a
 * training that was saved and restored goes on with the numbers of an undisturbed one, to the bit.
 *
 * train_loss and train_acc are means over the epoch while the weights moved, dropout and augmentation on:
 * free, and a little pessimistic early on. val_loss and val_acc belong to the weights at the epoch's end.
 * Losses are those of the data, without penalties. A loss that is not finite ends the epoch at once, and
 * every metric is NaN.
 *
 * Ownership: training_new gives to the caller; data is borrowed and must outlive the training. */
#ifndef HONE_WORKER_NN_TRAIN_H
#define HONE_WORKER_NN_TRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/json.h"
#include "worker/nn/data.h"
#include "worker/nn/net.h"
#include "worker/nn/optimizer.h"
#include "worker/nn/schedule.h"
#include "worker/nn/train_options.h"

struct epoch_metrics {
    double train_loss, train_acc, val_loss, val_acc;
    double ema_val_loss, ema_val_acc; /* NaN unless the option `ema` is set */
    double lr;                        /* of the last step */
    double peak, noise;               /* of the batch losses, see batch_curve */
};

struct training {
    struct train_options options;
    struct json *resolved; /* a copy of the options as they came, for the checkpoint */
    const struct data_split *data;
    uint64_t seed;
    int epoch; /* passes done */
    struct net *net;
    struct optimizer optimizer;
    struct plateau plateau;
    float *ema; /* (param_count) sum of decayed weights, NULL without */
    bool diverged;
    bool watched;         /* the epoch just done was one to look into: update_ratio is of its last step */
    double *update_ratio; /* (layers of the net) norm of the update over norm of the weights */
    float *before;        /* (param_count) weights before a step that is watched; NULL: never */
    double *losses;       /* (batches of an epoch) */
    /* one batch */
    uint32_t *order; /* (train.n) */
    float *x;        /* (batch, width) */
    int32_t *y;      /* (batch) */
};

int training_new(const struct json *resolved, const struct data_split *data, uint64_t seed, int epochs,
                 struct training **out, struct err *err);
void training_free(struct training *training);

/* One pass over the training part. `interrupted` is asked between batches and may be NULL; if it says yes the
 * training is left in mid-epoch, good for nothing but training_free, and ERR_BUSY comes back. */
int training_epoch(struct training *training, bool (*interrupted)(void *arg), void *arg,
                   struct epoch_metrics *out);

struct score {
    double loss, acc;
};

/* Mean loss and share of right answers of a net in evaluation mode; NaN for an empty set. */
struct score net_score(struct net *net, const struct dataset *set, int batch);

/* Weights of the running average, ema/(1 - decay^steps), into out (param_count). */
void training_averaged(const struct training *training, float *out);

/* Batchnorm's running moments anew, as plain means over the first samples of a set: after weights were
 * averaged, the moments that were collected on the way belong to other weights. */
void net_recompute_moments(struct net *net, const struct dataset *set, int batch);

#endif
