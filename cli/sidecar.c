#include "cli/sidecar.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

enum { SAY_MS = 3000 };

#define WORD(text) ((char *)(uintptr_t)(text)) // argv is not const for reasons of history

/* A group of its own: ^C at the terminal is for us, and it ends with us. */
static int spawn(const char *db, const char *port, int leash, int says, pid_t *pid)
{
    char *argv[] = {WORD("hone"),
                    WORD("dash"),
                    WORD("--db"),
                    WORD(db),
                    WORD("--until-eof"),
                    *port ? WORD("--port") : NULL,
                    *port ? WORD(port) : NULL,
                    NULL};
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t files;
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, leash, 0);
    posix_spawn_file_actions_adddup2(&files, says, 1);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    int rc = posix_spawn(pid, "/proc/self/exe", &files, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return rc;
}

/* Its first line; "" if it ended or said nothing in time. */
static void hear(int fd, char line[256])
{
    size_t len = 0;
    int64_t until = clock_mono_ms() + SAY_MS, left;
    struct pollfd in = {.fd = fd, .events = POLLIN};
    while (len < 255 && !memchr(line, '\n', len) && (left = until - clock_mono_ms()) > 0) {
        if (poll(&in, 1, (int)left) < 0 && errno == EINTR)
            continue;
        ssize_t got = in.revents ? read(fd, line + len, 255 - len) : 0;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    char *end = memchr(line, '\n', len);
    line[end ? end - line : 0] = '\0';
}

void sidecar_start(struct sidecar *sidecar, const char *db, const char *port, char address[256])
{
    int leash[2], says[2];
    address[0] = '\0';
    *sidecar = (struct sidecar){0};
    if (!port)
        return;
    if (pipe2(leash, O_CLOEXEC) || pipe2(says, O_CLOEXEC)) {
        log_warn("no dashboard: %s", strerror(errno));
        return;
    }
    int rc = spawn(db, port, leash[0], says[1], &sidecar->pid);
    close(leash[0]);
    close(says[1]);
    sidecar->leash = leash[1];
    if (!rc)
        hear(says[0], address);
    close(says[0]);
    if (rc || !*address)
        log_warn("no dashboard%s%s; the search goes on without it", rc ? ": " : "", rc ? strerror(rc) : "");
    if (rc)
        sidecar->pid = 0;
}

void sidecar_end(struct sidecar *sidecar)
{
    if (!sidecar->pid)
        return;
    kill(sidecar->pid, SIGTERM);
    close(sidecar->leash);
    while (waitpid(sidecar->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    *sidecar = (struct sidecar){0};
}
