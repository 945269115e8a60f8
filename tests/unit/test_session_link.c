/* Connections of a worker that come and go, and how it leaves: without sockets, processes or a clock. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/log.h"
#include "tests/unit/session_world.h"

/* ---- connections ---- */

static void a_worker_outlives_its_master(void **state)
{
    (void)state;
    struct world *world = world_new(2, 0);
    connect_to(world, store_a);
    expect_credit(world, 2);
    job(world, 1);
    job(world, 2);
    epoch(world, 0, 1);
    expect_report(world, 1, 1, 1);
    ack(world, 1);
    epoch(world, 1, 1);
    expect_report(world, 2, 2, 1); /* lost on the way */
    session_on_down(&world->session, world->now);
    world->heard = 0;
    epoch(world, 0, 2);
    later(world, 3600000);
    end(world, 1, "finished", 1);
    expect_nothing(world);

    session_on_up(&world->session, world->now);
    struct msg msg = expect(world, MSG_hello);
    assert_string_equal(msg.hello.store, store_a);
    assert_int_equal(json_count(msg.hello.held), 2);
    const struct json *first = json_at(msg.hello.held, 0), *second = json_at(msg.hello.held, 1);
    assert_string_equal(json_text(json_get(first, "token")), "token1");
    assert_int_equal((int)json_num(json_get(first, "epoch")), 2);
    assert_int_equal((int)json_num(json_get(second, "trial")), 2);
    msg_fini(&msg);
    expect_nothing(world);
    welcome(world, store_a);
    expect_report(world, 2, 2, 1);
    expect_report(world, 3, 1, 2);
    expect_done(world, 4, 2, "finished", 1);
    expect_credit(world, 1);
    ack(world, 4);
    epoch(world, 0, 3);
    expect_report(world, 5, 1, 3);
    world_free(world);
}

static void another_store_means_nobody_will_ask(void **state)
{
    (void)state;
    struct world *world = world_new(2, 0);
    connect_to(world, store_a);
    job(world, 1);
    job(world, 2);
    epoch(world, 0, 1);
    world->now.mono_ms += 100;
    end(world, 1, "finished", 9);
    session_on_down(&world->session, world->now);
    world->heard = 0;
    free(to_slot(world, 0));
    connect_to(world, store_b);
    expect_slot(world, 0, "{\"stop\":\"now\"}");
    expect_credit(world, 1); /* the slot that still has to stop is not offered */
    epoch(world, 0, 2);
    expect_nothing(world);
    end(world, 0, "stopped", 2);
    expect_credit(world, 2);
    assert_int_equal(world->session.held.count, 0);
    job(world, 1);
    epoch(world, 0, 1);
    expect_report(world, 3, 1, 1); /* the count is the process's */
    world_free(world);
}

static void an_orphan_whose_slot_dies_is_gone_too(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    job(world, 1);
    session_on_down(&world->session, world->now);
    world->heard = 0;
    connect_to(world, store_b);
    session_on_slot_gone(&world->session, 0, world->now);
    expect_credit(world, 1);
    assert_int_equal(world->session.held.count, 0);
    world_free(world);
}

static void beats_fill_silence_and_silence_breaks_the_connection(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    struct msg beat = {.kind = MSG_beat};
    connect_to(world, store_a);
    expect_credit(world, 1);
    assert_int_equal(session_tick(&world->session, world->now) - world->now.mono_ms, 100);
    later(world, 99);
    expect_nothing(world);
    later(world, 1);
    expect(world, MSG_beat);
    later(world, 50);
    expect_nothing(world);
    session_on_message(&world->session, &beat, world->now);
    later(world, 300);
    assert_false(world->session.reconnect);
    later(world, 1);
    assert_true(world->session.reconnect);
    assert_false(world->session.welcomed);
    world_free(world);
}

static void a_master_that_never_answers_hello_is_left(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    session_on_up(&world->session, world->now);
    later(world, 6000);
    assert_false(world->session.reconnect);
    later(world, 1);
    assert_true(world->session.reconnect);
    world_free(world);
}

/* Said once, and only as long as there has never been one. */
static void a_worker_without_a_master_says_so_once(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    int64_t next = session_tick(&world->session, world->now);
    assert_true(next > world->now.mono_ms && next <= world->now.mono_ms + 3000);
    assert_false(world->session.told_alone);
    world->now.mono_ms = next;
    session_tick(&world->session, world->now);
    assert_true(world->session.told_alone);
    assert_true(session_tick(&world->session, world->now) == INT64_MAX);
    world_free(world);
    world = world_new(1, 0);
    connect_to(world, store_a);
    world->now.mono_ms += 100;
    session_on_down(&world->session, world->now);
    world->now.mono_ms += 10000;
    session_tick(&world->session, world->now);
    assert_false(world->session.told_alone);
    world_free(world);
}

