/* Coarse to fine: the boxes of the lecture's own two tables, how often a parameter that does nothing raises
 * an alarm, what never happens to a box, and a whole study of three stages. */
#include "tests/unit/search.h"

#include "common/rng.h"
#include "master/search/design.h"
#include "master/search/stages.h"

static const double coarse[][3] = {
    {.412, 1.405206e-4, 4.793564e-1}, {.214, 7.231888e-6, 2.321281e-4}, {.208, 2.119571e-6, 8.011857e1},
    {.196, 1.551131e-5, 4.374936e-5}, {.079, 1.753300e-5, 1.200424e3},  {.223, 4.215128e-5, 4.196174e1},
    {.441, 1.750259e-4, 2.110807e-4}, {.241, 6.749231e-5, 4.226413e1},  {.482, 4.296863e-4, 6.642555e-1},
    {.079, 5.401602e-6, 1.599828e4},  {.154, 1.618508e-6, 4.925252e-1},
};
static const double fine[][3] = {
    {.527, 5.340517e-4, 4.097824e-1}, {.492, 2.279484e-4, 9.991345e-4}, {.512, 8.680827e-4, 1.349727e-2},
    {.461, 1.028377e-4, 1.220193e-2}, {.460, 1.113730e-4, 5.244309e-2}, {.498, 9.477776e-4, 2.001293e-3},
    {.469, 1.484369e-4, 4.328313e-1}, {.522, 5.586261e-4, 2.312685e-4}, {.530, 5.808183e-4, 8.259964e-2},
    {.489, 1.979168e-4, 1.010889e-4}, {.490, 2.036031e-4, 2.406271e-3}, {.475, 2.021162e-4, 2.287807e-1},
    {.460, 1.135527e-4, 3.905040e-2}, {.515, 6.947668e-4, 1.562808e-2}, {.531, 9.471549e-4, 1.433895e-3},
    {.509, 3.140888e-4, 2.857518e-1}, {.514, 6.438349e-4, 3.033781e-1}, {.502, 3.921784e-4, 2.707126e-4},
    {.509, 9.752279e-4, 2.850865e-3}, {.500, 2.412048e-4, 4.997821e-4}, {.466, 1.319314e-4, 1.189915e-2},
    {.516, 8.039527e-4, 1.528291e-2},
};

static void fill(struct history *h, const struct space *space, const double table[][3], int n)
{
    struct point point;
    point_init(&point, space);
    for (int i = 0; i < n; i++) {
        uint32_t trial = (uint32_t)i + 1;
        point.v[0] = value_num(table[i][1]);
        point.v[1] = value_num(table[i][2]);
        history_add(h, trial, trial, &point, NULL, 0, trial);
        bool is_bad = table[i][0] < 0;
        history_update(h, trial, is_bad ? HISTORY_BAD : HISTORY_PENDING, is_bad, is_bad ? 1 : 5, table[i][0],
                       trial + 100);
    }
    point_fini(&point);
}

static int next_of(const char *text, const double table[][3], int n, struct wall_event *events,
                   struct span ranges[2])
{
    struct space space = space_of(text);
    struct history h = {0};
    struct box box, next;
    fill(&h, &space, table, n);
    box_init(&box, &space);
    box_clone(&next, &box, &space);
    struct stage_end end = {&space, BOUNDARY_DEFAULT, &h, &box, {n, 5}};
    int count = stage_next_box(&end, &next, events, 10);
    for (int i = 0; i < 2; i++)
        ranges[i] = box_range(&next, &space, i);
    box_fini(&box);
    box_fini(&next);
    history_fini(&h);
    space_fini(&space);
    return count;
}

static bool near(double x, double want)
{
    return fabs(x / want - 1) < 5e-3; /* three digits */
}

