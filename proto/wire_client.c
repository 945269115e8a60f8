/* A client's connection.
 *
 * One socket per connection. libzmq would reconnect by itself, but then it keeps the queue of the old
 * connection for the new one, or, with ZMQ_IMMEDIATE, throws away what arrived before the cut and aborts the
 * process if that happens between two frames of a message (4.3.4, fq.cpp). So it is told never to, and
 * wire_receive makes a fresh socket when it is time. */
#include <string.h>
#include <zmq.h>

#include "common/clock.h"
#include "common/hash.h"
#include "proto/wire_parts.h"

enum {
    RETRY_MAX_MS = 2000,
    LASTED_MS = 5000,   /* a connection that lived so long was a good one: begin at RETRY_MIN_MS again */
    ATTEMPT_MS = 15000, /* connection, handshake and name servers, should libzmq not say that it failed */
};

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

void wire_try_again(struct wire *wire)
{
    if (wire->by_name)
        wire->ipv6 = !wire->ipv6;
    wire->opened_ms = clock_mono_ms();
    if (wire_open(wire, NULL, NULL)) /* out of descriptors, say: later */
        wire->retry_at_ms = wire->opened_ms + RETRY_MAX_MS;
}

void wire_drop(struct wire *wire)
{
    int64_t now = clock_mono_ms();
    if (wire->up && now - wire->up_ms > LASTED_MS)
        wire->retry_ms = RETRY_MIN_MS;
    wire->retry_at_ms = now + wire->retry_ms + (int64_t)(random_seed() % (uint64_t)wire->retry_ms);
    wire->retry_ms = wire->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : wire->retry_ms * 2;
    wire_set_int(wire->socket, ZMQ_LINGER, 0);
    wire_close(wire);
    wire->up = wire->told_up = wire->lost = false;
}

void wire_reconnect(struct wire *wire)
{
    if (!wire->server && wire->socket)
        wire->lost = true;
}

int64_t wire_deadline(const struct wire *wire)
{
    if (!wire->socket)
        return wire->retry_at_ms;
    if (wire->lost)
        return 0;
    return wire->up ? -1 : wire->opened_ms + ATTEMPT_MS;
}

/* One event of the monitor, 0 if there is none: the first frame has 16 bits that name it and 32 that go with it. */
int wire_monitor_event(struct wire *wire, int *value)
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
void wire_read_monitor(struct wire *wire)
{
    for (int event, value; (event = wire_monitor_event(wire, &value)) != 0;) {
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
