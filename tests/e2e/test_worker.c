/* A real worker process on a real socket, with this test as its master: what the session decides is in
 * tests/unit/test_session.c; here are the connections, processes and signals around it.
 * Nothing sleeps: every wait is for a message or a pidfd. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "proto/wire.h"
#include "worker/session.h"
#include "worker/slot.h"

enum { PATIENCE_MS = 240000, BEAT_MS = 300 };

struct place {
    char folder[64];
    char address[100];
    struct wire *wire;
    peer_id worker; /* who said HELLO last */
    pid_t pid;      /* of the worker, 0: gone */
};

/* ---- the worker's process ---- */

static int run_worker(char **argv)
{
    struct worker_options options = {.address = argv[2], .name = "w", .slots = 1, .idle_ms = atoi(argv[3])};
    struct err err = ERR_NONE;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    log_init(LOG_NONE);
    return worker_run(&options, &err);
}

static void start_worker(struct place *p, const char *idle_ms)
{
    p->pid = fork();
    if (p->pid == 0) {
        if (chdir(p->folder))
            _exit(126);
        execl("/proc/self/exe", "test_worker", "worker", p->address, idle_ms, (char *)NULL);
        _exit(127);
    }
}

static int open_pidfd(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    assert_true(fd >= 0);
    return fd;
}

static void await_gone(int pidfd)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    if (poll(&end, 1, PATIENCE_MS) != 1)
        fail_msg("a process that should be gone is there");
    close(pidfd);
}

