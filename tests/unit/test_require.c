/* "require": what rules mean, what they refuse and where, and that no sampler proposes a point that breaks one. */
#include "tests/unit/search.h"

#include "common/check.h"
#include "common/rng.h"
#include "master/search/feasible.h"
#include "master/search/given.h"
#include "master/search/require.h"

static const char axes[] =
    "{\"hidden1\": {\"int\": [16, 512], \"log\": true}, \"hidden2\": {\"int\": [16, 512], \"log\": true},"
    " \"lr\": {\"log\": [1e-6, 1]}, \"l2\": {\"log\": [1e-6, 1], \"or_zero\": 0.3},"
    " \"optimizer\": {\"choice\": [\"sgd\", \"momentum\", \"adam\"]},"
    " \"momentum\": {\"uniform\": [0, 1], \"when\": {\"optimizer\": [\"momentum\"]}},"
    " \"width\": {\"choice\": [\"small\", \"medium\", \"large\"], \"ordered\": true},"
    " \"beta\": {\"choice\": [0.9, 0.99]}, \"bias\": {\"choice\": [true, false]}, \"a-b\": {\"uniform\": [0, "
    "1]}}";

static int add_rules(struct space *space, const char *rules, struct err *err)
{
    char *text = xasprintf("{\"require\": %s}", rules);
    struct json *root = json_parse(text, strlen(text), "study.json", err);
    if (!root)
        fail_msg("%s", err->text);
    struct jcur cur = jcur_root(root, "study.json"), at = jcur_get(&cur, "require");
    int rc = require_parse(&at, space, err);
    json_free(root);
    free(text);
    return rc;
}

static struct space space_with(const char *text, const char *rules)
{
    struct space space = space_of(text);
    struct err err = ERR_NONE;
    if (add_rules(&space, rules, &err))
        fail_msg("%s (%s)", err.text, err.hint);
    return space;
}

/* ---- the language ---- */

static void complaints_say_where(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *says;
    } cases[] = {
        {"hidden1 >= hiden2", "require[0]: column 12: no parameter 'hiden2'; did you mean 'hidden2'?"},
        {"hidden1 >=", "column 11: a value is missing at the end"},
        {"hidden1 >= )", "column 12: a value is missing before ')'"},
        {"hidden1", "column 1: a rule is true or false: compare this with something"},
        {"hidden1 = 5", "column 9: '=' means nothing here: '==' compares"},
        {"(hidden1 > 5", "column 13: a ')' is missing here"},
        {"hidden1 > 5)", "column 12: the rule ought to end before ')'"},
        {"hidden1 > 5 hidden2", "column 13: the rule ought to end before 'hidden2'"},
        {"1 < 2", "column 1: names no parameter"},
        {"optimizer == 'adma'", "column 14: 'adma' is no choice of optimizer; did you mean 'adam'?"},
        {"optimizer == 'adam", "column 14: the text that begins here does not end"},
        {"optimizer > 'adam'", "column 1: the choices of optimizer have no order"},
        {"optimizer == 5", "column 14: this is a number, and what it is compared with is a text"},
        {"'a' == 'b'", "column 1: a text is compared with a choice"},
        {"optimizer == width", "column 1: a text is compared with a choice"},
        {"lr + optimizer > 1", "column 6: arithmetic wants a number; this is a text"},
        {"not lr", "column 5: 'not' wants true or false; this is a number"},
        {"lr and bias", "column 1: 'and' wants true or false; this is a number"},
        {"bias < true", "column 8: true and false have no order"},
        {"lgo(lr) < 1", "column 1: no function 'lgo'; there are min, max"},
        {"log(lr, 2) < 1", "column 9: log takes one number"},
        {"min() < 1", "column 5: a value is missing before ')'"},
        {"lr < 1e999", "column 6: '1e999' is not a number"},
        {"lr < 1.2.3", "column 6: '1.2.3' is not a number"},
        {"lr < 0x10", "column 6: '0x10' is not a number"},
        {"lr < 16k", "column 6: '16k' is not a number"},
        {"lr # 5", "column 4: the rule ought to end before '# 5'"},
        {"'\xc3\xa9' == lr + ", "column 13: a value is missing at the end"},
        {"", "column 1: a value is missing at the end"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct space space = space_of(axes);
        struct err err = ERR_NONE;
        struct str rules = {0};
        str_add(&rules, "[");
        json_quote(cases[i].rule, &rules);
        str_add(&rules, "]");
        expect_complaint(&err, add_rules(&space, str_text(&rules), &err), cases[i].says, NULL);
        str_fini(&rules);
        space_fini(&space);
    }
}

