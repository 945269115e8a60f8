/* Latin hypercube, Halton and Sobol: published first points, strata and nets, discrepancy below random's, and
 * the same study in any order. */
#include "tests/unit/search.h"

#include "common/rng.h"
#include "master/search/design.h"

static void first_points_of_halton(void **state)
{
    (void)state;
    static const double want[6][2] = {{0.5, 1 / 3.0},   {0.25, 2 / 3.0},  {0.75, 1 / 9.0},
                                      {0.125, 4 / 9.0}, {0.625, 7 / 9.0}, {0.375, 2 / 9.0}};
    for (uint32_t i = 0; i < 6; i++)
        for (int axis = 0; axis < 2; axis++)
            assert_true(fabs(halton_plain(axis, i + 1) - want[i][axis]) < 1e-15);
}

static void first_points_of_sobol(void **state)
{
    (void)state;
    static const double want[6][4] = {{0, 0, 0, 0},
                                      {0.5, 0.5, 0.5, 0.5},
                                      {0.75, 0.25, 0.25, 0.25},
                                      {0.25, 0.75, 0.75, 0.75},
                                      {0.375, 0.375, 0.625, 0.875},
                                      {0.875, 0.875, 0.125, 0.375}};
    for (uint32_t i = 0; i < 6; i++)
        for (int axis = 0; axis < 4; axis++)
            assert_true(sobol_plain(axis, i) == want[i][axis]);
}

/* Every axis of b^m scrambled points has one in each of the b^m cells. */
static void halton_hits_every_cell(void **state)
{
    (void)state;
    static const struct {
        int axis;
        uint32_t cells;
    } cases[] = {{0, 64}, {1, 81}, {2, 25}, {4, 121}, {19, 71}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        int seen[128] = {0};
        for (uint32_t i = 0; i < cases[k].cells; i++)
            seen[(int)(halton_unit(9, cases[k].axis, 77, i) * cases[k].cells)]++;
        for (uint32_t i = 0; i < cases[k].cells; i++)
            assert_int_equal(seen[i], 1);
    }
}

/* 2^8 scrambled points: one in each dyadic cell of the first two axes, whatever its shape; each axis of the
 * table alone has one in each of 2^8 strata. */
static void sobol_is_a_net(void **state)
{
    (void)state;
    enum { M = 8, N = 1 << M };
    for (int split = 0; split <= M; split++) {
        int seen[N] = {0};
        for (uint32_t i = 0; i < N; i++) {
            int x = (int)(sobol_unit(5, 0, 11, i) * (1 << split));
            int y = (int)(sobol_unit(5, 1, 12, i) * (1 << (M - split)));
            seen[x << (M - split) | y]++;
        }
        for (int i = 0; i < N; i++)
            assert_int_equal(seen[i], 1);
    }
    for (int axis = 0; axis < SOBOL_AXES; axis++) {
        int seen[N] = {0};
        for (uint32_t i = 0; i < N; i++)
            seen[(int)(sobol_unit(6, axis, (uint32_t)axis, i) * N)]++;
        for (int i = 0; i < N; i++)
            assert_int_equal(seen[i], 1);
    }
}

static void latin_strata(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 2; round++) {
        int seen[60] = {0};
        for (uint32_t i = 0; i < 60; i++)
            seen[(int)(latin_unit(1, 33, 60, round * 60 + i) * 60)]++;
        for (int i = 0; i < 60; i++)
            assert_int_equal(seen[i], 1);
    }
}

/* Star discrepancy of n points in the plane: the worst of all boxes with corners at the points. */
static double star_discrepancy(const double *x, const double *y, int n)
{
    double worst = 0;
    for (int i = 0; i <= n; i++) {
        for (int j = 0; j <= n; j++) {
            double a = i < n ? x[i] : 1, b = j < n ? y[j] : 1;
            int open = 0, closed = 0;
            for (int k = 0; k < n; k++) {
                open += x[k] < a && y[k] < b;
                closed += x[k] <= a && y[k] <= b;
            }
            worst = fmax(worst, fmax(a * b - (double)open / n, (double)closed / n - a * b));
        }
    }
    return worst;
}

