/* here: a master in this process with its workers beside it, for commands that train: `hone run`, `hone ensemble --seeds`.
 *
 * ^C once asks everyone to come to an end (trials keep their checkpoints), twice does not ask.
 * Ownership: the caller's storage; here_close ends the workers and closes the database. */
#ifndef HONE_CLI_HERE_H
#define HONE_CLI_HERE_H

#include "cli/children.h"
#include "cli/progress.h"
#include "master/server.h"

struct here {
    struct server *server;
    struct children *children;
    struct progress progress;
    bool interrupted;
    bool killed; /* ^C twice */
};

struct here_options {
    const char *db, *dir;        /* dir NULL: the study's own */
    int workers;                 /* to be started */
    int first;                   /* number of the first one's name: 1 is w1 */
    int64_t slots;               /* each */
    const struct gpu_plan *gpus; /* of the slots of all of them; NULL: each worker finds out itself */
    int64_t slots_per_gpu;       /* -1: not said */
};

/* As many as there are cores, at most 8. */
int here_worker_count(void);

/* PRE: the server is open. */
int here_start(struct here *here, const struct here_options *options, struct err *err);

/* Turns until nothing is left to do, or a signal. After each one `watch` is told how far the study is. */
typedef void here_watch(void *arg, const struct server_snapshot *snapshot);
int here_loop(struct here *here, const char *study, here_watch *watch, void *arg, struct err *err);

/* Enough: attempts stop, and the loop comes to its end. */
void here_finish(struct here *here);

void here_close(struct here *here);

#endif
