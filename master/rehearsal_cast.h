/* rehearsal_cast: who plays in a rehearsal and what they do to each other; for the files of the rehearsal alone.
 */
#ifndef HONE_MASTER_REHEARSAL_CAST_H
#define HONE_MASTER_REHEARSAL_CAST_H

#include "common/rng.h"
#include "master/outage.h"
#include "master/rehearsal.h"

/* An attempt on a simulated worker. */
struct running {
    char study[65], token[HASH_HEX];
    uint32_t trial;
    int attempt, epoch, until, epochs;
    uint64_t seed;
    struct json *params;
    int64_t next_epoch_ms;
    bool stop_after;           /* STOP epoch */
    bool is_done;              /* its DONE waits for the acknowledgement */
    int64_t to_fetch, fetched; /* bytes of what it resumes from */
    uint32_t saved_by;         /* the trial that saved it: itself, or its parent */
};

/* A message on its way; connections are ordered, so `due_ms` never falls below that of the one before. */
struct flight {
    int64_t due_ms;
    uint64_t order;
    bool to_master;
    peer_id peer;
    struct str head, body;
};

/* A REPORT or DONE kept until acknowledged. */
struct kept {
    uint64_t seq;
    struct msg msg;
    bool
        counts; /* a REPORT: when the master heard it last there was no later attempt, so it may not be dropped */
};

struct actor { /* a simulated worker process */
    char uuid[HASH_HEX];
    int slots;
    peer_id peer; /* 0: not connected */
    bool welcomed, broken;
    bool dismissed;    /* told that it may leave; it stays, for others to look at */
    int64_t back_ms;   /* cut or dead until then */
    int64_t asleep_ms; /* stopped until then: what comes waits */
    int64_t heard_ms, spoke_ms;
    uint64_t seq, taken; /* reports made; credit granted on this connection */
    struct running *running;
    size_t running_count, running_room;
    struct kept *kept;
    size_t kept_count, kept_room;
    struct running *offers; /* checkpoints it saved: who and which epoch */
    size_t offer_count, offer_room;
};

/* What a worker was told is safe. */
struct line {
    uint32_t trial;
    int attempt, epoch;
    char study[65];
    double value;
};

struct rehearsal {
    struct rehearsal_options options;
    struct rng rng;
    int64_t now_ms, wall_offset_ms;
    struct store *store;
    struct reactor reactor;
    struct outage outage;
    bool master_up;
    int64_t master_back_ms, master_next_ms, master_asleep_ms, disk_back_ms;
    struct outbox outbox;
    struct actor *actors;
    size_t actor_count, actor_room;
    struct flight *flights;
    size_t flight_count, flight_room;
    uint64_t order;
    peer_id next_peer;
    struct line *journal;
    size_t journal_count, journal_room;
    struct err lost;   /* what a master that came back did not have; code 0: nothing */
    struct msg answer; /* of the call under way */
    bool answered;
    int64_t epochs_run, checks_run, fetched;
    struct porter *porter; /* NULL: no files */
};

/* Does what happens with probability p happen now? */
bool rehearsal_chance(struct rehearsal *r, double p);

/* ---- wire ---- */

/* Sends: it lands a millisecond later, or later still if the options say so, after all that was sent before it. */
void rehearsal_fly(struct rehearsal *r, bool to_master, peer_id peer, const struct msg *msg);
void rehearsal_land(struct flight *flight); /* frees what it carries */
/* What is in the air between master and this peer is lost. */
void rehearsal_disconnect(struct rehearsal *r, peer_id peer);
struct actor *rehearsal_actor(struct rehearsal *r, peer_id peer); /* NULL: gone */
void actor_say(struct rehearsal *r, struct actor *actor, const struct msg *msg);
struct running *actor_running(struct actor *actor, const char *token); /* NULL: gone */

/* ---- worker ---- */

/* The master takes its REPORT of this number now. */
void actor_was_heard(struct actor *actor, uint64_t seq, bool counts);
void actor_receive(struct rehearsal *r, struct actor *actor, struct msg *msg);
/* Epochs that are due, signs of life, reconnection. */
void actor_turn(struct rehearsal *r, struct actor *actor);
int64_t actor_next_ms(const struct rehearsal *r, const struct actor *actor);
void actor_forget(struct actor *actor, size_t i); /* its i-th running attempt */

/* ---- checkpoints that travel ---- */

/* It has saved one, and can be asked for it. Bytes and hash. */
int64_t actor_offer(struct actor *actor, const struct running *run, char hash[HASH_HEX]);
/* It asks for what it still lacks of the one it resumes from, a stretch at a time. */
void actor_want(struct rehearsal *r, struct actor *actor, const struct running *run);
void actor_on_want(struct rehearsal *r, struct actor *actor, const struct msg_want *want);
void actor_on_chunk(struct rehearsal *r, struct actor *actor, const struct msg_chunk *chunk);
void actor_on_drop(struct actor *actor, const struct msg_drop *drop);

/* ---- faults ---- */

void rehearsal_cut(struct rehearsal *r, struct actor *actor, int64_t for_ms);
void rehearsal_kill(struct rehearsal *r, struct actor *actor);
/* What the options' chances bring in so much time. */
void rehearsal_faults(struct rehearsal *r, int64_t passed_ms);

/* ---- the promises ---- */

/* A master is back: is what was acknowledged there, or has a later attempt begun that brings it again? r->lost says it if
 * not. */
void rehearsal_look(struct rehearsal *r);
/* All of them, at any time that a master is up. */
int rehearsal_promises(struct rehearsal *r, struct err *err);

#endif
