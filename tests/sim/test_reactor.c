/* The reactor in rehearsal: whole studies with simulated workers, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "sql/query.h"
#include "tests/sim/bowl.h"

static double diverges_above_one(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    double lr = json_num(json_get(params, "lr"));
    return lr > 1 && epoch >= 2 ? NAN : bowl(arg, params, seed, epoch, epochs);
}

static void a_study_runs_to_its_end(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "", 4);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    assert_int_equal(s->counts[TRIAL_complete], 40);
    assert_int_equal(s->epochs_done, 320);
    assert_string_equal(s->end_reason, "trials");
    assert_int_equal(rehearsal_epochs_run(r), 320);
    end(r);
}

static void points_do_not_depend_on_the_number_of_workers(void **state)
{
    (void)state;
    struct rehearsal *one = begin((struct rehearsal_options){0}, "", 1);
    struct rehearsal *seven = begin((struct rehearsal_options){.late = 0.3, .seed = 5}, "", 7);
    assert_true(rehearsal_run(one, 600000));
    assert_true(rehearsal_run(seven, 600000));
    for (uint32_t n = 1; n <= 40; n++) {
        struct trial *a = study_trial(study_of(one), n), *b = study_trial(study_of(seven), n);
        assert_true(point_equal(&a->point, &b->point));
        assert_true(a->score == b->score);
        assert_true(a->seed == b->seed);
    }
    end(one);
    end(seven);
}

static void a_killed_worker_loses_nothing(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "", 2);
    rehearsal_run(r, 450);
    struct trial *t = study_trial(study_of(r), 1);
    assert_int_equal(t->status, TRIAL_running);
    int before = t->last_epoch;
    assert_true(before > 0);
    rehearsal_kill_worker(r, 0);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(t->attempt, 2);
    assert_int_equal(t->status, TRIAL_complete);
    assert_int_equal(rehearsal_epochs_run(r), 320); /* it resumed: nothing was trained twice */
    end(r);
}

static void a_short_cut_is_not_even_noticed(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){.lease_ms = 5000}, "", 2);
    rehearsal_run(r, 250);
    rehearsal_cut_worker(r, 0, 2000);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(study_trial(study_of(r), 1)->attempt, 1);
    assert_int_equal(rehearsal_epochs_run(r), 320);
    end(r);
}

/* One worker alone: its lease runs out, nobody else takes the trial, it comes back and is reinstated. */
static void a_lost_attempt_is_reinstated_until_another_starts(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){.epoch_ms = 1000}, "", 1);
    rehearsal_run(r, 1500);
    rehearsal_cut_worker(r, 0, 4000);
    rehearsal_run(r, 2500);
    struct trial *t = study_trial(study_of(r), 1);
    assert_int_equal(t->status, TRIAL_waiting);
    assert_string_equal(t->cause, "lost");
    rehearsal_run(r, 2500);
    assert_int_equal(t->status, TRIAL_running);
    assert_int_equal(t->attempt, 1);
    assert_true(rehearsal_run(r, 6000000));
    assert_int_equal(t->attempt, 1);
    assert_int_equal(rehearsal_epochs_run(r), 320);
    end(r);
}

/* The next master knows it by its token as well. */
static void also_by_a_master_that_was_started_since(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){.epoch_ms = 1000}, "", 1);
    rehearsal_run(r, 1500);
    rehearsal_cut_worker(r, 0, 5000);
    rehearsal_run(r, 2500);
    assert_string_equal(study_trial(study_of(r), 1)->cause, "lost");
    rehearsal_crash_master(r, 500);
    assert_true(rehearsal_run(r, 6000000));
    assert_int_equal(study_trial(study_of(r), 1)->attempt, 1);
    assert_int_equal(rehearsal_reactor(r)->fenced_count, 0);
    assert_int_equal(rehearsal_epochs_run(r), 320);
    end(r);
}

