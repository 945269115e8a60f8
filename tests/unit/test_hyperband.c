/* Hyperband: the tables of the papers, brackets by number, exact budgets whatever the slots and their order, and what a
 * bracket cut short by the study's end does. */
#include "tests/unit/search.h"

#include "common/rng.h"
#include "master/search/evidence.h"
#include "master/search/hyperband.h"

static void the_papers_tables(void **state)
{
    (void)state;
    static const int64_t r81[] = {81, 34, 15, 8, 5}, r200[] = {243, 98, 41, 18, 9, 6};
    static const int64_t kept81[] = {81, 27, 9, 3, 1}, epochs81[] = {1, 3, 9, 27, 81};
    struct hyperband hb;
    int64_t epochs = 0;
    hyperband_init(&hb, 3, 1, 81);
    assert_int_equal(hb.rungs.count, 5);
    assert_int_equal(hb.round, 143);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(hb.trials[i], r81[i]);
        assert_int_equal(hyperband_kept(&hb, 81, i), kept81[i]);
        epochs += kept81[i] * epochs81[i];
    }
    assert_int_equal(epochs, 405);
    hyperband_init(&hb, 3, 1, 200); /* as Syne Tune's documentation has it */
    assert_int_equal(hb.rungs.count, 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(hb.trials[i], r200[i]);
}

static void trials_belong_by_number(void **state)
{
    (void)state;
    struct hyperband hb;
    hyperband_init(&hb, 3, 1, 81);
    static const struct {
        uint32_t trial, first;
        int begins, round;
    } want[] = {{1, 1, 0, 0},     {81, 1, 0, 0},    {82, 82, 1, 0},   {115, 82, 1, 0},
                {116, 116, 2, 0}, {143, 139, 4, 0}, {144, 144, 0, 1}, {225, 225, 1, 1}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct bracket b = hyperband_bracket(&hb, want[i].trial);
        assert_int_equal(b.first_trial, want[i].first);
        assert_int_equal(b.begins, want[i].begins);
        assert_int_equal(b.round, want[i].round);
    }
}

struct sim {
    struct space space;
    struct history history;
    struct point point;
    struct hyperband hb;
    uint64_t seq;
    uint32_t started, most;
    int64_t epochs;
};

/* What a free slot does: resume, else start; 0: nothing. */
static uint32_t take_job(struct sim *s, int *until)
{
    struct asha_job job;
    while ((job = hyperband_lost(&s->hb, &s->history, s->started < s->most)).verdict == ASHA_DROP) {
        const struct entry *e = history_find(&s->history, job.trial);
        history_update(&s->history, job.trial, HISTORY_SCORED, true, e->epochs, e->score, ++s->seq);
    }
    job = hyperband_next(&s->hb, &s->history, s->started < s->most);
    uint32_t trial = job.trial;
    *until = job.until;
    if (job.verdict == ASHA_WAIT) {
        if (s->started == s->most)
            return 0;
        trial = ++s->started;
        *until = s->hb.rungs.epochs[hyperband_bracket(&s->hb, trial).begins];
        history_add(&s->history, trial, trial, &s->point, NULL, 0, ++s->seq);
    }
    history_set_until(&s->history, trial, *until, ++s->seq);
    return trial;
}

static void train(struct sim *s, uint32_t trial, int until, double score)
{
    int last = s->hb.rungs.epochs[s->hb.rungs.count - 1];
    for (int epoch = history_find(&s->history, trial)->epochs + 1; epoch <= until; epoch++, s->epochs++)
        history_update(&s->history, trial, epoch == last ? HISTORY_SCORED : HISTORY_PENDING, false, epoch,
                       score, ++s->seq);
}

/* Slots that end in any order. Returns the epochs that were paid. */
static int64_t play(uint64_t seed, uint32_t trials, int slots, int64_t *reached)
{
    enum { SLOTS = 16 };
    struct sim s = {.space = space_of("{\"x\": {\"uniform\": [0, 1]}}"), .most = trials};
    struct rng rng = rng_at(seed, 0, 0, 0);
    uint32_t busy[SLOTS] = {0};
    int until[SLOTS] = {0};
    point_init(&s.point, &s.space);
    hyperband_init(&s.hb, 3, 1, 27);
    for (int idle = 0; idle < 1000;) {
        int k = (int)rng_below(&rng, (uint32_t)slots);
        if (busy[k])
            train(&s, busy[k], until[k], -fabs(sin(busy[k] * 12.9898 + (double)seed)));
        idle = busy[k] ? 0 : idle + 1;
        busy[k] = take_job(&s, &until[k]);
    }
    for (int k = 0; k < s.hb.rungs.count; k++) {
        reached[k] = 0;
        for (size_t i = 0; i < s.history.count; i++)
            reached[k] += s.history.entries[i].epochs >= s.hb.rungs.epochs[k];
    }
    point_fini(&s.point);
    history_fini(&s.history);
    space_fini(&s.space);
    return s.epochs;
}

