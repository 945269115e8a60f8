/* Checks that a worker is asked for: what is run, what is said, and what a lost connection does to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/log.h"
#include "tests/unit/session_world.h"

/* ---- checks ---- */

static void check(struct world *world, const char *token, bool smoke, const char *trainer)
{
    struct msg msg = {.kind = MSG_check};
    strcpy(msg.check.study, "s");
    strcpy(msg.check.token, token);
    strcpy(msg.check.metric, "val_acc");
    strcpy(msg.check.base, "/base");
    msg.check.smoke = smoke;
    msg.check.seed = 7;
    msg.check.epochs = 9;
    msg.check.params = json_new_object();
    msg.check.trainer = json_parse(trainer, strlen(trainer), "test", NULL);
    session_on_message(&world->session, &msg, world->now);
    msg_fini(&msg);
}

static const char a_command[] = "{\"command\":[\"true\"]}", a_builtin[] = "{\"builtin\":\"mlp\"}";

/* CHECKED with so many results; the verdict of one of them. */
static void expect_checked(struct world *world, const char *token, size_t count, const char *gate,
                           const char *verdict)
{
    struct msg msg = expect(world, MSG_checked);
    assert_string_equal(msg.checked.token, token);
    assert_int_equal(json_count(msg.checked.results), count);
    for (const struct json *r = json_first(msg.checked.results); r; r = json_next(r))
        if (strcmp(json_text(json_get(r, "gate")), gate) == 0)
            assert_string_equal(json_text(json_get(r, "verdict")), verdict);
    msg_fini(&msg);
}

static void value(struct world *world, int number, const char *metrics)
{
    char line[300];
    snprintf(line, sizeof line,
             "{\"epoch\":%d,\"seconds\":0.5,\"metrics\":%s,\"checkpoint\":{\"path\":\"/c/e%d\",\"bytes\":1,"
             "\"hash\":\"ab\"}}",
             number, metrics, number);
    slot_says(world, 0, line);
}

static void a_command_is_run_three_times(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    check(world, "c1", false, a_command);
    expect_slot(world, 0, "\"dir\":\"/data/hone.db.d/s/check/c1/r1\"");
    value(world, 1, "{\"val_acc\":0.5,\"rate\":3}");
    expect_slot(world, 0, "");
    value(world, 2, "{\"val_acc\":0.25}");
    end(world, 0, "finished", 2);
    expect_slot(world, 0, "/check/c1/r2\"");
    value(world, 1, "{\"val_acc\":0.5,\"rate\":4}"); /* a rate may differ */
    expect_slot(world, 0, "{\"stop\":\"preempt\"}");
    end(world, 0, "preempted", 1);
    expect_slot(world, 0, "\"resume\":{\"path\":\"/c/e1\",\"epoch\":1");
    expect_nothing(world);
    value(world, 2, "{\"val_acc\":0.25}");
    end(world, 0, "finished", 2);
    expect_checked(world, "c1", 3, "G6", "good");
    expect_credit(world, 2);
    job(world, 1); /* the slot is free */
    expect_slot(world, 0, "\"trial\":1");
    world_free(world);
}

static void a_smoke_check_is_one_epoch(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    check(world, "c1", true, a_command);
    expect_slot(world, 0, "\"until\":1,");
    value(world, 1, "{\"val_acc\":null}");
    end(world, 0, "finished", 1);
    expect_checked(world, "c1", 1, "G4", "suspicious");
    world_free(world);
}

static void the_builtin_trainer_speaks_for_itself(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    check(world, "c1", false, a_builtin);
    expect_slot(world, 0, "\"check\":true");
    slot_says(world, 0,
              "{\"check\":{\"gate\":\"G1\",\"name\":\"gradient\",\"verdict\":\"wrong\",\"text\":\"x\"}}");
    end(world, 0, "finished", 0);
    expect_checked(world, "c1", 1, "G1", "wrong");
    expect_credit(world, 2);
    check(world, "c2", false, a_builtin);
    slot_says(world, 0,
              "{\"end\":{\"epoch\":0,\"outcome\":\"failed\",\"cause\":\"error\",\"detail\":\"no data\"}}");
    expect_checked(world, "c2", 1, "G4", "wrong");
    world_free(world);
}

static void a_check_dies_with_its_connection(void **state)
{
    (void)state;
    struct world *world = world_new(2, 0);
    connect_to(world, store_a);
    expect_credit(world, 2);
    check(world, "c1", false, a_command);
    expect_slot(world, 0, "/check/c1/r1\"");
    session_on_down(&world->session, world->now);
    world->heard = 0;
    expect_slot(world, 0, "{\"stop\":\"preempt\"}");
    connect_to(world, store_a);
    expect_credit(world, 1); /* its slot is not free yet */
    end(world, 0, "preempted", 0);
    expect_credit(world, 2);
    expect_nothing(world); /* and nobody hears of it */
    world_free(world);
}

/* Once may be bad luck: it begins anew, and says so; twice is the result. */
static void a_slot_that_dies_in_a_check_is_tried_again(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    check(world, "c1", true, a_command);
    expect_slot(world, 0, "/check/c1/r1\"");
    session_on_slot_gone(&world->session, 0, world->now);
    expect_slot(world, 0, "/check/c1/r1\"");
    value(world, 1, "{\"val_acc\":0.5}");
    end(world, 0, "finished", 1);
    struct msg msg = expect(world, MSG_checked);
    assert_string_equal(json_text(json_get(json_at(msg.checked.results, 0), "verdict")), "suspicious");
    assert_string_equal(json_text(json_get(json_at(msg.checked.results, 1), "verdict")), "good");
    msg_fini(&msg);
    expect_credit(world, 2);
    check(world, "c1", false, a_command);
    session_on_slot_gone(&world->session, 0, world->now);
    session_on_slot_gone(&world->session, 0, world->now);
    expect_checked(world, "c1", 1, "G4", "wrong");
    expect_credit(world, 3);
    world_free(world);
}

int main(void)
{
    log_init(LOG_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_run_three_times),
        cmocka_unit_test(a_smoke_check_is_one_epoch),
        cmocka_unit_test(the_builtin_trainer_speaks_for_itself),
        cmocka_unit_test(a_check_dies_with_its_connection),
        cmocka_unit_test(a_slot_that_dies_in_a_check_is_tried_again),
    };
    return cmocka_run_group_tests_name("session_checks", tests, NULL, NULL);
}
