/* What a worker decides about jobs, without sockets, processes or a clock: events in, messages and slot lines out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/log.h"
#include "tests/unit/session_world.h"

/* ---- greeting, jobs, results ---- */

static void a_trial_from_hello_to_ack(void **state)
{
    (void)state;
    struct world *world = world_new(2, 0);
    connect_to(world, store_a);
    expect_credit(world, 2);
    job(world, 7);
    expect_slot(world, 0, "\"dir\":\"/data/hone.db.d/s/t00007/a2\",\"shown\":\"s/t00007/a2\"");
    expect_nothing(world); /* the second slot was asked for already */
    world->now.mono_ms += 500;
    slot_says(world, 0,
              "{\"epoch\":1,\"seconds\":0.5,\"metrics\":{\"val_acc\":null},\"checkpoint\":{\"path\":\"x\","
              "\"bytes\":7}}");
    struct msg msg = expect(world, MSG_report);
    assert_string_equal(msg.report.token, "token7");
    assert_int_equal(msg.report.attempt, 2);
    assert_int_equal(json_type(json_get(msg.report.metrics, "val_acc")), JSON_NULL);
    assert_string_equal(json_text(json_get(msg.report.checkpoint, "path")), "x");
    assert_true(msg.report.seconds == 0.5);
    msg_fini(&msg);
    end(world, 0, "finished", 1);
    expect_done(world, 2, 7, "finished", 1);
    expect_credit(world, 3);
    assert_int_equal(world->session.held.count, 1);
    ack(world, 2);
    assert_int_equal(world->session.held.count, 0);
    expect_nothing(world);
    world_free(world);
}

static void where_the_folder_is_not_seen_paths_are_our_own(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    same_root = false;
    connect_to(world, store_a);
    job(world, 7);
    expect_slot(world, 0,
                "\"dir\":\"/nowhere/hone-test/aaaaaaaa/s/t00007/a2\",\"shown\":\"/nowhere/hone-test/aaaaaaaa/"
                "s/t00007/a2\"");
    world_free(world);
}

static void study_paths_resolve_where_the_worker_was_told(void **state)
{
    (void)state;
    struct world *world = world_new(2, 0);
    connect_to(world, store_a);
    job(world, 1);
    expect_slot(world, 0, "\"base\":\"/base\"");
    world->session.options.dir = "/own";
    job(world, 2);
    expect_slot(world, 1, "\"base\":\"/own\"");
    world_free(world);
}

static void resume_paths_stay_in_the_masters_folder(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"path\":\"s/a/x.ckpt\",\"epoch\":3,\"bytes\":5,\"hash\":\"h\"}",
         "\"resume\":{\"path\":\"/data/hone.db.d/s/a/x.ckpt\",\"epoch\":3,\"bytes\":5,\"hash\":\"h\"}"},
        {"{\"path\":\"../../etc/x\",\"epoch\":3}", "\"resume\":{\"path\":\"\",\"epoch\":3}"},
        {"{\"path\":\"/else/x\",\"epoch\":3}", "\"resume\":{\"path\":\"/else/x\",\"epoch\":3}"},
        {"{\"path\":\"x\",\"epoch\":-3}", "\"shown\":\"s/t00003/a2\",\"grace_ms\""},
        {"{\"path\":7,\"epoch\":\"x\"}", "\"shown\":\"s/t00004/a2\",\"grace_ms\""},
    };
    struct world *world = world_new(5, 0);
    connect_to(world, store_a);
    for (int i = 0; i < 5; i++) {
        struct msg msg = job_of((uint64_t)i);
        msg.job.resume = json_parse(cases[i][0], strlen(cases[i][0]), "t", NULL);
        session_on_message(&world->session, &msg, world->now);
        msg_fini(&msg);
        expect_slot(world, i, cases[i][1]);
    }
    world_free(world);
}

static void a_study_that_is_no_name_fails_and_makes_no_folder(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    struct msg msg = job_of(1);
    strcpy(msg.job.study, "../../etc");
    session_on_message(&world->session, &msg, world->now);
    msg_fini(&msg);
    msg = expect(world, MSG_done);
    assert_string_equal(msg.done.outcome, "failed");
    assert_string_equal(msg.done.cause, "start");
    expect_slot(world, 0, "");
    expect_credit(world, 2);
    world_free(world);
}

