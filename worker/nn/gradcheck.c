#define NN_DOUBLE
#include "worker/nn/gradcheck.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/mem.h"
#include "common/rng.h"
#include "worker/nn/net.h"

enum { SWEEP_WEIGHTS = 9, REDRAWS = 20 };

static const double good_enough = 1e-8; /* what a difference counts that rounding alone explains */

struct probe {
    struct net *net;
    const double *x;
    const int32_t *labels;
    struct pass pass;
    const struct gradcheck_options *options;
};

/* One comparison. `error` is negative at a kink. */
struct sample {
    double analytic, numeric, error;
};

static double loss_with(struct probe *probe, size_t at, double w, uint64_t *pattern)
{
    struct net *net = probe->net;
    double kept = net->params[at];
    net->params[at] = w;
    double loss = net_loss(net, &probe->pass, probe->x, probe->labels, false).loss;
    *pattern = net_pattern(net, probe->labels, probe->pass.n);
    if (probe->options->l1 > 0 || probe->options->l2 > 0)
        loss += net_penalty(net, probe->options->l1, probe->options->l2);
    net->params[at] = kept;
    return loss;
}

static struct sample compare(struct probe *probe, size_t at, double analytic, double h)
{
    double w = probe->net->params[at];
    uint64_t above, below;
    double plus = loss_with(probe, at, w + h, &above), minus = loss_with(probe, at, w - h, &below);
    double numeric = (plus - minus) / (2 * h), difference = fabs(analytic - numeric);
    double rounding = 8 * DBL_EPSILON * (fabs(plus) + 1) / h;
    double largest = fmax(fabs(analytic), fabs(numeric)), error = largest == 0 ? 0 : difference / largest;
    struct sample sample = {analytic, numeric, error};
    if (above != below || (probe->options->l1 > 0 && fabs(w) <= h))
        sample.error = -1;
    else if (difference < rounding)
        sample.error = fmin(error, good_enough);
    else if (isnan(error))
        sample.error = INFINITY; /* a NaN would pass every comparison below */
    return sample;
}

/* The best of three steps: a right gradient needs only one of them. */
static struct sample compare_best(struct probe *probe, size_t at, double analytic)
{
    static const double steps[] = {1e-4, 1e-6};
    struct sample best = compare(probe, at, analytic, 1e-5);
    for (int i = 0; i < 2 && (best.error < 0 || best.error > 1e-7); i++) {
        struct sample other = compare(probe, at, analytic, steps[i]);
        if (other.error >= 0 && (best.error < 0 || other.error < best.error))
            best = other;
    }
    return best;
}

/* Mostly weights with a gradient, for 0 = 0 proves little; every third whatever it has, for a gradient that was
 * forgotten is 0 everywhere. */
static size_t choose(const struct param_block *block, const double *grads, int i, struct rng *rng)
{
    size_t at = block->at + rng_below(rng, (uint32_t)block->count);
    for (int tries = 0; i % 3 && fabs(grads[at]) < 1e-10 && tries < REDRAWS; tries++)
        at = block->at + rng_below(rng, (uint32_t)block->count);
    return at;
}

static void count_sample(struct gradcheck_block *block, const struct sample *sample)
{
    if (sample->error < 0) {
        block->kinks++;
        return;
    }
    block->checked++;
    block->silent += fabs(sample->analytic) < 1e-10 && fabs(sample->numeric) < 1e-10;
    if (sample->error > block->worst) {
        block->worst = sample->error;
        block->analytic = sample->analytic;
        block->numeric = sample->numeric;
    }
}

static void check_block(struct probe *probe, const struct param_block *place, const double *grads,
                        struct rng *rng, struct gradcheck_block *block)
{
    int count = probe->options->per_block;
    bool all = (size_t)count >= place->count;
    for (int i = 0; i < (all ? (int)place->count : count); i++) {
        size_t at = all ? place->at + (size_t)i : choose(place, grads, i, rng);
        struct sample sample = compare_best(probe, at, grads[at]);
        count_sample(block, &sample);
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median error over a few weights for h = 1e-2 … 1e-9: it falls with h^2, then rises with 1/h. */
static void sweep(struct probe *probe, const double *grads, struct rng *rng, struct gradcheck *out)
{
    const struct param_block *place = &probe->net->blocks[0];
    size_t at[SWEEP_WEIGHTS];
    for (int i = 0; i < SWEEP_WEIGHTS; i++)
        at[i] = choose(place, grads, 1, rng);
    for (int s = 0; s < GRADCHECK_SWEEP; s++) {
        double errors[SWEEP_WEIGHTS], h = pow(10, -2 - s);
        int count = 0;
        for (int i = 0; i < SWEEP_WEIGHTS; i++) {
            struct sample sample = compare(probe, at[i], grads[at[i]], h);
            double largest = fmax(fabs(sample.analytic), fabs(sample.numeric));
            if (sample.error >= 0 && largest > 0)
                errors[count++] = fabs(sample.analytic - sample.numeric) / largest;
        }
        qsort(errors, (size_t)count, sizeof *errors, by_size);
        out->sweep_h[s] = h;
        out->sweep_error[s] = count ? errors[count / 2] : NAN;
    }
}

static struct probe probe_of(struct net *net, const double *x, const int32_t *labels, int n,
                             const struct gradcheck_options *options)
{
    return (struct probe){
        .net = net,
        .x = x,
        .labels = labels,
        .pass = {.n = n, .training = true, .memory = 1, .seed = options->seed, .epoch = 1},
        .options = options,
    };
}

void gradcheck_run(struct net *net, const double *x, const int32_t *labels, int n,
                   const struct gradcheck_options *options, struct gradcheck *out)
{
    struct probe probe = probe_of(net, x, labels, n, options);
    struct rng rng = rng_at(options->seed, 0, hash_name("gradcheck"), 0);
    double *grads = xcalloc(net->param_count, sizeof *grads);
    *out = (struct gradcheck){0};
    net_loss(net, &probe.pass, x, labels, true);
    net_add_penalty(net, options->l1, options->l2);
    memcpy(grads, net->grads, net->param_count * sizeof *grads);
    for (int i = 0; i < net->block_count && i < GRADCHECK_BLOCKS; i++) {
        const struct param_block *place = &net->blocks[i];
        const struct layer *layer = &net->layers[place->layer];
        struct gradcheck_block *block = &out->blocks[out->count++];
        block->layer = layer->index;
        block->kind = layer->spec.kind;
        block->is_bias = place->at == layer->bias;
        check_block(&probe, place, grads, &rng, block);
        out->checked += block->checked;
        out->kinks += block->kinks;
        out->worst = fmax(out->worst, block->worst);
    }
    sweep(&probe, grads, &rng, out);
    free(grads);
}

void gradcheck_burn_in(struct net *net, const double *x, const int32_t *labels, int n, int steps,
                       uint64_t seed)
{
    struct update_options adam = {
        .rule = UPDATE_ADAM, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .bias_correction = true};
    struct step step = {.lr = 1e-3, .scale = 1};
    struct optimizer optimizer;
    optimizer_init(&optimizer, &adam, net->param_count);
    for (int i = 0; i < steps; i++) {
        struct pass pass = {.n = n, .training = true, .memory = 0.9, .seed = seed, .step = (uint32_t)i};
        net_loss(net, &pass, x, labels, true);
        optimizer_step(&optimizer, net->params, net->grads, net->blocks, net->block_count, &step);
    }
    optimizer_fini(&optimizer);
}
