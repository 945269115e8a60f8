/* wire_ends: both ends of a wire in one test, and a raw socket that says what it likes. No sleeps: everything waits for
 * an event of the wire, at most PATIENCE_MS. Include it after cmocka.h. */
#ifndef HONE_TESTS_UNIT_WIRE_ENDS_H
#define HONE_TESTS_UNIT_WIRE_ENDS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "common/clock.h"
#include "common/file.h"
#include "proto/wire.h"

enum { PATIENCE_MS = 120000 };

/* ---- helpers ---- */

static inline struct wire *listen_on(const char *address)
{
    struct wire *wire;
    struct err err = ERR_NONE;
    if (wire_listen(address, &wire, &err))
        fail_msg("%s", err.text);
    return wire;
}

static inline struct wire *connect_to(const char *address)
{
    struct wire *wire;
    struct err err = ERR_NONE;
    if (wire_connect(address, &wire, &err))
        fail_msg("%s", err.text);
    return wire;
}

static inline enum wire_event next_event(struct wire *wire, peer_id *from, struct msg *msg, struct err *err)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    while (clock_mono_ms() < end) {
        enum wire_event event = wire_receive(wire, from, msg, err);
        if (event != WIRE_NOTHING)
            return event;
        wire_wait(wire, NULL, 0, end - clock_mono_ms());
    }
    return WIRE_NOTHING;
}

static inline void expect_event(struct wire *wire, enum wire_event expected)
{
    peer_id from;
    struct msg msg;
    struct err err = ERR_NONE;
    assert_int_equal(next_event(wire, &from, &msg, &err), expected);
}

static inline peer_id expect_ack(struct wire *wire, uint64_t seq)
{
    peer_id from;
    struct msg msg;
    struct err err = ERR_NONE;
    enum wire_event event = next_event(wire, &from, &msg, &err);
    if (event != WIRE_MESSAGE)
        fail_msg("event %d instead of a message: %s", event, err.text);
    assert_int_equal(msg.kind, MSG_ack);
    assert_int_equal(msg.ack.seq, seq);
    msg_fini(&msg);
    return from;
}

static inline int send_ack(struct wire *wire, peer_id to, uint64_t seq)
{
    struct msg msg = {.kind = MSG_ack, .ack.seq = seq};
    return wire_send(wire, to, &msg);
}

/* A peer that libzmq alone knows, for what our own side never sends. */
struct raw {
    void *context, *socket;
};

static inline struct raw raw_connect(const char *address, const void *routing_id, size_t id_len)
{
    struct raw raw = {zmq_ctx_new(), NULL};
    raw.socket = zmq_socket(raw.context, ZMQ_DEALER);
    int linger = 1000;
    zmq_setsockopt(raw.socket, ZMQ_LINGER, &linger, sizeof linger);
    if (id_len)
        zmq_setsockopt(raw.socket, ZMQ_ROUTING_ID, routing_id, id_len);
    assert_int_equal(zmq_connect(raw.socket, address), 0);
    return raw;
}

static inline void raw_send(struct raw *raw, int count, ...)
{
    va_list frames;
    va_start(frames, count);
    for (int i = 0; i < count; i++) {
        const char *text = va_arg(frames, const char *);
        assert_true(zmq_send(raw->socket, text, strlen(text), i + 1 < count ? ZMQ_SNDMORE : 0) >= 0);
    }
    va_end(frames);
}

static inline void raw_close(struct raw *raw)
{
    zmq_close(raw->socket);
    zmq_ctx_term(raw->context);
}

static inline void temp_address(char out[64], const char *name)
{
    char folder[] = "/tmp/wireXXXXXX";
    assert_non_null(mkdtemp(folder));
    snprintf(out, 64, "ipc://%s/%s", folder, name);
}

static inline void temp_remove(const char *address)
{
    char *folder = path_dir(address + strlen("ipc://"));
    unlink(address + strlen("ipc://"));
    rmdir(folder);
    free(folder);
}

static inline void talk(const char *address)
{
    struct wire *server = listen_on(address);
    struct wire *client = connect_to(wire_address(server));
    expect_event(client, WIRE_UP);
    assert_int_equal(send_ack(client, 0, 1), 0);
    peer_id peer = expect_ack(server, 1);
    assert_int_not_equal(peer, 0);
    assert_int_equal(send_ack(server, peer, 2), 0);
    expect_ack(client, 2);
    wire_free(client);
    wire_free(server);
}

#endif
