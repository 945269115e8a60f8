/* Extra-trees: what they learn, where they are unsure, and that a seed is a forest. */
#include <float.h>

#include "master/search/extra_trees.h"
#include "tests/unit/search.h"

enum { ROWS = 200, COLUMNS = 3 };

struct data {
    double x[ROWS * COLUMNS], y[ROWS];
};

/* Two lines, of which the second says nothing, and a choice of four, of which one is a step of its own. */
static double truth(const double *x)
{
    return (x[0] < 0.4 ? 1 : 3) + (x[2] == 2 ? 5 : 0);
}

static void fill(struct data *data)
{
    struct rng rng = rng_at(4, 0, 0, 0);
    for (int i = 0; i < ROWS; i++) {
        double *x = data->x + (long)i * COLUMNS;
        x[0] = rng_unit(&rng);
        x[1] = rng_unit(&rng);
        x[2] = rng_below(&rng, 4);
        data->y[i] = truth(x);
    }
}

static void plant(struct extra_trees *trees, const struct data *data, int rows, uint64_t seed)
{
    struct rng rng = rng_at(seed, 0, 0, 0);
    *trees = (struct extra_trees){.dims = COLUMNS, .lines = 2};
    extra_trees_grow(trees, data->x, data->y, rows, &rng);
}

static void learns_steps_and_choices(void **state)
{
    (void)state;
    struct data data;
    struct extra_trees trees;
    double mean, variance;
    fill(&data);
    plant(&trees, &data, ROWS, 1);
    for (double a = 0.05; a < 1; a += 0.1)
        for (int c = 0; c < 4; c++) {
            double x[COLUMNS] = {a, 0.5, c};
            extra_trees_at(&trees, x, &mean, &variance);
            assert_true(fabs(mean - truth(x)) < (fabs(a - 0.4) < 0.06 ? 1.5 : 0.25));
        }
    for (int i = 0; i < ROWS; i++) { /* leaves of two rows at most that differ */
        extra_trees_at(&trees, data.x + (long)i * COLUMNS, &mean, &variance);
        assert_true(fabs(mean - data.y[i]) < 1);
    }
    extra_trees_fini(&trees);
}

/* Between two groups of points that lie apart the trees cut where they like. */
static void unsure_between_what_it_knows(void **state)
{
    (void)state;
    struct data data = {0};
    struct extra_trees trees;
    double mean, at_known, between;
    for (int i = 0; i < 20; i++) {
        data.x[(long)i * COLUMNS] = i < 10 ? 0.1 : 0.9;
        data.y[i] = i < 10 ? 0 : 1;
    }
    plant(&trees, &data, 20, 1);
    extra_trees_at(&trees, (double[]){0.1, 0, 0}, &mean, &at_known);
    assert_true(mean == 0 && at_known == 0);
    extra_trees_at(&trees, (double[]){0.5, 0, 0}, &mean, &between);
    assert_true(mean > 0.2 && mean < 0.8 && between > 0.15);
    extra_trees_fini(&trees);
}

static void a_seed_is_a_forest(void **state)
{
    (void)state;
    struct data data;
    struct extra_trees one, same, other;
    double a, b, c, variance, differs = 0;
    fill(&data);
    plant(&one, &data, ROWS, 1);
    plant(&same, &data, ROWS, 1);
    plant(&other, &data, ROWS, 2);
    for (double x0 = 0; x0 < 1; x0 += 0.02) {
        double x[COLUMNS] = {x0, 0.3, 1};
        extra_trees_at(&one, x, &a, &variance);
        extra_trees_at(&same, x, &b, &variance);
        extra_trees_at(&other, x, &c, &variance);
        assert_true(a == b);
        differs += fabs(a - c);
    }
    assert_true(differs > 0);
    extra_trees_fini(&one);
    extra_trees_fini(&same);
    extra_trees_fini(&other);
}

/* One row, rows that are all one point, equal scores, neighbours with no number between them. */
static void nothing_to_split(void **state)
{
    (void)state;
    struct data data = {0};
    struct extra_trees trees;
    double mean, variance;
    for (int i = 0; i < ROWS; i++)
        data.y[i] = i % 2;
    for (int rows = 1; rows <= ROWS; rows += ROWS - 1) {
        plant(&trees, &data, rows, 1);
        extra_trees_at(&trees, (double[]){0.7, 0.7, 3}, &mean, &variance);
        assert_true(fabs(mean - (rows == 1 ? 0 : 0.5)) < 1e-12 && variance < 1e-12);
        assert_int_equal(trees.count, EXTRA_TREES);
        extra_trees_fini(&trees);
    }
    for (int i = 0; i < ROWS; i++)
        data.x[(long)i * COLUMNS] = i % 2 ? 1 : 1 + DBL_EPSILON;
    plant(&trees, &data, ROWS, 1);
    extra_trees_at(&trees, (double[]){1, 0, 0}, &mean, &variance);
    assert_true(mean > 0.4 && mean <= 1);
    extra_trees_fini(&trees);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_steps_and_choices),
        cmocka_unit_test(unsure_between_what_it_knows),
        cmocka_unit_test(a_seed_is_a_forest),
        cmocka_unit_test(nothing_to_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
