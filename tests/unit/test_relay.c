/* What `auto` does with several metrics: two samplers by turns, each proposal signed, more turns for whom the front owes more,
 * the same points whatever was kept between calls, and a better front than either alone. */
#include "tests/unit/race.h"

#include "master/search/sampler_row.h"

enum { AXES = 6 };
static const char six[] =
    "{\"a\": {\"uniform\": [0, 1]}, \"b\": {\"uniform\": [0, 1]}, \"c\": {\"uniform\": [0, 1]}, "
    "\"d\": {\"uniform\": [0, 1]}, \"e\": {\"uniform\": [0, 1]}, \"f\": {\"uniform\": [0, 1]}}";

struct play {
    struct race race;
    double *y; /* [trial - 1][2], maximised */
    int trials;
};

static void play_init(struct play *p, const char *space, const char *search, uint64_t seed)
{
    *p = (struct play){.y = xcalloc(2000, sizeof *p->y)};
    race_init_of(&p->race, space, search, 2, seed);
}

static void play_fini(struct play *p)
{
    race_fini(&p->race);
    free(p->y);
}

static void ask(struct play *p)
{
    struct err err = ERR_NONE;
    assert_int_equal(sampler_propose(p->race.sampler, &p->race.history, (uint32_t)p->trials + 1,
                                     &p->race.point, &p->race.note, &err),
                     0);
}

static void tell(struct play *p, double first, double second)
{
    uint32_t trial = (uint32_t)++p->trials;
    double more[HISTORY_MORE] = {second};
    p->y[2 * (trial - 1)] = first;
    p->y[2 * (trial - 1) + 1] = second;
    history_add(&p->race.history, trial, trial, &p->race.point, p->race.note.fit, p->race.note.fit_count,
                ++p->race.seq);
    history_update(&p->race.history, trial, HISTORY_SCORED, false, 1, first, ++p->race.seq);
    history_set_more(&p->race.history, trial, more);
}

/* zdt2, turned over. */
static void tell_zdt2(struct play *p)
{
    double g = 0, f = p->race.point.v[0].num;
    for (int i = 1; i < p->race.space.count; i++)
        g += p->race.point.v[i].num;
    g = 1 + 9 * g / (p->race.space.count - 1);
    tell(p, -f, -g * (1 - f / g * f / g));
}

static bool is_by(const struct play *p, const char *sampler)
{
    return strcmp(p->race.note.sampler, sampler) == 0;
}

static double missing(const struct play *p)
{
    static const double reference[] = {-1.1, -7};
    double all = 1.1 * 7 - 2.0 / 3; /* below the front 1 - f^2 lies 2 / 3 */
    return 1 - pareto_hypervolume(p->y, p->trials, 2, reference) / all;
}

static double missing_by(const char *search, int trials, uint64_t seed)
{
    struct play p;
    play_init(&p, six, search, seed);
    while (p.trials < trials) {
        ask(&p);
        tell_zdt2(&p);
    }
    double left = missing(&p);
    play_fini(&p);
    return left;
}

static void both_take_turns_and_sign(void **state)
{
    (void)state;
    int breeder = 0, tpe = 0;
    struct play p;
    play_init(&p, six, "{}", 5);
    while (p.trials < 150) {
        ask(&p);
        bool bred = is_by(&p, "breeder");
        if (p.trials >= 10) {
            assert_true(bred ? p.trials >= 50 && p.race.note.version == 1
                             : is_by(&p, "tpe") && p.race.note.version == sampler_tpe.version);
            assert_int_equal(p.race.note.fit_count, 1);
            assert_true(p.race.note.fit[0] == bred);
            assert_true(!bred == !strstr(p.race.note.why, "child of trials"));
            assert_true(p.trials < 50 || strstr(p.race.note.why, "% of the turns"));
        } else {
            assert_true(is_by(&p, "halton") && p.race.note.fit_count == 0);
        }
        breeder += bred;
        tpe += is_by(&p, "tpe");
        tell_zdt2(&p);
    }
    assert_true(breeder >= 10 && tpe >= 50);
    play_fini(&p);
}

/* Whoever made the trials that push the front out gets nine of ten turns. */
static void more_turns_for_who_adds_more(void **state)
{
    (void)state;
    for (int good = 0; good < 2; good++) {
        struct play p;
        int breeder = 0;
        play_init(&p, six, "{}", 9);
        for (int t = 0; t < 120; t++) {
            ask(&p);
            p.race.note.fit_count = 1;
            p.race.note.fit[0] = t % 2;
            double y = t % 2 == good ? t : 1;
            tell(&p, y, y);
        }
        for (int t = 0; t < 100; t++) {
            ask(&p);
            breeder += is_by(&p, "breeder");
            p.trials++; /* another trial's turn, from the same history */
        }
        assert_true(good ? breeder >= 80 : breeder <= 20);
        assert_true(breeder >= 1 && breeder <= 99);
        play_fini(&p);
    }
}

/* Results one above the other on the diagonal, each made by 0, tpe, or 1, the breeder, and so far above the one before. */
struct chain {
    int count, maker[200];
    double y[200];
};

static void chain_add(struct chain *c, int maker, double step)
{
    c->maker[c->count] = maker;
    c->y[c->count] = step + (c->count ? c->y[c->count - 1] : 0);
    c->count++;
}

