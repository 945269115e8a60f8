/* The babysitter's rules: for each one a training that sets it off and one that does not, and the golden curves. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/nn/babysit.h"

static struct babysit babysit;
static unsigned found;      /* bit per rule, of the whole training */
static struct finding last; /* the last finding of all */

static void begin(void)
{
    babysit_fini(&babysit);
    babysit_init(&babysit, log(10), 10, 1000);
    found = 0;
}

static int end(void **state)
{
    (void)state;
    babysit_fini(&babysit);
    return 0;
}

static struct babysit_facts facts(double train_loss, double train_acc, double val_loss, double val_acc)
{
    return (struct babysit_facts){.epoch = (int)babysit.count + 1,
                                  .train_loss = train_loss,
                                  .train_acc = train_acc,
                                  .val_loss = val_loss,
                                  .val_acc = val_acc,
                                  .peak = train_loss,
                                  .noise = 0.1};
}

/* Which rules spoke in this epoch. */
static unsigned see(struct babysit_facts f)
{
    struct finding out[BABYSIT_RULES];
    int count = babysit_see(&babysit, &f, out);
    unsigned now = 0;
    for (int i = 0; i < count; i++) {
        assert_int_equal(out[i].epoch, f.epoch);
        assert_true(*out[i].text && *out[i].advice);
        now |= 1u << out[i].rule;
        last = out[i];
    }
    found |= now;
    return now;
}

static unsigned see_layer(double loss, struct babysit_layer layer)
{
    struct babysit_facts f = facts(loss, 0.5, loss, 0.5);
    f.layers[0] = f.layers[1] = layer;
    f.layer_count = 2;
    return see(f);
}

static struct babysit_layer sane(void)
{
    return (struct babysit_layer){
        .update_ratio = 1e-3, .gradient = 0.1, .dead = NAN, .saturated = NAN, .deviation = 0.5};
}

#define ONLY(rule) (1u << (rule))

static void a_good_training_is_left_in_peace(void **state)
{
    (void)state;
    begin();
    for (int i = 1; i <= 40; i++) {
        double loss = 2.2 * exp(-0.2 * i) + 0.3, acc = 0.9 - 0.7 * exp(-0.2 * i) + 0.001 * i;
        struct babysit_facts f = facts(loss, acc + 0.012, loss + 0.02, acc);
        f.layers[0] = sane();
        f.layer_count = 1;
        see(f);
    }
    assert_int_equal(found, 0);
}

static void golden_too_low(void **state)
{
    (void)state;
    begin();
    assert_int_equal(see(facts(2.302576, 0.08, 2.3026, 0.103)), 0);
    assert_int_equal(see(facts(2.302582, 0.12, 2.3026, 0.124)), ONLY(2));
    assert_non_null(strstr(last.advice, "too low"));
    for (int i = 3; i <= 10; i++)
        assert_int_equal(see(facts(2.302576 - 1e-5 * i, 0.1 + 0.01 * i, 2.3025, 0.11 + 0.008 * i)), 0);
}

static void golden_diverged_at_once(void **state)
{
    (void)state;
    begin();
    assert_int_equal(see(facts(NAN, 0.09, NAN, 0.087)), ONLY(0));
    assert_int_equal(last.action, FINDING_STOP);
}

static void golden_diverged_later(void **state)
{
    (void)state;
    static const double losses[] = {2.186654, 2.176230, 1.942257, 1.827868};
    begin();
    for (int i = 0; i < 4; i++)
        assert_int_equal(see(facts(losses[i], 0.3, losses[i], 0.3)), 0);
    assert_int_equal(see(facts(INFINITY, 0.3, NAN, 0.3)), ONLY(0));
}

static void d1_rising_losses(void **state)
{
    (void)state;
    begin();
    struct babysit_facts f = facts(2.5, 0.2, 2.5, 0.2);
    f.peak = 7.2;
    assert_true(see(f) & ONLY(1));
    begin();
    for (int i = 0; i < 3; i++)
        assert_false(see(facts(2.4 + 0.1 * i, 0.2, 2.4, 0.2)) & ONLY(1));
    assert_true(see(facts(2.7, 0.2, 2.4, 0.2)) & ONLY(1));
    begin();
    for (int i = 0; i < 8; i++)
        see(facts(1.0 + 0.05 * i, 0.6, 1.0, 0.6)); /* rises, but below chance */
    assert_false(found & ONLY(1));
}

static void d2_not_learning_at_all(void **state)
{
    (void)state;
    begin();
    see(facts(2.3026, 0.1, 2.3026, 0.1));
    assert_int_equal(see(facts(2.3026, 0.1, 2.3026, 0.1)), ONLY(2));
    assert_non_null(strstr(last.advice, "dead"));
    begin();
    see(facts(2.3, 0.1, 2.3, 0.1));
    assert_int_equal(see(facts(2.2, 0.2, 2.2, 0.2)), 0);
}

static void d3_d4_updates(void **state)
{
    (void)state;
    struct babysit_layer layer = sane();
    begin();
    layer.update_ratio = 2e-2;
    assert_int_equal(see_layer(1.5, layer), ONLY(3));
    assert_int_equal(see_layer(1.4, layer), 0); /* said once */
    begin();
    layer.update_ratio = 5e-5;
    assert_int_equal(see_layer(1.5, layer), 0);
    assert_int_equal(see_layer(1.45, layer), 0); /* it still learns */
    assert_int_equal(see_layer(1.449, layer), ONLY(4));
}

