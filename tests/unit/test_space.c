/* The space: what it reads, what it refuses and how it says so, and the two maps of an axis. */
#include "tests/unit/search.h"

#include "common/rng.h"

static struct err refused(const char *text)
{
    struct err err = ERR_NONE;
    struct space space;
    struct json *root = json_parse(text, strlen(text), "study.json", &err);
    assert_non_null(root);
    struct jcur cur = jcur_root(root, "study.json");
    struct jcur at = jcur_get(&cur, "space");
    if (space_parse(&at, &space, &err) == 0)
        fail_msg("accepted: %s", text);
    assert_null(space.params);
    json_free(root);
    return err;
}

static void reads_every_form(void **state)
{
    (void)state;
    struct space s =
        space_of("{\"lr\": {\"log\": [1e-6, 10], \"limits\": [1e-9, null], \"boundary\": \"expand\"},"
                 " \"l2\": {\"log\": [1e-6, 1], \"or_zero\": 0.1},"
                 " \"dropout\": {\"uniform\": [0, 0.85], \"step\": 0.1},"
                 " \"hidden\": {\"int\": [16, 512], \"log\": true},"
                 " \"layers\": {\"int\": [1, 8], \"step\": 2},"
                 " \"batch\": {\"values\": [100, 10, 32]},"
                 " \"decay\": {\"logit\": [0.5, 0.999]},"
                 " \"momentum\": {\"choice\": [0.5, 0.9], \"when\": {\"optimizer\": [\"momentum\"], "
                 "\"layers\": [1, 3]}},"
                 " \"optimizer\": {\"choice\": [\"sgd\", \"momentum\"], \"weights\": [1, 3]},"
                 " \"nesterov\": {\"choice\": [true, false], \"when\": {\"optimizer\": \"momentum\"}},"
                 " \"size\": {\"choice\": [\"s\", \"m\", \"l\"], \"ordered\": true}}");
    assert_int_equal(s.count, 11);
    const struct param *p = s.params;
    assert_true(p[0].dist == DIST_LOG && p[0].low == 1e-6 && p[0].high == 10 && p[0].limit_low == 1e-9);
    assert_true(p[0].limit_high == INFINITY && p[0].boundary == BOUNDARY_EXPAND);
    assert_true(p[1].or_zero == 0.1 && p[1].when_count == 0);
    assert_true(p[2].step == 0.1 && p[2].high == 0.8 && param_count(&p[2]) == 9);
    assert_true(p[3].dist == DIST_INT_LOG && p[3].step == 1 && param_count(&p[3]) == 497);
    assert_true(p[4].step == 2 && p[4].high == 7 && param_count(&p[4]) == 4);
    assert_true(p[5].values[0] == 10 && p[5].values[2] == 100 && p[5].low == 10);
    assert_int_equal(p[6].dist, DIST_LOGIT);
    assert_int_equal(p[7].when_count, 2);
    assert_true(p[8].choices[1].mass == 0.75);
    assert_int_equal(p[9].when[0].accept[0].choice, 1);
    assert_true(p[10].ordered && s.order[7] != 7);
    assert_int_equal(space_find(&s, "decay"), 6);
    assert_int_equal(space_bound(&s), -1);
    space_fini(&s);
}

