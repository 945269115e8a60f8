#include "master/search/acquire.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/search/bfgs.h"
#include "master/search/normal.h"
#include "master/search/require.h"

enum {
    RANDOM_POINTS = 200,
    MUTANTS = 200,
    STARTS = 4,
    ROUNDS = 6,
    BFGS_STEPS = 30,
    REDRAWS = 50,
    HALVINGS = 8
};
static const double MUTATION = 0.05, AGAIN = 3, NEAR = 1e-3, TREES_LEAST = 1e-4;

struct candidate {
    struct point point;
    double value;
};

static double log_ei(double mean, double variance, double best)
{
    double s = sqrt(variance);
    return log(s) + normal_log_ei((best - mean) / s);
}

/* Is there an observed or believed point within a thousandth of the model's range on every axis? */
static bool is_near_one(const struct acquire *a, const double *x)
{
    const struct gp *gp = a->gp;
    for (int i = 0; i < gp->n; i++) {
        const double *there = gp->x + (long)i * gp->dims;
        int k = 0;
        while (k < gp->dims && fabs(x[k] - there[k]) < NEAR)
            k++;
        if (k == gp->dims)
            return true;
    }
    return false;
}

/* Trees that agree are not certain for that: their variance is at least TREES_LEAST. */
static void ask(struct acquire *a, const double *x, double *mean, double *variance)
{
    if (!a->trees) {
        gp_posterior(a->gp, x, mean, variance);
        return;
    }
    extra_trees_at(a->trees, x, mean, variance);
    *variance += TREES_LEAST;
}

static double value_at(struct acquire *a, const struct point *point)
{
    double mean, variance;
    if (!require_holds(a->space, point))
        return -INFINITY;
    if (space_bound(a->space) >= 0 && history_has_point(a->history, point))
        return -INFINITY;
    double *x = xcalloc((size_t)a->encode->count + 1, sizeof *x);
    encode_point(a->encode, point, x);
    ask(a, x, &mean, &variance);
    double value = log_ei(mean, variance, a->best) - (is_near_one(a, x) ? AGAIN : 0);
    free(x);
    return value;
}

/* ---- candidates ---- */

static void random_in_box(struct acquire *a, struct point *out)
{
    double *u = xcalloc((size_t)a->space->count + 1, sizeof *u);
    for (int i = 0; i < a->space->count; i++)
        u[i] = rng_unit(&a->rng);
    box_point(a->box, a->space, u, out);
    free(u);
}

/* A value near `v`, or of anywhere where there is no near. */
static struct value mutated(struct acquire *a, int i, struct value v)
{
    const struct param *p = &a->space->params[i];
    struct span box = p->dist == DIST_CHOICE ? p->box : a->box->walls[i];
    bool has_place =
        v.kind == VALUE_NUM ? !(p->or_zero > 0 && v.num == 0) : v.kind == VALUE_CHOICE && p->ordered;
    bool stays = p->or_zero > 0 ? rng_unit(&a->rng) < 0.8 : true; /* else zero may come or go */
    if (!has_place || !stays)
        return param_from_unit_in(p, box, rng_unit(&a->rng));
    struct span cells = param_cells(p, box);
    double t = (v.kind == VALUE_CHOICE ? v.choice : param_scale(p, v.num)) +
               MUTATION * (cells.hi - cells.lo) * rng_normal(&a->rng);
    t = fmin(fmax(t, cells.lo), cells.hi);
    if (p->dist == DIST_CHOICE)
        return value_choice((int)fmin(fmax(floor(t + 0.5), 0), p->choice_count - 1));
    return value_num(param_nearest(p, box, param_unscale(p, t)));
}

/* The box may have become smaller since (`hone edit` of a range). */
static bool is_outside(const struct acquire *a, int i, struct value v)
{
    double z;
    return box_position(a->box, a->space, i, v, &z) && (z < 0 || z > 1);
}

/* The incumbent with about half of its coordinates moved; what it has no value for is random. */
static void mutant(struct acquire *a, struct point *out)
{
    for (int k = 0; k < a->space->count; k++) {
        int i = a->space->order[k];
        const struct param *p = &a->space->params[i];
        struct value old = a->incumbent->v[i];
        bool moves = rng_below(&a->rng, 2);
        if (!space_is_active(a->space, out, i))
            out->v[i] = (struct value){0};
        else if (old.kind == VALUE_OFF)
            out->v[i] =
                param_from_unit_in(p, p->dist == DIST_CHOICE ? p->box : a->box->walls[i], rng_unit(&a->rng));
        else
            out->v[i] = moves || is_outside(a, i, old) ? mutated(a, i, old) : old;
    }
}

