/* Walls under any sampler: how often one moves for a parameter that does nothing, how soon it moves for one
 * whose optimum lies a decade beyond, and what it never does. Larger samples and the curve:
 * bench/search/walls.c. */
#include "tests/unit/race.h"

#include "common/rng.h"
#include "master/search/probe.h"
#include "master/search/walls.h"

/* Error of a training whose best learning rate is 10^0; diverges above 10^0.45. Two parameters do next to
 * nothing. */
static double lrsurf(const struct point *p, double noise, struct rng *rng)
{
    double d = log10(p->v[0].num), wd = log10(p->v[1].num) + 0.7 * d + 3;
    double e = 0.05 + 0.06 * d * d + 0.015 * wd * wd + 0.003 * p->v[2].num + 0.002 * log10(p->v[3].num);
    return d > 0.45 ? -INFINITY : -(fmin(e, 0.9) + noise * rng_normal(rng));
}

static const struct wall_rule random_points = {BOUNDARY_DEFAULT, true}, by_model = {BOUNDARY_DEFAULT, false};

struct study {
    struct space space;
    struct history history;
    struct box box;
    uint64_t seq;
    struct wall_rule rule;
    int moved[4][2]; /* walls, by parameter and side */
};

static void study_init(struct study *s, double decades_low, double decades_high)
{
    char text[300];
    snprintf(text, sizeof text,
             "{\"lr\": {\"log\": [1e%g, 1e%g]}, \"wd\": {\"log\": [1e-6, 1]}, \"a\": {\"uniform\": [0, 1], "
             "\"boundary\": "
             "\"expand\"}, \"b\": {\"log\": [1, 10]}}",
             decades_low, decades_high);
    *s = (struct study){.space = space_of(text), .rule = random_points};
    box_init(&s->box, &s->space);
}

static void study_fini(struct study *s)
{
    history_fini(&s->history);
    box_fini(&s->box);
    space_fini(&s->space);
}

static void look(struct study *s)
{
    struct wall_event e[16];
    struct box next;
    box_clone(&next, &s->box, &s->space);
    int n = walls_look(&s->space, s->rule, &s->history, &s->box, &next, e, 16);
    for (int i = 0; i < n; i++)
        if (e[i].verdict == WALL_GROW)
            s->moved[e[i].param][e[i].side > 0]++;
    box_fini(&s->box);
    s->box = next;
}

/* Random points inside the box of the moment, a look whenever one is due. */
static void run(struct study *s, uint64_t seed, int trials, double noise)
{
    struct point point;
    point_init(&point, &s->space);
    for (uint32_t t = 1; t <= (uint32_t)trials; t++) {
        double u[4];
        struct rng rng = rng_at(seed, t, 0, 97);
        for (int i = 0; i < 4; i++)
            u[i] = rng_unit(&rng);
        box_point(&s->box, &s->space, u, &point);
        double score = lrsurf(&point, noise, &rng);
        history_add(&s->history, t, t, &point, NULL, 0, ++s->seq);
        history_update(&s->history, t, score > -INFINITY ? HISTORY_SCORED : HISTORY_BAD, false, 1, score,
                       ++s->seq);
        if (walls_due(t - 1, t))
            look(s);
    }
    point_fini(&point);
}

/* Of 600 parameters that do nothing, looked at from trial 12 to 30. */
static void dead_parameters_stay(void **state)
{
    (void)state;
    int moved = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct study s;
        study_init(&s, -4, 1);
        run(&s, 1000 + seed, 30, seed % 2 * 0.02);
        for (int i = 2; i < 4; i++)
            moved += s.moved[i][0] || s.moved[i][1];
        study_fini(&s);
    }
    assert_true(moved <= 17); /* expected 8, of which 17 is more than three sd away */
}

static void the_wall_moves(void **state)
{
    (void)state;
    static const double low[] = {-4, -6}, noise[] = {0, 0.02};
    for (int k = 0; k < 4; k++) {
        int found = 0;
        for (uint64_t seed = 0; seed < 60; seed++) {
            struct study s;
            study_init(&s, low[k % 2], -1);
            run(&s, 3000 + seed, 40, noise[k / 2]);
            found += s.moved[0][1] > 0;
            study_fini(&s);
        }
        assert_true(found >= 57);
    }
}

