/* What `hone slurm` decides, from what it sees and the time; how it reads Slurm's queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/slurm_queue.h"

static const struct slurm_limits plain = {.most = 4, .backlog = 1, .slots = 1};

static void expect_act(const struct slurm_view *view, const struct slurm_limits *limits, enum slurm_what what,
                       int count, const char *why)
{
    struct slurm_memory memory = {0};
    struct slurm_act act;
    slurm_decide(view, limits, &memory, 1000, &act);
    if (act.what != what || act.count != count || !strstr(act.why, why))
        fail_msg("%d %d \"%s\", not %d %d \"%s\"", act.what, act.count, act.why, what, count, why);
}

static void jobs_are_submitted_as_long_as_trials_wait(void **state)
{
    (void)state;
    static const struct {
        struct slurm_view view;
        enum slurm_what what;
        int count;
        const char *why;
    } cases[] = {
        {{.master = true, .open = 1, .wanted = 9}, SLURM_SUBMIT, 1, "9 trials wait for a worker"},
        {{.master = true, .open = 1, .wanted = 1}, SLURM_SUBMIT, 1, "1 trial waits for a worker"},
        {{.master = true, .open = 1, .wanted = 1000000}, SLURM_SUBMIT, 1, "many trials wait"},
        {{.master = true, .open = 1, .wanted = 0}, SLURM_LOOK, 0, "no trial waits"},
        {{.master = true, .open = 1, .wanted = 9, .waiting = 1},
         SLURM_LOOK,
         0,
         "1 job waits for Slurm to start it"},
        {{.master = true, .open = 1, .wanted = 9, .running = 3}, SLURM_SUBMIT, 1, "9 trials"},
        {{.master = true, .open = 1, .wanted = 9, .running = 4},
         SLURM_LOOK,
         0,
         "4 jobs are in the queue, the most"},
        {{.master = true, .open = 1, .wanted = 9, .running = 1, .free = 1},
         SLURM_LOOK,
         0,
         "workers are free"},
        {{.master = true, .open = 1, .wanted = 1, .running = 1, .starting = 1},
         SLURM_LOOK,
         0,
         "starting will do"},
        {{.master = true, .open = 1, .wanted = 2, .running = 1, .starting = 1}, SLURM_SUBMIT, 1, "2 trials"},
        {{.master = true, .open = 0, .wanted = 0, .running = 1}, SLURM_END, 0, "every study has ended"},
        {{.over = true}, SLURM_END, 0, "every study has ended"},
        {{.master = false, .running = 2}, SLURM_LOOK, 0, "no master answers"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_act(&cases[i].view, &plain, cases[i].what, cases[i].count, cases[i].why);
}

static void several_at_a_time_if_that_is_allowed(void **state)
{
    (void)state;
    static const struct slurm_limits wide = {.most = 10, .backlog = 5, .slots = 4};
    expect_act(&(struct slurm_view){.master = true, .open = 1, .wanted = 100}, &wide, SLURM_SUBMIT, 5, "100");
    expect_act(&(struct slurm_view){.master = true, .open = 1, .wanted = 9}, &wide, SLURM_SUBMIT, 3, "9");
    expect_act(&(struct slurm_view){.master = true, .open = 1, .wanted = 100, .waiting = 4}, &wide,
               SLURM_SUBMIT, 1, "");
    expect_act(&(struct slurm_view){.master = true, .open = 1, .wanted = 100, .running = 8}, &wide,
               SLURM_SUBMIT, 2, "");
    expect_act(&(struct slurm_view){.master = true, .open = 1, .wanted = 8, .running = 2, .starting = 2},
               &wide, SLURM_LOOK, 0, "starting");
}

static void with_stay_the_last_study_is_not_the_end(void **state)
{
    (void)state;
    static const struct slurm_limits stay = {.most = 1, .backlog = 1, .slots = 1, .stay = true};
    expect_act(&(struct slurm_view){.master = true}, &stay, SLURM_LOOK, 0, "no trial waits");
}

static void what_comes_to_nothing_is_tried_again_ever_later_and_given_up(void **state)
{
    (void)state;
    struct slurm_view view = {.master = true, .open = 1, .wanted = 9};
    struct slurm_memory memory = {0};
    struct slurm_act act;
    int64_t now = 0, rest = 100;
    for (int crash = 1; crash < SLURM_CRASHES_MOST; crash++, rest *= 2) {
        slurm_crashed(&memory, 100, now);
        slurm_decide(&view, &plain, &memory, now + rest - 1, &act);
        assert_int_equal(act.what, SLURM_LOOK);
        assert_non_null(strstr(act.why, "came to nothing"));
        slurm_decide(&view, &plain, &memory, now + rest, &act);
        assert_int_equal(act.what, SLURM_SUBMIT);
        now += rest;
    }
    view.running = view.starting = 1; /* one at a time, until one comes to something */
    slurm_decide(&view, &plain, &memory, now + 1000000, &act);
    assert_int_equal(act.what, SLURM_LOOK);
    assert_non_null(strstr(act.why, "on its way"));
    view.running = view.starting = 0;
    slurm_crashed(&memory, 100, now);
    slurm_decide(&view, &plain, &memory, now, &act);
    assert_int_equal(act.what, SLURM_END);
    assert_int_equal(act.status, 1);
    slurm_worked(&memory);
    slurm_decide(&view, &plain, &memory, now, &act);
    assert_int_equal(act.what, SLURM_SUBMIT);
}

