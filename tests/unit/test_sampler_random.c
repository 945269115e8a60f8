/* Random points: their laws on each axis, independence, and that order and retries are nothing to them. */
#include "tests/unit/search.h"

enum { N = 10000 };

static struct sampler *open_random(const struct space *space, struct search_def *def)
{
    struct err err = ERR_NONE;
    *def = search_of("{\"method\": \"random\", \"trials\": 60, \"epochs\": 3, \"parallel\": 2, \"seed\": 1}",
                     space);
    struct sampler *s = sampler_new(def, space, def->seed, &err);
    assert_non_null(s);
    return s;
}

static const char axes[] =
    "{\"lr\": {\"log\": [1e-6, 10]}, \"drop\": {\"uniform\": [0, 0.8], \"step\": 0.1}, \"n\": {\"int\": [1, "
    "1000], "
    "\"log\": true}, \"c\": {\"choice\": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}, \"w\": {\"choice\": [\"a\", "
    "\"b\"], "
    "\"weights\": [1, 3]}, \"z\": {\"log\": [1e-6, 1], \"or_zero\": 0.1}, \"i\": {\"int\": [-2, 7]}, \"g\": "
    "{\"logit\": [0.5, 0.999]}, \"u\": {\"uniform\": [-2, 5]}}";

static void draw_all(const struct space *space, struct point *points)
{
    struct search_def def;
    struct sampler *s = open_random(space, &def);
    struct history none = {0};
    struct proposal note;
    struct err err = ERR_NONE;
    for (uint32_t t = 0; t < N; t++) {
        point_init(&points[t], space);
        assert_int_equal(sampler_propose(s, &none, t + 1, &points[t], &note, &err), 0);
    }
    assert_string_equal(note.sampler, "random");
    sampler_free(s);
    search_fini(&def);
}

static void laws_of_the_axes(void **state)
{
    (void)state;
    struct space space = space_of(axes);
    struct point *points = xcalloc(N, sizeof *points);
    static double t[N], z[N];
    int ones = 0, zeros = 0, heavy = 0, cells[10] = {0}, ints[10] = {0}, steps[9] = {0};
    draw_all(&space, points);
    for (int k = 0; k < N; k++) {
        const struct value *v = points[k].v;
        t[k] = log10(v[0].num);
        ones += v[2].num == 1;
        cells[v[3].choice]++;
        heavy += v[4].choice == 1;
        if (v[5].num > 0)
            z[k - zeros] = log10(v[5].num);
        else
            zeros++;
        ints[(int)v[6].num + 2]++;
        int step = (int)floor(v[1].num * 10 + 0.5);
        assert_true(v[1].num == step / 10.0);
        steps[step]++;
    }
    assert_true(ks_uniform(t, N, -6, 1) < 1.95 / sqrt(N));
    assert_true(ks_uniform(z, N - zeros, -6, 0) < 1.95 / sqrt(N - zeros));
    double want = log(1.5 / 0.5) / log(1000.5 / 0.5);
    assert_true(fabs((double)ones / N - want) < 3.29 * sqrt(want * (1 - want) / N));
    assert_true(fabs((double)zeros / N - 0.1) < 3.29 * sqrt(0.09 / N));
    assert_true(fabs((double)heavy / N - 0.75) < 3.29 * sqrt(0.1875 / N));
    double chi_cells = 0, chi_ints = 0, chi_steps = 0;
    for (int k = 0; k < 10; k++) {
        chi_cells += pow(cells[k] - N / 10.0, 2) / (N / 10.0);
        chi_ints += pow(ints[k] - N / 10.0, 2) / (N / 10.0);
        if (k < 9)
            chi_steps += pow(steps[k] - N / 9.0, 2) / (N / 9.0);
    }
    assert_true(chi_cells < 27.88 && chi_ints < 27.88 && chi_steps < 26.12);
    for (int k = 0; k < N; k++) {
        t[k] = log(points[k].v[7].num / (1 - points[k].v[7].num));
        z[k] = points[k].v[8].num;
    }
    assert_true(fabs(correlation(t, z, N)) < 0.035);
    assert_true(ks_uniform(t, N, 0, log(0.999 / (1 - 0.999))) < 1.95 / sqrt(N));
    assert_true(ks_uniform(z, N, -2, 5) < 1.95 / sqrt(N));
    for (int k = 0; k < N; k++)
        point_fini(&points[k]);
    free(points);
    space_fini(&space);
}

/* Every pair of numeric axes, and each axis with itself one trial later. */
static void axes_are_independent(void **state)
{
    (void)state;
    struct space space =
        space_of("{\"a\": {\"uniform\": [0, 1]}, \"b\": {\"uniform\": [0, 1]}, \"c\": {\"uniform\": "
                 "[0, 1]}}");
    struct point *points = xcalloc(N, sizeof *points);
    static double x[3][N];
    draw_all(&space, points);
    for (int k = 0; k < N; k++) {
        for (int i = 0; i < 3; i++)
            x[i][k] = points[k].v[i].num;
        point_fini(&points[k]);
    }
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(correlation(x[i], x[(i + 1) % 3], N)) < 0.035);
        assert_true(fabs(correlation(x[i], x[i] + 1, N - 1)) < 0.035);
    }
    free(points);
    space_fini(&space);
}

