/* grid: every combination of a list of values per axis, each once; the study ends when all are final.
 *
 *   "method": "grid", "grid": {"lr": 8, "hidden": 4}
 *
 * A count spreads that many values evenly over the axis' own scale, both ends included; an int or stepped
 * axis takes the nearest of its values, each once. "values" of a parameter and choices are visited in full.
 * The next point is the first that no trial has, so enqueued points are not run twice and a lost trial (which
 * keeps its number) needs no care here. Kept although random search is better: people compare, and some axes
 * are lists. Refuses: an axis without count or values, more than 10^6 points.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/search/lattice.h"
#include "master/search/sampler_row.h"

static const char *const keys[] = {"grid", NULL};

/* ---- values of one axis ---- */

/* 0.001 where its neighbour came out: the ends are binary numbers themselves, and what lies between them
 * inherits their last bit. */
static double round_off(double x)
{
    char text[40];
    snprintf(text, sizeof text, "%.12g", x);
    double plain = strtod(text, NULL);
    return plain == nextafter(x, -INFINITY) || plain == nextafter(x, INFINITY) ? plain : x;
}

/* Value number i of n, in long double so that 10^(-6 + 7 i / (n - 1)) is right to the last bit. */
static double spread_value(const struct param *p, int i, int n)
{
    if (n > 1 && (i == 0 || i == n - 1))
        return i ? p->high : p->low;
    long double part = n > 1 ? (long double)i / (n - 1) : 0.5L, lo = p->low, hi = p->high;
    if (p->dist == DIST_LOG || p->dist == DIST_INT_LOG)
        return (double)expl(logl(lo) + (logl(hi) - logl(lo)) * part);
    if (p->dist == DIST_LOGIT) {
        long double a = logl(lo) - log1pl(-lo), b = logl(hi) - log1pl(-hi);
        return (double)(1 / (1 + expl(-(a + (b - a) * part))));
    }
    return (double)(lo + (hi - lo) * part);
}

static struct axis spread_axis(const struct param *p, int n)
{
    struct axis axis = {.v = xcalloc((size_t)n + 1, sizeof *axis.v)};
    if (p->or_zero > 0)
        axis.v[axis.count++] = value_num(0);
    for (int i = 0; i < n; i++) {
        struct value v = value_num(param_nearest(p, p->box, round_off(spread_value(p, i, n))));
        if (!axis.count || !value_same(axis.v[axis.count - 1], v))
            axis.v[axis.count++] = v;
    }
    return axis;
}

static struct axis listed_axis(const struct param *p)
{
    struct axis axis = {.v = xcalloc((size_t)p->value_count + 1, sizeof *axis.v)};
    if (p->or_zero > 0)
        axis.v[axis.count++] = value_num(0);
    for (int i = 0; i < p->value_count; i++)
        axis.v[axis.count++] = value_num(p->values[i]);
    return axis;
}

/* counts[i]: points on axis i; 0: in full. */
static struct axis *make_axes(const struct space *space, const int *counts)
{
    struct axis *axes = xcalloc((size_t)space->count + 1, sizeof *axes);
    for (int i = 0; i < space->count; i++) {
        const struct param *p = &space->params[i];
        axes[i] = counts[i] ? spread_axis(p, counts[i]) : p->values ? listed_axis(p) : axis_in_full(p);
    }
    return axes;
}

/* ---- "grid": {...} ---- */

static int parse_count(const struct jcur *cur, const struct space *space, int *counts, struct err *err)
{
    int i = space_find(space, cur->key);
    int64_t count;
    if (i < 0)
        return jcur_fail(cur, err, "there is no parameter of that name in the space");
    if (!param_is_numeric(&space->params[i]))
        return jcur_fail(cur, err, "is a choice: a grid visits it in full");
    if (space->params[i].dist == DIST_VALUES)
        return jcur_fail(cur, err, "has its \"values\": a grid visits all of them");
    if (jcur_int(cur, 1, LATTICE_MAX, &count, err))
        return err_hint(err, "points on this axis, both ends included");
    counts[i] = (int)count;
    return 0;
}

static int need_counts(const struct jcur *grid, const struct space *space, const int *counts, struct err *err)
{
    for (int i = 0; i < space->count; i++) {
        const struct param *p = &space->params[i];
        if (counts[i] || p->values || p->dist == DIST_CHOICE)
            continue;
        struct jcur at = jcur_get(grid, p->name);
        int64_t all = param_count(p);
        jcur_fail(&at, err, "the grid needs a number of points for this axis");
        if (all > 0 && all <= 100)
            return err_hint(err, "\"grid\": {\"%s\": %lld} visits all of its values", p->name,
                            (long long)all);
        return err_hint(err, "\"grid\": {\"%s\": 5}, or \"values\": [...] in the space", p->name);
    }
    return 0;
}

