/* Newton and L-BFGS where the answer is known, and as the reference of the first-order rules on multinomial logistic
 * regression: convex, so that all of them must come to the same optimum from above. */
#define NN_DOUBLE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/nn/data.h"
#include "worker/nn/net.h"
#include "worker/nn/second_order.h"

/* f = (x-1)^2 + 10 (y+2)^2 + (x-1)(y+2), minimum 0 at (1, -2) */
static double quadratic(void *arg, const double *w, double *g)
{
    double x = w[0] - 1, y = w[1] + 2;
    (void)arg;
    if (g) {
        g[0] = 2 * x + y;
        g[1] = 20 * y + x;
    }
    return x * x + 10 * y * y + x * y;
}

/* Rosenbrock's valley, minimum 0 at (1, 1) */
static double valley(void *arg, const double *w, double *g)
{
    double a = 1 - w[0], b = w[1] - w[0] * w[0];
    (void)arg;
    if (g) {
        g[0] = -2 * a - 400 * w[0] * b;
        g[1] = 200 * b;
    }
    return a * a + 100 * b * b;
}

static void one_newton_step_solves_a_quadratic(void **state)
{
    (void)state;
    struct objective f = {2, quadratic, NULL};
    struct minimum found;
    double w[2] = {30, 40};
    assert_int_equal(newton_minimise(&f, w, 1, 0, &found, NULL), 0);
    assert_true(fabs(w[0] - 1) < 1e-7 && fabs(w[1] + 2) < 1e-7);
    assert_int_equal(found.steps, 1);
}

static void both_walk_down_the_valley(void **state)
{
    (void)state;
    struct objective f = {2, valley, NULL};
    struct minimum found;
    double a[2] = {-1.2, 1}, b[2] = {-1.2, 1};
    assert_int_equal(newton_minimise(&f, a, 100, 1e-9, &found, NULL), 0);
    assert_true(fabs(a[0] - 1) < 1e-8 && fabs(a[1] - 1) < 1e-8 && found.steps < 40);
    lbfgs_minimise(&f, b, 200, 1e-9, &found);
    assert_true(fabs(b[0] - 1) < 1e-8 && fabs(b[1] - 1) < 1e-8 && found.steps < 80);
}

static void too_many_variables_are_refused(void **state)
{
    (void)state;
    struct objective f = {1000000, quadratic, NULL};
    struct minimum found;
    struct err err = ERR_NONE;
    assert_int_equal(newton_minimise(&f, NULL, 1, 0, &found, &err), ERR_BAD);
    assert_non_null(strstr(err.text, "1000000 variables"));
}

/* ---- multinomial logistic regression ---- */

static struct net_objective problem;
static struct net_options net_options;
static double *x;
static struct data_split data;

static int make_problem(void **state)
{
    (void)state;
    struct data_options options = {.spec = "spiral:n=300", .normalize = 1};
    if (data_load(&options, &data, NULL))
        return -1;
    x = calloc((size_t)data.train.n * 2, sizeof *x);
    for (int i = 0; i < 2 * data.train.n; i++)
        x[i] = data.train.x[i];
    net_options = (struct net_options){
        .in = {2, 1, 1}, .classes = data.train.classes, .loss = LOSS_SOFTMAX, .init_scale = 1, .seed = 1};
    problem = (struct net_objective){.x = x, .labels = data.train.y, .samples = data.train.n, .l2 = 0.01};
    return net_new(&net_options, &problem.net, NULL);
}

static int free_problem(void **state)
{
    (void)state;
    net_free(problem.net);
    data_split_fini(&data);
    free(x);
    return 0;
}

static struct minimum reference(void)
{
    struct objective f = net_objective_of(&problem);
    struct minimum found;
    double w[9];
    assert_int_equal(f.n, 9);
    net_init(problem.net, &net_options);
    net_objective_get(&problem, w);
    assert_int_equal(newton_minimise(&f, w, 50, 1e-10, &found, NULL), 0);
    assert_true(found.gradient <= 1e-10 && found.steps < 20);
    return found;
}

static void newton_and_lbfgs_agree(void **state)
{
    (void)state;
    struct objective f = net_objective_of(&problem);
    struct minimum newton = reference(), lbfgs;
    double w[9];
    net_init(problem.net, &net_options);
    net_objective_get(&problem, w);
    lbfgs_minimise(&f, w, 500, 1e-7, &lbfgs); /* below, the value no longer changes */
    assert_true(lbfgs.gradient <= 1e-7);
    assert_true(fabs(lbfgs.value - newton.value) < 1e-12);
}

/* Full batches, a falling rate: every rule comes near the optimum and none goes below it. */
static void every_rule_comes_to_the_optimum_from_above(void **state)
{
    (void)state;
    static const double rates[] = {1, 0.1, 0.1, 0.1, 0.5, 0.05, 0.05};
    double best = reference().value;
    for (int rule = UPDATE_SGD; rule <= UPDATE_ADAM; rule++) {
        struct update_options options = {.rule = (enum update_rule)rule,
                                         .beta1 = 0.9,
                                         .beta2 = 0.999,
                                         .rho = 0.9,
                                         .eps = 1e-8,
                                         .bias_correction = true,
                                         .l2 = problem.l2};
        struct net *net = problem.net;
        struct optimizer optimizer;
        net_init(net, &net_options);
        optimizer_init(&optimizer, &options, net->param_count);
        for (int t = 0; t < 3000; t++) {
            struct pass pass = {.n = problem.samples};
            struct step step = {.lr = rates[rule] / (1 + 0.002 * t), .momentum = 0.9, .scale = 1};
            optimizer_look(&optimizer, net->params, step.momentum);
            net_loss(net, &pass, x, problem.labels, true);
            optimizer_step(&optimizer, net->params, net->grads, net->blocks, net->block_count, &step);
        }
        struct pass pass = {.n = problem.samples};
        double value = net_loss(net, &pass, x, problem.labels, false).loss + net_penalty(net, 0, problem.l2);
        if (!(value >= best - 1e-12 && value < best + 1e-4))
            fail_msg("rule %d: %.10g, optimum %.10g", rule, value, best);
        optimizer_fini(&optimizer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_newton_step_solves_a_quadratic),
        cmocka_unit_test(both_walk_down_the_valley),
        cmocka_unit_test(too_many_variables_are_refused),
        cmocka_unit_test(newton_and_lbfgs_agree),
        cmocka_unit_test(every_rule_comes_to_the_optimum_from_above),
    };
    return cmocka_run_group_tests(tests, make_problem, free_problem);
}
