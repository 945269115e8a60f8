/* checkup_local: a CHECK carried out here and now, by a slot process of our own: what `hone check` does. The same
 * runs and verdicts as on a worker, for it is the same checkup.
 *
 * Runs are not stopped when they take long: who asks for a check is there to interrupt it. Ownership: the results are
 * those of the checkup that is given back; checkup_free. */
#ifndef HONE_WORKER_CHECKUP_LOCAL_H
#define HONE_WORKER_CHECKUP_LOCAL_H

#include "worker/checkup.h"

/* `root` is a folder for logs and checkpoints, the caller's to remove. Takes the trees out of `check`. */
int checkup_local(struct msg_check *check, const char *root, struct checkup **out, struct err *err);

#endif
