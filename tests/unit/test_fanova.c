/* fANOVA: the marginals of a tree by hand, the shares of functions whose variance is known in closed form (Sobol's
 * indices), pairs that only matter together, and intervals that hold the truth. */
#include "tests/unit/search.h"

#include "common/rng.h"
#include "master/search/fanova.h"
#include "master/search/forest.h"

enum { ROWS = 1000, MOST = 6, SHARES = MOST + MOST * (MOST - 1) / 2 };

typedef double function(const double *x);

static void judge(function *f, int columns, int rows, struct fanova_share out[SHARES])
{
    double *x = xcalloc((size_t)(rows * columns), sizeof *x), *y = xcalloc((size_t)rows, sizeof *y);
    struct rng rng = rng_at(5, 0, 0, 0);
    for (int i = 0; i < rows; i++) {
        for (int k = 0; k < columns; k++)
            x[i * columns + k] = rng_unit(&rng);
        y[i] = f(&x[i * columns]);
    }
    memset(out, 0, SHARES * sizeof *out);
    struct samples samples;
    samples_init(&samples, x, y, rows, columns);
    fanova_of(&samples, &(struct fanova_options){.pairs = true}, out);
    samples_fini(&samples);
    free(x);
    free(y);
}

static const struct fanova_share *pair(const struct fanova_share *out, int a, int b)
{
    for (int i = 0; i < SHARES; i++)
        if (out[i].param == a && out[i].other == b)
            return &out[i];
    return NULL;
}

/* A tree holds its own points where leaves are single, and its boxes fill the cube. */
static void boxes_fill_the_cube(void **state)
{
    (void)state;
    double x[200], y[100], volume = 0;
    struct rng rng = rng_at(1, 0, 0, 0);
    struct samples samples;
    struct tree tree;
    for (int i = 0; i < 100; i++) {
        x[2 * i] = rng_unit(&rng);
        x[2 * i + 1] = rng_unit(&rng);
        y[i] = x[2 * i] > 0.5 ? 3 : 1;
    }
    samples_init(&samples, x, y, 100, 2);
    tree_grow(&samples, 1, 0, &tree);
    samples_fini(&samples);
    for (int i = 0; i < tree.count; i++)
        volume += (tree.leaves[i].side[0].hi - tree.leaves[i].side[0].lo) *
                  (tree.leaves[i].side[1].hi - tree.leaves[i].side[1].lo);
    assert_true(fabs(volume - 1) < 1e-12);
    assert_int_equal(tree.count, 2);
    assert_true(fabs(tree_at(&tree, (double[]){0.1, 0.9}) - 1) < 1e-12);
    assert_true(fabs(tree_at(&tree, (double[]){1, 1}) - 3) < 1e-12);
    tree_fini(&tree);
}

/* a x0 + b x1: a^2 / (a^2 + b^2), and nothing together. */
static double sum_of_two(const double *x)
{
    return 2 * x[0] + x[1];
}

static void additive(void **state)
{
    (void)state;
    struct fanova_share out[SHARES];
    judge(sum_of_two, 2, 500, out);
    assert_true(fabs(out[0].share - 0.8) < 0.05 && fabs(out[1].share - 0.2) < 0.05);
    assert_true(pair(out, 0, 1)->share < 0.05);
    assert_true(out[0].low < out[0].share && out[0].share < out[0].high);
    assert_true(out[0].low <= 0.83 && out[0].high >= 0.77);
}

/* (x0 - 1/2)(x1 - 1/2): all of it is the pair's. */
static double product(const double *x)
{
    return (x[0] - 0.5) * (x[1] - 0.5);
}

static void only_together(void **state)
{
    (void)state;
    struct fanova_share out[SHARES];
    judge(product, 3, ROWS, out);
    assert_true(out[0].share < 0.1 && out[1].share < 0.1 && out[2].share < 0.02);
    assert_true(pair(out, 0, 1)->share > 0.75);
    assert_true(pair(out, 0, 2)->share < 0.05 && pair(out, 1, 2)->share < 0.05);
}

/* Ishigami's function, a = 7, b = 0.1: S1 0.314, S2 0.442, S13 0.244, all others 0. The second has two periods of sin^2
 * along its axis; the ten or so cuts that a tree of 4,000 points can give an axis blur it to 0.34. */
static double ishigami(const double *x)
{
    double a = M_PI * (2 * x[0] - 1), b = M_PI * (2 * x[1] - 1), c = M_PI * (2 * x[2] - 1);
    return sin(a) + 7 * sin(b) * sin(b) + 0.1 * c * c * c * c * sin(a);
}

static void sobols_indices(void **state)
{
    (void)state;
    struct fanova_share out[SHARES];
    judge(ishigami, 4, 4 * ROWS, out);
    assert_true(fabs(out[0].share - 0.314) < 0.06);
    assert_true(out[1].share > 0.30 && out[1].share < 0.47 && out[1].share > out[0].share);
    assert_true(out[2].share < 0.05 && out[3].share < 0.03);
    assert_true(fabs(pair(out, 0, 2)->share - 0.244) < 0.10);
    assert_true(pair(out, 1, 3)->share < 0.05);
}

static struct history history_of(const struct space *space, int trials)
{
    struct history h = {0};
    struct point point;
    point_init(&point, space);
    for (uint32_t t = 1; t <= (uint32_t)trials; t++) {
        double u[8];
        for (int i = 0; i < space->count; i++) {
            struct rng rng = rng_at(3, t, space->params[i].hash, 0);
            u[i] = rng_unit(&rng);
        }
        space_point(space, u, &point);
        history_add(&h, t, t, &point, NULL, 0, t);
        double lr = log10(point.v[0].num);
        bool diverged = lr > 0;
        history_update(&h, t, diverged ? HISTORY_BAD : HISTORY_SCORED, false, 1,
                       -fabs(lr + 3) - (point.v[1].choice == 2), t + 1000);
    }
    point_fini(&point);
    return h;
}

/* In decades, with trials that diverged, a choice, and a dead parameter. */
static void of_a_study(void **state)
{
    (void)state;
    struct space space =
        space_of("{\"lr\": {\"log\": [1e-6, 10]}, \"kind\": {\"choice\": [\"a\", \"b\", \"c\"]}, "
                 "\"dead\": {\"int\": [1, 100]}}");
    struct history h = history_of(&space, 300), few = history_of(&space, 9);
    struct fanova_share out[6];
    struct err err = ERR_NONE;
    assert_int_equal(fanova_count(&space, true), 6);
    assert_int_equal(fanova(&space, &h, &(struct fanova_options){.pairs = true}, out, &err), 0);
    assert_true(out[0].share > 0.6 && out[1].share > 0.05 && out[2].share < 0.03);
    double sum = 0;
    for (int i = 0; i < 6; i++)
        sum += out[i].share;
    assert_true(sum > 0.9 && sum < 1.05);
    struct fanova_share again[6];
    assert_int_equal(fanova(&space, &h, &(struct fanova_options){.pairs = true}, again, &err), 0);
    assert_memory_equal(out, again, sizeof out);
    assert_int_equal(fanova(&space, &few, &(struct fanova_options){.pairs = false}, out, &err), ERR_NO);
    assert_non_null(strstr(err.text, "needs 10 finished trials"));
    history_fini(&few);
    history_fini(&h);
    space_fini(&space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_fill_the_cube), cmocka_unit_test(additive),   cmocka_unit_test(only_together),
        cmocka_unit_test(sobols_indices),      cmocka_unit_test(of_a_study),
    };
    return cmocka_run_group_tests_name("fanova", tests, NULL, NULL);
}
