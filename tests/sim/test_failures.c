/* Trials and workers that fail, in rehearsal: what is tried again, who is quarantined, and what is given up as poison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "common/log.h"
#include "tests/sim/bowl.h"

static void failures_of_its_own_making_are_counted(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){.fail = 1, .seed = 3}, ",\"max_attempts\":2", 2);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    assert_int_equal(s->counts[TRIAL_failed], 40);
    for (uint32_t n = 1; n <= 40; n++)
        assert_int_equal(study_trial(s, n)->attempt, 2);
    end(r);
}

/* A job that is refused is nobody's failure, and is not asked for again at once. */
static void refused_jobs_wait_and_count_as_no_failure(void **state)
{
    (void)state;
    struct rehearsal *r =
        begin((struct rehearsal_options){.refuse = 0.3, .seed = 4}, ",\"max_attempts\":1", 2);
    assert_true(rehearsal_run(r, 6000000));
    struct study *s = study_of(r);
    assert_int_equal(s->counts[TRIAL_complete], 40);
    for (uint32_t n = 1; n <= s->count; n++)
        assert_int_equal(study_trial(s, n)->own_failures, 0);
    end(r);
    r = begin((struct rehearsal_options){.refuse = 1}, "", 1);
    assert_false(rehearsal_run(r, 60000));
    int attempts = study_trial(study_of(r), 1)->attempt;
    assert_in_range(attempts, 4, 10); /* 0.25 s, 0.5 s, 1 s, ... 32 s */
    end(r);
}

static struct worker *worker_named(struct rehearsal *r, const char *name)
{
    struct roster *roster = &rehearsal_reactor(r)->roster;
    for (size_t i = 0; i < roster->count; i++)
        if (strcmp(roster->workers[i]->name, name) == 0)
            return roster->workers[i];
    fail_msg("no worker %s", name);
    return NULL;
}

/* Three in a row, while others do well: then it gets one at a time, and what it breaks counts for nothing. */
static void a_worker_that_fails_alone_is_quarantined_and_probed(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, ",\"max_attempts\":4", 2);
    rehearsal_break_worker(r, 1, true);
    rehearsal_run(r, 4000);
    assert_int_equal(worker_named(r, "w2")->mode, WORKER_QUARANTINED);
    assert_int_equal(worker_named(r, "w1")->mode, WORKER_OPEN);
    assert_int_equal(study_of(r)->counts[TRIAL_failed], 0);
    rehearsal_crash_master(r, 100); /* it is known again afterwards */
    rehearsal_run(r, 1000);
    assert_int_equal(worker_named(r, "w2")->mode, WORKER_QUARANTINED);
    rehearsal_break_worker(r, 1, false);
    assert_true(rehearsal_run(r, 6000000));
    assert_int_equal(worker_named(r, "w2")->mode, WORKER_OPEN);
    assert_int_equal(study_of(r)->counts[TRIAL_complete], 40);
    end(r);
}

static void where_all_fail_nobody_is_quarantined(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){.fail = 1}, "", 2);
    assert_true(rehearsal_run(r, 6000000));
    assert_int_equal(study_of(r)->counts[TRIAL_failed], 40);
    for (uint32_t n = 1; n <= 40; n++)
        assert_int_equal(study_trial(study_of(r), n)->own_failures, 3);
    end(r);
}

static void a_drained_worker_gives_its_trials_back(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "", 2);
    rehearsal_run(r, 450);
    call(r, "drain", "{\"worker\":\"nobody\"}", 2);
    call(r, "drain", "{\"worker\":\"w1\"}", 0);
    rehearsal_run(r, 2000);
    assert_int_equal(worker_named(r, "w1")->held_count, 0);
    assert_true(rehearsal_run(r, 6000000));
    struct study *s = study_of(r);
    assert_int_equal(s->counts[TRIAL_complete], 40);
    assert_int_equal(rehearsal_epochs_run(r), 320); /* no epoch was lost */
    for (uint32_t n = 1; n <= 40; n++)
        assert_int_equal(study_trial(s, n)->own_failures + study_trial(s, n)->lost_on, 0);
    end(r);
}

