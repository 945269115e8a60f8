#include "master/search/box.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"

void box_init(struct box *box, const struct space *space)
{
    size_t count = (size_t)space->count;
    *box = (struct box){.count = space->count};
    box->walls = xcalloc(count + 1, sizeof *box->walls);
    box->dropped = xcalloc(count + 1, sizeof *box->dropped);
    box->kept = xcalloc(count + 1, sizeof *box->kept);
    for (int i = 0; i < space->count; i++) {
        const struct param *p = &space->params[i];
        box->walls[i] = p->box;
        box->kept[i] = p->choice_count;
        if (p->dist == DIST_CHOICE)
            box->dropped[i] = xcalloc((size_t)p->choice_count, sizeof *box->dropped[i]);
    }
}

void box_fini(struct box *box)
{
    for (int i = 0; i < box->count; i++)
        free(box->dropped[i]);
    free(box->dropped);
    free(box->walls);
    free(box->kept);
    *box = (struct box){0};
}

void box_clone(struct box *to, const struct box *from, const struct space *space)
{
    box_init(to, space);
    for (int i = 0; i < space->count; i++) {
        to->walls[i] = from->walls[i];
        to->kept[i] = from->kept[i];
        if (to->dropped[i])
            memcpy(to->dropped[i], from->dropped[i],
                   (size_t)space->params[i].choice_count * sizeof *to->dropped[i]);
    }
}

bool box_equal(const struct box *a, const struct box *b, const struct space *space)
{
    for (int i = 0; i < space->count; i++) {
        if (a->walls[i].lo != b->walls[i].lo || a->walls[i].hi != b->walls[i].hi)
            return false;
        for (int c = 0; a->dropped[i] && c < space->params[i].choice_count; c++)
            if (a->dropped[i][c] != b->dropped[i][c])
                return false;
    }
    return true;
}

void box_drop(struct box *box, int param, int choice)
{
    PRE(box->dropped[param] && box->kept[param] > 1);
    box->kept[param] -= !box->dropped[param][choice];
    box->dropped[param][choice] = true;
}

struct span box_range(const struct box *box, const struct space *space, int i)
{
    const struct param *p = &space->params[i];
    struct span w = box->walls[i];
    double lo = w.lo == p->box.lo ? p->low : param_nearest(p, w, param_unscale(p, w.lo));
    double hi = w.hi == p->box.hi ? p->high : param_nearest(p, w, param_unscale(p, w.hi));
    return (struct span){lo, hi};
}

bool box_position(const struct box *box, const struct space *space, int i, struct value value, double *z)
{
    const struct param *p = &space->params[i];
    if (value.kind != VALUE_NUM || (p->or_zero > 0 && value.num == 0))
        return false;
    struct span w = box->walls[i];
    *z = w.hi > w.lo ? (param_scale(p, value.num) - w.lo) / (w.hi - w.lo) : 0.5;
    return true;
}

bool box_holds(const struct box *box, const struct space *space, const struct point *point)
{
    const double slack = 1e-9; /* of the width: walls are logarithms, values are not */
    for (int i = 0; i < space->count; i++) {
        double z;
        if (point->v[i].kind == VALUE_CHOICE && box->dropped[i][point->v[i].choice])
            return false;
        if (box_position(box, space, i, point->v[i], &z) && (z < -slack || z > 1 + slack))
            return false;
    }
    return true;
}

struct span wall_snapped(const struct param *p, struct span wall)
{
    if (p->dist == DIST_VALUES)
        return (struct span){fmax(floor(wall.lo), 0), fmin(ceil(wall.hi), p->value_count - 1)};
    if (!(p->step > 0))
        return wall;
    const double dust = 1e-6; /* of a step: exp(log(x)) is not x */
    struct span reach = param_reach(p);
    double below = floor((param_unscale(p, wall.lo) - p->low) / p->step + dust);
    double above = ceil((param_unscale(p, wall.hi) - p->low) / p->step - dust);
    below = fmax(below, ceil((reach.lo - p->low) / p->step - dust));
    above = fmin(above, floor((reach.hi - p->low) / p->step + dust));
    double lo = p->low + below * p->step, hi = p->low + above * p->step;
    return (struct span){below == 0 ? p->box.lo : param_scale(p, lo),
                         fabs(hi - p->high) < dust * p->step ? p->box.hi : param_scale(p, hi)};
}

/* The unit number stretched over the choices that are left. */
static struct value choice_left(const struct param *p, const bool *dropped, double u)
{
    double total = 0, sum = 0;
    int last = 0;
    for (int c = 0; c < p->choice_count; c++)
        total += dropped[c] ? 0 : p->choices[c].mass;
    for (int c = 0; c < p->choice_count; c++) {
        if (dropped[c])
            continue;
        last = c;
        sum += p->choices[c].mass / total;
        if (u < sum)
            break;
    }
    return value_choice(last);
}

struct value box_value(const struct box *box, const struct space *space, int param, double u)
{
    const struct param *p = &space->params[param];
    if (box->dropped[param] && box->kept[param] < p->choice_count)
        return choice_left(p, box->dropped[param], u);
    return param_from_unit_in(p, box->walls[param], u);
}

void box_point(const struct box *box, const struct space *space, const double *u, struct point *out)
{
    for (int k = 0; k < space->count; k++) {
        int i = space->order[k];
        out->v[i] = space_is_active(space, out, i) ? box_value(box, space, i, u[i]) : (struct value){0};
    }
}
