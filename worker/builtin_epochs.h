/* builtin_epochs: the epochs of one job of the built-in trainer: each is trained, looked into, saved, judged by the
 * babysitter and reported. */
#ifndef HONE_WORKER_BUILTIN_EPOCHS_H
#define HONE_WORKER_BUILTIN_EPOCHS_H

#include "worker/builtin_talk.h"
#include "worker/nn/train.h"

struct builtin_job {
    struct json *options; /* resolved; owned */
    int64_t trial, until, epochs, seed;
    const char *metric, *dir, *base, *resume;
    int64_t resume_epoch;
};

/* Up to job->until, a stop, or a finding that ends it. 0 also if it was stopped. */
int builtin_epochs(struct talk *talk, const struct builtin_job *job, struct training *training,
                   struct err *err);

#endif
