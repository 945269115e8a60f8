#include "proto/address.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/str.h"

enum { IPC_PATH_MAX = 107 }; /* bytes: sun_path holds 108 with the NUL */

static int bad_address(const char *address, const char *what, struct err *err)
{
    err_set(err, ERR_BAD, "address \"%.200s\": %s", address, what);
    return err_hint(err,
                    "like tcp://10.0.0.1:7077, tcp://[::1]:7077, tcp://host:7077 or ipc:///run/hone.sock");
}

static int check_port(const char *address, const char *port, bool listen, struct err *err)
{
    if (listen && strcmp(port, "*") == 0)
        return 0;
    char *end;
    errno = 0;
    long number = isdigit((unsigned char)*port) ? strtol(port, &end, 10) : 0;
    if (number < 1 || number > 65535 || *end)
        return bad_address(address,
                           listen ? "the port must be 1 to 65535, or * for any free one"
                                  : "the port must be 1 to 65535",
                           err);
    return 0;
}

static int check_tcp(const char *address, bool listen, struct err *err)
{
    const char *host = address + strlen("tcp://");
    const char *colon = strrchr(host, ':');
    if (!colon || colon == host)
        return bad_address(address, "must be tcp://HOST:PORT", err);
    size_t len = (size_t)(colon - host);
    if (memchr(host, ':', len) && !(host[0] == '[' && host[len - 1] == ']'))
        return bad_address(address, "an IPv6 address needs brackets around it", err);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)host[i]) && !strchr(".-_:[]%*", host[i]))
            return bad_address(address, "that is not a host", err);
    if (memchr(host, '*', len) && (len > 1 || !listen))
        return bad_address(address,
                           listen ? "* stands alone, for every interface"
                                  : "* is for listening; a client needs the master's host",
                           err);
    return check_port(address, colon + 1, listen, err);
}

static int check_ipc(const char *address, struct err *err)
{
    const char *path = address + strlen("ipc://");
    if (!*path || strcmp(path, "*") == 0)
        return bad_address(address, "must be ipc://PATH", err);
    if (strlen(path) > IPC_PATH_MAX) {
        err_set(err, ERR_BAD, "address \"%.200s\": the path has %zu bytes; the system allows %d", address,
                strlen(path), IPC_PATH_MAX);
        return err_hint(err, "use a shorter path, such as one in /tmp or $XDG_RUNTIME_DIR");
    }
    return 0;
}

int address_check(const char *address, bool listen, struct err *err)
{
    if (strlen(address) >= ADDRESS_MAX)
        return bad_address(address, "is too long", err);
    if (str_starts(address, "tcp://"))
        return check_tcp(address, listen, err);
    if (str_starts(address, "ipc://"))
        return check_ipc(address, err);
    return bad_address(address, "must begin with tcp:// or ipc://", err);
}

bool address_is_name(const char *address)
{
    if (!str_starts(address, "tcp://"))
        return false;
    const char *host = address + strlen("tcp://");
    return host[0] != '[' && strspn(host, "0123456789.") < strcspn(host, ":");
}

/* libzmq unlinks whatever stands at the path, a live master's socket or a file of the user's: look first. */
int address_clear(const char *address, struct err *err)
{
    if (!str_starts(address, "ipc://"))
        return 0;
    const char *path = address + strlen("ipc://");
    struct stat st;
    if (path[0] == '@' || lstat(path, &st) != 0) /* @name lives in no file system */
        return 0;
    if (!S_ISSOCK(st.st_mode)) {
        err_set(err, ERR_BAD, "cannot listen on ipc://%s: there is a file of that name, and it is no socket",
                path);
        return err_hint(err, "choose another path, or remove the file");
    }
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    str_copy(name.sun_path, sizeof name.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(err, "cannot open a socket");
    bool stale = connect(fd, (const struct sockaddr *)&name, sizeof name) != 0 && errno == ECONNREFUSED;
    close(fd);
    if (!stale) {
        err_set(err, ERR_REACH, "cannot listen on ipc://%s: another program listens there", path);
        return err_hint(err, "stop that one, or choose another path");
    }
    unlink(path);
    return 0;
}

void address_leave(const char *address)
{
    if (str_starts(address, "ipc://") && address[strlen("ipc://")] != '@')
        unlink(address + strlen("ipc://"));
}
