#include "master/search/hyperband.h"

#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/search/rank.h"

void hyperband_init(struct hyperband *hb, int eta, int min_epochs, int max_epochs)
{
    *hb = (struct hyperband){0};
    asha_init(&hb->rungs, eta, min_epochs, max_epochs);
    int64_t power = 1; /* eta^s */
    for (int s = 0; s < hb->rungs.count; s++, power *= eta) {
        int64_t n = (hb->rungs.count * power + s) / (s + 1);
        hb->trials[hb->rungs.count - 1 - s] = n;
        hb->round += n;
    }
}

struct bracket hyperband_bracket(const struct hyperband *hb, uint32_t trial)
{
    PRE(trial >= 1);
    struct bracket b = {.round = (trial - 1) / hb->round};
    int64_t place = (trial - 1) % hb->round;
    while (place >= hb->trials[b.begins])
        place -= hb->trials[b.begins++];
    b.trials = hb->trials[b.begins];
    b.first_trial = (uint32_t)(trial - place);
    return b;
}

int64_t hyperband_kept(const struct hyperband *hb, int64_t n, int i)
{
    for (; i > 0; i--)
        n /= hb->rungs.eta;
    return n > 0 ? n : 1;
}

/* The members of a bracket: those of its numbers that are trials of their own and count. */
struct members {
    const struct entry **entry;
    int count;
    bool is_full;  /* all its numbers have been given */
    bool is_alive; /* some have not ended */
};

static void members_init(struct members *m, const struct history *history, size_t *at,
                         const struct bracket *b)
{
    int64_t end = b->first_trial + b->trials;
    size_t room = 1;
    while (*at + room < history->count && history->entries[*at + room].trial < end)
        room++;
    *m = (struct members){.entry = xcalloc(room, sizeof *m->entry)};
    for (; *at < history->count && history->entries[*at].trial < end; ++*at) {
        const struct entry *e = &history->entries[*at];
        m->is_full |= e->trial == end - 1;
        if (e->state == HISTORY_GONE || e->group != e->trial)
            continue;
        m->is_alive |= e->state == HISTORY_PENDING;
        m->entry[m->count++] = e;
    }
    m->is_full |= *at < history->count;
}

/* The members that were let run to rung k, best first, into `order`. Returns how many; -1: not all are through. */
static int rank_rung(const struct members *m, const struct asha *rungs, int k, int begins, int *order)
{
    double *score = xcalloc((size_t)m->count + 1, sizeof *score);
    int *at = xcalloc((size_t)m->count + 1, sizeof *at), n = 0;
    bool all_there = true;
    for (int i = 0; i < m->count; i++) {
        const struct entry *e = m->entry[i];
        if (k > begins && e->until <= rungs->epochs[k - 1])
            continue;
        bool has_score = entry_score_at(e, rungs->epochs[k], &score[n]);
        all_there = all_there && (has_score || e->state != HISTORY_PENDING);
        if (has_score)
            at[n++] = i;
    }
    rank_best_first(score, n, order);
    for (int i = 0; i < n; i++)
        order[i] = at[order[i]];
    free(score);
    free(at);
    return all_there ? n : -1;
}

/* Paused there, with what it needs to go on. */
static bool is_at(const struct entry *e, int epochs)
{
    return e->state == HISTORY_PENDING && e->epochs >= epochs && e->until <= epochs;
}

/* The first of the trials that are paused at a decided rung and are to run on (or not: `lost`). */
static bool decide_in(const struct hyperband *hb, const struct bracket *b, const struct members *m, bool lost,
                      struct asha_job *job)
{
    const struct asha *rungs = &hb->rungs;
    int *order = xcalloc((size_t)m->count + 1, sizeof *order), n = 0;
    bool found = false;
    for (int k = b->begins; !found && n >= 0 && k + 1 < rungs->count; k++) {
        int64_t kept = hyperband_kept(hb, m->count, k + 1 - b->begins);
        n = rank_rung(m, rungs, k, b->begins, order);
        for (int i = lost ? (int)kept : 0; !found && i < n && (lost || i < kept); i++) {
            const struct entry *e = m->entry[order[i]];
            found = is_at(e, rungs->epochs[k]);
            if (found)
                *job = (struct asha_job){
                    lost ? ASHA_DROP : ASHA_RESUME, e->trial, rungs->epochs[k + !lost], k, i + 1, n};
        }
    }
    free(order);
    return found;
}

/* Where the first bracket with somebody pending begins. */
static size_t first_alive(const struct hyperband *hb, const struct history *history)
{
    size_t at = history->over;
    while (at < history->count && entry_is_warm(&history->entries[at]))
        at++;
    if (at == history->count)
        return at;
    uint32_t first = hyperband_bracket(hb, history->entries[at].trial).first_trial;
    while (at > 0 && !entry_is_warm(&history->entries[at - 1]) && history->entries[at - 1].trial >= first)
        at--;
    return at;
}

static struct asha_job decide(const struct hyperband *hb, const struct history *history, bool more, bool lost)
{
    struct asha_job job = {.verdict = ASHA_WAIT};
    size_t at = first_alive(hb, history);
    while (at < history->count && job.verdict == ASHA_WAIT) {
        struct bracket b = hyperband_bracket(hb, history->entries[at].trial);
        struct members m;
        members_init(&m, history, &at, &b);
        if (m.is_alive && (m.is_full || !more))
            decide_in(hb, &b, &m, lost, &job);
        free(m.entry);
    }
    return job;
}

struct asha_job hyperband_next(const struct hyperband *hb, const struct history *history, bool more)
{
    return decide(hb, history, more, false);
}

struct asha_job hyperband_lost(const struct hyperband *hb, const struct history *history, bool more)
{
    return decide(hb, history, more, true);
}