static int count_points(const struct jcur *grid, const struct space *space, const int *counts,
                        struct err *err)
{
    struct lattice lattice;
    if (lattice_init(&lattice, space, make_axes(space, counts))) {
        jcur_fail(grid, err, "has more than %d points", LATTICE_MAX);
        return err_hint(err, "fewer points per axis, or \"method\": \"random\", which needs no grid");
    }
    long long left_out = lattice.left_out;
    bool is_empty = lattice.count == 0;
    lattice_fini(&lattice);
    if (!is_empty)
        return 0;
    jcur_fail(grid, err, "has no point that keeps every rule of \"require\": all %lld break one", left_out);
    return err_hint(err, "more points per axis, or \"method\": \"random\", which is not bound to a grid");
}

static int parse(const struct jcur *search, const struct space *space, struct search_def *def,
                 struct err *err)
{
    struct jcur grid = jcur_get(search, "grid");
    int *counts = xcalloc((size_t)space->count + 1, sizeof *counts);
    def->settings = counts;
    if (jcur_has(&grid) && jcur_object(&grid, SPACE_MAX_PARAMS, err))
        return err_hint(err, "for example \"grid\": {\"lr\": 8, \"hidden\": 4}");
    for (const struct json *m = json_first(grid.node); m; m = json_next(m)) {
        struct jcur at = jcur_of(&grid, m);
        if (parse_count(&at, space, counts, err))
            return ERR_BAD;
    }
    if (need_counts(&grid, space, counts, err))
        return ERR_BAD;
    return count_points(&grid, space, counts, err);
}

/* ---- the sampler ---- */

struct state {
    struct lattice lattice;
    bool *seen;     /* cache: which points the first `known` entries have */
    size_t known;   /* entries of the history looked at */
    uint64_t chain; /* of the last of them */
    int64_t next;   /* none before this is free */
};

static int open_grid(struct sampler *s, struct err *err)
{
    struct state *st = xcalloc(1, sizeof *st);
    s->state = st;
    if (lattice_init(&st->lattice, s->space, make_axes(s->space, s->def->settings)))
        return err_set(err, ERR_BAD, "the grid has more than %d points", LATTICE_MAX);
    st->seen = xcalloc((size_t)st->lattice.count, sizeof *st->seen);
    return 0;
}

static void forget(struct sampler *s)
{
    struct state *st = s->state;
    memset(st->seen, 0, (size_t)st->lattice.count * sizeof *st->seen);
    st->known = 0;
    st->next = 0;
}

static void close_grid(struct sampler *s)
{
    struct state *st = s->state;
    lattice_fini(&st->lattice);
    free(st->seen);
    free(st);
}

static int64_t size(const struct sampler *s)
{
    const struct state *st = s->state;
    return st->lattice.count;
}

static void look_at(struct sampler *s, const struct history *history)
{
    struct state *st = s->state;
    if (st->known > history->count || (st->known && history->entries[st->known - 1].chain != st->chain))
        forget(s);
    for (; st->known < history->count; st->known++) {
        int64_t number = lattice_number(&st->lattice, &history->entries[st->known].point);
        if (number >= 0)
            st->seen[number] = true;
        st->chain = history->entries[st->known].chain;
    }
    while (st->next < st->lattice.count && st->seen[st->next])
        st->next++;
}

static int propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    (void)trial;
    struct state *st = s->state;
    long long count = st->lattice.count;
    look_at(s, history);
    if (st->next == st->lattice.count)
        return err_set(err, ERR_GONE, "all %lld points of the grid have been tried", count);
    lattice_point(&st->lattice, st->next, out);
    int len =
        snprintf(note->why, sizeof note->why, "grid point %lld of %lld", (long long)st->next + 1, count);
    if (st->lattice.left_out)
        snprintf(note->why + len, sizeof note->why - (size_t)len, "; %lld more break a rule and are left out",
                 (long long)st->lattice.left_out);
    return 0;
}

const struct sampler_row sampler_grid = {
    .name = "grid",
    .version = 1,
    .by_number = true,
    .keys = keys,
    .parse = parse,
    .open = open_grid,
    .forget = forget,
    .close = close_grid,
    .size = size,
    .propose = propose,
};
