#include "worker/nn/optimizer.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "worker/nn/layers.h"

#ifndef NN_DOUBLE
int optimizer_states(enum update_rule rule)
{
    return rule == UPDATE_SGD ? 0 : rule >= UPDATE_ADAM ? 2 : 1;
}
#endif

void optimizer_init(struct optimizer *optimizer, const struct update_options *options, size_t count)
{
    int states = optimizer_states(options->rule);
    *optimizer = (struct optimizer){.options = *options, .count = count};
    optimizer->first = states > 0 ? real_alloc(count) : NULL;
    optimizer->second = states > 1 ? real_alloc(count) : NULL;
}

void optimizer_fini(struct optimizer *optimizer)
{
    free(optimizer->first);
    free(optimizer->second);
    optimizer->first = optimizer->second = NULL;
}

/* What the loops below need, in their own precision. */
struct constants {
    real lr, momentum, scale, l2, eps;
    real beta1, beta2, correct1, correct2; /* adam's corrections: 1/(1-beta^t) */
    real decay;                            /* adamw: lr l2 */
    real keep, add;                        /* of the squares: adagrad 1, 1; rmsprop rho, 1-rho */
};

static inline real root(real x)
{
#ifdef NN_DOUBLE
    return sqrt(x);
#else
    return sqrtf(x);
#endif
}

NN_WIDE static void step_sgd(real *restrict w, const real *restrict g, size_t n, const struct constants *c)
{
    real lr = c->lr, scale = c->scale, l2 = c->l2;
    for (size_t i = 0; i < n; i++)
        w[i] -= lr * (scale * g[i] + l2 * w[i]);
}

NN_WIDE static void step_momentum(real *restrict w, real *restrict v, const real *restrict g, size_t n,
                                  const struct constants *c)
{
    real lr = c->lr, mu = c->momentum, scale = c->scale, l2 = c->l2;
    for (size_t i = 0; i < n; i++) {
        v[i] = mu * v[i] - lr * (scale * g[i] + l2 * w[i]);
        w[i] += v[i];
    }
}

NN_WIDE static void step_nesterov(real *restrict w, real *restrict v, const real *restrict g, size_t n,
                                  const struct constants *c)
{
    real lr = c->lr, mu = c->momentum, scale = c->scale, l2 = c->l2;
    for (size_t i = 0; i < n; i++) {
        real before = v[i];
        v[i] = mu * before - lr * (scale * g[i] + l2 * w[i]);
        w[i] += -mu * before + (1 + mu) * v[i];
    }
}

/* w stands at the look-ahead: go back, then move. */
NN_WIDE static void step_nesterov_ahead(real *restrict w, real *restrict v, const real *restrict g, size_t n,
                                        const struct constants *c)
{
    real lr = c->lr, mu = c->momentum, scale = c->scale, l2 = c->l2;
    for (size_t i = 0; i < n; i++) {
        real before = v[i];
        v[i] = mu * before - lr * (scale * g[i] + l2 * w[i]);
        w[i] += v[i] - mu * before;
    }
}

/* adagrad keeps all of the past, rmsprop forgets. */
NN_WIDE static void step_squares(real *restrict w, real *restrict cache, const real *restrict g, size_t n,
                                 const struct constants *c)
{
    real lr = c->lr, scale = c->scale, l2 = c->l2, eps = c->eps, keep = c->keep, add = c->add;
    for (size_t i = 0; i < n; i++) {
        real gi = scale * g[i] + l2 * w[i];
        cache[i] = keep * cache[i] + add * gi * gi;
        w[i] -= lr * gi / (root(cache[i]) + eps);
    }
}

NN_WIDE static void step_adam(real *restrict w, real *restrict m, real *restrict v, const real *restrict g,
                              size_t n, const struct constants *c)
{
    real lr = c->lr, scale = c->scale, l2 = c->l2, eps = c->eps, decay = c->decay;
    real beta1 = c->beta1, beta2 = c->beta2, correct1 = c->correct1, correct2 = c->correct2;
    for (size_t i = 0; i < n; i++) {
        real gi = scale * g[i] + l2 * w[i];
        m[i] = beta1 * m[i] + (1 - beta1) * gi;
        v[i] = beta2 * v[i] + (1 - beta2) * gi * gi;
        w[i] -= decay * w[i] + lr * (m[i] * correct1) / (root(v[i] * correct2) + eps);
    }
}

