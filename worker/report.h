/* report: what the worker has to say about its attempts (REPORT, DONE), kept until the master has committed
 * it.
 *
 * A TCP buffer is no promise: only ACK removes anything here, and after every reconnect everything that is
 * left goes out again, in order. A master may be away for days; beyond `bytes_max` of memory the newer
 * messages wait in a file without a name, so that a kill -9 leaves no litter (the trainers die with the
 * worker, so nobody could use it). If the disk is full too, they are kept in memory after all.
 *
 * Refuses: more than REPORT_WINDOW messages under way at a time, so that no queue of the wire overflows.
 * Pure apart from that file. Ownership: the caller's storage; copies what it is given.
 */
#ifndef HONE_WORKER_REPORT_H
#define HONE_WORKER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/message.h"

enum { REPORT_BYTES_MAX = 4 << 20, REPORT_WINDOW = 4096 };

struct report_item {
    uint64_t seq;
    enum msg_kind kind;
    struct str body; /* as the wire carries it */
};

struct report_queue {
    struct report_item *items; /* items[first .. first + count): the oldest */
    size_t first, count, room;
    size_t bytes; /* of their bodies */
    size_t bytes_max;
    uint64_t last;     /* seq of the newest message, 0: none yet */
    uint64_t acked;    /* everything up to here is committed */
    uint64_t sent;     /* everything up to here has gone out on this connection */
    uint64_t farthest; /* the most that `sent` ever was */

    FILE *journal;   /* NULL, or where each report is written once it is acknowledged; the caller's */
    char *spool_dir; /* NULL: memory only */
    int spool_fd;    /* -1: not in use; it holds all messages newer than those in memory */
    uint64_t spooled;
    int64_t spool_at, spool_end; /* where the oldest of them begins; where the next one goes */
};

void report_init(struct report_queue *queue, size_t bytes_max, const char *spool_dir);
void report_fini(struct report_queue *queue);

/* Gives a REPORT or DONE its seq, which is returned, and keeps it. Borrows msg. */
uint64_t report_add(struct report_queue *queue, struct msg *msg);
/* Puts what has not gone out yet on this connection into the outbox, as far as the window allows. */
void report_send(struct report_queue *queue, struct outbox *outbox, peer_id to);
/* Committed up to seq. False if it never went out: the peer is confused, nothing happens. */
bool report_ack(struct report_queue *queue, uint64_t seq);
void report_rewind(struct report_queue *queue); /* a new connection: nothing has gone out on it */
void report_drop(struct report_queue *queue);   /* they belong to another store; the count goes on */
uint64_t report_waiting(const struct report_queue *queue);

#endif
