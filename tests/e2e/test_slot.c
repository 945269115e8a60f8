/* A real slot process with real trainers: small shell scripts, and for warm ones this program itself (the
 * slot starts "its own executable" as `PROGRAM train` for a built-in trainer, and here that is this test).
 * Nothing sleeps: every wait is for a line, an exit, or a pidfd. */
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/mem.h"
#include "worker/lines.h"
#include "worker/slot.h"

enum { PATIENCE_MS = 30000 };

/* ---- a warm trainer: `PROGRAM train` ---- */

static void warm_epochs(const struct json *job)
{
    double from = json_num(json_get(json_get(job, "resume"), "epoch"));
    for (double n = from + 1; n <= json_num(json_get(job, "until")); n++)
        dprintf(4, "{\"epoch\":%.0f,\"val_acc\":0.5,\"pid\":%d}\n", n, (int)getpid());
}

/* False: leave. */
static bool warm_job(const struct json *job, FILE *in)
{
    const char *mode = json_text(json_get(json_get(job, "params"), "mode"));
    char line[4096];
    printf("trial %.0f\n", json_num(json_get(job, "trial")));
    fflush(stdout);
    if (strcmp(mode, "fail") == 0) {
        dprintf(4, "{\"done\":false,\"cause\":\"error\",\"text\":\"no such data set\"}\n");
        return true;
    }
    if (strcmp(mode, "wait") != 0)
        warm_epochs(job);
    else if (!fgets(line, sizeof line, in))
        return false;
    dprintf(4, "{\"done\":true}\n");
    return strcmp(mode, "leave") != 0;
}

static int warm_trainer(void)
{
    char line[65536];
    FILE *in = fdopen(3, "r");
    dprintf(4, "{\"ready\":true}\n");
    while (fgets(line, sizeof line, in)) {
        struct json *tree = json_parse(line, strlen(line), "job", NULL);
        const struct json *job = json_get(tree, "job");
        bool stays = !job || warm_job(job, in);
        json_free(tree);
        if (!stays)
            return 0;
    }
    return 0;
}

/* ---- a slot, and a folder to work in ---- */

struct slot_test {
    char folder[64];
    pid_t pid;
    int fd; /* -1: hung up */
    struct lines lines;
    int trial;
};

