/* Population-based training: the toy of the paper (only exploit and explore together find its top), fates by hand, what
 * exploring does to each kind of axis, and what the study file may not say. */
#include "tests/unit/search.h"

#include "master/search/pbt.h"

static const char toy_space[] = "{\"h0\": {\"uniform\": [0, 1]}, \"h1\": {\"uniform\": [0, 1]}}";

struct sim {
    struct space space;
    struct search_def def;
    struct history history;
    uint64_t seq;
};

static void sim_init(struct sim *s, const char *space, const char *search)
{
    *s = (struct sim){.space = space_of(space)};
    s->def = search_of(search, &s->space);
}

static void sim_fini(struct sim *s)
{
    history_fini(&s->history);
    search_fini(&s->def);
    space_fini(&s->space);
}

static uint32_t add(struct sim *s, const struct point *point, int until)
{
    uint32_t trial = (uint32_t)s->history.count + 1;
    history_add(&s->history, trial, trial, point, NULL, 0, ++s->seq);
    history_set_until(&s->history, trial, until, ++s->seq);
    return trial;
}

static void tell(struct sim *s, uint32_t trial, int epoch, double score)
{
    bool ends = epoch >= s->def.epochs;
    history_update(&s->history, trial, ends ? HISTORY_SCORED : HISTORY_PENDING, false, epoch, score,
                   ++s->seq);
}

/* Jaderberg et al. 2017, section 4.1: theta climbs a surrogate that sees each half of it as much as h says; only the sum
 * counts. Two members; `exploits`, `explores` switch the halves of the method off. */
static double toy(bool exploits, bool explores)
{
    enum { EPOCHS = 60 };
    struct sim s;
    struct point h[2];
    double theta[2][2] = {{0.9, 0.9}, {0.9, 0.9}}, best = -1;
    uint32_t trial[2];
    sim_init(&s, toy_space, "{\"method\": \"pbt\", \"population\": 2, \"interval\": 1, \"epochs\": 60}");
    for (int m = 0; m < 2; m++) {
        point_init(&h[m], &s.space);
        h[m].v[0] = value_num(m == 0);
        h[m].v[1] = value_num(m == 1);
        trial[m] = add(&s, &h[m], 1);
    }
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        struct pbt_fate fates[2 * EPOCHS + 2];
        int at, until;
        for (int m = 0; m < 2; m++) {
            double q = 1.2;
            for (int i = 0; i < 2; i++) {
                theta[m][i] -= 0.1 * 2 * h[m].v[i].num * theta[m][i];
                q -= theta[m][i] * theta[m][i];
            }
            best = fmax(best, q);
            tell(&s, trial[m], epoch, q);
        }
        int count = pbt_fates(pbt_of(&s.def), &s.history, 5, EPOCHS, true, fates, &at, &until);
        assert_int_equal(count, epoch < EPOCHS ? 2 : 0);
        for (int i = 0; i < count; i++) {
            int m = trial[1] == fates[i].trial;
            if (!fates[i].parent || !exploits) {
                history_set_until(&s.history, trial[m], until, ++s.seq);
                continue;
            }
            const struct point *parent = &history_find(&s.history, fates[i].parent)->point;
            uint32_t child = (uint32_t)s.history.count + 1;
            theta[m][0] = theta[1 - m][0];
            theta[m][1] = theta[1 - m][1];
            if (explores)
                pbt_explore(pbt_of(&s.def), &s.space, &s.history, 5, child, parent, &h[m]);
            else
                point_copy(&h[m], parent);
            history_update(&s.history, trial[m], HISTORY_SCORED, true, epoch, -1, ++s.seq);
            trial[m] = add(&s, &h[m], until);
        }
    }
    point_fini(&h[0]);
    point_fini(&h[1]);
    sim_fini(&s);
    return best;
}

static void only_both_halves_find_the_top(void **state)
{
    (void)state;
    assert_true(toy(true, true) > 1.19);
    assert_true(toy(false, false) < 0.4);
    assert_true(toy(true, false) < 1.19);
}

/* Eight members, one diverged: the worst quarter gives up and the diverged one too; parents are the best two. */
static void fates_by_hand(void **state)
{
    (void)state;
    struct sim s;
    struct point point;
    struct pbt_fate fates[16];
    int at, until;
    sim_init(&s, toy_space, "{\"method\": \"pbt\", \"population\": 8, \"interval\": 5, \"epochs\": 12}");
    point_init(&point, &s.space);
    point.v[0] = point.v[1] = value_num(0.5);
    for (int i = 0; i < 7; i++)
        tell(&s, add(&s, &point, 5), 5, 0.1 * (i + 1));
    assert_int_equal(pbt_fates(pbt_of(&s.def), &s.history, 1, 12, true, fates, &at, &until),
                     0); /* one is missing */
    uint32_t lost = add(&s, &point, 5);
    assert_int_equal(pbt_fates(pbt_of(&s.def), &s.history, 1, 12, true, fates, &at, &until),
                     0); /* and runs */
    history_update(&s.history, lost, HISTORY_BAD, false, 2, 0, ++s.seq);
    assert_int_equal(pbt_fates(pbt_of(&s.def), &s.history, 1, 12, true, fates, &at, &until), 8);
    assert_true(at == 5 && until == 10);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(fates[i].trial, i < 7 ? (uint32_t)(7 - i) : lost);
        assert_int_equal(fates[i].rank, i + 1);
        if (i < 6)
            assert_int_equal(fates[i].parent, 0);
        else
            assert_in_range(fates[i].parent, 6, 7);
    }
    point_fini(&point);
    sim_fini(&s);
}