/* The right box: the optimum is inside, divergence at its top end; the walls of lr stay. */
static void right_boxes_stay(void **state)
{
    (void)state;
    int moved = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct study s;
        study_init(&s, -5, 2);
        run(&s, 5000 + seed, 60, 0.02);
        moved += s.moved[0][0] || s.moved[0][1];
        study_fini(&s);
    }
    assert_int_equal(moved, 0);
}

/* The optimum a decade and a half beyond the wall, searched by models that follow it; points behind the old
 * wall stay evidence. A fixed box would leave 0.135 of regret at the least. */
static void models_follow(const char *search)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct race race;
        struct box box, next;
        struct wall_event e[16];
        double best = INFINITY;
        race_init(&race,
                  "{\"lr\": {\"log\": [1e-5, 0.0316]}, \"wd\": {\"log\": [1e-6, 1]}, \"a\": {\"uniform\": "
                  "[0, 1]}, \"b\": "
                  "{\"log\": [1, 10]}}",
                  search, seed);
        box_init(&box, &race.space);
        for (uint32_t t = 1; t <= 80; t++) {
            struct rng rng = rng_at(seed, t, 0, 96);
            race_ask(&race, t);
            double score = lrsurf(&race.history.entries[t - 1].point, 0, &rng);
            race_tell(&race, t, -score);
            best = fmin(best, -score - 0.05);
            if (!walls_due(t - 1, t))
                continue;
            box_clone(&next, &box, &race.space);
            walls_look(&race.space, search_walls(&race.def), &race.history, &box, &next, e, 16);
            if (!box_equal(&box, &next, &race.space))
                history_set_box(&race.history, &race.space, &next, 0, 0, ++race.seq);
            box_fini(&box);
            box = next;
        }
        assert_true(best < 0.02);
        box_fini(&box);
        race_fini(&race);
    }
}

static void models_follow_a_wall(void **state)
{
    (void)state;
    models_follow("{\"method\": \"tpe\"}");
    models_follow("{\"method\": \"gp\"}");
}

static void designs_only_warn(void **state)
{
    (void)state;
    static const char *const by_number[] = {"random", "halton", "sobol", "tpe", "gp"};
    struct space space = space_of("{\"x\": {\"log\": [1, 2]}}");
    for (int i = 0; i < 5; i++) {
        char text[60];
        snprintf(text, sizeof text, "{\"method\": \"%s\"}", by_number[i]);
        struct search_def def = search_of(text, &space);
        assert_int_equal(search_boundary(&def), i < 3 ? BOUNDARY_WARN : BOUNDARY_DEFAULT);
        search_fini(&def);
    }
    space_fini(&space);
}

static void add(struct study *s, double x, double y, double score)
{
    struct point point;
    point_init(&point, &s->space);
    point.v[0] = value_num(x);
    if (point.count > 1)
        point.v[1] = value_num(y);
    uint32_t trial = (uint32_t)s->history.count + 1;
    history_add(&s->history, trial, trial, &point, NULL, 0, ++s->seq);
    history_update(&s->history, trial, score > -INFINITY ? HISTORY_SCORED : HISTORY_BAD, false, 1, score,
                   ++s->seq);
    point_fini(&point);
}

static enum wall_verdict verdict_of(const char *space, int diverged, struct wall_event *event)
{
    struct study s = {.space = space_of(space)};
    struct wall_event e[8];
    struct box next;
    box_init(&s.box, &s.space);
    box_clone(&next, &s.box, &s.space);
    for (int i = 0; i < 20; i++)
        add(&s, 0.02 + i * 0.045, (i * 7 % 20) / 20.0, i + (i * 13 % 5));
    for (int i = 0; i < diverged; i++)
        add(&s, 0.96 + 0.01 * i, 0.5, -INFINITY);
    int n = walls_look(&s.space, random_points, &s.history, &s.box, &next, e, 8);
    assert_int_equal(n, 1);
    assert_true(e[0].param == 0 && e[0].side == 1);
    *event = e[0];
    study_fini(&s);
    box_fini(&next);
    return e[0].verdict;
}

