/* session_parts: what the files of a session (session, session_master, session_slots, session_settle, session_say) need of
 * each other and show to nobody else; each only of those to its right.
 */
#ifndef HONE_WORKER_SESSION_PARTS_H
#define HONE_WORKER_SESSION_PARTS_H

#include "worker/session.h"

enum {
    SESSION_MASTER = 0,    /* the wire of a client has one peer */
    FLUSH_MS = 5000,       /* a worker that leaves waits so long for its last acknowledgement */
    PREFETCH_PER_SLOT = 2, /* jobs beyond the slots, at most */
};

/* ---- say ---- */

void session_say(struct session *session, const struct msg *msg, struct now now);
void session_say_hello(struct session *session, struct now now);
/* The last word about an attempt; its record stays until the master has committed it. */
void session_say_done(struct session *session, struct held *held, uint64_t epoch, const char *outcome,
                      const char *cause, const char *detail);
/* Attempts that have not ended, and checks. */
size_t session_active(const struct session *session);
void session_stop_slot(struct session *session, const struct held *held,
                       const char *how); /* PRE: it is in one */

/* ---- settle ---- */

/* After every event: free slots are filled, reports and credit said; who has nothing left to wait for leaves. */
void session_settle(struct session *session, struct now now);

/* ---- slots ---- */

/* Nobody waits for them any more. */
void session_abandon_checkups(struct session *session);

/* ---- master ---- */

/* Asks for what an attempt fetches and has not heard of for so long; 0: of everything, over a new connection. */
void session_ask_again(struct session *session, int64_t silent_ms, struct now now);

#endif