static void slot_open(struct slot_test *t)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    t->pid = fork();
    if (t->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(pair[1], 9);
        execl("/proc/self/exe", "test_slot", "slot", "9", (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    t->fd = pair[0];
    lines_init(&t->lines, 1 << 20);
}

static void hang_up(struct slot_test *t)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}

static int wait_exit(pid_t pid)
{
    int status, pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    if (poll(&end, 1, PATIENCE_MS) != 1)
        fail_msg("process %d does not end", (int)pid);
    close(pidfd);
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static int set_up(void **state)
{
    struct slot_test *t = xcalloc(1, sizeof *t);
    strcpy(t->folder, "/tmp/hone-test-slot-XXXXXX");
    if (!mkdtemp(t->folder))
        return -1;
    slot_open(t);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct slot_test *t = *state;
    char *remove = xasprintf("rm -rf '%s'", t->folder);
    hang_up(t);
    if (t->pid)
        wait_exit(t->pid);
    lines_fini(&t->lines);
    int rc = system(remove);
    free(remove);
    free(t);
    return rc;
}

static char *in_folder(const struct slot_test *t, const char *name)
{
    return path_join(t->folder, name);
}

/* Text of a file in the folder; the caller frees. */
static char *text_of(const struct slot_test *t, const char *name)
{
    struct str text = {0};
    char *path = in_folder(t, name);
    file_read(path, 1 << 20, &text, NULL);
    free(path);
    return str_take(&text);
}

static void expect_text(const struct slot_test *t, const char *name, const char *part)
{
    char *text = text_of(t, name);
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in %s: %s", part, name, text);
    free(text);
}

/* ---- saying and hearing ---- */

static void say(struct slot_test *t, const char *line)
{
    assert_int_equal(send(t->fd, line, strlen(line), MSG_NOSIGNAL), (ssize_t)strlen(line));
    assert_int_equal(send(t->fd, "\n", 1, MSG_NOSIGNAL), 1);
}

/* Starts the next trial; `more` are further members of the job that go before the defaults. */
static void run_job(struct slot_test *t, const char *trainer, const char *params, int until, const char *more)
{
    t->trial++;
    char *line = xasprintf("{\"run\":{%s\"study\":\"s\",\"trial\":%d,\"attempt\":1,\"params\":%s,\"seed\":11,"
                           "\"until\":%d,\"epochs\":9,\"metric\":\"val_acc\",\"trainer\":%s,\"base\":\"%s\","
                           "\"dir\":\"%s/s/t%d\",\"shown\":\"s/t%d\",\"grace_ms\":400}}",
                           more, t->trial, params, until, trainer, t->folder, t->folder, t->trial, t->trial);
    say(t, line);
    free(line);
}

/* A script of `body`, in which tell says a line. The trial's trainer object; the caller frees. */
static char *script(struct slot_test *t, const char *body)
{
    char *path = in_folder(t, "train.sh");
    char *text = xasprintf("tell() { printf '%%s\\n' \"$1\" >&$HONE_OUT_FD; }\n%s\n", body);
    assert_int_equal(file_write_whole(path, text, strlen(text), NULL), 0);
    free(text);
    free(path);
    return xstrdup("{\"command\":[\"sh\",\"train.sh\"]}");
}

static void run_script(struct slot_test *t, const char *body, int until)
{
    char *trainer = script(t, body);
    run_job(t, trainer, "{\"lr\":0.125}", until, "");
    free(trainer);
}

/* The next line of the slot; the caller frees the tree. NULL when it has hung up. */
static struct json *hear(struct slot_test *t)
{
    char *line;
    size_t len;
    while (lines_next(&t->lines, &line, &len) != LINES_LINE) {
        struct pollfd in = {.fd = t->fd, .events = POLLIN};
        if (poll(&in, 1, PATIENCE_MS) != 1)
            fail_msg("the slot says nothing");
        if (lines_fill(&t->lines, t->fd) <= 0)
            return NULL;
    }
    struct json *tree = json_parse(line, len, "slot", NULL);
    assert_non_null(tree);
    return tree;
}

static double hear_epoch(struct slot_test *t, int epoch, const char *metric)
{
    struct json *line = hear(t);
    assert_int_equal((int)json_num(json_get(line, "epoch")), epoch);
    double value = json_num(json_get(json_get(line, "metrics"), metric));
    json_free(line);
    return value;
}

/* The end of the attempt; its detail must hold `part`. */
static void hear_end(struct slot_test *t, int epoch, const char *outcome, const char *cause, const char *part)
{
    struct json *line = hear(t);
    const struct json *end = json_get(line, "end");
    assert_non_null(end);
    assert_string_equal(json_text(json_get(end, "outcome")), outcome);
    assert_string_equal(json_text(json_get(end, "cause")), cause);
    assert_int_equal((int)json_num(json_get(end, "epoch")), epoch);
    const char *detail = json_text(json_get(end, "detail"));
    assert_true(strlen(detail) <= 4000);
    if (!strstr(detail, part))
        fail_msg("\"%s\" is not in the detail: %s", part, detail);
    json_free(line);
}

/* ---- a trial that goes well ---- */

static void reports_log_and_a_good_end(void **state)
{
    struct slot_test *t = *state;
    run_script(t,
               "echo to out; echo to err >&2; tell '{\"note\":\"halfway\"}'\n"
               "tell '{\"epoch\":1,\"val_acc\":0.5,\"train_loss\":2.5}'; tell ''\n"
               "tell '{\"epoch\":2,\"val_acc\":null}'",
               2);
    struct json *line = hear(t);
    const struct json *metrics = json_get(line, "metrics");
    assert_true(json_num(json_get(metrics, "val_acc")) == 0.5 &&
                json_num(json_get(metrics, "train_loss")) == 2.5);
    assert_int_equal(json_count(metrics), 2);
    assert_true(json_num(json_get(line, "seconds")) < 20);
    json_free(line);
    line = hear(t);
    assert_int_equal(json_type(json_get(json_get(line, "metrics"), "val_acc")), JSON_NULL);
    json_free(line);
    hear_end(t, 2, "finished", "", "");
    expect_text(t, "s/t1/log", "to out");
    expect_text(t, "s/t1/log", "to err");
    expect_text(t, "s/t1/log", "hone: halfway");
}

static void a_log_without_end_keeps_its_newest_bytes(void **state)
{
    struct slot_test *t = *state;
    char *trainer = script(t, "i=0; while [ $i -lt 3000 ]; do echo \"line $i of many\"; i=$((i+1)); done\n"
                              "tell '{\"epoch\":1,\"val_acc\":1}'");
    run_job(t, trainer, "{}", 1, "\"may\":{\"any\":true,\"allow\":[],\"env\":[],\"log\":10000},");
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "finished", "", "");
    char *log = in_folder(t, "s/t1/log"), *before = in_folder(t, "s/t1/log.1");
    assert_in_range(file_size(log), 1, 5000);
    assert_in_range(file_size(before), 1, 5000);
    expect_text(t, "s/t1/log", "line 2999 of many");
    free(log);
    free(before);
    free(trainer);
}

static void the_job_is_in_line_and_environment(void **state)
{
    struct slot_test *t = *state;
    char *trainer =
        script(t, "read -r job <&$HONE_IN_FD; printf '%s\\n' \"$job\"; env; pwd; ls -l /proc/self/fd\n"
                  "tell '{\"epoch\":1,\"val_acc\":1}'");
    setenv("HONE_SECRET", "x", 1);
    run_job(t, trainer, "{\"lr\":0.125,\"opt-kind\":\"adam\",\"nesterov\":true}", 1, "");
    free(trainer);
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "finished", "", "");
    expect_text(
        t, "s/t1/log",
        "{\"job\":{\"study\":\"s\",\"trial\":1,\"attempt\":1,\"params\":{\"lr\":0.125,\"opt-kind\":\"adam\","
        "\"nesterov\":true},\"seed\":11,\"until\":1,\"epochs\":9,\"metric\":\"val_acc\",\"dir\":");
    static const char *const lines[] = {"HONE_STUDY=s\n",
                                        "HONE_TRIAL=1\n",
                                        "HONE_ATTEMPT=1\n",
                                        "HONE_SEED=11\n",
                                        "HONE_UNTIL=1\n",
                                        "HONE_EPOCHS=9\n",
                                        "HONE_METRIC=val_acc\n",
                                        "HONE_PARAM_lr=0.125\n",
                                        "HONE_PARAM_opt_kind=adam\n",
                                        "HONE_PARAM_nesterov=true\n",
                                        "HONE_PARAMS={\"lr\":0.125,",
                                        "HONE_IN_FD=3\n",
                                        "HONE_OUT_FD=4\n",
                                        "OPENBLAS_NUM_THREADS=1\n",
                                        "OMP_NUM_THREADS=1\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        expect_text(t, "s/t1/log", lines[i]);
    char *log = text_of(t, "s/t1/log");
    assert_null(strstr(log, "HONE_SECRET"));
    assert_null(strstr(log, "HONE_RESUME"));
    assert_null(strstr(log, " 6 -> ")); /* 5 is what ls itself opens: nothing of ours is left in it */
    assert_non_null(strstr(log, t->folder));
    free(log);
}

static void placeholders_fill_one_element(void **state)
{
    struct slot_test *t = *state;
    char *trainer = script(t, "for a; do echo \"<$a>\"; done; tell '{\"epoch\":1,\"val_acc\":1}'");
    free(trainer);
    run_job(t,
            "{\"command\":[\"sh\",\"train.sh\",\"--lr={lr}\",\"{lr}\",\"{name}\",\"{\\\"x\\\":{trial}}\",\"{}"
            "\"]}",
            "{\"lr\":-0.5,\"name\":\"a b; $(c)\"}", 1, "");
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "finished", "", "");
    expect_text(t, "s/t1/log", "<--lr=-0.5>\n<-0.5>\n<a b; $(c)>\n<{\"x\":1}>\n<{}>\n");
}