static void the_lectures_coarse_stage(void **state)
{
    (void)state;
    struct wall_event events[10];
    struct span r[2];
    int n =
        next_of("{\"lr\": {\"log\": [1e-6, 1e-3]}, \"reg\": {\"log\": [1e-5, 1e5]}}", coarse, 11, events, r);
    assert_int_equal(n, 2);
    assert_true(events[0].verdict == WALL_SHRINK && events[1].verdict == WALL_SHRINK);
    assert_true(near(r[0].lo, 1.858e-4) && near(r[0].hi, 9.936e-4));
    assert_true(near(r[1].lo, 2.10e-3) && near(r[1].hi, 210.1));
}

static void the_lectures_fine_stage(void **state)
{
    (void)state;
    struct wall_event events[10];
    struct span r[2];
    int n = next_of("{\"lr\": {\"log\": [1e-4, 1e-3]}, \"reg\": {\"log\": [1e-4, 1]}}", fine, 22, events, r);
    assert_int_equal(n, 3);
    assert_true(events[1].verdict == WALL_GROW && events[1].param == 0 && events[1].side == 1);
    assert_true(fabs(events[1].best - 0.976) < 1e-3 && fabs(events[1].trend - 0.808) < 1e-3);
    assert_int_equal(events[1].behind[0], 15);
    assert_string_equal(events[1].text,
                        "lr: the best 3 of 22 lean on the top wall, trend +0.81; wall 0.001 → 0.00316");
    assert_true(near(r[0].lo, 4.23e-4) && near(r[0].hi, 3.162e-3));
    assert_true(near(r[1].lo, 1.43e-4) && near(r[1].hi, 1.43e-2));
}

static void the_same_wall_under_other_policies(void **state)
{
    (void)state;
    struct wall_event e[10];
    struct span r[2];
    next_of("{\"lr\": {\"log\": [1e-4, 1e-3], \"limits\": [1e-5, 2e-3]}, \"reg\": {\"log\": [1e-4, 1]}}",
            fine, 22, e, r);
    assert_true(e[1].verdict == WALL_GROW && near(r[0].hi, 2e-3) && r[0].hi <= 2e-3);
    next_of("{\"lr\": {\"log\": [1e-4, 1e-3], \"limits\": [1e-5, 1e-3]}, \"reg\": {\"log\": [1e-4, 1]}}",
            fine, 22, e, r);
    assert_true(e[1].verdict == WALL_AT_LIMIT && r[0].hi == 1e-3);
    next_of("{\"lr\": {\"log\": [1e-4, 1e-3], \"boundary\": \"ask\"}, \"reg\": {\"log\": [1e-4, 1]}}", fine,
            22, e, r);
    assert_true(e[1].verdict == WALL_ASK && r[0].hi == 1e-3 && near(e[1].after.hi, 3.162e-3));
    next_of("{\"lr\": {\"log\": [1e-4, 1e-3], \"boundary\": \"warn\"}, \"reg\": {\"log\": [1e-4, 1]}}", fine,
            22, e, r);
    assert_true(e[1].verdict == WALL_WARN && r[0].hi == 1e-3);
    int n = next_of("{\"lr\": {\"log\": [1e-4, 1e-3], \"boundary\": \"off\"}, \"reg\": {\"log\": [1e-4, 1]}}",
                    fine, 22, e, r);
    assert_true(n == 2 && r[0].hi == 1e-3);
}

/* D13: the best at the wall, and whatever was tried beyond it diverged. */
static void the_edge_of_stability(void **state)
{
    (void)state;
    double table[24][3];
    struct wall_event e[10];
    struct span r[2];
    memcpy(table, fine, sizeof fine);
    static const double beyond[3][3] = {
        {-1, 9.752279e-4, 2.850865e-3}, {-1, 9.8e-4, 1e-2}, {-1, 9.9e-4, 1e-2}};
    table[5][1] = 9.2e-4; /* it lay a hair beyond the best */
    memcpy(table[18], beyond[0], sizeof beyond[0]);
    memcpy(table[22], beyond[1], 2 * sizeof beyond[1]);
    next_of("{\"lr\": {\"log\": [1e-4, 1e-3]}, \"reg\": {\"log\": [1e-4, 1]}}", table, 24, e, r);
    assert_int_equal(e[1].verdict, WALL_DIVERGED);
    assert_non_null(strstr(e[1].text, "diverged: it stays"));
    assert_true(r[0].hi == 1e-3);
}