static void a_master_that_forgot_us_is_greeted_again(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    struct msg error = {.kind = MSG_error};
    strcpy(error.error.code, "hello");
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    epoch(world, 0, 1);
    expect_report(world, 1, 1, 1);
    session_on_message(&world->session, &error, world->now);
    session_on_message(&world->session, &error, world->now);
    struct msg msg = expect(world, MSG_hello);
    assert_int_equal(json_count(msg.hello.held), 1);
    msg_fini(&msg);
    expect_nothing(world);
    welcome(world, store_a);
    expect_report(world, 1, 1, 1);
    expect_nothing(world); /* its one slot is taken */
    world_free(world);
}

static void a_confused_master_does_no_harm(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    struct msg msg = {.kind = MSG_hello};
    job(world, 1); /* before WELCOME */
    expect_nothing(world);
    connect_to(world, store_a);
    expect_credit(world, 1);
    welcome(world, store_b); /* twice */
    ack(world, 99);
    stop(world, 5, "sometime");
    session_on_message(&world->session, &msg, world->now);
    expect_nothing(world);
    assert_string_equal(world->session.store, store_a);
    struct msg refusal = {.kind = MSG_error};
    strcpy(refusal.error.code, "malformed");
    session_on_noise(&world->session, &refusal, &(struct err){.text = "JOB: no token"}, world->now);
    expect(world, MSG_error);
    world_free(world);
}

/* Its report would wait for an acknowledgement for ever, and the study with it. */
static void a_worker_that_cannot_be_read_ends(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    struct msg msg = {.kind = MSG_error};
    strcpy(msg.error.code, "unknown");
    session_on_message(&world->session, &msg, world->now);
    assert_int_equal(world->session.exit_status, -1);
    strcpy(msg.error.code, "malformed");
    strcpy(msg.error.text, "REPORT: epoch: must be there");
    session_on_message(&world->session, &msg, world->now);
    assert_int_equal(world->session.exit_status, 3);
    assert_non_null(strstr(world->session.failure.text, "REPORT: epoch"));
    world_free(world);
}

/* ---- leaving ---- */

static void an_idle_worker_leaves(void **state)
{
    (void)state;
    struct world *world = world_new(1, 5000);
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    later(world, 200);
    end(world, 0, "finished", 9);
    ack(world, 1);
    for (int i = 0; i < 49; i++) {
        later(world, 100);
        session_on_message(&world->session, &(struct msg){.kind = MSG_beat}, world->now);
    }
    assert_int_equal(world->session.exit_status, -1);
    later(world, 100);
    assert_int_equal(world->session.exit_status, 0);
    world_free(world);
}

static void an_idle_worker_without_a_master_leaves_too(void **state)
{
    (void)state;
    struct world *world = world_new(1, 5000);
    world->session.told_alone = true; /* which would be due before */
    assert_int_equal(session_tick(&world->session, world->now) - world->now.mono_ms, 5000);
    later(world, 4999);
    assert_int_equal(world->session.exit_status, -1);
    later(world, 1);
    assert_int_equal(world->session.exit_status, 0);
    expect_nothing(world);
    world_free(world);
}

static void a_worker_with_results_never_idles_away(void **state)
{
    (void)state;
    struct world *world = world_new(1, 5000);
    connect_to(world, store_a);
    job(world, 1);
    end(world, 0, "finished", 9);
    session_on_down(&world->session, world->now);
    later(world, 900000);
    assert_int_equal(world->session.exit_status, -1);
    world_free(world);
}

static void bye_means_leave_once_nothing_is_held(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    struct msg bye = {.kind = MSG_bye};
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    session_on_message(&world->session, &bye, world->now);
    assert_int_equal(world->session.exit_status, -1);
    world->now.mono_ms += 100;
    end(world, 0, "finished", 9);
    expect_done(world, 1, 1, "finished", 9);
    expect_credit(world, 2);
    assert_int_equal(world->session.exit_status, -1);
    ack(world, 1);
    expect(world, MSG_bye);
    assert_int_equal(world->session.exit_status, 0);
    world_free(world);
}

