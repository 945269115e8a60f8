/* The grid: how many points, which values to the last bit, each once, and what it refuses. */
#include "tests/unit/race.h"

/* Runs the grid to its end: all distinct, all in the space. Returns how many there were. */
static int run_out(struct race *run)
{
    for (uint32_t trial = 1;; trial++) {
        struct err err = ERR_NONE;
        int rc = sampler_propose(run->sampler, &run->history, trial, &run->point, &run->note, &err);
        if (rc) {
            assert_int_equal(rc, ERR_GONE);
            return (int)trial - 1;
        }
        assert_true(space_holds(&run->space, &run->point));
        assert_false(history_has_point(&run->history, &run->point));
        history_add(&run->history, trial, trial, &run->point, NULL, 0, trial);
        if (trial % 7 == 0)
            sampler_forget(run->sampler);
    }
}

static void exact_values(void **state)
{
    (void)state;
    struct race run;
    race_init(&run, "{\"lr\": {\"log\": [1e-6, 10]}}", "{\"method\": \"grid\", \"grid\": {\"lr\": 8}}", 1);
    static const double want[] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10};
    assert_int_equal(sampler_size(run.sampler), 8);
    assert_int_equal(run_out(&run), 8);
    for (int i = 0; i < 8; i++)
        assert_true(run.history.entries[i].point.v[0].num == want[i]);
    race_fini(&run);
    race_init(&run, "{\"lr\": {\"log\": [1e-6, 10]}}", "{\"method\": \"grid\", \"grid\": {\"lr\": 13}}", 1);
    assert_int_equal(run_out(&run), 13);
    for (int i = 0; i < 13; i++) {
        double x = run.history.entries[i].point.v[0].num,
               exact = (double)powl(10, -6 + 7 * (long double)i / 12);
        assert_true(x == exact || x == nextafter(exact, 0) || x == nextafter(exact, 100));
    }
    race_fini(&run);
}

static void product_of_the_axes(void **state)
{
    (void)state;
    struct race run;
    race_init(&run,
              "{\"lr\": {\"log\": [1e-6, 10]}, \"n\": {\"int\": [16, 512], \"log\": true}, \"d\": "
              "{\"uniform\": [0, 0.8], "
              "\"step\": 0.1}, \"c\": {\"choice\": [\"a\", \"b\", true]}, \"l2\": {\"log\": [1e-4, 1], "
              "\"or_zero\": 0.5, "
              "\"values\": [0.001, 0.1]}, \"v\": {\"values\": [3, 1, 2]}}",
              "{\"method\": \"grid\", \"grid\": {\"lr\": 4, \"n\": 3, \"d\": 9}}", 1);
    assert_int_equal(sampler_size(run.sampler), 4 * 3 * 9 * 3 * 3 * 3);
    assert_int_equal(run_out(&run), 4 * 3 * 9 * 3 * 3 * 3);
    const struct value *first = run.history.entries[0].point.v;
    assert_true(first[0].num == 1e-6 && first[1].num == 16 && first[2].num == 0 && first[4].num == 0);
    assert_true(first[5].num == 1);
    race_fini(&run);
}

static void ints_are_not_repeated(void **state)
{
    (void)state;
    struct race run;
    race_init(&run, "{\"n\": {\"int\": [1, 3]}}", "{\"method\": \"grid\", \"grid\": {\"n\": 10}}", 1);
    assert_int_equal(run_out(&run), 3);
    race_fini(&run);
}

static void conditions_collapse(void **state)
{
    (void)state;
    struct race run;
    race_init(&run,
              "{\"mom\": {\"values\": [0.5, 0.9, 0.99], \"when\": {\"opt\": [\"momentum\"]}}, \"opt\": "
              "{\"choice\": "
              "[\"sgd\", \"momentum\", \"adam\"]}, \"beta\": {\"logit\": [0.9, 0.999], \"when\": {\"opt\": "
              "\"adam\"}}, "
              "\"lr\": {\"log\": [1e-3, 1]}}",
              "{\"method\": \"grid\", \"grid\": {\"lr\": 5, \"beta\": 4}}", 1);
    assert_int_equal(sampler_size(run.sampler), 5 * (1 + 3 + 4));
    assert_int_equal(run_out(&run), 5 * (1 + 3 + 4));
    race_fini(&run);
}

