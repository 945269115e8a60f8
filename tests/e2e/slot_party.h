/* slot_party: a real slot process, and a worker's end of the pipe to it. The slot is the test program itself, started
 * again as `PROGRAM slot FD`. Nothing sleeps: every wait is for a line, an exit, or a pidfd. Include it after cmocka.h. */
#ifndef HONE_TESTS_E2E_SLOT_PARTY_H
#define HONE_TESTS_E2E_SLOT_PARTY_H

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "worker/lines.h"
#include "worker/slot.h"

enum { PATIENCE_MS = 240000 };

#define SLOT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* ---- a slot, and a folder to work in ---- */

struct slot_test {
    char folder[64];
    pid_t pid;
    int fd; /* -1: hung up */
    struct lines lines;
    int trial;
    const char *metric; /* NULL: val_acc */
};

static inline void slot_open(struct slot_test *t)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    t->pid = fork();
    if (t->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(pair[1], 9);
        execl("/proc/self/exe", "hone", "slot", "9", (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    t->fd = pair[0];
    lines_init(&t->lines, 1 << 20);
}

static inline void hang_up(struct slot_test *t)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}

static inline int wait_exit(pid_t pid)
{
    int status, pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    if (poll(&end, 1, PATIENCE_MS) != 1)
        fail_msg("process %d does not end", (int)pid);
    close(pidfd);
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static inline int set_up(void **state)
{
    struct slot_test *t = xcalloc(1, sizeof *t);
    strcpy(t->folder, "/tmp/hone-test-slot-XXXXXX");
    if (!mkdtemp(t->folder))
        return -1;
    slot_open(t);
    *state = t;
    return 0;
}

static inline int tear_down(void **state)
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

static inline char *in_folder(const struct slot_test *t, const char *name)
{
    return path_join(t->folder, name);
}

/* Text of a file in the folder; the caller frees. */
static inline char *text_of(const struct slot_test *t, const char *name)
{
    struct str text = {0};
    char *path = in_folder(t, name);
    file_read(path, 1 << 20, &text, NULL);
    free(path);
    return str_take(&text);
}

static inline void expect_text(const struct slot_test *t, const char *name, const char *part)
{
    char *text = text_of(t, name);
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in %s: %s", part, name, text);
    free(text);
}

/* ---- saying and hearing ---- */

static inline void say(struct slot_test *t, const char *line)
{
    assert_int_equal(send(t->fd, line, strlen(line), MSG_NOSIGNAL), (ssize_t)strlen(line));
    assert_int_equal(send(t->fd, "\n", 1, MSG_NOSIGNAL), 1);
}

/* Starts the next trial; `more` are further members of the job that go before the defaults. */
static inline void run_job(struct slot_test *t, const char *trainer, const char *params, int until,
                           const char *more)
{
    t->trial++;
    char *line = xasprintf("{\"run\":{%s\"study\":\"s\",\"trial\":%d,\"attempt\":1,\"params\":%s,\"seed\":11,"
                           "\"until\":%d,\"epochs\":9,\"metric\":\"%s\",\"trainer\":%s,\"base\":\"%s\","
                           "\"dir\":\"%s/s/t%d\",\"shown\":\"s/t%d\",\"grace_ms\":400}}",
                           more, t->trial, params, until, t->metric ? t->metric : "val_acc", trainer,
                           t->folder, t->folder, t->trial, t->trial);
    say(t, line);
    free(line);
}

/* A script of `body`, in which tell says a line. The trial's trainer object; the caller frees. */
static inline char *script(struct slot_test *t, const char *body)
{
    char *path = in_folder(t, "train.sh");
    char *text = xasprintf("tell() { printf '%%s\\n' \"$1\" >&$HONE_OUT_FD; }\n%s\n", body);
    assert_int_equal(file_write_whole(path, text, strlen(text), NULL), 0);
    free(text);
    free(path);
    return xstrdup("{\"command\":[\"sh\",\"train.sh\"]}");
}

static inline void run_script(struct slot_test *t, const char *body, int until)
{
    char *trainer = script(t, body);
    run_job(t, trainer, "{\"lr\":0.125}", until, "");
    free(trainer);
}

/* The next line of the slot; the caller frees the tree. NULL when it has hung up. */
static inline struct json *hear(struct slot_test *t)
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

static inline double hear_epoch(struct slot_test *t, int epoch, const char *metric)
{
    struct json *line = hear(t);
    assert_int_equal((int)json_num(json_get(line, "epoch")), epoch);
    double value = json_num(json_get(json_get(line, "metrics"), metric));
    json_free(line);
    return value;
}

/* The end of the attempt; its detail must hold `part`. */
static inline void hear_end(struct slot_test *t, int epoch, const char *outcome, const char *cause,
                            const char *part)
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

#endif