static int await_exit(struct place *p)
{
    int status;
    await_gone(open_pidfd(p->pid));
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    p->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- the master's side ---- */

static void listen_again(struct place *p)
{
    struct err err = ERR_NONE;
    if (wire_listen(p->address, &p->wire, &err))
        fail_msg("%s", err.text);
}

/* The next message but BEAT and CREDIT; the caller calls msg_fini. */
static struct msg hear(struct place *p)
{
    int64_t patience = clock_mono_ms() + PATIENCE_MS;
    for (;;) {
        struct msg msg;
        peer_id from;
        struct err err = ERR_NONE;
        enum wire_event event = wire_receive(p->wire, &from, &msg, &err);
        if (event == WIRE_BAD)
            fail_msg("%s", err.text);
        if (event == WIRE_MESSAGE && msg.kind == MSG_hello)
            p->worker = from;
        if (event == WIRE_MESSAGE && msg.kind == MSG_beat)
            wire_send(p->wire, from, &msg);
        else if (event == WIRE_MESSAGE && msg.kind != MSG_credit)
            return msg;
        if (clock_mono_ms() > patience)
            fail_msg("the worker says nothing");
        if (event == WIRE_NOTHING)
            wire_wait(p->wire, NULL, 0, 1000);
    }
}

static struct msg expect(struct place *p, enum msg_kind kind)
{
    struct msg msg = hear(p);
    if (msg.kind != kind)
        fail_msg("%s comes, not %s", msg_name(msg.kind), msg_name(kind));
    return msg;
}

static void welcome(struct place *p, const char *store)
{
    struct msg msg = {.kind = MSG_welcome};
    strcpy(msg.welcome.store, store);
    strcpy(msg.welcome.version, "0");
    strcpy(msg.welcome.probe, "this is it");
    snprintf(msg.welcome.root, sizeof msg.welcome.root, "%s/root", p->folder);
    msg.welcome.worker = 1;
    msg.welcome.beat_ms = BEAT_MS;
    msg.welcome.lease_ms = 10 * BEAT_MS;
    assert_int_equal(wire_send(p->wire, p->worker, &msg), 0);
}

/* Waits for HELLO and answers; how many attempts the worker holds. */
static size_t greet(struct place *p, const char *store)
{
    struct msg hello = expect(p, MSG_hello);
    size_t held = json_count(hello.hello.held);
    msg_fini(&hello);
    welcome(p, store);
    return held;
}

static void say(struct place *p, const struct msg *msg)
{
    assert_int_equal(wire_send(p->wire, p->worker, msg), 0);
}

static void ack(struct place *p, uint64_t seq)
{
    say(p, &(struct msg){.kind = MSG_ack, .ack = {.seq = seq}});
}

static void job(struct place *p, uint64_t trial, const char *body)
{
    struct msg msg = {.kind = MSG_job};
    char *script = xasprintf("{\"command\":[\"sh\",\"-c\",\"tell() { echo \\\"$1\\\" >&4; }; %s\"]}", body);
    strcpy(msg.job.study, "s");
    snprintf(msg.job.token, sizeof msg.job.token, "token%d", (int)trial);
    strcpy(msg.job.metric, "pid");
    strcpy(msg.job.base, p->folder);
    msg.job.trial = trial;
    msg.job.attempt = 1;
    msg.job.until = msg.job.epochs = 99;
    msg.job.params = json_new_object();
    msg.job.trainer = json_parse(script, strlen(script), "script", NULL);
    assert_non_null(msg.job.trainer);
    say(p, &msg);
    msg_fini(&msg);
    free(script);
}

/* Epoch reports whose metric is the trainer's process id. */
#define TELL(n) "tell '{\\\"epoch\\\":" n ",\\\"pid\\\":'$$'}'; "
#define HEAR_LINE "read -r line <&3; "

static pid_t expect_report(struct place *p, uint64_t seq, uint64_t epoch)
{
    struct msg msg = expect(p, MSG_report);
    assert_int_equal(msg.report.seq, seq);
    assert_int_equal(msg.report.epoch, epoch);
    pid_t pid = (pid_t)json_num(json_get(msg.report.metrics, "pid"));
    msg_fini(&msg);
    return pid;
}

static void expect_done(struct place *p, uint64_t seq, const char *outcome, const char *cause)
{
    struct msg msg = expect(p, MSG_done);
    assert_int_equal(msg.done.seq, seq);
    assert_string_equal(msg.done.outcome, outcome);
    assert_string_equal(msg.done.cause, cause);
}

static int set_up(void **state)
{
    struct place *p = xcalloc(1, sizeof *p);
    strcpy(p->folder, "/tmp/hone-test-worker-XXXXXX");
    if (!mkdtemp(p->folder))
        return -1;
    snprintf(p->address, sizeof p->address, "ipc://%s/m.sock", p->folder);
    char *root = path_join(p->folder, "root"), *probe = path_join(root, "probe");
    dir_make(root, NULL);
    file_write_whole(probe, "this is it\n", 11, NULL);
    free(root);
    free(probe);
    listen_again(p);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char *remove = xasprintf("rm -rf '%s'", p->folder);
    if (p->pid) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
    }
    wire_free(p->wire);
    int rc = system(remove);
    free(remove);
    free(p);
    return rc;
}

/* ---- tests ---- */

static void a_trial_and_a_goodbye(void **state)
{
    struct place *p = *state;
    struct msg bye = {.kind = MSG_bye};
    start_worker(p, "0");
    assert_int_equal(greet(p, "a"), 0);
    job(p, 1,
        "echo hi; echo weights > $HONE_DIR/c; tell "
        "'{\\\"epoch\\\":1,\\\"pid\\\":1,\\\"checkpoint\\\":\\\"c\\\"}'");
    struct msg msg = expect(p, MSG_report);
    assert_string_equal(json_text(json_get(msg.report.checkpoint, "path")), "s/t00001/a1/c");
    msg_fini(&msg);
    expect_done(p, 2, "finished", "");
    char *log = path_join(p->folder, "root/s/t00001/a1/log");
    assert_true(file_size(log) == 3);
    free(log);
    say(p, &bye);
    ack(p, 2);
    expect(p, MSG_bye);
    assert_int_equal(await_exit(p), 0);
}

