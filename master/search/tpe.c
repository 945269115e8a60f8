#include "master/search/tpe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/str.h"
#include "master/search/design.h"
#include "master/search/parzen.h"
#include "master/search/require.h"
#include "master/search/sampler_row.h"

enum { BELOW_MAX = 25, MODEL_MAX = 4000, MODEL_HALF = 2000 };

int tpe_below(int finished)
{
    int below = (finished + 9) / 10;
    return below < BELOW_MAX ? below : BELOW_MAX;
}

/* ---- groups of parameters ---- */

static bool same_when(const struct param *a, const struct param *b)
{
    if (a->when_count != b->when_count)
        return false;
    for (int w = 0; w < a->when_count; w++) {
        const struct when *x = &a->when[w], *y = &b->when[w];
        if (x->parent != y->parent || x->count != y->count)
            return false;
        for (int i = 0; i < x->count; i++)
            if (!value_same(x->accept[i], y->accept[i]))
                return false;
    }
    return true;
}

/* Parameters with the same conditions as `first`, itself included, into `out`; marks them. */
static int group_of(const struct space *space, int first, bool *taken, int *out)
{
    int dims = 0;
    for (int k = 0; k < space->count; k++) {
        int i = space->order[k];
        if (!taken[i] && same_when(&space->params[first], &space->params[i])) {
            taken[i] = true;
            out[dims++] = i;
        }
    }
    return dims;
}

static int itself(int first, bool *taken, int *out)
{
    taken[first] = true;
    out[0] = first;
    return 1;
}

/* ---- below and above ---- */

struct split {
    struct evidence ev;
    struct atlas *atlas;
    bool *is_below, *is_used; /* by observation */
    int below, used;
};

/* Best first, as many as have to be told apart: those below, and where there are too many for the model its better half. */
static void rank(const struct evidence *ev, int metrics, int below, int *order)
{
    if (metrics > 1)
        evidence_rank_front(ev, metrics, below, order);
    else if (ev->finished > MODEL_MAX)
        evidence_rank(ev, order);
    else
        evidence_best(ev, below, order);
}

static void split_init(struct split *s, struct atlas *atlas, const struct history *history, int metrics)
{
    s->atlas = atlas;
    evidence_init(&s->ev, history);
    size_t room = (size_t)s->ev.count + 1;
    int *order = xcalloc(room, sizeof *order), newest = 0;
    bool is_all = s->ev.finished <= MODEL_MAX;
    s->is_below = xcalloc(room, sizeof *s->is_below);
    s->is_used = xcalloc(room, sizeof *s->is_used);
    s->below = tpe_below(s->ev.finished);
    s->used = 0;
    rank(&s->ev, metrics, s->below, order);
    for (int i = 0; i < s->below; i++)
        s->is_below[order[i]] = true;
    for (int i = 0; i < MODEL_HALF && !is_all; i++)
        s->is_used[order[i]] = true;
    for (int i = s->ev.count - 1; i >= 0; i--) {
        bool is_pending = s->ev.list[i].state == HISTORY_PENDING;
        s->is_used[i] |= is_all || is_pending || newest++ < MODEL_HALF;
        s->used += s->is_used[i];
    }
    free(order);
}

static void split_fini(struct split *s)
{
    evidence_fini(&s->ev);
    free(s->is_below);
    free(s->is_used);
}

/* The density of the points of one side in which the group is active, oldest first. */
static void side_init(struct parzen *z, const struct split *s, bool below, const struct box *box,
                      const int *params, int dims)
{
    const struct point **points = xcalloc((size_t)s->ev.count + 1, sizeof *points);
    int *entries = xcalloc((size_t)s->ev.count + 1, sizeof *entries), m = 0;
    for (int i = 0; i < s->ev.count; i++) {
        const struct observed *o = &s->ev.list[i];
        if (!s->is_used[i] || s->is_below[i] != below || o->point->v[params[0]].kind == VALUE_OFF)
            continue;
        points[m] = o->point;
        entries[m++] = o->entry;
    }
    parzen_read(z, s->atlas, box, params, dims, points, entries, m);
    free(points);
    free(entries);
}

/* ---- one group ---- */

/* Draws that keep the rules as far as the point goes: parameters of later groups are still OFF. Of each draw that
 * breaks one there are up to RULE_REDRAWS. Returns how many there are. */
static int draw_candidates(const struct parzen *l, struct rng *rng, const struct point *out,
                           struct point *drawn)
{
    enum { RULE_REDRAWS = 20 };
    int found = 0;
    for (int k = 0; k < TPE_DRAWS; k++) {
        bool holds = false;
        point_clone(&drawn[found], out);
        for (int draw = 0; draw < RULE_REDRAWS && !holds; draw++) {
            parzen_draw(l, rng, &drawn[found]);
            holds = require_holds(l->space, &drawn[found]);
        }
        if (holds)
            found++;
        else
            point_fini(&drawn[found]);
    }
    return found;
}

