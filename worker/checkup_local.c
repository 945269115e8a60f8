#include "worker/checkup_local.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "worker/gpu.h"
#include "worker/lines.h"
#include "worker/slot_process.h"

enum { SLOT_LINE_MAX = 1 << 20 };

static bool write_all(int fd, struct str *out)
{
    for (size_t at = 0; at < out->len;) {
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        ssize_t put = send(fd, out->text + at, out->len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno == EAGAIN)
            poll(&room, 1, -1);
        else if (put < 0 && errno != EINTR)
            return false;
        at += put > 0 ? (size_t)put : 0;
    }
    str_clear(out);
    return true;
}

/* False: that was the last one. */
static bool on_line(struct checkup *c, const char *text, size_t len, struct str *out)
{
    struct json *line = json_parse(text, len, "slot", NULL);
    PRE(line); /* it is our own program */
    const struct json *end = json_get(line, "end");
    bool more = true;
    if (!end) {
        checkup_on_line(c, line, out);
    } else {
        checkup_on_end(c, end);
        more = checkup_next(c, out);
    }
    json_free(line);
    return more;
}

/* True: the slot has died, and it begins anew in another one. */
static bool talk(struct checkup *c, int fd)
{
    struct lines lines;
    struct str out = {0};
    bool more = checkup_next(c, &out), alive = true;
    lines_init(&lines, SLOT_LINE_MAX);
    while (more && alive) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        char *line;
        size_t len;
        alive = write_all(fd, &out) && (poll(&ready, 1, -1) > 0 || errno == EINTR);
        ssize_t got = alive ? lines_fill(&lines, fd) : 0;
        alive = alive && (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)));
        while (more && lines_next(&lines, &line, &len) == LINES_LINE)
            more = on_line(c, line, len, &out);
    }
    lines_fini(&lines);
    str_fini(&out);
    return more && checkup_on_gone(c);
}

int checkup_local(struct msg_check *check, const char *root, struct checkup **out, struct err *err)
{
    struct held_place place = {.root = root, .root_seen = true};
    char **env = gpu_env(NULL, 0, environ);
    bool again = true;
    *out = checkup_new(check, &place);
    (*out)->patient = true;
    while (again) {
        pid_t pid;
        int fd;
        if (!slot_process_start("/proc/self/exe", env, &pid, &fd)) {
            gpu_env_free(env);
            checkup_free(*out);
            return err_errno(err, "cannot start a slot");
        }
        again = talk(*out, fd);
        close(fd);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    gpu_env_free(env);
    return 0;
}
