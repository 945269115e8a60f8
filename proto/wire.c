#include "proto/wire.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zmq.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/hash.h"
#include "common/mem.h"
#include "proto/address.h"
#include "proto/guard.h"

enum {
    ROUTING_ID = 5, /* bytes of the ids that ROUTER makes up: a zero and 32 bits that count up */
    /* Messages waiting per peer and direction: JOB and STOP for 1024 slots, an ACK for each of a long row of
     * reports. A peer that reads never has so many, one that does not read can hold no more of our memory. */
    QUEUE_MAX = 20000,
    UNREAD_MAX = 1000,  /* of one peer at the master; what is more waits in TCP, on the peer's own host */
    TICK_MESSAGES = 64, /* handshakes must not wait for a flood to end */
    BACKLOG = 4096,     /* handshakes at a time: a thousand workers come back at once after a restart */
    LINGER_MS = 500,    /* for what was sent before wire_free */
    RETRY_MIN_MS = 100, /* between attempts to connect, doubling, plus up to as much again of jitter */
    RETRY_MAX_MS = 2000,
    NEVER_MS = 24 * 3600 * 1000,
    LASTED_MS = 5000, /* a connection that lived so long was a good one: begin at RETRY_MIN_MS again */
    CONNECT_TIMEOUT_MS = 2000, /* a lost SYN is otherwise repeated by the kernel after 1, 3, 7, ... 63 s */
    HANDSHAKE_TIMEOUT_MS = 5000,
    ATTEMPT_MS = 15000, /* for both, and for the name servers, should libzmq not say that it failed */
    /* Leases and BEAT decide who is alive. These only close what a cut left half-open: a dead peer keeps 29
     * kB at the master, and a client learns of a silent cut after 20 s at the latest. libzmq's I/O thread
     * answers them, so a busy process does not lose its connection. */
    HEARTBEAT_MS = 10000,

    CLIENT_EVENTS = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED |
                    ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                    ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
};

struct wire {
    bool server;
    void *socket;  /* NULL: a client that waits for retry_at */
    void *monitor; /* reports on `socket` */
    char address[ADDRESS_MAX];
    struct str head, body; /* of the message being sent */
    struct pollfd *polled;
    size_t polled_room;

    /* server */
    struct guard *guard;
    int since_tick;         /* messages */
    int64_t complain_at_ms; /* not before this time again about missing descriptors */

    bool ipv6; /* look for IPv6 addresses; a client's name is looked up in both families in turn */

    /* client */
    const struct key_trust *trust; /* NULL: without keys */
    const char *refusal;           /* NULL, or why the last handshake failed */
    bool by_name;                  /* the host is a name, not a number */
    bool up, told_up;              /* the handshake is through; the caller knows */
    bool lost;                     /* this socket is done for: deliver what came, then WIRE_DOWN */
    int64_t opened_ms;             /* when it was made */
    int64_t up_ms;                 /* when its handshake was through */
    int64_t retry_at_ms;           /* when to make the next one */
    int64_t retry_ms;              /* how long to wait after this one */
};

/* ---- the context: one per process, while there is a wire ---- */

static pthread_mutex_t context_lock = PTHREAD_MUTEX_INITIALIZER;
static void *context;
static int context_users;

static void *context_hold(void)
{
    pthread_mutex_lock(&context_lock);
    if (!context) {
        context = zmq_ctx_new();
        if (context) /* a test or a load generator holds thousands of clients, each with a monitor */
            zmq_ctx_set(context, ZMQ_MAX_SOCKETS, 16384);
    }
    if (context)
        context_users++;
    void *held = context;
    pthread_mutex_unlock(&context_lock);
    return held;
}

static void context_release(void)
{
    pthread_mutex_lock(&context_lock);
    void *last = --context_users == 0 ? context : NULL;
    if (last)
        context = NULL;
    pthread_mutex_unlock(&context_lock);
    while (last && zmq_ctx_term(last) != 0 && errno == EINTR) /* waits for LINGER_MS at most */
        continue;
}

/* ---- sockets ---- */