static void d5_overfitting(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 8; i++)
        see(facts(1 - 0.1 * i, 0.8 + 0.02 * i, 0.9, i < 3 ? 0.7 + 0.01 * i : 0.71));
    assert_true(found & ONLY(5));
    begin();
    for (int i = 0; i < 8; i++)
        see(facts(1 - 0.1 * i, 0.8 + 0.02 * i, 0.9 - 0.05 * i,
                  0.7 + 0.01 * i)); /* a gap, but validation gains */
    assert_false(found & ONLY(5));
}

static void d6_underfitting(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 10; i++)
        assert_false(see(facts(1.2, 0.6, 1.2, 0.6)) & ONLY(6));
    assert_true(see(facts(1.2, 0.6, 1.2, 0.6)) & ONLY(6));
    begin();
    for (int i = 0; i < 20; i++)
        see(facts(0.001, 1, 0.001, 1)); /* nothing is left to learn */
    assert_false(found & ONLY(6));
}

static void d7_noise(void **state)
{
    (void)state;
    begin();
    struct babysit_facts f = facts(1.5, 0.5, 1.5, 0.5);
    f.noise = 0.35;
    assert_int_equal(see(f), ONLY(7));
    begin();
    f.train_loss = 0.05;
    assert_int_equal(see(f), 0);
}

static void d8_dead_units(void **state)
{
    (void)state;
    struct babysit_layer layer = sane();
    begin();
    layer.dead = 0.3;
    assert_int_equal(see_layer(1.5, layer), 0);
    layer.dead = 0.5;
    assert_int_equal(see_layer(1.4, layer), ONLY(8));
    assert_int_equal(last.action, FINDING_WARN);
    begin();
    layer.dead = 0.95;
    assert_int_equal(see_layer(1.4, layer), ONLY(8));
    assert_int_equal(last.action, FINDING_STOP); /* both layers */
}

static void d9_saturation(void **state)
{
    (void)state;
    struct babysit_layer layer = sane();
    begin();
    layer.saturated = 0.4;
    assert_int_equal(see_layer(1.5, layer), 0);
    layer.saturated = 0.6;
    assert_int_equal(see_layer(1.4, layer), ONLY(9));
    begin();
    layer.saturated = 0;
    layer.deviation = 0.01;
    assert_int_equal(see_layer(1.5, layer), ONLY(9));
    assert_non_null(strstr(last.text, "collapsed"));
}

static void d10_gradients(void **state)
{
    (void)state;
    for (int explodes = 0; explodes < 2; explodes++) {
        struct babysit_facts f = facts(1.5, 0.5, 1.5, 0.5);
        begin();
        f.layers[0] = f.layers[1] = sane();
        f.layer_count = 2;
        f.epoch = 1;
        f.layers[explodes].gradient = 2e-4;
        assert_int_equal(see(f), 0); /* 500 to 1 */
        f.layers[explodes].gradient = 5e-5;
        assert_int_equal(see(f), ONLY(10));
        assert_non_null(strstr(last.text, explodes ? "explodes" : "vanishes"));
    }
}

static void d11_overconfidence(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 6; i++)
        see(facts(0.5 - 0.02 * i, 0.85, 0.6 + 0.02 * i, 0.84));
    assert_true(found & ONLY(11));
    begin();
    for (int i = 0; i < 6; i++)
        see(facts(0.5 - 0.02 * i, 0.85, 0.6 + 0.02 * i, 0.84 - 0.01 * i)); /* accuracy falls with it */
    assert_false(found & ONLY(11));
}

static void batch_losses_become_peak_and_noise(void **state)
{
    (void)state;
    double losses[100], peak, noise;
    for (int i = 0; i < 100; i++)
        losses[i] = 2 - 0.01 * i; /* a trend is no noise */
    batch_curve(losses, 100, &peak, &noise);
    assert_true(fabs(peak - 1.905) < 1e-12 && noise < 1e-12);
    for (int i = 0; i < 100; i++)
        losses[i] = 1 + (i % 2 ? 0.5 : -0.5);
    batch_curve(losses, 100, &peak, &noise);
    assert_true(fabs(peak - 1) < 1e-12 && fabs(noise - 0.5) < 0.01);
    batch_curve(losses, 1, &peak, &noise);
    assert_true(isnan(peak) && isnan(noise));
    batch_curve(losses, 5, &peak, &noise);
    assert_true(isfinite(peak) && isnan(noise));
    losses[50] = NAN;
    batch_curve(losses, 100, &peak, &noise);
    assert_true(isnan(peak));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_training_is_left_in_peace),
        cmocka_unit_test(golden_too_low),
        cmocka_unit_test(golden_diverged_at_once),
        cmocka_unit_test(golden_diverged_later),
        cmocka_unit_test(d1_rising_losses),
        cmocka_unit_test(d2_not_learning_at_all),
        cmocka_unit_test(d3_d4_updates),
        cmocka_unit_test(d5_overfitting),
        cmocka_unit_test(d6_underfitting),
        cmocka_unit_test(d7_noise),
        cmocka_unit_test(d8_dead_units),
        cmocka_unit_test(d9_saturation),
        cmocka_unit_test(d10_gradients),
        cmocka_unit_test(d11_overconfidence),
        cmocka_unit_test(batch_losses_become_peak_and_noise),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
