/* Extrapolation of learning curves: exact curves of each family are continued exactly, hopeless trainings stop, those
 * that cross do not, and noise stops few that would have won. */
#include "tests/unit/search.h"

#include "common/rng.h"
#include "master/search/extrapolate.h"
#include "master/search/sampler_row.h"

enum { FULL = 50 };

static double chance_at(const double *y, int n, double bar)
{
    struct rng rng = rng_at(7, 1, (uint32_t)n, STREAM_CURVE);
    return curve_chance((struct curve){y, n}, FULL, bar, false, &rng);
}

/* 0: power, 1: logarithm, 2: exponential. */
static double family(int which, double c, double a, double rate, double t)
{
    return which == 0 ? c - a * pow(t, -rate) : which == 1 ? c - a / log(t + 1) : c - a * exp(-rate * t);
}

/* From ten epochs of an exact curve its end is known to 2 % of what is still to come and more. */
static void exact_curves_are_continued(void **state)
{
    (void)state;
    static const double rates[] = {0.5, 1, 0.12};
    double y[FULL];
    for (int which = 0; which < 3; which++) {
        for (int t = 1; t <= FULL; t++)
            y[t - 1] = family(which, 0.9, 0.6, rates[which], t);
        double end = y[FULL - 1], rest = end - y[9];
        assert_true(chance_at(y, 10, end - 0.1 * rest) > 0.9);
        assert_true(chance_at(y, 10, end + 0.1 * rest) < 0.1);
    }
}

/* Slow and sure overtakes: at epoch 6 it is behind the other at every epoch, and yet it will win. */
static void a_curve_that_will_cross_is_let_run(void **state)
{
    (void)state;
    double slow[FULL], fast[FULL];
    for (int t = 1; t <= FULL; t++) {
        slow[t - 1] = family(2, 0.95, 0.9, 0.06, t);
        fast[t - 1] = family(2, 0.80, 0.5, 0.50, t);
    }
    struct finished finished = {0};
    finished_add(&finished, 1, 1, (struct curve){fast, FULL});
    struct prune_def def = {.method = PRUNE_CURVE, .chance = 0.05, .grace_epochs = 4, .grace_trials = 1};
    assert_true(slow[FULL - 1] > fast[FULL - 1]);
    for (int n = 4; n < FULL; n++) {
        struct rng rng = rng_at(7, 1, (uint32_t)n, STREAM_CURVE);
        if (n < 30)
            assert_true(slow[n - 1] < fast[n - 1] || n >= 28);
        assert_false(curve_stops(&def, &finished, (struct curve){slow, n}, FULL, false, &rng));
    }
    finished_fini(&finished);
}

static void a_hopeless_one_stops(void **state)
{
    (void)state;
    double poor[FULL], good[FULL];
    for (int t = 1; t <= FULL; t++) {
        poor[t - 1] = family(2, 0.55, 0.4, 0.4, t);
        good[t - 1] = family(2, 0.90, 0.6, 0.2, t);
    }
    struct finished finished = {0};
    finished_add(&finished, 1, 1, (struct curve){good, FULL});
    struct prune_def def = {.method = PRUNE_CURVE, .chance = 0.05, .grace_epochs = 4, .grace_trials = 1};
    int stopped = 0;
    for (int n = 1; n < FULL && !stopped; n++) {
        struct rng rng = rng_at(7, 1, (uint32_t)n, STREAM_CURVE);
        stopped = curve_stops(&def, &finished, (struct curve){poor, n}, FULL, false, &rng) ? n : 0;
    }
    assert_in_range(stopped, 4, 8);
    def.grace_trials = 2; /* nobody to compare with yet */
    struct rng rng = rng_at(7, 1, 20, STREAM_CURVE);
    assert_false(curve_stops(&def, &finished, (struct curve){poor, 20}, FULL, false, &rng));
    finished_fini(&finished);
}

/* 300 trainings with noise of 0.01 beside a best of 0.85: whoever would beat it by 0.02 or more is stopped in at most 5 %
 * of the cases over its whole life, and what is behind by 0.1 is stopped before half of its epochs in at least 90 %. */
static void noise_stops_few_that_would_have_won(void **state)
{
    (void)state;
    enum { RUNS = 300 };
    static const double bar = 0.85;
    int winners = 0, lost = 0, losers = 0, early = 0;
    struct prune_def def = {.method = PRUNE_CURVE, .chance = 0.05, .grace_epochs = 4, .grace_trials = 1};
    double best[FULL];
    for (int t = 0; t < FULL; t++)
        best[t] = bar;
    struct finished finished = {0};
    finished_add(&finished, 1, 1, (struct curve){best, FULL});
    for (uint32_t run = 0; run < RUNS; run++) {
        struct rng rng = rng_at(11, run, 0, 0);
        double c = 0.6 + 0.35 * rng_unit(&rng), a = 0.3 + 0.4 * rng_unit(&rng), y[FULL];
        int which = (int)rng_below(&rng, 3), stopped = 0;
        double rate = which == 0 ? 0.5 + rng_unit(&rng) : 0.08 + 0.4 * rng_unit(&rng);
        double end = family(which, c, a, rate, FULL);
        for (int t = 1; t <= FULL; t++)
            y[t - 1] = family(which, c, a, rate, t) + 0.01 * rng_normal(&rng);
        for (int n = 4; n < FULL && !stopped; n++) {
            struct rng draws = rng_at(3, run, (uint32_t)n, STREAM_CURVE);
            stopped = curve_stops(&def, &finished, (struct curve){y, n}, FULL, false, &draws) ? n : 0;
        }
        winners += end > bar + 0.02;
        lost += end > bar + 0.02 && stopped;
        losers += end < bar - 0.1;
        early += end < bar - 0.1 && stopped && stopped <= FULL / 2;
    }
    print_message("%d of %d winners stopped, %d of %d losers by half time\n", lost, winners, early, losers);
    assert_true(winners >= 30 && losers >= 60);
    assert_true(lost <= 0.05 * winners);
    assert_true(early >= 0.9 * losers);
    finished_fini(&finished);
}

static void the_same_curve_and_numbers_give_the_same_answer(void **state)
{
    (void)state;
    double y[12];
    for (int t = 1; t <= 12; t++)
        y[t - 1] = family(0, 0.9, 0.6, 0.7, t) + 0.01 * sin(5.0 * t);
    double first = chance_at(y, 12, 0.86);
    assert_true(first > 0 && first < 1);
    assert_true(first == chance_at(y, 12, 0.86));
    y[5] = NAN;
    assert_true(chance_at(y, 12, 0.86) == 1); /* no curve: let it run */
    assert_true(chance_at(y, 3, 0.86) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_curves_are_continued),
        cmocka_unit_test(a_curve_that_will_cross_is_let_run),
        cmocka_unit_test(a_hopeless_one_stops),
        cmocka_unit_test(noise_stops_few_that_would_have_won),
        cmocka_unit_test(the_same_curve_and_numbers_give_the_same_answer),
    };
    return cmocka_run_group_tests_name("extrapolate", tests, NULL, NULL);
}