static void a_later_attempt_fences_the_first(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){.epoch_ms = 1000}, "", 2);
    rehearsal_run(r, 1500);
    rehearsal_cut_worker(r, 0, 30000);
    rehearsal_run(r, 60000);
    struct trial *t = study_trial(study_of(r), 1);
    assert_int_equal(t->attempt, 2);
    assert_int_equal(t->status, TRIAL_complete);
    assert_true(rehearsal_reactor(r)->fenced_count > 0);
    assert_true(rehearsal_run(r, 6000000));
    end(r);
}

static void workers_outlive_the_master(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "", 3);
    rehearsal_run(r, 450);
    rehearsal_crash_master(r, 3000);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    assert_int_equal(s->counts[TRIAL_complete], 40);
    for (uint32_t n = 1; n <= 40; n++)
        assert_int_equal(study_trial(s, n)->attempt, 1);
    assert_int_equal(rehearsal_epochs_run(r), 320);
    end(r);
}

/* One comes back later than the others, and a new one would gladly take its trial. */
static void a_restarted_master_waits_a_full_lease_for_everybody(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){.lease_ms = 1500, .epoch_ms = 300}, "", 3);
    rehearsal_run(r, 450);
    rehearsal_crash_master(r, 500);
    rehearsal_cut_worker(r, 0, 1500);
    rehearsal_add_worker(r, 1);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    for (uint32_t n = 1; n <= s->count; n++)
        assert_int_equal(study_trial(s, n)->attempt, 1);
    end(r);
}

static void a_jump_of_the_wall_clock_expires_nothing(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "", 2);
    rehearsal_run(r, 450);
    rehearsal_jump_clock(r, 86400000);
    rehearsal_run(r, 450);
    rehearsal_jump_clock(r, -2 * 86400000LL);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(rehearsal_epochs_run(r), 320);
    end(r);
}

static void nan_is_a_result_and_not_a_failure(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){.objective = diverges_above_one}, "", 3);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    assert_int_equal(s->counts[TRIAL_failed], 0);
    assert_true(s->counts[TRIAL_pruned] > 0);
    assert_int_equal(s->counts[TRIAL_pruned] + s->counts[TRIAL_complete], 40);
    for (uint32_t n = 1; n <= 40; n++) {
        struct trial *t = study_trial(s, n);
        if (t->status == TRIAL_pruned) {
            assert_string_equal(t->cause, "diverged");
            assert_int_equal(t->last_epoch, 2);
            assert_int_equal(t->best_epoch, 1);
        }
    }
    end(r);
}

/* Warns once, and gives up rates above 1 after their third epoch. */
static const char *babysitter(void *arg, const struct json *params, int epoch)
{
    (void)arg;
    if (epoch == 2)
        return "[{\"rule\":\"D7\",\"action\":\"warn\",\"text\":\"noisy\",\"advice\":\"larger batches\"},"
               "{\"rule\":\"\",\"action\":\"warn\",\"text\":\"no rule\"}, 7]";
    if (epoch == 3 && json_num(json_get(params, "lr")) > 1)
        return "[{\"rule\":\"D1\",\"action\":\"stop\",\"text\":\"the loss rises\",\"advice\":\"a lower "
               "rate\"}]";
    return NULL;
}

static int64_t count_of(struct rehearsal *r, const char *sql)
{
    struct err err = ERR_NONE;
    struct query *query;
    struct rows rows;
    if (query_of_store(rehearsal_store(r), &query, &err) || query_sql(query, sql, 0, &rows, &err))
        fail_msg("%s", err.text);
    int64_t count = cell_int(rows_cell(&rows, 0, 0));
    rows_fini(&rows);
    query_close(query);
    return count;
}