/* Ten models of seven own axes: 5^70 combinations on paper, 10 * 5^7 points. */
static void deep_conditions_count(void **state)
{
    (void)state;
    struct str space = {0};
    str_add(&space, "{\"model\": {\"choice\": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}");
    for (int m = 0; m < 10; m++)
        for (int k = 0; k < 7; k++)
            str_addf(&space, ", \"p%d%d\": {\"values\": [1, 2, 3, 4, 5], \"when\": {\"model\": [%d]}}", m, k,
                     m);
    str_add(&space, "}");
    struct race run;
    race_init(&run, str_text(&space), "{\"method\": \"grid\"}", 1);
    assert_int_equal(sampler_size(run.sampler), 781250);
    str_fini(&space);
    race_fini(&run);
}

/* Points that were enqueued or cancelled count as seen; those off the grid do not. */
static void skips_what_is_there(void **state)
{
    (void)state;
    struct race run;
    race_init(&run, "{\"x\": {\"uniform\": [0, 1]}}", "{\"method\": \"grid\", \"grid\": {\"x\": 5}}", 1);
    static const double there[] = {0.25, 0.3, 1};
    for (uint32_t t = 0; t < 3; t++) {
        run.point.v[0] = value_num(there[t]);
        history_add(&run.history, t + 1, t + 1, &run.point, NULL, 0, t + 1);
    }
    static const double want[] = {0, 0.5, 0.75};
    for (uint32_t t = 0; t < 3; t++) {
        assert_int_equal(sampler_propose(run.sampler, &run.history, t + 4, &run.point, &run.note, NULL), 0);
        assert_true(run.point.v[0].num == want[t]);
        history_add(&run.history, t + 4, t + 4, &run.point, NULL, 0, t + 4);
    }
    assert_int_equal(sampler_propose(run.sampler, &run.history, 7, &run.point, &run.note, NULL), ERR_GONE);
    history_remove(&run.history, 5);
    assert_int_equal(sampler_propose(run.sampler, &run.history, 7, &run.point, &run.note, NULL), 0);
    assert_true(run.point.v[0].num == 0.5);
    race_fini(&run);
}

static void refuses(void **state)
{
    (void)state;
    struct space space =
        space_of("{\"lr\": {\"log\": [1e-6, 10]}, \"d\": {\"uniform\": [0, 0.8], \"step\": 0.1}, \"c\": "
                 "{\"choice\": [\"a\", \"b\"]}, \"v\": {\"values\": [1, 2]}}");
    static const char *const bad[][3] = {
        {"{\"lr\": 8}", "study.json: search.grid.d: the grid needs", "\"d\": 9} visits all"},
        {"{\"d\": 8}", "search.grid.lr: the grid needs", "\"lr\": 5"},
        {"{\"lr\": 8, \"d\": 9, \"e\": 2}", "search.grid.e: there is no parameter", NULL},
        {"{\"lr\": 8, \"d\": 9, \"c\": 2}", "search.grid.c: is a choice", NULL},
        {"{\"lr\": 8, \"d\": 9, \"v\": 2}", "search.grid.v: has its \"values\"", NULL},
        {"{\"lr\": 0, \"d\": 9}", "search.grid.lr: must be from 1", "both ends"},
        {"{\"lr\": 1000000, \"d\": 9}", "search.grid: has more than 1000000 points", "fewer points"},
        {"{\"lr\": 2.5, \"d\": 9}", "search.grid.lr: must be a whole number", NULL},
        {"[1]", "search.grid: must be an object", "for example"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = ERR_NONE;
        struct search_def def;
        struct str text = {0};
        str_addf(&text, "{\"method\": \"grid\", \"grid\": %s}", bad[i][0]);
        struct json *root = json_parse(text.text, text.len, "study.json", &err);
        struct jcur file = jcur_root(NULL, "study.json"),
                    cur = {.node = root, .up = &file, .key = "search", .file = "study.json"};
        expect_complaint(&err, search_parse(&cur, &space, &def, &err), bad[i][1], bad[i][2]);
        json_free(root);
        str_fini(&text);
    }
    space_fini(&space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_values),
        cmocka_unit_test(product_of_the_axes),
        cmocka_unit_test(ints_are_not_repeated),
        cmocka_unit_test(conditions_collapse),
        cmocka_unit_test(deep_conditions_count),
        cmocka_unit_test(skips_what_is_there),
        cmocka_unit_test(refuses),
    };
    cmocka_set_skip_filter(getenv("HONE_TEST_SKIP"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
