/* quarantine: workers whose trials keep failing while others' succeed. They get them one at a time, with rests in
 * between that grow, until one succeeds: a full disk or a broken driver must not eat a study.
 */
#ifndef HONE_MASTER_QUARANTINE_H
#define HONE_MASTER_QUARANTINE_H

#include "master/roster.h"

/* The mode of a worker, in memory and in its row. */
void worker_set_mode(struct turn *turn, struct worker *worker, enum worker_mode mode);

void quarantine_did_well(struct turn *turn, struct worker *worker);
/* Does the failure count against the trial? Not if it was a quarantined worker's. */
bool quarantine_did_badly(const struct roster *roster, struct turn *turn, struct worker *worker);

#endif