static void bounds_hold(void **state)
{
    (void)state;
    struct str deep = {0};
    str_add(&deep, "[\"lr < ");
    for (int i = 0; i < 200; i++)
        str_add(&deep, "(");
    str_add(&deep, "\"]");
    struct space space = space_of(axes);
    struct err err = ERR_NONE;
    expect_complaint(&err, add_rules(&space, str_text(&deep), &err), "goes more than 64 levels deep", NULL);
    str_fini(&deep);
    space_fini(&space);
    str_add(&deep, "[\"lr < 1");
    for (int i = 0; i < 600; i++)
        str_add(&deep, "+1");
    str_add(&deep, "\"]");
    space = space_of(axes);
    assert_int_equal(add_rules(&space, str_text(&deep), &err), ERR_BAD);
    str_fini(&deep);
    space_fini(&space);
    space = space_of(axes);
    expect_complaint(&err, add_rules(&space, "[]", &err), "require", "hidden1 >= hidden2");
    space_fini(&space);
}

/* One point for all: hidden1 64, hidden2 32, lr 0.01, l2 0, sgd (so momentum is off), medium, 0.99, true, a-b 0.25. */
static void rules_mean_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        bool holds;
    } cases[] = {
        {"hidden1 >= hidden2", true},
        {"hidden1 < hidden2", false},
        {"16 <= hidden2 <= hidden1 < 65", true},
        {"16 <= hidden2 > hidden1", false},
        {"hidden1 + hidden2 * 2 == 128", true},
        {"(hidden1 + hidden2) * 2 == 192", true},
        {"hidden1 - hidden2 - 2 == 30", true},
        {"hidden1 / hidden2 / 2 == 1", true},
        {"hidden1 % 10 == 4", true},
        {"2 ^ 3 ^ 2 == 512 and lr < 1", true},
        {"-2 ^ 2 == -4 and lr < 1", true},
        {"2 ** -1 == 0.5 and lr < 1", true},
        {"- - lr == lr", true},
        {"lr == 1e-2 and lr == .01 and lr == 1E-2", true},
        {"min(hidden1, hidden2, 7) == 7", true},
        {"max(hidden1, hidden2, 7) == 64", true},
        {"log2(hidden1) == 6 and log10(100) == 2 and log(exp(1)) == 1", true},
        {"abs(-lr) == lr and sqrt(hidden1) == 8", true},
        {"floor(a-b) == 0 and ceil(a-b) == 1 and round(a-b) == 0", true},
        {"a-b == 0.25", true},
        {"hidden1-hidden2 == 32", true},
        {"a-b-lr < 0.25", true},
        {"optimizer == 'sgd'", true},
        {"\"adam\" != optimizer", true},
        {"optimizer == 'adam' or lr < 0.1", true},
        {"not optimizer == 'adam' and not (lr > 0.1)", true},
        {"!(lr > 0.1) && lr > 0 || lr == 5", true},
        {"width < 'large' and width >= \"medium\"", true},
        {"'small' < width", true},
        {"width > ((\"small\"))", true},
        {"width > 'medium'", false},
        {"beta > 0.95", true},
        {"bias", true},
        {"bias != true", false},
        {"bias == (lr < 1)", true},
        {"l2 == 0", true},
        /* momentum is off: unknown, and unknown holds */
        {"momentum > 0.5", true},
        {"momentum < 0.5", true},
        {"not momentum > 0.5", true},
        {"min(momentum, 3) > 5", true},
        {"momentum > 0.5 and lr > 0.5", false},
        {"lr > 0.5 and momentum > 0.5", false},
        {"momentum > 0.5 and lr < 0.5", true},
        {"momentum > 0.5 or lr > 0.5", true},
        /* no finite number: the rule fails, whatever is around it */
        {"1 / l2 > 5", false},
        {"not 1 / l2 > 5", false},
        {"0 / l2 == 0", false},
        {"log(l2) < 0", false},
        {"sqrt(0 - lr) != 1", false},
        {"exp(hidden1 * 100) > 1", false},
        {"lr > 0 and 1 / l2 > 5", false},
        {"lr % l2 == 0", false},
        {"l2 == 0 or lr / l2 < 2", true},
        {"l2 != 0 and lr / l2 < 2", false},
        {"1 / l2 > momentum", false},
    };
    struct space space = space_of(axes);
    struct point point;
    point_init(&point, &space);
    point.v[0] = value_num(64);
    point.v[1] = value_num(32);
    point.v[2] = value_num(0.01);
    point.v[3] = value_num(0);
    point.v[4] = value_choice(0);
    point.v[6] = value_choice(1);
    point.v[7] = value_choice(1);
    point.v[8] = value_choice(0);
    point.v[9] = value_num(0.25);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err err = ERR_NONE;
        struct str rules = {0};
        str_add(&rules, "[");
        json_quote(cases[i].rule, &rules);
        str_add(&rules, "]");
        int rc = add_rules(&space, str_text(&rules), &err);
        if (rc && !strstr(err.text, "no point of the space keeps"))
            fail_msg("%s: %s", cases[i].rule, err.text);
        if (require_holds(&space, &point) != cases[i].holds)
            fail_msg("%s: %d", cases[i].rule, !cases[i].holds);
        assert_string_equal(require_text(&space, 0), cases[i].rule);
        require_free(space.require);
        space.require = NULL;
        str_fini(&rules);
    }
    point_fini(&point);
    space_fini(&space);
}

