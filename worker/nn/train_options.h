/* train_options: the resolved options of one trial (common/trainer_options) as the structs that net, optimizer
 * and schedule take. No numbers of either precision, so training (float) and checks (double) both read them
 * here. Plain values; layers that do not parse are refused by index. */
#ifndef HONE_WORKER_NN_TRAIN_OPTIONS_H
#define HONE_WORKER_NN_TRAIN_OPTIONS_H

#include <stdint.h>

#include "common/err.h"
#include "common/json.h"
#include "worker/nn/data.h"
#include "worker/nn/net.h"
#include "worker/nn/optimizer.h"
#include "worker/nn/schedule.h"

enum { TRAIN_LAYERS_MAX = 64 };

struct train_options {
    struct layer_spec layers[TRAIN_LAYERS_MAX];
    int layer_count;
    enum loss_kind loss;
    enum init_kind init;
    double init_scale;
    int batch;
    struct update_options update;
    struct schedule schedule; /* its `epochs` is the job's */
    double clip, ema;
    int watch; /* epochs between two looks inside; 0: none */
    struct augment_options augment;
};

/* Reads what trainer_resolve made. */
int train_options_read(const struct json *resolved, int epochs, struct train_options *out, struct err *err);
void train_net_options(const struct train_options *options, const struct dataset *set, uint64_t seed,
                       struct net_options *out); /* borrows options */

#endif
