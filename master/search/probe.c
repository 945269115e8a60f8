#include "master/search/probe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/str.h"
#include "master/search/rank.h"
#include "master/search/require.h"
#include "master/search/sight.h"
#include "master/search/walls.h"

enum {
    FIRST = 12,
    AGAIN = 16,
    AGAIN_BAD = 4,
    TOP = 3,
    SCOUT_PART = 5,
    PROBES = 8,
    PROBE_PART = 8,
    SCOUT_UNTIL = 120,
    BEYOND_MAX = 64,
    TRIES = 4
};
static const double OUTER = 0.9, STEP = 0.5, EPS = 1e-9;
static const double SURE = 1.5, SUM = 1,
                    COUNTS = 0.1; /* gains: alone, of several together, and to count at all */
static const double NO_STRUCTURE = 0.33;

/* ---- where a trial lies ---- */

/* How far beyond the wall: below 0 inside. False: no position. */
static bool way_out(const struct space *space, const struct box *box, const struct point *point, int param,
                    int side, double *by)
{
    double z;
    bool has_place = box_position(box, space, param, point->v[param], &z);
    *by = has_place ? side > 0 ? z - 1 : -z : 0;
    return has_place;
}

/* The logarithm only where the value itself says so: most lie inside. */
static bool is_beyond(const struct space *space, const struct box *box, const struct span *range,
                      const struct point *point, int param, int side, double *by)
{
    struct value v = point->v[param];
    if (v.kind != VALUE_NUM || (side > 0 ? v.num <= range->hi : v.num >= range->lo))
        return false;
    return way_out(space, box, point, param, side, by) && *by > EPS;
}

/* ---- what lies beyond ---- */

/* By how much the best inside the wall is better than the median there. False: too few to say. */
static bool inside(const struct space *space, const struct evidence *ev, const struct box *box, int param,
                   int side, double *spread)
{
    struct span range = box_range(box, space, param);
    double by, best = -INFINITY, *score = xcalloc((size_t)ev->count + 1, sizeof *score);
    int n = 0;
    for (int i = 0; i < ev->count; i++) {
        const struct observed *o = &ev->list[i];
        if (o->state != HISTORY_SCORED || is_beyond(space, box, &range, o->point, param, side, &by))
            continue;
        score[n++] = o->score;
        best = fmax(best, o->score);
    }
    bool is_enough = n >= TOP;
    *spread = is_enough ? best - rank_select(score, n, n / 2) : 0;
    free(score);
    return is_enough;
}

static bool same_but(const struct point *a, const struct point *b, int param, int count)
{
    for (int i = 0; i < count; i++)
        if (i != param && !value_same(a->v[i], b->v[i]))
            return false;
    return true;
}

/* The score of the trial inside the wall that this one differs from in nothing else; -INFINITY: there is no such
 * trial, and what it scored may have other reasons. */
static double base_score(const struct space *space, const struct evidence *ev, const struct box *box,
                         const struct observed *out, int param, int side)
{
    struct span range = box_range(box, space, param);
    double by, base = -INFINITY;
    for (int i = 0; i < ev->count; i++) {
        const struct observed *o = &ev->list[i];
        if (o->state == HISTORY_SCORED && o->score > base &&
            same_but(o->point, out->point, param, space->count) &&
            !is_beyond(space, box, &range, o->point, param, side, &by))
            base = o->score;
    }
    return base;
}

/* Those beyond the wall, newest first; counts them. */
static int gather(const struct space *space, const struct evidence *ev, const struct box *box, int param,
                  int side, const struct observed **out, struct beyond *there)
{
    struct span range = box_range(box, space, param);
    double by;
    int n = 0;
    for (int i = ev->count - 1; i >= 0 && n < BEYOND_MAX; i--) {
        const struct observed *o = &ev->list[i];
        if (!is_beyond(space, box, &range, o->point, param, side, &by))
            continue;
        out[n++] = o;
        there->tried = fmin(there->tried, by);
        there->farthest = fmax(there->farthest, by);
        there->pending += o->state == HISTORY_PENDING;
        there->bad += o->state == HISTORY_BAD;
        there->scored += o->state == HISTORY_SCORED;
    }
    return n;
}

/* One pair: a trial beyond the wall gained so much. */
static void count_gain(struct beyond *there, const struct observed *out, double gain, double by, double *most)
{
    there->gain = fmax(there->gain, gain);
    there->losses += gain < COUNTS;
    if (gain < COUNTS)
        return;
    there->wins++;
    there->total += fmin(gain, 1);
    there->best = fmax(there->best, by);
    if (out->score > *most)
        there->winner = out->trial;
    *most = fmax(*most, out->score);
}

