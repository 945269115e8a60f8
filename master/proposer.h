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

/* The mirror of history_add, history_update, history_set_until, history_set_box. Arguments are copied. */
void proposer_added(struct proposer *proposer, int64_t study, uint32_t trial, uint32_t group,
                    const struct point *point, const double *fit, int fit_count, uint64_t seq);
void proposer_updated(struct proposer *proposer, int64_t study, uint32_t trial, enum history_state state,
                      bool pruned, int epochs, double score, const double more[HISTORY_MORE], uint64_t seq);
void proposer_boxed(struct proposer *proposer, int64_t study, const struct space *space,
                    const struct box *box, int stage, int carried, uint64_t seq);

void proposer_until(struct proposer *proposer, int64_t study, uint32_t trial, int until, uint64_t seq);

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
