#include "worker/trainer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/file.h"
#include "common/mem.h"
#include "worker/trainer_line.h"

/* What the child says over a pipe that closes by itself when exec succeeds. */
struct start_failure {
    int in_chdir;
    int number; /* errno */
};

/* Descriptors of the trainer: HONE_IN_FD, HONE_OUT_FD. Any would do; low ones survive careless programs. */
enum { CHILD_IN = 3, CHILD_OUT = 4, CHILD_FAILURE = 5 };

struct pipes {
    int to[2], from[2], print[2], failure[2];
};

/* ---- in the child, between fork and exec: system calls only ---- */

static void child_signals(void)
{
    struct sigaction by_default = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        sigaction(number, &by_default, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Moved up first: a pipe end may sit where another one has to go. */
static void child_descriptors(const struct pipes *pipes)
{
    int in = fcntl(pipes->to[0], F_DUPFD_CLOEXEC, 16), out = fcntl(pipes->from[1], F_DUPFD_CLOEXEC, 16);
    int print = fcntl(pipes->print[1], F_DUPFD_CLOEXEC, 16),
        failure = fcntl(pipes->failure[1], F_DUPFD_CLOEXEC, 16);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nothing, STDIN_FILENO);
    dup2(print, STDOUT_FILENO);
    dup2(print, STDERR_FILENO);
    dup2(in, CHILD_IN);
    dup2(out, CHILD_OUT);
    dup3(failure, CHILD_FAILURE, O_CLOEXEC);
    close_range(CHILD_FAILURE + 1, ~0u, 0);
}

/* Of each process, not of all together: enough to stop one that runs away. Data and not address space, of which
 * a GPU's driver reserves more than any host has. */
static void child_limits(const struct command *command)
{
    struct rlimit memory = {(rlim_t)command->memory, (rlim_t)command->memory};
    struct rlimit files = {(rlim_t)command->files, (rlim_t)command->files};
    if (command->memory > 0)
        setrlimit(RLIMIT_DATA, &memory);
    if (command->files > 0)
        setrlimit(RLIMIT_NOFILE, &files);
}

static _Noreturn void child_exec(const struct command *command, const struct pipes *pipes,
                                 const struct cgroup *group, pid_t parent)
{
    struct start_failure failure = {0};
    setpgid(0, 0);
    cgroup_enter(group);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    child_signals();
    child_descriptors(pipes);
    failure.in_chdir = chdir(command->cwd) != 0;
    child_limits(command);
    if (!failure.in_chdir && command->program)
        execve(command->program, command->argv, command->env);
    else if (!failure.in_chdir)
        execvpe(command->argv[0], command->argv, command->env);
    failure.number = errno;
    ssize_t told = write(CHILD_FAILURE, &failure, sizeof failure);
    _exit(told == sizeof failure ? 127 : 126);
}

/* ---- in the slot ---- */

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_pair(int pair[2])
{
    close_one(&pair[0]);
    close_one(&pair[1]);
}

static void pipes_close(struct pipes *pipes)
{
    close_pair(pipes->to);
    close_pair(pipes->from);
    close_pair(pipes->print);
    close_pair(pipes->failure);
}

static int pipes_open(struct pipes *pipes, struct err *err)
{
    *pipes = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(pipes->to, O_CLOEXEC) || pipe2(pipes->from, O_CLOEXEC) || pipe2(pipes->print, O_CLOEXEC) ||
        pipe2(pipes->failure, O_CLOEXEC)) {
        err_errno(err, "cannot make a pipe");
        pipes_close(pipes);
        return ERR_IO;
    }
    return 0;
}

/* HONE_IN_FD and HONE_OUT_FD are ours to choose, so they join the command's environment here. */
static char **env_with_channels(char *const *env)
{
    static char in[] = "HONE_IN_FD=3", out[] = "HONE_OUT_FD=4";
    size_t count = 0;
    while (env[count])
        count++;
    char **all = xcalloc(count + 3, sizeof *all);
    if (count)
        memcpy(all, env, count * sizeof *all);
    all[count] = in;
    all[count + 1] = out;
    return all;
}