static void rules_that_nothing_keeps_are_refused(void **state)
{
    (void)state;
    struct space space = space_of(axes);
    struct err err = ERR_NONE;
    expect_complaint(
        &err, add_rules(&space, "[\"lr > 0\", \"hidden1 > 512\"]", &err),
        "require: no point of the space keeps all rules: none of 100000, the last for \"hidden1 > 512\"",
        "without steps");
    space_fini(&space);
    /* One point in a million is found where all can be listed. */
    space = space_with("{\"a\": {\"int\": [1, 1000]}, \"b\": {\"int\": [1, 1000]}}",
                       "[\"a == 777 and b == 13\"]");
    assert_true(require_witness(&space)->v[0].num == 777 && require_witness(&space)->v[1].num == 13);
    space_fini(&space);
}

/* ---- samplers ---- */

static const char box_axes[] =
    "{\"x\": {\"uniform\": [0, 1]}, \"y\": {\"uniform\": [0, 1]}, \"n\": {\"int\": [1, 64]}}";

static struct sampler *new_sampler(struct search_def *def, const struct space *space, const char *search)
{
    struct err err = ERR_NONE;
    *def = search_of(search, space);
    struct sampler *s = sampler_new(def, space, 5, &err);
    if (!s)
        fail_msg("%s", err.text);
    return s;
}

