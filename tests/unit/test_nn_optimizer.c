/* Update rules against trajectories computed by hand on f(x) = x^2 from x = 1, rate 0.1, and schedules
 * against their closed forms. In double: 1e-12 where the oracle is exact, 1e-9 where it is written with nine
 * digits. */
#define NN_DOUBLE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/nn/optimizer.h"
#include "worker/nn/schedule.h"

static const struct update_options plain = {
    .beta1 = 0.9, .beta2 = 0.999, .rho = 0.9, .eps = 1e-8, .bias_correction = true};
static const struct param_block one_weight = {.count = 1, .penalised = true};

static struct update_options rule(enum update_rule rule)
{
    struct update_options options = plain;
    options.rule = rule;
    return options;
}

/* Three steps on a x^2 / 2 from x = 1; a = 2 gives x^2. */
static void run(const struct update_options *options, const struct step *step, double a, double out[3])
{
    struct optimizer optimizer;
    double x = 1;
    optimizer_init(&optimizer, options, 1);
    for (int i = 0; i < 3; i++) {
        optimizer_look(&optimizer, &x, step->momentum);
        double gradient = a * x;
        optimizer_step(&optimizer, &x, &gradient, &one_weight, 1, step);
        out[i] = x;
    }
    optimizer_fini(&optimizer);
}

static void check_run(struct update_options options, const double expected[3], double tolerance)
{
    struct step step = {.lr = 0.1, .momentum = 0.9, .scale = 1};
    double x[3];
    run(&options, &step, 2, x);
    for (int i = 0; i < 3; i++)
        if (!(fabs(x[i] - expected[i]) <= tolerance))
            fail_msg("rule %d, step %d: expected %.12g, found %.12g", options.rule, i + 1, expected[i], x[i]);
}

static void rules_walk_as_computed_by_hand(void **state)
{
    (void)state;
    check_run(rule(UPDATE_SGD), (double[]){.8, .64, .512}, 1e-12);
    check_run(rule(UPDATE_MOMENTUM), (double[]){.8, .46, .062}, 1e-12);
    check_run(rule(UPDATE_NESTEROV), (double[]){.62, .2224, -.108352}, 1e-12);
    check_run(rule(UPDATE_NESTEROV_AHEAD), (double[]){.8, .496, .17792}, 1e-12);
    check_run(rule(UPDATE_ADAGRAD), (double[]){.9, .833103528, .780456182}, 1e-9);
}

/* At beta2 = 0.99 the first uncorrected step is lr by accident, which hides a missing correction: hence
 * 0.999. */
static void adam_with_and_without_correction(void **state)
{
    (void)state;
    struct update_options adam = rule(UPDATE_ADAM);
    check_run(adam, (double[]){.9, .800412229, .701586273}, 1e-9);
    adam.beta2 = 0.99;
    check_run(adam, (double[]){.9, .800388568, .701497169}, 1e-9);
    adam.beta2 = 0.999;
    adam.bias_correction = false;
    check_run(adam, (double[]){.683772284, .270206069, -.162141343}, 1e-9);
}

/* The same rules written down once more, in the slow and obvious way. */
static void rules_equal_their_formulas_to_1e12(void **state)
{
    (void)state;
    double x[3], m = 0, v = 0, w = 1;
    struct step step = {.lr = 0.1, .scale = 1};
    struct update_options options = rule(UPDATE_ADAM);
    run(&options, &step, 2, x);
    for (int t = 1; t <= 3; t++) {
        double g = 2 * w;
        m = .9 * m + .1 * g;
        v = .999 * v + .001 * g * g;
        w -= .1 * (m / (1 - pow(.9, t))) / (sqrt(v / (1 - pow(.999, t))) + 1e-8);
        assert_true(fabs(x[t - 1] - w) < 1e-12);
    }
    options = rule(UPDATE_RMSPROP);
    run(&options, &step, 2, x);
    w = 1;
    v = 0;
    for (int t = 1; t <= 3; t++) {
        double g = 2 * w;
        v = .9 * v + .1 * g * g;
        w -= .1 * g / (sqrt(v) + 1e-8);
        assert_true(fabs(x[t - 1] - w) < 1e-12);
    }
    options = rule(UPDATE_ADAGRAD);
    run(&options, &step, 2, x);
    w = 1;
    v = 0;
    for (int t = 1; t <= 3; t++) {
        v += 4 * w * w;
        w -= .1 * 2 * w / (sqrt(v) + 1e-8);
        assert_true(fabs(x[t - 1] - w) < 1e-12);
    }
}

