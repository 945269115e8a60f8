/* TPE: its tables, that its densities are densities, that it starts as the design it names, learns, copes
 * with conditions, repeats and pending trials, and needs nothing between calls. */
#include "tests/unit/race.h"

#include "master/search/design.h"
#include "master/search/evidence.h"
#include "master/search/parzen.h"
#include "master/search/tpe.h"

static void its_tables(void **state)
{
    (void)state;
    assert_true(tpe_below(10) == 1 && tpe_below(20) == 2 && tpe_below(100) == 10 && tpe_below(300) == 25);
    for (int n = 1; n <= 250; n++)
        assert_int_equal(tpe_below(n), (int)fmin(ceil(0.1 * n), 25));
    double w[40];
    parzen_weights(30, w);
    for (int i = 0; i < 30; i++)
        assert_true(fabs(w[i] - (i >= 5 ? 1 : 1 / 30.0 + i * (1 - 1 / 30.0) / 4)) < 1e-15);
    parzen_weights(24, w);
    for (int i = 0; i < 24; i++)
        assert_true(w[i] == 1);
    parzen_weights(26, w);
    assert_true(w[0] == 1 / 26.0 && w[1] == 1);
}

/* One point's log density. */
static double log_at(const struct parzen *z, const struct point *point)
{
    double out;
    parzen_log(z, point, 1, &out);
    return out;
}

static void fill_points(struct point *points, const struct point **borrowed, const struct space *space, int m)
{
    const struct history nothing = {0};
    for (int k = 0; k < m; k++) {
        point_init(&points[k], space);
        design_point(space, &nothing, halton_unit, 3, (uint32_t)k + 1, &points[k]);
        borrowed[k] = &points[k];
    }
}

/* Simpson over the box of a continuous axis; sums over discrete ones. */
static void densities_integrate_to_one(void **state)
{
    (void)state;
    struct space space =
        space_of("{\"lr\": {\"log\": [1e-4, 1]}, \"q\": {\"uniform\": [0, 0.8], \"step\": 0.1}, \"n\": "
                 "{\"int\": [1, 50], \"log\": true}, \"c\": {\"choice\": [\"a\", \"b\", \"d\"]}, \"o\": "
                 "{\"choice\": [1, 2, 3, 4], \"ordered\": true}, \"v\": {\"values\": [1, 10, 50]}}");
    struct point points[40], at;
    const struct point *borrowed[40];
    struct box box;
    box_init(&box, &space);
    point_init(&at, &space);
    fill_points(points, borrowed, &space, 40);
    for (int m = 0; m <= 40; m += 8) {
        for (int i = 0; i < space.count; i++) {
            struct parzen z;
            double sum = 0;
            parzen_init(&z, &space, &box, &i, 1, borrowed, m);
            const struct param *p = &space.params[i];
            if (i == 0) {
                enum { PARTS = 40000 };
                double width = p->box.hi - p->box.lo;
                for (int k = 0; k <= PARTS; k++) {
                    double t = p->box.lo + width * k / PARTS;
                    at.v[0] = value_num(exp(t));
                    sum += exp(log_at(&z, &at)) *
                           (k == 0 || k == PARTS ? 1
                            : k % 2              ? 4
                                                 : 2) *
                           width / PARTS / 3;
                }
                assert_true(fabs(sum - 1) < 1e-6);
            } else {
                for (int k = 0; k < param_count(p); k++) {
                    at.v[i] = p->dist == DIST_CHOICE ? value_choice(k)
                              : p->dist == DIST_VALUES
                                  ? value_num(p->values[k])
                                  : value_num(param_nearest(p, p->box, p->low + k * p->step));
                    sum += exp(log_at(&z, &at));
                }
                assert_true(fabs(sum - 1) < 1e-12);
            }
            parzen_fini(&z);
        }
    }
    for (int k = 0; k < 40; k++)
        point_fini(&points[k]);
    point_fini(&at);
    box_fini(&box);
    space_fini(&space);
}