/* The optimum of the scores lies where the rules forbid it, so that models are drawn to the edge. */
static void propose_and_score(struct sampler *s, const struct space *space, int trials)
{
    struct history history = {0};
    struct proposal note;
    struct point point;
    uint64_t seq = 0;
    point_init(&point, space);
    for (int t = 1; t <= trials; t++) {
        struct err err = ERR_NONE;
        int rc = sampler_propose(s, &history, (uint32_t)t, &point, &note, &err);
        if (rc == ERR_GONE)
            break;
        if (rc)
            fail_msg("trial %d: %s", t, err.text);
        if (!require_holds(space, &point) || !space_holds(space, &point))
            fail_msg("trial %d of %s breaks a rule (%s)", t, note.sampler, note.why);
        history_add(&history, (uint32_t)t, (uint32_t)t, &point, note.fit, note.fit_count, ++seq);
        history_update(&history, (uint32_t)t, HISTORY_SCORED, false, 1, point.v[0].num + point.v[1].num,
                       ++seq);
    }
    point_fini(&point);
    history_fini(&history);
}

static void no_sampler_breaks_a_rule(void **state)
{
    (void)state;
    static const char *const searches[] = {
        "{\"method\": \"random\", \"trials\": 60}",
        "{\"method\": \"grid\", \"grid\": {\"x\": 5, \"y\": 5, \"n\": 4}}",
        "{\"method\": \"latin\", \"trials\": 60}",
        "{\"method\": \"halton\", \"trials\": 60}",
        "{\"method\": \"sobol\", \"trials\": 60}",
        "{\"method\": \"tpe\", \"trials\": 60}",
        "{\"method\": \"gp\", \"trials\": 40}",
        "{\"method\": \"cma-es\", \"trials\": 60}",
        "{\"method\": \"auto\", \"trials\": 40}",
        "{\"method\": \"coarse-to-fine\", \"stages\": [{\"trials\": 40, \"epochs\": 1}]}",
    };
    static const char *const rules[] = {
        "[\"x + y <= 0.8\", \"n * x >= 2\"]", "[\"abs(x - y) < 0.005\"]",
        "[\"x < 1e-4 or y > 0.9999\"]", /* two corners, a fifth of a thousandth of the space */
    };
    for (size_t i = 0; i < COUNT_OF(searches); i++)
        for (size_t k = 0; k < COUNT_OF(rules); k++) {
            if (k && strstr(searches[i], "grid"))
                continue; /* has no points there: the next test */
            struct space space = space_with(box_axes, rules[k]);
            struct search_def def;
            struct sampler *s = new_sampler(&def, &space, searches[i]);
            propose_and_score(s, &space, 60);
            sampler_free(s);
            search_fini(&def);
            space_fini(&space);
        }
}

/* Conditions and choices, with rules that reach over both groups. */
static void groups_of_tpe_keep_rules_between_them(void **state)
{
    (void)state;
    struct space space = space_with("{\"x\": {\"uniform\": [0, 1]}, \"kind\": {\"choice\": [\"a\", \"b\"]},"
                                    " \"y\": {\"uniform\": [0, 1], \"when\": {\"kind\": [\"b\"]}}, \"z\": "
                                    "{\"log\": [1e-4, 1], \"or_zero\": 0.2}}",
                                    "[\"y <= x\", \"kind == 'a' or z < x\", \"x < 0.9\"]");
    static const char *const searches[] = {"{\"method\": \"tpe\", \"trials\": 80}",
                                           "{\"method\": \"gp\", \"trials\": 40}",
                                           "{\"method\": \"random\", \"trials\": 80}"};
    for (size_t i = 0; i < COUNT_OF(searches); i++) {
        struct search_def def;
        struct sampler *s = new_sampler(&def, &space, searches[i]);
        propose_and_score(s, &space, i == 1 ? 40 : 80);
        sampler_free(s);
        search_fini(&def);
    }
    space_fini(&space);
}

