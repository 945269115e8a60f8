#include "master/search/asha.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/search/rank.h"

void asha_init(struct asha *asha, int eta, int min_epochs, int max_epochs)
{
    PRE(eta >= 2 && min_epochs >= 1 && min_epochs <= max_epochs);
    *asha = (struct asha){.eta = eta};
    int64_t epochs = min_epochs;
    for (; epochs < max_epochs && asha->count + 1 < ASHA_RUNGS; epochs *= eta)
        asha->epochs[asha->count++] = (int)epochs;
    asha->epochs[asha->count++] = max_epochs;
}

/* All that have a score at a rung, best first. */
struct rung {
    const struct entry **entry;
    int count;
};

static void rung_init(struct rung *rung, const struct history *history, int epochs)
{
    size_t room = history->count + 1;
    const struct entry **found = xcalloc(room, sizeof *found);
    double *score = xcalloc(room, sizeof *score);
    int *order = xcalloc(room, sizeof *order), n = 0;
    for (size_t i = 0; i < history->count; i++)
        if (history->entries[i].state != HISTORY_GONE && !entry_is_warm(&history->entries[i]) &&
            entry_score_at(&history->entries[i], epochs, &score[n]))
            found[n++] = &history->entries[i];
    rank_best_first(score, n, order);
    *rung = (struct rung){xcalloc(room, sizeof *rung->entry), n};
    for (int i = 0; i < n; i++)
        rung->entry[i] = found[order[i]];
    free(found);
    free(score);
    free(order);
}

/* Paused there: it may be resumed. */
static bool is_at(const struct entry *entry, int epochs)
{
    return entry->state == HISTORY_PENDING && entry->epochs >= epochs && entry->until <= epochs;
}

/* Best trial of the rung that may be promoted; false: none. */
static bool promote_from(const struct asha *asha, const struct history *history, int k, struct asha_job *job)
{
    struct rung rung;
    bool found = false;
    rung_init(&rung, history, asha->epochs[k]);
    for (int i = 0; i < rung.count / asha->eta && !found; i++) {
        found = is_at(rung.entry[i], asha->epochs[k]);
        if (found)
            *job = (struct asha_job){ASHA_RESUME, rung.entry[i]->trial, asha->epochs[k + 1], k, i + 1,
                                     rung.count};
    }
    free(rung.entry);
    return found;
}

struct asha_job asha_next(const struct asha *asha, const struct history *history, bool may_start)
{
    struct asha_job job = {0};
    for (int k = asha->count - 2; k >= 0; k--)
        if (promote_from(asha, history, k, &job))
            return job;
    job.verdict = may_start ? ASHA_START : ASHA_WAIT;
    job.until = asha->epochs[0];
    return job;
}

/* Place of the trial in a rung, from 0; -1: not there. */
static int place_in(const struct rung *rung, uint32_t trial)
{
    for (int i = 0; i < rung->count; i++)
        if (rung->entry[i]->trial == trial)
            return i;
    return -1;
}

bool asha_stops(const struct asha *asha, const struct history *history, uint32_t trial, int epoch)
{
    bool stops = false;
    for (int k = 0; k + 1 < asha->count; k++) {
        if (asha->epochs[k] != epoch)
            continue;
        struct rung rung;
        rung_init(&rung, history, epoch);
        int place = place_in(&rung, trial);
        stops = place >= 0 && rung.count >= asha->eta && place >= rung.count / asha->eta;
        free(rung.entry);
    }
    return stops;
}

/* At most so many trials can ever have a score at rung k: those that have or are on their way, and those
 * below that may still be promoted: unpromoted ones that can stay among the best, and whoever comes to the
 * rung below. */
static int most_at(const struct asha *asha, const struct history *history, int k)
{
    int most = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        double score;
        if (entry_is_warm(e))
            continue;
        bool is_coming = e->state == HISTORY_PENDING && e->until >= asha->epochs[k];
        most += e->state != HISTORY_GONE && (is_coming || entry_score_at(e, asha->epochs[k], &score));
    }
    if (k == 0)
        return most;
    struct rung below;
    int most_below = most_at(asha, history, k - 1);
    rung_init(&below, history, asha->epochs[k - 1]);
    for (int i = 0; i < below.count && i < most_below / asha->eta; i++)
        most += is_at(below.entry[i], asha->epochs[k - 1]);
    most += most_below - below.count;
    free(below.entry);
    return most;
}

bool asha_is_lost(const struct asha *asha, const struct history *history, uint32_t trial)
{
    const struct entry *entry = history_find(history, trial);
    bool lost = false;
    for (int k = 0; entry && k + 1 < asha->count; k++) {
        if (!is_at(entry, asha->epochs[k]) || entry->epochs >= asha->epochs[k + 1])
            continue;
        struct rung rung;
        rung_init(&rung, history, asha->epochs[k]);
        lost = place_in(&rung, trial) >= most_at(asha, history, k) / asha->eta;
        free(rung.entry);
    }
    return lost;
}