static void verdicts(void **state)
{
    (void)state;
    struct wall_event e;
    assert_int_equal(verdict_of("{\"x\": {\"uniform\": [0, 1]}, \"y\": {\"uniform\": [0, 1]}}", 0, &e),
                     WALL_WARN);
    assert_non_null(strstr(e.text, "x: the best 3 of 20 lean on the top wall, trend +0.9"));
    assert_int_equal(
        verdict_of("{\"x\": {\"uniform\": [0, 1], \"limits\": [0, 3]}, \"y\": {\"uniform\": [0, 1]}}", 0, &e),
        WALL_GROW);
    assert_true(fabs(e.after.hi - 4 / 3.0) < 1e-12 && e.before.hi == 1 && e.after.lo == 0);
    assert_int_equal(
        verdict_of("{\"x\": {\"uniform\": [0, 1], \"limits\": [0, 1.1]}, \"y\": {\"uniform\": [0, 1]}}", 0,
                   &e),
        WALL_GROW);
    assert_true(e.after.hi == 1.1);
    assert_int_equal(
        verdict_of("{\"x\": {\"uniform\": [0, 1], \"limits\": [0, 1]}, \"y\": {\"uniform\": [0, 1]}}", 0, &e),
        WALL_AT_LIMIT);
    assert_int_equal(
        verdict_of("{\"x\": {\"uniform\": [0, 1], \"boundary\": \"ask\"}, \"y\": {\"uniform\": [0, 1]}}", 0,
                   &e),
        WALL_ASK);
    assert_true(fabs(e.after.hi - 4 / 3.0) < 1e-12);
    assert_int_equal(
        verdict_of("{\"x\": {\"uniform\": [0, 1], \"limits\": [0, 3]}, \"y\": {\"uniform\": [0, 1]}}", 2, &e),
        WALL_DIVERGED);
}

/* Nothing to be seen but that the best lies at the top wall; y is 0 but for the probe. */
static void pile(struct study *s, const char *space)
{
    *s = (struct study){.space = space_of(space), .rule = by_model};
    box_init(&s->box, &s->space);
    for (int i = 0; i < 20; i++)
        add(s, i % 5 == 4 ? 1 : 0.05 + 0.04 * (i * 7 % 20), (i * 3 % 20) / 20.0,
            i % 5 == 4 ? 1 + 0.01 * i : i * 7 % 10 * 0.05);
}

static bool look_behind(const struct study *s, struct point *point, struct proposal *note)
{
    struct atlas *atlas = atlas_new(&s->space);
    atlas_follow(atlas, &s->history);
    bool is_due = probe_point(atlas, BOUNDARY_DEFAULT, &s->history, point, note);
    atlas_free(atlas);
    return is_due;
}

static bool probes(const struct study *s, double *x)
{
    struct point point;
    struct proposal note = {0};
    point_init(&point, &s->space);
    bool is_due = look_behind(s, &point, &note);
    *x = is_due ? point.v[0].num : 0;
    if (is_due)
        assert_string_equal(note.sampler, "probe");
    point_fini(&point);
    return is_due;
}

static const char probed[] =
    "{\"x\": {\"uniform\": [0, 1], \"limits\": [0, 9]}, \"y\": {\"uniform\": [0, 1]}}";

static void a_pile_is_probed_and_what_it_finds_decides(void **state)
{
    (void)state;
    struct study s;
    double x;
    pile(&s, probed);
    look(&s);
    assert_int_equal(s.moved[0][1], 0);
    assert_true(probes(&s, &x) && fabs(x - 1.5) < 1e-12);
    add(&s, 1.5, 0.85, 3);
    assert_false(probes(&s, &x)); /* one such is enough */
    look(&s);
    assert_int_equal(s.moved[0][1], 1);
    assert_true(s.box.walls[0].hi == 2);
    study_fini(&s);
    pile(&s, probed);
    add(&s, 1.5, 0.85, 1.2); /* no better than its partner inside, but for noise */
    assert_false(probes(&s, &x));
    look(&s);
    assert_int_equal(s.moved[0][1], 0);
    add(&s, 1.5, 0.123, 9); /* something else is different too: no pair */
    look(&s);
    assert_int_equal(s.moved[0][1], 0);
    study_fini(&s);
}

/* The partners of the probe's base: of the pile the best is trial 20 at y = 0.85, then trial 15 at 0.1. */
static void a_small_gain_is_confirmed_by_another_pair(void **state)
{
    (void)state;
    struct study s;
    double x;
    for (int agrees = 0; agrees < 2; agrees++) {
        pile(&s, probed);
        add(&s, 1.5, 0.85, 1.8);
        look(&s);
        assert_int_equal(s.moved[0][1], 0);
        assert_true(probes(&s, &x) && x == 1.5);
        add(&s, 1.5, 0.1, agrees ? 1.8 : 1.1);
        look(&s);
        assert_int_equal(s.moved[0][1], agrees);
        study_fini(&s);
    }
}