/* A constant gradient: adagrad's step t is lr/sqrt(t), rmsprop's lr/sqrt(1 - rho^t). */
static void constant_gradients_show_the_rate(void **state)
{
    (void)state;
    for (int squares = 0; squares < 2; squares++) {
        struct update_options options = rule(squares ? UPDATE_RMSPROP : UPDATE_ADAGRAD);
        struct step step = {.lr = 0.1, .scale = 1};
        struct optimizer optimizer;
        double x = 0, before = 0;
        options.eps = 0;
        optimizer_init(&optimizer, &options, 1);
        for (int t = 1; t <= 50; t++, before = x) {
            double g = 3;
            optimizer_step(&optimizer, &x, &g, &one_weight, 1, &step);
            double expected = squares ? 0.1 / sqrt(1 - pow(0.9, t)) : 0.1 / sqrt(t);
            assert_true(fabs(before - x - expected) < 1e-12);
        }
        optimizer_fini(&optimizer);
    }
}

/* Stored-ahead weights are the plain weights plus mu v, at every step, on a quadratic in two dimensions. */
static void both_forms_of_nesterov_agree(void **state)
{
    (void)state;
    struct update_options stored = rule(UPDATE_NESTEROV), ahead = rule(UPDATE_NESTEROV_AHEAD);
    struct step step = {.lr = 0.05, .momentum = 0.95, .scale = 1};
    struct param_block block = {.count = 2, .penalised = true};
    struct optimizer a, b;
    double x[2] = {1, -2}, z[2] = {1, -2};
    stored.l2 = ahead.l2 = 0.1;
    optimizer_init(&a, &stored, 2);
    optimizer_init(&b, &ahead, 2);
    for (int t = 0; t < 100; t++) {
        double g[2] = {3 * x[0] + x[1], x[0] + 2 * x[1]};
        optimizer_step(&a, x, g, &block, 1, &step);
        optimizer_look(&b, z, step.momentum);
        double h[2] = {3 * z[0] + z[1], z[0] + 2 * z[1]};
        optimizer_step(&b, z, h, &block, 1, &step);
        for (int i = 0; i < 2; i++)
            assert_true(fabs(x[i] - (z[i] + step.momentum * b.first[i])) < 1e-12);
    }
    optimizer_fini(&a);
    optimizer_fini(&b);
}

static void sgd_diverges_beyond_2_over_a(void **state)
{
    (void)state;
    struct update_options options = rule(UPDATE_SGD);
    double x[3];
    for (double lr = 0.05; lr < 0.8; lr += 0.1) {
        struct step step = {.lr = lr, .scale = 1};
        run(&options, &step, 4, x);
        for (int i = 0; i < 3; i++)
            assert_true(fabs(x[i] - pow(1 - 4 * lr, i + 1)) < 1e-12);
        assert_int_equal(fabs(x[2]) > 1, lr > 2.0 / 4);
    }
}

static void penalties_and_clipping_shape_the_gradient(void **state)
{
    (void)state;
    struct update_options options = rule(UPDATE_SGD);
    struct param_block blocks[2] = {{.at = 0, .count = 2, .penalised = true}, {.at = 2, .count = 1}};
    struct step step = {.lr = 0.1, .scale = 0.5};
    struct optimizer optimizer;
    double w[3] = {2, -2, 2}, g[3] = {1, 1, 1};
    options.l2 = 0.3;
    options.l1 = 0.2;
    optimizer_init(&optimizer, &options, 3);
    optimizer_step(&optimizer, w, g, blocks, 2, &step);
    assert_true(fabs(w[0] - (2 - 0.1 * (0.5 + 0.6 + 0.2))) < 1e-12);
    assert_true(fabs(w[1] - (-2 - 0.1 * (0.5 - 0.6 - 0.2))) < 1e-12);
    assert_true(fabs(w[2] - (2 - 0.1 * 0.5)) < 1e-12);
    optimizer_fini(&optimizer);
    assert_true(fabs(gradient_norm((double[]){3, 4, 0, 12}, 4) - 13) < 1e-12);
}