static void exploring_each_kind_of_axis(void **state)
{
    (void)state;
    struct sim s;
    struct point parent, child;
    sim_init(
        &s,
        "{\"lr\": {\"log\": [1e-4, 1]}, \"mu\": {\"logit\": [0.5, 0.999]}, \"n\": {\"int\": [1, 9]}, "
        "\"batch\": {\"values\": [16, 32, 64]}, \"kind\": {\"choice\": [\"a\", \"b\"]}, "
        "\"size\": {\"choice\": [\"s\", \"m\", \"l\"], \"ordered\": true}, \"keep\": {\"uniform\": [0, 1]}, "
        "\"l2\": {\"log\": [1e-6, 1], \"or_zero\": 0.5}}",
        "{\"method\": \"pbt\", \"epochs\": 9, \"resample\": 0, "
        "\"explore\": [\"lr\", \"mu\", \"n\", \"batch\", \"kind\", \"size\", \"l2\"]}");
    point_init(&parent, &s.space);
    point_init(&child, &s.space);
    const struct value values[] = {value_num(0.01), value_num(0.9),  value_num(2),   value_num(32),
                                   value_choice(1), value_choice(1), value_num(0.3), value_num(0)};
    memcpy(parent.v, values, sizeof values);
    int up = 0, changed = 0;
    for (uint32_t trial = 1; trial <= 400; trial++) {
        pbt_explore(pbt_of(&s.def), &s.space, &s.history, 1, trial, &parent, &child);
        double ratio = child.v[0].num / 0.01, odds = child.v[1].num / (1 - child.v[1].num) / 9;
        assert_true(fabs(ratio - 0.8) < 1e-9 || fabs(ratio - 1.2) < 1e-9);
        assert_true(fabs(odds - 0.8) < 1e-9 || fabs(odds - 1.2) < 1e-9);
        assert_true(child.v[2].num == 1 || child.v[2].num == 3); /* 1.6 and 2.4 round to 2: a step instead */
        assert_true(child.v[3].num == 16 || child.v[3].num == 64);
        assert_true(child.v[4].choice == 1 && child.v[5].choice != 1);
        assert_true(child.v[6].num == 0.3 && child.v[7].num == 0);
        up += ratio > 1;
        changed += child.v[5].choice == 2;
    }
    assert_in_range(up, 150, 250);
    assert_in_range(changed, 150, 250);
    memcpy(parent.v, (struct value[]){value_num(1), value_num(0.999)}, 2 * sizeof *parent.v);
    for (uint32_t trial = 1; trial <= 50; trial++) {
        pbt_explore(pbt_of(&s.def), &s.space, &s.history, 1, trial, &parent, &child);
        assert_true(space_holds(&s.space, &child));
    }
    point_fini(&parent);
    point_fini(&child);
    sim_fini(&s);
}

static void resampling_is_a_quarter(void **state)
{
    (void)state;
    struct sim s;
    struct point parent, child;
    int fresh = 0;
    sim_init(&s, toy_space, "{\"method\": \"pbt\", \"epochs\": 9}");
    point_init(&parent, &s.space);
    point_init(&child, &s.space);
    parent.v[0] = parent.v[1] = value_num(0.5);
    for (uint32_t trial = 1; trial <= 1000; trial++) {
        pbt_explore(pbt_of(&s.def), &s.space, &s.history, 1, trial, &parent, &child);
        fresh += fabs(child.v[0].num - 0.4) > 1e-9 && fabs(child.v[0].num - 0.6) > 1e-9;
    }
    assert_in_range(fresh, 250 - 45, 250 + 45); /* 3.3 deviations */
    point_fini(&parent);
    point_fini(&child);
    sim_fini(&s);
}

static void what_a_file_may_not_say(void **state)
{
    (void)state;
    static const char *const bad[][3] = {
        {"{\"method\": \"pbt\", \"epochs\": 9, \"trials\": 9}", "trials: has no place beside pbt",
         "population"},
        {"{\"method\": \"pbt\"}", "epochs: is missing", "interval"},
        {"{\"method\": \"pbt\", \"epochs\": 9, \"interval\": 10}", "interval: must be from 1 to 9", NULL},
        {"{\"method\": \"pbt\", \"epochs\": 9, \"population\": 1}", "population: must be from 2", NULL},
        {"{\"method\": \"pbt\", \"epochs\": 9, \"quantile\": 0.6}", "quantile: must be", NULL},
        {"{\"method\": \"pbt\", \"epochs\": 9, \"explore\": [\"lrr\"]}", "\"lrr\" is not a parameter", NULL},
    };
    struct space space = space_of(toy_space);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = ERR_NONE;
        struct search_def def;
        struct json *root = json_parse(bad[i][0], strlen(bad[i][0]), "study.json", &err);
        struct jcur cur = jcur_root(root, "study.json");
        expect_complaint(&err, search_parse(&cur, &space, &def, &err), bad[i][1], bad[i][2]);
        json_free(root);
    }
    space_fini(&space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_both_halves_find_the_top), cmocka_unit_test(fates_by_hand),
        cmocka_unit_test(exploring_each_kind_of_axis),   cmocka_unit_test(resampling_is_a_quarter),
        cmocka_unit_test(what_a_file_may_not_say),
    };
    return cmocka_run_group_tests_name("pbt", tests, NULL, NULL);
}