struct beyond probe_beyond(const struct space *space, const struct evidence *ev, const struct box *box,
                           int param, int side)
{
    struct beyond there = {.gain = -INFINITY, .nearest = INFINITY, .tried = INFINITY};
    const struct observed *out[BEYOND_MAX];
    int n = gather(space, ev, box, param, side, out, &there);
    double by, spread, most = -INFINITY;
    bool can_say = there.scored && inside(space, ev, box, param, side, &spread);
    for (int i = 0; i < n && can_say; i++) {
        double base =
            out[i]->state == HISTORY_SCORED ? base_score(space, ev, box, out[i], param, side) : -INFINITY;
        double more = out[i]->score - base;
        way_out(space, box, out[i]->point, param, side, &by);
        if (base > -INFINITY)
            count_gain(&there, out[i], more > 0 ? more / fmax(spread, 1e-300) : -1, by, &most);
    }
    there.is_sure = there.gain >= SURE || (there.total >= SUM && there.wins >= there.losses);
    for (int i = 0; i < n; i++)
        if (out[i]->state == HISTORY_BAD && way_out(space, box, out[i]->point, param, side, &by) &&
            by > there.best)
            there.nearest = fmin(there.nearest, by);
    return there;
}

/* ---- the point ---- */

struct view {
    const struct space *space;
    enum boundary study;
    struct evidence ev;
    struct box box;
    bool *is_in;                     /* by observation: within today's box on every axis */
    const struct observed *top[TOP]; /* the best of those */
};

static void find_inside(struct view *v)
{
    v->is_in = xcalloc((size_t)v->ev.count + 1, sizeof *v->is_in);
    for (int i = 0; i < v->ev.count; i++)
        v->is_in[i] = true;
    for (int k = 0; k < v->space->count; k++) {
        if (!param_is_numeric(&v->space->params[k]))
            continue;
        struct span range = box_range(&v->box, v->space, k);
        double by;
        for (int i = 0; i < v->ev.count; i++)
            v->is_in[i] = v->is_in[i] &&
                          !is_beyond(v->space, &v->box, &range, v->ev.list[i].point, k, 1, &by) &&
                          !is_beyond(v->space, &v->box, &range, v->ev.list[i].point, k, -1, &by);
    }
}

static bool find_top(struct view *v)
{
    int found = 0;
    for (int i = 0; i < v->ev.count; i++) {
        const struct observed *o = &v->ev.list[i];
        if (o->state != HISTORY_SCORED || !v->is_in[i])
            continue;
        int at = found < TOP ? found++ : TOP;
        for (; at > 0 && v->top[at - 1]->score < o->score; at--)
            if (at < TOP)
                v->top[at] = v->top[at - 1];
        if (at < TOP)
            v->top[at] = o;
    }
    return found == TOP;
}

/* `from` with one parameter `step` box widths beyond the wall; false: that is as far as it goes. */
static bool step_out(const struct view *v, const struct point *from, int param, int side, double step,
                     struct point *out)
{
    const struct param *p = &v->space->params[param];
    struct span moved = wall_moved(p, v->box.walls[param], side, step);
    double by;
    point_copy(out, from);
    out->v[param] = value_num(param_nearest(p, moved, param_unscale(p, side > 0 ? moved.hi : moved.lo)));
    return way_out(v->space, &v->box, out, param, side, &by) && by > EPS && require_holds(v->space, out);
}

static const char *side_name(int side)
{
    return side > 0 ? "top" : "bottom";
}

/* Is this trial the base of one beyond the wall? */
static bool is_taken(const struct view *v, const struct span *range, const struct point *base, int param,
                     int side)
{
    double by;
    for (int i = 0; i < v->ev.count; i++)
        if (is_beyond(v->space, &v->box, range, v->ev.list[i].point, param, side, &by) &&
            same_but(v->ev.list[i].point, base, param, v->space->count))
            return true;
    return false;
}

/* The best inside that has not been taken beyond the wall. */
static const struct observed *another_base(const struct view *v, int param, int side)
{
    struct span range = box_range(&v->box, v->space, param);
    const struct observed *best = NULL;
    for (int i = 0; i < v->ev.count; i++) {
        const struct observed *o = &v->ev.list[i];
        if (o->state == HISTORY_SCORED && v->is_in[i] && (!best || o->score > best->score) &&
            o->point->v[param].kind == VALUE_NUM && !is_taken(v, &range, o->point, param, side))
            best = o;
    }
    return best;
}

static const struct observed *observed_of(const struct evidence *ev, uint32_t trial)
{
    for (int i = 0; i < ev->count; i++)
        if (ev->list[i].trial == trial)
            return &ev->list[i];
    return NULL;
}

static bool confirm(const struct view *v, int param, int side, const struct beyond *there, struct point *out,
                    struct proposal *note)
{
    bool is_open = there->wins && there->wins >= there->losses && there->wins + there->losses < TRIES &&
                   !there->is_sure && !there->pending;
    const struct observed *winner = is_open ? observed_of(&v->ev, there->winner) : NULL;
    const struct observed *base = winner ? another_base(v, param, side) : NULL;
    if (!base)
        return false;
    point_copy(out, base->point);
    out->v[param] = winner->point->v[param];
    if (!require_holds(v->space, out))
        return false;
    snprintf(note->why, sizeof note->why, "trial %u gains beyond the %s wall of %s: does trial %u too?",
             winner->trial & ~HISTORY_WARM, side_name(side), v->space->params[param].name,
             base->trial & ~HISTORY_WARM);
    return true;
}

