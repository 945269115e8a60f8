/* The master's side of the checks before a study: who gets a CHECK, when, and what becomes of the study. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "master/rehearsal.h"
#include "tests/sim/play.h"

static double constant(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)params, (void)seed, (void)epochs;
    return epoch;
}

static enum verdict all_wrong(void *arg, int worker, bool smoke)
{
    (void)arg, (void)worker, (void)smoke;
    return VERDICT_WRONG;
}

static enum verdict suspicious(void *arg, int worker, bool smoke)
{
    (void)arg, (void)worker, (void)smoke;
    return VERDICT_SUSPICIOUS;
}

/* The second worker's host lacks something. */
static enum verdict second_smoke_wrong(void *arg, int worker, bool smoke)
{
    (void)arg;
    return smoke && worker == 1 ? VERDICT_WRONG : VERDICT_GOOD;
}

static const char command[] = "{\"command\":[\"true\"]}",
                  builtin[] = "{\"builtin\":\"mlp\",\"data\":\"spiral\"}";

static void submit(struct rehearsal *r, const char *trainer, const char *checks, uint64_t code)
{
    struct msg answer;
    char args[1000];
    snprintf(args, sizeof args,
             "{\"base\":\"/"
             "\",%s\"definition\":{\"study\":\"s\",\"metric\":{\"name\":\"val_acc\",\"goal\":\"maximize\"},"
             "\"trainer\":%s,\"space\":{\"lr\":{\"log\":[1e-4,1]}},"
             "\"search\":{\"method\":\"random\",\"trials\":12,\"epochs\":3,\"seed\":1}}}",
             checks, trainer);
    rehearsal_call(r, "submit", args, &answer);
    if (answer.answer.code != code)
        fail_msg("submit: %s", answer.answer.text);
    msg_fini(&answer);
}

static struct rehearsal *begin(enum verdict (*verdict)(void *, int, bool), const char *trainer,
                               const char *checks)
{
    struct rehearsal_options options = {.objective = constant, .metric = "val_acc", .verdict = verdict};
    struct err err = ERR_NONE;
    struct rehearsal *r = rehearsal_new(&options, &err);
    assert_non_null(r);
    submit(r, trainer, checks, 0);
    return r;
}

static void a_study_is_checking_until_a_worker_has_answered(void **state)
{
    (void)state;
    struct rehearsal *r = begin(NULL, builtin, "");
    assert_string_equal(study_state(study_of(r)), "checking");
    rehearsal_run(r, 5000);
    assert_string_equal(study_state(study_of(r)), "checking");
    assert_int_equal(study_of(r)->count, 0);
    rehearsal_add_worker(r, 2);
    rehearsal_add_worker(r, 2);
    assert_true(rehearsal_run(r, 60000));
    assert_int_equal(rehearsal_checks_run(r), 1); /* the built-in trainer needs no smoke run */
    assert_int_equal(study_of(r)->checked, CHECKED_PASSED);
    assert_string_equal(study_of(r)->end_reason, "trials");
    end(r);
}

static void what_is_enqueued_waits_for_the_check(void **state)
{
    (void)state;
    struct rehearsal *r = begin(NULL, builtin, "");
    struct msg answer;
    rehearsal_call(r, "enqueue", "{\"who\":\"me\",\"points\":[{\"lr\":0.01}]}", &answer);
    assert_int_equal(answer.answer.code, 0);
    msg_fini(&answer);
    rehearsal_add_worker(r, 1);
    for (bool said = false; !said;) {
        assert_int_equal(study_of(r)->counts[TRIAL_waiting], 1);
        rehearsal_run(r, 1);
        rehearsal_call(r, "explain", "{\"trial\":1}", &answer);
        said = strcmp(json_text(json_get(answer.answer.result, "waits")),
                      "no trial starts before the trainer is checked") == 0;
        msg_fini(&answer);
    }
    assert_true(rehearsal_run(r, 60000));
    end(r);
}

static void commands_are_tried_on_every_worker(void **state)
{
    (void)state;
    struct rehearsal *r = begin(NULL, command, "");
    for (int i = 0; i < 3; i++)
        rehearsal_add_worker(r, 2);
    assert_true(rehearsal_run(r, 60000));
    assert_int_equal(rehearsal_checks_run(r), 3);
    assert_int_equal(study_of(r)->counts[TRIAL_complete], 12);
    end(r);
}

static void what_is_wrong_ends_the_study_before_it_begins(void **state)
{
    (void)state;
    struct rehearsal *r = begin(all_wrong, builtin, "");
    rehearsal_add_worker(r, 1);
    assert_true(rehearsal_run(r, 60000));
    assert_string_equal(study_of(r)->end_reason, "checks");
    assert_int_equal(study_of(r)->count, 0);
    submit(r, builtin, "", 0); /* again: perhaps the trainer has been mended */
    assert_string_equal(study_state(study_of(r)), "checking");
    assert_true(rehearsal_run(r, 60000));
    assert_string_equal(study_of(r)->end_reason, "checks");
    assert_int_equal(rehearsal_checks_run(r), 2);
    submit(r, builtin, "\"checks\":\"force\",", 0);
    assert_true(rehearsal_run(r, 60000));
    assert_string_equal(study_of(r)->end_reason, "trials");
    assert_int_equal(rehearsal_checks_run(r), 2); /* known to be wrong, and wanted all the same */
    end(r);
}

