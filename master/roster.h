/* roster: the workers, who is alive, what each holds. A worker is known by the uuid of its process; its
 * connection (peer) may change. Any message of a worker renews all its leases: they are one deadline per worker.
 *
 * Ownership: the roster owns its workers; their held trials are borrowed from the studies.
 */
#ifndef HONE_MASTER_ROSTER_H
#define HONE_MASTER_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/hash.h"
#include "master/trial.h"

/* Where a worker stands with a study whose trainer is a command: checks.c */
enum smoke_state { SMOKE_WANTED, SMOKE_RUNNING, SMOKE_GOOD, SMOKE_BAD };
struct smoke {
    int64_t study;
    enum smoke_state state;
    char token[HASH_HEX];
};

struct worker {
    int64_t id; /* in the store */
    char uuid[HASH_HEX];
    char name[65], host[256];
    char key[41]; /* it came under; "": there are no keys */
    int slots;
    int64_t pid;
    char gpus_out[256]; /* GPUs of it that fail alone; "": none */
    peer_id peer;       /* 0: not connected */
    uint64_t credit;    /* jobs it is ready for on this connection, in all */
    uint64_t sent;      /* jobs sent on this connection */
    uint64_t ack_seq;   /* highest seq applied, to be acknowledged after the commit */
    bool ack_due;
    bool transit;               /* it sends and fetches checkpoints */
    bool looks;                 /* it answers LOOK */
    int64_t heard_mono_ms;      /* last sign of life */
    int64_t rest_until_mono_ms; /* no job before that: it refused one */
    int refusals;               /* and failures in quarantine, in a row */
    enum worker_mode mode;
    int failed_in_row;
    int64_t failing_since_mono_ms, did_well_mono_ms; /* 0: not yet */
    int64_t spoke_mono_ms;                           /* last time we said something */
    struct trial **held;
    size_t held_count, held_room;
    struct smoke *smokes;
    size_t smoke_count, smoke_room;
};

struct roster {
    struct worker **workers;
    size_t count, room;
    struct roster_slot {
        peer_id peer;
        struct worker *worker;
    } * by_peer; /* open addressing, a power of two */
    size_t table_size, table_used;
};

void roster_fini(struct roster *roster);
struct worker *roster_by_peer(const struct roster *roster, peer_id peer);
struct worker *roster_by_id(const struct roster *roster, int64_t id); /* of its row; NULL: gone */
struct worker *roster_by_uuid(const struct roster *roster, const char *uuid);
struct worker *roster_add(struct roster *roster, const char *uuid);
/* Binds a worker to a connection, forgetting its old one. */
void roster_connect(struct roster *roster, struct worker *worker, peer_id peer);
void roster_disconnect(struct roster *roster, struct worker *worker);
/* Forgets a worker that holds nothing. */
void roster_remove(struct roster *roster, struct worker *worker);

void worker_hold(struct worker *worker, struct trial *trial);
void worker_release(struct trial *trial);
bool worker_wants_job(const struct worker *worker, int64_t now_mono_ms);
/* It refused a job that it had asked for: it rests, longer each time, so that a trial cannot ping-pong. */
void worker_rest(struct worker *worker, int64_t now_mono_ms);

#endif