static void the_trainer_goes_on_while_there_is_no_master(void **state)
{
    struct place *p = *state;
    start_worker(p, "0");
    greet(p, "a");
    char *fifo = path_join(p->folder, "fifo"), *command = xasprintf("mkfifo %s", fifo);
    assert_int_equal(system(command), 0);
    job(p, 1, TELL("1") "cat fifo; " TELL("2") TELL("3"));
    pid_t pid = expect_report(p, 1, 1);
    wire_free(p->wire);
    FILE *release = fopen(fifo, "w");
    fclose(release);
    await_gone(open_pidfd(pid)); /* it has ended, and nobody was there to hear of it */
    listen_again(p);
    assert_int_equal(greet(p, "a"), 1);
    assert_int_equal(expect_report(p, 1, 1), pid);
    assert_int_equal(expect_report(p, 2, 2), pid);
    assert_int_equal(expect_report(p, 3, 3), pid);
    expect_done(p, 4, "finished", "");
    ack(p, 4);
    free(fifo);
    free(command);
}

static void a_silent_master_is_left_and_found_again(void **state)
{
    struct place *p = *state;
    start_worker(p, "0");
    greet(p, "a");
    peer_id first = p->worker;
    job(p, 1, TELL("1") HEAR_LINE HEAR_LINE);
    expect_report(p, 1, 1);
    while (p->worker == first) { /* hears, and does not answer */
        struct msg msg;
        peer_id from;
        wire_wait(p->wire, NULL, 0, PATIENCE_MS);
        if (wire_receive(p->wire, &from, &msg, NULL) != WIRE_MESSAGE)
            continue;
        if (msg.kind == MSG_hello) {
            assert_int_equal(json_count(msg.hello.held), 1);
            p->worker = from;
        }
        msg_fini(&msg);
    }
}

static void sigterm_hands_the_trial_back(void **state)
{
    struct place *p = *state;
    start_worker(p, "0");
    greet(p, "a");
    job(p, 1, TELL("1") HEAR_LINE HEAR_LINE);
    int trainer = open_pidfd(expect_report(p, 1, 1));
    kill(p->pid, SIGTERM);
    expect_done(p, 2, "preempted", "");
    await_gone(trainer);
    ack(p, 2);
    expect(p, MSG_bye);
    assert_int_equal(await_exit(p), 143);
}

static void two_signals_end_it_at_once(void **state)
{
    struct place *p = *state;
    start_worker(p, "0");
    greet(p, "a");
    job(p, 1,
        "trap 'tell \\\"{\\\\\\\"epoch\\\\\\\":2,\\\\\\\"pid\\\\\\\":1}\\\"' TERM; " TELL(
            "1") "while :; do " HEAR_LINE "done");
    int trainer = open_pidfd(expect_report(p, 1, 1));
    kill(p->pid, SIGINT);
    expect_report(p, 2, 2); /* it has been told, and stays */
    kill(p->pid, SIGINT);
    assert_int_equal(await_exit(p), 130);
    await_gone(trainer);
}

static void a_killed_worker_takes_its_trainer_along(void **state)
{
    struct place *p = *state;
    start_worker(p, "0");
    greet(p, "a");
    job(p, 1, TELL("1") "trap '' TERM; while :; do " HEAR_LINE "done");
    int trainer = open_pidfd(expect_report(p, 1, 1));
    kill(p->pid, SIGKILL);
    assert_int_equal(await_exit(p), -SIGKILL);
    await_gone(trainer);
}

/* Parent of a process. */
static pid_t parent_of(pid_t pid)
{
    char *path = xasprintf("/proc/%d/stat", (int)pid);
    struct str text = {0};
    int parent = 0;
    file_read(path, 4096, &text, NULL);
    sscanf(strrchr(str_text(&text), ')'), ") %*c %d", &parent);
    str_fini(&text);
    free(path);
    return parent;
}

