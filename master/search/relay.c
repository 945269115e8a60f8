/* relay: what `auto` does with several metrics. Two samplers take turns, and who adds more to the front gets more of them.
 *
 *   fewer than 50 results    tpe
 *   then                     tpe, or the breeder: a child (nsga.h) of two of tpe's better group, which is of the lowest
 *                            Pareto ranks and, where a front is cut, what covers most
 *   whose turn               drawn: the breeder's share is b^2 / (b^2 + t^2), at least a tenth and at most nine, where b and t
 *                            are what their trials among the newest 100 results added to the hypervolume when they came, by
 *                            trial; a half while either has fewer than four there
 *
 * Why both: a density of 25 points has kernels no narrower than a 27th of an axis, children fall as near to their parents as
 * these are to each other; and crossing alone is slow to find the front that its parents are to lie on. Why by what they
 * added: which of the two is better differs by a factor of three from problem to problem and changes within a run
 * (docs/samplers.md has the figures).
 *
 * Who made a trial is the one number of its `fit`, which comes back with the history: 0 tpe, 1 the breeder; start and fallback
 * points have none.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/str.h"
#include "master/search/design.h"
#include "master/search/nsga.h"
#include "master/search/pareto.h"
#include "master/search/sampler_row.h"
#include "master/search/tpe.h"

enum { ALONE = 50, WINDOW = 100, BEFORE = 512, LEAST_EACH = 4, PARENTS_LEAST = 4 };
enum maker { MAKER_TPE, MAKER_BREEDER, MAKERS, NOBODY = MAKERS };
static const double SHARE_LEAST = 0.1;
static const char breeder[] = "breeder";
enum { BREEDER_VERSION = 1 };

/* ---- who added how much ---- */

/* The newest results, oldest first: their scores and makers. */
struct results {
    double *y;
    enum maker *maker;
    int count, metrics;
};

static enum maker maker_of(const struct entry *e)
{
    return e->fit_count == 1 ? e->fit[0] > 0 ? MAKER_BREEDER : MAKER_TPE : NOBODY;
}

static bool has_scores(const struct entry *e, int metrics)
{
    bool has = e->state == HISTORY_SCORED && isfinite(e->score);
    for (int k = 1; k < metrics && has; k++)
        has = isfinite(e->more[k - 1]);
    return has;
}

static void results_init(struct results *r, const struct history *history, int metrics)
{
    size_t from = history->count;
    int most = BEFORE + WINDOW, found = 0;
    while (from > 0 && found < most)
        found += has_scores(&history->entries[--from], metrics);
    *r = (struct results){.metrics = metrics};
    r->y = xcalloc((size_t)(most * metrics), sizeof *r->y);
    r->maker = xcalloc((size_t)most, sizeof *r->maker);
    for (; from < history->count; from++) {
        const struct entry *e = &history->entries[from];
        if (!has_scores(e, metrics))
            continue;
        double *y = r->y + (long)r->count * metrics;
        y[0] = e->score;
        memcpy(y + 1, e->more, (size_t)(metrics - 1) * sizeof *y);
        r->maker[r->count++] = maker_of(e);
    }
}

static void results_fini(struct results *r)
{
    free(r->y);
    free(r->maker);
}

/* The front so far, to which one point after the other is shown. */
struct front {
    double *y, reference[PARETO_MAX], covered;
    int count, metrics;
};

/* What the point adds to what the front covers. */
static double front_show(struct front *f, const double *y)
{
    int m = f->metrics, kept = 0;
    for (int i = 0; i < f->count; i++)
        if (pareto_dominates(f->y + (long)i * m, y, m))
            return 0;
    for (int i = 0; i < f->count; i++)
        if (!pareto_dominates(y, f->y + (long)i * m, m))
            memmove(f->y + (long)kept++ * m, f->y + (long)i * m, (size_t)m * sizeof *y);
    memcpy(f->y + (long)kept * m, y, (size_t)m * sizeof *y);
    f->count = kept + 1;
    double before = f->covered;
    f->covered = pareto_hypervolume(f->y, f->count, m, f->reference);
    return f->covered - before;
}