static void symmetric_data_symmetric_density(void **state)
{
    (void)state;
    struct space space = space_of("{\"x\": {\"uniform\": [-1, 1]}}");
    static const double x[] = {-0.7, -0.2, 0.2, 0.7};
    struct point points[4], at;
    const struct point *borrowed[4];
    struct box box;
    struct parzen z;
    int param = 0;
    box_init(&box, &space);
    point_init(&at, &space);
    for (int k = 0; k < 4; k++) {
        point_init(&points[k], &space);
        points[k].v[0] = value_num(x[k]);
        borrowed[k] = &points[k];
    }
    parzen_init(&z, &space, &box, &param, 1, borrowed, 4);
    for (int k = 0; k < 100; k++) {
        at.v[0] = value_num(k / 100.0);
        double right = log_at(&z, &at);
        at.v[0] = value_num(-k / 100.0);
        assert_true(fabs(right - log_at(&z, &at)) < 1e-13);
    }
    parzen_fini(&z);
    for (int k = 0; k < 4; k++)
        point_fini(&points[k]);
    point_fini(&at);
    box_fini(&box);
    space_fini(&space);
}

/* Widths: inner gap at the ends, larger gap inside, clipped to range / min(100, m + 2). */
static void widths(void **state)
{
    (void)state;
    struct space space = space_of("{\"x\": {\"uniform\": [0, 10]}}");
    static const double x[] = {1, 2, 5, 5.001};
    static const double want[] = {1, 3, 3, 10 / 6.0};
    struct point points[4];
    const struct point *borrowed[4];
    struct box box;
    struct parzen z;
    int param = 0;
    box_init(&box, &space);
    for (int k = 0; k < 4; k++) {
        point_init(&points[k], &space);
        points[k].v[0] = value_num(x[k]);
        borrowed[k] = &points[k];
    }
    parzen_init(&z, &space, &box, &param, 1, borrowed, 4);
    for (int k = 0; k < 4; k++)
        assert_true(fabs(1 / z.axes[0].scale[k] - (k == 0 ? 10 / 6.0 : want[k])) < 1e-12);
    assert_true(z.axes[0].mu[4] == 5 && z.axes[0].scale[4] == 0.1);
    parzen_fini(&z);
    for (int k = 0; k < 4; k++)
        point_fini(&points[k]);
    box_fini(&box);
    space_fini(&space);
}

/* Log densities of Optuna 5.0.0's estimator for the same points (numbers it printed, with numpy's sort made
 * stable: the order of equal values decides their widths): points 1..3 and points 4..30 of a Halton sequence,
 * at 40..45. */
static void as_optuna_has_it(void **state)
{
    (void)state;
    static const double want[6][2] = {
        {-15.3381440278766, -17.3788746445547}, {-15.76047804776, -17.6836653651423},
        {-11.6830528476478, -10.2760485208888}, {-13.2233111957061, -15.1667630545393},
        {-13.6041192368264, -16.1000564558114}, {-13.7326517447665, -16.6656845773954},
    };
    struct space space =
        space_of("{\"u\": {\"uniform\": [-1, 3]}, \"l\": {\"log\": [1e-4, 1]}, \"q\": {\"uniform\": "
                 "[0, 0.8], \"step\": 0.1}, \"n\": {\"int\": [1, 50], \"log\": true}, \"i\": {\"int\": "
                 "[2, 9]}, \"c\": {\"choice\": [\"a\", \"b\", \"d\"]}}");
    struct point points[46];
    const struct point *borrowed[46];
    struct box box;
    struct parzen l, g;
    static const int params[] = {0, 1, 2, 3, 4, 5};
    box_init(&box, &space);
    for (uint32_t k = 1; k <= 45; k++) {
        point_init(&points[k], &space);
        struct value *v = points[k].v;
        double seven = halton_plain(3, k);
        v[0] = value_num(-1 + 4 * halton_plain(0, k));
        v[1] = value_num(pow(10, -4 + 4 * halton_plain(1, k)));
        v[2] = value_num(nearbyint(halton_plain(2, k) * 8) / 10);
        v[3] = value_num(1 + floor(seven * seven * 50));
        v[4] = value_num(2 + floor(halton_plain(4, k) * 8));
        v[5] = value_choice((int)(halton_plain(5, k) * 3));
        borrowed[k] = &points[k];
    }
    parzen_init(&l, &space, &box, params, 6, borrowed + 1, 3);
    parzen_init(&g, &space, &box, params, 6, borrowed + 4, 27);
    for (int k = 0; k < 6; k++) {
        const struct point *at = &points[40 + k];
        assert_true(fabs(log_at(&l, at) - want[k][0]) < 1e-9);
        assert_true(fabs(log_at(&g, at) - want[k][1]) < 1e-9);
    }
    parzen_fini(&l);
    parzen_fini(&g);
    for (int k = 1; k <= 45; k++)
        point_fini(&points[k]);
    box_fini(&box);
    space_fini(&space);
}