void optimizer_look(const struct optimizer *optimizer, real *params, double momentum)
{
    if (optimizer->options.rule != UPDATE_NESTEROV_AHEAD)
        return;
    for (size_t i = 0; i < optimizer->count; i++)
        params[i] += (real)momentum * optimizer->first[i];
}

static void add_l1(const real *w, real *g, size_t n, real scale, real l1)
{
    for (size_t i = 0; i < n; i++)
        g[i] = scale * g[i] + l1 * (real)((w[i] > 0) - (w[i] < 0));
}

static struct constants constants_of(const struct optimizer *optimizer, const struct step *step,
                                     bool penalised)
{
    const struct update_options *o = &optimizer->options;
    double t = (double)optimizer->steps;
    bool decoupled = o->rule == UPDATE_ADAMW, correct = o->bias_correction;
    bool forgets = o->rule == UPDATE_RMSPROP;
    return (struct constants){
        .lr = (real)step->lr,
        .momentum = (real)step->momentum,
        .scale = (real)step->scale,
        .l2 = penalised && !decoupled ? (real)o->l2 : 0,
        .decay = penalised && decoupled ? (real)(step->lr * o->l2) : 0,
        .eps = (real)o->eps,
        .beta1 = (real)o->beta1,
        .beta2 = (real)o->beta2,
        .correct1 = correct ? (real)(1 / (1 - pow(o->beta1, t))) : 1,
        .correct2 = correct ? (real)(1 / (1 - pow(o->beta2, t))) : 1,
        .keep = forgets ? (real)o->rho : 1,
        .add = forgets ? (real)(1 - o->rho) : 1,
    };
}

static void step_block(struct optimizer *optimizer, real *w, real *g, const struct param_block *block,
                       const struct step *step)
{
    struct constants c = constants_of(optimizer, step, block->penalised);
    const struct update_options *o = &optimizer->options;
    real *first = optimizer->first ? optimizer->first + block->at : NULL;
    real *second = optimizer->second ? optimizer->second + block->at : NULL;
    size_t n = block->count;
    if (block->penalised && o->l1 > 0) {
        add_l1(w, g, n, c.scale, (real)o->l1);
        c.scale = 1;
    }
    switch (o->rule) {
    case UPDATE_SGD: step_sgd(w, g, n, &c); return;
    case UPDATE_MOMENTUM: step_momentum(w, first, g, n, &c); return;
    case UPDATE_NESTEROV: step_nesterov(w, first, g, n, &c); return;
    case UPDATE_NESTEROV_AHEAD: step_nesterov_ahead(w, first, g, n, &c); return;
    case UPDATE_ADAGRAD:
    case UPDATE_RMSPROP: step_squares(w, first, g, n, &c); return;
    case UPDATE_ADAM:
    case UPDATE_ADAMW: step_adam(w, first, second, g, n, &c); return;
    }
    UNREACHABLE();
}

void optimizer_step(struct optimizer *optimizer, real *params, real *grads, const struct param_block *blocks,
                    int block_count, const struct step *step)
{
    optimizer->steps++;
    for (int i = 0; i < block_count; i++)
        step_block(optimizer, params + blocks[i].at, grads + blocks[i].at, &blocks[i], step);
}

/* Sixteen partial sums, so that the loop can use vectors. */
NN_WIDE double gradient_norm(const real *grads, size_t count)
{
    double part[16] = {0}, sum = 0;
    size_t i = 0;
    for (; i + 16 <= count; i += 16)
        for (size_t j = 0; j < 16; j++)
            part[j] += (double)grads[i + j] * (double)grads[i + j];
    for (size_t j = 0; i < count; i++, j++)
        part[j] += (double)grads[i] * (double)grads[i];
    for (int j = 0; j < 16; j++)
        sum += part[j];
    return sqrt(sum);
}