static void one_that_is_open_again_is_looked_at_again(void **state)
{
    (void)state;
    struct msg answer;
    struct rehearsal *r = begin(all_wrong, builtin, "");
    rehearsal_add_worker(r, 1);
    assert_true(rehearsal_run(r, 60000));
    rehearsal_call(r, "edit", "{\"study\":\"s\",\"sets\":[\"search.trials=20\"]}", &answer);
    assert_int_equal(answer.answer.code, 0);
    msg_fini(&answer);
    assert_true(rehearsal_run(r, 60000));
    assert_string_equal(study_of(r)->end_reason, "checks");
    assert_int_equal(rehearsal_checks_run(r), 2);
    assert_int_equal(study_of(r)->count, 0);
    end(r);
}

static void force_looks_and_goes_on_skip_does_not_look(void **state)
{
    (void)state;
    struct rehearsal *r = begin(all_wrong, command, "\"checks\":\"force\",");
    rehearsal_add_worker(r, 1);
    rehearsal_add_worker(r, 1);
    assert_true(rehearsal_run(r, 60000));
    assert_int_equal(study_of(r)->counts[TRIAL_complete], 12);
    assert_int_equal(study_of(r)->checked, CHECKED_FAILED);
    assert_int_equal(rehearsal_checks_run(r), 2);
    end(r);
    r = begin(all_wrong, command, "\"checks\":\"skip\",");
    rehearsal_add_worker(r, 1);
    assert_true(rehearsal_run(r, 60000));
    assert_int_equal(study_of(r)->counts[TRIAL_complete], 12);
    assert_int_equal(rehearsal_checks_run(r), 0);
    submit(r, command, "\"checks\":\"perhaps\",", 2);
    end(r);
}

static void suspicious_is_no_reason_to_stop(void **state)
{
    (void)state;
    struct rehearsal *r = begin(suspicious, command, "");
    rehearsal_add_worker(r, 1);
    assert_true(rehearsal_run(r, 60000));
    assert_int_equal(study_of(r)->counts[TRIAL_complete], 12);
    end(r);
}

static void a_worker_that_cannot_gets_no_trial(void **state)
{
    (void)state;
    struct rehearsal *r = begin(second_smoke_wrong, command, "");
    rehearsal_add_worker(r, 1);
    rehearsal_add_worker(r, 1);
    assert_true(rehearsal_run(r, 60000));
    assert_int_equal(study_of(r)->counts[TRIAL_complete], 12);
    assert_int_equal(rehearsal_checks_run(r), 2);
    end(r);
}

/* A check is lost with its worker or its master, and had again. */
static void a_lost_check_goes_to_another_worker(void **state)
{
    (void)state;
    struct rehearsal *r = begin(NULL, command, "");
    int first = rehearsal_add_worker(r, 1);
    rehearsal_cut_worker(r, first, 0);
    rehearsal_run(r, 3); /* HELLO, WELCOME, CREDIT: the CHECK is in the air */
    rehearsal_kill_worker(r, first);
    rehearsal_add_worker(r, 1);
    assert_true(rehearsal_run(r, 60000));
    assert_int_equal(study_of(r)->counts[TRIAL_complete], 12);
    end(r);
}

static void a_new_master_goes_on_where_the_old_one_was(void **state)
{
    (void)state;
    struct rehearsal *r = begin(NULL, command, "");
    rehearsal_crash_master(r, 50);
    rehearsal_add_worker(r, 1);
    rehearsal_run(r, 300);
    assert_int_equal(study_of(r)->checked, CHECKED_PASSED);
    assert_int_equal(rehearsal_checks_run(r), 1);
    rehearsal_crash_master(r, 50);
    rehearsal_run(r, 300);
    assert_int_equal(study_of(r)->checked, CHECKED_PASSED);
    assert_true(rehearsal_run(r, 60000));
    assert_int_equal(rehearsal_checks_run(r), 1); /* name and host of the worker are known to be fine */
    end(r);
}

static void pausing_and_stopping_work_while_it_is_checked(void **state)
{
    (void)state;
    struct msg answer;
    struct rehearsal *r = begin(NULL, builtin, "");
    rehearsal_call(r, "pause", "{}", &answer);
    assert_string_equal(json_text(json_get(answer.answer.result, "state")), "paused");
    msg_fini(&answer);
    rehearsal_add_worker(r, 1);
    rehearsal_run(r, 1000);
    assert_int_equal(rehearsal_checks_run(r), 0);
    rehearsal_call(r, "resume", "{}", &answer);
    assert_string_equal(json_text(json_get(answer.answer.result, "state")), "checking");
    msg_fini(&answer);
    rehearsal_call(r, "stop", "{}", &answer);
    msg_fini(&answer);
    assert_true(rehearsal_run(r, 60000));
    assert_string_equal(study_of(r)->end_reason, "stopped");
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_study_is_checking_until_a_worker_has_answered),
        cmocka_unit_test(what_is_enqueued_waits_for_the_check),
        cmocka_unit_test(commands_are_tried_on_every_worker),
        cmocka_unit_test(what_is_wrong_ends_the_study_before_it_begins),
        cmocka_unit_test(one_that_is_open_again_is_looked_at_again),
        cmocka_unit_test(force_looks_and_goes_on_skip_does_not_look),
        cmocka_unit_test(suspicious_is_no_reason_to_stop),
        cmocka_unit_test(a_worker_that_cannot_gets_no_trial),
        cmocka_unit_test(a_lost_check_goes_to_another_worker),
        cmocka_unit_test(a_new_master_goes_on_where_the_old_one_was),
        cmocka_unit_test(pausing_and_stopping_work_while_it_is_checked),
    };
    log_init(LOG_NONE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