/* Who wakes first finds that nobody has said anything for hours. */
static void a_machine_that_slept_takes_nobodys_lease(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){.lease_ms = 1500, .epoch_ms = 300}, "", 3);
    rehearsal_run(r, 450);
    rehearsal_sleep(r, 3600000);
    assert_true(rehearsal_run(r, 7200000));
    assert_int_equal(study_of(r)->counts[TRIAL_complete], 40);
    assert_int_equal(count_of(r, "SELECT count(*) FROM trial_event WHERE cause = 'lost'"), 0);
    end(r);
}

static void findings_are_kept_and_may_end_a_trial(void **state)
{
    (void)state;
    struct rehearsal *r =
        begin((struct rehearsal_options){.findings = babysitter, .twice = 0.2, .seed = 4}, "", 3);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    assert_true(s->counts[TRIAL_pruned] > 0);
    for (uint32_t n = 1; n <= 40; n++) {
        struct trial *t = study_trial(s, n);
        assert_int_equal(t->status == TRIAL_pruned, t->point.v[0].num > 1);
        if (t->status == TRIAL_pruned)
            assert_string_equal(t->cause, "babysit");
        assert_int_equal(t->last_epoch, t->status == TRIAL_pruned ? 3 : 8);
    }
    assert_int_equal(count_of(r, "SELECT count(*) FROM trial_finding WHERE rule = 'D7' AND epoch = 2"), 40);
    assert_int_equal(count_of(r, "SELECT count(*) FROM trial_finding"), 40 + s->counts[TRIAL_pruned]);
    assert_int_equal(count_of(r, "SELECT count(*) FROM trial_event WHERE cause = 'babysit' "
                                 "AND json_extract(detail, '$.rule') = 'D1'"),
                     s->counts[TRIAL_pruned]);
    end(r);
}

static void the_target_ends_a_study_and_running_trials_keep_their_score(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, ",\"budget\":{\"target\":0.9}", 4);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    assert_string_equal(s->end_reason, "target");
    assert_true(s->best->score >= 0.9);
    assert_true(s->count < 40);
    for (uint32_t n = 1; n <= s->count; n++) {
        struct trial *t = study_trial(s, n);
        assert_true(trial_status_is_final(t->status));
        if (t->status == TRIAL_pruned)
            assert_string_equal(t->cause, "budget");
        assert_false(isnan(t->score));
    }
    end(r);
}

static void wall_time_counts_only_while_a_master_runs(void **state)
{
    (void)state;
    struct rehearsal *r =
        begin((struct rehearsal_options){.epoch_ms = 1000}, ",\"budget\":{\"wall\":\"30s\"}", 1);
    rehearsal_run(r, 5000);
    rehearsal_crash_master(r, 100000);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    assert_string_equal(s->end_reason, "wall");
    assert_in_range(rehearsal_now_ms(r), 128000, 135000);
    end(r);
}

static void pause_gives_the_slots_back_and_resume_goes_on(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "", 2);
    rehearsal_run(r, 450);
    call(r, "pause", "{}", 0);
    rehearsal_run(r, 2000);
    struct study *s = study_of(r);
    assert_int_equal(s->counts[TRIAL_running], 0);
    assert_int_equal(s->counts[TRIAL_waiting], 2);
    assert_string_equal(study_state(s), "paused");
    int64_t epochs = rehearsal_epochs_run(r);
    rehearsal_run(r, 5000);
    assert_int_equal(rehearsal_epochs_run(r), epochs);
    call(r, "resume", "{\"study\":\"s\"}", 0);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(rehearsal_epochs_run(r), 320);
    end(r);
}

static void stop_ends_a_study_and_resume_takes_it_up(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "", 2);
    rehearsal_run(r, 450);
    call(r, "stop", "{\"study\":\"s\"}", 0);
    assert_true(rehearsal_run(r, 5000));
    struct study *s = study_of(r);
    assert_string_equal(s->end_reason, "stopped");
    assert_int_equal(s->counts[TRIAL_pruned], 2);
    call(r, "resume", "{\"study\":\"s\"}", 0);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(s->counts[TRIAL_complete] + s->counts[TRIAL_pruned], 40);
    end(r);
}

