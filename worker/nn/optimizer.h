/* optimizer: the rules that turn a gradient into a step. One pass over weights, gradients and state each.
 *
 * g is the data's gradient times step.scale (clipping), plus l2*w + l1*sign(w) in blocks that are penalised.
 *   sgd             w -= lr g
 *   momentum        v = mu v - lr g;  w += v
 *   nesterov        v' = mu v - lr g;  w += -mu v + (1+mu) v'     (w is kept one look ahead)
 *   nesterov_ahead  the same rule as derived: the gradient is taken at w + mu v; optimizer_look goes there,
 *                   optimizer_step comes back and then moves. nesterov's w is this w + mu v at any step
 *   adagrad         c += g^2;  w -= lr g / (sqrt(c) + eps)
 *   rmsprop         c = rho c + (1-rho) g^2;  w -= lr g / (sqrt(c) + eps)
 *   adam            m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  w -= lr m' / (sqrt(v') + eps),
 *                   m' = m/(1-b1^t), v' = v/(1-b2^t), or m, v themselves without bias correction
 *   adamw           adam on the data's gradient alone, and w -= lr l2 w beside it
 *
 * The learning rate is inside v, as in the practitioner's notes: a drop of the rate is felt by what is
 * already moving only through mu. Ownership: optimizer_init allocates the state, optimizer_fini frees it. */
#ifndef HONE_WORKER_NN_OPTIMIZER_H
#define HONE_WORKER_NN_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/nn/real.h"

#define optimizer_init NN(optimizer_init)
#define optimizer_fini NN(optimizer_fini)
#define optimizer_look NN(optimizer_look)
#define optimizer_step NN(optimizer_step)
#define gradient_norm NN(gradient_norm)

enum update_rule {
    UPDATE_SGD,
    UPDATE_MOMENTUM,
    UPDATE_NESTEROV,
    UPDATE_NESTEROV_AHEAD,
    UPDATE_ADAGRAD,
    UPDATE_RMSPROP,
    UPDATE_ADAM,
    UPDATE_ADAMW,
};

/* A run of parameters that belong together: the weights or the biases of one layer. */
struct param_block {
    size_t at, count;
    int layer;      /* index in the net */
    bool penalised; /* weights of affine and conv: yes; biases, gamma, beta: no */
};

struct update_options {
    enum update_rule rule;
    double beta1, beta2, rho, eps;
    bool bias_correction;
    double l1, l2;
};

struct optimizer {
    struct update_options options;
    size_t count;
    real *first, *second; /* (count) each, NULL where the rule has none: v | c | m, v */
    int64_t steps;        /* taken so far */
};

struct step {
    double lr, momentum;
    double scale; /* of the gradient; 1 unless clipped */
};

int optimizer_states(enum update_rule rule); /* arrays it keeps: 0, 1 or 2 */
void optimizer_init(struct optimizer *optimizer, const struct update_options *options, size_t count);
void optimizer_fini(struct optimizer *optimizer);

/* To be called before the gradient is taken; does nothing unless nesterov_ahead. */
void optimizer_look(const struct optimizer *optimizer, real *params, double momentum);
/* grads may be changed (l1). */
void optimizer_step(struct optimizer *optimizer, real *params, real *grads, const struct param_block *blocks,
                    int block_count, const struct step *step);

double gradient_norm(const real *grads, size_t count);

#endif
