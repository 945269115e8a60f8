#include "proto/peers.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { FD_MOST = 1 << 20 };

void peers_init(struct peers *peers, size_t most)
{
    *peers = (struct peers){.most = most};
}

void peers_fini(struct peers *peers)
{
    free(peers->by_fd);
    *peers = (struct peers){0};
}

static struct peer *at(struct peers *peers, int fd)
{
    if (fd < 0 || fd >= FD_MOST)
        return NULL;
    size_t before = peers->room;
    if ((size_t)fd >= before) {
        GROW(peers->by_fd, peers->room, (size_t)fd + 1);
        memset(peers->by_fd + before, 0, (peers->room - before) * sizeof *peers->by_fd);
    }
    return &peers->by_fd[fd];
}

static void begin(struct peers *peers, struct peer *peer, int64_t now_ms)
{
    peers->count += !peer->there;
    *peer = (struct peer){
        .there = true, .since_ms = now_ms, .filled_ms = now_ms, .left = PEER_BURST, .taken = -1};
}

bool peers_came(struct peers *peers, int fd, int64_t now_ms)
{
    struct peer *peer = at(peers, fd);
    if (!peer)
        return false;
    if (!peer->there || !peer->id) { /* else its first message overtook the news of its coming */
        begin(peers, peer, now_ms);
        peer->taken = 0; /* all that it has sent waits, also where the first look comes late */
    }
    return peers->count <= peers->most;
}

void peers_went(struct peers *peers, int fd)
{
    if (fd < 0 || (size_t)fd >= peers->room || !peers->by_fd[fd].there)
        return;
    peers->by_fd[fd] = (struct peer){0};
    peers->count--;
}

struct peer *peers_heard(struct peers *peers, int fd, peer_id id, int64_t now_ms)
{
    struct peer *peer = at(peers, fd);
    if (!peer)
        return NULL;
    if (!peer->there || (peer->id && peer->id != id)) /* the descriptor is another connection's now */
        begin(peers, peer, now_ms);
    peer->id = id;
    return peer;
}

bool peer_spend(struct peer *peer, int64_t units, int64_t now_ms)
{
    int64_t gained = (now_ms - peer->filled_ms) * (PEER_RATE / 1000);
    peer->left += gained > 0 ? gained : 0;
    if (peer->left > PEER_BURST)
        peer->left = PEER_BURST;
    peer->filled_ms = now_ms;
    peer->left -= units;
    return peer->left >= 0;
}

void peer_took(struct peer *peer, int64_t bytes, int frames)
{
    if (peer->taken >= 0)
        peer->taken += bytes + (int64_t)frames * PEER_FRAME_BYTES;
}

/* Frames cost less than we add for each, so what was taken may run ahead of what came: it is set right here. */
int64_t peer_unread(struct peer *peer, int64_t received)
{
    if (peer->taken < 0 || peer->taken > received)
        peer->taken = received;
    return received - peer->taken;
}

bool peer_owes(struct peer *peer, int64_t bytes)
{
    peer->owed += bytes;
    return peer->owed > PEER_OWED_MAX;
}

/* What it has taken since may have been small messages too; they left in their order, so those before them did as well. */
bool peer_paid(struct peer *peer, int64_t acked)
{
    int64_t paid = acked - peer->acked;
    peer->owed -= paid < peer->owed ? paid : peer->owed;
    peer->acked = acked;
    return peer->owed <= PEER_OWED_MAX;
}

int peers_silent(const struct peers *peers, int64_t now_ms)
{
    for (size_t fd = 0; fd < peers->room; fd++) {
        const struct peer *peer = &peers->by_fd[fd];
        if (peer->there && !peer->id && now_ms - peer->since_ms >= PEER_SILENT_MS)
            return (int)fd;
    }
    return -1;
}
