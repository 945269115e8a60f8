/* How an attempt in a real slot ends: told to stop, badly, or because its worker died; nothing stays behind. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "tests/e2e/slot_party.h"
#include "worker/cgroup.h"

/* ---- stops ---- */

static void stop_epoch_ends_after_the_epoch_in_progress(void **state)
{
    struct slot_test *t = *state;
    run_script(t,
               "read -r job <&3; tell '{\"epoch\":1,\"val_acc\":1}'; read -r stop <&3; echo \"$stop\"\n"
               "tell '{\"epoch\":2,\"val_acc\":2}'",
               9);
    hear_epoch(t, 1, "val_acc");
    say(t, "{\"stop\":\"epoch\"}");
    assert_true(hear_epoch(t, 2, "val_acc") == 2);
    hear_end(t, 2, "stopped", "", "");
    expect_text(t, "s/t1/log", "{\"stop\":\"epoch\"}");
}

static void stop_now_kills_one_that_will_not_go(void **state)
{
    struct slot_test *t = *state;
    run_script(
        t, "trap 'echo terminated' TERM; tell '{\"epoch\":1,\"val_acc\":1}'\nwhile :; do read -r x <&3; done",
        9);
    hear_epoch(t, 1, "val_acc");
    int64_t start = clock_mono_ms();
    say(t, "{\"stop\":\"now\"}");
    hear_end(t, 1, "stopped", "", "");
    assert_true(clock_mono_ms() - start >= 400);
    expect_text(t, "s/t1/log", "terminated");
}

static void stop_now_is_obeyed_at_once(void **state)
{
    struct slot_test *t = *state;
    run_script(t, "read -r job <&3; tell '{\"epoch\":1,\"val_acc\":1}'; read -r stop <&3; exit 7", 9);
    hear_epoch(t, 1, "val_acc");
    say(t, "{\"stop\":\"now\"}");
    hear_end(t, 1, "stopped", "", "");
}

static void one_that_is_through_has_finished_whatever_it_is_told(void **state)
{
    struct slot_test *t = *state;
    run_script(t, "read -r job <&3; tell '{\"epoch\":1,\"val_acc\":1}'; read -r stop <&3; exit 7", 1);
    hear_epoch(t, 1, "val_acc");
    say(t, "{\"stop\":\"now\"}");
    hear_end(t, 1, "finished", "", "");
}

static void preemption_begins_with_sigterm(void **state)
{
    struct slot_test *t = *state;
    run_script(t,
               "trap 'tell \"{\\\"epoch\\\":2,\\\"val_acc\\\":2}\"; exit 143' TERM\n"
               "mkfifo block; tell '{\"epoch\":1,\"val_acc\":1}'; cat block & wait",
               9);
    hear_epoch(t, 1, "val_acc");
    say(t, "{\"stop\":\"preempt\"}");
    hear_epoch(t, 2, "val_acc");
    hear_end(t, 2, "preempted", "", "");
}

/* Slurm tells every process of a job to go, and some are faster than others: here the trainer is dead before its slot has
 * moved. The slot stays, for the session is there. */
static void a_signal_to_all_of_a_job_is_preemption(void **state)
{
    struct slot_test *t = *state;
    run_script(t, "echo $$ >pid; mkfifo block; tell '{\"epoch\":1,\"val_acc\":1}'; exec cat block", 9);
    hear_epoch(t, 1, "val_acc");
    char *trainer = text_of(t, "pid");
    kill(t->pid, SIGSTOP);
    kill(atoi(trainer), SIGTERM);
    kill(t->pid, SIGTERM);
    kill(t->pid, SIGCONT);
    hear_end(t, 1, "preempted", "", "");
    run_script(t, "tell '{\"epoch\":1,\"val_acc\":1}'", 1);
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "finished", "", "");
    free(trainer);
}

