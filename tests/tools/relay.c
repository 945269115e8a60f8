#include "tests/tools/relay.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"

enum { LINES_MOST = 64, PARCEL_BYTES = 65536, HELD_MOST = 64 };

/* What was read at one time, and when it goes on. */
struct parcel {
    int64_t due_ms;
    size_t len, sent;
    char bytes[PARCEL_BYTES];
};

/* One direction of a connection. */
struct lane {
    int from, to;
    struct parcel *held[HELD_MOST];
    size_t count;
};

struct line {
    bool on;
    struct lane out, back;
};

static struct sockaddr_in address_of(const char *ip, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, ip, &address.sin_addr);
    return address;
}

static int listen_at(const char *ip, int port)
{
    struct sockaddr_in address = address_of(ip, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) || listen(fd, LINES_MOST))
        _exit(1);
    return fd;
}

static void line_end(struct line *line)
{
    struct lane *lanes[] = {&line->out, &line->back};
    for (int i = 0; i < 2; i++)
        while (lanes[i]->count)
            free(lanes[i]->held[--lanes[i]->count]);
    close(line->out.from);
    close(line->out.to);
    line->on = false;
}

static void line_begin(struct line lines[LINES_MOST], int listener, const struct sockaddr_in *to)
{
    int near = accept4(listener, NULL, NULL, SOCK_CLOEXEC),
        far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (int i = 0; i < LINES_MOST && near >= 0; i++) {
        if (lines[i].on || connect(far, (const struct sockaddr *)to, sizeof *to))
            continue;
        lines[i] = (struct line){true, {.from = near, .to = far}, {.from = far, .to = near}};
        return;
    }
    close(near);
    close(far);
}

/* False: this side has ended. */
static bool lane_read(struct lane *lane, int64_t due_ms)
{
    struct parcel *parcel = xmalloc(sizeof *parcel);
    ssize_t got = recv(lane->from, parcel->bytes, sizeof parcel->bytes, 0);
    if (got <= 0) {
        free(parcel);
        return false;
    }
    parcel->len = (size_t)got;
    parcel->sent = 0;
    parcel->due_ms = due_ms;
    lane->held[lane->count++] = parcel;
    return true;
}

/* What is due goes, as far as the other side takes it. */
static bool lane_write(struct lane *lane, int64_t now_ms)
{
    while (lane->count && lane->held[0]->due_ms <= now_ms) {
        struct parcel *parcel = lane->held[0];
        ssize_t put = send(lane->to, parcel->bytes + parcel->sent, parcel->len - parcel->sent,
                           MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0)
            return false;
        parcel->sent += (size_t)put;
        if (parcel->sent < parcel->len)
            return true;
        free(parcel);
        memmove(lane->held, lane->held + 1, --lane->count * sizeof *lane->held);
    }
    return true;
}

/* When the first parcel of a lane goes; INT64_MAX: there is none. */
static int64_t due(const struct lane *lane)
{
    return lane->count ? lane->held[0]->due_ms : INT64_MAX;
}

static int64_t look_at(struct line lines[LINES_MOST], struct pollfd *fds, int32_t delay_ms)
{
    int64_t next = INT64_MAX, now = clock_mono_ms();
    for (int i = 0; i < LINES_MOST; i++) {
        struct line *line = &lines[i];
        struct lane *lanes[] = {&line->out, &line->back};
        bool goes_on = true;
        for (int k = 0; k < 2 && line->on && goes_on; k++) {
            if (fds[2 * i + k].revents)
                goes_on = lane_read(lanes[k], now + delay_ms);
            goes_on = goes_on && lane_write(lanes[k], now);
        }
        if (line->on && !goes_on)
            line_end(line);
        for (int k = 0; k < 2; k++) {
            bool room = line->on && lanes[k]->count < HELD_MOST;
            fds[2 * i + k] = (struct pollfd){room ? lanes[k]->from : -1, POLLIN, 0};
            int64_t first = line->on ? due(lanes[k]) : INT64_MAX;
            next = first < next ? first : next;
        }
    }
    return next;
}

void relay_run(const char *ip, int port, const char *to_ip, int to_port, const int32_t *delay_ms)
{
    static struct line lines[LINES_MOST];
    static struct pollfd fds[2 * LINES_MOST + 1];
    const struct sockaddr_in to = address_of(to_ip, to_port);
    int listener = listen_at(ip, port);
    struct pollfd *door = &fds[2 * LINES_MOST];
    for (;;) {
        int64_t next = look_at(lines, fds, __atomic_load_n(delay_ms, __ATOMIC_SEQ_CST));
        int64_t wait = next == INT64_MAX ? -1 : next - clock_mono_ms();
        *door = (struct pollfd){listener, POLLIN, 0};
        poll(fds, 2 * LINES_MOST + 1, next == INT64_MAX ? -1 : wait < 1 ? 1 : (int)wait);
        if (door->revents)
            line_begin(lines, listener, &to);
    }
}
