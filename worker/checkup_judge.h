/* checkup_judge: what the runs of a checkup amount to, as results: does it come through an epoch (G4), says it the same
 * with the same seed (G5), and does it go on from a checkpoint as if nothing had happened (G6)? */
#ifndef HONE_WORKER_CHECKUP_JUDGE_H
#define HONE_WORKER_CHECKUP_JUDGE_H

#include "worker/checkup.h"

enum { RUN_FIRST = 1, RUN_AGAIN, RUN_RESUMED }; /* by number */

/* The run that is under way has ended: `end` is what its slot says of that. */
void judge_run(struct checkup *checkup, const struct json *end);

/* One result more; beyond CHECKUP_RESULTS_MAX they are dropped. */
void judge_add(struct checkup *checkup, const struct check_result *result);
void judge_skip(struct checkup *checkup, const char *gate, const char *name, const char *why);
void judge_wrong(struct checkup *checkup, const char *gate, const char *name, const char *text,
                 const char *hint);

#endif
