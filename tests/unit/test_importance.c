/* Importance: which parameter matters, that a dead one does not, on the parameter's own scale, and Optuna's
 * numbers. */
#include "tests/unit/search.h"

#include "common/rng.h"
#include "master/search/design.h"
#include "master/search/importance.h"

typedef double score_of(const struct value *v);

static void judge(const char *text, score_of *score, int n, bool random, struct importance *out)
{
    struct space space = space_of(text);
    struct history h = {0};
    struct point point;
    struct err err = ERR_NONE;
    point_init(&point, &space);
    for (uint32_t t = 1; t <= (uint32_t)n; t++) {
        double u[8];
        for (int i = 0; i < space.count; i++) {
            struct rng rng = rng_at(11, t, space.params[i].hash, 0);
            u[i] = random ? rng_unit(&rng) : halton_plain(i, t);
        }
        space_point(&space, u, &point);
        history_add(&h, t, t, &point, NULL, 0, t);
        history_update(&h, t, HISTORY_SCORED, false, 1, score(point.v), t + 1000);
    }
    assert_int_equal(importance_ped(&space, &h, out, &err), 0);
    point_fini(&point);
    history_fini(&h);
    space_fini(&space);
}

static double first_matters(const struct value *v)
{
    return v[0].num + v[1].num / 1000;
}

static void the_one_that_matters(void **state)
{
    (void)state;
    struct importance out[3];
    judge("{\"a\": {\"uniform\": [0, 1]}, \"b\": {\"uniform\": [0, 1]}}", first_matters, 100, true, out);
    assert_true(out[0].share > 0.95 && out[1].share < 0.05);
    assert_true(fabs(out[0].share + out[1].share - 1) < 1e-12 && out[0].trials == 100);
}

static double decade(const struct value *v)
{
    return -fabs(log10(v[0].num) + 4) - 0.2 * v[1].num;
}

/* A narrow optimum at 1e-4 of an axis up to 10: all of it lies in the first thousandth of the linear axis. */
static void on_its_own_scale(void **state)
{
    (void)state;
    struct importance out[3];
    judge("{\"lr\": {\"log\": [1e-6, 10]}, \"b\": {\"uniform\": [0, 1]}}", decade, 200, true, out);
    assert_true(out[0].share > 0.9);
}

/* The order of a choice's labels is nothing: the same trials under other labels. */
static void labels_have_no_order(void **state)
{
    (void)state;
    static const double worth[] = {0, 3, 1, 0};
    static const int labels[2][4] = {{0, 1, 2, 3}, {2, 0, 3, 1}};
    struct space space =
        space_of("{\"c\": {\"choice\": [\"p\", \"q\", \"r\", \"s\"]}, \"x\": {\"uniform\": [0, 1]}}");
    struct importance out[2][2];
    struct point point;
    struct err err = ERR_NONE;
    point_init(&point, &space);
    for (int k = 0; k < 2; k++) {
        struct history h = {0};
        for (uint32_t t = 1; t <= 200; t++) {
            int c = (int)(4 * halton_plain(0, t));
            point.v[0] = value_choice(labels[k][c]);
            point.v[1] = value_num(halton_plain(1, t));
            history_add(&h, t, t, &point, NULL, 0, t);
            history_update(&h, t, HISTORY_SCORED, false, 1, worth[c] + point.v[1].num / 10, t + 1000);
        }
        assert_int_equal(importance_ped(&space, &h, out[k], &err), 0);
        history_fini(&h);
    }
    assert_true(out[0][0].share > 0.1 && fabs(out[0][0].share - out[1][0].share) < 1e-12);
    point_fini(&point);
    space_fini(&space);
}

static double mixture(const struct value *v)
{
    double off = log10(v[1].num) + 2.2;
    return -((v[0].num - 1) * (v[0].num - 1) + 3 * fabs(off) + 0.3 * v[2].num + (v[3].choice == 1) * 0.5);
}

