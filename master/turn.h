/* turn: what one turn of the loop has at hand. Handlers take it instead of asking for the time, the database or
 * a socket, so that the rehearsal can hand them a made-up clock and read what they wanted to say. */
#ifndef HONE_MASTER_TURN_H
#define HONE_MASTER_TURN_H

#include "common/clock.h"
#include "proto/message.h"
#include "sql/store.h"

struct turn {
    struct store *store;   /* one open transaction, committed at the end of the turn */
    struct outbox *outbox; /* sent after the commit */
    struct now now;
};

#endif
