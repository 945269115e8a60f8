#include "master/search/encode.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"

static bool is_line(const struct param *p)
{
    return p->dist != DIST_CHOICE || p->ordered;
}

static struct span box_cells(const struct param *p, const struct box *box, int i)
{
    return param_cells(p, p->dist == DIST_CHOICE ? p->box : box->walls[i]);
}

void encode_init(struct encode *e, const struct space *space, const struct box *box)
{
    size_t room = (size_t)space->count;
    *e = (struct encode){.space = space};
    e->columns = xcalloc(2 * room + 1, sizeof *e->columns);
    e->range = xcalloc(room + 1, sizeof *e->range);
    for (int i = 0; i < space->count; i++) {
        const struct param *p = &space->params[i];
        e->range[i] = box_cells(p, box, i);
        if (is_line(p))
            e->columns[e->count++] = (struct column){COLUMN_LINE, i};
    }
    for (int i = 0; i < space->count; i++) {
        const struct param *p = &space->params[i];
        if (!is_line(p) || p->or_zero > 0)
            e->columns[e->count++] = (struct column){is_line(p) ? COLUMN_ZERO : COLUMN_CHOICE, i};
    }
}

void encode_fini(struct encode *e)
{
    free(e->columns);
    free(e->range);
    *e = (struct encode){0};
}

static double place(const struct param *p, struct value v)
{
    return v.kind == VALUE_CHOICE ? v.choice : param_scale(p, v.num);
}

static bool is_zero(const struct param *p, struct value v)
{
    return v.kind == VALUE_NUM && p->or_zero > 0 && v.num == 0;
}

void encode_widen(struct encode *e, const struct point *point)
{
    for (int i = 0; i < e->space->count; i++) {
        const struct param *p = &e->space->params[i];
        struct value v = point->v[i];
        if (v.kind != VALUE_NUM || is_zero(p, v))
            continue;
        struct span cell = param_cell(p, v.num);
        e->range[i].lo = fmin(e->range[i].lo, cell.lo);
        e->range[i].hi = fmax(e->range[i].hi, cell.hi);
    }
}

static double line_of(const struct encode *e, int i, struct value v)
{
    const struct param *p = &e->space->params[i];
    struct span r = e->range[i];
    if (v.kind == VALUE_OFF)
        return 0.5;
    if (is_zero(p, v))
        return 0;
    return r.hi > r.lo ? (place(p, v) - r.lo) / (r.hi - r.lo) : 0.5;
}

void encode_point(const struct encode *e, const struct point *point, double *x)
{
    for (int c = 0; c < e->count; c++) {
        int i = e->columns[c].param;
        struct value v = point->v[i];
        switch (e->columns[c].kind) {
        case COLUMN_LINE: x[c] = line_of(e, i, v); break;
        case COLUMN_CHOICE: x[c] = v.kind == VALUE_OFF ? -1 : v.choice; break;
        case COLUMN_ZERO: x[c] = is_zero(&e->space->params[i], v); break;
        }
    }
}

struct value encode_value(const struct encode *e, const struct box *box, int c, double x)
{
    int i = e->columns[c].param;
    const struct param *p = &e->space->params[i];
    double t = e->range[i].lo + x * (e->range[i].hi - e->range[i].lo);
    if (p->dist == DIST_CHOICE)
        return value_choice((int)fmin(fmax(floor(t + 0.5), 0), p->choice_count - 1));
    return value_num(param_nearest(p, box->walls[i], param_unscale(p, t)));
}

struct span encode_walls(const struct encode *e, const struct box *box, int c)
{
    int i = e->columns[c].param;
    struct span cells = box_cells(&e->space->params[i], box, i), r = e->range[i];
    return (struct span){(cells.lo - r.lo) / (r.hi - r.lo), (cells.hi - r.lo) / (r.hi - r.lo)};
}
