/* attendance: workers come and go. One that comes says what it holds, and both sides agree on it; what one that goes held
 * goes on elsewhere. */
#ifndef HONE_MASTER_ATTENDANCE_H
#define HONE_MASTER_ATTENDANCE_H

#include "master/reactor.h"

/* HELLO; `known`: whom we took this peer for before, or NULL. */
void attendance_on_hello(struct reactor *reactor, struct turn *turn, peer_id from, struct worker *known,
                         struct msg *msg);

/* Forgets it; `why`: bye, lost, revoked. `died`: its trials' attempts went down with it. */
void attendance_lose(struct reactor *reactor, struct turn *turn, struct worker *worker, const char *why,
                     bool died);
/* Its key was taken off the list. */
void attendance_on_revoked(struct reactor *reactor, struct turn *turn, peer_id from);
/* A worker of this host whose process has ended. */
void attendance_on_exit(struct reactor *reactor, struct turn *turn, int64_t pid);

/* No more jobs for the workers of this name or host; their trials stop after the epoch, or end (finish), and they leave.
 * How many workers. */
int attendance_drain(struct reactor *reactor, struct turn *turn, const char *which, bool finish,
                     int *stopped);
/* Sends all home. */
void attendance_dismiss(struct reactor *reactor, struct turn *turn, const char *reason);

#endif
