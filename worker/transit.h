/* transit: checkpoints between this host and a master whose folder is not seen from here.
 *
 * Offers: what trainers here have saved and REPORT has announced, until the master says DROP; then the file is deleted.
 * The master asks for stretches of them (WANT) and gets CHUNKs. A fetch is the other way round: the checkpoint that a
 * JOB resumes from, asked for in stretches, written beside the attempt; its slot checks size and hash. Who receives
 * asks, so a break costs nothing but what was under way.
 *
 * Touches files, a piece of at most CHUNK_BYTES at a time, but no socket and no clock. Refuses: pieces that nobody asked
 * for, and paths of the master's making: files have the names that are chosen here.
 * Ownership: the caller's storage; transit_fini and fetch_fini free and leave the files of offers alone.
 */
#ifndef HONE_WORKER_TRANSIT_H
#define HONE_WORKER_TRANSIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

enum { CHUNK_BYTES = 196608, FETCH_WINDOW = 4 * CHUNK_BYTES };

struct offer {
    char study[65], token[33];
    uint64_t trial, attempt, epoch;
    char *path;
};

struct transit {
    struct offer *offers;
    size_t count, room;
    const char *scratch; /* borrowed; NULL: no notes are kept (note.h) */
    char uuid[33];       /* of this process */
    char store[33];      /* of its master; "" before the first WELCOME */
    int lock_fd;         /* held as long as we live; -1: not needed yet */
};

void transit_init(struct transit *transit, const char *scratch, const char *uuid);
void transit_add(struct transit *transit, const struct offer *offer); /* takes its path */

/* `report` names the attempt and epoch; its checkpoint's path is absolute. */
void transit_offer(struct transit *transit, const struct msg_report *report);
/* The pieces asked for, or one that says that there is no such file. False: there is none. */
bool transit_send(struct transit *transit, const struct msg_want *want, struct outbox *outbox, peer_id to);
void transit_drop(struct transit *transit, const char *token, uint64_t epoch); /* with its file */
struct json *transit_tell(const struct transit *transit); /* for HELLO; the caller frees it; NULL: none */
void transit_forget(struct transit *transit);             /* they belong to another store */
void transit_fini(struct transit *transit);               /* another process may take over what is left */

struct fetch {
    char *path; /* NULL: nothing to fetch */
    uint64_t epoch, bytes, have, asked;
    int64_t heard_ms; /* monotonic */
};

void fetch_init(struct fetch *fetch, const char *path, uint64_t epoch, uint64_t bytes, int64_t now_ms);
void fetch_fini(struct fetch *fetch); /* deletes the file */
/* What to ask for next, into want->offset and bytes; false: nothing now. */
bool fetch_ask(struct fetch *fetch, struct msg_want *want);
void fetch_rewind(struct fetch *fetch); /* what was asked for will not come */
/* Takes a piece. 1: all is there; 0: more to come, or it was not for us; negative: it cannot be had. */
int fetch_take(struct fetch *fetch, const struct msg_chunk *chunk, int64_t now_ms, struct err *err);

#endif