/* Again while it breaks a rule; the last one is no candidate then. */
static void draw_candidate(struct acquire *a, bool anywhere, struct point *out)
{
    for (int draw = 0; draw < REDRAWS; draw++) {
        if (anywhere)
            random_in_box(a, out);
        else
            mutant(a, out);
        if (require_holds(a->space, out))
            return;
    }
}

/* Conditions may have changed under a changed parent: OFF what is not active, fill in what has become so. */
static void repair(struct acquire *a, struct point *point)
{
    for (int k = 0; k < a->space->count; k++) {
        int i = a->space->order[k];
        const struct param *p = &a->space->params[i];
        bool is_active = space_is_active(a->space, point, i);
        if (!is_active)
            point->v[i] = (struct value){0};
        else if (point->v[i].kind == VALUE_OFF)
            point->v[i] = param_from_unit_in(p, p->dist == DIST_CHOICE ? p->box : a->box->walls[i], 0.5);
    }
}

static void keep_if_better(struct candidate *kept, const struct point *point, double value)
{
    int worst = 0;
    for (int k = 1; k < STARTS; k++)
        if (kept[k].value < kept[worst].value)
            worst = k;
    if (value > kept[worst].value) {
        point_copy(&kept[worst].point, point);
        kept[worst].value = value;
    }
}

/* ---- continuous columns ---- */

struct climb {
    struct acquire *a;
    int *columns; /* the continuous ones, active and not at zero */
    int count;
    double *x;                 /* whole vector */
    double *dmean, *dvariance; /* by column */
};

static double negative_log_ei(const double *free_x, double *gradient, void *arg)
{
    struct climb *c = arg;
    double mean, variance;
    for (int k = 0; k < c->count; k++)
        c->x[c->columns[k]] = free_x[k];
    gp_posterior_gradient(c->a->gp, c->x, &mean, &variance, c->dmean, c->dvariance);
    double s = sqrt(variance), z = (c->a->best - mean) / s, h = normal_log_ei(z);
    double slope = exp(normal_log_cdf(z) - h); /* of h by z */
    for (int k = 0; k < c->count; k++) {
        int col = c->columns[k];
        double ds = c->dvariance[col] / (2 * s), dz = (-c->dmean[col] - z * ds) / s;
        gradient[k] = -(ds / s + slope * dz);
    }
    return -(log(s) + h);
}

static bool is_continuous(const struct acquire *a, const struct point *point, int column)
{
    int i = a->encode->columns[column].param;
    const struct param *p = &a->space->params[i];
    return a->encode->columns[column].kind == COLUMN_LINE && !param_is_discrete(p) &&
           point->v[i].kind == VALUE_NUM && !(p->or_zero > 0 && point->v[i].num == 0);
}

static void try_point(struct acquire *a, struct candidate *at, struct point *point)
{
    double value = value_at(a, point);
    if (value > at->value) {
        at->value = value;
        point_copy(&at->point, point);
    }
}

/* A climb that ends where a rule is broken goes back until it keeps them: the optimum may lie on a rule's edge. */
static void step_back(const struct acquire *a, const struct climb *c, const struct point *from, double *x,
                      struct point *moved)
{
    double *began = xcalloc((size_t)a->encode->count + 1, sizeof *began);
    encode_point(a->encode, from, began);
    for (int halving = 0;; halving++) {
        for (int k = 0; k < c->count; k++) {
            int col = c->columns[k];
            moved->v[a->encode->columns[col].param] = encode_value(a->encode, a->box, col, x[k]);
        }
        if (halving == HALVINGS || require_holds(a->space, moved))
            break;
        for (int k = 0; k < c->count; k++)
            x[k] = 0.5 * (x[k] + began[c->columns[k]]);
    }
    free(began);
}