/* Same (seed, trial): same bits, in any order, whatever other parameters there are, however full the history.
 */
static void order_is_nothing(void **state)
{
    (void)state;
    struct space space = space_of(axes), alone = space_of("{\"lr\": {\"log\": [1e-6, 10]}}");
    struct search_def def, def_alone;
    struct sampler *s = open_random(&space, &def), *t = open_random(&alone, &def_alone);
    struct history history = {0};
    struct proposal note;
    struct err err = ERR_NONE;
    struct point forth[50], back, single;
    point_init(&back, &space);
    point_init(&single, &alone);
    for (uint32_t k = 0; k < 50; k++) {
        point_init(&forth[k], &space);
        sampler_propose(s, &history, k + 1, &forth[k], &note, &err);
        history_add(&history, k + 1, k + 1, &forth[k], NULL, 0, k + 1);
        assert_true(space_holds(&space, &forth[k]));
    }
    for (uint32_t k = 50; k-- > 0;) {
        sampler_forget(s);
        sampler_propose(s, &history, k + 1, &back, &note, &err);
        sampler_propose(t, &history, k + 1, &single, &note, &err);
        assert_true(point_equal(&forth[k], &back));
        assert_true(value_same(single.v[0], back.v[0]));
        point_fini(&forth[k]);
    }
    point_fini(&back);
    point_fini(&single);
    history_fini(&history);
    sampler_free(s);
    sampler_free(t);
    search_fini(&def);
    search_fini(&def_alone);
    space_fini(&space);
    space_fini(&alone);
}

/* A small discrete space: every point once, then ERR_GONE. */
static void no_duplicates(void **state)
{
    (void)state;
    struct space space =
        space_of("{\"a\": {\"int\": [1, 6]}, \"b\": {\"choice\": [\"x\", \"y\", \"z\"]}, \"c\": "
                 "{\"values\": [1, 2, 4], \"when\": {\"b\": [\"x\"]}}}");
    struct search_def def;
    struct sampler *s = open_random(&space, &def);
    struct history history = {0};
    struct proposal note;
    struct err err = ERR_NONE;
    struct point point;
    point_init(&point, &space);
    for (uint32_t trial = 1; trial <= 30; trial++) {
        assert_int_equal(sampler_propose(s, &history, trial, &point, &note, &err), 0);
        assert_false(history_has_point(&history, &point));
        history_add(&history, trial, trial, &point, NULL, 0, trial);
    }
    assert_int_equal(sampler_propose(s, &history, 31, &point, &note, &err), ERR_GONE);
    assert_non_null(strstr(err.text, "all 30 points"));
    point_fini(&point);
    history_fini(&history);
    sampler_free(s);
    search_fini(&def);
    space_fini(&space);
}

static void reads_the_search(void **state)
{
    (void)state;
    struct space space = space_of("{\"x\": {\"uniform\": [0, 1]}}");
    struct search_def def =
        search_of("{\"method\": \"random\", \"trials\": 60, \"epochs\": 10, \"parallel\": 8, "
                  "\"seed\": 9007199254740991, \"boundary\": \"warn\"}",
                  &space);
    assert_true(def.trials == 60 && def.epochs == 10 && def.parallel == 8 && def.has_seed);
    assert_true(def.seed == 9007199254740991u && def.boundary == BOUNDARY_WARN);
    search_fini(&def);
    static const char *const bad[][3] = {
        {"{\"method\": \"randon\"}", "search.method: \"randon\" is not one", "did you mean \"random\""},
        {"{\"trails\": 60}", "search: unknown key \"trails\"", "did you mean \"trials\""},
        {"{\"trials\": 0}", "search.trials: must be from 1", NULL},
        {"{\"seed\": -1}", "search.seed: must be from 0", NULL},
        {"{\"grid\": {}}", "search: unknown key \"grid\"", NULL},
        {"[]", "search: must be an object", NULL},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = ERR_NONE;
        struct json *root = json_parse(bad[i][0], strlen(bad[i][0]), "study.json", &err);
        struct jcur file = jcur_root(NULL, "study.json"),
                    cur = {.node = root, .up = &file, .key = "search", .file = "study.json"};
        expect_complaint(&err, search_parse(&cur, &space, &def, &err), bad[i][1], bad[i][2]);
        json_free(root);
    }
    space_fini(&space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(laws_of_the_axes), cmocka_unit_test(axes_are_independent),
        cmocka_unit_test(order_is_nothing), cmocka_unit_test(no_duplicates),
        cmocka_unit_test(reads_the_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