static void a_slot_that_dies_fails_its_attempt_and_is_free(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    epoch(world, 0, 1);
    expect_report(world, 1, 1, 1);
    session_on_slot_gone(&world->session, 0, world->now);
    expect_done(world, 2, 1, "failed", 1);
    expect_credit(world, 2);
    job(world, 2);
    expect_slot(world, 0, "\"trial\":2");
    world_free(world);
}

/* ---- credit and prefetch ---- */

static void quick_attempts_are_fetched_ahead(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    world->now.mono_ms += 10;
    end(world, 0, "finished", 9);
    expect_done(world, 1, 1, "finished", 9);
    expect_credit(world, 3); /* the slot, and one ahead */
    job(world, 2);
    job(world, 3);
    free(to_slot(world, 0));
    world->now.mono_ms += 10;
    end(world, 0, "finished", 9);
    expect_slot(world, 0, "\"trial\":3"); /* at once, without the master */
    expect_done(world, 2, 2, "finished", 9);
    expect_credit(world, 5);
    world->now.mono_ms += 10;
    end(world, 0, "finished", 9);
    expect_done(world, 3, 3, "finished", 9);
    expect_credit(world, 6); /* never more than two ahead per slot */
    job(world, 4);
    world->now.mono_ms += 25;
    end(world, 0, "finished", 9);
    expect_done(world, 4, 4, "finished", 9);
    expect_nothing(world); /* slow: what was asked for stays asked for, no more */
    job(world, 5);
    job(world, 6);
    expect_nothing(world);
    world_free(world);
}

static void a_host_where_everything_fails_does_not_gulp_jobs(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    for (uint64_t i = 1; i <= 5; i++) {
        expect_credit(world, i);
        job(world, i);
        end(world, 0, "failed", 0);
        expect_done(world, i, i, "failed", 0);
    }
    expect_credit(world, 6);
    world_free(world);
}

static void a_waiting_job_is_recalled_without_having_begun(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    job(world, 2);
    stop(world, 2, "epoch");
    expect_done(world, 1, 2, "stopped", 0);
    free(to_slot(world, 0));
    stop(world, 1, "epoch");
    expect_slot(world, 0, "{\"stop\":\"epoch\"}\n");
    stop(world, 1, "now");
    expect_slot(world, 0, "{\"stop\":\"now\"}\n");
    end(world, 0, "stopped", 0);
    expect_done(world, 2, 1, "stopped", 0);
    stop(world, 1, "now");
    expect_slot(world, 0, "");
    world_free(world);
}

static void jobs_beyond_all_bounds_are_refused(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    for (uint64_t i = 1; i <= 3; i++)
        job(world, i);
    expect_nothing(world);
    job(world, 4);
    expect_done(world, 1, 4, "refused", 0);
    job(world, 3); /* the same again: ignored */
    expect_nothing(world);
    world_free(world);
}

/* ---- GPUs that fail where others do well ---- */

static char *gpus_of_two[] = {(char[]){"0"}, (char[]){"1"}};
static const struct gpu_plan two_gpus = {.slots = 2, .gpus = gpus_of_two, .tell = {true}};

/* A world of two slots with a GPU each, and credit for both. */
static struct world *world_of_gpus(void)
{
    struct world *world = world_new(2, 0);
    struct worker_options options = {.slots = 2, .grace_ms = 1000, .gpus = &two_gpus};
    struct msg_hello self = world->session.self;
    session_fini(&world->session);
    session_init(&world->session, &options, &self, "/nowhere/hone-test", world->now);
    world->session.sees = sees;
    connect_to(world, store_a);
    expect_credit(world, 2);
    return world;
}

/* Trial `number` ends in slot 1. */
static void ends_in_1(struct world *world, int number, const char *outcome, bool excused)
{
    job(world, (uint64_t)number);
    expect_slot(world, 1, "\"run\"");
    world->now.mono_ms += 50;
    end(world, 1, outcome, 0);
    struct msg msg = expect(world, MSG_done);
    assert_string_equal(msg.done.outcome, outcome);
    assert_int_equal(msg.done.excused, excused);
    msg_fini(&msg);
}

static void expect_out(struct world *world, uint64_t jobs, const char *out)
{
    struct msg msg = expect(world, MSG_credit);
    assert_int_equal(msg.credit.jobs, jobs);
    assert_string_equal(msg.credit.out, out);
}