static const struct {
    const char *space, *text, *hint;
} refusals[] = {
    {"{\"lr\": {\"log\": [0, 1]}}", "study.json: space.lr.log[0]: must be > 0 (got 0)", "use uniform"},
    {"{\"lr\": {\"log\": [-1, 1]}}", "space.lr.log[0]: must be > 0 (got -1)", "exponents"},
    {"{\"lr\": {\"log\": [1, 1e-3]}}", "space.lr.log: low must be less than high", "swap"},
    {"{\"lr\": {\"uniform\": [1, 1]}}", "low must be less than high", "trainer"},
    {"{\"lr\": {\"log\": [1]}}", "must be a pair", "[0.001, 0.5]"},
    {"{\"lr\": {\"log\": [1, \"x\"]}}", "space.lr.log[1]: must be a number", NULL},
    {"{\"lr\": {\"unifrom\": [1, 2]}}", "has no distribution", "did you mean \"uniform\""},
    {"{\"lr\": {\"log\": [1, 2], \"uniform\": [1, 2]}}", "two distributions", "\"log\": true"},
    {"{\"lr\": {\"log\": [1, 2], \"stpe\": 1}}", "unknown key \"stpe\"", "did you mean \"step\""},
    {"{\"lr\": {\"log\": [1, 2], \"step\": 3}}", "larger than the range", NULL},
    {"{\"lr\": {\"log\": [1, 2], \"step\": 0}}", "space.lr.step: must be > 0", NULL},
    {"{\"lr\": {\"uniform\": [0, 1], \"step\": 1e-12}}", "too fine", "leave the step out"},
    {"{\"lr\": {\"uniform\": [0, 1], \"or_zero\": 0.1}}", "has 0 in it already", NULL},
    {"{\"lr\": {\"uniform\": [1, 2], \"or_zero\": 1}}", "space.lr.or_zero", "probability"},
    {"{\"lr\": {\"uniform\": [1, 2], \"limits\": [1.5, 3]}}", "must contain the range", "how far"},
    {"{\"lr\": {\"log\": [1, 2], \"limits\": [0, 3]}}", "space.lr.limits[0]: must be > 0", NULL},
    {"{\"n\": {\"int\": [1, 2.5]}}", "space.n.int[1]: must be a whole number", NULL},
    {"{\"n\": {\"int\": [0, 9], \"log\": true}}", "space.n.int[0]: must be at least 1", "leave out"},
    {"{\"n\": {\"int\": [1, 9], \"log\": [1, 2]}}", "two distributions", NULL},
    {"{\"n\": {\"logit\": [0, 1]}}", "between 0 and 1", "logit is for"},
    {"{\"c\": {\"choice\": []}}", "space.c.choice: must have 1 to 1000", NULL},
    {"{\"c\": {\"choice\": [1, 2, 1]}}", "space.c.choice[2]: 1 is there twice", NULL},
    {"{\"c\": {\"choice\": [1, true]}}", "true is there twice", NULL},
    {"{\"c\": {\"choice\": [0.5, \"0.5\"]}}", "0.5 is there twice", NULL},
    {"{\"c\": {\"choice\": [1, null]}}", "space.c.choice[1]: must be a string", NULL},
    {"{\"c\": {\"choice\": [1, 2], \"weights\": [1]}}", "one number for each of the 2", NULL},
    {"{\"c\": {\"choice\": [1, 2], \"weights\": [1, 0]}}", "space.c.weights[1]", NULL},
    {"{\"c\": {\"choice\": [1, 2], \"values\": [1]}}", "a choice has no \"values\"", NULL},
    {"{\"v\": {\"values\": [1, 2, 1]}}", "has 1 twice", NULL},
    {"{\"v\": {\"uniform\": [0, 1], \"values\": [0.5, 2]}}", "space.v.values[1]: lies outside", NULL},
    {"{\"a\": {\"log\": [1, 2]}, \"A\": {\"log\": [1, 2]}}", "space.A: differs from \"a\" only in case",
     "rename"},
    {"{\"9a\": {\"log\": [1, 2]}}", "is not a name", "start with a letter"},
    {"{\"a\": [1, 2]}", "must be an object", "for example"},
    {"{\"a\": {\"int\": [1, 2], \"when\": {\"b\": [1]}}}", "space.a.when.b: there is no parameter", NULL},
    {"{\"a\": {\"int\": [1, 2], \"when\": {\"a\": [1]}}}", "cannot depend on itself", NULL},
    {"{\"a\": {\"int\": [1, 2], \"when\": {\"b\": [1]}}, \"b\": {\"log\": [1, 2]}}", "no list of values",
     NULL},
    {"{\"a\": {\"int\": [1, 2], \"when\": {\"b\": [9]}}, \"b\": {\"int\": [1, 2]}}", "space.a.when.b[0]",
     NULL},
    {"{\"a\": {\"int\": [1, 2], \"when\": {\"b\": [\"z\"]}}, \"b\": {\"choice\": [\"x\", \"y\"]}}",
     "space.a.when.b[0]: z is not one of the choices of b", "known: x, y"},
    {"{\"a\": {\"int\": [1, 2], \"when\": {\"b\": [1]}}, \"b\": {\"int\": [1, 2], \"when\": {\"a\": [1]}}}",
     "space.a.when: goes round in a circle", NULL},
    {"{}", "is empty", NULL},
    {"[1]", "must be an object", "for example"},
};

static void says_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct str text = {0};
        str_addf(&text, "{\"space\": %s}", refusals[i].space);
        struct err err = refused(str_text(&text));
        expect_complaint(&err, err.code, refusals[i].text, refusals[i].hint);
        str_fini(&text);
    }
}

