#include "master/search/evidence.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

static int by_group(const void *a, const void *b)
{
    const struct observed *p = a, *q = b;
    if (p->group != q->group)
        return p->group < q->group ? -1 : 1;
    return (p->trial > q->trial) - (p->trial < q->trial);
}

static int by_trial(const void *a, const void *b)
{
    const struct observed *p = a, *q = b;
    return (p->trial > q->trial) - (p->trial < q->trial);
}

/* One more repeat of the same point; `into` is the first of the group. */
static void merge(struct observed *into, const struct observed *repeat)
{
    if (into->state == HISTORY_SCORED && repeat->state == HISTORY_SCORED) {
        into->score = (into->score * into->repeats + repeat->score) / (into->repeats + 1);
        into->repeats++;
    } else if (repeat->state == HISTORY_SCORED) {
        into->score = repeat->score;
        into->repeats = 1;
    }
    if (repeat->state == HISTORY_SCORED || into->state == HISTORY_PENDING)
        into->state = repeat->state;
    into->pruned = into->pruned && repeat->pruned;
    into->epochs = repeat->epochs > into->epochs ? repeat->epochs : into->epochs;
}

static void merge_groups(struct evidence *ev)
{
    int kept = 0;
    qsort(ev->list, (size_t)ev->count, sizeof *ev->list, by_group);
    for (int i = 0; i < ev->count; i++) {
        if (kept && ev->list[kept - 1].group == ev->list[i].group)
            merge(&ev->list[kept - 1], &ev->list[i]);
        else
            ev->list[kept++] = ev->list[i];
    }
    ev->count = kept;
    qsort(ev->list, (size_t)ev->count, sizeof *ev->list, by_trial);
}

/* ---- rungs ---- */

enum { RUNG_LEAST = 10 };

/* The rung after `above`, from the top: the most epochs below that which some trial stands at; 0: none. */
static int next_rung(const struct history *history, int above)
{
    int next = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        bool stands = e->state == HISTORY_SCORED || entry_is_paused(e);
        if (stands && !entry_is_warm(e) && e->epochs < above && e->epochs > next)
            next = e->epochs;
    }
    return next;
}

/* The epochs at which trials are compared; 0: there are no rungs. */
static int common_rung(const struct history *history)
{
    if (!history_has_rungs(history))
        return 0;
    int params = history->entries[0].point.count, lowest = 0;
    int least = params + 2 > RUNG_LEAST ? params + 2 : RUNG_LEAST;
    for (int epochs = next_rung(history, INT_MAX); epochs > 0; epochs = next_rung(history, epochs)) {
        int count = 0;
        double score;
        lowest = epochs;
        for (size_t i = 0; i < history->count; i++)
            count += !entry_is_warm(&history->entries[i]) &&
                     entry_score_at(&history->entries[i], epochs, &score) && score > -INFINITY;
        if (count >= least)
            return epochs;
    }
    return lowest;
}

/* What is known of a trial where trials are compared at a rung. */
static void look_at_rung(const struct entry *e, int rung, struct observed *o)
{
    double score;
    bool has_result = o->state == HISTORY_SCORED || entry_is_paused(e);
    if (entry_is_warm(e) || o->state == HISTORY_BAD || !entry_score_at(e, rung, &score) ||
        score == -INFINITY) {
        o->pruned = o->pruned || (has_result && e->epochs < rung);
        o->state = has_result ? HISTORY_SCORED : o->state;
        o->score = has_result ? e->score : o->score;
        o->repeats = has_result;
        return;
    }
    o->state = HISTORY_SCORED;
    o->pruned = false;
    o->epochs = rung;
    o->score = score;
    o->repeats = 1;
}

/* Those that did not get to the rung keep their order and their distances, all of it below the worst that did. */
static void put_behind(struct evidence *ev)
{
    double worst = INFINITY, best = -INFINITY;
    for (int i = 0; i < ev->count; i++) {
        const struct observed *o = &ev->list[i];
        if (o->state == HISTORY_SCORED && !o->pruned)
            worst = fmin(worst, o->score);
        else if (o->state == HISTORY_SCORED)
            best = fmax(best, o->score);
    }
    for (int i = 0; i < ev->count && best > worst; i++)
        if (ev->list[i].state == HISTORY_SCORED && ev->list[i].pruned)
            ev->list[i].score -= best - worst;
}

/* ---- the whole ---- */

void evidence_init(struct evidence *ev, const struct history *history)
{
    bool has_repeats = false;
    int rung = common_rung(history);
    *ev = (struct evidence){.list = xcalloc(history->count + 1, sizeof *ev->list)};
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        if (e->state == HISTORY_GONE)
            continue;
        bool is_scored = e->state == HISTORY_SCORED && e->score > -INFINITY;
        ev->list[ev->count++] = (struct observed){
            .point = &e->point,
            .trial = e->trial,
            .entry = (int)i,
            .group = e->group,
            .state = e->state == HISTORY_SCORED && !is_scored ? HISTORY_BAD : e->state,
            .pruned = e->pruned,
            .epochs = e->epochs,
            .score = is_scored ? e->score : -INFINITY,
            .repeats = is_scored,
        };
        memcpy(ev->list[ev->count - 1].more, e->more, sizeof e->more);
        if (rung)
            look_at_rung(e, rung, &ev->list[ev->count - 1]);
        has_repeats |= e->group != e->trial;
    }
    if (has_repeats)
        merge_groups(ev);
    if (rung)
        put_behind(ev);
    for (int i = 0; i < ev->count; i++) {
        ev->pending += ev->list[i].state == HISTORY_PENDING;
        ev->finished += ev->list[i].state != HISTORY_PENDING;
    }
}

