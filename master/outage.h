/* outage: what the master does while its store takes no writes: disk full, read-only, an I/O error. It does not die.
 * The turn that failed is as if it had never been: nothing of it was said, and memory is rebuilt from the store. Until
 * a write succeeds again no job is given and nothing is acknowledged; workers hear a beat and train on, their reports
 * come again when they are greeted anew.
 *
 * Says once what is wrong, and once that it is mended. Knows no socket and no clock, like the reactor it stands before.
 *
 * Ownership: the caller's storage, all zero at first; the reactor and the store are borrowed for each call.
 */
#ifndef HONE_MASTER_OUTAGE_H
#define HONE_MASTER_OUTAGE_H

#include "master/reactor.h"

struct outage {
    bool on;
    bool said; /* the log knows of it */
    struct err why;
    char text[256]; /* "store: no space left (...)", a study's state for the time being */
    int64_t since_mono_ms, retry_mono_ms, beat_mono_ms;
    int64_t wait_ms; /* to the next try: doubles */
    struct outage_peer {
        peer_id peer;
        bool greeted; /* `hello` is its HELLO, to be heard afterwards */
        struct msg hello;
    } * peers; /* workers heard of meanwhile */
    size_t peer_count, peer_room;
};

/* A commit has failed with `why`: takes the place of the reactor's handlers until `on` is false again. What the
 * turn wanted to say is dropped. */
void outage_begin(struct outage *outage, struct reactor *reactor, struct turn *turn, const struct err *why);
void outage_fini(struct outage *outage);

/* A message meanwhile; it stays the caller's, whose HELLO may be taken. */
void outage_on_message(struct outage *outage, struct reactor *reactor, struct turn *turn, peer_id from,
                       struct msg *msg);
/* Beats, and now and then a try. Returns the monotonic time at which to call again. */
int64_t outage_tick(struct outage *outage, struct reactor *reactor, struct turn *turn);

#endif
