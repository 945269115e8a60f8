/* Why an attempt ended, and what comes of it, with the real executable: an exit status, a signal, lack of memory, a
 * timeout, no metric, a worker that is lost, one that is sent away; workers that fail alone, and one that is drained. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/tools/place.h"

static const char study[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"m\", \"goal\": \"maximize\"}, \"max_attempts\": %d,\n"
    "  \"trainer\": {\"command\": [\"sh\", \"t.sh\"]%s}, \"space\": {\"x\": {\"uniform\": [0, 1]}},\n"
    "  \"search\": {\"method\": \"random\", \"trials\": %d, \"epochs\": %d, \"seed\": 1} }\n";

/* What a trainer does that has nothing else to do. */
#define TELL(epoch) "printf '{\"epoch\":" epoch ",\"m\":0.5}\\n' >\"/dev/fd/$HONE_OUT_FD\"\n"
#define TRAIN TELL("1") TELL("2")
#define FIRST_TIME "if [ \"$HONE_ATTEMPT\" = 1 ]; then\n"

static struct place p;
static struct proc master;
/* NULL: longer than any machine is slow, as are the beats: nobody is to be lost, nor a job to be on its way to a worker
 * that takes a slow master for a dead one and connects anew. */
static const char *lease;

static void begin(int max_attempts, const char *trainer, int trials, int epochs, const char *script)
{
    static char text[1000]; /* the place's as well */
    snprintf(text, sizeof text, study, max_attempts, trainer, trials, epochs);
    place_init(&p, text);
    scratch_text(&p.scratch, "t.sh", script);
    START(&master, p.scratch.folder, "hone", "master", "--once", "study.json", "--no-check", "--db", p.db,
          "--bind", p.address, "--beat", lease ? "100ms" : "10s", "--lease", lease ? lease : "10m");
    proc_await_text(&master, "hone worker");
}

/* `hone verify` at the end of each. */
static void end(void)
{
    struct str out = {0};
    if (RUN(p.scratch.folder, &out, "hone", "verify", p.db))
        fail_msg("%s", str_text(&out));
    str_fini(&out);
    proc_fini(&master);
    place_fini(&p);
}

static void expect_end(int status)
{
    if (proc_wait(&master) != status)
        fail_msg("the master ended with %d: %s", master.status, str_text(&master.out));
}

/* All attempts in the order in which they began, as "trial.attempt outcome/cause", and what became of the trials. */
static void expect_story(const char *attempts, const char *trials)
{
    struct str text = {0};
    db_text(p.db,
            "SELECT group_concat(t.number || '.' || a.attempt || ' ' || coalesce(outcome, 'open') || "
            "coalesce('/' || "
            "a.cause, ''), ', ') FROM (SELECT * FROM attempt ORDER BY started_ms, trial, attempt) a JOIN "
            "trial t ON t.id = "
            "a.trial",
            &text);
    assert_string_equal(str_text(&text), attempts);
    db_text(p.db,
            "SELECT group_concat(number || ' ' || status || coalesce('/' || cause, ''), ', ') FROM (SELECT * "
            "FROM trial "
            "ORDER BY number)",
            &text);
    assert_string_equal(str_text(&text), trials);
    str_fini(&text);
}

static void run_alone(int max_attempts, const char *trainer, const char *script, int status)
{
    struct proc worker;
    begin(max_attempts, trainer, 1, 2, script);
    place_worker(&worker, &p, "w1");
    expect_end(status);
    proc_wait(&worker);
    proc_fini(&worker);
}

/* ---- of the trial's own making ---- */

static void an_exit_status_is_tried_again(void **state)
{
    (void)state;
    run_alone(3, "", FIRST_TIME "exit 3; fi\n" TRAIN, 0);
    expect_story("1.1 failed/exit, 1.2 finished", "1 complete");
    assert_int_equal(db_int(p.db, "SELECT detail LIKE 'exit status 3%' FROM attempt WHERE attempt = 1"), 1);
    end();
}

static void max_attempts_is_the_end_of_it(void **state)
{
    (void)state;
    run_alone(3, "", "exit 3\n", 1);
    expect_story("1.1 failed/exit, 1.2 failed/exit, 1.3 failed/exit", "1 failed/exit");
    end();
}

static void a_signal_is_tried_again(void **state)
{
    (void)state;
    run_alone(3, "", FIRST_TIME "kill -SEGV $$; fi\n" TRAIN, 0);
    expect_story("1.1 failed/signal, 1.2 finished", "1 complete");
    assert_int_equal(db_int(p.db, "SELECT detail LIKE 'signal 11%' FROM attempt WHERE attempt = 1"), 1);
    end();
}

static void a_timeout_is_tried_again(void **state)
{
    (void)state;
    run_alone(3, ", \"timeout\": \"3s\"",
              FIRST_TIME "mkfifo \"$HONE_DIR/f\"; read -r x <\"$HONE_DIR/f\"; fi\n" TRAIN, 0);
    expect_story("1.1 failed/timeout, 1.2 finished", "1 complete");
    end();
}

