/* watch: a look inside a network between two epochs. One forward and backward pass over a probe of 64 to 256
 * validation samples, by the size of the training part (dropout on, batchnorm's running moments left alone), and what
 * the last step did to the weights: norms, dead and saturated units, histograms of outputs and gradients, the first
 * layer as a picture.
 *
 * Cost: less than 3 % of an epoch (bench/watch), and one copy of the weights. Changes nothing but net->grads.
 * Plain values; watch_picture gives an image to the caller. */
#ifndef HONE_WORKER_NN_WATCH_H
#define HONE_WORKER_NN_WATCH_H

#include "common/err.h"
#include "common/json.h"
#include "worker/nn/babysit.h"
#include "worker/nn/image.h"
#include "worker/nn/train.h"

enum { WATCH_BINS = 32 };

struct histogram {
    double low, high; /* ends of the first and last bin */
    uint32_t bins[WATCH_BINS];
};

struct watch_layer {
    int index; /* in the list of texts */
    enum layer_kind kind;
    double mean, deviation; /* of the outputs over the probe */
    struct babysit_layer facts;
    struct histogram outputs, gradients; /* gradients: of the weights; all 0 without */
};

struct watch {
    struct watch_layer layers[BABYSIT_LAYERS];
    int count;
    double update_ratio;    /* median over the layers with weights */
    double gradient;        /* norm over all weights */
    double dead, saturated; /* of the worst layer; NaN: no such layers */
};

/* To be called after an epoch for which training->watched is set. */
void watch_look(struct training *training, struct watch *out);

/* The layers as the babysitter takes them, by their index in the list of texts. */
void watch_facts(const struct watch *watch, struct babysit_facts *out);

void watch_write(const struct watch *watch, const char *key, struct jw *w);

/* Weights of the first layer, at most 256 units; ERR_NO if the first layer has none. Borrows the net's. */
int watch_tiles(const struct net *net, struct weight_tiles *out, struct err *err);
int watch_picture(const struct net *net, struct image *out, struct err *err);

#endif