/* AdamW: the decay is beside the step, not in its moments; Adam with l2 has it inside. */
static void adamw_decays_beside_adam(void **state)
{
    (void)state;
    struct update_options adam = rule(UPDATE_ADAM), adamw = rule(UPDATE_ADAMW);
    struct step step = {.lr = 0.1, .scale = 1};
    double bare[3], decoupled[3], inside[3];
    run(&adam, &step, 2, bare);
    adam.l2 = adamw.l2 = 0.5;
    run(&adamw, &step, 2, decoupled);
    run(&adam, &step, 2, inside);
    assert_true(fabs(decoupled[0] - (bare[0] - 0.1 * 0.5)) < 1e-12);
    assert_true(fabs(inside[0] - bare[0]) <
                1e-8); /* the first step of Adam has length lr whatever the gradient */
}

static double lr_at(struct schedule s, double t)
{
    struct plateau none = plateau_new();
    return schedule_lr(&s, &none, t, 0);
}

static void schedules_have_their_closed_forms(void **state)
{
    (void)state;
    struct schedule s = {.lr = 0.5, .decay = 0.1, .step = 20, .epochs = 100, .lr_min = 0.01};
    for (double t = 0; t < 100; t += 0.25) {
        s.law = SCHEDULE_CONST;
        assert_true(lr_at(s, t) == 0.5);
        s.law = SCHEDULE_STEP;
        assert_true(fabs(lr_at(s, t) - 0.5 * pow(0.1, (int)(t / 20))) < 1e-12);
        s.law = SCHEDULE_EXP;
        assert_true(fabs(lr_at(s, t) - 0.5 * exp(-0.1 * t)) < 1e-12);
        s.law = SCHEDULE_INV_T;
        assert_true(fabs(lr_at(s, t) - 0.5 / (1 + 0.1 * t)) < 1e-12);
        s.law = SCHEDULE_COSINE;
        assert_true(fabs(lr_at(s, t) - (0.01 + 0.49 * (1 + cos(M_PI * t / 100)) / 2)) < 1e-12);
    }
}

static void schedules_never_rise_after_the_warm_up(void **state)
{
    (void)state;
    struct plateau none = plateau_new();
    for (int law = SCHEDULE_CONST; law <= SCHEDULE_PLATEAU; law++) {
        struct schedule s = {.law = (enum schedule_law)law, .lr = 1, .decay = 0.3, .step = 7, .epochs = 50};
        s.warmup = 5;
        assert_true(fabs(schedule_lr(&s, &none, 0, 0.1) / (0.1 / 5) - 1) < 1e-12);
        double before = INFINITY;
        for (double t = 5; t <= 60; t += 0.1) {
            double lr = schedule_lr(&s, &none, t, 0.1);
            assert_true(lr <= before && lr >= 0);
            before = lr;
        }
    }
}

static void plateau_drops_after_patience(void **state)
{
    (void)state;
    static const double losses[] = {1, 0.9, 0.9, 0.95, 0.91, 0.8, 0.8, 0.8, 0.8};
    static const int drops[] = {0, 0, 0, 0, 1, 1, 1, 1, 2};
    struct schedule s = {.law = SCHEDULE_PLATEAU, .lr = 1, .decay = 0.5, .patience = 3};
    struct plateau plateau = plateau_new();
    for (int i = 0; i < 9; i++) {
        plateau_see(&plateau, &s, losses[i]);
        assert_int_equal(plateau.drops, drops[i]);
        assert_true(fabs(schedule_lr(&s, &plateau, i, 1) - pow(0.5, drops[i])) < 1e-12);
    }
}

static void momentum_ramps_over_the_whole_training(void **state)
{
    (void)state;
    struct schedule s = {.momentum_start = 0.5, .momentum = 0.99, .epochs = 10};
    assert_true(fabs(schedule_momentum(&s, 0) - 0.5) < 1e-12);
    assert_true(fabs(schedule_momentum(&s, 5) - 0.745) < 1e-12);
    assert_true(fabs(schedule_momentum(&s, 10) - 0.99) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_walk_as_computed_by_hand),
        cmocka_unit_test(adam_with_and_without_correction),
        cmocka_unit_test(rules_equal_their_formulas_to_1e12),
        cmocka_unit_test(constant_gradients_show_the_rate),
        cmocka_unit_test(both_forms_of_nesterov_agree),
        cmocka_unit_test(sgd_diverges_beyond_2_over_a),
        cmocka_unit_test(penalties_and_clipping_shape_the_gradient),
        cmocka_unit_test(adamw_decays_beside_adam),
        cmocka_unit_test(schedules_have_their_closed_forms),
        cmocka_unit_test(schedules_never_rise_after_the_warm_up),
        cmocka_unit_test(plateau_drops_after_patience),
        cmocka_unit_test(momentum_ramps_over_the_whole_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
