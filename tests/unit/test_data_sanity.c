/* Check 4: each thing that can be wrong with a data set is found, counted and put into words. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/nn/data_sanity.h"

enum { TRAIN = 40, VAL = 10, TEST = 10, F = 3 };

struct sets {
    float train_x[TRAIN * F], val_x[VAL * F], test_x[TEST * F];
    int32_t train_y[TRAIN], val_y[VAL], test_y[TEST];
    struct data_split split;
};

static void part_fill(float *x, int32_t *y, int n, int first)
{
    for (int i = 0; i < n; i++) {
        for (int f = 0; f < F; f++)
            x[i * F + f] = (float)((first + i) * (f + 1));
        y[i] = i % 2;
    }
}

static struct dataset part(float *x, int32_t *y, int n)
{
    return (struct dataset){.x = x, .y = y, .n = n, .channels = F, .height = 1, .width = 1, .classes = 2};
}

static void sets_fill(struct sets *s)
{
    part_fill(s->train_x, s->train_y, TRAIN, 1);
    part_fill(s->val_x, s->val_y, VAL, 101);
    part_fill(s->test_x, s->test_y, TEST, 201);
    s->split = (struct data_split){.train = part(s->train_x, s->train_y, TRAIN),
                                   .val = part(s->val_x, s->val_y, VAL),
                                   .test = part(s->test_x, s->test_y, TEST)};
}

static struct sanity_finding finding(const struct sets *s, int which, struct data_sanity *sanity)
{
    struct sanity_finding all[SANITY_CHECKS];
    data_sanity_measure(&s->split, sanity);
    data_sanity_judge(sanity, all);
    return all[which];
}

static void good_data_is_good(void **state)
{
    (void)state;
    struct sets s;
    sets_fill(&s);
    struct data_sanity sanity;
    struct sanity_finding all[SANITY_CHECKS];
    data_sanity_measure(&s.split, &sanity);
    data_sanity_judge(&sanity, all);
    for (int i = 0; i < SANITY_CHECKS; i++) {
        assert_int_equal(all[i].verdict, SANITY_OK);
        assert_string_equal(all[i].hint, "");
        assert_true(all[i].check[0] && all[i].text[0]);
    }
    assert_float_equal(sanity.chance, 0.5, 0);
    assert_int_equal(sanity.first_row, -1);
}

static void finds_unbalanced_classes(void **state)
{
    (void)state;
    struct sets s;
    struct data_sanity sanity;
    sets_fill(&s);
    memset(s.train_y, 0, sizeof s.train_y);
    for (int i = 0; i < 3; i++)
        s.train_y[i] = 1;
    assert_int_equal(finding(&s, 0, &sanity).verdict, SANITY_WARN);
    assert_int_equal(sanity.largest_count, 37);
    assert_int_equal(sanity.smallest, 1);
    memset(s.train_y, 0, sizeof s.train_y);
    struct sanity_finding f = finding(&s, 0, &sanity);
    assert_int_equal(f.verdict, SANITY_FAIL);
    assert_non_null(strstr(f.text, "class 0 has 40 training samples, class 1 has 0"));
    assert_int_equal(sanity.absent_train, 1);
    sets_fill(&s);
    memset(s.val_y, 0, sizeof s.val_y);
    assert_int_equal(finding(&s, 0, &sanity).verdict, SANITY_WARN);
    assert_int_equal(sanity.absent_val, 1);
    assert_float_equal(sanity.chance, 1, 0);
}

static void finds_constant_features(void **state)
{
    (void)state;
    struct sets s;
    struct data_sanity sanity;
    sets_fill(&s);
    for (int i = 0; i < TRAIN; i++)
        s.train_x[i * F + 1] = 7;
    struct sanity_finding f = finding(&s, 1, &sanity);
    assert_int_equal(f.verdict, SANITY_OK); /* a third: as the border of MNIST */
    assert_non_null(
        strstr(f.text, "1 of 3 features never change in the training part (the first is number 2)"));
    for (int i = 0; i < TRAIN; i++)
        s.train_x[i * F] = 7;
    assert_int_equal(finding(&s, 1, &sanity).verdict, SANITY_WARN);
    for (int i = 0; i < TRAIN * F; i++)
        s.train_x[i] = 7;
    assert_int_equal(finding(&s, 1, &sanity).verdict, SANITY_FAIL);
    assert_int_equal(sanity.constant, F);
    assert_int_equal(sanity.first_constant, 0);
}

static void finds_what_is_no_number(void **state)
{
    (void)state;
    struct sets s;
    struct data_sanity sanity;
    sets_fill(&s);
    s.val_x[4 * F + 2] = NAN;
    s.test_x[0] = -INFINITY;
    struct sanity_finding f = finding(&s, 2, &sanity);
    assert_int_equal(f.verdict, SANITY_FAIL);
    assert_int_equal(sanity.not_finite, 2);
    assert_non_null(
        strstr(f.text, "2 values are NaN or infinite, the first in the validation part: row 5, feature 3"));
    assert_true(f.hint[0]);
}

static void finds_duplicates(void **state)
{
    (void)state;
    struct sets s;
    struct data_sanity sanity;
    sets_fill(&s);
    memcpy(s.val_x + 3 * F, s.train_x + 17 * F, F * sizeof(float));
    memcpy(s.train_x + 5 * F, s.train_x + 7 * F, F * sizeof(float));
    struct sanity_finding f = finding(&s, 3, &sanity);
    assert_int_equal(f.verdict, SANITY_FAIL); /* 1 of 10 */
    assert_int_equal(sanity.shared_val, 1);
    assert_int_equal(sanity.shared_test, 0);
    assert_int_equal(sanity.repeated, 1);
    assert_int_equal(sanity.contradictions, 0);
    s.train_y[5] = !s.train_y[7];
    f = finding(&s, 4, &sanity);
    assert_int_equal(f.verdict, SANITY_WARN);
    assert_int_equal(sanity.contradictions, 1);
}

static void everything_may_be_the_same(void **state)
{
    (void)state;
    struct sets s;
    struct data_sanity sanity;
    sets_fill(&s);
    memset(s.train_x, 0, sizeof s.train_x);
    memset(s.val_x, 0, sizeof s.val_x);
    data_sanity_measure(&s.split, &sanity);
    assert_int_equal(sanity.repeated, TRAIN - 1);
    assert_int_equal(sanity.shared_val, VAL);
    s.split.test = (struct dataset){0};
    data_sanity_measure(&s.split, &sanity);
    assert_int_equal(sanity.test, 0);
    assert_int_equal(sanity.shared_test, 0);
}

static void made_sets_are_sane(void **state)
{
    (void)state;
    const char *specs[] = {"spiral", "glyphs:n=2000"};
    for (int i = 0; i < 2; i++) {
        struct data_options options = {.spec = specs[i], .seed = 1, .normalize = 1};
        struct data_split split;
        struct data_sanity sanity;
        struct sanity_finding all[SANITY_CHECKS];
        assert_int_equal(data_load(&options, &split, NULL), 0);
        data_sanity_measure(&split, &sanity);
        data_sanity_judge(&sanity, all);
        for (int c = 0; c < SANITY_CHECKS; c++)
            assert_int_equal(all[c].verdict, SANITY_OK);
        data_split_fini(&split);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_data_is_good),       cmocka_unit_test(finds_unbalanced_classes),
        cmocka_unit_test(finds_constant_features), cmocka_unit_test(finds_what_is_no_number),
        cmocka_unit_test(finds_duplicates),        cmocka_unit_test(everything_may_be_the_same),
        cmocka_unit_test(made_sets_are_sane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
