/* demand: how many more slots the studies could use now, for whoever starts workers (`hone slurm`, the verb `workers`).
 *
 * Counts trials that wait and points that may still be sampled, within search.parallel. It is a bound from above: some
 * samplers, stages and rungs wait for results before they let another trial begin. So start more workers only as long as
 * those that are there are busy. Pure.
 */
#ifndef HONE_MASTER_DEMAND_H
#define HONE_MASTER_DEMAND_H

#include "master/studies.h"

enum { DEMAND_MOST = 1000000 };

struct demand {
    int64_t open;   /* studies with work, now or later: paused ones too */
    int64_t wanted; /* trials that could begin now, beside those that run; at most DEMAND_MOST */
};

void demand_of(const struct studies *studies, struct demand *out);

#endif