static void jobs_that_nobody_needs_any_more_are_cancelled(void **state)
{
    (void)state;
    struct slurm_view view = {.master = true, .open = 1, .waiting = 1, .running = 2};
    struct slurm_memory memory = {0};
    struct slurm_act act;
    slurm_decide(&view, &plain, &memory, 5000, &act);
    assert_int_equal(act.what, SLURM_LOOK);
    view.wanted = 1; /* a moment later a trial waits again: it begins anew */
    slurm_decide(&view, &plain, &memory, 6000, &act);
    view.wanted = 0;
    slurm_decide(&view, &plain, &memory, 7000, &act);
    slurm_decide(&view, &plain, &memory, 7000 + SLURM_UNWANTED_MS - 1, &act);
    assert_int_equal(act.what, SLURM_LOOK);
    slurm_decide(&view, &plain, &memory, 7000 + SLURM_UNWANTED_MS, &act);
    assert_int_equal(act.what, SLURM_CANCEL_WAITING);
    view.waiting = 0; /* those that run leave by themselves */
    slurm_decide(&view, &plain, &memory, 7000 + 2 * SLURM_UNWANTED_MS, &act);
    assert_int_equal(act.what, SLURM_LOOK);
}

static void a_master_may_be_away_for_five_minutes(void **state)
{
    (void)state;
    struct slurm_view away = {.running = 1}, here = {.master = true, .open = 1};
    struct slurm_memory memory = {0};
    struct slurm_act act;
    slurm_decide(&away, &plain, &memory, 1000, &act);
    slurm_decide(&here, &plain, &memory, 2000, &act);
    slurm_decide(&away, &plain, &memory, 3000, &act);
    slurm_decide(&away, &plain, &memory, 3000 + SLURM_ALONE_MS - 1, &act);
    assert_int_equal(act.what, SLURM_LOOK);
    slurm_decide(&away, &plain, &memory, 3000 + SLURM_ALONE_MS, &act);
    assert_int_equal(act.what, SLURM_END);
    assert_int_equal(act.status, 3);
}

static void lines_of_squeue_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum slurm_state state;
        int64_t ran_s;
    } cases[] = {
        {"1|PD|0:00", SLURM_WAITS, 0},         {"2|CF|0:01", SLURM_RUNS, 1},
        {"3|R|59:01", SLURM_RUNS, 3541},       {"4|CG|1:00:00", SLURM_RUNS, 3600},
        {"5|R|1-02:03:04", SLURM_RUNS, 93784}, {"6|CD|2:00", SLURM_ENDED, 120},
        {"7|F|0:00", SLURM_FAILED, 0},         {"8|TO|4:00:00", SLURM_STOPPED, 14400},
        {"9|CA|INVALID", SLURM_STOPPED, 0},    {"10|PR|0:30", SLURM_STOPPED, 30},
        {"11|NF|0:30", SLURM_FAILED, 30},      {"12|OOM|0:30", SLURM_FAILED, 30},
    };
    struct slurm_queue queue = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(slurm_queue_line(&queue, cases[i].line));
        assert_int_equal(queue.jobs[i].state, cases[i].state);
        assert_int_equal(queue.jobs[i].ran_s, cases[i].ran_s);
        assert_int_equal(queue.jobs[i].counted, cases[i].state > SLURM_RUNS); /* it ended before we looked */
    }
    assert_false(slurm_queue_line(&queue, "slurm_load_jobs error: Unable to contact slurm controller"));
    assert_false(slurm_queue_line(&queue, ""));
    assert_true(slurm_queue_line(&queue, "3|F|59:30")); /* one that ran while we looked */
    assert_int_equal(queue.count, sizeof cases / sizeof *cases);
    assert_int_equal(queue.jobs[2].state, SLURM_FAILED);
    assert_false(queue.jobs[2].counted);
    slurm_queue_fini(&queue);
}

static void a_worker_is_known_by_its_job(void **state)
{
    (void)state;
    assert_true(slurm_is_of_job("n1-4711", 4711));
    assert_true(slurm_is_of_job("gpu-12-4711.3", 4711));
    assert_true(slurm_is_of_job("n-4711-4711", 4711));
    assert_false(slurm_is_of_job("n1-47110", 4711));
    assert_false(slurm_is_of_job("n1-14711", 4711));
    assert_false(slurm_is_of_job("n1-4711_3", 4711));
    assert_false(slurm_is_of_job("anna", 4711));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_submitted_as_long_as_trials_wait),
        cmocka_unit_test(several_at_a_time_if_that_is_allowed),
        cmocka_unit_test(with_stay_the_last_study_is_not_the_end),
        cmocka_unit_test(what_comes_to_nothing_is_tried_again_ever_later_and_given_up),
        cmocka_unit_test(jobs_that_nobody_needs_any_more_are_cancelled),
        cmocka_unit_test(a_master_may_be_away_for_five_minutes),
        cmocka_unit_test(lines_of_squeue_are_read),
        cmocka_unit_test(a_worker_is_known_by_its_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
