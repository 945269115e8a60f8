#include "master/search/walls.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "common/str.h"
#include "master/search/normal.h"
#include "master/search/beyond.h"
#include "master/search/rank.h"
#include "master/search/sight.h"

static const double SLOPE_T = 2.5, LEAN = 0.78; /* docs/walls.md: 1.3 % of dead parameters in 30 trials */
static const double NEAR_BAD = 0.15;            /* a trial that diverged so close beyond is the edge */
static const double STRONG_T = 4, STRONG_LEAN = 0.9;     /* then the wall moves by a whole box width */
static const double GROWTH = 1.0 / 3, STRONG_GROWTH = 1; /* of the box width */
enum { FIRST_LOOK = 12, LOOK_EVERY = 4, LOOK_PART = 32, TOP_MIN = 3 };

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

bool walls_due(size_t looked_at, size_t finished)
{
    size_t every = LOOK_EVERY;
    while (finished >= LOOK_PART * every)
        every *= 2;
    return finished >= FIRST_LOOK && finished / every * every > looked_at;
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

/* The trials in sight at which one parameter has a position. */
struct column {
    const struct sight *sight;
    int param, n;
    int *at; /* which of the sight's */
    double *z, *score, *normal;
    int *order; /* best first */
};

static void column_init(struct column *c, const struct sight *s, int param)
{
    size_t room = (size_t)s->n + 1;
    const double *z = sight_row(s, param);
    *c = (struct column){.sight = s, .param = param, .at = xcalloc(room, sizeof *c->at)};
    c->z = xcalloc(room, sizeof *c->z);
    c->score = xcalloc(room, sizeof *c->score);
    c->normal = xcalloc(room, sizeof *c->normal);
    c->order = xcalloc(room, sizeof *c->order);
    for (int i = 0; i < s->n; i++) {
        if (isnan(z[i]))
            continue;
        c->z[c->n] = z[i];
        c->score[c->n] = s->score[i];
        c->at[c->n++] = i;
    }
    if (c->n < s->n) {
        sight_rank(c->score, c->n, c->normal, c->order);
        return;
    }
    memcpy(c->normal, s->normal, room * sizeof *c->normal);
    memcpy(c->order, s->order, room * sizeof *c->order);
}

static void column_fini(struct column *c)
{
    free(c->at);
    free(c->z);
    free(c->score);
    free(c->normal);
    free(c->order);
}

/* Positions of these trials on every numeric parameter that each of them has, this one first. Returns how many
 * parameters that are. */
static int all_positions(const struct column *c, double *z)
{
    int used = 1;
    memcpy(z, c->z, (size_t)c->n * sizeof *z);
    for (int k = 0; k < c->sight->space->count; k++) {
        const double *from = sight_row(c->sight, k);
        double *row = z + (long)used * c->n;
        int have = 0;
        for (; k != c->param && have < c->n && !isnan(from[c->at[have]]); have++)
            row[have] = from[c->at[have]];
        used += k != c->param && have == c->n;
    }
    return used;
}

/* The t of the slope at the wall, with all parameters where there are two trials for every term, else with this one
 * alone. */
static bool find_slope(const struct column *c, int side, double *t)
{
    const struct sight *s = c->sight;
    if (c->n == s->n && s->has_fit) {
        *t = slope_t(&s->fit, s->term[c->param], side);
        return true;
    }
    double *z = xcalloc((size_t)s->space->count * (size_t)c->n + 1, sizeof *z);
    int used = all_positions(c, z);
    if (c->n < 2 * (1 + 2 * used))
        used = 1;
    struct slope slope;
    bool is_sound = slope_init(&slope, z, c->normal, c->n, used);
    if (is_sound)
        *t = slope_t(&slope, 0, side);
    slope_fini(&slope);
    free(z);
    return is_sound;
}

/* ---- one wall ---- */

static int top_of(int n)
{
    int top = (n + 9) / 10;
    return top < TOP_MIN ? TOP_MIN : top;
}

static void describe(const struct column *c, int side, struct wall_event *event)
{
    event->trials = c->n;
    event->top = top_of(c->n);
    event->side = side;
    event->best = c->z[c->order[0]];
    for (int k = 0; k < event->top; k++) {
        double z = c->z[c->order[k]];
        event->lean += (side > 0 ? z : 1 - z) / event->top;
        if (k < WALL_BEHIND)
            event->behind[event->behind_count++] = c->sight->who[c->at[c->order[k]]]->trial;
    }
}

static double edge_of_top(const struct column *c, int side)
{
    double edge = -INFINITY;
    for (int k = 0; k < top_of(c->n) && k < c->n && c->score[c->order[k]] > -INFINITY; k++)
        edge = fmax(edge, side * c->z[c->order[k]]);
    return edge;
}

/* Is everything further out than the good trials bad? One trial beyond the wall is enough to know, two
 * inside. */
static bool diverged_beyond(const struct column *c, int side)
{
    double edge = edge_of_top(c, side);
    int weight = 0;
    for (int i = 0; i < c->n; i++) {
        if (side * c->z[i] <= edge)
            continue;
        if (c->score[i] > -INFINITY)
            return false;
        double out = fmax(-c->z[i], c->z[i] - 1);
        weight += out > 0 ? 2 * (out < NEAR_BAD) : 1; /* further out says nothing of what is between */
    }
    return weight >= 2;
}

/* Without those that diverged beyond the good ones: does the rest lean on the wall? */
static void column_trim(struct column *c, int side)
{
    double edge = edge_of_top(c, side);
    int kept = 0;
    for (int i = 0; i < c->n; i++) {
        if (side * c->z[i] > edge)
            continue;
        c->z[kept] = c->z[i];
        c->score[kept] = c->score[i];
        c->at[kept++] = c->at[i];
    }
    c->n = kept;
    sight_rank(c->score, c->n, c->normal, c->order);
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
static void decide(const struct sight *sight, enum boundary policy, bool diverged, const struct beyond *there,
                   struct box *next, struct wall_event *event)
{
    const struct space *space = sight->space;
    int i = event->param, side = event->side;
    bool is_strong = event->slope > STRONG_T && event->lean > STRONG_LEAN;
    double part = there->is_sure ? fmax(STRONG_GROWTH, there->best + GROWTH)
                  : is_strong    ? STRONG_GROWTH
                                 : GROWTH;
    struct span wall = sight->box->walls[i];
    struct span moved = wall_moved(&space->params[i], wall, side, fmin(part, there->nearest));
    event->verdict = judge(policy, diverged, side, wall, moved);
    event->before = event->after = box_range(sight->box, space, i);
    if (event->verdict == WALL_GROW || event->verdict == WALL_ASK) {
        struct span kept = next->walls[i];
        next->walls[i] = side > 0 ? (struct span){kept.lo, moved.hi} : (struct span){moved.lo, kept.hi};
        event->after = box_range(next, space, i);
        if (event->verdict == WALL_ASK)
            next->walls[i] = kept;
    }
    wall_event_text(space, event);
}

static bool measure(const struct sight *sight, int param, int side, struct wall_event *event)
{
    struct column c;
    *event = (struct wall_event){.param = param, .side = side};
    column_init(&c, sight, param);
    bool diverged = diverged_beyond(&c, side);
    if (diverged)
        column_trim(&c, side);
    bool is_seen =
        c.n >= FIRST_LOOK && c.score[c.order[0]] > -INFINITY && find_slope(&c, side, &event->slope);
    if (is_seen) {
        describe(&c, side, event);
        event->verdict = diverged ? WALL_DIVERGED : WALL_WARN;
    }
    column_fini(&c);
    return is_seen;
}

static double trend_of(const struct sight *sight, const struct wall_event *event)
{
    struct column c;
    column_init(&c, sight, event->param);
    if (event->verdict == WALL_DIVERGED)
        column_trim(&c, event->side);
    double trend = event->side * rank_correlation(c.z, c.score, c.n);
    column_fini(&c);
    return trend;
}

bool wall_measure(const struct space *space, const struct history *history, const struct box *box, int param,
                  int side, struct wall_event *event)
{
    struct sight sight;
    sight_init(&sight, space, history, box);
    bool is_seen = measure(&sight, param, side, event);
    if (is_seen)
        event->trend = trend_of(&sight, event);
    sight_fini(&sight);
    return is_seen;
}

/* One look at all walls. */
struct look {
    struct sight sight;
    struct outside outside;
    struct wall_rule rule;
};

/* Where a model chose the points, t is partly its own doing: such a wall moves by what lies beyond it alone. */
static bool leans(struct look *look, enum boundary policy, struct beyond *there, struct wall_event *event)
{
    if (!measure(&look->sight, event->param, event->side, event))
        return false;
    *there = beyond_wall(&look->outside, event->param, event->side);
    event->is_behind = there->is_sure;
    event->nearest_bad = there->nearest;
    bool is_seen = event->slope > SLOPE_T && event->lean > LEAN;
    bool is_told = policy != BOUNDARY_EXPAND || event->verdict == WALL_DIVERGED || look->rule.by_number;
    return event->is_behind || (is_seen && is_told);
}

static bool look_at_side(struct look *look, enum boundary policy, struct box *next, int param, int side,
                         struct wall_event *event)
{
    struct beyond there;
    *event = (struct wall_event){.param = param, .side = side};
    if (!leans(look, policy, &there, event))
        return false;
    event->trend = trend_of(&look->sight, event);
    decide(&look->sight, policy, event->verdict == WALL_DIVERGED && !event->is_behind, &there, next, event);
    return true;
}

int walls_look(const struct space *space, struct wall_rule rule, const struct history *history,
               const struct box *box, struct box *next, struct wall_event *events, int room)
{
    struct look look = {.rule = rule};
    int count = 0;
    sight_init(&look.sight, space, history, box);
    outside_init(&look.outside, space, &look.sight.ev, box, NULL);
    for (int i = 0; i < space->count; i++) {
        enum boundary policy = wall_policy(&space->params[i], rule.boundary);
        for (int side = -1; side <= 1 && policy != BOUNDARY_OFF && count < room; side += 2)
            count += look_at_side(&look, policy, next, i, side, &events[count]);
    }
    outside_fini(&look.outside);
    sight_fini(&look.sight);
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