/* Drained while its link is down, or just before the master dies: it is told when it is back. */
static void a_drained_worker_that_was_away_is_told_on_its_return(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "", 2);
    rehearsal_run(r, 450);
    rehearsal_cut_worker(r, 0, 1000);
    rehearsal_run(r, 100);
    call(r, "drain", "{\"worker\":\"w1\"}", 0);
    assert_false(rehearsal_was_dismissed(r, 0));
    rehearsal_run(r, 2000);
    assert_true(rehearsal_was_dismissed(r, 0));
    assert_false(rehearsal_was_dismissed(r, 1));
    assert_int_equal(worker_named(r, "w1")->held_count, 0);
    assert_true(rehearsal_run(r, 6000000));
    assert_int_equal(study_of(r)->counts[TRIAL_complete], 40);
    end(r);
}

/* Until the trial's next attempt runs, or it has failed. */
static void await_attempt(struct rehearsal *r, struct trial *t, int attempt)
{
    for (int i = 0; i < 2000 && t->status != TRIAL_failed; i++) {
        if (t->status == TRIAL_running && t->attempt >= attempt && t->holder)
            return;
        rehearsal_run(r, 100);
    }
    assert_int_equal(t->status, TRIAL_failed);
}

static int index_of_holder(const struct trial *t)
{
    return strcmp(t->holder->name, "w1") == 0 ? 0 : 1;
}

/* Its worker is killed three times: that was three workers. */
static void three_killed_workers_make_poison(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){.epoch_ms = 3000}, "", 1);
    struct trial *t = NULL;
    for (int attempt = 1; attempt <= 3; attempt++) {
        rehearsal_run(r, 1000);
        t = study_trial(study_of(r), 1);
        await_attempt(r, t, attempt);
        assert_int_equal(t->attempt, attempt);
        assert_int_equal(t->lost_on, attempt - 1);
        rehearsal_kill_worker(r, 0);
    }
    await_attempt(r, t, 4);
    assert_int_equal(t->status, TRIAL_failed);
    assert_string_equal(t->cause, "poison");
    assert_int_equal(t->attempt, 3);
    assert_int_equal(t->lost_on, 3);
    end(r);
}

/* Two workers that lose it in turn, again and again, are two. */
static void only_different_workers_make_poison(void **state)
{
    (void)state;
    enum { LOSSES = 6 };
    struct rehearsal *r = begin((struct rehearsal_options){.epoch_ms = 3000}, "", 2);
    rehearsal_run(r, 1000);
    struct trial *t = study_trial(study_of(r), 1);
    for (int attempt = 1; attempt <= LOSSES; attempt++) {
        await_attempt(r, t, attempt);
        assert_int_equal(t->attempt, attempt);
        rehearsal_cut_worker(r, index_of_holder(t), 60000);
    }
    await_attempt(r, t, LOSSES + 1);
    assert_int_equal(t->status, TRIAL_running);
    assert_int_equal(t->lost_on, 2);
    assert_true(rehearsal_run(r, 6000000));
    assert_int_equal(t->status, TRIAL_complete);
    end(r);
}

static void the_failed_budget_ends_a_study(void **state)
{
    (void)state;
    struct rehearsal *r =
        begin((struct rehearsal_options){.fail = 1}, ",\"max_attempts\":1,\"budget\":{\"failed\":5}", 1);
    assert_true(rehearsal_run(r, 600000));
    assert_string_equal(study_of(r)->end_reason, "failed");
    assert_int_equal(study_of(r)->counts[TRIAL_failed], 5);
    end(r);
}

int main(void)
{
    log_init(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_of_its_own_making_are_counted),
        cmocka_unit_test(refused_jobs_wait_and_count_as_no_failure),
        cmocka_unit_test(a_worker_that_fails_alone_is_quarantined_and_probed),
        cmocka_unit_test(where_all_fail_nobody_is_quarantined),
        cmocka_unit_test(a_drained_worker_gives_its_trials_back),
        cmocka_unit_test(a_drained_worker_that_was_away_is_told_on_its_return),
        cmocka_unit_test(three_killed_workers_make_poison),
        cmocka_unit_test(only_different_workers_make_poison),
        cmocka_unit_test(the_failed_budget_ends_a_study),
    };
    return cmocka_run_group_tests_name("failures", tests, NULL, NULL);
}