void evidence_fini(struct evidence *ev)
{
    free(ev->list);
    *ev = (struct evidence){0};
}

void observed_scores(const struct observed *o, int metrics, double *out)
{
    out[0] = o->score;
    for (int k = 1; k < metrics; k++)
        out[k] = o->state == HISTORY_BAD ? -INFINITY : o->more[k - 1];
}

static int class_of(const struct observed *o)
{
    return o->state == HISTORY_BAD ? 2 : o->pruned;
}

static int compare_observed(const void *a, const void *b)
{
    const struct observed *p = *(const struct observed *const *)a, *q = *(const struct observed *const *)b;
    if (class_of(p) != class_of(q))
        return class_of(p) - class_of(q);
    if (class_of(p) == 1 && p->epochs != q->epochs)
        return p->epochs > q->epochs ? -1 : 1;
    if (p->score != q->score)
        return p->score > q->score ? -1 : 1;
    return (p->trial > q->trial) - (p->trial < q->trial);
}

int evidence_rank(const struct evidence *ev, int *order)
{
    const struct observed **sorted = xcalloc((size_t)ev->count + 1, sizeof *sorted);
    int n = 0;
    for (int i = 0; i < ev->count; i++)
        if (ev->list[i].state != HISTORY_PENDING)
            sorted[n++] = &ev->list[i];
    qsort(sorted, (size_t)n, sizeof *sorted, compare_observed);
    for (int i = 0; i < n; i++)
        order[i] = (int)(sorted[i] - ev->list);
    free(sorted);
    return n;
}

int evidence_best(const struct evidence *ev, int most, int *order)
{
    const struct observed **best = xcalloc((size_t)most + 1, sizeof *best);
    int n = 0;
    for (int i = 0; i < ev->count && most > 0; i++) {
        const struct observed *o = &ev->list[i];
        if (o->state == HISTORY_PENDING || (n == most && compare_observed(&o, &best[n - 1]) > 0))
            continue;
        int at = n < most ? n++ : n - 1;
        for (; at > 0 && compare_observed(&o, &best[at - 1]) < 0; at--)
            best[at] = best[at - 1];
        best[at] = o;
    }
    for (int i = 0; i < n; i++)
        order[i] = (int)(best[i] - ev->list);
    free(best);
    return n;
}

/* `order` holds the finished ones; stable by rank, so trial numbers rise within one. */
static void sort_by_rank(const int *rank, int n, int *order)
{
    int *sorted = xcalloc((size_t)n + 1, sizeof *sorted), count = 0;
    for (int front = 0; count < n; front++)
        for (int i = 0; i < n; i++)
            if (rank[i] == front)
                sorted[count++] = i;
    memcpy(order, sorted, (size_t)n * sizeof *order);
    free(sorted);
}

/* Where hypervolume counts from when a front is cut: as far beyond its own worst as the front is long. What lies behind the
 * front does not move it. */
static void reference_of(const double *y, int m, const int *members, int count, double *reference)
{
    for (int k = 0; k < m; k++) {
        double worst = INFINITY, best = -INFINITY;
        for (int i = 0; i < count; i++) {
            double v = y[(long)members[i] * m + k];
            worst = isfinite(v) && v < worst ? v : worst;
            best = isfinite(v) && v > best ? v : best;
        }
        reference[k] = worst > best ? 0 : worst - (best > worst ? best - worst : 1);
    }
}

int evidence_rank_front(const struct evidence *ev, int metrics, int below, int *order)
{
    size_t room = (size_t)ev->count + 1;
    double *y = xcalloc(room * (size_t)metrics, sizeof *y), reference[PARETO_MAX];
    int *rank = xcalloc(room, sizeof *rank), *which = xcalloc(room, sizeof *which), n = 0, first = 0, end;
    for (int i = 0; i < ev->count; i++) {
        if (ev->list[i].state == HISTORY_PENDING)
            continue;
        observed_scores(&ev->list[i], metrics, y + (long)n * metrics);
        which[n++] = i;
    }
    pareto_ranks(y, n, metrics, rank);
    sort_by_rank(rank, n, order);
    for (end = 0; end < n && rank[order[end]] <= rank[order[below < n ? below : n - 1]]; end++)
        if (end && rank[order[end]] != rank[order[end - 1]])
            first = end;
    reference_of(y, metrics, order + first, end - first, reference);
    if (first < below)
        pareto_choose(y, metrics, reference, order + first, end - first, below - first);
    for (int i = 0; i < n; i++)
        order[i] = which[order[i]];
    free(which);
    free(rank);
    free(y);
    return n;
}
