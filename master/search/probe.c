#include "master/search/probe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/str.h"
#include "master/search/rank.h"
#include "master/search/require.h"
#include "master/search/walls.h"

enum { FIRST = 12, AGAIN = 16, AGAIN_BAD = 4, TOP = 3 };
static const double OUTER = 0.9, STEP = 0.5, EPS = 1e-9;

/* How far beyond the wall: below 0 inside. False: no position. */
static bool way_out(const struct space *space, const struct box *box, const struct entry *e, int param,
                    int side, double *by)
{
    double z;
    bool has_place = e->state != HISTORY_GONE && box_position(box, space, param, e->point.v[param], &z);
    *by = has_place ? side > 0 ? z - 1 : -z : 0;
    return has_place;
}

static bool is_beyond(const struct space *space, const struct box *box, const struct entry *e, int param,
                      int side)
{
    double by;
    return way_out(space, box, e, param, side, &by) && by > EPS;
}

/* ---- the point ---- */

/* The best three; false: there are not so many with a score. */
static bool find_top(const struct history *history, const struct entry *top[TOP])
{
    int found = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        if (e->state != HISTORY_SCORED)
            continue;
        int at = found < TOP ? found++ : TOP;
        for (; at > 0 && top[at - 1]->score < e->score; at--)
            if (at < TOP)
                top[at] = top[at - 1];
        if (at < TOP)
            top[at] = e;
    }
    return found == TOP;
}

/* The best of the top trials that lies in the outer tenth; NULL: none. */
static const struct entry *leaning(const struct space *space, const struct box *box,
                                   const struct entry *top[TOP], int param, int side)
{
    double by;
    for (int k = 0; k < TOP; k++)
        if (way_out(space, box, top[k], param, side, &by) && by >= OUTER - 1 && by <= EPS)
            return top[k];
    return NULL;
}

static bool step_out(const struct space *space, const struct box *box, const struct entry *best, int param,
                     int side, double step, struct point *out)
{
    const struct param *p = &space->params[param];
    struct span moved = wall_moved(p, box->walls[param], side, step);
    struct value v = value_num(param_nearest(p, moved, param_unscale(p, side > 0 ? moved.hi : moved.lo)));
    struct entry there = {.state = HISTORY_PENDING};
    point_copy(out, &best->point);
    out->v[param] = v;
    there.point = *out;
    return is_beyond(space, box, &there, param, side) && require_holds(space, out);
}

static bool probe_wall(const struct space *space, const struct history *history, const struct box *box,
                       const struct entry *top[TOP], int param, int side, struct point *out,
                       struct proposal *note)
{
    const struct entry *from = leaning(space, box, top, param, side);
    if (!from)
        return false;
    struct beyond there = probe_beyond(space, history, box, param, side);
    struct span first = space->params[param].box, wall = box->walls[param];
    double began = wall.hi > wall.lo ? fmin(1, (first.hi - first.lo) / (wall.hi - wall.lo)) : 1;
    int due = FIRST + (there.scored + there.pending) * AGAIN + there.bad * AGAIN_BAD;
    if ((int)history_finished(history) < due ||
        !step_out(space, box, from, param, side, fmin(STEP * began, there.tried / 2), out))
        return false;
    snprintf(note->why, sizeof note->why, "trial %u, among the best %d, lies at the %s wall of %s: beyond it",
             from->trial & ~HISTORY_WARM, TOP, side > 0 ? "top" : "bottom", space->params[param].name);
    return true;
}

bool probe_point(const struct space *space, enum boundary study, const struct history *history,
                 struct point *out, struct proposal *note)
{
    const struct entry *top[TOP];
    struct box box;
    bool is_out = false;
    if (history_finished(history) < FIRST || !find_top(history, top))
        return false;
    history_box_clone(history, space, &box);
    for (int i = 0; i < space->count && !is_out; i++)
        for (int side = -1; side <= 1 && !is_out; side += 2)
            is_out = wall_policy(&space->params[i], study) == BOUNDARY_EXPAND &&
                     probe_wall(space, history, &box, top, i, side, out, note);
    box_fini(&box);
    if (!is_out)
        return false;
    str_copy(note->sampler, sizeof note->sampler, "probe");
    note->version = 1;
    return true;
}

/* ---- what it found ---- */

struct beyond probe_beyond(const struct space *space, const struct history *history, const struct box *box,
                           int param, int side)
{
    struct beyond there = {.gain = -INFINITY, .nearest = INFINITY, .tried = INFINITY};
    double out_there = -INFINITY, by, *inside = xcalloc(history->count + 1, sizeof *inside);
    int n = 0, *order = xcalloc(history->count + 1, sizeof *order);
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        bool is_out = way_out(space, box, e, param, side, &by) && by > EPS;
        if (e->state == HISTORY_SCORED && !is_out)
            inside[n++] = e->score;
        if (!is_out)
            continue;
        there.tried = fmin(there.tried, by);
        there.pending += e->state == HISTORY_PENDING;
        there.bad += e->state == HISTORY_BAD;
        there.scored += e->state == HISTORY_SCORED;
        if (e->state == HISTORY_BAD)
            there.nearest = fmin(there.nearest, by);
        else if (e->state == HISTORY_SCORED)
            out_there = fmax(out_there, e->score);
    }
    rank_best_first(inside, n, order);
    if (n >= TOP && there.scored) {
        double best = inside[order[0]], spread = best - inside[order[n / 2]], more = out_there - best;
        there.gain = more > 0 ? more / fmax(spread, 1e-300) : -1;
    }
    free(inside);
    free(order);
    return there;
}