static bool may_grow(const struct view *v, int param)
{
    return wall_policy(&v->space->params[param], v->study) == BOUNDARY_EXPAND;
}

static int count_beyond(const struct view *v)
{
    int count = 0;
    for (int i = 0; i < v->space->count; i++)
        for (int s = -1; s <= 1 && may_grow(v, i); s += 2) {
            struct beyond there = probe_beyond(v->space, &v->ev, &v->box, i, s);
            count += there.scored + there.bad + there.pending;
        }
    return count;
}

/* The best of the top trials that lies in the outer tenth; NULL: none. */
static const struct observed *leaning(const struct view *v, int param, int side)
{
    double by;
    for (int k = 0; k < TOP; k++)
        if (way_out(v->space, &v->box, v->top[k]->point, param, side, &by) && by >= OUTER - 1 && by <= EPS)
            return v->top[k];
    return NULL;
}

static bool probe(const struct view *v, int param, int side, const struct beyond *there, struct point *out,
                  struct proposal *note)
{
    const struct observed *from = leaning(v, param, side);
    int due = FIRST + there->pending * AGAIN + there->losses * AGAIN + there->bad * there->bad * AGAIN_BAD;
    if (!from || there->is_sure || v->ev.finished < due ||
        count_beyond(v) >= PROBES + v->ev.finished / PROBE_PART)
        return false;
    struct span first = v->space->params[param].box, wall = v->box.walls[param];
    double began = wall.hi > wall.lo ? fmin(1, (first.hi - first.lo) / (wall.hi - wall.lo)) : 1;
    if (!step_out(v, from->point, param, side, fmin(STEP * began, there->tried / 2), out))
        return false;
    snprintf(note->why, sizeof note->why, "trial %u, among the best %d, lies at the %s wall of %s: beyond it",
             from->trial & ~HISTORY_WARM, TOP, side_name(side), v->space->params[param].name);
    return true;
}

/* ---- scouts ---- */

/* The side where the least has been tried, and how far out to go there. */
static bool next_ring(const struct view *v, int *param, int *side, struct point *out)
{
    double least = INFINITY;
    struct point point;
    point_clone(&point, v->top[0]->point);
    for (int i = 0; i < v->space->count; i++)
        for (int s = 1; s >= -1 && may_grow(v, i); s -= 2) {
            struct beyond there = probe_beyond(v->space, &v->ev, &v->box, i, s);
            double by, ring = floor(there.farthest + EPS) + 1;
            if (ring >= least || !step_out(v, v->top[0]->point, i, s, ring, &point) ||
                !way_out(v->space, &v->box, &point, i, s, &by) || by < there.farthest + EPS)
                continue;
            least = ring;
            *param = i;
            *side = s;
            point_copy(out, &point);
        }
    point_fini(&point);
    return least < INFINITY;
}

static bool scout(const struct view *v, const struct history *history, struct point *out,
                  struct proposal *note)
{
    if (v->ev.finished > SCOUT_UNTIL || (count_beyond(v) + 1) * SCOUT_PART > v->ev.finished)
        return false;
    struct sight sight;
    sight_init(&sight, v->space, history, &v->box);
    double structure = sight_structure(&sight);
    sight_fini(&sight);
    int param = 0, side = 0;
    if (!(structure < NO_STRUCTURE) || !next_ring(v, &param, &side, out))
        return false;
    snprintf(
        note->why, sizeof note->why,
        "%d results show no structure (%.0f %% explained): is anything learned beyond the %s wall of %s?",
        v->ev.finished, 100 * fmax(structure, 0), side_name(side), v->space->params[param].name);
    return true;
}

/* ---- all of them ---- */

static const char *find(const struct view *v, const struct history *history, struct point *out,
                        struct proposal *note)
{
    for (int i = 0; i < v->space->count; i++)
        for (int side = -1; side <= 1 && may_grow(v, i); side += 2) {
            struct beyond there = probe_beyond(v->space, &v->ev, &v->box, i, side);
            if (confirm(v, i, side, &there, out, note) || probe(v, i, side, &there, out, note))
                return "probe";
        }
    return scout(v, history, out, note) ? "scout" : NULL;
}

bool probe_point(const struct space *space, enum boundary study, const struct history *history,
                 struct point *out, struct proposal *note)
{
    struct view v = {.space = space, .study = study};
    const char *who = NULL;
    evidence_init(&v.ev, history);
    if (v.ev.finished >= FIRST) {
        history_box_clone(history, space, &v.box);
        find_inside(&v);
        who = find_top(&v) ? find(&v, history, out, note) : NULL;
        free(v.is_in);
        box_fini(&v.box);
    }
    evidence_fini(&v.ev);
    if (!who)
        return false;
    str_copy(note->sampler, sizeof note->sampler, who);
    note->version = 2;
    return true;
}