static void refuses_too_many(void **state)
{
    (void)state;
    struct str text = {0};
    for (int i = 0; i < 1001; i++)
        str_addf(&text, "%s\"p%d\": {\"int\": [1, 2]}", i ? ", " : "{\"space\": {", i);
    str_add(&text, "}}");
    struct err err = refused(str_text(&text));
    expect_complaint(&err, err.code, "more than 1000", NULL);
    str_fini(&text);
}

static const char mixed[] =
    "{\"u\": {\"uniform\": [-1, 3]}, \"q\": {\"uniform\": [0, 0.8], \"step\": 0.1}, \"lq\": {\"log\": [1, "
    "9], "
    "\"step\": 2}, \"l\": {\"log\": [1e-6, 10], \"or_zero\": 0.25}, \"g\": {\"logit\": [0.5, 0.999]}, \"i\": "
    "{\"int\": [-3, 4]}, \"il\": {\"int\": [1, 1000], \"log\": true}, \"v\": {\"values\": [1, 2.5, 100]}, "
    "\"c\": "
    "{\"choice\": [\"a\", 2, true], \"weights\": [1, 2, 5]}}";

/* u -> value -> u comes back to its own cell, and the middle of a cell maps to itself. */
static void unit_and_back(void **state)
{
    (void)state;
    struct space s = space_of(mixed);
    struct rng rng = rng_at(7, 0, 0, 0);
    for (int i = 0; i < s.count; i++) {
        const struct param *p = &s.params[i];
        for (int k = 0; k < 2000; k++) {
            double u = k ? rng_unit(&rng) : 0;
            struct value v = param_from_unit(p, u);
            double back = param_to_unit_in(p, p->box, v);
            assert_true(value_same(param_from_unit(p, back), v) || (!param_is_discrete(p) && v.num != 0));
            if (!param_is_discrete(p) && v.num != 0)
                assert_true(fabs(back - u) < 1e-9);
        }
    }
    space_fini(&s);
}

static void ends_and_lattice(void **state)
{
    (void)state;
    struct space s = space_of(mixed);
    const double almost = 0x1.fffffffffffffp-1;
    for (int i = 0; i + 1 < s.count; i++) {
        const struct param *p = &s.params[i];
        double first = param_from_unit(p, p->or_zero).num, last = param_from_unit(p, almost).num;
        assert_true(param_is_discrete(p) ? first == p->low : fabs(first - p->low) < 1e-12 * fabs(p->low));
        assert_true(param_is_discrete(p) ? last == p->high : fabs(last / p->high - 1) < 1e-12);
    }
    const struct param *q = &s.params[1];
    for (int k = 0; k < 9; k++) {
        double want[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8};
        assert_true(param_from_unit(q, (k + 0.5) / 9).num == want[k]);
    }
    const struct param *zero = &s.params[3];
    assert_true(param_from_unit(zero, 0.2499).num == 0 && param_from_unit(zero, 0.2501).num > 0);
    space_fini(&s);
}

static const char conditional[] = "{\"mom\": {\"logit\": [0.5, 0.99], \"when\": {\"opt\": [\"momentum\", "
                                  "\"nesterov\"]}}, \"opt\": {\"choice\": "
                                  "[\"sgd\", \"momentum\", \"nesterov\"]}, \"w3\": {\"int\": [1, 9], "
                                  "\"when\": {\"layers\": [3]}}, \"layers\": "
                                  "{\"int\": [1, 3]}, \"flag\": {\"choice\": [true, false]}, \"deep\": "
                                  "{\"values\": [1, 2], \"when\": {\"w3\": "
                                  "[4, 5], \"flag\": true}}}";

static void writes_and_reads_points(void **state)
{
    (void)state;
    struct space s = space_of(conditional);
    struct rng rng = rng_at(8, 0, 0, 0);
    struct point point, back;
    point_init(&point, &s);
    point_init(&back, &s);
    int off = 0;
    for (int k = 0; k < 3000; k++) {
        double u[6];
        for (int i = 0; i < 6; i++)
            u[i] = rng_unit(&rng);
        space_point(&s, u, &point);
        assert_true(space_holds(&s, &point));
        off += point.v[5].kind == VALUE_OFF;
        struct str text = {0};
        struct jw w = jw_to(&text);
        point_write(&s, &point, &w, NULL);
        struct err err = ERR_NONE;
        struct json *root = json_parse(text.text, text.len, "point", &err);
        struct jcur cur = jcur_root(root, "point");
        assert_int_equal(point_read(&s, &cur, &back, &err), 0);
        assert_true(point_equal(&point, &back) && point_hash(&point) == point_hash(&back));
        json_free(root);
        str_fini(&text);
    }
    assert_in_range(off, 2800, 3000); /* 1 - 1/3 * 2/9 * 1/2 = 0.963 */
    point_fini(&point);
    point_fini(&back);
    space_fini(&s);
}