static void no_metric_is_not_tried_again(void **state)
{
    (void)state;
    run_alone(3, "", "true\n", 1);
    expect_story("1.1 failed/no_metric", "1 failed/no_metric");
    end();
}

/* ---- memory: a control group that is too small for the trainer ---- */

enum { GROUP_BYTES = 96 << 20 };

/* A folder of the control group file system where we may make a group with a bound; false: nowhere. */
static bool make_group(char group[200])
{
    static const char *const kinds[][2] = {{"/sys/fs/cgroup", "memory.max"},
                                           {"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}};
    for (int i = 0; i < 2; i++) {
        char bound[300], bytes[32];
        snprintf(group, 200, "%s/hone-test-%d", kinds[i][0], (int)getpid());
        snprintf(bound, sizeof bound, "%s/%s", group, kinds[i][1]);
        int len = snprintf(bytes, sizeof bytes, "%d\n", GROUP_BYTES);
        if (mkdir(group, 0755))
            continue;
        FILE *file = fopen(bound, "r+");
        bool bounded = file && fwrite(bytes, 1, (size_t)len, file) == (size_t)len;
        bounded = file && fclose(file) == 0 && bounded;
        if (bounded)
            return true;
        rmdir(group);
    }
    return false;
}

static void lack_of_memory_is_told_from_a_signal(void **state)
{
    (void)state;
    char group[200], script[600];
    struct proc worker;
    if (!make_group(group)) {
        print_message("# skip no control group with a bound on memory can be made here\n");
        skip();
    }
    /* tail keeps what it reads until it sees a line end: of /dev/zero, all. */
    begin(3, "", 1, 2, FIRST_TIME "exec tail /dev/zero; fi\n" TRAIN);
    snprintf(script, sizeof script, "echo $$ >%s/cgroup.procs && exec \"$0\" worker %s --name w1 --idle 30s",
             group, p.address);
    const char *hone = getenv("HONE");
    char *real = path_absolute(hone ? hone : "build/hone");
    START(&worker, p.scratch.folder, "sh", "-c", script, real);
    expect_end(0);
    expect_story("1.1 failed/oom, 1.2 finished", "1 complete");
    proc_wait(&worker);
    proc_fini(&worker);
    assert_int_equal(rmdir(group), 0);
    free(real);
    end();
}

/* ---- not of its own making: they count for nothing ---- */

static void a_lost_worker_counts_for_nothing(void **state)
{
    (void)state;
    struct proc first, second;
    lease = "1s";
    begin(1, "", 1, 2,
          FIRST_TIME "mkfifo \"$HONE_DIR/f\"; " TELL("1") "read -r x <\"$HONE_DIR/f\"; fi\n" TRAIN);
    place_worker(&first, &p, "w1");
    db_await(p.db, "SELECT count(*) FROM epoch");
    proc_signal(&first, SIGKILL);
    proc_wait(&first);
    place_worker(&second, &p, "w2");
    expect_end(0);
    expect_story("1.1 lost/worker, 1.2 finished", "1 complete");
    lease = NULL;
    proc_wait(&second);
    proc_fini(&first);
    proc_fini(&second);
    end();
}

/* SIGTERM: its checkpoint is kept, and it is the first in line though others were waiting. */
static void a_preempted_trial_is_first_in_line(void **state)
{
    (void)state;
    struct proc first, second;
    begin(1, "", 3, 4,
          "trap 'echo state >\"$HONE_DIR/e2.ckpt\"; printf "
          "\"{\\\"epoch\\\":2,\\\"m\\\":0.5,\\\"checkpoint\\\":\\\"e2.ckpt\\\"}\\n\" "
          ">\"/dev/fd/$HONE_OUT_FD\"; exit 0' TERM\n" FIRST_TIME
          "if [ \"$HONE_TRIAL\" = 1 ]; then mkfifo \"$HONE_DIR/f\"; " TELL(
              "1") "cat \"$HONE_DIR/f\" & wait; fi; fi\n"
                   "n=$((${HONE_RESUME_EPOCH:-0} + 1)); while [ $n -le $HONE_UNTIL ]; do "
                   "printf '{\"epoch\":%d,\"m\":0.5}\\n' $n >\"/dev/fd/$HONE_OUT_FD\"; n=$((n + 1)); done\n");
    place_worker(&first, &p, "w1");
    db_await(p.db, "SELECT count(*) FROM epoch");
    proc_signal(&first, SIGTERM);
    assert_int_equal(proc_wait(&first), 128 + SIGTERM);
    place_worker(&second, &p, "w2");
    expect_end(0);
    expect_story("1.1 preempted, 1.2 finished, 2.1 finished, 3.1 finished",
                 "1 complete, 2 complete, 3 complete");
    assert_int_equal(db_int(p.db, "SELECT from_epoch FROM attempt WHERE trial = 1 AND attempt = 2"), 2);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM epoch WHERE trial = 1"), 4); /* none twice */
    proc_wait(&second);
    proc_fini(&first);
    proc_fini(&second);
    end();
}

/* ---- workers ---- */

/* Its trials fail while those of another succeed; then it is mended, and a probe finds out. */
static void a_worker_that_fails_alone_is_quarantined_and_probed(void **state)
{
    (void)state;
    struct proc good, bad;
    struct str out = {0};
    begin(4, "", 400, 2, TRAIN);
    place_worker(&good, &p, "good");
    db_await(p.db,
             "SELECT count(*) FROM attempt WHERE outcome = 'finished'"); /* alone, bad would be the rule */
    RUN(p.scratch.folder, NULL, "mkdir", "bad");
    scratch_text(&p.scratch, "bad/t.sh", "exit 9\n"); /* its own, in its own folder */
    START(&bad, p.scratch.folder, "hone", "worker", p.address, "--name", "bad", "--idle", "30s", "--dir",
          "bad");
    db_await(p.db, "SELECT count(*) FROM worker WHERE name = 'bad' AND mode = 'quarantined'");
    RUN(p.scratch.folder, &out, "hone", "workers", "--db", p.db);
    assert_non_null(strstr(str_text(&out), "quarantined"));
    scratch_text(&p.scratch, "bad/t.sh", TRAIN);
    db_await(p.db, "SELECT count(*) FROM worker WHERE name = 'bad' AND mode = 'open' AND id IN (SELECT "
                   "worker FROM attempt "
                   "WHERE outcome = 'finished')");
    expect_end(0);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM trial WHERE status = 'complete'"), 400);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM worker WHERE name = 'good' AND mode <> 'open'"), 0);
    str_fini(&out);
    proc_wait(&good);
    proc_wait(&bad);
    proc_fini(&good);
    proc_fini(&bad);
    end();
}