/* A design's n-th point is the n-th of its sequence that keeps the rules: whoever asks in whatever order. */
static void designs_skip_by_number(void **state)
{
    (void)state;
    static const char *const searches[] = {
        "{\"method\": \"random\", \"trials\": 40}", "{\"method\": \"latin\", \"trials\": 40}",
        "{\"method\": \"halton\", \"trials\": 40}", "{\"method\": \"sobol\", \"trials\": 40}"};
    struct space space =
        space_with("{\"x\": {\"uniform\": [0, 1]}, \"y\": {\"uniform\": [0, 1]}}", "[\"x > 0.7 and y > x\"]");
    for (size_t i = 0; i < COUNT_OF(searches); i++) {
        struct search_def def;
        struct sampler *up = new_sampler(&def, &space, searches[i]),
                       *down = new_sampler(&def, &space, searches[i]);
        struct history none = {0};
        struct point points[40], again;
        struct proposal note;
        point_init(&again, &space);
        for (uint32_t t = 1; t <= 40; t++) {
            point_init(&points[t - 1], &space);
            assert_int_equal(sampler_propose(up, &none, t, &points[t - 1], &note, NULL), 0);
            assert_true(require_holds(&space, &points[t - 1]));
        }
        for (uint32_t t = 40; t >= 1; t--) {
            assert_int_equal(sampler_propose(down, &none, t, &again, &note, NULL), 0);
            assert_true(point_equal(&again, &points[t - 1]));
            sampler_forget(up);
            assert_int_equal(sampler_propose(up, &none, t, &again, &note, NULL), 0);
            assert_true(point_equal(&again, &points[t - 1]));
        }
        for (int t = 0; t < 40; t++) {
            for (int k = 0; k < t; k++)
                assert_false(point_equal(&points[t], &points[k]));
        }
        for (int t = 0; t < 40; t++)
            point_fini(&points[t]);
        point_fini(&again);
        sampler_free(up);
        sampler_free(down);
        search_fini(&def);
    }
    space_fini(&space);
}

static void a_grid_leaves_out_and_counts(void **state)
{
    (void)state;
    struct space space = space_with("{\"a\": {\"int\": [1, 4]}, \"b\": {\"int\": [1, 4]}}", "[\"a >= b\"]");
    struct search_def def;
    struct sampler *s = new_sampler(&def, &space, "{\"method\": \"grid\", \"grid\": {\"a\": 4, \"b\": 4}}");
    struct history none = {0};
    struct proposal note;
    struct point point;
    point_init(&point, &space);
    assert_int_equal(sampler_size(s), 10);
    assert_int_equal(sampler_propose(s, &none, 1, &point, &note, NULL), 0);
    assert_string_equal(note.why, "grid point 1 of 10; 6 more break a rule and are left out");
    propose_and_score(s, &space, 20);
    point_fini(&point);
    sampler_free(s);
    search_fini(&def);
    space_fini(&space);

    space = space_with("{\"x\": {\"uniform\": [0, 1]}}", "[\"x > 0.3 and x < 0.4\"]");
    struct err err = ERR_NONE;
    static const char text[] = "{\"method\": \"grid\", \"grid\": {\"x\": 3}}";
    struct json *root = json_parse(text, strlen(text), "study.json", &err);
    struct jcur cur = jcur_root(root, "study.json");
    expect_complaint(&err, search_parse(&cur, &space, &def, &err), "grid: has no point that keeps every rule",
                     "more points");
    json_free(root);
    space_fini(&space);
}

/* Where hardly anything keeps the rules a row says so, and the points still differ and spread. */
static void a_tiny_share_is_walked_and_said(void **state)
{
    (void)state;
    struct space space = space_with(box_axes, "[\"x < 0.003 and y < 0.01\"]");
    struct search_def def;
    struct sampler *s = new_sampler(&def, &space, "{\"method\": \"random\", \"trials\": 200}");
    struct history history = {0};
    struct proposal note;
    struct point point;
    double x[200];
    point_init(&point, &space);
    for (uint32_t t = 1; t <= 200; t++) {
        assert_int_equal(sampler_propose(s, &history, t, &point, &note, NULL), 0);
        assert_true(require_holds(&space, &point));
        if (t == 1)
            assert_string_equal(
                note.why,
                "1000 random points broke a rule: a walk from the point that was found at submission");
        x[t - 1] = point.v[0].num;
        history_add(&history, t, t, &point, NULL, 0, t);
    }
    assert_true(ks_uniform(x, 200, 0, 0.003) < 1.95 / sqrt(200));
    point_fini(&point);
    history_fini(&history);
    sampler_free(s);
    search_fini(&def);
    space_fini(&space);
}

