#include "master/search/ladder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void ladder_fini(struct ladder *l)
{
    for (int k = 0; k < ASHA_RUNGS; k++) {
        free(l->all[k].list);
        free(l->waiting[k].list);
    }
    free(l->score);
    *l = (struct ladder){0};
}

/* ---- one list ---- */

static int compare(const void *a, const void *b)
{
    const struct standing *p = a, *q = b;
    if (p->score != q->score)
        return p->score > q->score ? -1 : 1;
    return (p->trial > q->trial) - (p->trial < q->trial);
}

size_t standings_before(const struct standings *s, struct standing standing)
{
    size_t lo = 0, hi = s->count;
    while (lo < hi) {
        size_t middle = (lo + hi) / 2;
        if (compare(&s->list[middle], &standing) < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

static bool has(const struct standings *s, size_t at, struct standing standing)
{
    return at < s->count && compare(&s->list[at], &standing) == 0;
}

static void put(struct standings *s, struct standing standing)
{
    size_t at = standings_before(s, standing);
    if (has(s, at, standing))
        return;
    GROW(s->list, s->room, s->count + 1);
    memmove(&s->list[at + 1], &s->list[at], (s->count++ - at) * sizeof *s->list);
    s->list[at] = standing;
}

static void take(struct standings *s, struct standing standing)
{
    size_t at = standings_before(s, standing);
    if (has(s, at, standing))
        memmove(&s->list[at], &s->list[at + 1], (--s->count - at) * sizeof *s->list);
}

static void append(struct standings *s, struct standing standing)
{
    GROW(s->list, s->room, s->count + 1);
    s->list[s->count++] = standing;
}

/* ---- one trial ---- */

static double *scores_of(struct ladder *l, uint32_t trial)
{
    size_t rungs = (size_t)l->asha.count;
    GROW(l->score, l->room, trial * rungs);
    for (; l->trials < trial; l->trials++)
        for (size_t k = 0; k < rungs; k++)
            l->score[l->trials * rungs + k] = NAN;
    return l->score + (trial - 1) * rungs;
}

/* NAN: it does not stand there. */
static double score_at(const struct entry *e, int epochs)
{
    double score;
    bool stands = e && e->state != HISTORY_GONE && entry_score_at(e, epochs, &score);
    return stands ? score : NAN;
}

/* Paused there, with what it needs to go on. */
static bool waits_at(const struct entry *e, int epochs)
{
    return e->state == HISTORY_PENDING && e->epochs >= epochs && e->until <= epochs;
}

static void restand(struct ladder *l, uint32_t trial, const struct entry *e)
{
    double *known = scores_of(l, trial);
    for (int k = 0; k < l->asha.count; k++) {
        struct standing before = {known[k], trial}, now = {score_at(e, l->asha.epochs[k]), trial};
        bool is_same = before.score == now.score;
        if (!isnan(before.score))
            take(&l->waiting[k], before);
        if (!isnan(before.score) && !is_same)
            take(&l->all[k], before);
        if (!isnan(now.score) && !is_same)
            put(&l->all[k], now);
        if (!isnan(now.score) && waits_at(e, l->asha.epochs[k]))
            put(&l->waiting[k], now);
        known[k] = now.score;
    }
}

/* ---- all of them ---- */

static void build(struct ladder *l, const struct asha *asha, const struct history *history)
{
    ladder_fini(l);
    l->asha = *asha;
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        double *known = entry_is_warm(e) ? NULL : scores_of(l, e->trial);
        for (int k = 0; known && k < asha->count; k++) {
            struct standing now = {known[k] = score_at(e, asha->epochs[k]), e->trial};
            if (!isnan(now.score))
                append(&l->all[k], now);
            if (!isnan(now.score) && waits_at(e, asha->epochs[k]))
                append(&l->waiting[k], now);
        }
    }
    for (int k = 0; k < asha->count; k++) {
        struct standings *lists[] = {&l->all[k], &l->waiting[k]};
        for (int i = 0; i < 2; i++)
            if (lists[i]->count)
                qsort(lists[i]->list, lists[i]->count, sizeof *lists[i]->list, compare);
    }
}

static bool same_rungs(const struct asha *a, const struct asha *b)
{
    return a->eta == b->eta && a->count == b->count &&
           memcmp(a->epochs, b->epochs, (size_t)a->count * sizeof *a->epochs) == 0;
}

void ladder_follow(struct ladder *l, const struct asha *asha, const struct history *history)
{
    bool reaches = history->changes >= l->seen && history->changes - l->seen <= HISTORY_CHANGED;
    if (!same_rungs(&l->asha, asha) || !reaches)
        build(l, asha, history);
    else
        for (uint64_t c = l->seen; c < history->changes; c++) {
            uint32_t trial = history->changed[c % HISTORY_CHANGED];
            if (!(trial & HISTORY_WARM))
                restand(l, trial, history_find(history, trial));
        }
    l->seen = history->changes;
}

int ladder_place(const struct ladder *l, int k, uint32_t trial)
{
    if (!trial || trial > l->trials)
        return -1;
    double score = l->score[(trial - 1) * (size_t)l->asha.count + (size_t)k];
    return isnan(score) ? -1 : (int)standings_before(&l->all[k], (struct standing){score, trial});
}