static void cancelled_trials_are_replaced_and_do_not_count(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "", 2);
    rehearsal_run(r, 450);
    call(r, "cancel", "{\"study\":\"s\",\"trials\":[1,2]}", 0);
    call(r, "cancel", "{\"study\":\"s\",\"trials\":[99]}", 2);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    assert_int_equal(s->counts[TRIAL_cancelled], 2);
    assert_int_equal(s->counts[TRIAL_complete], 40);
    check(r);
    /* A retry goes beyond the budget: the user asked for it. */
    call(r, "retry", "{\"study\":\"s\",\"trials\":[1]}", 0);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(study_trial(s, 1)->status, TRIAL_complete);
    rehearsal_free(r);
}

/* The worker of the first attempt is away when the user cancels, and still away when he wants the trial after all. */
static void a_cancelled_trial_that_is_wanted_again_has_one_attempt_open(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "", 1);
    rehearsal_run(r, 450);
    struct study *s = study_of(r);
    struct trial *t = study_trial(s, 1);
    assert_int_equal(t->status, TRIAL_running);
    rehearsal_cut_worker(r, 0, 1200); /* less than a lease */
    call(r, "cancel", "{\"study\":\"s\",\"trials\":[1]}", 0);
    call(r, "retry", "{\"study\":\"s\",\"trials\":[1]}", 0);
    rehearsal_add_worker(r, 1);
    while (t->status != TRIAL_running || t->attempt < 2)
        rehearsal_run(r, 10);
    int64_t open = 0;
    for (size_t i = 0; i < s->count; i++)
        open += s->trials[i]->is_open;
    assert_int_equal(s->open_count, open);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(t->attempt, 2);
    assert_int_equal(t->status, TRIAL_complete);
    assert_int_equal(s->open_count, 0);
    end(r); /* and the store says so too */
}

static void calls_that_make_no_sense_are_answered(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "", 1);
    call(r, "dance", "{}", 2);
    call(r, "cancel", "{}", 2);
    call(r, "pause", "{\"study\":\"nobody\"}", 2);
    call(r, "submit", "{\"definition\":{\"study\":1},\"base\":\"/\"}", 2);
    call(r, "status", "{}", 0);
    call(r, "workers", "{}", 0);
    call(r, "ping", "{}", 0);
    assert_true(rehearsal_run(r, 600000));
    end(r);
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void a_grid_is_covered_exactly_once_whatever_dies(void **state)
{
    (void)state;
    struct err err = ERR_NONE;
    struct rehearsal_options options = {.seed = 9,
                                        .objective = bowl,
                                        .metric = "acc",
                                        .kill_worker = 0.05,
                                        .cut_worker = 0.05,
                                        .lose = 0.002,
                                        .crash_before = 0.005};
    struct rehearsal *r = rehearsal_new(&options, &err);
    int rc =
        rehearsal_submit(r,
                         "{\"study\":\"g\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},\"trainer\":{"
                         "\"command\":[\"true\"]},\"space\":{\"lr\":{\"log\":[1e-6,10]}},\"search\":{"
                         "\"method\":\"grid\",\"epochs\":3,\"grid\":{\"lr\":50}}}",
                         &err);
    if (rc)
        fail_msg("%s", err.text);
    for (int i = 0; i < 5; i++)
        rehearsal_add_worker(r, 2);
    rehearsal_run(r, 20000);
    rehearsal_calm(r);
    assert_true(rehearsal_run(r, 6000000));
    struct study *s = study_of(r);
    assert_int_equal(s->count, 50);
    double lr[50];
    for (uint32_t n = 1; n <= 50; n++) {
        assert_true(trial_status_is_final(study_trial(s, n)->status));
        lr[n - 1] = study_trial(s, n)->point.v[0].num;
    }
    qsort(lr, 50, sizeof *lr, compare_numbers);
    for (int i = 1; i < 50; i++)
        assert_true(lr[i] > lr[i - 1]);
    assert_string_equal(s->end_reason, "exhausted");
    end(r);
}