static void discrepancy_below_random(void **state)
{
    (void)state;
    enum { N = 128, REPEATS = 40 };
    double x[N], y[N], random[REPEATS];
    for (uint32_t r = 0; r < REPEATS; r++) {
        struct rng rng = rng_at(3, r, 0, 0);
        for (int i = 0; i < N; i++) {
            x[i] = rng_unit(&rng);
            y[i] = rng_unit(&rng);
        }
        random[r] = star_discrepancy(x, y, N);
    }
    qsort(random, REPEATS, sizeof random[0], compare_num);
    for (uint64_t seed = 1; seed <= 5; seed++) {
        for (uint32_t i = 0; i < N; i++) {
            x[i] = halton_unit(seed, 0, 1, i);
            y[i] = halton_unit(seed, 1, 2, i);
        }
        assert_true(star_discrepancy(x, y, N) < random[REPEATS / 20]);
        for (uint32_t i = 0; i < N; i++) {
            x[i] = sobol_unit(seed, 0, 1, i);
            y[i] = sobol_unit(seed, 1, 2, i);
        }
        assert_true(star_discrepancy(x, y, N) < random[REPEATS / 20]);
    }
}

static const char axes[] =
    "{\"lr\": {\"log\": [1e-6, 10]}, \"n\": {\"int\": [1, 50]}, \"c\": {\"choice\": [\"a\", \"b\"]}, "
    "\"m\": {\"logit\": [0.5, 0.99], \"when\": {\"c\": [\"b\"]}}}";

/* Forwards with a history, backwards without a cache: the same bits. */
static void order_is_nothing(const char *method)
{
    struct space space = space_of(axes);
    char text[80];
    snprintf(text, sizeof text, "{\"method\": \"%s\", \"trials\": 40}", method);
    struct search_def def = search_of(text, &space);
    struct err err = ERR_NONE;
    struct sampler *s = sampler_new(&def, &space, 12, &err);
    struct history history = {0}, none = {0};
    struct proposal note;
    struct point back;
    point_init(&back, &space);
    for (uint32_t t = 1; t <= 60; t++) {
        assert_int_equal(sampler_propose(s, &history, t, &back, &note, &err), 0);
        assert_string_equal(note.sampler, method);
        assert_true(space_holds(&space, &back));
        history_add(&history, t, t, &back, NULL, 0, t);
    }
    for (uint32_t t = 60; t >= 1; t--) {
        sampler_propose(s, &none, t, &back, &note, &err);
        assert_true(point_equal(&back, &history_find(&history, t)->point));
    }
    point_fini(&back);
    history_fini(&history);
    sampler_free(s);
    search_fini(&def);
    space_fini(&space);
}

static void any_order(void **state)
{
    (void)state;
    order_is_nothing("latin");
    order_is_nothing("halton");
    order_is_nothing("sobol");
}

/* A discrete space: the design's duplicates become random points that are new, and it says so. */
static void discrete_spaces(void **state)
{
    (void)state;
    struct space space = space_of("{\"a\": {\"int\": [1, 5]}, \"b\": {\"choice\": [\"x\", \"y\", \"z\"]}}");
    struct search_def def = search_of("{\"method\": \"halton\"}", &space);
    struct err err = ERR_NONE;
    struct sampler *s = sampler_new(&def, &space, 12, &err);
    struct history history = {0};
    struct proposal note;
    struct point point;
    int replaced = 0;
    point_init(&point, &space);
    for (uint32_t t = 1; t <= 15; t++) {
        assert_int_equal(sampler_propose(s, &history, t, &point, &note, &err), 0);
        assert_false(history_has_point(&history, &point));
        if (strcmp(note.sampler, "random") == 0) {
            assert_non_null(strstr(note.why, "there already"));
            replaced++;
        }
        history_add(&history, t, t, &point, NULL, 0, t);
    }
    assert_true(replaced > 0);
    assert_int_equal(sampler_propose(s, &history, 16, &point, &note, &err), ERR_GONE);
    point_fini(&point);
    history_fini(&history);
    sampler_free(s);
    search_fini(&def);
    space_fini(&space);
}

static void latin_needs_its_size(void **state)
{
    (void)state;
    struct space space = space_of(axes);
    struct search_def def;
    struct err err = ERR_NONE;
    static const char text[] = "{\"method\": \"latin\"}";
    struct json *root = json_parse(text, sizeof text - 1, "study.json", &err);
    struct jcur file = jcur_root(NULL, "study.json"),
                cur = {.node = root, .up = &file, .key = "search", .file = "study.json"};
    expect_complaint(&err, search_parse(&cur, &space, &def, &err), "search.trials: is missing", "halton");
    json_free(root);
    space_fini(&space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_points_of_halton),
        cmocka_unit_test(first_points_of_sobol),
        cmocka_unit_test(halton_hits_every_cell),
        cmocka_unit_test(sobol_is_a_net),
        cmocka_unit_test(latin_strata),
        cmocka_unit_test(discrepancy_below_random),
        cmocka_unit_test(any_order),
        cmocka_unit_test(discrete_spaces),
        cmocka_unit_test(latin_needs_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
