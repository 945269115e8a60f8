/* The sockets under a wire: the process's context, options, opening and closing. */
#include <errno.h>
#include <malloc.h>
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
#include "common/mem.h"
#include "proto/wire_parts.h"

enum {
    /* Messages waiting per peer and direction: JOB and STOP for 1024 slots, an ACK for each of a long row of
     * reports. A peer that reads never has so many, one that does not read can hold no more of our memory. */
    QUEUE_MAX = 20000,
    UNREAD_MAX = 1000, /* of one peer at the master; what is more waits in TCP, on the peer's own host */
    BACKLOG = 4096,    /* handshakes at a time: a thousand workers come back at once after a restart */
    LINGER_MS = 2000,  /* for what was sent before wire_free; a last word that is lost costs a lease */
    NEVER_MS = 24 * 3600 * 1000,
    CONNECT_TIMEOUT_MS = 2000, /* a lost SYN is otherwise repeated by the kernel after 1, 3, 7, ... 63 s */
    HANDSHAKE_TIMEOUT_MS = 5000,
    /* Leases and BEAT decide who is alive. These only close what a cut left half-open: a dead peer keeps 29
     * kB at the master, and a client learns of a silent cut after 20 s at the latest. libzmq's I/O thread
     * answers them, so a busy process does not lose its connection. */
    HEARTBEAT_MS = 10000,

    CLIENT_EVENTS = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED |
                    ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                    ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
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

void wire_set_int(void *socket, int option, int value)
{
    int rc = zmq_setsockopt(socket, option, &value, sizeof value);
    PRE(rc == 0);
}

static void set_options(struct wire *wire)
{
    int64_t max_bytes = MSG_MAX_BYTES; /* a longer frame costs its sender the connection */
    int rc = zmq_setsockopt(wire->socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof max_bytes);
    PRE(rc == 0);
    wire_set_int(wire->socket, ZMQ_SNDHWM, QUEUE_MAX);
    wire_set_int(wire->socket, ZMQ_RCVHWM, wire->server ? UNREAD_MAX : QUEUE_MAX);
    wire_set_int(wire->socket, ZMQ_LINGER, LINGER_MS);
    wire_set_int(wire->socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_TIMEOUT_MS);
    wire_set_int(wire->socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
    wire_set_int(wire->socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_MS);
    wire_set_int(wire->socket, ZMQ_IPV6, wire->ipv6);
    if (wire->server) {
        wire_set_int(wire->socket, ZMQ_BACKLOG, BACKLOG);
        wire_set_int(wire->socket, ZMQ_ROUTER_MANDATORY,
                     1); /* sending to one who left is an error, not a silence */
        return;
    }
    wire_set_int(wire->socket, ZMQ_CONNECT_TIMEOUT, CONNECT_TIMEOUT_MS);
    wire_set_int(wire->socket, ZMQ_RECONNECT_IVL, NEVER_MS);
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
    wire_set_int(wire->monitor, ZMQ_LINGER, 0);
    wire_set_int(wire->monitor, ZMQ_RCVHWM, 0); /* libzmq's thread would stand still until we have read */
    return zmq_connect(wire->monitor, name);
}

void wire_close(struct wire *wire)
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

int wire_open(struct wire *wire, const char *key_folder, struct err *err)
{
    wire->socket = zmq_socket(context, wire->server ? ZMQ_ROUTER : ZMQ_DEALER);
    if (!wire->socket)
        return zmq_failed("cannot open a socket for", wire->address, err);
    set_options(wire);
    int rc = wire->server ? guard_open(context, key_folder, wire->socket, &wire->guard, err) : 0;
    if (rc) {
        wire_close(wire);
        return rc;
    }
    bool failed = open_monitor(wire) ||
                  (wire->server ? bind_privately(wire) : zmq_connect(wire->socket, wire->address));
    if (!failed)
        return 0;
    wire_close(wire);
    return zmq_failed(wire->server ? "cannot listen on" : "cannot connect to", wire->address, err);
}

int wire_new(const char *address, bool server, const char *key_folder, const struct key_trust *trust,
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
    rc = wire_open(wire, key_folder, err);
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
    wire_close(wire);
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

/* libzmq makes the queues of each connection of pieces of 16,400 bytes on boundaries of 64, and glibc before 2.39 seldom
 * gives such a piece out again (its bug 30723: what is cut off at both ends does not join it when it is freed). Each worker
 * that came and went left 30 KiB behind in a master that lives for months. Pieces of this size get pages of their own, and
 * those go back to the kernel. */
static void keep_queues_off_the_heap(void)
{
#ifdef __GLIBC__
    enum { LARGE_BYTES = 16384 };
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
#endif
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
    keep_queues_off_the_heap();
    rc = wire_new(address, true, key_folder, NULL, out, err);
    if (rc == 0)
        fill_in_port(*out);
    return rc;
}
