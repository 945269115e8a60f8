/* looks: logs that are not in the master's folder, asked for of the workers who have them (LOOK, SEEN; PROTOCOL.md 6.12).
 *
 * A few at a time: a CALL beyond that, or one whose worker says nothing for LOOK_MS, is answered as if there was no log. What
 * comes without having been asked for, from another worker, or longer than was asked for, is dropped.
 *
 * Ownership: the reactor's storage; nothing to free. */
#ifndef HONE_MASTER_LOOKS_H
#define HONE_MASTER_LOOKS_H

#include "master/logs.h"

enum { LOOKS_MAX = 64, LOOK_MS = 5000 };

struct looks {
    struct look {
        uint64_t id, call;
        peer_id client, worker;
        int64_t bytes, due_mono_ms;
    } open[LOOKS_MAX];
    size_t count;
    uint64_t last_id;
};

struct reactor;
struct turn;
struct worker;

/* False: there is nobody to ask. */
bool looks_ask(struct reactor *r, struct turn *turn, peer_id client, uint64_t call,
               const struct log_asked *asked);
void looks_on_seen(struct reactor *r, struct turn *turn, peer_id from, const struct msg_seen *seen);
/* Ends what has waited for too long; when to call again. */
int64_t looks_tick(struct reactor *r, struct turn *turn);

#endif