/* Gains of 0.6 and 0.8 would do; a partner that lost as much takes them back, and one pair is none. */
static void losses_beyond_count_against_gains(void **state)
{
    (void)state;
    struct study s;
    for (int loses = 0; loses < 2; loses++) {
        pile(&s, probed);
        add(&s, 1.5, 0.85, 1.8);
        if (loses)
            add(&s, 1.5, 0.6, -3); /* its partner is trial 5 */
        add(&s, 1.5, 0.1, 1.8);
        look(&s);
        assert_int_equal(s.moved[0][1], !loses);
        study_fini(&s);
    }
}

/* A gain of 0.2 alone says little; with the five best of all beyond the wall it says enough, unless a loss stands against it. */
static void where_the_best_lie_a_small_gain_is_enough(void **state)
{
    (void)state;
    struct study s;
    for (int loses = 0; loses < 2; loses++) {
        pile(&s, probed);
        add(&s, 1.5, 0.85, 1.2);
        if (loses)
            for (int i = 0; i < 2; i++)
                add(&s, 1.5 + 0.1 * i, 0.6, -3);
        for (int i = 0; i < 3; i++)
            add(&s, 1.6, 0.01 * i, 1.3);
        look(&s);
        assert_int_equal(s.moved[0][1], 0); /* four */
        add(&s, 1.6, 0.09, 1.3);
        look(&s);
        assert_int_equal(s.moved[0][1], !loses);
        study_fini(&s);
    }
}

/* With one parameter everything inside differs in nothing else: the best of it is the partner. */
static void one_parameter_alone_has_partners(void **state)
{
    (void)state;
    struct study s = {.space = space_of("{\"x\": {\"uniform\": [0, 1], \"limits\": [0, 9]}}"),
                      .rule = by_model};
    box_init(&s.box, &s.space);
    for (int i = 0; i < 20; i++)
        add(&s, 0.05 * i, 0, 0.05 * i);
    add(&s, 1.5, 0, 0.9);
    look(&s);
    assert_int_equal(s.moved[0][1], 0);
    add(&s, 1.6, 0, 2.9);
    look(&s);
    assert_int_equal(s.moved[0][1], 1);
    study_fini(&s);
}

/* Nothing but chance inside: a scout goes a whole box beyond, first to the top, then to the bottom. */
static void scouts_leave_a_box_in_which_nothing_is_learned(void **state)
{
    (void)state;
    struct study s = {.space = space_of("{\"x\": {\"log\": [1e-6, 1e-4], \"limits\": [1e-9, 10]}, \"y\": "
                                        "{\"uniform\": [0, 1]}}"),
                      .rule = by_model};
    static const double chance[] = {3, 8, 1, 9, 2, 7, 7, 2, 9, 1, 8, 3, 5, 6, 4};
    struct point point;
    struct proposal note;
    box_init(&s.box, &s.space);
    point_init(&point, &s.space);
    for (int i = 0; i < 15; i++)
        add(&s, pow(10, -5.8 + 0.1 * i), (i * 4 % 15) / 15.0, 0.3 + 0.01 * chance[i]);
    assert_true(look_behind(&s, &point, &note));
    assert_string_equal(note.sampler, "scout");
    assert_true(fabs(log10(point.v[0].num) + 2) < 1e-9);
    add(&s, point.v[0].num, point.v[1].num, 0.31);
    look(&s);
    assert_false(s.moved[0][0] || s.moved[0][1]);
    assert_true(look_behind(&s, &point, &note));
    assert_true(fabs(log10(point.v[0].num) + 8) < 1e-9);
    add(&s, point.v[0].num, point.v[1].num, 0.9);
    look(&s);
    assert_true(s.moved[0][0] && !s.moved[0][1]);
    assert_true(param_unscale(&s.space.params[0], s.box.walls[0].lo) < 1.0001e-8);
    point_fini(&point);
    study_fini(&s);
}