/* R = 27: brackets of 27, 12, 6 and 4 trials: (27,1)(9,3)(3,9)(1,27); (12,3)(4,9)(1,27); (6,9)(2,27); (4,27). */
static void budgets_are_exact(void **state)
{
    (void)state;
    enum { WHOLE = 27 + 9 * 2 + 3 * 6 + 18 + 12 * 3 + 4 * 6 + 18 + 6 * 9 + 2 * 18 + 4 * 27 };
    for (uint64_t seed = 0; seed < 20; seed++) {
        int64_t reached[ASHA_RUNGS];
        assert_int_equal(play(seed, 49, 1 + (int)seed % 16, reached), WHOLE);
        assert_int_equal(reached[0], 49);
        assert_int_equal(reached[1], 9 + 12 + 6 + 4);
        assert_int_equal(reached[2], 3 + 4 + 6 + 4);
        assert_int_equal(reached[3], 1 + 1 + 2 + 4);
        assert_int_equal(play(seed, 98, 1 + (int)seed % 16, reached), 2 * WHOLE);
    }
}

static void a_bracket_cut_short_halves_what_it_has(void **state)
{
    (void)state;
    int64_t reached[ASHA_RUNGS];
    play(1, 10, 3, reached); /* of 27 */
    assert_int_equal(reached[0], 10);
    assert_int_equal(reached[1], 3);
    assert_int_equal(reached[2], 1);
    assert_int_equal(reached[3], 1);
}

/* Rungs as samplers see them: compared at the highest that has ten scores; who is not there stands behind. */
static void evidence_at_a_common_rung(void **state)
{
    (void)state;
    struct space space = space_of("{\"x\": {\"uniform\": [0, 1]}}");
    struct history h = {0};
    struct point point;
    struct evidence ev;
    uint64_t seq = 0;
    point_init(&point, &space);
    for (uint32_t t = 1; t <= 20; t++) {
        history_add(&h, t, t, &point, NULL, 0, ++seq);
        history_set_until(&h, t, 1, ++seq);
        if (t < 20)
            history_update(&h, t, HISTORY_PENDING, false, 1, 0.01 * t, ++seq);
    }
    evidence_init(&ev, &h);
    assert_int_equal(ev.finished, 19);
    assert_int_equal(ev.pending, 1); /* the one that runs */
    assert_int_equal(history_results(&h), 19);
    evidence_fini(&ev);
    for (uint32_t t = 10; t <= 18; t++) {
        history_set_until(&h, t, 3, ++seq);
        history_update(&h, t, HISTORY_PENDING, false, 3, 0.9 - 0.01 * t, ++seq);
    }
    evidence_init(&ev, &h); /* nine at epoch 3 are not enough */
    assert_true(ev.list[17].score == 0.18 && !ev.list[17].pruned);
    evidence_fini(&ev);
    history_set_until(&h, 19, 3, ++seq);
    history_update(&h, 19, HISTORY_PENDING, false, 3, 0.05, ++seq);
    evidence_init(&ev, &h);
    int order[20], n = evidence_rank(&ev, order);
    assert_int_equal(n, 19);
    assert_int_equal(ev.list[order[0]].trial, 10);
    assert_int_equal(ev.list[order[9]].trial, 19);
    assert_int_equal(ev.list[order[10]].trial, 9); /* beaten at a lower rung, with a better number */
    assert_true(ev.list[8].pruned && fabs(ev.list[8].score - 0.05) < 1e-12);
    assert_true(fabs(ev.list[8].score - ev.list[7].score - 0.01) < 1e-12);
    evidence_fini(&ev);
    point_fini(&point);
    history_fini(&h);
    space_fini(&space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_papers_tables),         cmocka_unit_test(trials_belong_by_number),
        cmocka_unit_test(budgets_are_exact),         cmocka_unit_test(a_bracket_cut_short_halves_what_it_has),
        cmocka_unit_test(evidence_at_a_common_rung),
    };
    return cmocka_run_group_tests_name("hyperband", tests, NULL, NULL);
}
