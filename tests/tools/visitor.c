#include "tests/tools/visitor.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/tools/proc.h"

int visitor_connect(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to))
        fail_msg("no connection to port %d", port);
    return fd;
}

/* What is refused may be closed before all of it was said. */
void visitor_say(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text += sent;
        len -= (size_t)sent;
    }
}

static ssize_t read_some(int fd, char *bytes, size_t room)
{
    struct pollfd in = {.fd = fd, .events = POLLIN};
    if (poll(&in, 1, proc_timeout_ms) != 1)
        fail_msg("no answer in time");
    return recv(fd, bytes, room, 0);
}

void visitor_hear(int fd, struct heard *out)
{
    char bytes[65536];
    struct str all = {0};
    ssize_t got;
    *out = (struct heard){0};
    while ((got = read_some(fd, bytes, sizeof bytes)) > 0)
        str_addn(&all, bytes, (size_t)got);
    const char *gap = all.len ? memmem(all.text, all.len, "\r\n\r\n", 4) : NULL;
    if (gap) {
        size_t head = (size_t)(gap - all.text) + 4;
        str_addn(&out->head, all.text, head);
        str_addn(&out->body, all.text + head, all.len - head);
        assert_int_equal(sscanf(out->head.text, "HTTP/1.%*d %d", &out->status), 1);
    }
    str_fini(&all);
}

void visitor_ask(int port, const char *method, const char *target, const char *headers, struct heard *out)
{
    struct str text = {0};
    int fd = visitor_connect(port);
    str_addf(&text, "%s %s HTTP/1.1\r\n%s%sConnection: close\r\n\r\n", method, target,
             strcasestr(headers, "Host:") ? "" : "Host: 127.0.0.1\r\n", headers);
    visitor_say(fd, str_text(&text));
    visitor_hear(fd, out);
    str_fini(&text);
    close(fd);
}

bool heard_header(const struct heard *heard, const char *name, const char *value)
{
    struct str line = {0};
    str_addf(&line, "\r\n%s: %s\r\n", name, value);
    bool is_there = strcasestr(str_text(&heard->head), str_text(&line)) != NULL;
    str_fini(&line);
    return is_there;
}

void heard_fini(struct heard *heard)
{
    str_fini(&heard->head);
    str_fini(&heard->body);
}