static void read_point(const struct space *s, const char *text, const char *complaint)
{
    struct err err = ERR_NONE;
    struct point point;
    struct json *root = json_parse(text, strlen(text), "point", &err);
    struct jcur cur = jcur_root(root, "point");
    point_init(&point, s);
    int rc = point_read(s, &cur, &point, &err);
    if (complaint)
        expect_complaint(&err, rc, complaint, NULL);
    else
        assert_int_equal(rc, 0);
    point_fini(&point);
    json_free(root);
}

static void refuses_wrong_points(void **state)
{
    (void)state;
    struct space s = space_of(conditional);
    read_point(&s, "{\"opt\": \"sgd\", \"layers\": 1, \"flag\": true}", NULL);
    read_point(&s, "{\"opt\": \"sgd\", \"layers\": 1}", "point: flag: is missing");
    read_point(&s, "{\"opt\": \"sgd\", \"layers\": 1, \"flag\": 1}", "flag: 1 is not one of the choices");
    read_point(&s, "{\"opt\": \"sgd\", \"layers\": 1.5, \"flag\": true}", "layers: 1.5 is not a value");
    read_point(&s, "{\"opt\": \"sgd\", \"layers\": 7, \"flag\": true}", "layers: 7 lies outside");
    read_point(&s, "{\"opt\": \"sgd\", \"mom\": 0.9, \"layers\": 1, \"flag\": true}",
               "mom: is not active here");
    read_point(&s, "{\"opt\": \"momentum\", \"layers\": 1, \"flag\": true}", "mom: is missing");
    read_point(&s, "{\"op\": \"momentum\"}", "unknown key \"op\"");
    space_fini(&s);
}

static void point_line(void **state)
{
    (void)state;
    struct space s =
        space_of("{\"lr\": {\"log\": [1e-6, 10]}, \"n\": {\"int\": [1, 9000000]}, \"opt\": {\"choice\": "
                 "[\"sgd\", true, 0.5]}}");
    struct point point;
    struct str text = {0};
    point_init(&point, &s);
    point.v[0] = value_num(1e-3);
    point.v[1] = value_num(8000000);
    point.v[2] = value_choice(1);
    point_text(&s, &point, &text);
    assert_string_equal(text.text, "lr=0.001 n=8000000 opt=true");
    str_clear(&text);
    struct jw w = jw_to(&text);
    point_write(&s, &point, &w, NULL);
    assert_string_equal(text.text, "{\"lr\":0.001,\"n\":8000000,\"opt\":true}");
    double num;
    struct value back;
    assert_true(value_as_num(&s.params[2], point.v[2], &num) && num == 1);
    assert_true(value_from_num(&s.params[2], 1, &back) && value_same(back, point.v[2]));
    assert_string_equal(value_as_text(&s.params[2], value_choice(0)), "sgd");
    assert_true(value_from_text(&s.params[2], "sgd", &back) && back.choice == 0);
    assert_false(value_from_text(&s.params[0], "sgd", &back));
    str_fini(&text);
    point_fini(&point);
    space_fini(&s);
}

static void walls_reach(void **state)
{
    (void)state;
    struct space s =
        space_of("{\"a\": {\"log\": [1e-3, 1]}, \"b\": {\"uniform\": [0, 1]}, \"c\": {\"log\": [1e-3, 1], "
                 "\"limits\": [1e-4, null]}, \"d\": {\"int\": [2, 4], \"boundary\": \"expand\"}, \"e\": "
                 "{\"log\": [1, 2], \"boundary\": \"off\"}}");
    struct span a = param_reach(&s.params[0]), b = param_reach(&s.params[1]), c = param_reach(&s.params[2]);
    assert_true(fabs(a.lo - 1e-6) < 1e-18 && a.hi == 1000);
    assert_true(b.lo == 0 && b.hi == 1);
    assert_true(c.lo == 1e-4 && c.hi == 1000);
    assert_true(param_reach(&s.params[3]).lo == 1 && param_reach(&s.params[3]).hi == 10);
    assert_true(param_reach(&s.params[4]).hi == 2);
    space_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),     cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(refuses_too_many),     cmocka_unit_test(unit_and_back),
        cmocka_unit_test(ends_and_lattice),     cmocka_unit_test(writes_and_reads_points),
        cmocka_unit_test(refuses_wrong_points), cmocka_unit_test(point_line),
        cmocka_unit_test(walls_reach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