/* A parameter that does nothing, Latin hypercube stages of 30: alarms and false growth. */
static void a_dead_parameter(void **state)
{
    (void)state;
    enum { RUNS = 4000, N = 30 };
    struct space space = space_of("{\"x\": {\"log\": [1e-3, 1]}}");
    struct box box, next;
    struct point point;
    int warned = 0, grown = 0;
    box_init(&box, &space);
    point_init(&point, &space);
    for (uint64_t run = 0; run < RUNS; run++) {
        struct history h = {0};
        struct wall_event e[4];
        struct rng rng = rng_at(run, 0, 0, 99);
        for (uint32_t t = 1; t <= N; t++) {
            point.v[0] = param_from_unit(&space.params[0], latin_unit(run, 1, N, t - 1));
            history_add(&h, t, t, &point, NULL, 0, t);
            history_update(&h, t, HISTORY_PENDING, false, 9, rng_unit(&rng), t + N);
        }
        box_clone(&next, &box, &space);
        struct stage_end end = {&space, BOUNDARY_DEFAULT, &h, &box, {N, 9}};
        int n = stage_next_box(&end, &next, e, 4);
        bool has_grown = false;
        for (int i = 1; i < n; i++)
            has_grown |= e[i].verdict == WALL_GROW;
        warned += n > 1;
        grown += has_grown;
        box_fini(&next);
        history_fini(&h);
    }
    assert_in_range(warned, (int)(0.11 * RUNS), (int)(0.15 * RUNS));
    assert_true(grown < 0.015 * RUNS);
    point_fini(&point);
    box_fini(&box);
    space_fini(&space);
}

/* Whatever the history: limits are never crossed, boxes never become too small, points are inside them. */
static void boxes_stay_sane(void **state)
{
    (void)state;
    struct space space = space_of("{\"a\": {\"log\": [1e-4, 1e-2], \"limits\": [1e-5, 1]}, \"n\": {\"int\": "
                                  "[3, 40], \"limits\": [1, 60]}, \"l\": "
                                  "{\"int\": [4, 64], \"log\": true, \"limits\": [2, 256]}, \"q\": "
                                  "{\"uniform\": [0, 0.8], \"step\": 0.1}, \"v\": "
                                  "{\"values\": [1, 2, 5, 7, 9]}, \"c\": {\"choice\": [\"x\", \"y\", \"z\", "
                                  "\"w\"]}, \"m\": {\"logit\": [0.5, 0.99], "
                                  "\"when\": {\"c\": [\"x\", \"y\"]}}}");
    struct point point;
    point_init(&point, &space);
    for (uint32_t run = 0; run < 10000; run++) {
        struct rng rng = rng_at(run, 7, 0, 98);
        struct history h = {0};
        struct box box, next;
        struct wall_event e[32];
        uint64_t seq = 1;
        uint32_t trial = 1;
        box_init(&box, &space);
        for (int stage = 0; stage < 4; stage++) {
            for (int k = 0; k < 8; k++, trial++) {
                double u[7];
                for (int i = 0; i < 7; i++)
                    u[i] = rng_unit(&rng);
                box_point(&box, &space, u, &point);
                assert_true(space_holds(&space, &point) && box_holds(&box, &space, &point));
                history_add(&h, trial, trial, &point, NULL, 0, seq++);
                bool is_bad = rng_below(&rng, 5) == 0;
                double lean = rng_below(&rng, 2) ? u[0] + u[1] : u[2] - u[0];
                history_update(&h, trial, is_bad ? HISTORY_BAD : HISTORY_PENDING, false, 3, lean, seq++);
            }
            box_clone(&next, &box, &space);
            stage_next_box(&(struct stage_end){&space, BOUNDARY_DEFAULT, &h, &box, {8, 3}}, &next, e, 32);
            for (int i = 0; i < 5; i++) {
                struct span r = box_range(&next, &space, i), reach = param_reach(&space.params[i]);
                assert_true(r.lo >= reach.lo && r.hi <= reach.hi && r.lo < r.hi);
            }
            struct span n = box_range(&next, &space, 1), l = box_range(&next, &space, 2);
            struct span a = box_range(&next, &space, 0), q = box_range(&next, &space, 3);
            assert_true(n.hi - n.lo >= 2 && l.hi - l.lo >= 2 && a.hi / a.lo > 1.1499 && q.hi - q.lo > 0.199);
            assert_true(next.kept[5] >= 2 && next.walls[4].hi - next.walls[4].lo >= 2);
            box_fini(&box);
            box = next;
        }
        box_fini(&box);
        history_fini(&h);
    }
    point_fini(&point);
    space_fini(&space);
}

