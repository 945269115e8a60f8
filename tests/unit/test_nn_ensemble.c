/* Ensembles of predictions: mean, vote, and the greedy choice that never loses to the best single model. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/rng.h"
#include "worker/nn/ensemble.h"

enum { MODELS = 12, SAMPLES = 400, CLASSES = 4 };

static float predictions[MODELS][SAMPLES * CLASSES];
static const float *rows[MODELS];
static int32_t labels[SAMPLES];
static const struct library library = {rows, labels, MODELS, SAMPLES, CLASSES};

/* Model m sees the label through noise of its own; later models see it worse, the last two only noise. */
static void make_library(uint64_t seed)
{
    struct rng rng = rng_at(seed, 0, 0, 0);
    for (int i = 0; i < SAMPLES; i++)
        labels[i] = (int32_t)rng_below(&rng, CLASSES);
    for (int m = 0; m < MODELS; m++) {
        double signal = m < MODELS - 2 ? 1.4 - 0.05 * m : 0;
        rows[m] = predictions[m];
        for (int i = 0; i < SAMPLES; i++) {
            double p[CLASSES], sum = 0;
            for (int k = 0; k < CLASSES; k++)
                sum += p[k] = exp((k == labels[i] ? signal : 0) + rng_normal(&rng));
            for (int k = 0; k < CLASSES; k++)
                predictions[m][i * CLASSES + k] = (float)(p[k] / sum);
        }
    }
}

static struct ensemble_score of(const int *counts)
{
    static float mean[SAMPLES * CLASSES];
    ensemble_mean(&library, counts, mean);
    return ensemble_score(&library, mean);
}

static void a_mean_is_a_mean(void **state)
{
    (void)state;
    static float mean[SAMPLES * CLASSES];
    int counts[MODELS] = {2, 0, 1};
    make_library(1);
    ensemble_mean(&library, counts, mean);
    for (int i = 0; i < SAMPLES * CLASSES; i++)
        assert_true(fabs(mean[i] - (2 * (double)predictions[0][i] + (double)predictions[2][i]) / 3) < 1e-6);
}

static void one_member_is_itself(void **state)
{
    (void)state;
    make_library(1);
    for (int m = 0; m < MODELS; m++) {
        int counts[MODELS] = {0};
        counts[m] = 3;
        struct ensemble_score alone = ensemble_score(&library, predictions[m]), mean = of(counts);
        assert_true(alone.acc == mean.acc && fabs(alone.loss - mean.loss) < 1e-6);
    }
}

static void a_vote_counts_answers(void **state)
{
    (void)state;
    static const float p[3][4] = {
        {0.6f, 0.4f, 0.1f, 0.9f}, {0.3f, 0.7f, 0.2f, 0.8f}, {0.9f, 0.1f, 0.6f, 0.4f}};
    const float *const list[3] = {p[0], p[1], p[2]};
    int32_t y[2] = {0, 1};
    struct library three = {list, y, 3, 2, 2};
    int counts[3] = {1, 1, 1};
    float votes[4];
    ensemble_vote(&three, counts, votes);
    assert_true(fabsf(votes[0] - 2.0f / 3) < 1e-6f && fabsf(votes[3] - 2.0f / 3) < 1e-6f);
    counts[1] = 3;
    ensemble_vote(&three, counts, votes);
    assert_true(fabsf(votes[1] - 0.6f) < 1e-6f);
}

static void more_models_are_better_than_one(void **state)
{
    (void)state;
    int one[MODELS] = {1}, ten[MODELS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    make_library(2);
    assert_true(of(ten).acc > of(one).acc + 0.05);
}

static void greedy_never_loses_to_the_best_single_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        for (int bags = 0; bags <= 4; bags += 4) {
            struct greedy_options options = {.start = 5, .rounds = 15, .bags = bags, .seed = seed};
            int counts[MODELS], total = 0;
            make_library(seed);
            struct ensemble_score found = ensemble_greedy(&library, &options, counts), again = of(counts);
            assert_true(found.acc == again.acc);
            for (int m = 0; m < MODELS; m++) {
                assert_true(found.loss <= ensemble_score(&library, predictions[m]).loss);
                assert_true(found.acc >
                            ensemble_score(&library, predictions[m]).acc); /* so much noise is its own */
                total += counts[m];
            }
            assert_true(total > 1);
            assert_true(counts[MODELS - 1] + counts[MODELS - 2] <= total / 4); /* noise is not chosen */
        }
}

static void a_perfect_model_is_left_alone(void **state)
{
    (void)state;
    struct greedy_options options = {.start = 5, .rounds = 10};
    int counts[MODELS];
    make_library(3);
    for (int i = 0; i < SAMPLES * CLASSES; i++)
        predictions[4][i] = i % CLASSES == labels[i / CLASSES] ? 1 : 0;
    struct ensemble_score found = ensemble_greedy(&library, &options, counts);
    assert_true(found.acc == 1 && found.loss < 1e-9);
    for (int m = 0; m < MODELS; m++)
        assert_int_equal(counts[m] > 0, m == 4);
}

static void the_order_of_the_library_does_not_matter(void **state)
{
    (void)state;
    struct greedy_options options = {.start = 5, .rounds = 20};
    int forward[MODELS], backward[MODELS];
    make_library(4);
    struct ensemble_score a = ensemble_greedy(&library, &options, forward);
    for (int m = 0; m < MODELS; m++)
        rows[m] = predictions[MODELS - 1 - m];
    struct ensemble_score b = ensemble_greedy(&library, &options, backward);
    assert_true(a.acc == b.acc);
    for (int m = 0; m < MODELS; m++)
        assert_int_equal(forward[m], backward[MODELS - 1 - m]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mean_is_a_mean),
        cmocka_unit_test(one_member_is_itself),
        cmocka_unit_test(a_vote_counts_answers),
        cmocka_unit_test(more_models_are_better_than_one),
        cmocka_unit_test(greedy_never_loses_to_the_best_single_model),
        cmocka_unit_test(a_perfect_model_is_left_alone),
        cmocka_unit_test(the_order_of_the_library_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
