#include "web/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 128 };

static bool address_read(const char *address, int port, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        *len = sizeof *four;
        return true;
    }
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((uint16_t)port);
    *len = sizeof *six;
    return inet_pton(AF_INET6, address, &six->sin6_addr) == 1;
}

static int port_of(int socket)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    getsockname(socket, (struct sockaddr *)&at, &len);
    return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                          : ((struct sockaddr_in *)&at)->sin_port);
}

int listen_on(const char *address, int port, int *out_socket, int *out_port, struct err *err)
{
    struct sockaddr_storage at;
    socklen_t len;
    if (!address_read(address, port, &at, &len))
        return err_set(err, ERR_BAD, "\"%.60s\" is no IP address", address);
    int on = 1, fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(err, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, len) || listen(fd, BACKLOG)) {
        int rc = errno == EADDRINUSE ? ERR_BUSY : ERR_REACH;
        err_errno(err, "%s port %d", address, port);
        close(fd);
        if (err)
            err->code = rc;
        return rc;
    }
    *out_socket = fd;
    *out_port = port_of(fd);
    return 0;
}