/* The same, the slot a moment later: the trainer has ended its epoch, well, and is gone. */
static void a_trainer_that_is_told_first_has_not_finished(void **state)
{
    struct slot_test *t = *state;
    hang_up(t);
    wait_exit(t->pid);
    setenv("SLURM_JOB_ID", "4711", 1);
    slot_open(t);
    unsetenv("SLURM_JOB_ID");
    run_script(t,
               "trap 'tell \"{\\\"epoch\\\":2,\\\"val_acc\\\":2}\"; exit 0' TERM\n"
               "echo $$ >pid; mkfifo block; tell '{\"epoch\":1,\"val_acc\":1}'; cat block & wait",
               9);
    hear_epoch(t, 1, "val_acc");
    char *trainer = text_of(t, "pid");
    struct pollfd gone = {.fd = (int)syscall(SYS_pidfd_open, atoi(trainer), 0), .events = POLLIN};
    kill(atoi(trainer), SIGTERM);
    assert_int_equal(poll(&gone, 1, PATIENCE_MS), 1);
    close(gone.fd);
    kill(t->pid, SIGTERM);
    hear_epoch(t, 2, "val_acc");
    hear_end(t, 2, "preempted", "", "");
    free(trainer);
}

/* ---- bad ends ---- */

static void an_exit_status_comes_with_the_end_of_the_log(void **state)
{
    struct slot_test *t = *state;
    run_script(t, "i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo \"line $i\"; done; exit 3", 9);
    hear_end(t, 0, "failed", "exit", "exit status 3\nline 11\nline 12\n");
}

static void a_signal_is_named(void **state)
{
    struct slot_test *t = *state;
    run_script(t, "tell '{\"epoch\":1,\"val_acc\":1}'; kill -SEGV $$", 9);
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "failed", "signal", "signal 11 (SIGSEGV)");
}

static void no_metric_is_a_failure(void **state)
{
    struct slot_test *t = *state;
    run_script(t, "tell '{\"epoch\":1,\"train_loss\":1}'", 1);
    hear_epoch(t, 1, "train_loss");
    hear_end(t, 1, "failed", "no_metric", "\"val_acc\": they held train_loss");
    run_script(t, "true", 1);
    hear_end(t, 0, "failed", "no_metric", "val_acc");
}

static void what_cannot_start_says_why(void **state)
{
    struct slot_test *t = *state;
    static const struct {
        const char *trainer, *params, *part;
    } cases[] = {
        {"{\"command\":[\"no-such-program-9\"]}", "{}", "cannot start no-such-program-9: No such file"},
        {"{\"command\":[\"/tmp\"]}", "{}", "cannot start /tmp: Permission denied"},
        {"{\"command\":[]}", "{}", "trainer.command"},
        {"{\"command\":[\"sh\",\"{lrr}\"]}", "{\"lr\":1}", "{lrr} is no parameter of this trial"},
        {"{\"command\":[\"sh\",\"{opt}\"]}", "{\"opt\":\"-rf\"}", "would be taken for an option"},
        {"{\"command\":[\"sh\",7]}", "{}", "trainer.command[1]"},
        {"{\"command\":[\"sh\"],\"builtin\":\"mlp\"}", "{}", "one of \"builtin\" and \"command\""},
        {"{}", "{}", "one of \"builtin\" and \"command\""},
        {"{\"command\":[\"sh\"],\"timeout\":\"soon\"}", "{}", "trainer.timeout"},
        {"{\"command\":[\"sh\"]}", "{\"lr\":[1]}", "params.lr"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_job(t, cases[i].trainer, cases[i].params, 1, "");
        hear_end(t, 0, "failed", "start", cases[i].part);
    }
}

static void a_timeout_kills(void **state)
{
    struct slot_test *t = *state;
    free(script(t, "trap '' TERM; tell '{\"epoch\":1,\"val_acc\":1}'; while :; do read -r x <&3; done"));
    run_job(t, "{\"command\":[\"sh\",\"train.sh\"],\"timeout\":\"200ms\"}", "{}", 9, "");
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "failed", "timeout", "0.2 s");
}

