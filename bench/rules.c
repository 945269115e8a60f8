/* rules: the update rules beside the second-order references of the practitioner's notes, on multinomial logistic
 * regression, where there is one optimum: how far above it each rule is after 10, 100 and 1,000 whole-batch steps.
 *
 *   build/bench/rules [DATA]     default glyphs:size=8,n=1000; at most 2000 weights, for Newton's sake
 *
 * One JSON line per method. Newton and L-BFGS: value, norm of the gradient, evaluations of it. A rule: its `excess`
 * over the lower of both, with the best of seven constant rates for each number of steps. An epoch of a rule here costs
 * what one evaluation does. Penalty 0.01, double precision. */
#define NN_DOUBLE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"
#include "worker/nn/data.h"
#include "worker/nn/net.h"
#include "worker/nn/optimizer.h"
#include "worker/nn/second_order.h"

enum { BUDGETS = 3, RATES = 7 };
static const int budgets[BUDGETS] = {10, 100, 1000};
static const double rates[RATES] = {1e-3, 1e-2, 3e-2, 0.1, 0.3, 1, 3}, penalty = 0.01;
static const char *const names[] = {"sgd",     "momentum", "nesterov", "nesterov_ahead",
                                    "adagrad", "rmsprop",  "adam"};

struct problem {
    struct net_options options;
    struct net_objective objective;
    struct data_split data;
    double *x;
};

static void problem_init(struct problem *p, const char *spec)
{
    struct data_options options = {.spec = spec, .normalize = 1};
    struct err err = ERR_NONE;
    if (data_load(&options, &p->data, &err)) {
        fprintf(stderr, "rules: %s\n", err.text);
        exit(2);
    }
    const struct dataset *train = &p->data.train;
    size_t values = (size_t)train->n * (size_t)dataset_width(train);
    p->x = xmalloc(values * sizeof *p->x);
    for (size_t i = 0; i < values; i++)
        p->x[i] = train->x[i];
    p->options = (struct net_options){.in = {dataset_width(train), 1, 1},
                                      .classes = train->classes,
                                      .loss = LOSS_SOFTMAX,
                                      .init_scale = 1,
                                      .seed = 1};
    p->objective = (struct net_objective){.x = p->x, .labels = train->y, .samples = train->n, .l2 = penalty};
    PRE(!net_new(&p->options, &p->objective.net, NULL));
}

static void problem_fini(struct problem *p)
{
    net_free(p->objective.net);
    data_split_fini(&p->data);
    free(p->x);
}

static double reference(struct problem *p, bool is_newton)
{
    struct objective f = net_objective_of(&p->objective);
    struct minimum found;
    struct err err = ERR_NONE;
    double *w = xcalloc((size_t)f.n, sizeof *w);
    net_init(p->objective.net, &p->options);
    net_objective_get(&p->objective, w);
    if (!is_newton) {
        lbfgs_minimise(&f, w, 1000, 1e-8, &found);
    } else if (newton_minimise(&f, w, 50, 1e-8, &found, &err)) {
        fprintf(stderr, "rules: %s\n", err.text);
        exit(2);
    }
    free(w);
    printf("{\"bench\":\"rules\",\"method\":\"%s\",\"weights\":%d,\"steps\":%d,\"evaluations\":%d,\"value\":%"
           ".12g,"
           "\"gradient\":%.2g}\n",
           is_newton ? "newton" : "lbfgs", f.n, found.steps, found.evaluations, found.value, found.gradient);
    return found.value;
}

static double value_of(const struct problem *p)
{
    struct pass pass = {.n = p->objective.samples};
    return net_loss(p->objective.net, &pass, p->x, p->objective.labels, false).loss +
           net_penalty(p->objective.net, 0, penalty);
}

/* The value after each budget of steps at one rate. */
static void walk(const struct problem *p, enum update_rule rule, double rate, double value[BUDGETS])
{
    struct update_options options = {.rule = rule,
                                     .beta1 = 0.9,
                                     .beta2 = 0.999,
                                     .rho = 0.9,
                                     .eps = 1e-8,
                                     .bias_correction = true,
                                     .l2 = penalty};
    struct net *net = p->objective.net;
    struct optimizer optimizer;
    int t = 0;
    net_init(net, &p->options);
    optimizer_init(&optimizer, &options, net->param_count);
    for (int k = 0; k < BUDGETS; k++) {
        for (; t < budgets[k]; t++) {
            struct pass pass = {.n = p->objective.samples};
            struct step step = {.lr = rate, .momentum = 0.9, .scale = 1};
            optimizer_look(&optimizer, net->params, step.momentum);
            net_loss(net, &pass, p->x, p->objective.labels, true);
            optimizer_step(&optimizer, net->params, net->grads, net->blocks, net->block_count, &step);
        }
        value[k] = value_of(p);
    }
    optimizer_fini(&optimizer);
}

static void race(const struct problem *p, enum update_rule rule, double optimum)
{
    double least[BUDGETS] = {INFINITY, INFINITY, INFINITY}, value[BUDGETS];
    for (int r = 0; r < RATES; r++) {
        walk(p, rule, rates[r], value);
        for (int k = 0; k < BUDGETS; k++)
            least[k] = fmin(least[k], value[k]); /* NaN where it diverged: never the least */
    }
    printf("{\"bench\":\"rules\",\"method\":\"%s\"", names[rule]);
    for (int k = 0; k < BUDGETS; k++)
        printf(",\"excess_%d\":%.3g", budgets[k], least[k] - optimum);
    printf("}\n");
}

int main(int argc, char **argv)
{
    struct problem p = {0};
    problem_init(&p, argc > 1 ? argv[1] : "glyphs:size=8,n=1000");
    double newton = reference(&p, true), optimum = fmin(newton, reference(&p, false));
    for (int rule = UPDATE_SGD; rule <= UPDATE_ADAM; rule++)
        race(&p, (enum update_rule)rule, optimum);
    problem_fini(&p);
    return 0;
}
