/* peers: what a listening wire remembers of each connection: since when, whose, and how much it may still send.
 *
 * A connection is known by its descriptor: that is what libzmq tells with every message and when one comes or
 * goes, and what can be shut. The record is a cache; one that is missing or stale costs a peer at most its
 * connection, and it makes another.
 *
 * Each peer has a budget: PEER_BURST units at first, PEER_RATE more every second. A message costs one, plus one
 * for each 16 KiB; what makes work for the store or is of no use costs more (the caller says). Who has spent it is
 * cut off. Before that the wire reads all peers in turn, so one that floods waits for itself.
 *
 * And two bounds on memory. Of what it sends, PEER_UNREAD_MAX bytes may wait here, be it messages that were not read
 * yet or the frames of one that does not end. Of large messages that were sent to it, PEER_OWED_MAX bytes may wait
 * until it reads; small ones are bounded by their number (wire.c). Both are told from the kernel's counts of the connection.
 *
 * Pure: the time and the counts are arguments. Ownership: peers_fini frees.
 */
#ifndef HONE_PROTO_PEERS_H
#define HONE_PROTO_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/keys.h"
#include "proto/message.h"

enum {
    PEER_RATE = 50000,      /* units a second: 50,000 small messages or 780 MiB of checkpoints */
    PEER_BURST = 500000,    /* what a worker that was away for hours may send again at once */
    PEER_SILENT_MS = 30000, /* connected, and nothing said: gone */
    PEER_PENALTY_MS = 5000, /* who was cut off for flooding is not let in again for so long */
    PEER_FRAME_BYTES = 64, /* at most what a frame costs beyond its bytes: its head, CURVE's nonce and seal */
    PEER_UNREAD_MAX = 64 << 20,      /* a worker sends 16 checkpoints at once at most, 1 MiB of each ahead */
    PEER_UNREAD_OPEN_MAX = 16 << 20, /* without keys two bytes make a frame, and a frame takes 64 here */
    PEER_OWED_MAX = 256 << 20,       /* a worker asks for as many checkpoints as slots, 1 MiB of each ahead */
    PEER_LARGE = 4096,               /* bytes from which on a message to a peer is counted */
};

struct peer {
    bool there;
    peer_id id; /* 0: has said nothing yet */
    int64_t since_ms;
    int64_t filled_ms; /* when `left` was right */
    int64_t left;
    int64_t taken; /* bytes of it that the wire has read, as they came over the network; -1: from now on */
    int64_t owed;  /* bytes of large messages for it that it has not taken */
    int64_t acked; /* what it had taken when `owed` was right */
    struct key_owner owner;
};

struct peers {
    struct peer *by_fd;
    size_t room, count;
    size_t most; /* connections; more are shut as they come */
};

void peers_init(struct peers *peers, size_t most);
void peers_fini(struct peers *peers);

/* False: one too many. */
bool peers_came(struct peers *peers, int fd, int64_t now_ms);
void peers_went(struct peers *peers, int fd);
/* NULL: a descriptor that cannot be. Makes the record if it is missing. */
struct peer *peers_heard(struct peers *peers, int fd, peer_id id, int64_t now_ms);
/* False once the budget is spent. */
bool peer_spend(struct peer *peer, int64_t units, int64_t now_ms);
/* A message of so many bytes and frames was read. */
void peer_took(struct peer *peer, int64_t bytes, int frames);
/* `received` bytes have come: how many of them wait. */
int64_t peer_unread(struct peer *peer, int64_t received);
/* A large message was sent. True: so much is owed that its connection should be looked at. */
bool peer_owes(struct peer *peer, int64_t bytes);
/* It has taken `acked` bytes, of whatever was sent. False: too much is left. */
bool peer_paid(struct peer *peer, int64_t acked);
/* A connection that has been silent since it came, for too long; -1: none. */
int peers_silent(const struct peers *peers, int64_t now_ms);

#endif
