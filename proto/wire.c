#include "proto/wire.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "common/clock.h"
#include "common/mem.h"
#include "proto/wire_parts.h"

enum {
    ROUTING_ID = 5,     /* bytes of the ids that ROUTER makes up: a zero and 32 bits that count up */
    TICK_MESSAGES = 64, /* handshakes must not wait for a flood to end */
};

/* ---- receiving ---- */

/* The frames of one message; what is over `max` is thrown away. Returns how many there were, 0 if none. */
static int receive_frames(void *socket, zmq_msg_t *frames, int max)
{
    int count = 0;
    bool more = true;
    while (more) {
        zmq_msg_t extra, *frame = count < max ? &frames[count] : &extra;
        zmq_msg_init(frame);
        int rc;
        do
            rc = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT);
        while (rc < 0 && errno == EINTR);
        if (rc < 0) {
            zmq_msg_close(frame);
            break;
        }
        more = zmq_msg_more(frame);
        if (frame == &extra)
            zmq_msg_close(frame);
        count++;
    }
    return count;
}

/* 0 for an id that a peer brought along. */
static peer_id peer_of(zmq_msg_t *frame)
{
    const unsigned char *id = zmq_msg_data(frame);
    if (zmq_msg_size(frame) != ROUTING_ID || id[0] != 0)
        return 0;
    return (peer_id)id[1] << 24 | (peer_id)id[2] << 16 | (peer_id)id[3] << 8 | id[4];
}

static void set_routing_id(peer_id peer, unsigned char id[ROUTING_ID])
{
    id[0] = 0;
    id[1] = (unsigned char)(peer >> 24);
    id[2] = (unsigned char)(peer >> 16);
    id[3] = (unsigned char)(peer >> 8);
    id[4] = (unsigned char)peer;
}

static void make_refusal(const void *head, size_t head_len, const struct err *why, struct msg *msg)
{
    memset(msg, 0, sizeof *msg);
    msg->kind = MSG_error;
    str_copy(msg->error.code, sizeof msg->error.code, msg_fault(head, head_len));
    str_copy(msg->error.text, sizeof msg->error.text, why->text);
}

static enum wire_event read_message(zmq_msg_t *frames, int count, struct msg *msg, struct err *err)
{
    const void *head = count > 0 ? zmq_msg_data(&frames[0]) : "";
    size_t head_len = count > 0 ? zmq_msg_size(&frames[0]) : 0;
    struct err why = ERR_NONE;
    int rc = count == 2
                 ? msg_decode(head, head_len, zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1]), msg, &why)
                 : err_set(&why, ERR_PROTO, "%d frames where there must be two", count);
    if (rc)
        make_refusal(head, head_len, &why, msg);
    if (err)
        *err = why;
    return rc ? WIRE_BAD : WIRE_MESSAGE;
}

enum { BAD_UNITS = 100 }; /* an unreadable message is work for nothing */

static bool admit(struct wire *wire, zmq_msg_t *frames, int count, peer_id from, struct err *err)
{
    struct arrival arrival = {.frame = &frames[count > 1 ? 1 : 0], .from = from, .frames = count};
    for (int i = 0; i < count && i < WIRE_FRAMES; i++)
        arrival.bytes += zmq_msg_size(&frames[i]);
    return guard_admit(wire->guard, &arrival, clock_mono_ms(), err);
}

static void close_frames(zmq_msg_t *frames, int count, int most)
{
    for (int i = 0; i < count && i < most; i++)
        zmq_msg_close(&frames[i]);
}

static enum wire_event receive_message(struct wire *wire, peer_id *from, struct msg *msg, struct err *err)
{
    zmq_msg_t frames[WIRE_FRAMES];
    int most = wire->server ? WIRE_FRAMES : 2, skip = wire->server ? 1 : 0;
    int count = receive_frames(wire->socket, frames, most);
    if (count == 0)
        return WIRE_NOTHING;
    *from = wire->server ? peer_of(&frames[0]) : 0;
    if (wire->server && !admit(wire, frames, count, *from, err)) {
        *from = 0;
        memset(msg, 0, sizeof *msg);
        close_frames(frames, count, most);
        return WIRE_BAD;
    }
    enum wire_event event = read_message(frames + skip, count - skip, msg, err);
    if (wire->server && *from == 0) {
        if (event == WIRE_MESSAGE)
            msg_fini(msg);
        memset(msg, 0, sizeof *msg);
        err_set(err, ERR_PROTO, "a peer that brings its own routing id (%zu bytes) is not served",
                zmq_msg_size(&frames[0]));
        event = WIRE_BAD;
    }
    close_frames(frames, count, most);
    return event;
}

