#include "cli/errand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/str.h"

struct errand {
    pid_t pid;
    int stream; /* of its own: 1 or 2 */
    int said;   /* what it writes there, read without waiting */
    struct str text;
};

static int spawn(struct errand *e, const char *const argv[], int to)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, defaults;
    sigemptyset(&none);
    sigfillset(&defaults);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&files, to, e->stream);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    int failed =
        posix_spawn(&e->pid, "/proc/self/exe", &files, &attr, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return failed;
}

static int start(const char *const argv[], int stream, struct errand **out, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) || fcntl(ends[0], F_SETFL, O_NONBLOCK))
        return err_errno(err, "no pipe");
    struct errand *e = xcalloc(1, sizeof *e);
    e->said = ends[0];
    e->stream = stream;
    int failed = spawn(e, argv, ends[1]);
    close(ends[1]);
    if (failed) {
        errand_free(e);
        return err_set(err, ERR_IO, "hone %s cannot be started: %s", argv[1], strerror(failed));
    }
    *out = e;
    return 0;
}

int errand_start(const char *const argv[], struct errand **out, struct err *err)
{
    return start(argv, 2, out, err);
}

int errand_ask(const char *const argv[], struct errand **out, struct err *err)
{
    return start(argv, 1, out, err);
}

static void keep_end(struct str *text, size_t len)
{
    struct str end = {0};
    str_addn(&end, str_text(text) + text->len - len, len);
    str_fini(text);
    *text = end;
}

/* False: it may say more. */
static bool read_all(struct errand *e)
{
    char part[4096];
    ssize_t len;
    while ((len = read(e->said, part, sizeof part)) > 0) {
        str_addn(&e->text, part, (size_t)len);
        if (e->text.len > 2 * ERRAND_SAID)
            keep_end(&e->text, ERRAND_SAID);
    }
    return len == 0 || errno != EAGAIN;
}

/* "hone pause: there is no study\n  hint: ...": its first line without who says it, and the hint. */
static void tell(const struct errand *e, int code, struct err *err)
{
    const char *line = str_text(&e->text), *text = strstr(line, ": "), *hint = strstr(line, "\n  hint: ");
    text = text ? text + 2 : line;
    err_set(err, code, "%.*s", (int)strcspn(text, "\n"), text);
    if (hint)
        err_hint(err, "%.*s", (int)strcspn(hint + 9, "\n"), hint + 9);
}

bool errand_ended(struct errand *e, int wait_ms, struct err *err)
{
    struct pollfd end = {.fd = e->said, .events = POLLIN};
    int status;
    if (poll(&end, 1, wait_ms) < 1 || !read_all(e))
        return false;
    while (waitpid(e->pid, &status, 0) < 0 && errno == EINTR)
        ;
    e->pid = 0;
    if (status && e->stream == 2)
        tell(e, ERR_NO, err);
    else if (status)
        err_set(err, ERR_NO, "it has failed");
    return true;
}

const char *errand_said(const struct errand *e)
{
    return str_text(&e->text);
}

void errand_drop(struct errand *e)
{
    if (e && e->pid) {
        kill(e->pid, SIGKILL);
        while (waitpid(e->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    errand_free(e);
}

void errand_free(struct errand *e)
{
    if (!e)
        return;
    close(e->said);
    str_fini(&e->text);
    free(e);
}