/* ---- points that people name ---- */

static int name_point(const struct space *space, const char *text, struct point *out, struct err *err)
{
    struct history none = {0};
    struct json *root = json_parse(text, strlen(text), "enqueue", err);
    struct jcur cur = jcur_root(root, "enqueue");
    int rc = given_point(space, &none, 3, 7, &cur, out, err);
    json_free(root);
    return rc;
}

static void named_points_keep_the_rules(void **state)
{
    (void)state;
    struct space space = space_with(box_axes, "[\"x + y < 0.2\"]");
    struct err err = ERR_NONE;
    struct point point;
    point_init(&point, &space);
    expect_complaint(&err, name_point(&space, "{\"x\": 0.5, \"y\": 0.5, \"n\": 3}", &point, &err),
                     "enqueue: breaks the rule \"x + y < 0.2\"", "require");
    expect_complaint(&err, name_point(&space, "{\"x\": 0.5}", &point, &err),
                     "leaves nothing that keeps all rules", "require");
    assert_int_equal(name_point(&space, "{\"x\": 0.19}", &point, &err), 0);
    assert_true(point.v[0].num == 0.19 && require_holds(&space, &point));
    assert_int_equal(name_point(&space, "{}", &point, &err), 0);
    assert_true(require_holds(&space, &point));
    point_fini(&point);
    space_fini(&space);
}

/* What is named exists: a condition that is left open is drawn so that it holds, whatever the seed and trial. */
static void naming_a_parameter_decides_its_conditions(void **state)
{
    (void)state;
    struct space space = space_of(
        "{\"opt\": {\"choice\": [\"adam\", \"mom\"], \"weights\": [50, 1]}, \"kind\": {\"choice\": [1, "
        "2, 3], \"when\": {\"opt\": [\"mom\"]}}, \"m\": {\"uniform\": [0, 1], \"when\": {\"kind\": [2, "
        "3]}}}");
    struct history none = {0};
    struct err err = ERR_NONE;
    struct point point;
    struct json *root = json_parse("{\"m\": 0.5}", 10, "enqueue", &err);
    struct jcur cur = jcur_root(root, "enqueue");
    point_init(&point, &space);
    assert_int_equal(given_check(&space, &none, &cur, &err), 0);
    for (uint32_t trial = 1; trial <= 200; trial++) {
        if (given_point(&space, &none, trial, trial, &cur, &point, &err))
            fail_msg("trial %u: %s", trial, err.text);
        assert_true(point.v[0].choice == 1 && point.v[1].choice >= 1 && point.v[2].num == 0.5);
    }
    json_free(root);
    expect_complaint(&err, name_point(&space, "{\"opt\": \"adam\", \"m\": 0.5}", &point, &err),
                     "m: is not active here", "leave it out, or");
    expect_complaint(&err, name_point(&space, "{\"kind\": 1, \"m\": 0.5}", &point, &err),
                     "m: is not active here", "leave it out, or");
    point_fini(&point);
    space_fini(&space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complaints_say_where),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(rules_mean_what_they_say),
        cmocka_unit_test(rules_that_nothing_keeps_are_refused),
        cmocka_unit_test(no_sampler_breaks_a_rule),
        cmocka_unit_test(groups_of_tpe_keep_rules_between_them),
        cmocka_unit_test(designs_skip_by_number),
        cmocka_unit_test(a_grid_leaves_out_and_counts),
        cmocka_unit_test(a_tiny_share_is_walked_and_said),
        cmocka_unit_test(named_points_keep_the_rules),
        cmocka_unit_test(naming_a_parameter_decides_its_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
