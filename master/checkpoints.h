/* checkpoints: what the master does about checkpoint files, in turns: those that are let go are deleted, those that a
 * worker has where the master cannot see them are brought here, and workers that do not see the master's folder get
 * them from here. The disk itself is the porter's.
 *
 * Order is everything. Letting go: row doomed → commit → file deleted → row gone. Arriving: file whole, synced, renamed
 * → row kept → commit → DROP to the worker, which then deletes its own. So a crash anywhere leaves a file too many and
 * never one too few; the next start deletes it again, or goes on fetching where it was.
 *
 * Who receives asks (WANT, with a window), so bulk data never fills a queue in front of a report or a heartbeat, and
 * after a break the receiver simply asks from where it is. Bounds: one arrival per worker and ARRIVALS_MAX in all at a
 * time, WINDOW bytes asked for, READS_MAX pieces under way to workers.
 *
 * Refuses: paths of a peer's making (a file that arrives gets a name of ours), pieces nobody asked for, checkpoints for
 * attempts that do not show their token. Ownership: part of the reactor; the porter is borrowed.
 */
#ifndef HONE_MASTER_CHECKPOINTS_H
#define HONE_MASTER_CHECKPOINTS_H

#include "master/porter.h"
#include "master/roster.h"

struct reactor;

struct doom {
    int64_t trial;
    int attempt, epoch;
};

enum arrival_state { ARRIVAL_WAITS, ARRIVAL_BEGINS, ARRIVAL_MOVES, ARRIVAL_FINISHES };

struct arrival {
    int64_t trial_id, worker; /* in the store */
    char study[65], token[HASH_HEX], hash[HASH_HEX];
    uint32_t trial;
    int attempt, epoch;
    int64_t bytes;
    char *path; /* where it will be, relative to the root */
    enum arrival_state state;
    uint64_t tag; /* chores of an earlier try bear another */
    int64_t asked, received, written;
    int64_t moved_mono_ms;
    int64_t alone_mono_ms; /* since when its worker is away; 0: it is here */
    int stalls;
    bool again; /* it arrived damaged once */
};

/* A piece being read for a worker. */
struct reading {
    uint64_t tag;
    peer_id to;
    struct msg_chunk head;
};

struct checkpoints {
    struct porter *porter; /* NULL: nothing is deleted or fetched (offline calls) */
    struct doom *dooms;    /* being deleted */
    size_t doom_count, doom_room, dooms_back;
    uint64_t doom_tag;
    int64_t next_doom_mono_ms;
    struct arrival *arrivals;
    size_t next_worker; /* whose turn it is to send one */
    size_t arrival_count, arrival_room;
    struct reading *readings;
    size_t reading_count, reading_room;
    uint64_t tag;
};

/* Offered rows of the store are asked for again. */
int checkpoints_load(struct checkpoints *c, struct turn *turn, struct err *err);
void checkpoints_fini(struct checkpoints *c);

/* A report's checkpoint: its row, and a place in the queue if it has to be brought here. */
void checkpoints_reported(struct reactor *r, struct turn *turn, struct worker *w, struct trial *t, int epoch,
                          const struct json *checkpoint);
void checkpoints_on_hello(struct reactor *r, struct turn *turn, struct worker *w,
                          const struct msg_hello *hello);
void checkpoints_on_want(struct reactor *r, struct turn *turn, struct worker *w, const struct msg_want *want);
void checkpoints_on_chunk(struct reactor *r, struct turn *turn, struct worker *w,
                          const struct msg_chunk *chunk);
/* What the porter has done; arrivals that can go on. Returns when to call again at the latest. */
int64_t checkpoints_tick(struct reactor *r, struct turn *turn);
/* After the commit, before what the turn said goes out. */
void checkpoints_committed(struct reactor *r, struct turn *turn);
/* At the end: deletes what is doomed and waits for it. True: rows have changed, commit and call again. */
bool checkpoints_settle(struct reactor *r, struct turn *turn);
/* Something is arriving, or could. */
bool checkpoints_busy(const struct reactor *r);

#endif
