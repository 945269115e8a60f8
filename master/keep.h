/* keep: which checkpoints stay. The study's policy ("keep" of the study file) and the choice it makes among the
 * checkpoints of one trial. Pure: rows in, verdicts out; retention.c carries them out.
 *
 * A trial that may go on keeps its `latest` newest (at least one: it resumes there) and its `best` best ones. A trial
 * that is complete or pruned keeps its best alone: nobody resumes it, and the weights at the best epoch are what people
 * come back for. One that failed or was cancelled may be retried and keeps both. What is still at a worker ("offered")
 * displaces nothing before it has arrived, so that a slow link brings at least some of them here.
 */
#ifndef HONE_MASTER_KEEP_H
#define HONE_MASTER_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/json.h"
#include "common/trial_status.h"

struct keep {
    int latest, best;  /* of each trial */
    int top_trials;    /* whose checkpoints max_bytes never takes */
    int64_t max_bytes; /* of all checkpoints of the study; 0: no bound */
    bool at_worker;    /* "checkpoints": "worker": what the master does not see stays where it is */
};

struct keep_row {
    int attempt, epoch;
    double value; /* the metric at that epoch; NaN: none */
    bool here;    /* the file is whole and in its place; else offered */
    bool stays;   /* the verdict */
};

/* "keep" and "checkpoints" of a study file; absent is fine. */
int keep_parse(const struct jcur *root, struct keep *out, struct err *err);

void keep_choose(const struct keep *keep, bool maximize, enum trial_status status, struct keep_row *rows,
                 size_t count);

#endif