/* In percent, as relay.c's head has it; what a point of a chain adds is the difference of two squares. */
static double share_of_chain(const struct chain *c)
{
    double y[400], reference[2], sum[2] = {0}, before = 0;
    int shown[2] = {0};
    for (int i = 0; i < c->count; i++)
        y[2 * i] = y[2 * i + 1] = c->y[i];
    pareto_reference(y, c->count, 2, reference);
    for (int i = 0; i < c->count; i++) {
        double covered = (c->y[i] - reference[0]) * (c->y[i] - reference[1]);
        if (i >= c->count - 100) {
            sum[c->maker[i]] += covered - before;
            shown[c->maker[i]]++;
        }
        before = covered;
    }
    double tpe = sum[0] / shown[0], breeder = sum[1] / shown[1];
    return 100 * breeder * breeder / (breeder * breeder + tpe * tpe);
}

/* Both say the same of it: the breeder its share, tpe what is left. */
static void expect_share(struct play *p, double percent)
{
    int said[2] = {0};
    for (int turn = 0; turn < 40; turn++, p->trials++) {
        char text[40];
        ask(p);
        bool bred = is_by(p, "breeder");
        snprintf(text, sizeof text, "; %.0f %% of the turns", bred ? percent : 100 - percent);
        if (!strstr(p->race.note.why, text))
            fail_msg("\"%s\" is not in \"%s\"", text, p->race.note.why);
        said[bred]++;
    }
    assert_true(said[0] && said[1]);
}

static void tell_chain(struct play *p, const struct chain *c)
{
    for (int i = 0; i < c->count; i++) {
        ask(p);
        p->race.note.fit_count = 1;
        p->race.note.fit[0] = c->maker[i];
        tell(p, c->y[i], c->y[i]);
    }
}

/* By trial, not in sum; of the newest hundred, with all before as the front that they push; and of none that lacks a metric. */
static void the_share_is_by_what_a_trial_has_added(void **state)
{
    (void)state;
    struct play p;
    struct chain c = {0};
    for (int i = 0; i < 60; i++)
        chain_add(&c, 1, 5);
    for (int i = 0; i < 100; i++)
        chain_add(&c, i % 5 == 0, i % 5 ? 1 : 1.3);
    play_init(&p, six, "{}", 3);
    ask(&p);
    p.race.note.fit_count = 1;
    p.race.note.fit[0] = 1;
    tell(&p, 1e6, NAN);
    tell_chain(&p, &c);
    double percent = share_of_chain(&c);
    assert_true(percent > 55 && percent < 85);
    expect_share(&p, percent);
    play_fini(&p);
}

static void of_three_nothing_is_said_yet(void **state)
{
    (void)state;
    for (int few = 3; few <= 4; few++) {
        struct play p;
        struct chain c = {0};
        for (int i = 0; i < 80; i++)
            chain_add(&c, i >= 80 - few, i >= 80 - few ? 1.3 : 1);
        play_init(&p, six, "{}", 3);
        tell_chain(&p, &c);
        expect_share(&p, few < 4 ? 50 : fmin(share_of_chain(&c), 90));
        play_fini(&p);
    }
}

static void nothing_hangs_on_what_is_kept(void **state)
{
    (void)state;
    static const char mixed[] =
        "{\"x\": {\"log\": [1e-4, 1]}, \"n\": {\"int\": [1, 9]}, \"c\": {\"choice\": [\"a\", \"b\", "
        "\"c\"]}, \"y\": {\"uniform\": [0, 1], \"when\": {\"c\": [\"b\"]}}}";
    struct play p;
    play_init(&p, mixed, "{}", 2);
    while (p.trials < 90) {
        ask(&p);
        struct point first;
        point_clone(&first, &p.race.point);
        struct proposal note = p.race.note;
        sampler_forget(p.race.sampler);
        ask(&p);
        assert_true(point_equal(&first, &p.race.point) && strcmp(note.why, p.race.note.why) == 0);
        assert_true(note.fit_count == p.race.note.fit_count && note.fit[0] == p.race.note.fit[0]);
        point_fini(&first);
        tell(&p, -fabs(log10(p.race.point.v[0].num) + 2),
             -(p.race.point.v[1].num + p.race.point.v[2].choice));
    }
    play_fini(&p);
}

/* Over twenty seeds the mean logarithm of what is left is lower by more than 0.3 against each alone (0.6 and more on ten axes:
 * docs/samplers.md). */
static void covers_more_than_either_alone(void **state)
{
    (void)state;
    double over_tpe = 0, over_nsga = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        double both = log(missing_by("{\"trials\": 250}", 250, seed));
        over_tpe += (both - log(missing_by("{\"method\": \"tpe\", \"trials\": 250}", 250, seed))) / 20;
        over_nsga += (both - log(missing_by("{\"method\": \"nsga-ii\", \"trials\": 250}", 250, seed))) / 20;
    }
    if (over_tpe > -0.3 || over_nsga > -0.3)
        fail_msg("against tpe %.2f, against nsga-ii %.2f", over_tpe, over_nsga);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_take_turns_and_sign),
        cmocka_unit_test(more_turns_for_who_adds_more),
        cmocka_unit_test(the_share_is_by_what_a_trial_has_added),
        cmocka_unit_test(of_three_nothing_is_said_yet),
        cmocka_unit_test(nothing_hangs_on_what_is_kept),
        cmocka_unit_test(covers_more_than_either_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