static void sigterm_preempts_and_waits_for_the_last_ack(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    job(world, 2);
    free(to_slot(world, 0));
    session_on_signal(&world->session, SIGTERM, world->now);
    expect_slot(world, 0, "{\"stop\":\"preempt\"}");
    expect_done(world, 1, 2, "preempted", 0);
    job(world, 3);
    expect_done(world, 2, 3, "refused", 0);
    epoch(world, 0, 1);
    expect_report(world, 3, 1, 1);
    end(world, 0, "preempted", 1);
    expect_done(world, 4, 1, "preempted", 1);
    assert_int_equal(world->session.exit_status, -1);
    ack(world, 3);
    assert_int_equal(world->session.exit_status, -1);
    ack(world, 4);
    expect(world, MSG_bye);
    expect_nothing(world);
    assert_int_equal(world->session.exit_status, 143);
    world_free(world);
}

static void nobody_to_acknowledge_is_not_waited_for_long(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    job(world, 1);
    session_on_down(&world->session, world->now);
    session_on_signal(&world->session, SIGINT, world->now);
    later(world, 500);
    end(world, 0, "preempted", 1);
    later(world, 4999);
    assert_int_equal(world->session.exit_status, -1);
    later(world, 1);
    assert_int_equal(world->session.exit_status, 130);
    world_free(world);
}

static void the_second_signal_is_obeyed_at_once(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    job(world, 1);
    session_on_signal(&world->session, SIGTERM, world->now);
    assert_int_equal(world->session.exit_status, -1);
    session_on_signal(&world->session, SIGINT, world->now);
    assert_int_equal(world->session.exit_status, 143);
    world_free(world);
}

/* Slurm says it at the time limit twice, and after --signal once more. */
static void sigterm_again_changes_nothing(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    free(to_slot(world, 0));
    for (int i = 0; i < 3; i++)
        session_on_signal(&world->session, SIGTERM, world->now);
    expect_slot(world, 0, "{\"stop\":\"preempt\"}");
    assert_int_equal(world->session.exit_status, -1);
    end(world, 0, "preempted", 0);
    expect_done(world, 1, 1, "preempted", 0);
    ack(world, 1);
    assert_int_equal(world->session.exit_status, 143);
    world_free(world);
}

static void a_worker_with_nothing_leaves_at_the_first_signal(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    session_on_signal(&world->session, SIGINT, world->now);
    assert_int_equal(world->session.exit_status, 130);
    world_free(world);
}

static void a_master_of_another_version_is_an_error(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    struct msg error = {.kind = MSG_error};
    strcpy(error.error.code, "version");
    strcpy(error.error.text, "speak HONE2");
    session_on_up(&world->session, world->now);
    session_on_message(&world->session, &error, world->now);
    assert_int_equal(world->session.exit_status, 3);
    assert_non_null(strstr(world->session.failure.text, "speak HONE2"));
    world_free(world);
}

int main(void)
{
    log_init(LOG_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_outlives_its_master),
        cmocka_unit_test(another_store_means_nobody_will_ask),
        cmocka_unit_test(an_orphan_whose_slot_dies_is_gone_too),
        cmocka_unit_test(beats_fill_silence_and_silence_breaks_the_connection),
        cmocka_unit_test(a_master_that_never_answers_hello_is_left),
        cmocka_unit_test(a_worker_without_a_master_says_so_once),
        cmocka_unit_test(a_master_that_forgot_us_is_greeted_again),
        cmocka_unit_test(a_confused_master_does_no_harm),
        cmocka_unit_test(a_worker_that_cannot_be_read_ends),
        cmocka_unit_test(an_idle_worker_leaves),
        cmocka_unit_test(an_idle_worker_without_a_master_leaves_too),
        cmocka_unit_test(a_worker_with_results_never_idles_away),
        cmocka_unit_test(bye_means_leave_once_nothing_is_held),
        cmocka_unit_test(sigterm_preempts_and_waits_for_the_last_ack),
        cmocka_unit_test(nobody_to_acknowledge_is_not_waited_for_long),
        cmocka_unit_test(the_second_signal_is_obeyed_at_once),
        cmocka_unit_test(sigterm_again_changes_nothing),
        cmocka_unit_test(a_worker_with_nothing_leaves_at_the_first_signal),
        cmocka_unit_test(a_master_of_another_version_is_an_error),
    };
    return cmocka_run_group_tests_name("session_link", tests, NULL, NULL);
}
