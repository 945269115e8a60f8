#include "master/search/walls.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "common/str.h"
#include "master/search/normal.h"
#include "master/search/probe.h"
#include "master/search/rank.h"
#include "master/search/slope.h"

static const double SLOPE_T = 2.5, LEAN = 0.78;   /* docs/walls.md: 1.3 % of dead parameters in 30 trials */
static const double GAIN = 0.5, GAIN_SEEN = 0.25; /* of a probe: alone, and where t and lean say so too */
static const double CORNER = 0.02, CORNER_PART = 0.04; /* how close, and how many of the trials are a pile */
static const double NEAR_BAD = 0.15;                   /* a trial that diverged so close beyond is the edge */
static const double STRONG_T = 4, STRONG_LEAN = 0.9;   /* then the wall moves by a whole box width */
static const double GROWTH = 1.0 / 3, STRONG_GROWTH = 1; /* of the box width */
enum { FIRST_LOOK = 12, LOOK_EVERY = 4, TOP_MIN = 3 };

const char *wall_verdict_name(enum wall_verdict verdict)
{
    static const char *const names[] = {"warn", "ask", "grow", "at_limit", "diverged", "shrink", "drop"};
    return names[verdict];
}

enum boundary wall_policy(const struct param *p, enum boundary study)
{
    if (!param_is_numeric(p) || p->dist == DIST_VALUES)
        return BOUNDARY_OFF;
    if (p->boundary != BOUNDARY_DEFAULT)
        return p->boundary;
    bool moves = p->has_limits || p->dist == DIST_LOG;
    if (study == BOUNDARY_WARN || study == BOUNDARY_OFF || (study == BOUNDARY_ASK && moves))
        return study;
    return moves ? BOUNDARY_EXPAND : BOUNDARY_WARN;
}

bool walls_due(size_t finished)
{
    return finished >= FIRST_LOOK && finished % LOOK_EVERY == 0;
}

struct span wall_moved(const struct param *p, struct span wall, int side, double part)
{
    struct span reach = param_reach(p);
    double width = wall.hi - wall.lo;
    struct span moved = wall;
    if (side > 0)
        moved.hi = fmin(wall.hi + part * width, fmax(param_scale(p, reach.hi), wall.hi));
    else
        moved.lo = fmax(wall.lo - part * width, fmin(param_scale(p, reach.lo), wall.lo));
    return wall_snapped(p, moved);
}

/* ---- what the trials say ---- */

/* The finished trials at which one parameter has a position. */
struct sight {
    const struct entry **entry;
    double *z, *score, *normal;
    int *order; /* best first */
    int n;
};

/* Orders and Blom's normal scores of what is in sight. */
static void sight_order(struct sight *s)
{
    rank_best_first(s->score, s->n, s->order);
    rank_mid(s->score, s->n, s->normal);
    for (int i = 0; i < s->n; i++)
        s->normal[i] = normal_quantile((s->normal[i] - 0.375) / (s->n + 0.25));
}

static void sight_init(struct sight *s, const struct space *space, const struct history *history,
                       const struct box *box, int param)
{
    size_t room = history->count + 1;
    *s = (struct sight){.entry = xcalloc(room, sizeof *s->entry)};
    s->z = xcalloc(room, sizeof *s->z);
    s->score = xcalloc(room, sizeof *s->score);
    s->normal = xcalloc(room, sizeof *s->normal);
    s->order = xcalloc(room, sizeof *s->order);
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        bool is_final = e->state == HISTORY_SCORED || e->state == HISTORY_BAD;
        if (!is_final || !box_position(box, space, param, e->point.v[param], &s->z[s->n]))
            continue;
        s->score[s->n] = e->score;
        s->entry[s->n++] = e;
    }
    sight_order(s);
}

static void sight_fini(struct sight *s)
{
    free(s->entry);
    free(s->z);
    free(s->score);
    free(s->normal);
    free(s->order);
}

/* Positions of all trials on every numeric parameter that each of them has, this one first. Returns how many
 * parameters that are. */
static int all_positions(const struct sight *s, const struct space *space, const struct box *box, int param,
                         double *z)
{
    int used = 1;
    memcpy(z, s->z, (size_t)s->n * sizeof *z);
    for (int k = 0; k < space->count; k++) {
        double *row = z + (long)used * s->n;
        int have = 0;
        while (k != param && have < s->n &&
               box_position(box, space, k, s->entry[have]->point.v[k], &row[have]))
            have++;
        used += k != param && have == s->n;
    }
    return used;
}

