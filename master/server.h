/* server: THE loop of the master, one turn at a time:
 *
 *     poll until the next deadline → drain what has arrived → reactor applies it to memory and to one open
 *       transaction → tick(now): leases, retries, budgets → COMMIT → only now send: acknowledgements, jobs, stops
 *
 * Commit, then speak: whatever a worker hears from us is on the disk. The batch grows with the load, so one
 * fsync pays for everything that arrived meanwhile (drain-then-commit beats any timer here, bench/master.c).
 * `hone run` and `hone master` are this loop with different things drawn between turns.
 *
 * Ownership: server_close frees everything and leaves workers alone; attempts go on and are taken up again by
 * the next master on the same database.
 */
#ifndef HONE_MASTER_SERVER_H
#define HONE_MASTER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "master/snapshot.h"
#include "proto/message.h"
#include "sql/store.h"

struct server;
struct submission;

struct server_options {
    const char *db;
    const char *bind; /* NULL: ipc beside the database, so that a restarted master is found again */
    /* Folder of keys: whoever comes over tcp needs one of its list; NULL: none, and everybody may do everything. ipc
     * needs none. */
    const char *keys;
    bool once;          /* end when every study has ended and nothing is held */
    bool network_db;    /* exclusive locking, for a database on a network file system */
    const char *mirror; /* NULL, or a path that gets an online backup every minute and at the end */
    int64_t beat_ms;    /* 0: 2 s */
    int64_t lease_ms;   /* 0: 15 s */
};

int server_open(const struct server_options *options, struct server **out, struct err *err);
const char *server_address(const struct server *server);
void server_close(struct server *server);

/* Adds a study, or finds it again. `definition` is JSON text with comments allowed (the study file). Same name and same
 * definition: goes on (*finished tells if it has ended); another definition: ERR_BAD with the first path that differs. */
int server_submit(struct server *server, const char *definition, const struct submission *how, char name[65],
                  bool *finished, struct err *err);

/* One turn; waits at most max_wait_ms. 0: go on; 1: nothing is left to do (once, or interrupted and quiet);
 * negative: the database is gone or replaced, nothing more may be said. A disk that is full is no such end: see
 * outage.h. A signal ends the wait. */
int server_turn(struct server *server, int64_t max_wait_ms, struct err *err);

/* First ^C: no more jobs, every attempt is stopped at once and goes back to waiting with its checkpoint. Turns go on
 * until one returns 1 (at the latest 15 s after). */
void server_interrupt(struct server *server);

/* A worker process of this host is known to be dead: its trials go on elsewhere at once, not after a lease. */
void server_worker_gone(struct server *server, int64_t pid);

/* `study` NULL: the newest. ERR_GONE if there is none. */
int server_snapshot(const struct server *server, const char *study, struct server_snapshot *out);

/* No master alive: takes the lock, applies one CALL and commits. ERR_REACH if one is alive after all. */
int server_offline_call(const char *db, const struct msg_call *call, struct msg_answer *answer,
                        struct err *err);

#endif