static double sphere(const struct space *space, const struct point *point)
{
    double sum = 0;
    for (int i = 0; i < space->count; i++)
        if (point->v[i].kind != VALUE_OFF) {
            double t = param_scale(&space->params[i],
                                   point->v[i].kind == VALUE_NUM ? point->v[i].num : point->v[i].choice);
            sum += t * t;
        }
    return sum;
}

static void starts_as_halton(void **state)
{
    (void)state;
    struct race tpe, halton;
    race_init(&tpe, hartmann6_space, "{\"method\": \"tpe\"}", 5);
    race_init(&halton, hartmann6_space, "{\"method\": \"halton\"}", 5);
    race_run(&tpe, hartmann6, 10);
    race_run(&halton, hartmann6, 10);
    for (int i = 0; i < 10; i++)
        assert_true(point_equal(&tpe.history.entries[i].point, &halton.history.entries[i].point));
    assert_string_equal(tpe.note.sampler, "halton");
    race_run(&tpe, hartmann6, 11);
    assert_string_equal(tpe.note.sampler, "tpe");
    race_fini(&tpe);
    race_fini(&halton);
}

static void learns_hartmann6(void **state)
{
    (void)state;
    double mean = 0;
    enum { SEEDS = 50 };
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct race race;
        race_init(&race, hartmann6_space, "{\"method\": \"tpe\"}", seed);
        mean += (race_run(&race, hartmann6, 100) + 3.32237) / 3.20 / SEEDS;
        race_fini(&race);
    }
    print_message("# hartmann6, 100 trials, 50 seeds: mean regret %.4f\n", mean);
    assert_true(mean < 0.075);
}

static const char tree[] = "{\"opt\": {\"choice\": [\"sgd\", \"mom\", \"adam\"]}, \"lr\": {\"log\": [1e-5, "
                           "10]}, \"mu\": {\"logit\": [0.5, 0.99], "
                           "\"when\": {\"opt\": [\"mom\"]}}, \"b1\": {\"logit\": [0.5, 0.99], \"when\": "
                           "{\"opt\": [\"adam\"]}}, \"b2\": {\"logit\": "
                           "[0.9, 0.999], \"when\": {\"opt\": [\"adam\"]}}, \"l2\": {\"log\": [1e-6, 1], "
                           "\"or_zero\": 0.3}, \"n\": {\"int\": [1, "
                           "8]}, \"o\": {\"choice\": [1, 2, 3], \"ordered\": true}}";

/* Pure: no cache, any number of pending trials, the same bits. */
static void the_same_bits_again(void **state)
{
    (void)state;
    struct race race;
    struct err err = ERR_NONE;
    struct point back;
    race_init(&race, tree, "{\"method\": \"tpe\"}", 8);
    point_init(&back, &race.space);
    for (uint32_t t = 1; t <= 60; t++) {
        race_ask(&race, t);
        if (t > 4)
            race_tell(&race, t - 4,
                      t % 9 ? sphere(&race.space, &race.history.entries[t - 5].point) : INFINITY);
    }
    for (uint32_t t = 60; t > 10; t -= 7) {
        struct history then;
        struct proposal note;
        history_as_of(&race.history, history_find(&race.history, t)->added - 1, &then);
        sampler_forget(race.sampler);
        assert_int_equal(sampler_propose(race.sampler, &then, t, &back, &note, &err), 0);
        assert_true(point_equal(&back, &history_find(&race.history, t)->point));
        history_fini(&then);
    }
    point_fini(&back);
    race_fini(&race);
}

/* Learns the better branch of a tree, and that zero is best for the fifth parameter, and leaves the other branches'
 * parameters alone; walls aside. */
