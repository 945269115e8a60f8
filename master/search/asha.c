#include "master/search/asha.h"

#include "common/check.h"
#include "master/search/ladder.h"

void asha_init(struct asha *asha, int eta, int min_epochs, int max_epochs)
{
    PRE(eta >= 2 && min_epochs >= 1 && min_epochs <= max_epochs);
    *asha = (struct asha){.eta = eta};
    int64_t epochs = min_epochs;
    for (; epochs < max_epochs && asha->count + 1 < ASHA_RUNGS; epochs *= eta)
        asha->epochs[asha->count++] = (int)epochs;
    asha->epochs[asha->count++] = max_epochs;
}

/* The best trial that waits at rung k, if it is among the best that may go on. */
static bool promote_from(const struct ladder *ladder, int k, struct asha_job *job)
{
    const struct asha *asha = &ladder->asha;
    const struct standings *all = &ladder->all[k], *waiting = &ladder->waiting[k];
    size_t place = waiting->count ? standings_before(all, waiting->list[0]) : 0;
    if (!waiting->count || place >= all->count / (size_t)asha->eta)
        return false;
    *job = (struct asha_job){ASHA_RESUME, waiting->list[0].trial, asha->epochs[k + 1],
                             k,           (int)place + 1,         (int)all->count};
    return true;
}

struct asha_job asha_next(const struct asha *asha, const struct history *history, struct ladder *kept,
                          bool may_start)
{
    struct ladder own = {0}, *ladder = kept ? kept : &own;
    struct asha_job job = {.verdict = may_start ? ASHA_START : ASHA_WAIT, .until = asha->epochs[0]};
    ladder_follow(ladder, asha, history);
    for (int k = asha->count - 2; k >= 0 && !promote_from(ladder, k, &job); k--)
        ;
    ladder_fini(&own);
    return job;
}

bool asha_stops(const struct asha *asha, const struct history *history, struct ladder *kept, uint32_t trial,
                int epoch)
{
    struct ladder own = {0}, *ladder = kept ? kept : &own;
    bool stops = false;
    ladder_follow(ladder, asha, history);
    for (int k = 0; k + 1 < asha->count; k++) {
        int place = asha->epochs[k] == epoch ? ladder_place(ladder, k, trial) : -1;
        int count = (int)ladder->all[k].count;
        stops = stops || (place >= 0 && count >= asha->eta && place >= count / asha->eta);
    }
    ladder_fini(&own);
    return stops;
}