/* Waits until exec has closed the pipe or the child has said why it could not. */
static int started(int fd, const struct command *command, struct err *err)
{
    struct start_failure failure;
    ssize_t got;
    while ((got = read(fd, &failure, sizeof failure)) < 0 && errno == EINTR)
        ;
    if (got != sizeof failure)
        return 0;
    if (!failure.in_chdir)
        return err_set(err, ERR_IO, "cannot start %.300s: %s", command->argv[0], strerror(failure.number));
    err_set(err, ERR_IO, "cannot enter the working folder %.300s: %s", command->cwd,
            strerror(failure.number));
    return err_hint(err, "if the study's folder is elsewhere on this host, start the worker with --dir");
}

static void nonblocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* Kills for lack of memory so far: of our control group if it counts them, else of the whole system. */
static int64_t oom_kills(void)
{
    struct str text = {0};
    char group[PATH_MAX], path[PATH_MAX + 16] = "/proc/vmstat";
    if (cgroup_own_path(group, sizeof group))
        snprintf(path, sizeof path, "%s/memory.events", group);
    if (file_read(path, 1 << 20, &text, NULL))
        file_read("/proc/vmstat", 1 << 20, &text, NULL);
    const char *line = strstr(str_text(&text), "oom_kill ");
    int64_t count = line ? strtoll(line + strlen("oom_kill "), NULL, 10) : 0;
    str_fini(&text);
    return count;
}

static pid_t fork_trainer(const struct command *command, const struct pipes *pipes,
                          const struct cgroup *group)
{
    struct command full = *command;
    full.env = env_with_channels(command->env);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        child_exec(&full, pipes, group, parent);
    free(full.env);
    return pid;
}

static void adopt(struct trainer *trainer, pid_t pid, struct pipes *pipes, const char *spec)
{
    *trainer = (struct trainer){.pid = pid,
                                .to_fd = pipes->to[1],
                                .from_fd = pipes->from[0],
                                .print_fd = pipes->print[0],
                                .spec = xstrdup(spec),
                                .ooms = oom_kills()};
    pipes->to[1] = pipes->from[0] = pipes->print[0] = -1;
    nonblocking(trainer->to_fd);
    nonblocking(trainer->from_fd);
    nonblocking(trainer->print_fd);
    lines_init(&trainer->lines, TRAINER_LINE_MAX);
}

int trainer_start(struct trainer *trainer, const struct command *command, const struct cgroup *group,
                  struct err *err)
{
    struct pipes pipes;
    if (pipes_open(&pipes, err))
        return ERR_IO;
    pid_t pid = fork_trainer(command, &pipes, group);
    int rc = pid < 0 ? err_errno(err, "cannot start a process") : 0;
    close_one(&pipes.failure[1]);
    if (!rc)
        rc = started(pipes.failure[0], command, err);
    if (!rc)
        adopt(trainer, pid, &pipes, command->spec);
    pipes_close(&pipes);
    return rc;
}

void trainer_say(struct trainer *trainer, const char *line)
{
    if (trainer->to_fd < 0)
        return;
    str_add(&trainer->to, line);
    str_addc(&trainer->to, '\n');
    trainer_flush(trainer);
}

/* A trainer that has closed its end hears nothing more: that is its right. */
void trainer_flush(struct trainer *trainer)
{
    if (trainer->to_fd >= 0 && lines_flush(trainer->to_fd, &trainer->to))
        trainer_hang_up(trainer);
}

void trainer_hang_up(struct trainer *trainer)
{
    close_one(&trainer->to_fd);
    str_clear(&trainer->to);
}

void trainer_signal(const struct trainer *trainer, int signal)
{
    if (trainer->pid > 0)
        kill(-trainer->pid, signal);
}

bool trainer_saw_oom(const struct trainer *trainer)
{
    return oom_kills() > trainer->ooms;
}

void trainer_close(struct trainer *trainer)
{
    trainer_hang_up(trainer);
    close_one(&trainer->from_fd);
    close_one(&trainer->print_fd);
    lines_fini(&trainer->lines);
    str_fini(&trainer->to);
    free(trainer->spec);
    *trainer = (struct trainer){.to_fd = -1, .from_fd = -1, .print_fd = -1};
}
