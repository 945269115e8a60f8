#include "master/quarantine.h"

#include "common/log.h"

/* ---- workers that fail ---- */

enum { QUARANTINE_AFTER = 3 }; /* failures in a row, while others do well */

/* Is there a worker that can be trusted more than this one? */
static bool others_do_well(const struct roster *roster, const struct worker *w)
{
    for (size_t i = 0; i < roster->count; i++) {
        const struct worker *o = roster->workers[i];
        if (o != w && o->peer && o->mode != WORKER_QUARANTINED &&
            o->did_well_mono_ms >= w->failing_since_mono_ms && o->did_well_mono_ms)
            return true;
    }
    return false;
}

void worker_set_mode(struct turn *turn, struct worker *w, enum worker_mode mode)
{
    w->mode = mode;
    store_worker_mode(turn->store, w->id, mode, w->failed_in_row);
}

void quarantine_did_well(struct turn *turn, struct worker *w)
{
    w->did_well_mono_ms = turn->now.mono_ms;
    w->refusals = 0;
    if (!w->failed_in_row && w->mode != WORKER_QUARANTINED)
        return;
    if (w->mode == WORKER_QUARANTINED)
        log_info("worker %s does well again", w->name);
    w->failed_in_row = 0;
    worker_set_mode(turn, w, w->mode == WORKER_QUARANTINED ? WORKER_OPEN : w->mode);
}

/* A worker whose trials fail while others' succeed gets them one at a time, with rests in between that grow, until one
 * succeeds: a full disk or a broken driver must not eat a study. What fails there does not count against the trial. */
bool quarantine_did_badly(const struct roster *roster, struct turn *turn, struct worker *w)
{
    if (!w->failed_in_row++)
        w->failing_since_mono_ms = turn->now.mono_ms;
    bool suspect = others_do_well(roster, w);
    bool counts = !suspect || w->mode != WORKER_QUARANTINED;
    enum worker_mode mode = w->mode;
    if (suspect && w->failed_in_row >= QUARANTINE_AFTER && mode == WORKER_OPEN) {
        log_warn("worker %s: %d trials in a row have failed there while others' succeed: it is tried with "
                 "one at a time",
                 w->name, w->failed_in_row);
        mode = WORKER_QUARANTINED;
    }
    if (mode == WORKER_QUARANTINED)
        worker_rest(w, turn->now.mono_ms);
    worker_set_mode(turn, w, mode);
    return counts;
}