/* With all parameters where there are two trials for every term, else with this one alone. */
static bool fit_slope(const struct sight *s, const struct space *space, const struct box *box, int param,
                      struct slope *slope)
{
    double *z = xcalloc((size_t)space->count * (size_t)s->n + 1, sizeof *z);
    int used = all_positions(s, space, box, param, z);
    if (s->n < 2 * (1 + 2 * used))
        used = 1;
    bool is_sound = slope_init(slope, z, s->normal, s->n, used);
    if (!is_sound)
        slope_fini(slope);
    free(z);
    return is_sound;
}

/* ---- one wall ---- */

static int top_of(int n)
{
    int top = (n + 9) / 10;
    return top < TOP_MIN ? TOP_MIN : top;
}

static void describe(const struct sight *s, int side, struct wall_event *event)
{
    event->trials = s->n;
    event->top = top_of(s->n);
    event->side = side;
    event->best = s->z[s->order[0]];
    event->trend = side * rank_correlation(s->z, s->score, s->n);
    for (int k = 0; k < event->top; k++) {
        double z = s->z[s->order[k]];
        event->lean += (side > 0 ? z : 1 - z) / event->top;
        if (k < WALL_BEHIND)
            event->behind[event->behind_count++] = s->entry[s->order[k]]->trial;
    }
}

static double edge_of_top(const struct sight *s, int side)
{
    double edge = -INFINITY;
    for (int k = 0; k < top_of(s->n) && s->score[s->order[k]] > -INFINITY; k++)
        edge = fmax(edge, side * s->z[s->order[k]]);
    return edge;
}

/* Is everything further out than the good trials bad? One trial beyond the wall is enough to know, two
 * inside. */
static bool diverged_beyond(const struct sight *s, int side)
{
    double edge = edge_of_top(s, side);
    int weight = 0;
    for (int i = 0; i < s->n; i++) {
        if (side * s->z[i] <= edge)
            continue;
        if (s->score[i] > -INFINITY)
            return false;
        double out = fmax(-s->z[i], s->z[i] - 1);
        weight += out > 0 ? 2 * (out < NEAR_BAD) : 1; /* further out says nothing of what is between */
    }
    return weight >= 2;
}

/* Without those that diverged beyond the good ones: does the rest lean on the wall? */
static void sight_trim(struct sight *s, int side)
{
    double edge = edge_of_top(s, side);
    int kept = 0;
    for (int i = 0; i < s->n; i++) {
        if (side * s->z[i] > edge)
            continue;
        s->z[kept] = s->z[i];
        s->score[kept] = s->score[i];
        s->entry[kept++] = s->entry[i];
    }
    s->n = kept;
    sight_order(s);
}

static enum wall_verdict judge(enum boundary policy, bool diverged, int side, struct span wall,
                               struct span moved)
{
    if (diverged)
        return WALL_DIVERGED;
    if (policy == BOUNDARY_WARN)
        return WALL_WARN;
    if (side > 0 ? !(moved.hi > wall.hi) : !(moved.lo < wall.lo))
        return WALL_AT_LIMIT;
    return policy == BOUNDARY_ASK ? WALL_ASK : WALL_GROW;
}

/* Moves the wall of `next` or not, and says why. */
static void decide(const struct space *space, enum boundary policy, bool diverged, const struct box *box,
                   struct box *next, struct wall_event *event)
{
    int i = event->param, side = event->side;
    bool is_strong = event->is_behind || (event->slope > STRONG_T && event->lean > STRONG_LEAN);
    double part = fmin(is_strong ? STRONG_GROWTH : GROWTH, event->nearest_bad);
    struct span wall = box->walls[i], moved = wall_moved(&space->params[i], wall, side, part);
    event->verdict = judge(policy, diverged, side, wall, moved);
    event->before = event->after = box_range(box, space, i);
    if (event->verdict == WALL_GROW || event->verdict == WALL_ASK) {
        struct span kept = next->walls[i];
        next->walls[i] = side > 0 ? (struct span){kept.lo, moved.hi} : (struct span){moved.lo, kept.hi};
        event->after = box_range(next, space, i);
        if (event->verdict == WALL_ASK)
            next->walls[i] = kept;
    }
    wall_event_text(space, event);
}

bool wall_measure(const struct space *space, const struct history *history, const struct box *box, int param,
                  int side, struct wall_event *event)
{
    struct sight sight;
    struct slope slope = {0};
    *event = (struct wall_event){.param = param, .side = side};
    sight_init(&sight, space, history, box, param);
    bool diverged = diverged_beyond(&sight, side);
    if (diverged)
        sight_trim(&sight, side);
    bool is_seen = sight.n >= FIRST_LOOK && sight.score[sight.order[0]] > -INFINITY &&
                   fit_slope(&sight, space, box, param, &slope);
    if (is_seen) {
        describe(&sight, side, event);
        event->slope = slope_t(&slope, 0, side);

        event->verdict = diverged ? WALL_DIVERGED : WALL_WARN;
    }
    slope_fini(&slope);
    sight_fini(&sight);
    return is_seen;
}

