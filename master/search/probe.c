#include "master/search/probe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/str.h"
#include "master/search/beyond.h"
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
    TRIES = 6
};
static const double OUTER = 0.9, STEP = 0.5;
static const double NO_STRUCTURE = 0.33;

/* ---- the point ---- */

struct view {
    const struct space *space;
    enum boundary study;
    struct evidence ev;
    struct box box;
    struct outside outside;
    const struct observed *top[TOP]; /* the best inside */
    int probed;                      /* trials beyond a wall that say something of it, or will */
};

static bool find_top(struct view *v)
{
    int found = 0;
    for (int i = 0; i < v->ev.count; i++) {
        const struct observed *o = &v->ev.list[i];
        if (o->state != HISTORY_SCORED || !v->outside.is_in[i])
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
    return way_out(v->space, &v->box, out, param, side, &by) && by > WAY_DUST && require_holds(v->space, out);
}

static const char *side_name(int side)
{
    return side > 0 ? "top" : "bottom";
}

/* The best inside that has not been taken beyond the wall. */
static const struct observed *another_base(const struct view *v, int param, int side)
{
    const struct observed *best = NULL;
    for (int i = 0; i < v->ev.count; i++) {
        const struct observed *o = &v->ev.list[i];
        if (o->state == HISTORY_SCORED && v->outside.is_in[i] && (!best || o->score > best->score) &&
            o->point->v[param].kind == VALUE_NUM && !outside_has_partner(&v->outside, o->point, param, side))
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

/* The best of the top trials that lies in the outer tenth; NULL: none. */
static const struct observed *leaning(const struct view *v, int param, int side)
{
    double by;
    for (int k = 0; k < TOP; k++)
        if (way_out(v->space, &v->box, v->top[k]->point, param, side, &by) && by >= OUTER - 1 &&
            by <= WAY_DUST)
            return v->top[k];
    return NULL;
}

static bool probe(const struct view *v, int param, int side, const struct beyond *there, struct point *out,
                  struct proposal *note)
{
    const struct observed *from = leaning(v, param, side);
    int due =
        FIRST + (there->pending + there->losses + there->older) * AGAIN + there->bad * there->bad * AGAIN_BAD;
    if (!from || there->is_sure || v->ev.finished < due || v->probed >= PROBES + v->ev.finished / PROBE_PART)
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
static bool next_ring(struct view *v, int *param, int *side, struct point *out)
{
    double least = INFINITY;
    struct point point;
    point_clone(&point, v->top[0]->point);
    for (int i = 0; i < v->space->count; i++)
        for (int s = 1; s >= -1 && may_grow(v, i); s -= 2) {
            struct beyond there = beyond_wall(&v->outside, i, s);
            double by, ring = floor(there.farthest + WAY_DUST) + 1;
            if (ring >= least || !step_out(v, v->top[0]->point, i, s, ring, &point) ||
                !way_out(v->space, &v->box, &point, i, s, &by) || by < there.farthest + WAY_DUST)
                continue;
            least = ring;
            *param = i;
            *side = s;
            point_copy(out, &point);
        }
    point_fini(&point);
    return least < INFINITY;
}

static bool scout(struct view *v, const struct history *history, struct point *out, struct proposal *note)
{
    if (v->ev.finished > SCOUT_UNTIL || (outside_count(&v->outside) + 1) * SCOUT_PART > v->ev.finished)
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

static bool any_may_grow(const struct view *v)
{
    for (int i = 0; i < v->space->count; i++)
        if (may_grow(v, i))
            return true;
    return false;
}

/* What lies beyond each wall, low and high by turns; returns how many trials that say something of a wall, or will. What a
 * model proposed out there for the score's sake is no pair, and uses up nobody's turn. */
static int look_beyond(struct view *v, struct beyond *walls)
{
    int count = 0;
    for (int w = 0; w < 2 * v->space->count; w++) {
        walls[w] = beyond_wall(&v->outside, w / 2, w % 2 ? 1 : -1);
        count += walls[w].wins + walls[w].losses + walls[w].bad + walls[w].pending + walls[w].older;
    }
    return count;
}

static const char *find(struct view *v, const struct history *history, struct point *out,
                        struct proposal *note)
{
    struct beyond *walls = xcalloc(2 * (size_t)v->space->count + 1, sizeof *walls);
    bool found = false;
    v->probed = look_beyond(v, walls);
    for (int w = 0; w < 2 * v->space->count && !found; w++) {
        int param = w / 2, side = w % 2 ? 1 : -1;
        found = may_grow(v, param) && (confirm(v, param, side, &walls[w], out, note) ||
                                       probe(v, param, side, &walls[w], out, note));
    }
    free(walls);
    return found ? "probe" : scout(v, history, out, note) ? "scout" : NULL;
}

bool probe_point(const struct atlas *atlas, enum boundary study, const struct history *history,
                 struct point *out, struct proposal *note)
{
    const struct space *space = atlas->space;
    struct view v = {.space = space, .study = study};
    const char *who = NULL;
    if (!any_may_grow(&v))
        return false;
    evidence_init(&v.ev, history);
    if (v.ev.finished >= FIRST) {
        history_box_clone(history, space, &v.box);
        outside_init(&v.outside, space, &v.ev, &v.box, atlas);
        who = find_top(&v) ? find(&v, history, out, note) : NULL;
        outside_fini(&v.outside);
        box_fini(&v.box);
    }
    evidence_fini(&v.ev);
    if (!who)
        return false;
    str_copy(note->sampler, sizeof note->sampler, who);
    note->version = 4;
    return true;
}