static enum wire_event client_receive(struct wire *wire, peer_id *from, struct msg *msg, struct err *err)
{
    if (!wire->socket && clock_mono_ms() >= wire->retry_at_ms)
        wire_try_again(wire);
    if (!wire->socket)
        return WIRE_NOTHING;
    wire_read_monitor(wire);
    if (wire->up && !wire->told_up) {
        wire->told_up = true;
        return WIRE_UP;
    }
    enum wire_event event = wire->up ? receive_message(wire, from, msg, err) : WIRE_NOTHING;
    if (event == WIRE_MESSAGE && !msg_is_from(msg->kind, 'M')) {
        msg_fini(msg);
        event = WIRE_NOTHING;
        wire->lost =
            true; /* no master: most likely we are connected to ourselves (TCP, both ends open at once) */
    }
    if (event != WIRE_NOTHING || !wire->lost)
        return event;
    bool was_up = wire->up; /* what came before the cut has been delivered */
    wire_drop(wire);
    return was_up ? WIRE_DOWN : WIRE_NOTHING;
}

/* Refused connections leave no other trace: the listening socket just stays readable. */
static enum wire_event server_complaint(struct wire *wire, peer_id *from, struct msg *msg, struct err *err)
{
    int64_t now = clock_mono_ms();
    bool failed = false;
    for (int event, value; (event = wire_monitor_event(wire, &value)) != 0;) {
        failed = failed || event == ZMQ_EVENT_ACCEPT_FAILED;
        guard_on_event(wire->guard, event, value, now);
    }
    guard_tick(wire->guard, now);
    wire->since_tick = 0;
    if (!failed || now < wire->complain_at_ms)
        return WIRE_NOTHING;
    wire->complain_at_ms = now + 1000;
    *from = 0;
    memset(msg, 0, sizeof *msg);
    err_set(err, ERR_IO, "a connection to %s could not be accepted", wire->address);
    err_hint(err, "every connection takes a file descriptor: raise the limit (ulimit -n)");
    return WIRE_BAD;
}

enum wire_event wire_receive(struct wire *wire, peer_id *from, struct msg *msg, struct err *err)
{
    *from = 0;
    if (!wire->server)
        return client_receive(wire, from, msg, err);
    *from = guard_next_revoked(wire->guard);
    if (*from) {
        err_set(err, ERR_PROTO, "its key is no longer on the list");
        return WIRE_CUT;
    }
    bool due = wire->since_tick++ >= TICK_MESSAGES;
    enum wire_event event = due ? server_complaint(wire, from, msg, err) : WIRE_NOTHING;
    if (event == WIRE_NOTHING)
        event = receive_message(wire, from, msg, err);
    if (event == WIRE_BAD && *from)
        wire_charge(wire, BAD_UNITS);
    return event == WIRE_NOTHING && !due ? server_complaint(wire, from, msg, err) : event;
}

const struct key_owner *wire_sender(const struct wire *wire)
{
    return guard_sender(wire->guard);
}

void wire_charge(struct wire *wire, int64_t units)
{
    guard_charge(wire->guard, units, clock_mono_ms());
}

/* ---- sending ---- */

