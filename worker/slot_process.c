#include "worker/slot_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/slot.h"

static _Noreturn void child_exec(const char *program, char *const *env, int fd)
{
    char name[] = "hone", word[] = "slot", number[16];
    sigset_t none;
    setpgid(0, 0); /* ^C is for the one who asked for it */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (fd == SLOT_FD)
        fcntl(fd, F_SETFD, 0);
    else
        dup2(fd, SLOT_FD);
    close_range(SLOT_FD + 1, ~0u, 0);
    snprintf(number, sizeof number, "%d", SLOT_FD);
    char *argv[] = {name, word, number, NULL};
    execve(program, argv, env);
    _exit(127);
}

bool slot_process_start(const char *program, char *const *env, pid_t *pid, int *fd)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return false;
    *pid = fork();
    if (*pid == 0)
        child_exec(program, env, pair[1]);
    close(pair[1]);
    if (*pid < 0) {
        close(pair[0]);
        return false;
    }
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    *fd = pair[0];
    return true;
}