static void hopeless_choices_are_dropped(void **state)
{
    (void)state;
    struct space space = space_of("{\"c\": {\"choice\": [\"a\", \"b\", \"d\", \"e\"]}}");
    struct history h = {0};
    struct box box, next;
    struct wall_event e[8];
    struct point point;
    point_init(&point, &space);
    for (uint32_t t = 1; t <= 20; t++) {
        point.v[0] = value_choice((int)(t % 4));
        history_add(&h, t, t, &point, NULL, 0, t);
        history_update(&h, t, HISTORY_PENDING, false, 1, t % 4 < 2 ? 1 + t / 100.0 : t / 100.0, t + 50);
    }
    box_init(&box, &space);
    box_clone(&next, &box, &space);
    struct stage_end end = {&space, BOUNDARY_DEFAULT, &h, &box, {20, 1}};
    assert_int_equal(stage_next_box(&end, &next, e, 8), 2);
    assert_true(next.dropped[0][2] && next.dropped[0][3] && next.kept[0] == 2);
    assert_string_equal(e[0].text, "c: d is dropped: never in the better half");
    for (int k = 0; k < 100; k++) {
        double u = k / 100.0;
        box_point(&next, &space, &u, &point);
        assert_int_equal(point.v[0].choice, k >= 50);
    }
    box_fini(&box);
    box_fini(&next);
    point_fini(&point);
    history_fini(&h);
    space_fini(&space);
}

/* Three stages as the reactor runs them: propose, train to the stage's epochs, end the stage. */
static void a_whole_study(void **state)
{
    (void)state;
    struct space space = space_of("{\"lr\": {\"log\": [1e-6, 1]}, \"x\": {\"uniform\": [0, 1]}}");
    struct search_def def =
        search_of("{\"method\": \"coarse-to-fine\", \"stages\": [{\"trials\": 20, \"epochs\": 1}, "
                  "{\"trials\": 10, \"epochs\": 5}, {\"trials\": 10, \"epochs\": 20}]}",
                  &space);
    const struct stages *stages = def.settings;
    struct err err = ERR_NONE;
    struct sampler *s = sampler_new(&def, &space, 4, &err);
    struct history h = {0};
    struct proposal note;
    struct point point;
    uint64_t seq = 1;
    uint32_t trial = 1, carry[8];
    point_init(&point, &space);
    for (int stage = 0; stage < 3; stage++) {
        struct stage st = stage_at(stages, stage);
        while (sampler_propose(s, &h, trial, &point, &note, &err) == 0) {
            assert_false(stages_state(stages, &h).is_over);
            history_add(&h, trial, trial, &point, NULL, 0, seq++);
            trial++;
        }
        assert_int_equal(stages_state(stages, &h).proposed, stage ? 8 : 20);
        assert_int_equal(stages_state(stages, &h).stage, stage);
        for (size_t i = 0; i < h.count; i++) {
            double off = log10(h.entries[i].point.v[0].num) + 3;
            if (h.entries[i].state == HISTORY_PENDING)
                history_update(&h, h.entries[i].trial, stage == 2 ? HISTORY_SCORED : HISTORY_PENDING, false,
                               st.epochs, 1 - off * off / 40, seq++);
        }
        assert_true(stages_state(stages, &h).is_over);
        int rc = sampler_propose(s, &h, trial, &point, &note, &err);
        assert_int_equal(rc, stage == 2 ? ERR_GONE : ERR_BUSY);
        if (stage == 2)
            break;
        struct box box, next;
        struct wall_event e[8];
        history_box_clone(&h, &space, &box);
        box_clone(&next, &box, &space);
        stage_next_box(&(struct stage_end){&space, def.boundary, &h, &box, st}, &next, e, 8);
        int carried = stage_carried(&h, st.epochs, stage_at(stages, stage + 1).trials, carry);
        assert_int_equal(carried, 2);
        for (size_t i = 0; i < h.count; i++)
            if (h.entries[i].trial != carry[0] && h.entries[i].trial != carry[1] &&
                h.entries[i].state == HISTORY_PENDING)
                history_update(&h, h.entries[i].trial, HISTORY_SCORED, true, h.entries[i].epochs,
                               h.entries[i].score, seq++);
        history_set_box(&h, &space, &next, stage + 1, carried, seq++);
        box_fini(&box);
        box_fini(&next);
    }
    struct span last = box_range(&history_box(&h)->box, &space, 0);
    assert_true(last.lo < 1e-3 && last.hi > 1e-3 && last.hi / last.lo < 1e4);
    assert_int_equal(trial, 20 + 8 + 8 + 1);
    point_fini(&point);
    history_fini(&h);
    sampler_free(s);
    search_fini(&def);
    space_fini(&space);
}

