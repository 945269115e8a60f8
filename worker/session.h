/* session: what a worker decides: whom it greets, what it takes, what it sends again, when it leaves.
 *
 * Pure: events go in with the time, messages come out in `outbox` and lines for the slots in `slots[i].out`;
 * the sockets, pipes, processes and the clock are loop.c's. So every reconnect, every reattachment and every
 * signal can be tested in a row of calls.
 *
 * A worker outlives its master: while there is none, trainers go on and reports wait (report.h). After a
 * reconnect it presents what it holds and sends again what was not acknowledged. Another store than before
 * means that nobody will ever ask for what it holds: that is stopped and forgotten.
 *
 * Credit = free slots + prefetch. Prefetch is 0 and grows by one, up to two per slot, with each attempt that
 * ends well in less than 20 ms: then the way to the master and back would cost more than the training. Any
 * longer or failed attempt ends it.
 *
 * A CHECK lives and dies with its connection: unlike an attempt it can be had again anywhere, for little.
 *
 * Refuses: jobs beyond credit and prefetch, or while it leaves (DONE refused). Messages of a master that make
 * no sense are logged and skipped. Ownership: the session owns all it holds; session_fini frees.
 */
#ifndef HONE_WORKER_SESSION_H
#define HONE_WORKER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "proto/keys.h"
#include "proto/message.h"
#include "worker/bench.h"
#include "worker/checkup.h"
#include "worker/gpu.h"
#include "worker/held.h"
#include "worker/report.h"
#include "worker/transit.h"

struct worker_options {
    const char *address; /* of the master */
    const char
        *name; /* what people call it; NULL or "": node and job of Slurm, else host name and process id */
    int slots; /* trainers at a time, 1 to 1024 */
    int64_t idle_ms;  /* leave after so long without work; 0: never */
    const char *dir;  /* relative paths of studies, and logs and checkpoints of a master whose folder is not
                         seen from here; NULL: as on the master, and ./hone-worker.d */
    bool apart;       /* files stay out of the master's folder even if it is seen */
    int64_t grace_ms; /* from a stop to SIGKILL; 0: 10 s */
    bool own_base; /* relative paths of studies resolve in our own folder, not in one that the master names */
    const char *may;               /* what may be run, JSON of permit.h; NULL: everything; borrowed */
    const struct key_trust *trust; /* NULL: without keys; borrowed */
    const char *journal;           /* file that gets every report once it is acknowledged; NULL: none */
    const struct gpu_plan *gpus;   /* of the slots; NULL: nothing is handed out; borrowed */
    const char *program;           /* our own executable; NULL: /proc/self/exe */
};

/* Runs a worker until it leaves; the exit status of the process: 0, 3 (err says why), 130 or 143. */
int worker_run(const struct worker_options *options, struct err *err);

/* ---- the pure part ---- */

struct session_slot {
    struct held *held; /* NULL: free, unless … */
    struct checkup *checkup;
    struct str out; /* lines it should get */
    int seat;       /* of its GPUs; slots that share them have the same one */
};

struct session {
    struct worker_options options;
    struct msg_hello self; /* who we are; store and held are filled in when it is sent */
    const char *scratch;   /* absolute; where attempts are kept when the master's folder is not seen */
    bool (*sees)(const char *root, const char *probe); /* asks the file system; a test answers itself */

    /* the connection */
    bool up, welcomed;
    bool told_alone; /* that no master has answered yet */
    bool reconnect;  /* the loop should give this connection up, and clear this */
    char store[33];  /* "" before the first WELCOME */
    char root[4097];
    bool root_seen;
    int64_t beat_ms;
    int64_t heard_ms, said_ms; /* monotonic: last message of the master; last of ours */
    uint64_t received, credit; /* jobs on this connection; jobs asked for in all */
    int prefetch;

    struct held_list held;
    struct checkup **checkups; /* of this connection; those abandoned until their slot is free */
    size_t checkup_count, checkup_room;
    void (*sweep)(const char *dir); /* removes a folder that nobody needs any more; NULL: it stays */
    struct report_queue reports;
    struct transit transit; /* checkpoints the master may still want */
    struct session_slot *slots;
    struct bench_seat *seats; /* (slots); NULL: slots have no GPUs of their own */
    char out_now[256];        /* GPUs that are out, for people */
    char out_said[256];       /* what the master knows of it on this connection */
    struct outbox outbox;

    int64_t busy_ms;    /* when it last held anything */
    bool dismissed;     /* the master has no more work */
    int leaving;        /* exit status to leave with, -1: not leaving */
    int64_t leave_ms;   /* not later than this */
    int exit_status;    /* -1: goes on */
    struct err failure; /* of exit status 3 */
};

/* `self` is copied; name, slots, folders and times come from the options. */
void session_init(struct session *session, const struct worker_options *options, const struct msg_hello *self,
                  const char *scratch, struct now now);
void session_fini(struct session *session);

void session_on_up(struct session *session, struct now now);
void session_on_down(struct session *session, struct now now);
/* May take trees out of the message. */
void session_on_message(struct session *session, struct msg *msg, struct now now);
/* Something arrived that cannot be read: the master is alive at least, and gets the refusal. */
void session_on_noise(struct session *session, const struct msg *refusal, const struct err *why,
                      struct now now);
void session_on_slot_line(struct session *session, int slot, const char *line, size_t len, struct now now);
void session_on_slot_gone(struct session *session, int slot, struct now now);
void session_on_signal(struct session *session, int signal, struct now now);

/* Whatever is due; then the monotonic time at which to call again, INT64_MAX: when something happens. */
int64_t session_tick(struct session *session, struct now now);

#endif