static void a_checkpoint_is_reported_with_size_and_hash(void **state)
{
    struct slot_test *t = *state;
    char hash[HASH_HEX];
    run_script(t,
               "printf weights > \"$HONE_DIR/e1.ckpt\"; tell "
               "'{\"epoch\":1,\"val_acc\":1,\"checkpoint\":\"e1.ckpt\"}'",
               1);
    struct json *line = hear(t);
    const struct json *checkpoint = json_get(line, "checkpoint");
    hash_bytes("weights", 7, hash);
    assert_string_equal(json_text(json_get(checkpoint, "path")), "s/t1/e1.ckpt");
    assert_string_equal(json_text(json_get(checkpoint, "hash")), hash);
    assert_int_equal((int)json_num(json_get(checkpoint, "bytes")), 7);
    assert_null(json_get(json_get(line, "metrics"), "checkpoint"));
    json_free(line);
    hear_end(t, 1, "finished", "", "");
}

static void a_checkpoint_that_is_gone_already_does_not_count(void **state)
{
    struct slot_test *t = *state;
    run_script(t, "tell '{\"epoch\":1,\"val_acc\":1,\"checkpoint\":\"e1.ckpt\"}'", 1);
    struct json *line = hear(t);
    assert_int_equal((int)json_num(json_get(line, "epoch")), 1);
    assert_null(json_get(line, "checkpoint"));
    json_free(line);
    hear_end(t, 1, "finished", "", "");
    expect_text(t, "s/t1/log", "hone: there is no checkpoint");
}

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
    hear_end(t, 1, "failed", "no_metric", "val_acc");
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
        {"tell '{\"epoch\":1,\"val_acc\":NaN}'; cat <&3", "null"},
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