static void stages_from_a_budget(void **state)
{
    (void)state;
    struct stages s;
    stages_auto(100, 20, &s);
    assert_true(s.count == 3 && s.list[0].trials == 50 && s.list[1].trials == 30 && s.list[2].trials == 20);
    assert_true(s.list[0].epochs == 1 && s.list[1].epochs == 5 && s.list[2].epochs == 20);
    stages_auto(100, 4, &s);
    assert_true(s.count == 4 && s.list[0].trials == 30 && s.list[3].trials == 24 && s.list[0].epochs == 4);
    struct space space = space_of("{\"x\": {\"uniform\": [0, 1]}}");
    static const char *const bad[][2] = {
        {"{\"method\": \"coarse-to-fine\"}", "search.stages: cannot be worked out"},
        {"{\"method\": \"coarse-to-fine\", \"stages\": []}", "search.stages: must have 1"},
        {"{\"method\": \"coarse-to-fine\", \"stages\": [{\"trials\": 5, \"epochs\": 5}, {\"trials\": 5, "
         "\"epochs\": 1}]}",
         "search.stages[1].epochs: is less than"},
        {"{\"method\": \"coarse-to-fine\", \"stages\": [{\"trials\": 5, \"epoch\": 5}]}",
         "search.stages[0]: unknown key \"epoch\""},
        {"{\"method\": \"coarse-to-fine\", \"stages\": [{\"trials\": 5, \"epochs\": 5}], \"sampler\": "
         "\"tpf\"}",
         "search.sampler: \"tpf\" is not one"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = ERR_NONE;
        struct search_def def;
        struct json *root = json_parse(bad[i][0], strlen(bad[i][0]), "study.json", &err);
        struct jcur file = jcur_root(NULL, "study.json"),
                    cur = {.node = root, .up = &file, .key = "search", .file = "study.json"};
        expect_complaint(&err, search_parse(&cur, &space, &def, &err), bad[i][1], NULL);
        json_free(root);
    }
    space_fini(&space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lectures_coarse_stage),
        cmocka_unit_test(the_lectures_fine_stage),
        cmocka_unit_test(the_same_wall_under_other_policies),
        cmocka_unit_test(the_edge_of_stability),
        cmocka_unit_test(a_dead_parameter),
        cmocka_unit_test(boxes_stay_sane),
        cmocka_unit_test(hopeless_choices_are_dropped),
        cmocka_unit_test(a_whole_study),
        cmocka_unit_test(stages_from_a_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
