/* second_order: Newton's method and L-BFGS, the references that the first-order rules are measured against. On a
 * convex problem (multinomial logistic regression: a net without hidden layers) they find the optimum to many
 * digits; on a real network neither is practical, a million weights have a Hessian of 3.7 TB.
 *
 *   newton  H by centred differences of the gradient, n pairs of gradients; H d = -g by Cholesky, with a ridge that
 *           grows until H is positive definite; steps halved until the value falls
 *   lbfgs   two loops over the last 10 steps (Nocedal 1980), step length by Armijo and the weak Wolfe condition
 *
 * Double only. Newton refuses more than 2000 variables. Borrows everything. */
#ifndef HONE_WORKER_NN_SECOND_ORDER_H
#define HONE_WORKER_NN_SECOND_ORDER_H

#include <stdint.h>

#include "common/err.h"

struct net;

/* A function of n variables: returns its value at w, and its gradient if that is not NULL. */
struct objective {
    int n;
    double (*value)(void *arg, const double *w, double *gradient);
    void *arg;
};

struct minimum {
    double value, gradient; /* norm of the gradient */
    int steps, evaluations; /* evaluations: of value with gradient */
};

/* From w towards a minimum, until the gradient's norm is at most `tolerance` or `steps` are used up. */
int newton_minimise(const struct objective *objective, double *w, int steps, double tolerance,
                    struct minimum *out, struct err *err);
void lbfgs_minimise(const struct objective *objective, double *w, int steps, double tolerance,
                    struct minimum *out);

/* A net in double, with its loss on fixed data and penalties, as a function of its parameters (without gaps).
 * Dropout is off, batchnorm's running moments are used: the function is deterministic. */
struct net_objective {
    struct net *net;
    const double *x;
    const int32_t *labels;
    int samples;
    double l1, l2;
};

struct objective net_objective_of(struct net_objective *of);
void net_objective_get(const struct net_objective *of, double *w);
#endif