static void a_probe_that_diverged_is_followed_by_a_nearer_one(void **state)
{
    (void)state;
    struct study s;
    double x;
    pile(&s, probed);
    add(&s, 1.5, 0.85, -INFINITY);
    assert_true(probes(&s, &x) && fabs(x - 1.25) < 1e-12);
    add(&s, 1.25, 0.85, 3);
    look(&s);
    assert_true(s.box.walls[0].hi == 1.5); /* not past what diverged */
    study_fini(&s);
}

static void walls_that_do_not_move_are_not_probed(void **state)
{
    (void)state;
    struct study s;
    double x;
    pile(&s, "{\"x\": {\"uniform\": [0, 1]}, \"y\": {\"uniform\": [0, 1]}}");
    assert_false(probes(&s, &x));
    study_fini(&s);
    pile(&s, "{\"x\": {\"uniform\": [0, 1], \"limits\": [0, 1]}, \"y\": {\"uniform\": [0, 1]}}");
    assert_false(probes(&s, &x));
    study_fini(&s);
}

static void policies(void **state)
{
    (void)state;
    struct space s = space_of(
        "{\"a\": {\"log\": [1, 2]}, \"b\": {\"uniform\": [0, 1]}, \"c\": {\"int\": [1, 2], \"limits\": "
        "[1, 9]}, \"d\": {\"log\": [1, 2], \"boundary\": \"off\"}, \"e\": {\"choice\": [1, 2]}}");
    static const enum boundary want[5][5] = {
        {BOUNDARY_EXPAND, BOUNDARY_WARN, BOUNDARY_EXPAND, BOUNDARY_OFF, BOUNDARY_OFF},
        {BOUNDARY_EXPAND, BOUNDARY_WARN, BOUNDARY_EXPAND, BOUNDARY_OFF, BOUNDARY_OFF},
        {BOUNDARY_ASK, BOUNDARY_WARN, BOUNDARY_ASK, BOUNDARY_OFF, BOUNDARY_OFF},
        {BOUNDARY_WARN, BOUNDARY_WARN, BOUNDARY_WARN, BOUNDARY_OFF, BOUNDARY_OFF},
        {BOUNDARY_OFF, BOUNDARY_OFF, BOUNDARY_OFF, BOUNDARY_OFF, BOUNDARY_OFF},
    };
    for (int study = 0; study < 5; study++)
        for (int i = 0; i < 5; i++)
            assert_int_equal(wall_policy(&s.params[i], (enum boundary)study), want[study][i]);
    assert_false(walls_due(0, 11) || walls_due(12, 13) || walls_due(1024, 1087));
    assert_true(walls_due(0, 12) && walls_due(12, 17) && walls_due(1023, 1024) && walls_due(1024, 1088));
    space_fini(&s);
}

/* An int grows by a whole number at least, and stops at its limit. */
static void ints_grow_by_whole_steps(void **state)
{
    (void)state;
    struct space s = space_of("{\"n\": {\"int\": [2, 4], \"limits\": [1, 6]}}");
    const struct param *p = &s.params[0];
    struct span wall = p->box;
    wall = wall_moved(p, wall, 1, 1.0 / 3);
    assert_true(wall.hi == 5 && wall.lo == 2);
    wall = wall_moved(p, wall, 1, 1.0 / 3);
    assert_true(wall.hi == 6);
    wall = wall_moved(p, wall, 1, 1.0 / 3);
    assert_true(wall.hi == 6);
    wall = wall_moved(p, wall, -1, 1.0 / 3);
    assert_true(wall.lo == 1);
    space_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dead_parameters_stay),
        cmocka_unit_test(the_wall_moves),
        cmocka_unit_test(right_boxes_stay),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(a_pile_is_probed_and_what_it_finds_decides),
        cmocka_unit_test(a_small_gain_is_confirmed_by_another_pair),
        cmocka_unit_test(scouts_leave_a_box_in_which_nothing_is_learned),
        cmocka_unit_test(losses_beyond_count_against_gains),
        cmocka_unit_test(where_the_best_lie_a_small_gain_is_enough),
        cmocka_unit_test(one_parameter_alone_has_partners),
        cmocka_unit_test(a_probe_that_diverged_is_followed_by_a_nearer_one),
        cmocka_unit_test(walls_that_do_not_move_are_not_probed),
        cmocka_unit_test(models_follow_a_wall),
        cmocka_unit_test(designs_only_warn),
        cmocka_unit_test(policies),
        cmocka_unit_test(ints_grow_by_whole_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