/* Has the sampler itself put its points on the wall? Chance puts two per cent of them so close to it. */
static bool is_piled(const struct space *space, const struct history *history, const struct box *box,
                     int param, int side)
{
    int n = 0, there = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        double z;
        if (!box_position(box, space, param, e->point.v[param], &z))
            continue;
        double in = side > 0 ? 1 - z : z;
        n++;
        there += in >= -1e-9 && in < CORNER;
    }
    return there > 1 + CORNER_PART * n;
}

/* Where a sampler chose the points, t is partly its own doing: where there was a probe it must have gained something,
 * and without one the wall stays while points pile up at it. */
static bool leans(const struct space *space, enum boundary policy, const struct history *history,
                  const struct box *box, struct wall_event *event)
{
    int param = event->param, side = event->side;
    if (!wall_measure(space, history, box, param, side, event))
        return false;
    struct beyond there = probe_beyond(space, history, box, param, side);
    event->is_behind = there.gain >= GAIN;
    event->nearest_bad = there.nearest;
    bool is_seen = event->slope > SLOPE_T && event->lean > LEAN;
    if (event->is_behind || !is_seen || policy != BOUNDARY_EXPAND || event->verdict == WALL_DIVERGED)
        return event->is_behind || is_seen;
    return there.scored ? there.gain >= GAIN_SEEN : !is_piled(space, history, box, param, side);
}

static bool look_at_side(const struct space *space, enum boundary policy, const struct history *history,
                         const struct box *box, struct box *next, int param, int side,
                         struct wall_event *event)
{
    *event = (struct wall_event){.param = param, .side = side};
    if (!leans(space, policy, history, box, event))
        return false;
    decide(space, policy, event->verdict == WALL_DIVERGED && !event->is_behind, box, next, event);
    return true;
}

int walls_look(const struct space *space, enum boundary study, const struct history *history,
               const struct box *box, struct box *next, struct wall_event *events, int room)
{
    int count = 0;
    for (int i = 0; i < space->count; i++) {
        enum boundary policy = wall_policy(&space->params[i], study);
        for (int side = -1; side <= 1 && policy != BOUNDARY_OFF && count < room; side += 2)
            count += look_at_side(space, policy, history, box, next, i, side, &events[count]);
    }
    return count;
}

/* ---- in words ---- */

static void add_move(const struct wall_event *e, const char *verb, char *out, size_t room)
{
    char before[32], after[32];
    snprintf(before, sizeof before, "%.3g", e->side > 0 ? e->before.hi : e->before.lo);
    snprintf(after, sizeof after, "%.3g", e->side > 0 ? e->after.hi : e->after.lo);
    snprintf(out, room, "%s %s \u2192 %s", verb, before, after);
}

static void outcome(const struct wall_event *e, char *out, size_t room)
{
    switch (e->verdict) {
    case WALL_GROW: add_move(e, "wall", out, room); break;
    case WALL_ASK: add_move(e, "approve to move it", out, room); break;
    case WALL_WARN: snprintf(out, room, "a better one may lie beyond"); break;
    case WALL_AT_LIMIT: snprintf(out, room, "it stands at its limit"); break;
    case WALL_DIVERGED: snprintf(out, room, "what was tried further out diverged: it stays"); break;
    case WALL_SHRINK:
    case WALL_DROP: out[0] = '\0'; break;
    }
}

void wall_event_text(const struct space *space, struct wall_event *e)
{
    const struct param *p = &space->params[e->param];
    char what[100];
    outcome(e, what, sizeof what);
    if (e->verdict == WALL_SHRINK)
        snprintf(e->text, sizeof e->text, "%s: %.3g .. %.3g \u2192 %.3g .. %.3g", p->name, e->before.lo,
                 e->before.hi, e->after.lo, e->after.hi);
    else if (e->verdict == WALL_DROP)
        snprintf(e->text, sizeof e->text, "%s: %.60s is dropped: never in the better half", p->name,
                 p->choices[e->choice].text);
    else if (e->is_behind)
        snprintf(e->text, sizeof e->text, "%s: what was tried beyond the %s wall is the best of %d; %s",
                 p->name, e->side > 0 ? "top" : "bottom", e->trials, what);
    else
        snprintf(e->text, sizeof e->text, "%s: the best %d of %d lean on the %s wall, trend %+.2f; %s",
                 p->name, e->top, e->trials, e->side > 0 ? "top" : "bottom", e->trend, what);
}