/* So many epochs more may be trained, by whoever takes them first: a line is a byte, which is not read by two. */
static void let(int gate, int epochs)
{
    char lines[10000];
    assert_true(epochs <= (int)sizeof lines);
    memset(lines, '\n', sizeof lines);
    assert_int_equal(write(gate, lines, (size_t)epochs), epochs);
}

/* `hone workers drain HOST`: all workers of that host let their trials go after the epoch, and leave. Until it is said there
 * are epochs for a third of the search alone: it is not over before, however long a command takes to start. */
static void a_drained_host_is_empty(void **state)
{
    (void)state;
    struct proc first, second, third;
    struct str out = {0};
    char host[256] = "", path[160];
    begin(1, "", 30, 200,
          "n=1\nwhile [ $n -le $HONE_UNTIL ]; do read -r x <gate; printf '{\"epoch\":%d,\"m\":0.5}\\n' $n "
          ">\"/dev/fd/$HONE_OUT_FD\"; n=$((n + 1)); done\n");
    gethostname(host, sizeof host - 1);
    snprintf(path, sizeof path, "%s/gate", p.scratch.folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    int gate = open(path, O_RDWR | O_CLOEXEC);
    let(gate, 30 * 200 / 3);
    place_worker(&first, &p, "w1");
    place_worker(&second, &p, "w2");
    db_await(p.db, "SELECT count(DISTINCT worker) = 2 FROM attempt");
    if (RUN(p.scratch.folder, &out, "hone", "workers", "drain", host, "--master", p.address))
        fail_msg("%s", str_text(&out));
    let(gate, 30 * 200); /* with those that are trained anew: there is no checkpoint */
    assert_int_equal(proc_wait(&first), 0);
    assert_int_equal(proc_wait(&second), 0);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM trial WHERE status = 'running'"), 0);
    place_worker(&third, &p, "w3");
    expect_end(0);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM trial WHERE status = 'complete'"), 30);
    db_text(p.db,
            "SELECT coalesce(group_concat(outcome || ' ' || coalesce(cause, '') || ' ' || coalesce(detail, "
            "'')), '') "
            "FROM attempt WHERE outcome IN ('failed', 'lost')",
            &out);
    assert_string_equal(str_text(&out), "");
    proc_wait(&third);
    close(gate);
    str_fini(&out);
    proc_fini(&first);
    proc_fini(&second);
    proc_fini(&third);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exit_status_is_tried_again),
        cmocka_unit_test(max_attempts_is_the_end_of_it),
        cmocka_unit_test(a_signal_is_tried_again),
        cmocka_unit_test(a_timeout_is_tried_again),
        cmocka_unit_test(no_metric_is_not_tried_again),
        cmocka_unit_test(lack_of_memory_is_told_from_a_signal),
        cmocka_unit_test(a_lost_worker_counts_for_nothing),
        cmocka_unit_test(a_preempted_trial_is_first_in_line),
        cmocka_unit_test(a_worker_that_fails_alone_is_quarantined_and_probed),
        cmocka_unit_test(a_drained_host_is_empty),
    };
    cmocka_set_test_filter(getenv("HONE_TEST_ONLY"));
    return cmocka_run_group_tests_name("causes", tests, NULL, NULL);
}