static void lines_that_break_the_protocol(void **state)
{
    struct slot_test *t = *state;
    static const struct {
        const char *body, *part;
    } cases[] = {
        {"tell 'loss: 0.5'; cat <&3", "the line: loss: 0.5"},
        {"tell '{\"epoch\":1,\"val_acc\":nan}'; cat <&3", "no NaN"},
        {"tell '[1]'; cat <&3", "must be an object"},
        {"tell '{\"epok\":1}'; cat <&3", "epoch, ready, done, note"},
        {"tell '{\"epoch\":2,\"val_acc\":1}'; cat <&3", "reported epoch 2 where 1 comes next"},
        {"tell '{\"epoch\":1,\"val_acc\":\"high\"}'; cat <&3", "val_acc"},
        {"tell '{\"epoch\":1,\"val acc\":1}'; cat <&3", "no name for a metric"},
        {"tell '{\"epoch\":1,\"val_acc\":1,\"checkpoint\":\"../x\"}'; cat <&3", "checkpoint"},
        {"mkdir $HONE_DIR/d; tell '{\"epoch\":1,\"val_acc\":1,\"checkpoint\":\"d\"}'; cat <&3",
         "not a regular file"},
        {"mkfifo $HONE_DIR/f; tell '{\"epoch\":1,\"val_acc\":1,\"checkpoint\":\"f\"}'; cat <&3",
         "not a regular file"},
        {"tell '{\"done\":true}'; cat <&3", "warm trainers"},
        {"tell '{\"note\":\"a\"}'; tell '{\"ready\":true}'; cat <&3", "first line"},
        {"tell \"$(head -c 70000 /dev/zero | tr '\\0' x)\"; cat <&3", "longer than 65536 bytes"},
        {"printf '{\"epoch\":1,\"val_a' >&4", "middle of a line"},
        {"printf '\\377\\n' >&4; cat <&3", "the line: ?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_script(t, cases[i].body, 5);
        hear_end(t, 0, "failed", "protocol", cases[i].part);
    }
    run_script(t, "tell '{\"epoch\":1,\"val_acc\":1}'; tell '{\"epoch\":2,\"val_acc\":1}'; cat <&3", 1);
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "failed", "protocol", "its job ends after 1");
    expect_text(t, "s/t1/log", "the line: loss: 0.5");
}

static void a_trainer_says_itself_why_it_fails(void **state)
{
    struct slot_test *t = *state;
    run_script(
        t,
        "echo trace; tell '{\"done\":false,\"cause\":\"oom\",\"text\":\"no memory for the batch\"}'; exit 1",
        5);
    hear_end(t, 0, "failed", "oom", "no memory for the batch\ntrace");
}

/* ---- nothing stays behind ---- */

/* Starts a trainer with a child in a session of its own, whose child is an orphan in yet another; pidfds of
 * all three. */
static void start_family(struct slot_test *t, struct pollfd family[3])
{
    run_script(
        t,
        "mkfifo block; echo $$ > pid0\n"
        "setsid sh -c 'echo $$ > pid1; setsid sh -c \"echo \\$\\$ > pid2; : > ready2; exec cat block\" & "
        ": > ready1; exec cat block' &\n"
        "while [ ! -e ready1 ] || [ ! -e ready2 ]; do :; done\n"
        "tell '{\"epoch\":1,\"val_acc\":1}'; cat block",
        9);
    hear_epoch(t, 1, "val_acc");
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "pid%d", i);
        char *text = text_of(t, name);
        family[i] = (struct pollfd){.fd = (int)syscall(SYS_pidfd_open, atoi(text), 0), .events = POLLIN};
        free(text);
        assert_true(family[i].fd >= 0);
        assert_int_equal(poll(&family[i], 1, 0), 0); /* alive */
    }
}