/* ---- going on from a checkpoint ---- */

static char *resume_json(const struct slot_test *t, const char *hash)
{
    return xasprintf("\"resume\":{\"path\":\"%s/old.ckpt\",\"epoch\":4,\"bytes\":7,\"hash\":\"%s\"},",
                     t->folder, hash);
}

static void resume_from_a_whole_checkpoint(void **state)
{
    struct slot_test *t = *state;
    char hash[HASH_HEX], *path = in_folder(t, "old.ckpt");
    hash_bytes("weights", 7, hash);
    file_write_whole(path, "weights", 7, NULL);
    char *resume = resume_json(t, hash);
    char *trainer = script(t, "env; read -r job <&3; echo \"$job\"; tell '{\"epoch\":5,\"val_acc\":1}'");
    run_job(t, trainer, "{}", 5, resume);
    hear_epoch(t, 5, "val_acc");
    hear_end(t, 5, "finished", "", "");
    expect_text(t, "s/t1/log", "HONE_RESUME_EPOCH=4\n");
    char *told = xasprintf("\"resume\":{\"path\":\"%s\",\"epoch\":4}}}", path);
    expect_text(t, "s/t1/log", told);
    free(told);
    free(trainer);
    free(resume);
    free(path);
}

static void a_torn_checkpoint_starts_over(void **state)
{
    struct slot_test *t = *state;
    char hash[HASH_HEX], *path = in_folder(t, "old.ckpt");
    hash_bytes("weights", 7, hash);
    file_write_whole(path, "weighty", 7, NULL);
    char *resume = resume_json(t, hash);
    char *trainer = script(t, "env; tell '{\"epoch\":1,\"val_acc\":1}'");
    run_job(t, trainer, "{}", 1, resume);
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "finished", "", "");
    unlink(path);
    run_job(t, trainer, "{}", 1, resume);
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "finished", "", "");
    expect_text(t, "s/t1/log", "hone: cannot go on from epoch 4, starting over");
    expect_text(t, "s/t2/log", "cannot open");
    char *log = text_of(t, "s/t1/log");
    assert_null(strstr(log, "HONE_RESUME"));
    free(log);
    free(trainer);
    free(resume);
    free(path);
}

/* ---- warm trainers ---- */

static const char warm[] = "{\"builtin\":\"test\"}";

static void a_warm_trainer_takes_the_next_job(void **state)
{
    struct slot_test *t = *state;
    run_job(t, warm, "{}", 1, "");
    double pid = hear_epoch(t, 1, "pid");
    hear_end(t, 1, "finished", "", "");
    run_job(t, warm, "{}", 2, "");
    assert_true(hear_epoch(t, 1, "pid") == pid);
    hear_epoch(t, 2, "pid");
    hear_end(t, 2, "finished", "", "");
    char *first = text_of(t, "s/t1/log"), *second = text_of(t, "s/t2/log");
    assert_string_equal(first, "trial 1\n");
    assert_string_equal(second, "trial 2\n");
    free(first);
    free(second);
}

