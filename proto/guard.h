/* guard: who may come in at a listening wire, and how long he may stay.
 *
 * With a key folder the socket speaks CURVE and nothing else, and every handshake is asked about here (ZAP, a
 * socket inside the process that the wire's own loop reads: no thread, no lock). Keys on the list are let in; who
 * they are is written on each of their messages by libzmq, not by them. The list is looked at with every
 * handshake and four times a second; who is no longer on it is cut off, not merely let in no more.
 *
 * Without keys everybody is let in as "local": such a wire listens on ipc or loopback, or its user said
 * --insecure. Both kinds count connections, drop the silent ones, and hold everyone to a budget (peers.h).
 *
 * A connection is ended by shutting its descriptor, for ROUTER has no other way to end one of many; libzmq's
 * thread then finds it closed. Ownership: guard_close frees; the wire owns the sockets it guards.
 */
#ifndef HONE_PROTO_GUARD_H
#define HONE_PROTO_GUARD_H

#include <zmq.h>

#include "proto/peers.h"

struct guard;

enum { WIRE_FRAMES = 3 }; /* of a whole message at the master: routing id, head, body */

/* key_folder NULL: no keys. Before the socket it guards is bound. One per process may have keys. */
int guard_open(void *context, const char *key_folder, void *socket, struct guard **out, struct err *err);
void guard_close(struct guard *guard);         /* NULL is fine */
void *guard_socket(const struct guard *guard); /* to be polled; NULL: there are no keys */

/* What the monitor of the guarded socket tells. */
int guard_monitored(void);
void guard_on_event(struct guard *guard, int event, int value, int64_t now_ms);
/* Handshakes, the list, silent connections: call it whenever there is nothing to read, and now and then. */
void guard_tick(struct guard *guard, int64_t now_ms);

struct arrival {
    zmq_msg_t *frame; /* one that libzmq wrote the sender on */
    peer_id from;
    int frames;   /* with the routing id */
    size_t bytes; /* of the first WIRE_FRAMES of them */
};

/* A message came. False: its key is no longer on the list, or its connection was ended before; it does not count.
 * One that is over its budget still counts, and is the last. */
bool guard_admit(struct guard *guard, const struct arrival *arrival, int64_t now_ms, struct err *err);
/* Of the newest message that was admitted. */
const struct key_owner *guard_sender(const struct guard *guard);
/* The sender of the newest message has cost more than its bytes. */
void guard_charge(struct guard *guard, int64_t units, int64_t now_ms);
/* So many bytes were queued for it. */
void guard_sent(struct guard *guard, peer_id id, size_t bytes, int64_t now_ms);
/* Its connection was ended a moment ago: libzmq finds out when its thread has a turn, and queues for it until then. */
bool guard_has_cut(const struct guard *guard, peer_id id);
/* It does not read what it is sent. */
void guard_drop(struct guard *guard, peer_id id, int64_t now_ms);
/* The next one that was ended because its key was revoked, each once; 0: none. */
peer_id guard_next_revoked(struct guard *guard);

/* For the other side: shows `own`, and talks to `server` alone. */
void trust_use(void *socket, const struct key_trust *trust);

#endif
