/* crowd: simulated workers by the hundred, in one process and one thread, each with a socket of its own. They speak the
 * protocol as a worker does (HELLO, CREDIT, REPORT one at a time, DONE, BEAT, checkpoints by WANT and CHUNK) and train
 * nothing, so that the master and the disk are the only work there is.
 *
 * What they saw stands in memory that both sides map: counts, and how long answers took. Ownership: crowd_start forks
 * and maps, crowd_end kills and unmaps.
 */
#ifndef HONE_TESTS_TOOLS_CROWD_H
#define HONE_TESTS_TOOLS_CROWD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct crowd_plan {
    const char *address;
    int workers;
    unsigned first;          /* number of the first of them: two crowds need two */
    int64_t tick_ms;         /* how often each looks at its socket: the grain of what is measured */
    int64_t epoch_ms;        /* a report of each so often; the next one not before the last is acknowledged */
    int64_t beat_ms;         /* BEAT if nothing else was said for so long */
    uint64_t attempt_epochs; /* then the attempt ends */
    unsigned finish_every;   /* every k-th attempt has finished; the others are handed back (preempted) */
    unsigned vanish_every;   /* every k-th ends without a word, and its worker comes as another; 0: none */
    int savers;              /* so many of them offer a checkpoint with each report */
    int64_t checkpoint_bytes;
};

enum { CROWD_MS_MOST = 20000 };

/* Cell n counts what took n ms, the last one all that took longer. */
struct crowd_times {
    uint64_t cells[CROWD_MS_MOST + 1];
};

struct crowd_seen {
    int64_t welcomed, jobs, reports, acked, ended, vanished, chunk_bytes, dropped;
    struct crowd_times ack; /* REPORT to ACK */
    struct crowd_times gap; /* between two words of the master to one worker */
};

struct crowd {
    pid_t pid;
    struct crowd_seen *seen;
};

void crowd_start(struct crowd *crowd, const struct crowd_plan *plan);
void crowd_end(struct crowd *crowd);

/* ms that a share (0.5, 0.99, 1) of what is in `now` and was not yet in `before` (NULL: all) stayed below; -1: none. */
int64_t crowd_quantile(const struct crowd_times *now, const struct crowd_times *before, double share);

#endif
