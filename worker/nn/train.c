#include "worker/nn/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/hash.h"
#include "common/mem.h"
#include "common/rng.h"
#include "worker/nn/babysit.h"

enum { MOMENT_SAMPLES = 4096 }; /* enough for a mean per channel, cheap beside an epoch */

static const float moment_memory = 0.9f;

/* ---- making ---- */

int training_new(const struct json *resolved, const struct data_split *data, uint64_t seed, int epochs,
                 struct training **out, struct err *err)
{
    struct training *t = xcalloc(1, sizeof *t);
    struct net_options net_options;
    *out = NULL;
    t->data = data;
    t->seed = seed;
    t->plateau = plateau_new();
    t->resolved = json_clone(resolved);
    int rc = train_options_read(resolved, epochs, &t->options, err);
    train_net_options(&t->options, &data->train, seed, &net_options);
    if (!rc)
        rc = net_new(&net_options, &t->net, err);
    if (rc) {
        training_free(t);
        return rc;
    }
    if (t->options.batch > data->train.n)
        t->options.batch = data->train.n;
    optimizer_init(&t->optimizer, &t->options.update, t->net->param_count);
    t->ema = t->options.ema > 0 ? real_alloc(t->net->param_count) : NULL;
    t->order = xcalloc((size_t)data->train.n, sizeof *t->order);
    t->x = real_alloc((size_t)t->options.batch * (size_t)dataset_width(&data->train));
    t->y = xcalloc((size_t)t->options.batch, sizeof *t->y);
    t->losses = xcalloc((size_t)(data->train.n / t->options.batch + 1), sizeof *t->losses);
    t->update_ratio = xcalloc((size_t)t->net->layer_count, sizeof *t->update_ratio);
    t->before = t->options.watch ? real_alloc(t->net->param_count) : NULL;
    *out = t;
    return 0;
}

void training_free(struct training *training)
{
    if (!training)
        return;
    net_free(training->net);
    optimizer_fini(&training->optimizer);
    json_free(training->resolved);
    free(training->ema);
    free(training->order);
    free(training->x);
    free(training->y);
    free(training->losses);
    free(training->update_ratio);
    free(training->before);
    free(training);
}

/* ---- evaluation ---- */

struct score net_score(struct net *net, const struct dataset *set, int batch)
{
    double loss = 0;
    int correct = 0;
    size_t width = (size_t)dataset_width(set);
    for (int at = 0; at < set->n; at += batch) {
        struct pass pass = {.n = set->n - at < batch ? set->n - at : batch};
        struct loss_sum sum = net_loss(net, &pass, set->x + (size_t)at * width, set->y + at, false);
        loss += sum.loss * pass.n;
        correct += sum.correct;
    }
    struct score score = {loss / set->n, (double)correct / set->n};
    if (!isfinite(score.loss))
        score = (struct score){NAN, NAN};
    return score;
}

void net_recompute_moments(struct net *net, const struct dataset *set, int batch)
{
    size_t width = (size_t)dataset_width(set);
    int n = set->n < MOMENT_SAMPLES ? set->n : MOMENT_SAMPLES;
    for (int at = 0, batches = 0; net->state_count && at + batch <= n; at += batch, batches++) {
        struct pass pass = {.n = batch, .training = true, .memory = (float)batches / (float)(batches + 1)};
        net_forward(net, &pass, set->x + (size_t)at * width);
    }
}

void training_averaged(const struct training *training, float *out)
{
    double whole = 1 - pow(training->options.ema, (double)training->optimizer.steps);
    for (size_t i = 0; i < training->net->param_count; i++)
        out[i] = (float)(training->ema[i] / whole);
}

/* The averaged weights' score; weights and moments are put back. */
static struct score averaged_score(struct training *t)
{
    struct net *net = t->net;
    float *weights = net->params, *states = net->states;
    net->params = real_alloc(net->param_count);
    net->states = real_alloc(net->state_count);
    memcpy(net->states, states, net->state_count * sizeof *states);
    training_averaged(t, net->params);
    net_recompute_moments(net, &t->data->train, t->options.batch);
    struct score score = net_score(net, &t->data->val, t->options.batch);
    free(net->params);
    free(net->states);
    net->params = weights;
    net->states = states;
    return score;
}

/* ---- one epoch ---- */

static void gather(struct training *t, const uint32_t *rows, int n, uint32_t epoch, uint32_t step)
{
    const struct dataset *set = &t->data->train;
    size_t width = (size_t)dataset_width(set);
    for (int i = 0; i < n; i++) {
        memcpy(t->x + (size_t)i * width, set->x + rows[i] * width, width * sizeof *t->x);
        t->y[i] = set->y[rows[i]];
    }
    struct rng rng = rng_at(t->seed, epoch, hash_name("augment"), step);
    augment_batch(t->x, n, set->channels, set->height, set->width, &t->options.augment, &rng);
}