static int zmq_failed(const char *what, const char *address, struct err *err)
{
    int error = errno;
    err_set(err, error == EACCES || error == EMFILE ? ERR_IO : ERR_REACH, "%s %s: %s", what, address,
            zmq_strerror(error));
    switch (error) {
    case EADDRINUSE: err_hint(err, "another program listens there; choose another port, or * for any"); break;
    case ENODEV:
    case EADDRNOTAVAIL:
        err_hint(err, "not an address of this host: give one, the name of an interface, or *");
        break;
    case EACCES: err_hint(err, "ports below 1024 and folders of others need permission"); break;
    case ENOENT: err_hint(err, "its folder must be there"); break;
    case EMFILE:
    case ENFILE: err_hint(err, "no file descriptors left: raise the limit (ulimit -n)"); break;
    default: break;
    }
    return err ? err->code : ERR_REACH;
}

static void set_int(void *socket, int option, int value)
{
    int rc = zmq_setsockopt(socket, option, &value, sizeof value);
    PRE(rc == 0);
}

static void set_options(struct wire *wire)
{
    int64_t max_bytes = MSG_MAX_BYTES; /* a longer frame costs its sender the connection */
    int rc = zmq_setsockopt(wire->socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof max_bytes);
    PRE(rc == 0);
    set_int(wire->socket, ZMQ_SNDHWM, QUEUE_MAX);
    set_int(wire->socket, ZMQ_RCVHWM, wire->server ? UNREAD_MAX : QUEUE_MAX);
    set_int(wire->socket, ZMQ_LINGER, LINGER_MS);
    set_int(wire->socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_TIMEOUT_MS);
    set_int(wire->socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
    set_int(wire->socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_MS);
    set_int(wire->socket, ZMQ_IPV6, wire->ipv6);
    if (wire->server) {
        set_int(wire->socket, ZMQ_BACKLOG, BACKLOG);
        set_int(wire->socket, ZMQ_ROUTER_MANDATORY,
                1); /* sending to one who left is an error, not a silence */
        return;
    }
    set_int(wire->socket, ZMQ_CONNECT_TIMEOUT, CONNECT_TIMEOUT_MS);
    set_int(wire->socket, ZMQ_RECONNECT_IVL, NEVER_MS);
    if (wire->trust)
        trust_use(wire->socket, wire->trust);
}

/* The monitor is a socket of its own that tells of handshakes, cuts and refused connections. */
static int open_monitor(struct wire *wire)
{
    static atomic_uint counter;
    char name[64];
    snprintf(name, sizeof name, "inproc://wire-monitor-%u", atomic_fetch_add(&counter, 1));
    int events = wire->server ? ZMQ_EVENT_ACCEPT_FAILED | guard_monitored() : CLIENT_EVENTS;
    if (zmq_socket_monitor(wire->socket, name, events))
        return -1;
    wire->monitor = zmq_socket(context, ZMQ_PAIR);
    if (!wire->monitor)
        return -1;
    set_int(wire->monitor, ZMQ_LINGER, 0);
    set_int(wire->monitor, ZMQ_RCVHWM, 0); /* libzmq's thread would stand still until we have read */
    return zmq_connect(wire->monitor, name);
}

static void close_sockets(struct wire *wire)
{
    int kept = errno;
    if (wire->socket) {
        zmq_socket_monitor(wire->socket, NULL, 0);
        zmq_close(wire->socket);
    }
    if (wire->monitor)
        zmq_close(wire->monitor);
    wire->socket = wire->monitor = NULL;
    errno = kept;
}

/* A socket file that others may write to lets them in: it is made for us alone. */
static int bind_privately(struct wire *wire)
{
    mode_t before = umask(077);
    int rc = zmq_bind(wire->socket, wire->address);
    umask(before);
    return rc;
}

static int open_sockets(struct wire *wire, const char *key_folder, struct err *err)
{
    wire->socket = zmq_socket(context, wire->server ? ZMQ_ROUTER : ZMQ_DEALER);
    if (!wire->socket)
        return zmq_failed("cannot open a socket for", wire->address, err);
    set_options(wire);
    int rc = wire->server ? guard_open(context, key_folder, wire->socket, &wire->guard, err) : 0;
    if (rc) {
        close_sockets(wire);
        return rc;
    }
    bool failed = open_monitor(wire) ||
                  (wire->server ? bind_privately(wire) : zmq_connect(wire->socket, wire->address));
    if (!failed)
        return 0;
    close_sockets(wire);
    return zmq_failed(wire->server ? "cannot listen on" : "cannot connect to", wire->address, err);
}

static int wire_new(const char *address, bool server, const char *key_folder, const struct key_trust *trust,
                    struct wire **out, struct err *err)
{
    *out = NULL;
    int rc = address_check(address, server, err);
    if (rc)
        return rc;
    if (!context_hold())
        return zmq_failed("cannot start ZeroMQ for", address, err);
    struct wire *wire = xcalloc(1, sizeof *wire);
    wire->server = server;
    wire->trust = trust;
    wire->by_name = !server && address_is_name(address);
    wire->ipv6 = strchr(address, '[') || str_starts(address, "tcp://*:"); /* with it, * means both families */
    wire->retry_ms = RETRY_MIN_MS;
    wire->opened_ms = clock_mono_ms();
    str_copy(wire->address, sizeof wire->address, address);
    rc = open_sockets(wire, key_folder, err);
    if (rc)
        wire_free(wire);
    else
        *out = wire;
    return rc;
}

void wire_free(struct wire *wire)
{
    if (!wire)
        return;
    if (wire->server && wire->socket)
        address_leave(wire->address); /* libzmq leaves the file there */
    close_sockets(wire);
    guard_close(wire->guard);
    context_release();
    str_fini(&wire->head);
    str_fini(&wire->body);
    free(wire->polled);
    free(wire);
}

const char *wire_address(const struct wire *wire)
{
    return wire->address;
}

/* ---- listening ---- */

/* Every connection is a descriptor; the usual soft limit of 1024 would end at a thousand workers. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* "tcp://127.0.0.1:*" becomes what the system chose; "tcp://" and a star before the port stays a star. */
static void fill_in_port(struct wire *wire)
{
    char bound[ADDRESS_MAX];
    size_t len = sizeof bound;
    const char *port = strrchr(wire->address, ':');
    if (!str_starts(wire->address, "tcp://") || strcmp(port, ":*") != 0 ||
        zmq_getsockopt(wire->socket, ZMQ_LAST_ENDPOINT, bound, &len) != 0)
        return;
    size_t front = (size_t)(port - wire->address);
    snprintf(wire->address + front, sizeof wire->address - front, "%s", strrchr(bound, ':'));
}

int wire_listen(const char *address, struct wire **out, struct err *err)
{
    return wire_listen_keyed(address, NULL, out, err);
}

int wire_listen_keyed(const char *address, const char *key_folder, struct wire **out, struct err *err)
{
    *out = NULL;
    int rc = address_check(address, true, err);
    if (rc == 0)
        rc = address_clear(address, err);
    if (rc)
        return rc;
    raise_descriptor_limit();
    rc = wire_new(address, true, key_folder, NULL, out, err);
    if (rc == 0)
        fill_in_port(*out);
    return rc;
}

/* ---- a client's connection ----
 *
 * One socket per connection. libzmq would reconnect by itself, but then it keeps the queue of the old
 * connection for the new one, or, with ZMQ_IMMEDIATE, throws away what arrived before the cut and aborts the
 * process if that happens between two frames of a message (4.3.4, fq.cpp). So it is told never to, and
 * wire_receive makes a fresh socket when it is time. */

int wire_connect(const char *address, struct wire **out, struct err *err)
{
    return wire_connect_keyed(address, NULL, out, err);
}

int wire_connect_keyed(const char *address, const struct key_trust *trust, struct wire **out, struct err *err)
{
    return wire_new(address, false, NULL, trust, out, err);
}

const char *wire_refusal(const struct wire *wire)
{
    return wire->refusal;
}

static void try_again(struct wire *wire)
{
    if (wire->by_name)
        wire->ipv6 = !wire->ipv6;
    wire->opened_ms = clock_mono_ms();
    if (open_sockets(wire, NULL, NULL)) /* out of descriptors, say: later */
        wire->retry_at_ms = wire->opened_ms + RETRY_MAX_MS;
}

/* Closes the socket with everything queued in it; the next one starts empty. */
static void drop_connection(struct wire *wire)
{
    int64_t now = clock_mono_ms();
    if (wire->up && now - wire->up_ms > LASTED_MS)
        wire->retry_ms = RETRY_MIN_MS;
    wire->retry_at_ms = now + wire->retry_ms + (int64_t)(random_seed() % (uint64_t)wire->retry_ms);
    wire->retry_ms = wire->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : wire->retry_ms * 2;
    set_int(wire->socket, ZMQ_LINGER, 0);
    close_sockets(wire);
    wire->up = wire->told_up = wire->lost = false;
}

void wire_reconnect(struct wire *wire)
{
    if (!wire->server && wire->socket)
        wire->lost = true;
}

/* When wire_receive has to be called even if nothing arrives; -1: never. */
static int64_t next_deadline(const struct wire *wire)
{
    if (!wire->socket)
        return wire->retry_at_ms;
    if (wire->lost)
        return 0;
    return wire->up ? -1 : wire->opened_ms + ATTEMPT_MS;
}

/* One event of the monitor, 0 if there is none: the first frame has 16 bits that name it and 32 that go with it. */
static int monitor_event(struct wire *wire, int *value)
{
    unsigned char frame[6], rest[ADDRESS_MAX];
    if (zmq_recv(wire->monitor, frame, sizeof frame, ZMQ_DONTWAIT) < (int)sizeof frame)
        return 0;
    memcpy(value, frame + 2, sizeof *value);
    zmq_recv(wire->monitor, rest, sizeof rest, ZMQ_DONTWAIT); /* the address */
    uint16_t event;
    memcpy(&event, frame, sizeof event);
    return event;
}

static void note_refusal(struct wire *wire, int event)
{
    bool failed =
        event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL || event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        wire->refusal =
            "the master does not let this key in: it is not on its list, or was cut off a moment ago";
    else if (failed && wire->trust)
        wire->refusal = "the master there does not have the key that server.pub names, or has no keys at all";
    else if (failed)
        wire->refusal = "the master there wants keys, or it is no master";
}

/* Anything but a handshake is an end: refused, timed out, not ZeroMQ, cut, to be tried again (tomorrow). */
static void read_monitor(struct wire *wire)
{
    for (int event, value; (event = monitor_event(wire, &value)) != 0;) {
        if (event != ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            wire->lost = true;
            note_refusal(wire, event);
        } else {
            wire->refusal = NULL;
            wire->up = true;
            wire->up_ms = clock_mono_ms();
        }
    }
    if (!wire->up && clock_mono_ms() >= wire->opened_ms + ATTEMPT_MS)
        wire->lost = true;
}

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

/* An unreadable message is work for nothing, and one of many frames is memory for nothing. */
enum { BAD_UNITS = 100 };

static bool admit(struct wire *wire, zmq_msg_t *frames, int count, peer_id from, struct err *err)
{
    size_t bytes = 0;
    for (int i = 0; i < count && i < 3; i++)
        bytes += zmq_msg_size(&frames[i]);
    if (count != 3)
        bytes += (size_t)count << 14;
    zmq_msg_t *teller = &frames[count > 1 ? 1 : 0];
    return guard_admit(wire->guard, teller, from, bytes, clock_mono_ms(), err);
}

static void close_frames(zmq_msg_t *frames, int count, int most)
{
    for (int i = 0; i < count && i < most; i++)
        zmq_msg_close(&frames[i]);
}

static enum wire_event receive_message(struct wire *wire, peer_id *from, struct msg *msg, struct err *err)
{
    zmq_msg_t frames[3];
    int most = wire->server ? 3 : 2, skip = wire->server ? 1 : 0;
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
        try_again(wire);
    if (!wire->socket)
        return WIRE_NOTHING;
    read_monitor(wire);
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
    drop_connection(wire);
    return was_up ? WIRE_DOWN : WIRE_NOTHING;
}

/* Refused connections leave no other trace: the listening socket just stays readable. */
static enum wire_event server_complaint(struct wire *wire, peer_id *from, struct msg *msg, struct err *err)
{
    int64_t now = clock_mono_ms();
    bool failed = false;
    for (int event, value; (event = monitor_event(wire, &value)) != 0;) {
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
        int rc = to ? send_frame(wire->socket, id, sizeof id, true) : ERR_GONE;
        if (rc)
            return rc;
    } else if (!wire->told_up || wire->lost) {
        return ERR_GONE;
    }
    int rc = send_frame(wire->socket, head->text, head->len, true);
    return rc ? rc : send_frame(wire->socket, body->text, body->len, false);
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
    int64_t deadline = next_deadline(wire);
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
