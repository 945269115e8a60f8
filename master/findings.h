/* findings: what is wrong with a training that only a look at the whole study shows; rows like those that trainers report
 * (trial_finding), of action "suggest". Nothing is decided by them.
 *
 *   D12  the loss fell fast, and is flat far above the lowest level at which another trial's is flat: the rate was too
 *        high to go further down (the lecture's second curve). Needs trainers that report `train_loss`.
 *   D13  everything that was tried further out than the best trial, on one side of one parameter, diverged: that is the
 *        edge of stability. It is told of the best trial, when the walls are looked at.
 *
 * Quiet where the trainer says "babysit": "off". */
#ifndef HONE_MASTER_FINDINGS_H
#define HONE_MASTER_FINDINGS_H

#include "common/json.h"
#include "master/study.h"

/* What the losses were, from the store: a master that begins again says what it would have said. */
int findings_load(struct turn *turn, struct study *study, struct err *err);

/* After an epoch, with its metrics. */
void findings_epoch(struct turn *turn, struct trial *trial, int epoch, const struct json *metrics);

/* After a look at the walls. */
void findings_edges(struct turn *turn, struct study *study);

#endif