static void a_killed_slot_fails_its_attempt_and_leaves_no_orphans(void **state)
{
    struct place *p = *state;
    start_worker(p, "0");
    greet(p, "a");
    job(p, 1, "mkfifo block; setsid sh -c 'exec cat block' & echo $! > helper; " TELL("1") "cat block");
    pid_t pid = expect_report(p, 1, 1);
    struct str text = {0};
    char *path = path_join(p->folder, "helper");
    assert_int_equal(file_read(path, 100, &text, NULL), 0);
    int trainer = open_pidfd(pid), helper = open_pidfd(atoi(text.text));
    kill(parent_of(pid), SIGKILL);
    expect_done(p, 2, "failed", "signal");
    await_gone(trainer);
    await_gone(helper);
    job(p, 2, TELL("1")); /* the slot is there again */
    expect_report(p, 3, 1);
    expect_done(p, 4, "finished", "");
    free(path);
    str_fini(&text);
}

static void another_store_stops_what_runs(void **state)
{
    struct place *p = *state;
    start_worker(p, "0");
    greet(p, "a");
    job(p, 1, TELL("1") HEAR_LINE HEAR_LINE);
    int trainer = open_pidfd(expect_report(p, 1, 1));
    wire_free(p->wire);
    listen_again(p);
    assert_int_equal(greet(p, "b"), 1);
    await_gone(trainer);
    job(p, 1, TELL("1"));
    expect_report(p, 2, 1);
    expect_done(p, 3, "finished", "");
}

static bool has_ended(const struct place *p)
{
    siginfo_t end = {0};
    return waitid(P_PID, (id_t)p->pid, &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid == p->pid;
}

/* A worker without work, from its start to its end: has it taken leave? */
static bool takes_leave(struct place *p, int idle_ms)
{
    char idle[16];
    bool bye = false;
    snprintf(idle, sizeof idle, "%d", idle_ms);
    listen_again(p);
    start_worker(p, idle);
    for (bool ended = false;;) {
        struct msg msg;
        struct err err = ERR_NONE;
        enum wire_event event = wire_receive(p->wire, &p->worker, &msg, &err);
        if (event == WIRE_MESSAGE && msg.kind == MSG_hello)
            welcome(p, "a");
        if (event == WIRE_MESSAGE) {
            bye = bye || msg.kind == MSG_bye;
            msg_fini(&msg);
        } else if (event == WIRE_NOTHING) {
            if (ended)
                break; /* and all that it has said is here */
            wire_wait(p->wire, NULL, 0, 200);
            ended = has_ended(p);
        }
    }
    assert_int_equal(await_exit(p), 0);
    wire_free(p->wire);
    p->wire = NULL;
    return bye;
}

/* Its time runs from its start: on a slow machine it may be over before the master has answered, and then there is nobody
 * to take leave of. */
static void idle_workers_leave_with_and_without_a_master(void **state)
{
    struct place *p = *state;
    wire_free(p->wire);
    p->wire = NULL;
    for (int idle_ms = 200; !takes_leave(p, idle_ms); idle_ms *= 2)
        if (idle_ms > 60000)
            fail_msg("it leaves without a word after %d ms, to a master that has welcomed it", idle_ms);
    start_worker(p, "200");
    assert_int_equal(await_exit(p), 0);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "slot") == 0)
        return slot_main(atoi(argv[2]));
    if (argc > 3 && strcmp(argv[1], "worker") == 0)
        return run_worker(argv);
    setenv("HONE_LOG", "none", 0);
#define WORKER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WORKER_TEST(a_trial_and_a_goodbye),
        WORKER_TEST(the_trainer_goes_on_while_there_is_no_master),
        WORKER_TEST(a_silent_master_is_left_and_found_again),
        WORKER_TEST(sigterm_hands_the_trial_back),
        WORKER_TEST(two_signals_end_it_at_once),
        WORKER_TEST(a_killed_worker_takes_its_trainer_along),
        WORKER_TEST(a_killed_slot_fails_its_attempt_and_leaves_no_orphans),
        WORKER_TEST(another_store_stops_what_runs),
        WORKER_TEST(idle_workers_leave_with_and_without_a_master),
    };
    cmocka_set_test_filter(getenv("HONE_TEST_ONLY"));
    return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