/* Shares that Optuna 5.0.0's PED-ANOVA evaluator prints for the same 100 points (numbers only). */
static void as_optuna_has_it(void **state)
{
    (void)state;
    static const int axes[4] = {0, 1, 4, 5};
    static const double want[4] = {0.242771731185, 0.589815107455, 0.156378568582, 0.011034592778};
    struct space space =
        space_of("{\"u\": {\"uniform\": [-1, 3]}, \"l\": {\"log\": [1e-4, 1]}, \"i\": {\"int\": [2, 9]}, "
                 "\"c\": {\"choice\": [\"a\", \"b\", \"d\"]}}");
    struct history h = {0};
    struct point point;
    struct importance out[4];
    struct err err = ERR_NONE;
    point_init(&point, &space);
    for (uint32_t t = 1; t <= 100; t++) {
        double u[4];
        for (int i = 0; i < 4; i++)
            u[i] = halton_plain(axes[i], t);
        point.v[0] = value_num(-1 + 4 * u[0]);
        point.v[1] = value_num(pow(10, -4 + 4 * u[1]));
        point.v[2] = value_num(2 + floor(u[2] * 8));
        point.v[3] = value_choice((int)(u[3] * 3));
        history_add(&h, t, t, &point, NULL, 0, t);
        history_update(&h, t, HISTORY_SCORED, false, 1, mixture(point.v), t + 1000);
    }
    assert_int_equal(importance_ped(&space, &h, out, &err), 0);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(out[i].share - want[i]) < 1e-6);
    point_fini(&point);
    history_fini(&h);
    space_fini(&space);
}

static double tree(const struct value *v)
{
    return v[0].choice ? -v[1].num : -2 - (v[2].num > 0);
}

static void conditions_and_zeros(void **state)
{
    (void)state;
    struct importance out[3];
    judge("{\"c\": {\"choice\": [\"a\", \"b\"]}, \"x\": {\"uniform\": [0, 1], \"when\": {\"c\": [\"b\"]}}, "
          "\"z\": {\"log\": "
          "[1e-3, 1], \"or_zero\": 0.3}}",
          tree, 200, true, out);
    assert_in_range(out[1].trials, 70, 130);
    assert_true(out[1].raw > out[2].raw && out[0].trials == 200);
}

static void says_when_it_cannot(void **state)
{
    (void)state;
    struct space space = space_of("{\"x\": {\"uniform\": [0, 1]}}");
    struct history h = {0};
    struct point point;
    struct importance out[1];
    struct err err = ERR_NONE;
    point_init(&point, &space);
    for (uint32_t t = 1; t <= 12; t++) {
        point.v[0] = value_num(t / 20.0);
        history_add(&h, t, t, &point, NULL, 0, t);
        history_update(&h, t, HISTORY_SCORED, false, 1, 1, t + 100);
        int rc = importance_ped(&space, &h, out, &err);
        assert_int_equal(rc, ERR_NO);
        assert_non_null(strstr(err.text, t < 10 ? "needs 10 finished" : "the same score"));
    }
    point_fini(&point);
    history_fini(&h);
    space_fini(&space);
}

/* What is told of a draw is what a study of the drawn trials alone would be told. */
static void a_draw_is_a_study_of_what_was_drawn(void **state)
{
    (void)state;
    enum { N = 60, DRAWS = 3 };
    struct space space = space_of("{\"a\": {\"uniform\": [0, 1]}, \"b\": {\"log\": [1e-3, 1]}, "
                                  "\"c\": {\"choice\": [\"p\", \"q\", \"r\"]}}");
    struct history h = {0};
    struct point point, drawn[N];
    struct importance out[3];
    double shares[3 * DRAWS];
    point_init(&point, &space);
    for (uint32_t t = 1; t <= N; t++) { // the best first
        double u[3] = {halton_plain(0, t), halton_plain(1, t), halton_plain(2, t)};
        space_point(&space, u, &point);
        history_add(&h, t, t, &point, NULL, 0, t);
        history_update(&h, t, HISTORY_SCORED, false, 1, -(double)t, t + 1000);
        point_clone(&drawn[t - 1], &point);
    }
    assert_int_equal(importance_again(&space, &h, DRAWS, shares), DRAWS);
    for (uint32_t d = 0; d < DRAWS; d++) {
        struct history again = {0};
        struct rng rng = rng_at(1, d, 0, 0);
        for (uint32_t t = 1; t <= N; t++) {
            uint32_t k = rng_below(&rng, N);
            history_add(&again, t, t, &drawn[k], NULL, 0, t);
            history_update(&again, t, HISTORY_SCORED, false, 1, -(double)(k + 1), t + 1000);
        }
        assert_int_equal(importance_ped(&space, &again, out, NULL), 0);
        for (uint32_t i = 0; i < 3; i++)
            assert_true(shares[i * DRAWS + d] == out[i].share);
        history_fini(&again);
    }
    for (int i = 0; i < N; i++)
        point_fini(&drawn[i]);
    point_fini(&point);
    history_fini(&h);
    space_fini(&space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_that_matters),
        cmocka_unit_test(on_its_own_scale),
        cmocka_unit_test(labels_have_no_order),
        cmocka_unit_test(as_optuna_has_it),
        cmocka_unit_test(conditions_and_zeros),
        cmocka_unit_test(says_when_it_cannot),
        cmocka_unit_test(a_draw_is_a_study_of_what_was_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
