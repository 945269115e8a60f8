/* reactor: what the master does about each thing that happens. It knows no socket and no clock: messages come in
 * with the peer they came from, what it wants to say goes into the outbox of the turn, time is in the turn. So
 * every failure can be played in a test (master/rehearsal.h).
 *
 * Every report and result is answered with an ACK after the commit, also one that is late, fenced or known: a
 * worker may drop what is acknowledged. Nothing a peer sends is an error here that stops anything.
 *
 * Ownership: the reactor owns studies and roster and borrows the store of the turn it was opened with.
 */
#ifndef HONE_MASTER_REACTOR_H
#define HONE_MASTER_REACTOR_H

#include "master/checkpoints.h"
#include "master/looks.h"
#include "master/rate.h"
#include "master/roster.h"
#include "master/studies.h"

struct reactor_config {
    int64_t beat_ms;  /* both sides say something at least this often */
    int64_t lease_ms; /* silence for so long loses the attempts */
    bool once;        /* workers are sent home when every study has ended */
};

struct reactor {
    struct reactor_config config;
    struct studies studies;
    struct roster roster;
    struct checkpoints checkpoints;
    struct looks looks;
    struct rate rate;
    bool interrupted;       /* ^C: nothing new starts */
    const char *trouble;    /* borrowed: what hinders every study now (outage.h); NULL: nothing */
    int64_t ticked_mono_ms; /* last tick, to notice that we slept */
    bool may_have_orphans;  /* open attempts whose worker has not come back since we started */
    int64_t fenced_count;   /* late messages of fenced attempts, counted and dropped */
    int64_t next_beat_mono_ms;
};

/* Rebuilds everything from the store: open attempts get a fresh full lease. */
int reactor_open(struct reactor *reactor, const struct reactor_config *config, struct turn *turn,
                 struct err *err);
void reactor_close(struct reactor *reactor);
/* Lets checkpoint files be touched; borrowed, must outlive the reactor. */
void reactor_use_porter(struct reactor *reactor, struct porter *porter);

/* One message; it stays the caller's (handlers may take JSON out of it). */
void reactor_on_message(struct reactor *reactor, struct turn *turn, peer_id from, struct msg *msg);

/* A peer we know nothing of: it says HELLO, and again whatever was not acknowledged. */
void reactor_ask_hello(struct turn *turn, peer_id peer);

/* Leases, budgets, dispatch, beats, acknowledgements. Returns the monotonic time at which to call again. */
int64_t reactor_tick(struct reactor *reactor, struct turn *turn);

/* After the commit of the turn, before what it said goes out. */
void reactor_committed(struct reactor *reactor, struct turn *turn);

/* By name; NULL or "": the newest. NULL if there is none. */
struct study *reactor_study(const struct reactor *reactor, const char *name);

void reactor_interrupt(struct reactor *reactor, struct turn *turn);
/* Every study has ended (or it was interrupted) and no attempt is open. */
bool reactor_is_quiet(const struct reactor *reactor);
#endif