static void expect_gone(struct pollfd family[3])
{
    for (int i = 0; i < 3; i++) {
        if (poll(&family[i], 1, PATIENCE_MS) != 1)
            fail_msg("member %d of the family is still there", i);
        close(family[i].fd);
    }
}

static void when_the_worker_dies_everything_dies(void **state)
{
    struct slot_test *t = *state;
    struct pollfd family[3];
    start_family(t, family);
    hang_up(t);
    expect_gone(family);
    assert_int_equal(wait_exit(t->pid), 0);
    t->pid = 0;
}

static void when_an_attempt_ends_its_helpers_end(void **state)
{
    struct slot_test *t = *state;
    struct pollfd family[3];
    start_family(t, family);
    say(t, "{\"stop\":\"now\"}");
    hear_end(t, 1, "stopped", "", "");
    expect_gone(family);
    run_script(t, "tell '{\"epoch\":1,\"val_acc\":1}'", 1);
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "finished", "", "");
}

static void when_the_slot_is_killed_its_trainer_dies(void **state)
{
    struct slot_test *t = *state;
    struct pollfd family[3];
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* the orphans of a slot come to the worker, which is us here */
    start_family(t, family);
    kill(t->pid, SIGKILL);
    wait_exit(t->pid);
    t->pid = 0;
    assert_int_equal(poll(&family[0], 1, PATIENCE_MS), 1);
    for (int i = 1; i < 3; i++)
        syscall(SYS_pidfd_send_signal, family[i].fd, SIGKILL, NULL, 0);
    expect_gone(family);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* Killed in the same moment, neither can sweep up after the other. */
static void when_worker_and_slot_are_killed_the_next_worker_sweeps(void **state)
{
    struct slot_test *t = *state;
    struct pollfd family[3];
    struct cgroup allowed;
    cgroup_make(&allowed);
    bool can = allowed.dir >= 0;
    cgroup_remove(&allowed);
    if (!can) {
        print_message("# skip: no control group may be made here (a delegated cgroup v2)\n");
        skip();
    }
    start_family(t, family);
    cgroup_sweep();
    assert_int_equal(poll(family, 3, 0), 0); /* their slot lives */
    kill(t->pid, SIGKILL);
    wait_exit(t->pid);
    t->pid = 0;
    assert_int_equal(poll(&family[0], 1, PATIENCE_MS), 1);
    cgroup_sweep();
    expect_gone(family);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "slot") == 0)
        return slot_main(atoi(argv[2]));
    setenv("HONE_LOG", "none", 0);
    const struct CMUnitTest tests[] = {
        SLOT_TEST(stop_epoch_ends_after_the_epoch_in_progress),
        SLOT_TEST(stop_now_kills_one_that_will_not_go),
        SLOT_TEST(stop_now_is_obeyed_at_once),
        SLOT_TEST(one_that_is_through_has_finished_whatever_it_is_told),
        SLOT_TEST(preemption_begins_with_sigterm),
        SLOT_TEST(a_signal_to_all_of_a_job_is_preemption),
        SLOT_TEST(a_trainer_that_is_told_first_has_not_finished),
        SLOT_TEST(an_exit_status_comes_with_the_end_of_the_log),
        SLOT_TEST(a_signal_is_named),
        SLOT_TEST(no_metric_is_a_failure),
        SLOT_TEST(what_cannot_start_says_why),
        SLOT_TEST(a_timeout_kills),
        SLOT_TEST(lines_that_break_the_protocol),
        SLOT_TEST(a_trainer_says_itself_why_it_fails),
        SLOT_TEST(when_the_worker_dies_everything_dies),
        SLOT_TEST(when_an_attempt_ends_its_helpers_end),
        SLOT_TEST(when_the_slot_is_killed_its_trainer_dies),
        SLOT_TEST(when_worker_and_slot_are_killed_the_next_worker_sweeps),
    };
    return cmocka_run_group_tests_name("slot_ends", tests, NULL, NULL);
}