static void learn_a_tree(uint64_t seed)
{
    struct race race;
    race_init(&race, tree, "{\"method\": \"tpe\", \"boundary\": \"off\"}", seed);
    for (uint32_t t = 1; t <= 120; t++) {
        race_ask(&race, t);
        const struct value *v = race.history.entries[t - 1].point.v;
        double y = fabs(log10(v[1].num) + 2) + (v[0].choice == 1 ? fabs(v[2].num - 0.9) : 2) +
                   (v[5].num > 0) + v[6].num;
        race_tell(&race, t, y);
    }
    int mom = 0, zero = 0;
    for (int i = 60; i < 120; i++) {
        mom += race.history.entries[i].point.v[0].choice == 1;
        zero += race.history.entries[i].point.v[5].num == 0;
    }
    if (mom < 40 || zero < 40 || race.best >= 1.5)
        fail_msg("seed %d: %d of the better branch, %d zeros, best %g", (int)seed, mom, zero, race.best);
    race_fini(&race);
}

static void learns_a_tree(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        learn_a_tree(seed);
}

/* And a zero that is bad is left alone: it is tried now and then. */
static void leaves_a_bad_zero(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct race race;
        int zeros = 0;
        race_init(&race, "{\"lr\": {\"log\": [1e-5, 10]}, \"l2\": {\"log\": [1e-6, 1], \"or_zero\": 0.3}}",
                  "{\"method\": \"tpe\", \"boundary\": \"off\"}", seed);
        for (uint32_t t = 1; t <= 100; t++) {
            race_ask(&race, t);
            const struct value *v = race.history.entries[t - 1].point.v;
            race_tell(&race, t, fabs(log10(v[0].num) + 2) + (v[1].num > 0 ? fabs(log10(v[1].num) + 3) : 2));
            zeros += t > 50 && v[1].num == 0;
        }
        if (zeros > 15 || race.best > 0.5)
            fail_msg("seed %d: %d zeros in the last 50, best %g", (int)seed, zeros, race.best);
        race_fini(&race);
    }
}

static void no_duplicates_when_discrete(void **state)
{
    (void)state;
    race_no_duplicates("{\"method\": \"tpe\"}");
}

/* Eight asks without a tell: eight points. */
static void eight_at_once(void **state)
{
    (void)state;
    struct race race;
    race_init(&race, hartmann6_space, "{\"method\": \"tpe\"}", 6);
    race_run(&race, hartmann6, 20);
    for (uint32_t t = 21; t <= 28; t++)
        race_ask(&race, t);
    for (int i = 20; i < 28; i++)
        for (int j = 20; j < i; j++)
            assert_false(point_equal(&race.history.entries[i].point, &race.history.entries[j].point));
    race_fini(&race);
}

static void repeats_are_one_observation(void **state)
{
    (void)state;
    struct space space = space_of("{\"x\": {\"uniform\": [0, 1]}}");
    struct history h = {0};
    struct evidence ev;
    struct point point;
    int order[8];
    point_init(&point, &space);
    static const double score[] = {1, 3, 2, 0};
    for (uint32_t t = 1; t <= 4; t++) {
        point.v[0] = value_num(t == 2 ? 0.1 : t / 10.0);
        history_add(&h, t, t == 2 ? 1 : t, &point, NULL, 0, t);
        history_update(&h, t, t == 4 ? HISTORY_BAD : HISTORY_SCORED, t == 3, 5, score[t - 1], t + 10);
    }
    evidence_init(&ev, &h);
    assert_true(ev.count == 3 && ev.finished == 3 && ev.list[0].score == 2 && ev.list[0].repeats == 2);
    assert_int_equal(evidence_rank(&ev, order), 3);
    assert_true(order[0] == 0 && order[1] == 1 && order[2] == 2);
    evidence_fini(&ev);
    point_fini(&point);
    history_fini(&h);
    space_fini(&space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_tables),
        cmocka_unit_test(densities_integrate_to_one),
        cmocka_unit_test(symmetric_data_symmetric_density),
        cmocka_unit_test(widths),
        cmocka_unit_test(as_optuna_has_it),
        cmocka_unit_test(starts_as_halton),
        cmocka_unit_test(learns_hartmann6),
        cmocka_unit_test(the_same_bits_again),
        cmocka_unit_test(learns_a_tree),
        cmocka_unit_test(leaves_a_bad_zero),
        cmocka_unit_test(no_duplicates_when_discrete),
        cmocka_unit_test(eight_at_once),
        cmocka_unit_test(repeats_are_one_observation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
