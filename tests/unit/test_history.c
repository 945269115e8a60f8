/* The history: entries by number, what was known when, and scores at an epoch. */
#include "common/rng.h"
#include "master/search/retrace.h"
#include "tests/unit/search.h"

static struct space space;
static struct point point;

static int set_up(void **state)
{
    (void)state;
    space = space_of("{\"x\": {\"uniform\": [0, 1]}}");
    point_init(&point, &space);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    point_fini(&point);
    space_fini(&space);
    return 0;
}

static void add(struct history *h, uint32_t trial, double x, uint64_t seq)
{
    point.v[0] = value_num(x);
    history_add(h, trial, trial, &point, NULL, 0, seq);
}

static void keeps_entries_by_number(void **state)
{
    (void)state;
    struct history h = {0};
    add(&h, 1, 0.1, 1);
    add(&h, 3, 0.3, 2);
    add(&h, 2, 0.2, 3);
    for (uint32_t trial = 1; trial <= 3; trial++) {
        assert_int_equal(h.entries[trial - 1].trial, trial);
        assert_true(history_find(&h, trial)->point.v[0].num == trial * 0.1 ||
                    fabs(history_find(&h, trial)->point.v[0].num - trial * 0.1) < 1e-15);
    }
    assert_null(history_find(&h, 4));
    point.v[0] = value_num(0.3);
    assert_true(history_has_point(&h, &point));
    history_remove(&h, 3);
    assert_false(history_has_point(&h, &point));
    assert_int_equal(history_pending(&h), 2);
    history_fini(&h);
}

static void shows_what_was_known(void **state)
{
    (void)state;
    struct history h = {0}, then;
    add(&h, 1, 0.1, 10);
    history_update(&h, 1, HISTORY_PENDING, false, 1, 0.5, 11);
    add(&h, 2, 0.2, 12);
    history_update(&h, 1, HISTORY_SCORED, false, 2, 0.6, 13);
    history_update(&h, 2, HISTORY_BAD, true, 1, 0.9, 14);
    assert_true(h.seq == 14 && h.entries[1].score == -INFINITY);
    assert_int_equal(history_finished(&h), 2);
    history_update(&h, 2, HISTORY_PENDING, false, 1, 0.9, 15); /* tried again */
    assert_int_equal(history_finished(&h), 1);

    history_as_of(&h, 9, &then);
    assert_int_equal(then.count, 0);
    history_fini(&then);
    history_as_of(&h, 11, &then);
    assert_true(then.count == 1 && then.entries[0].state == HISTORY_PENDING && then.entries[0].score == 0.5);
    history_fini(&then);
    history_as_of(&h, 13, &then);
    assert_true(then.count == 2 && then.entries[0].state == HISTORY_SCORED && then.entries[1].epochs == 0);
    assert_int_equal(history_finished(&then), 1);
    history_fini(&then);
    history_as_of(&h, 14, &then);
    assert_int_equal(history_finished(&then), 2);
    history_fini(&then);
    history_as_of(&h, 13, &then);
    assert_true(then.entries[1].score == -INFINITY && then.entries[1].state == HISTORY_PENDING &&
                then.seq == 13);
    history_fini(&then);
    history_fini(&h);
}

static void chain_tells_growth_from_change(void **state)
{
    (void)state;
    struct history a = {0}, b = {0}, then;
    for (uint32_t t = 1; t <= 5; t++)
        add(&a, t, t / 10.0, t);
    for (uint32_t t = 5; t >= 1; t--)
        add(&b, t, t / 10.0, 6 - t);
    assert_true(a.entries[4].chain == b.entries[4].chain);
    history_as_of(&a, 3, &then);
    assert_true(then.entries[2].chain == a.entries[2].chain);
    history_fini(&then);
    history_remove(&b, 2);
    assert_true(a.entries[4].chain != b.entries[3].chain);
    assert_true(a.entries[0].chain == b.entries[0].chain);
    history_fini(&a);
    history_fini(&b);
}

static void score_at_an_epoch(void **state)
{
    (void)state;
    struct history h = {0};
    double score;
    add(&h, 1, 0.1, 1);
    add(&h, 2, 0.2, 1);
    for (int epoch = 1; epoch <= 5; epoch++)
        history_update(&h, 1, HISTORY_PENDING, false, epoch, epoch / 10.0, (uint64_t)epoch + 1);
    history_update(&h, 1, HISTORY_SCORED, true, 5, 0.5, 7);
    history_update(&h, 2, HISTORY_PENDING, false, 1, 0.4, 7);
    assert_true(entry_score_at(&h.entries[0], 3, &score) && score == 0.3);
    assert_true(entry_score_at(&h.entries[0], 5, &score) && score == 0.5);
    assert_false(entry_score_at(&h.entries[0], 6, &score));
    assert_false(entry_score_at(&h.entries[1], 2, &score));
    history_update(&h, 2, HISTORY_BAD, false, 1, 0, 8);
    assert_true(entry_score_at(&h.entries[1], 2, &score) && score == -INFINITY);
    assert_true(entry_score_at(&h.entries[1], 1, &score) && score == 0.4);
    /* Tried again: that it failed once is over. */
    history_update(&h, 2, HISTORY_PENDING, false, 1, 0.4, 9);
    assert_false(entry_score_at(&h.entries[1], 2, &score));
    history_update(&h, 2, HISTORY_PENDING, false, 2, 0.6, 10);
    assert_true(entry_score_at(&h.entries[1], 2, &score) && score == 0.6);
    history_fini(&h);
}

