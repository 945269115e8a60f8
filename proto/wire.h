/* wire: messages over ZeroMQ, ROUTER at the master, DEALER at workers and clients. Nobody else sees zmq.h, but for
 * guard and keys, which are the wire's.
 *
 * Nothing here blocks but wire_wait. What was sent before a link was cut is lost: only acknowledgements of the
 * protocol count, so a client that loses its connection gets a new socket with an empty queue and hears so
 * (WIRE_DOWN, then WIRE_UP when the next handshake is through). Routing ids are the ones ROUTER hands out, fresh
 * for every connection; a peer that brings its own is not served, so none can claim another's.
 *
 * With keys (keys.h) every connection is CURVE: encrypted, the master pinned, the peer known by its key. Without,
 * it is in the open, for ipc and loopback; a socket speaks one or the other. wire_sender says who sent a message.
 *
 * Refuses: frames over MSG_MAX_BYTES (libzmq drops the connection), more than two frames, unknown versions.
 * Ownership: wire_free closes; addresses returned are borrowed.
 */
#ifndef HONE_PROTO_WIRE_H
#define HONE_PROTO_WIRE_H

#include <poll.h>

#include "proto/keys.h"
#include "proto/message.h"

struct wire;

enum wire_event {
    WIRE_NOTHING, /* drained */
    WIRE_MESSAGE, /* *msg is filled; the caller calls msg_fini */
    WIRE_BAD,     /* *from sent something that cannot be read; err says what, *msg is the ERROR to answer with
                   * (from 0: nobody to answer, err is for the log) */
    WIRE_UP,      /* client only: connected */
    WIRE_CUT,     /* master only: *from's key was revoked, its connection is ended */
    WIRE_DOWN,    /* client only: the connection is gone, reconnecting (0.1 s to 2 s with jitter) */
};

// address: "tcp://127.0.0.1:*", "tcp://*:7077", "ipc:///path"; "*" is any port, or every interface
int wire_listen(const char *address, struct wire **out, struct err *err);
int wire_connect(const char *address, struct wire **out, struct err *err);
/* The same with keys: those of the folder, whose list is read again when it changes; `trust` is borrowed as long as
 * the wire lives, for every new connection needs it. NULL: without. */
int wire_listen_keyed(const char *address, const char *key_folder, struct wire **out, struct err *err);
int wire_connect_keyed(const char *address, const struct key_trust *trust, struct wire **out,
                       struct err *err);
void wire_free(struct wire *wire); /* gives what was sent up to 500 ms to leave; NULL is fine */

/* Client: the master has been silent for too long; give this connection up and make a new one. WIRE_DOWN follows. */
void wire_reconnect(struct wire *wire);

/* Where it listens, with the port the system chose ("tcp://" and a star keep the star: the host's name is the
 * caller's to add); a client's is what it was given. */
const char *wire_address(const struct wire *wire);

enum wire_event wire_receive(struct wire *wire, peer_id *from, struct msg *msg, struct err *err);

/* Master: who sent the newest message, from the handshake and not from what it says. */
const struct key_owner *wire_sender(const struct wire *wire);
/* Master: the sender of the newest message has made more work than its bytes show (peers.h). */
void wire_charge(struct wire *wire, int64_t units);
/* Client: why the last handshake failed, a sentence for people; NULL if none did. */
const char *wire_refusal(const struct wire *wire);

/* 0, or ERR_GONE if the peer is no longer there, ERR_BUSY if its queue is full (it has stopped reading), ERR_BAD if
 * the message is over MSG_MAX_BYTES. `to` is ignored by clients; theirs is there between WIRE_UP and WIRE_DOWN. */
int wire_send(struct wire *wire, peer_id to, const struct msg *msg);
/* Sends and clears; undeliverable ones are dropped. Returns how many were. */
int wire_flush(struct wire *wire, struct outbox *outbox);

/* Waits for the wire (NULL is fine) or the descriptors, at most timeout_ms (-1: for ever). Returns how many are
 * ready; 0: time is up, a signal came, or the wire itself has something to do. Call wire_receive until
 * WIRE_NOTHING after every wait: reconnecting is done there. */
int wire_wait(struct wire *wire, struct pollfd *fds, int fd_count, int64_t timeout_ms);

#endif