/* By trial of each maker; false: one has too few to say. */
static bool gains_of(const struct results *r, double gain[MAKERS])
{
    int shown[MAKERS] = {0};
    double sum[MAKERS] = {0};
    struct front f = {.metrics = r->metrics,
                      .y = xcalloc((size_t)(r->count + 1) * (size_t)r->metrics, sizeof *f.y)};
    pareto_reference(r->y, r->count, r->metrics, f.reference);
    for (int i = 0; i < r->count; i++) {
        double added = front_show(&f, r->y + (long)i * r->metrics);
        if (i < r->count - WINDOW || r->maker[i] == NOBODY)
            continue;
        shown[r->maker[i]]++;
        sum[r->maker[i]] += added;
    }
    free(f.y);
    for (int k = 0; k < MAKERS; k++)
        gain[k] = shown[k] ? sum[k] / shown[k] : 0;
    return shown[MAKER_TPE] >= LEAST_EACH && shown[MAKER_BREEDER] >= LEAST_EACH;
}

/* Part of the turns that the breeder gets. */
static double share_of(const struct history *history, int metrics)
{
    struct results r;
    double gain[MAKERS], share = 0.5;
    results_init(&r, history, metrics);
    if (gains_of(&r, gain) && gain[MAKER_TPE] + gain[MAKER_BREEDER] > 0) {
        double b = gain[MAKER_BREEDER] / (gain[MAKER_TPE] + gain[MAKER_BREEDER]), t = 1 - b;
        share = b * b / (b * b + t * t);
    }
    results_fini(&r);
    return fmin(fmax(share, SHARE_LEAST), 1 - SHARE_LEAST);
}

/* ---- the turn ---- */

static bool breed(const struct sampler *s, const struct history *history, uint32_t trial, double share,
                  struct point *out, struct proposal *note)
{
    struct evidence ev;
    evidence_init(&ev, history);
    if (ev.finished < PARENTS_LEAST) { /* of many results, if most were deleted since */
        evidence_fini(&ev);
        return false;
    }
    size_t room = (size_t)ev.count + 1;
    int *order = xcalloc(room, sizeof *order), of[2];
    const struct point **parents = xcalloc(room, sizeof *parents);
    int below = tpe_below(ev.finished);
    int count = below < PARENTS_LEAST ? PARENTS_LEAST : below;
    evidence_rank_front(&ev, search_metrics(s->def), count, order);
    for (int i = 0; i < count; i++)
        parents[i] = ev.list[order[i]].point;
    bool found = nsga_child(s->space, history, s->seed, trial, parents, count, out, of);
    snprintf(note->why, sizeof note->why,
             "child of trials %u and %u of the best %d; %.0f %% of the turns, by what its children add to "
             "the front",
             ev.list[order[of[0]]].trial & ~HISTORY_WARM, ev.list[order[of[1]]].trial & ~HISTORY_WARM, count,
             100 * share);
    free(parents);
    free(order);
    evidence_fini(&ev);
    return found;
}

static void sign(struct proposal *note, const char *name, int version, enum maker maker)
{
    str_copy(note->sampler, sizeof note->sampler, name);
    note->version = version;
    note->fit[0] = maker;
    note->fit_count = 1;
}

static int ask_tpe(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    str_copy(note->sampler, sizeof note->sampler, sampler_tpe.name);
    note->version = sampler_tpe.version;
    int rc = sampler_tpe.propose(s, history, trial, out, note, err);
    if (!rc && strcmp(note->sampler, sampler_tpe.name) == 0)
        sign(note, sampler_tpe.name, sampler_tpe.version, MAKER_TPE);
    return rc;
}

static int propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    size_t results = history_results(history);
    if (results < ALONE)
        return ask_tpe(s, history, trial, out, note, err);
    struct rng rng = rng_at(s->seed, trial, 0, STREAM_RELAY);
    double share = share_of(history, search_metrics(s->def));
    if (rng_unit(&rng) < share && breed(s, history, trial, share, out, note)) {
        sign(note, breeder, BREEDER_VERSION, MAKER_BREEDER);
        return 0;
    }
    int rc = ask_tpe(s, history, trial, out, note, err);
    size_t length = strlen(note->why);
    snprintf(note->why + length, sizeof note->why - length, "; %.0f %% of the turns", 100 * (1 - share));
    return rc;
}

const struct sampler_row sampler_relay = {.name = "relay", .version = 1, .slow = true, .propose = propose};
