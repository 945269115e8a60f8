/* claim: an attempt as a worker's message names it, and whether this master knows it as that. An attempt lives and dies in
 * one worker's process: whoever else shows its token has read or recorded it. */
#ifndef HONE_MASTER_CLAIM_H
#define HONE_MASTER_CLAIM_H

#include "master/reactor.h"

struct claim { /* borrowed from the message, or from the trial */
    const char *study;
    uint64_t trial, attempt;
    const char *token;
};

struct claim claim_of(const struct trial *trial); /* its newest attempt */

/* The trial whose newest attempt this is. NULL: unknown or fenced; that is counted, and the worker told to stop. */
struct trial *claim_trial(struct reactor *reactor, struct turn *turn, peer_id from,
                          const struct claim *claim);

/* Tells a worker to end an attempt that this master does not want (any more). */
void claim_refuse(struct turn *turn, peer_id to, const struct claim *claim);

#endif