/* A database that has been used for a year: whoever came before, the newest study has its turn. */
static void of_a_hundred_studies_each_is_served(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "", 2);
    for (int i = 0; i < 99; i++) {
        char text[300];
        snprintf(text, sizeof text,
                 "{\"study\":\"s%d\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},"
                 "\"trainer\":{\"command\":[\"true\"]},\"space\":{\"lr\":{\"log\":[1e-3,10]}},"
                 "\"search\":{\"method\":\"random\",\"trials\":1,\"epochs\":1,\"seed\":1}}",
                 i);
        assert_int_equal(rehearsal_submit(r, text, NULL), 0);
    }
    assert_true(rehearsal_run(r, 600000));
    for (size_t i = 0; i < rehearsal_reactor(r)->studies.count; i++)
        assert_string_equal(rehearsal_reactor(r)->studies.all[i]->end_reason, "trials");
    end(r);
}

static void studies_share_workers_by_priority_and_weight(void **state)
{
    (void)state;
    struct err err = ERR_NONE;
    struct rehearsal *r = begin((struct rehearsal_options){0}, ",\"weight\":3", 4);
    assert_int_equal(
        rehearsal_submit(
            r,
            "{\"study\":\"other\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},"
            "\"trainer\":{\"command\":[\"true\"],\"seed\":3},\"space\":{\"lr\":{\"log\":[1e-6,10]}},"
            "\"search\":{\"method\":\"random\",\"trials\":40,\"epochs\":8,\"seed\":2}}",
            &err),
        0);
    rehearsal_run(r, 8000);
    struct study *heavy = reactor_study(rehearsal_reactor(r), "s"),
                 *light = reactor_study(rehearsal_reactor(r), "other");
    double ratio = (double)heavy->count / (double)light->count;
    assert_true(ratio > 2.2 && ratio < 3.8);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(light->counts[TRIAL_complete], 40);
    end(r);
}

int main(void)
{
    log_init(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_study_runs_to_its_end),
        cmocka_unit_test(points_do_not_depend_on_the_number_of_workers),
        cmocka_unit_test(a_killed_worker_loses_nothing),
        cmocka_unit_test(a_short_cut_is_not_even_noticed),
        cmocka_unit_test(a_lost_attempt_is_reinstated_until_another_starts),
        cmocka_unit_test(also_by_a_master_that_was_started_since),
        cmocka_unit_test(a_later_attempt_fences_the_first),
        cmocka_unit_test(workers_outlive_the_master),
        cmocka_unit_test(a_restarted_master_waits_a_full_lease_for_everybody),
        cmocka_unit_test(a_machine_that_slept_takes_nobodys_lease),
        cmocka_unit_test(a_jump_of_the_wall_clock_expires_nothing),
        cmocka_unit_test(nan_is_a_result_and_not_a_failure),
        cmocka_unit_test(findings_are_kept_and_may_end_a_trial),
        cmocka_unit_test(the_target_ends_a_study_and_running_trials_keep_their_score),
        cmocka_unit_test(wall_time_counts_only_while_a_master_runs),
        cmocka_unit_test(pause_gives_the_slots_back_and_resume_goes_on),
        cmocka_unit_test(stop_ends_a_study_and_resume_takes_it_up),
        cmocka_unit_test(cancelled_trials_are_replaced_and_do_not_count),
        cmocka_unit_test(a_cancelled_trial_that_is_wanted_again_has_one_attempt_open),
        cmocka_unit_test(calls_that_make_no_sense_are_answered),
        cmocka_unit_test(a_grid_is_covered_exactly_once_whatever_dies),
        cmocka_unit_test(of_a_hundred_studies_each_is_served),
        cmocka_unit_test(studies_share_workers_by_priority_and_weight),
    };
    return cmocka_run_group_tests_name("reactor", tests, NULL, NULL);
}
