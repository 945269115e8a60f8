/* proposer: the one helper thread of the master. Samplers that fit a model take milliseconds and more; here they do so
 * off the loop: changes of a study's history go in, a point comes out, and a descriptor wakes the loop.
 *
 * The thread has a history of its own for each study, fed with the same additions, results and boxes in the same order
 * (a mirror), so that nothing is shared but a queue and the definitions, which nobody changes. What it proposes is the
 * same as what the loop would have: sampler_propose is pure, and the seq it saw is in the proposal.
 *
 * Ownership: heap. A study must be closed here before it is freed.
 */
#ifndef HONE_MASTER_PROPOSER_H
#define HONE_MASTER_PROPOSER_H

#include "master/search/sampler.h"

struct proposer;

struct proposer *proposer_new(void);
void proposer_free(struct proposer *proposer);    /* waits for the proposal under way; NULL is fine */
int proposer_fd(const struct proposer *proposer); /* readable when an answer is there */
void proposer_calm(struct proposer *proposer);    /* the loop has woken: empties the descriptor */

/* Begins to mirror a study; what its history holds already is copied. def and space are borrowed until closed. */
void proposer_open(struct proposer *proposer, int64_t study, const struct search_def *def,
                   const struct space *space, uint64_t seed, const struct history *history);
void proposer_close(struct proposer *proposer, int64_t study);

/* What the study's history has just learned, for the mirror to learn the same: a new entry, its newest step (an epoch or
 * an end; or that its job runs on), the newest box. Copied. */
void proposer_added(struct proposer *proposer, int64_t study, const struct entry *entry);
void proposer_updated(struct proposer *proposer, int64_t study, const struct entry *entry);
void proposer_until(struct proposer *proposer, int64_t study, const struct entry *entry);
void proposer_boxed(struct proposer *proposer, int64_t study, const struct space *space,
                    const struct history_box *box);

/* Asks for the point of this trial, from all that was said before. One question a study at a time. */
void proposer_ask(struct proposer *proposer, int64_t study, uint32_t trial);

struct proposed {
    uint32_t trial;
    int rc;             /* as sampler_propose */
    struct point point; /* the caller's, point_fini */
    struct proposal note;
    struct err err;
};

/* False: no answer for this study yet. */
bool proposer_take(struct proposer *proposer, int64_t study, struct proposed *out);

#endif