static void climb_slopes(struct acquire *a, struct candidate *at)
{
    size_t cols = (size_t)a->encode->count;
    double *room = xcalloc(6 * cols + 1, sizeof *room), *low = room + 3 * cols, *high = low + cols,
           *x = high + cols;
    struct climb c = {.a = a,
                      .columns = xcalloc(cols + 1, sizeof(int)),
                      .x = room,
                      .dmean = room + cols,
                      .dvariance = room + 2 * cols};
    struct point moved;
    point_clone(&moved, &at->point);
    encode_point(a->encode, &at->point, c.x);
    for (int col = 0; col < a->encode->count; col++) {
        if (!is_continuous(a, &at->point, col))
            continue;
        struct span walls = encode_walls(a->encode, a->box, col);
        low[c.count] = walls.lo;
        high[c.count] = walls.hi;
        x[c.count] = fmin(fmax(c.x[col], walls.lo), walls.hi);
        c.columns[c.count++] = col;
    }
    struct bfgs bfgs = {negative_log_ei, &c, low, high, c.count, BFGS_STEPS, 0.2, 1e-6};
    if (c.count)
        bfgs_minimise(&bfgs, x);
    step_back(a, &c, &at->point, x, &moved);
    if (c.count)
        try_point(a, at, &moved);
    point_fini(&moved);
    free(c.columns);
    free(room);
}

/* ---- discrete columns ---- */

/* The value `steps` further along the axis, if there is one inside the box. */
static bool stepped(const struct acquire *a, int i, struct value v, int steps, struct value *out)
{
    const struct param *p = &a->space->params[i];
    if (p->dist == DIST_CHOICE) {
        *out = value_choice(v.choice + steps);
        return v.choice + steps >= 0 && v.choice + steps < p->choice_count;
    }
    if (p->dist == DIST_VALUES) {
        int at = (int)param_scale(p, v.num) + steps;
        *out = value_num(at >= 0 && at < p->value_count ? p->values[at] : v.num);
    } else {
        *out = value_num(param_nearest(p, a->box->walls[i], v.num + steps * p->step));
    }
    return !value_same(*out, v);
}

static void try_value(struct acquire *a, struct candidate *at, int i, struct value v)
{
    struct point moved;
    point_clone(&moved, &at->point);
    moved.v[i] = v;
    repair(a, &moved);
    try_point(a, at, &moved);
    point_fini(&moved);
}

static void try_steps(struct acquire *a, struct candidate *at, int i)
{
    struct span r = box_range(a->box, a->space, i);
    const struct param *p = &a->space->params[i];
    double values = p->dist == DIST_VALUES   ? p->value_count
                    : p->dist == DIST_CHOICE ? p->choice_count
                                             : (r.hi - r.lo) / p->step;
    int longer = (int)fmin(0.08 * values, 1e6);
    const int steps[] = {-1, 1, -2, 2, -longer, longer, -3 * longer, 3 * longer};
    for (int k = 0; k < (longer > 2 ? 8 : 4); k++) {
        struct value v;
        if (stepped(a, i, at->point.v[i], steps[k], &v))
            try_value(a, at, i, v);
    }
}

static void try_neighbours(struct acquire *a, struct candidate *at)
{
    for (int i = 0; i < a->space->count; i++) {
        const struct param *p = &a->space->params[i];
        struct value v = at->point.v[i];
        if (v.kind == VALUE_OFF)
            continue;
        if (p->or_zero > 0) {
            bool is_zero = v.num == 0;
            try_value(a, at, i, is_zero ? param_from_unit_in(p, a->box->walls[i], p->or_zero) : value_num(0));
        }
        if (p->dist == DIST_CHOICE && !p->ordered) {
            for (int c = 0; c < p->choice_count; c++)
                if (c != v.choice)
                    try_value(a, at, i, value_choice(c));
        } else if (param_is_discrete(p) && !(p->or_zero > 0 && at->point.v[i].num == 0)) {
            try_steps(a, at, i);
        }
    }
}

/* ---- all of it ---- */

static void improve(struct acquire *a, struct candidate *at)
{
    for (int round = 0; round < ROUNDS; round++) {
        double before = at->value;
        climb_slopes(a, at);
        try_neighbours(a, at);
        if (!(at->value > before + 1e-6))
            return;
    }
}

double acquire_point(struct acquire *a, struct point *out)
{
    struct candidate kept[STARTS];
    int best = 0;
    for (int k = 0; k < STARTS; k++) {
        point_clone(&kept[k].point, out);
        kept[k].value = -INFINITY;
    }
    for (int k = 0; k < RANDOM_POINTS + MUTANTS; k++) {
        draw_candidate(a, k < RANDOM_POINTS, out);
        keep_if_better(kept, out, value_at(a, out));
    }
    for (int k = 0; k < STARTS; k++) {
        if (kept[k].value > -INFINITY)
            improve(a, &kept[k]);
        if (kept[k].value > kept[best].value)
            best = k;
    }
    double value = kept[best].value;
    point_copy(out, &kept[best].point);
    for (int k = 0; k < STARTS; k++)
        point_fini(&kept[k].point);
    return value;
}
