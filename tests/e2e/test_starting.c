/* Commands that are given while somebody holds the database and does not listen yet: a master that starts, another command.
 * They wait, and what they are for is done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/clock.h"
#include "sql/lock.h"
#include "tests/tools/shell.h"

enum { LOOKS = 12 }; /* at the lock: more than a command that does not wait takes */

static const char study_text[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral\", \"batch\": 50, \"seed\": 1},\n"
    "  \"space\": {\"lr\": {\"log\": [1e-3, 1]}},\n"
    "  \"search\": {\"method\": \"random\", \"trials\": 2, \"epochs\": 1, \"seed\": 1} }\n";

static char db[128];

static int setup(void **state)
{
    shell_open(state);
    snprintf(db, sizeof db, "%s/hone.db", scratch.folder);
    scratch_text(&scratch, "study.json", study_text);
    return HONE("submit", "study.json");
}

/* Until the command has looked at the lock so often, or has ended. */
static void await_looks(int watch, struct proc *command)
{
    int looks = 0;
    int64_t until_ms = clock_mono_ms() + PROC_TIMEOUT_MS;
    while (looks < LOOKS && clock_mono_ms() < until_ms) {
        char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        struct pollfd ready[] = {{watch, POLLIN, 0}, {command->out_fd, POLLIN, 0}};
        poll(ready, 2, 1000);
        if (ready[1].revents & POLLHUP)
            return;
        ssize_t got = ready[0].revents ? read(watch, buffer, sizeof buffer) : 0;
        for (ssize_t at = 0; at < got; looks++)
            at +=
                (ssize_t)(sizeof(struct inotify_event) + ((struct inotify_event *)(void *)&buffer[at])->len);
    }
}

static int watch_lock(void)
{
    char path[160];
    int watch = inotify_init1(IN_CLOEXEC);
    snprintf(path, sizeof path, "%s.lock", db);
    assert_true(inotify_add_watch(watch, path, IN_OPEN) >= 0);
    return watch;
}

static void another_command_is_waited_for(void **state)
{
    (void)state;
    struct db_lock lock = {0};
    struct proc pause;
    assert_int_equal(db_lock_take(&lock, db, DB_LOCK_MASTER, NULL), 0);
    int watch = watch_lock();
    START(&pause, scratch.folder, "hone", "pause", "s");
    await_looks(watch, &pause);
    db_lock_release(&lock);
    int status = proc_wait(&pause);
    if (status || !strstr(str_text(&pause.out), "s: paused"))
        fail_msg("%d: %s", status, str_text(&pause.out));
    assert_int_equal(HONE("resume", "s"), 0);
    close(watch);
    proc_fini(&pause);
}

/* A study is not refused because somebody paused another one at this moment. */
static void a_command_is_waited_for_by_a_master(void **state)
{
    (void)state;
    struct db_lock lock = {0};
    struct proc run;
    assert_int_equal(db_lock_take(&lock, db, DB_LOCK_COMMAND, NULL), 0);
    int watch = watch_lock();
    START(&run, scratch.folder, "hone", "run", "study.json", "--workers", "1", "--no-check");
    await_looks(watch, &run);
    db_lock_release(&lock);
    if (proc_wait(&run))
        fail_msg("%s", str_text(&run.out));
    close(watch);
    proc_fini(&run);
}

/* Stopped as soon as it has the lock, which is before it listens. */
static void a_master_that_starts_is_asked(void **state)
{
    (void)state;
    struct proc master, command;
    int watch = inotify_init1(IN_CLOEXEC);
    assert_true(inotify_add_watch(watch, scratch.folder, IN_CREATE | IN_MODIFY) >= 0);
    START(&master, scratch.folder, "hone", "master");
    while (db_lock_holder(db) != LOCK_HERE) {
        char buffer[4096];
        assert_true(read(watch, buffer, sizeof buffer) > 0);
    }
    proc_signal(&master, SIGSTOP);
    close(watch);
    watch = watch_lock();
    START(&command, scratch.folder, "hone", "workers", "drain", "nobody");
    await_looks(watch, &command);
    proc_signal(&master, SIGCONT);
    int status = proc_wait(&command);
    if (status != 2 || !strstr(str_text(&command.out), "no worker here is called \"nobody\""))
        fail_msg("%d: %s", status, str_text(&command.out));
    proc_signal(&master, SIGTERM);
    proc_wait(&master);
    close(watch);
    proc_fini(&command);
    proc_fini(&master);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_command_is_waited_for),
        cmocka_unit_test(a_master_that_starts_is_asked),
        cmocka_unit_test(a_command_is_waited_for_by_a_master),
    };
    return cmocka_run_group_tests(tests, setup, shell_close);
}