static void another_study_gets_another_trainer(void **state)
{
    struct slot_test *t = *state;
    run_job(t, warm, "{}", 1, "");
    double pid = hear_epoch(t, 1, "pid");
    hear_end(t, 1, "finished", "", "");
    run_job(t, "{\"builtin\":\"other\"}", "{}", 1, "");
    assert_true(hear_epoch(t, 1, "pid") != pid);
    hear_end(t, 1, "finished", "", "");
    run_script(t, "tell '{\"epoch\":1,\"val_acc\":1}'", 1);
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "finished", "", "");
    run_job(t, warm, "{}", 1, "");
    hear_epoch(t, 1, "pid");
    hear_end(t, 1, "finished", "", "");
}

static void a_warm_trainer_survives_a_failed_and_a_stopped_trial(void **state)
{
    struct slot_test *t = *state;
    run_job(t, warm, "{}", 1, "");
    double pid = hear_epoch(t, 1, "pid");
    hear_end(t, 1, "finished", "", "");
    run_job(t, warm, "{\"mode\":\"fail\"}", 1, "");
    hear_end(t, 0, "failed", "error", "no such data set");
    run_job(t, warm, "{\"mode\":\"wait\"}", 1, "");
    say(t, "{\"stop\":\"now\"}");
    hear_end(t, 0, "stopped", "", "");
    run_job(t, warm, "{}", 1, "");
    assert_true(hear_epoch(t, 1, "pid") == pid);
    hear_end(t, 1, "finished", "", "");
}

static void a_warm_trainer_that_left_is_replaced(void **state)
{
    struct slot_test *t = *state;
    for (int i = 0; i < 20; i++) {
        run_job(t, warm, "{\"mode\":\"leave\"}", 1, "");
        hear_epoch(t, 1, "pid");
        hear_end(t, 1, "finished", "", "");
    }
}

/* ---- nothing stays behind ---- */

/* Starts a trainer with a child in a session of its own, whose child is an orphan in yet another; pidfds of
 * all three. */
static void start_family(struct slot_test *t, struct pollfd family[3])
{
    run_script(t,
               "mkfifo block; echo $$ > pid0\n"
               "setsid sh -c 'echo $$ > pid1; setsid sh -c \"echo \\$\\$ > pid2; : > ready2; exec sleep "
               "1000\" & : > ready1; exec sleep 1000' &\n"
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

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "slot") == 0)
        return slot_main(atoi(argv[2]));
    if (argc > 1 && strcmp(argv[1], "train") == 0)
        return warm_trainer();
    setenv("HONE_LOG", "none", 0);
#define SLOT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SLOT_TEST(reports_log_and_a_good_end),
        SLOT_TEST(a_log_without_end_keeps_its_newest_bytes),
        SLOT_TEST(the_job_is_in_line_and_environment),
        SLOT_TEST(placeholders_fill_one_element),
        SLOT_TEST(a_checkpoint_is_reported_with_size_and_hash),
        SLOT_TEST(a_checkpoint_that_is_gone_already_does_not_count),
        SLOT_TEST(stop_epoch_ends_after_the_epoch_in_progress),
        SLOT_TEST(stop_now_kills_one_that_will_not_go),
        SLOT_TEST(stop_now_is_obeyed_at_once),
        SLOT_TEST(one_that_is_through_has_finished_whatever_it_is_told),
        SLOT_TEST(preemption_begins_with_sigterm),
        SLOT_TEST(an_exit_status_comes_with_the_end_of_the_log),
        SLOT_TEST(a_signal_is_named),
        SLOT_TEST(no_metric_is_a_failure),
        SLOT_TEST(what_cannot_start_says_why),
        SLOT_TEST(a_timeout_kills),
        SLOT_TEST(lines_that_break_the_protocol),
        SLOT_TEST(a_trainer_says_itself_why_it_fails),
        SLOT_TEST(resume_from_a_whole_checkpoint),
        SLOT_TEST(a_torn_checkpoint_starts_over),
        SLOT_TEST(a_warm_trainer_takes_the_next_job),
        SLOT_TEST(another_study_gets_another_trainer),
        SLOT_TEST(a_warm_trainer_survives_a_failed_and_a_stopped_trial),
        SLOT_TEST(a_warm_trainer_that_left_is_replaced),
        SLOT_TEST(when_the_worker_dies_everything_dies),
        SLOT_TEST(when_an_attempt_ends_its_helpers_end),
        SLOT_TEST(when_the_slot_is_killed_its_trainer_dies),
    };
    return cmocka_run_group_tests_name("slot", tests, NULL, NULL);
}