static void does_well_in_0(struct world *world, int number, uint64_t jobs)
{
    job(world, (uint64_t)number);
    expect_slot(world, 0, "\"run\"");
    world->now.mono_ms += 50; /* longer than what prefetches */
    end(world, 0, "finished", 9);
    struct msg msg = expect(world, MSG_done);
    msg_fini(&msg);
    expect_credit(world, jobs);
}

/* Time passes, with a master that is there. */
static void rest(struct world *world, int64_t ms)
{
    for (; ms > 0; ms -= 125) {
        ack(world, 1);
        later(world, ms < 125 ? ms : 125);
        if (ms >= 100)
            expect(world, MSG_beat);
    }
}

static void a_gpu_that_fails_alone_sits_out_and_is_probed(void **state)
{
    (void)state;
    struct world *world = world_of_gpus();
    does_well_in_0(world, 1, 3);
    job(world, 2); /* slot 0 is busy from here on */
    expect_slot(world, 0, "\"run\"");
    for (int trial = 3; trial < 5; trial++) {
        ends_in_1(world, trial, "failed", false);
        expect_out(world, (uint64_t)trial + 1, "");
    }
    world->now.mono_ms += 50;
    end(world, 0, "finished", 9);
    struct msg msg = expect(world, MSG_done);
    msg_fini(&msg);
    expect_credit(world, 6);
    job(world, 5);
    expect_slot(world, 0, "\"run\"");
    ends_in_1(world, 6, "failed", false);
    expect_out(world, 6, "1"); /* the third: it is out, and no job is asked for it */
    rest(world, 249);
    later(world, 1);
    expect_out(world, 7, "1");
    ends_in_1(world, 7, "failed", true); /* a probe */
    expect_nothing(world);
    rest(world, 499);
    later(world, 1);
    expect_out(world, 8, "1");
    ends_in_1(world, 8, "finished", false);
    expect_out(world, 9, "");
    ends_in_1(world, 9, "failed", false); /* from the beginning */
    world_free(world);
}

/* With trainings of hours nobody has finished yet; an epoch tells enough. */
static void an_epoch_elsewhere_is_doing_well(void **state)
{
    (void)state;
    struct world *world = world_of_gpus();
    job(world, 1);
    expect_slot(world, 0, "\"run\"");
    ends_in_1(world, 2, "failed", false);
    expect_out(world, 3, "");
    epoch(world, 0, 1);
    expect_report(world, 2, 1, 1);
    ends_in_1(world, 3, "failed", false);
    expect_out(world, 4, "");
    ends_in_1(world, 4, "failed", false);
    expect_out(world, 4, "1");
    world_free(world);
}

static void where_every_gpu_fails_none_is_to_blame(void **state)
{
    (void)state;
    struct world *world = world_of_gpus();
    does_well_in_0(world, 1, 3); /* before */
    world->now.mono_ms += 1;
    job(world, 2);
    expect_slot(world, 0, "\"run\"");
    for (int trial = 3; trial < 8; trial++) {
        ends_in_1(world, trial, "failed", false);
        expect_out(world, (uint64_t)trial + 1, "");
    }
    world_free(world);
}

int main(void)
{
    log_init(LOG_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trial_from_hello_to_ack),
        cmocka_unit_test(where_the_folder_is_not_seen_paths_are_our_own),
        cmocka_unit_test(study_paths_resolve_where_the_worker_was_told),
        cmocka_unit_test(resume_paths_stay_in_the_masters_folder),
        cmocka_unit_test(a_study_that_is_no_name_fails_and_makes_no_folder),
        cmocka_unit_test(a_slot_that_dies_fails_its_attempt_and_is_free),
        cmocka_unit_test(quick_attempts_are_fetched_ahead),
        cmocka_unit_test(a_host_where_everything_fails_does_not_gulp_jobs),
        cmocka_unit_test(a_waiting_job_is_recalled_without_having_begun),
        cmocka_unit_test(jobs_beyond_all_bounds_are_refused),
        cmocka_unit_test(a_gpu_that_fails_alone_sits_out_and_is_probed),
        cmocka_unit_test(an_epoch_elsewhere_is_doing_well),
        cmocka_unit_test(where_every_gpu_fails_none_is_to_blame),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