static int send_frame(void *socket, const void *bytes, size_t len, bool more)
{
    int rc;
    do
        rc = zmq_send(socket, bytes, len, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? (errno == EAGAIN ? ERR_BUSY : ERR_GONE) : 0;
}

/* Only the first frame can find the queue full: libzmq takes the rest of a message it began. */
static int send_frames(struct wire *wire, peer_id to, const struct str *head, const struct str *body)
{
    if (body->len > MSG_MAX_BYTES)
        return ERR_BAD;
    if (wire->server) {
        unsigned char id[ROUTING_ID];
        set_routing_id(to, id);
        int rc =
            to && !guard_has_cut(wire->guard, to) ? send_frame(wire->socket, id, sizeof id, true) : ERR_GONE;
        if (rc)
            return rc;
    } else if (!wire->told_up || wire->lost) {
        return ERR_GONE;
    }
    int rc = send_frame(wire->socket, head->text, head->len, true);
    if (!rc)
        rc = send_frame(wire->socket, body->text, body->len, false);
    if (!rc && wire->server)
        guard_sent(wire->guard, to, body->len, clock_mono_ms());
    return rc;
}

int wire_send(struct wire *wire, peer_id to, const struct msg *msg)
{
    str_clear(&wire->head);
    str_clear(&wire->body);
    msg_encode(msg, &wire->head, &wire->body);
    return send_frames(wire, to, &wire->head, &wire->body);
}

int wire_flush(struct wire *wire, struct outbox *outbox)
{
    int dropped = 0;
    for (size_t i = 0; i < outbox->count; i++) {
        const struct outbox_item *item = &outbox->items[i];
        int rc = send_frames(wire, item->to, &item->head, &item->body);
        dropped += rc != 0;
        if (rc == ERR_BUSY &&
            wire->server) /* it does not read: what it would miss it gets after its next HELLO */
            guard_drop(wire->guard, item->to, clock_mono_ms());
    }
    outbox_clear(outbox);
    return dropped;
}

/* ---- waiting ---- */

static bool has_input(void *socket)
{
    int events = 0;
    size_t len = sizeof events;
    return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &len) == 0 && (events & ZMQ_POLLIN);
}

static int descriptor_of(void *socket)
{
    int fd = -1;
    size_t len = sizeof fd;
    zmq_getsockopt(socket, ZMQ_FD, &fd, &len);
    return fd;
}

/* poll(2) on the descriptors behind the sockets, not zmq_poll: that one hides POLLHUP, by which a slot learns
 * that its trainer's pipe is at its end. Such a descriptor tells of changes only, so what has arrived already
 * is asked for first (has_input, which also takes in what the descriptor told of). */
static int poll_with_sockets(struct wire *wire, struct pollfd *fds, int fd_count, int timeout_ms)
{
    size_t count = (size_t)fd_count;
    GROW(wire->polled, wire->polled_room, count + 3);
    if (count)
        memcpy(wire->polled, fds, count * sizeof *fds);
    void *sockets[] = {wire->socket, wire->monitor, wire->guard ? guard_socket(wire->guard) : NULL};
    for (int i = 0; i < 3 && sockets[i]; i++) {
        if (has_input(sockets[i]))
            timeout_ms = 0;
        wire->polled[count++] = (struct pollfd){.fd = descriptor_of(sockets[i]), .events = POLLIN};
    }
    int ready = poll(wire->polled, count, timeout_ms);
    for (int i = 0; i < fd_count; i++)
        fds[i].revents = ready > 0 ? wire->polled[i].revents : 0;
    return ready;
}

static int64_t time_left(const struct wire *wire, int64_t timeout_ms)
{
    int64_t deadline = wire_deadline(wire);
    if (deadline < 0)
        return timeout_ms;
    int64_t left = deadline - clock_mono_ms();
    left = left < 0 ? 0 : left;
    return timeout_ms < 0 || left < timeout_ms ? left : timeout_ms;
}

int wire_wait(struct wire *wire, struct pollfd *fds, int fd_count, int64_t timeout_ms)
{
    if (wire && !wire->server)
        timeout_ms = time_left(wire, timeout_ms);
    int timeout = timeout_ms < 0 ? -1 : timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;
    int ready = wire ? poll_with_sockets(wire, fds, fd_count, timeout) : poll(fds, (nfds_t)fd_count, timeout);
    if (ready >= 0)
        return ready;
    for (int i = 0; i < fd_count; i++)
        fds[i].revents = 0;
    return errno == EINTR ? 0 : ERR_IO;
}