/* Any way a trial may go: epochs said again by a later attempt, rungs, scores that stand or fall, a failure and another go. */
static struct history_step step_after(struct history_step step, struct rng *rng)
{
    step.seq++;
    step.epochs += rng_below(rng, 3) > 0;
    step.score = rng_below(rng, 2) ? step.score : (double)rng_below(rng, 4);
    step.until = rng_below(rng, 8) ? step.until : step.epochs + 2;
    step.state = rng_below(rng, 12) ? HISTORY_PENDING : rng_below(rng, 2) ? HISTORY_BAD : HISTORY_SCORED;
    return step;
}

static void tell(struct history *h, const struct history_step *step)
{
    const double more[HISTORY_MORE] = {step->score};
    if (step->until != h->entries[0].until)
        history_set_until(h, 1, step->until, step->seq);
    history_update(h, 1, step->state, false, step->epochs, step->score, step->seq);
    history_set_more(h, 1, more);
}

static void lean_one_says_the_same_with_less(void **state)
{
    (void)state;
    size_t whole_steps = 0, lean_steps = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct history whole = {0}, lean = {.is_lean = true};
        struct history_step step = {.seq = 1, .score = -INFINITY, .until = 4};
        struct rng rng = rng_at(seed, 0, 0, 0);
        add(&whole, 1, 0.1, 1);
        add(&lean, 1, 0.1, 1);
        for (int i = 0; i < 40; i++) {
            step = step_after(step, &rng);
            tell(&whole, &step);
            tell(&lean, &step);
            const struct entry *a = &whole.entries[0], *b = &lean.entries[0];
            assert_true(a->state == b->state && a->score == b->score && a->seq == b->seq &&
                        a->until == b->until);
            assert_true(a->more[0] == b->more[0] && whole.seq == lean.seq);
            assert_int_equal(history_has_rungs(&whole), history_has_rungs(&lean));
            for (int epochs = 1; epochs <= step.epochs + 1; epochs++) {
                double score_a, score_b;
                assert_int_equal(entry_score_at(a, epochs, &score_a), entry_score_at(b, epochs, &score_b));
                assert_true(score_a == score_b);
            }
        }
        whole_steps += whole.entries[0].log_count;
        lean_steps += lean.entries[0].log_count;
        history_fini(&whole);
        history_fini(&lean);
    }
    assert_true(lean_steps < whole_steps);
}

/* What a worker says again and again is not kept again and again. */
static void lean_one_does_not_grow_by_what_is_said_again(void **state)
{
    (void)state;
    struct history h = {.is_lean = true};
    uint64_t seq = 1;
    add(&h, 1, 0.1, seq);
    for (int attempt = 1; attempt <= 1000; attempt++)
        for (int epoch = 1; epoch <= 20; epoch++)
            history_update(&h, 1, HISTORY_PENDING, false, attempt == 1 ? epoch : 20,
                           attempt == 1 ? epoch / 20.0 : 1, ++seq);
    assert_int_equal(h.entries[0].log_count, 20);
    history_update(&h, 1, HISTORY_SCORED, false, 20, 1, ++seq);
    assert_true(h.entries[0].log_count == 21 && h.entries[0].log_room == 21);
    history_fini(&h);
}

static void assert_same_view(const struct history *a, const struct history *b)
{
    assert_true(a->seq == b->seq && a->finished == b->finished && a->over == b->over);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->box_count, b->box_count);
    for (size_t i = 0; i < a->count; i++) {
        const struct entry *p = &a->entries[i], *q = &b->entries[i];
        assert_true(p->trial == q->trial && p->chain == q->chain && p->state == q->state && p->seq == q->seq);
        assert_true(p->epochs == q->epochs && p->until == q->until && p->pruned == q->pruned);
        assert_true(p->score == q->score && p->more[0] == q->more[0] && p->log_count == q->log_count);
    }
}

/* Trials that come in any order and learn in any order: forwards, and now and then back. */
static void a_retraced_history_is_the_one_of_that_moment(void **state)
{
    (void)state;
    enum { TRIALS = 40, STEPS = 300 };
    struct history h = {0}, then;
    struct rng rng = rng_at(3, 0, 0, 0);
    uint64_t seq = 0;
    add(&h, 3 | HISTORY_WARM, 0.5, 0);
    for (int i = 0; i < STEPS; i++) {
        uint32_t trial = 1 + rng_below(&rng, TRIALS);
        seq += 1 + rng_below(&rng, 2);
        if (!history_find(&h, trial)) {
            add(&h, trial, trial / 50.0, seq);
        } else if (rng_below(&rng, 5) == 0) {
            history_set_until(&h, trial, 1 + (int)rng_below(&rng, 9), seq);
        } else {
            enum history_state states[] = {HISTORY_PENDING, HISTORY_SCORED, HISTORY_BAD, HISTORY_GONE};
            history_update(&h, trial, states[rng_below(&rng, 4)], rng_below(&rng, 2), (int)rng_below(&rng, 9),
                           rng_unit(&rng), seq);
            history_set_more(&h, trial, (double[HISTORY_MORE]){rng_unit(&rng)});
        }
    }
    struct retrace retrace;
    retrace_init(&retrace, &h);
    for (uint64_t at = 0; at <= seq + 1; at += rng_below(&rng, 4)) {
        uint64_t moment = rng_below(&rng, 20) ? at : at / 2;
        history_as_of(&h, moment, &then);
        assert_same_view(retrace_to(&retrace, moment), &then);
        history_fini(&then);
    }
    retrace_fini(&retrace);
    history_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_entries_by_number),
        cmocka_unit_test(shows_what_was_known),
        cmocka_unit_test(chain_tells_growth_from_change),
        cmocka_unit_test(score_at_an_epoch),
        cmocka_unit_test(lean_one_says_the_same_with_less),
        cmocka_unit_test(lean_one_does_not_grow_by_what_is_said_again),
        cmocka_unit_test(a_retraced_history_is_the_one_of_that_moment),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