NN_WIDE static void fold_average(float *restrict ema, const float *restrict w, size_t count, float decay)
{
    for (size_t i = 0; i < count; i++)
        ema[i] = decay * ema[i] + (1 - decay) * w[i];
}

static void measure_update(struct training *t)
{
    const struct net *net = t->net;
    for (int i = 0; i < net->layer_count; i++) {
        const struct layer *layer = &net->layers[i];
        double change = 0, size = 0;
        for (size_t j = layer->weight; j < layer->weight + layer->weights; j++) {
            double step = (double)net->params[j] - (double)t->before[j];
            change += step * step;
            size += (double)t->before[j] * (double)t->before[j];
        }
        t->update_ratio[i] = sqrt(change / size);
    }
}

/* Gradient of the batch in t->x, t->y and the step it leads to, from `time` on. */
static struct loss_sum one_step(struct training *t, struct pass *pass, double time, double dt, double *lr)
{
    struct net *net = t->net;
    struct step step = {.lr = schedule_lr(&t->options.schedule, &t->plateau, time, dt),
                        .momentum = schedule_momentum(&t->options.schedule, time),
                        .scale = 1};
    *lr = step.lr;
    if (t->watched)
        memcpy(t->before, net->params, net->param_count * sizeof *t->before);
    optimizer_look(&t->optimizer, net->params, step.momentum);
    struct loss_sum sum = net_loss(net, pass, t->x, t->y, true);
    if (t->options.clip > 0) {
        double norm = gradient_norm(net->grads, net->param_count);
        step.scale = norm > t->options.clip ? t->options.clip / norm : 1;
    }
    optimizer_step(&t->optimizer, net->params, net->grads, net->blocks, net->block_count, &step);
    if (t->watched)
        measure_update(t);
    if (t->ema)
        fold_average(t->ema, net->params, net->param_count, (float)t->options.ema);
    return sum;
}

static void shuffle(struct training *t, uint32_t epoch)
{
    struct rng rng = rng_at(t->seed, epoch, hash_name("shuffle"), 0);
    for (int i = 0; i < t->data->train.n; i++)
        t->order[i] = (uint32_t)i;
    rng_shuffle(&rng, t->order, (size_t)t->data->train.n);
}

static void close_epoch(struct training *t, struct epoch_metrics *out)
{
    struct score val = net_score(t->net, &t->data->val, t->options.batch);
    out->val_loss = val.loss;
    out->val_acc = val.acc;
    if (t->ema) {
        struct score averaged = averaged_score(t);
        out->ema_val_loss = averaged.loss;
        out->ema_val_acc = averaged.acc;
    }
    plateau_see(&t->plateau, &t->options.schedule, val.loss);
    t->diverged = t->data->val.n > 0 && !isfinite(val.loss);
}

/* What the batches of an epoch add up to. */
struct tally {
    double loss, lr;
    int correct, batches;
};

/* One batch: rows [at, at + batch) of the order. */
static void train_batch(struct training *t, int at, struct tally *tally)
{
    int n = t->data->train.n, batch = t->options.batch;
    struct pass pass = {.n = n - at < batch ? n - at : batch,
                        .training = true,
                        .memory = moment_memory,
                        .seed = t->seed,
                        .epoch = (uint32_t)t->epoch + 1,
                        .step = (uint32_t)tally->batches};
    bool is_last = at + batch >= n;
    t->watched = is_last && t->before && (t->epoch + 1) % t->options.watch == 0;
    gather(t, t->order + at, pass.n, pass.epoch, pass.step);
    struct loss_sum sum = one_step(t, &pass, t->epoch + (double)at / n, (double)batch / n, &tally->lr);
    tally->loss += sum.loss * pass.n;
    tally->correct += sum.correct;
    t->losses[tally->batches++] = sum.loss;
    t->diverged = !isfinite(sum.loss);
}

int training_epoch(struct training *t, bool (*interrupted)(void *arg), void *arg, struct epoch_metrics *out)
{
    int n = t->data->train.n;
    struct tally tally = {.lr = NAN};
    *out = (struct epoch_metrics){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    shuffle(t, (uint32_t)t->epoch + 1);
    for (int at = 0; at < n && !t->diverged; at += t->options.batch) {
        if (interrupted && interrupted(arg))
            return ERR_BUSY;
        train_batch(t, at, &tally);
    }
    t->epoch++;
    out->lr = tally.lr;
    batch_curve(t->losses, tally.batches, &out->peak, &out->noise);
    if (t->diverged)
        return 0;
    out->train_loss = tally.loss / n;
    out->train_acc = (double)tally.correct / n;
    close_epoch(t, out);
    return 0;
}
