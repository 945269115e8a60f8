/* The checks before a study: quiet on twenty sane trainings, and each one caught by what it is there for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "worker/nn/checks.h"
#include "tests/unit/nn.h"

static void run(const char *trainer, const struct data_split *data, uint64_t seed, struct check_report *out)
{
    struct json *options = resolve(trainer);
    struct err err = ERR_NONE;
    if (checks_run(options, data, seed, out, &err))
        fail_msg("%s", err.text);
    json_free(options);
}

static const struct check_result *find(const struct check_report *report, const char *name)
{
    for (int i = 0; i < report->count; i++)
        if (strcmp(report->results[i].name, name) == 0)
            return &report->results[i];
    fail_msg("no check \"%s\"", name);
    return NULL;
}

static void sane_trainings_pass(void **state)
{
    (void)state;
    static const char *const trainers[] = {
        "{\"builtin\":\"mlp\",\"data\":\"spiral\"}",
        "{\"builtin\":\"mlp\",\"data\":\"spiral\",\"loss\":\"svm\",\"l2\":0.01}",
        "{\"builtin\":\"mlp\",\"data\":\"spiral\",\"layers\":[\"affine 30\",\"tanh\",\"dropout "
        "0.5\",\"affine 20\","
        "\"batchnorm\",\"relu\"]}",
        "{\"builtin\":\"mlp\",\"data\":\"spiral\",\"init\":\"orthogonal\",\"layers\":[\"affine 40\",\"maxout "
        "2\"]}",
    };
    struct data_split data = load("spiral:n=600");
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct check_report report;
        run(trainers[seed % 4], &data, seed, &report);
        for (int i = 0; i < report.count; i++)
            if (report.results[i].verdict == VERDICT_WRONG)
                fail_msg("seed %d: %s: %s", (int)seed, report.results[i].name, report.results[i].text);
    }
    data_split_fini(&data);
}

static void a_convnet_passes(void **state)
{
    (void)state;
    struct data_split data = load("glyphs:n=300");
    struct check_report report;
    run("{\"builtin\":\"convnet\",\"data\":\"glyphs\",\"hidden\":24,\"layers\":[\"conv 3x3x4 stride "
        "2\",\"relu\","
        "\"pool 2\",\"affine 24\",\"relu\"]}",
        &data, 1, &report);
    for (int i = 0; i < report.count; i++)
        if (report.results[i].verdict == VERDICT_WRONG)
            fail_msg("%s: %s", report.results[i].name, report.results[i].text);
    assert_true(fabs(find(&report, "initial loss")->expected - log(10)) < 1e-12);
    data_split_fini(&data);
}

static void first_weights_too_large_are_seen_in_the_first_loss(void **state)
{
    (void)state;
    struct data_split data = load("spiral:n=300");
    struct check_report report;
    run("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"init\":\"small\",\"init_scale\":3}", &data, 1, &report);
    assert_int_equal(find(&report, "initial loss")->verdict, VERDICT_WRONG);
    assert_non_null(strstr(find(&report, "initial loss")->hint, "smaller first weights"));
    assert_int_equal(report.worst, VERDICT_WRONG);
    data_split_fini(&data);
}

static void a_net_without_power_cannot_overfit(void **state)
{
    (void)state;
    struct data_split data = load("spiral:n=300");
    struct check_report report;
    run("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"layers\":[\"affine 1\"]}", &data, 1, &report);
    assert_int_equal(find(&report, "overfit")->verdict, VERDICT_WRONG);
    assert_true(find(&report, "gradient")->verdict <= VERDICT_FINE);
    data_split_fini(&data);
}

static void nan_in_the_data_fails_more_than_one_check(void **state)
{
    (void)state;
    struct data_split data = load("spiral:n=300");
    struct check_report report;
    for (int i = 0; i < data.train.n; i++)
        data.train.x[2 * i] = NAN;
    run("{\"builtin\":\"mlp\",\"data\":\"spiral\"}", &data, 1, &report);
    assert_int_equal(find(&report, "finite")->verdict, VERDICT_WRONG);
    assert_int_equal(find(&report, "initial loss")->verdict, VERDICT_WRONG);
    assert_int_equal(find(&report, "overfit")->verdict, VERDICT_WRONG);
    assert_int_equal(find(&report, "gradient")->verdict, VERDICT_WRONG);
    data_split_fini(&data);
}

static void bands_are_those_of_the_notes(void **state)
{
    (void)state;
    assert_int_equal(check_gradient_band(2e-2, 0), VERDICT_WRONG);
    assert_int_equal(check_gradient_band(NAN, 0), VERDICT_WRONG);
    assert_int_equal(check_gradient_band(5e-3, 0), VERDICT_SUSPICIOUS);
    assert_int_equal(check_gradient_band(5e-5, 3), VERDICT_FINE);
    assert_int_equal(check_gradient_band(5e-8, 0), VERDICT_GOOD);
}

/* Centred differences: the error falls with h^2 until rounding takes over with 1/h. */
static void the_sweep_shows_where_rounding_takes_over(void **state)
{
    (void)state;
    struct data_split data = load("spiral:n=300");
    struct check_report report;
    run("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"layers\":[\"affine 8\",\"tanh\"]}", &data, 1, &report);
    const struct gradcheck *g = &report.gradients[0];
    assert_true(g->sweep_error[0] > 10 * g->sweep_error[1]); /* 1e-2, 1e-3 */
    assert_true(g->sweep_error[7] > 10 * g->sweep_error[3]); /* 1e-9, 1e-5 */
    assert_true(g->worst < 1e-7 && g->kinks == 0);
    data_split_fini(&data);
}

static void results_come_through_json_as_they_were(void **state)
{
    (void)state;
    struct data_split data = load("spiral:n=300");
    struct check_report report;
    run("{\"builtin\":\"mlp\",\"data\":\"spiral\"}", &data, 1, &report);
    int blocks = 0;
    for (int i = 0; i < report.count; i++) {
        struct check_result back;
        struct str text = {0};
        struct jw w = jw_to(&text);
        check_result_write(&report.results[i], &w, NULL);
        struct json *json = json_parse(text.text, text.len, "result", NULL);
        assert_true(check_result_read(json, &back));
        assert_string_equal(back.text, report.results[i].text);
        assert_string_equal(back.part, report.results[i].part);
        assert_int_equal(back.verdict, report.results[i].verdict);
        blocks += strcmp(back.name, "gradient") == 0;
        json_free(json);
        str_fini(&text);
    }
    assert_int_equal(blocks, 1 + report.gradients[0].count);
    data_split_fini(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sane_trainings_pass),
        cmocka_unit_test(a_convnet_passes),
        cmocka_unit_test(first_weights_too_large_are_seen_in_the_first_loss),
        cmocka_unit_test(a_net_without_power_cannot_overfit),
        cmocka_unit_test(nan_in_the_data_fails_more_than_one_check),
        cmocka_unit_test(bands_are_those_of_the_notes),
        cmocka_unit_test(the_sweep_shows_where_rounding_takes_over),
        cmocka_unit_test(results_come_through_json_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