static bool same_zeros(const struct parzen *z, const struct point *a, const struct point *b)
{
    for (int dim = 0; dim < z->dims; dim++) {
        int i = z->params[dim];
        if (z->space->params[i].or_zero > 0 && (a->v[i].num == 0) != (b->v[i].num == 0))
            return false;
    }
    return true;
}

/* Which of the or_zero parameters are to be zero is decided first, by the draw that is best without the places of those
 * that are not: few points make sharp peaks in a density, and a zero, which has none, would hardly ever win. */
static int zeros_of_best(const struct parzen *l, const struct parzen *g, const struct point *drawn, int count)
{
    double log_l[TPE_DRAWS], log_g[TPE_DRAWS];
    int best = 0;
    if (!parzen_log_zeros(l, drawn, count, log_l))
        return 0;
    parzen_log_zeros(g, drawn, count, log_g);
    for (int k = 1; k < count; k++)
        if (log_l[k] - log_g[k] > log_l[best] - log_g[best])
            best = k;
    return best;
}

/* Log l - log g of the best of the draws, whose values go into `out`; NaN: every draw breaks a rule. */
static double best_of_draws(const struct parzen *l, const struct parzen *g, struct rng *rng,
                            struct point *out)
{
    struct point drawn[TPE_DRAWS];
    double log_l[TPE_DRAWS], log_g[TPE_DRAWS];
    int best = 0, count = draw_candidates(l, rng, out, drawn);
    if (!count)
        return NAN;
    int like = zeros_of_best(l, g, drawn, count);
    parzen_log(l, drawn, count, log_l);
    parzen_log(g, drawn, count, log_g);
    best = like;
    for (int k = 0; k < count; k++)
        if (same_zeros(l, &drawn[k], &drawn[like]) && log_l[k] - log_g[k] > log_l[best] - log_g[best])
            best = k;
    for (int dim = 0; dim < l->dims; dim++)
        out->v[l->params[dim]] = drawn[best].v[l->params[dim]];
    for (int k = 0; k < count; k++)
        point_fini(&drawn[k]);
    return log_l[best] - log_g[best];
}

static double group_point(const struct box *box, const struct split *s, const int *params, int dims,
                          struct rng *rng, struct point *out)
{
    struct parzen l, g;
    side_init(&l, s, true, box, params, dims);
    side_init(&g, s, false, box, params, dims);
    double gain = best_of_draws(&l, &g, rng, out);
    parzen_fini(&l);
    parzen_fini(&g);
    return gain;
}

/* ---- the point ---- */

/* NaN: some group has no draw that keeps the rules. */
static double whole_point(const struct space *space, const struct box *box, const struct split *s, bool alone,
                          uint64_t seed, uint32_t trial, uint32_t again, struct point *out)
{
    size_t room = (size_t)space->count + 1;
    bool *taken = xcalloc(room, sizeof *taken);
    int *params = xcalloc(room, sizeof *params);
    double gain = 0;
    memset(out->v, 0, (size_t)out->count * sizeof *out->v);
    for (int k = 0; k < space->count; k++) {
        int first = space->order[k];
        if (taken[first])
            continue;
        int dims = alone ? itself(first, taken, params) : group_of(space, first, taken, params);
        struct rng rng = rng_at(seed, trial, space->params[first].hash + again, STREAM_TPE);
        if (space_is_active(space, out, first))
            gain += group_point(box, s, params, dims, &rng, out);
    }
    free(taken);
    free(params);
    return gain;
}

bool tpe_point(struct atlas *atlas, const struct history *history, int metrics, uint64_t seed, uint32_t trial,
               struct point *out, struct proposal *note)
{
    const struct space *space = atlas->space;
    enum { REDRAWS = 24 };
    struct split s;
    struct box box;
    double gain;
    split_init(&s, atlas, history, metrics);
    history_box_clone(history, space, &box);
    bool is_discrete = space_bound(space) >= 0;
    uint32_t again = 0;
    do
        gain = whole_point(space, &box, &s, metrics > 1, seed, trial, again, out);
    while (again++ < REDRAWS && (isnan(gain) || (is_discrete && history_has_point(history, out))));
    snprintf(note->why, sizeof note->why, "log l/g %.2f; %d below, %d above with %d pending%s", gain, s.below,
             s.used - s.below, s.ev.pending, s.used < s.ev.count ? "; best and newest 2000" : "");
    box_fini(&box);
    split_fini(&s);
    return !isnan(gain);
}

static int propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    size_t finished = history_results(history);
    if (finished < TPE_STARTUP) {
        str_copy(note->sampler, sizeof note->sampler, sampler_halton.name);
        note->version = sampler_halton.version;
        snprintf(note->why, sizeof note->why, "startup: %zu of %d results are there", finished, TPE_STARTUP);
        start_point(s, history, trial, out, note);
    } else if (!tpe_point(sampler_atlas(s, history), history, search_metrics(s->def), s->seed, trial, out,
                          note)) {
        return design_instead(s, history, trial, "every draw broke a rule", out, note, err);
    }
    return design_settle(s->space, history, s->seed, trial, out, note, err);
}

const struct sampler_row sampler_tpe = {.name = "tpe", .version = 3, .slow = true, .propose = propose};
