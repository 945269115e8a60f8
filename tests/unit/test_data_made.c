/* Spiral and glyphs: the same samples for ever, balanced, and neither trivial nor hopeless. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/nn/data.h"

static struct data_split made(const char *spec, uint64_t seed)
{
    struct data_options options = {.spec = spec, .seed = seed};
    struct data_split split;
    struct err err = ERR_NONE;
    if (data_load(&options, &split, &err))
        fail_msg("%s: %s", spec, err.text);
    return split;
}

static bool same_samples(const struct dataset *a, const struct dataset *b)
{
    size_t values = (size_t)a->n * (size_t)dataset_width(a);
    return a->n == b->n && dataset_width(a) == dataset_width(b) &&
           !memcmp(a->x, b->x, values * sizeof *a->x) && !memcmp(a->y, b->y, (size_t)a->n * sizeof *a->y);
}

static void same_spec_same_samples(void **state)
{
    (void)state;
    static const char *const specs[] = {"spiral:n=300", "glyphs:n=300"};
    static const char *const others[] = {"spiral:n=300,seed=2", "glyphs:n=300,seed=2"};
    for (int i = 0; i < 2; i++) {
        struct data_split a = made(specs[i], 1), b = made(specs[i], 1), c = made(others[i], 1);
        assert_true(same_samples(&a.train, &b.train));
        assert_true(same_samples(&a.val, &b.val));
        assert_true(same_samples(&a.test, &b.test));
        assert_false(same_samples(&a.train, &c.train));
        assert_false(same_samples(&a.test, &c.test));
        data_split_fini(&a);
        data_split_fini(&b);
        data_split_fini(&c);
    }
}

/* Another split seed moves samples between the parts and makes no others. */
static void split_seed_makes_no_samples(void **state)
{
    (void)state;
    struct data_split a = made("glyphs:n=200", 1), b = made("glyphs:n=200", 2);
    assert_false(same_samples(&a.val, &b.val));
    assert_true(same_samples(&a.test, &b.test));
    double sum_a = 0, sum_b = 0;
    for (int i = 0; i < 180 * 256; i++) {
        sum_a += a.train.x[i];
        sum_b += b.train.x[i];
    }
    for (int i = 0; i < 20 * 256; i++) {
        sum_a += a.val.x[i];
        sum_b += b.val.x[i];
    }
    assert_float_equal(sum_a, sum_b, 1e-3);
    data_split_fini(&a);
    data_split_fini(&b);
}

static void shapes_and_balance(void **state)
{
    (void)state;
    struct data_split s = made("glyphs:n=1000,size=20", 1);
    assert_int_equal(s.train.n + s.val.n, 1000);
    assert_int_equal(s.test.n, 200);
    assert_int_equal(s.train.channels, 1);
    assert_int_equal(s.train.height, 20);
    assert_int_equal(s.train.width, 20);
    int count[10] = {0};
    for (int i = 0; i < s.test.n; i++)
        count[s.test.y[i]]++;
    for (int c = 0; c < 10; c++)
        assert_int_equal(count[c], 20);
    for (int i = 0; i < 200 * 400; i++)
        assert_true(s.test.x[i] >= 0 && s.test.x[i] <= 1);
    data_split_fini(&s);
    s = made("spiral:arms=5,n=500", 1);
    assert_int_equal(s.train.classes, 5);
    assert_int_equal(s.train.channels, 2);
    assert_int_equal(s.test.n, 100);
    data_split_fini(&s);
}

/* Without noise every point sits on its arm. */
static void spiral_is_what_it_says(void **state)
{
    (void)state;
    struct data_split s = made("spiral:arms=4,n=400,noise=0,turns=1.5", 1);
    for (int i = 0; i < s.train.n; i++) {
        double x = s.train.x[2 * i], y = s.train.x[2 * i + 1], radius = hypot(x, y);
        double turns = atan2(y, x) / (2 * M_PI) - 1.5 * radius - s.train.y[i] / 4.0;
        assert_true(radius > 0 && radius <= 1);
        assert_float_equal(turns - round(turns), 0, 1e-5);
    }
    data_split_fini(&s);
}

/* Share of `set` that is nearest to its own class's mean of `train`: what the simplest model gets. */
static double nearest_mean(const struct dataset *train, const struct dataset *set)
{
    int width = dataset_width(train), right = 0;
    double *mean = calloc((size_t)(10 * width), sizeof *mean);
    int count[10] = {0};
    for (int i = 0; i < train->n; i++) {
        count[train->y[i]]++;
        for (int f = 0; f < width; f++)
            mean[train->y[i] * width + f] += train->x[i * width + f];
    }
    for (int i = 0; i < set->n; i++) {
        double best = INFINITY;
        int guess = 0;
        for (int c = 0; c < train->classes; c++) {
            double away = 0;
            for (int f = 0; f < width; f++)
                away += pow(mean[c * width + f] / count[c] - set->x[i * width + f], 2);
            if (away < best) {
                best = away;
                guess = c;
            }
        }
        right += guess == set->y[i];
    }
    free(mean);
    return (double)right / set->n;
}

static double nearest_neighbour(const struct dataset *train, const struct dataset *set)
{
    int width = dataset_width(train), right = 0;
    for (int i = 0; i < set->n; i++) {
        float best = INFINITY;
        int guess = 0;
        for (int t = 0; t < train->n; t++) {
            float away = 0;
            for (int f = 0; f < width; f++) {
                float d = train->x[t * width + f] - set->x[i * width + f];
                away += d * d;
            }
            if (away < best) {
                best = away;
                guess = train->y[t];
            }
        }
        right += guess == set->y[i];
    }
    return (double)right / set->n;
}

static void glyphs_are_hard_but_learnable(void **state)
{
    (void)state;
    struct data_split s = made("glyphs:n=2500", 1);
    double mean = nearest_mean(&s.train, &s.val), neighbour = nearest_neighbour(&s.train, &s.val);
    assert_true(mean > 0.4 && mean < 0.85);
    assert_true(neighbour > 0.6 && neighbour < 0.93);
    data_split_fini(&s);
    struct data_split easy = made("glyphs:n=2500,strength=0,noise=0", 1);
    assert_true(nearest_mean(&easy.train, &easy.val) > 0.99);
    data_split_fini(&easy);
}

static void spiral_defeats_the_simplest_model(void **state)
{
    (void)state;
    struct data_split s = made("spiral", 1);
    assert_true(nearest_mean(&s.train, &s.val) < 0.55);
    assert_true(nearest_neighbour(&s.train, &s.val) > 0.95);
    data_split_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_spec_same_samples),
        cmocka_unit_test(split_seed_makes_no_samples),
        cmocka_unit_test(shapes_and_balance),
        cmocka_unit_test(spiral_is_what_it_says),
        cmocka_unit_test(glyphs_are_hard_but_learnable),
        cmocka_unit_test(spiral_defeats_the_simplest_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
