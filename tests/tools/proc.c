#include "tests/tools/proc.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/file.h"

int proc_timeout_ms = PROC_TIMEOUT_MS;

/* ---- what a test that failed leaves running ---- */

enum { MOST_RUNNING = 64 };

static struct started {
    pid_t owner; /* a forked part of a test has not started what its parent did */
    pid_t pids[MOST_RUNNING];
} started;

static void end_what_runs(void)
{
    for (int i = 0; i < MOST_RUNNING && started.owner == getpid(); i++)
        if (started.pids[i]) {
            kill(-started.pids[i], SIGKILL);
            waitpid(started.pids[i], NULL, 0);
        }
}

static void note(pid_t before, pid_t now)
{
    int i = 0;
    if (started.owner != getpid()) {
        started = (struct started){.owner = getpid()};
        atexit(end_what_runs);
    }
    while (i < MOST_RUNNING && started.pids[i] != before)
        i++;
    if (i < MOST_RUNNING)
        started.pids[i] = now;
}

static const char *program(const char *word)
{
    if (strcmp(word, "hone") != 0)
        return word;
    const char *hone = getenv("HONE");
    return hone ? hone : "build/hone";
}

void proc_become(const char *folder, const char *const argv[])
{
    static char path[4096];
    const char *name = program(argv[0]);
    if (strchr(name, '/') && !realpath(name, path))
        _exit(127);
    if (strchr(name, '/'))
        name = path;
    if (folder && chdir(folder))
        _exit(127);
    unsetenv("HONE_DB");
    unsetenv("HONE_MASTER");
    execvp(name, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void become(const char *folder, const char *const argv[], int out)
{
    setpgid(0, 0);
    dup2(out, 1);
    dup2(out, 2);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    setenv("NO_COLOR", "1", 1);
    proc_become(folder, argv);
}

void proc_start(struct proc *p, const char *folder, const char *const argv[])
{
    int pipe_fds[2];
    *p = (struct proc){0};
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0)
        become(folder, argv, pipe_fds[1]);
    setpgid(p->pid, p->pid);
    note(0, p->pid);
    close(pipe_fds[1]);
    p->out_fd = pipe_fds[0];
}

/* One read of its output; false at the end. */
static bool take_output(struct proc *p)
{
    char chunk[4096];
    ssize_t got = read(p->out_fd, chunk, sizeof chunk);
    if (got > 0)
        str_addn(&p->out, chunk, (size_t)got);
    return got > 0;
}

static void expect_ready(struct pollfd *fds, nfds_t count, int64_t deadline, const struct proc *p,
                         const char *what)
{
    int64_t left = deadline - clock_mono_ms();
    int ready = left > 0 ? poll(fds, count, (int)left) : 0;
    if (ready == 0)
        fail_msg("waited too long for %s; output so far:\n%s", what, str_text(&p->out));
}

/* The exit counts, not the end of the output: workers that outlive their parent keep the pipe open. */
int proc_wait(struct proc *p)
{
    int64_t deadline = clock_mono_ms() + proc_timeout_ms;
    int pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    bool open_out = true, running = true;
    while (running) {
        struct pollfd fds[2] = {{pidfd, POLLIN, 0}, {open_out ? p->out_fd : -1, POLLIN, 0}};
        expect_ready(fds, 2, deadline, p, "the end of a process");
        if (fds[1].revents)
            open_out = take_output(p);
        running = !(fds[0].revents & POLLIN);
    }
    close(pidfd);
    int status;
    waitpid(p->pid, &status, 0);
    note(p->pid, 0);
    p->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    p->pid = 0;
    if (open_out)
        proc_drain(p);
    return p->status;
}

void proc_await_text(struct proc *p, const char *text)
{
    int64_t deadline = clock_mono_ms() + proc_timeout_ms;
    while (!strstr(str_text(&p->out), text)) {
        struct pollfd fd = {p->out_fd, POLLIN, 0};
        expect_ready(&fd, 1, deadline, p, text);
        if (!take_output(p))
            fail_msg("it ended without saying \"%s\":\n%s", text, str_text(&p->out));
    }
}

void proc_drain(struct proc *p)
{
    struct pollfd fd = {p->out_fd, POLLIN, 0};
    while (poll(&fd, 1, 0) > 0 && take_output(p))
        ;
}

void proc_signal(struct proc *p, int signal)
{
    assert_true(p->pid > 0);
    kill(p->pid, signal);
}

void proc_fini(struct proc *p)
{
    if (p->pid > 0) {
        kill(-p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
        note(p->pid, 0);
    }
    if (p->out_fd > 0)
        close(p->out_fd);
    str_fini(&p->out);
    *p = (struct proc){0};
}

int run_in(const char *folder, struct str *out, const char *const argv[])
{
    struct proc p;
    proc_start(&p, folder, argv);
    int status = proc_wait(&p);
    if (out) {
        str_clear(out);
        str_add(out, str_text(&p.out));
    }
    proc_fini(&p);
    return status;
}

/* ---- the database, looked at from outside ---- */

/* False: not there, or not ready yet. */
static bool first_cell(const char *db, const char *sql, struct str *out)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    bool found = false;
    if (sqlite3_open_v2(db, &handle, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(handle, 5000);
        if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_ROW) {
            const unsigned char *text = sqlite3_column_text(statement, 0);
            str_add(out, text ? (const char *)text : "");
            found = true;
        }
    }
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return found;
}

void db_text(const char *db, const char *sql, struct str *out)
{
    str_clear(out);
    if (!first_cell(db, sql, out))
        fail_msg("%s: no row for %s", db, sql);
}

int64_t db_int(const char *db, const char *sql)
{
    struct str text = {0};
    db_text(db, sql, &text);
    int64_t value = strtoll(str_text(&text), NULL, 10);
    str_fini(&text);
    return value;
}

void db_change(const char *db, const char *sql)
{
    sqlite3 *file;
    char *why = NULL;
    assert_int_equal(sqlite3_open(db, &file), SQLITE_OK);
    if (sqlite3_exec(file, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(file);
}

static bool holds(const char *db, const char *sql)
{
    struct str text = {0};
    bool found = first_cell(db, sql, &text) && strcmp(str_text(&text), "0") != 0 && text.len;
    str_fini(&text);
    return found;
}

void db_await(const char *db, const char *sql)
{
    int64_t deadline = clock_mono_ms() + proc_timeout_ms;
    char *folder = path_dir(db);
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    assert_true(inotify_add_watch(fd, folder, IN_MODIFY | IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO) >= 0);
    free(folder);
    while (!holds(db, sql)) {
        struct pollfd ready = {fd, POLLIN, 0};
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0 || poll(&ready, 1, (int)left) == 0)
            fail_msg("%s: waited too long for %s", db, sql);
        char events[4096];
        while (read(fd, events, sizeof events) > 0)
            ;
    }
    close(fd);
}

/* ---- processes ---- */

bool is_alive(pid_t pid)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    bool got = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    const char *after_name = strrchr(line, ')');
    return got && after_name && after_name[1] && after_name[2] != 'Z';
}

void await_gone(pid_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return;
    struct pollfd fd = {pidfd, POLLIN, 0}; /* readable when it has ended, zombie or not */
    int ready = poll(&fd, 1, proc_timeout_ms);
    close(pidfd);
    if (ready <= 0)
        fail_msg("process %d does not end", (int)pid);
}

int find_processes(const char *text, pid_t *pids, int most)
{
    int count = 0;
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    while (dir && (entry = readdir(dir)) && count < most) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        char path[300], line[8192];
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;
        if (fd >= 0)
            close(fd);
        if (got <= 0)
            continue;
        for (ssize_t i = 0; i < got; i++)
            if (!line[i])
                line[i] = ' ';
        line[got] = '\0';
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (strstr(line, text) && pid != getpid() && is_alive(pid))
            pids[count++] = pid;
    }
    if (dir)
        closedir(dir);
    return count;
}
