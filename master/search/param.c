#include "master/search/param.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"

static const double WALL_DECADES = 3; /* as far as a wall without limits goes on each side */

bool param_is_numeric(const struct param *p)
{
    return p->dist != DIST_CHOICE;
}

bool param_is_discrete(const struct param *p)
{
    return p->dist == DIST_CHOICE || p->dist == DIST_VALUES || p->step > 0;
}

bool param_is_int(const struct param *p)
{
    return p->dist == DIST_INT || p->dist == DIST_INT_LOG;
}

static bool is_log(const struct param *p)
{
    return p->dist == DIST_LOG || p->dist == DIST_INT_LOG;
}

int64_t param_count(const struct param *p)
{
    int64_t zero = p->or_zero > 0;
    if (p->dist == DIST_CHOICE)
        return p->choice_count;
    if (p->dist == DIST_VALUES)
        return p->value_count + zero;
    return p->step > 0 ? (int64_t)floor((p->high - p->low) / p->step + 1e-9) + 1 + zero : -1;
}

/* ---- T-space ---- */

/* Index of the value nearest to x; `values` rises. */
static int nearest_index(const struct param *p, double x)
{
    int i = 0;
    while (i + 1 < p->value_count && fabs(p->values[i + 1] - x) <= fabs(p->values[i] - x))
        i++;
    return i;
}

double param_scale(const struct param *p, double x)
{
    switch (p->dist) {
    case DIST_LOG:
    case DIST_INT_LOG: return log(x);
    case DIST_LOGIT: return log(x) - log1p(-x);
    case DIST_VALUES: return nearest_index(p, x);
    case DIST_UNIFORM:
    case DIST_INT:
    case DIST_CHOICE: break;
    }
    return x;
}

static int clip_index(double t, int count)
{
    return t < 0 ? 0 : t > count - 1 ? count - 1 : (int)floor(t + 0.5);
}

double param_unscale(const struct param *p, double t)
{
    switch (p->dist) {
    case DIST_LOG:
    case DIST_INT_LOG: return exp(t);
    case DIST_LOGIT: return 1 / (1 + exp(-t));
    case DIST_VALUES: return p->values[clip_index(t, p->value_count)];
    case DIST_UNIFORM:
    case DIST_INT:
    case DIST_CHOICE: break;
    }
    return t;
}

/* Three decades on a log or logit axis, three widths on a linear one, and never out of the natural domain. */
static struct span free_reach(const struct param *p)
{
    double factor = pow(10, WALL_DECADES), width = WALL_DECADES * (p->high - p->low);
    if (p->dist == DIST_LOGIT) {
        double away = WALL_DECADES * log(10);
        return (struct span){param_unscale(p, p->box.lo - away),
                             fmin(param_unscale(p, p->box.hi + away), 1 - 0x1p-53)};
    }
    if (p->dist == DIST_INT_LOG)
        return (struct span){fmax(1, floor(p->low / factor)), fmin(0x1p53, p->high * factor)};
    if (p->dist == DIST_LOG)
        return (struct span){p->low / factor, p->high * factor};
    double floor_at = !param_is_int(p) ? -INFINITY : p->low >= 1 ? 1 : p->low >= 0 ? 0 : -0x1p53;
    return (struct span){fmax(floor_at, p->low - width), fmin(p->high + width, 0x1p1000)};
}

struct span param_reach(const struct param *p)
{
    struct span own = {p->low, p->high};
    if (p->boundary == BOUNDARY_OFF || p->dist == DIST_VALUES || p->dist == DIST_CHOICE)
        return own;
    if (p->has_limits) {
        struct span free = free_reach(p);
        return (struct span){p->limit_low == -INFINITY ? free.lo : p->limit_low,
                             p->limit_high == INFINITY ? free.hi : p->limit_high};
    }
    bool moves = p->boundary == BOUNDARY_EXPAND || p->boundary == BOUNDARY_ASK ||
                 (p->boundary == BOUNDARY_DEFAULT && p->dist == DIST_LOG);
    return moves ? free_reach(p) : own;
}

/* Half a step further out, but never more than half-way to where the scale ends. */
static double below(const struct param *p, double x)
{
    return p->dist == DIST_INT || p->dist == DIST_UNIFORM ? x - p->step / 2 : fmax(x - p->step / 2, x / 2);
}

static double above(const struct param *p, double x)
{
    return p->dist == DIST_LOGIT ? 1 - fmax(1 - x - p->step / 2, (1 - x) / 2) : x + p->step / 2;
}

struct span param_cells(const struct param *p, struct span box)
{
    if (p->dist == DIST_VALUES || p->dist == DIST_CHOICE)
        return (struct span){box.lo - 0.5, box.hi + 0.5};
    if (!(p->step > 0))
        return box;
    double lo = box.lo == p->box.lo ? p->low : param_unscale(p, box.lo);
    double hi = box.hi == p->box.hi ? p->high : param_unscale(p, box.hi);
    return (struct span){param_scale(p, below(p, lo)), param_scale(p, above(p, hi))};
}

struct span param_cell(const struct param *p, double x)
{
    double t = param_scale(p, x);
    if (p->dist == DIST_VALUES || p->dist == DIST_CHOICE)
        return (struct span){t - 0.5, t + 0.5};
    if (!(p->step > 0))
        return (struct span){t, t};
    return (struct span){param_scale(p, below(p, x)), param_scale(p, above(p, x))};
}

/* ---- values ---- */

/* The same number without the dust of binary arithmetic: 0.3, not 0.30000000000000004. */
static double tidy(double x)
{
    char text[40];
    snprintf(text, sizeof text, "%.14g", x);
    return strtod(text, NULL);
}

static double lattice(const struct param *p, double k)
{
    if (k == 0)
        return p->low;
    double x = p->low + k * p->step;
    if (param_is_int(p))
        return x;
    return fabs(x - p->high) < 1e-9 * p->step ? p->high : tidy(x);
}

/* Unscaled ends of a box; the ends of the study's own box exactly, whatever exp(log(x)) makes of them. */
static struct span ends_of(const struct param *p, struct span box)
{
    struct span reach = param_reach(p);
    double lo = box.lo == p->box.lo ? p->low : fmax(param_unscale(p, box.lo), reach.lo);
    double hi = box.hi == p->box.hi ? p->high : fmin(param_unscale(p, box.hi), reach.hi);
    return (struct span){lo, hi};
}

double param_nearest(const struct param *p, struct span box, double x)
{
    PRE(param_is_numeric(p));
    if (p->dist == DIST_VALUES) {
        int i = nearest_index(p, x);
        return p->values[clip_index(fmin(fmax(i, box.lo), box.hi), p->value_count)];
    }
    struct span ends = ends_of(p, box);
    if (!(p->step > 0))
        return fmin(fmax(x, ends.lo), ends.hi);
    double first = ceil((ends.lo - p->low) / p->step - 1e-9);
    double last = floor((ends.hi - p->low) / p->step + 1e-9);
    double k = floor((x - p->low) / p->step + 0.5);
    return lattice(p, fmax(fmin(k, fmax(last, first)), fmin(first, last)));
}

static int choice_at(const struct param *p, double u)
{
    double sum = 0;
    for (int i = 0; i + 1 < p->choice_count; i++) {
        sum += p->choices[i].mass;
        if (u < sum)
            return i;
    }
    return p->choice_count - 1;
}

struct value param_from_unit_in(const struct param *p, struct span box, double u)
{
    PRE(u >= 0 && u < 1);
    if (p->dist == DIST_CHOICE)
        return value_choice(choice_at(p, u));
    if (u < p->or_zero)
        return value_num(0);
    u = (u - p->or_zero) / (1 - p->or_zero);
    struct span cells = param_cells(p, box);
    double t = cells.lo + (cells.hi - cells.lo) * u;
    if (p->dist == DIST_VALUES)
        return value_num(p->values[clip_index(fmin(fmax(t, box.lo), box.hi), p->value_count)]);
    return value_num(param_nearest(p, box, param_unscale(p, t)));
}

struct value param_from_unit(const struct param *p, double u)
{
    return param_from_unit_in(p, p->box, u);
}

/* Where in [0, 1] the cells put this T. */
static double share(struct span cells, double t)
{
    return cells.hi > cells.lo ? fmin(fmax((t - cells.lo) / (cells.hi - cells.lo), 0), 1) : 0.5;
}

static double choice_middle(const struct param *p, int choice)
{
    double sum = 0;
    for (int i = 0; i < choice; i++)
        sum += p->choices[i].mass;
    return sum + p->choices[choice].mass / 2;
}

double param_to_unit_in(const struct param *p, struct span box, struct value value)
{
    PRE(value.kind != VALUE_OFF);
    double u;
    if (p->dist == DIST_CHOICE)
        return fmin(choice_middle(p, value.choice), 0x1.fffffffffffffp-1);
    if (p->or_zero > 0 && value.num == 0)
        return p->or_zero / 2;
    struct span cells = param_cells(p, box);
    struct span cell = param_cell(p, value.num);
    u = (share(cells, cell.lo) + share(cells, cell.hi)) / 2;
    return fmin(p->or_zero + (1 - p->or_zero) * u, 0x1.fffffffffffffp-1);
}

struct value value_num(double num)
{
    return (struct value){.kind = VALUE_NUM, .num = num + 0.0}; /* + 0.0: minus zero becomes zero */
}

struct value value_choice(int choice)
{
    return (struct value){.kind = VALUE_CHOICE, .choice = choice};
}

bool value_same(struct value a, struct value b)
{
    return a.kind == b.kind && a.num == b.num && a.choice == b.choice;
}

/* ---- the store's view ---- */

bool value_as_num(const struct param *p, struct value value, double *out)
{
    if (value.kind == VALUE_NUM) {
        *out = value.num;
        return true;
    }
    if (value.kind == VALUE_OFF || p->choices[value.choice].kind == CHOICE_TEXT)
        return false;
    *out = p->choices[value.choice].num;
    return true;
}

const char *value_as_text(const struct param *p, struct value value)
{
    bool is_text = value.kind == VALUE_CHOICE && p->choices[value.choice].kind == CHOICE_TEXT;
    return is_text ? p->choices[value.choice].text : NULL;
}

static bool choice_from_num(const struct param *p, double num, struct value *out)
{
    for (int i = 0; i < p->choice_count; i++) {
        if (p->choices[i].kind != CHOICE_TEXT && p->choices[i].num == num) {
            *out = value_choice(i);
            return true;
        }
    }
    return false;
}

static bool in_domain(const struct param *p, double x)
{
    if (is_log(p))
        return x > 0;
    return p->dist != DIST_LOGIT || (x > 0 && x < 1);
}

bool value_from_num(const struct param *p, double num, struct value *out)
{
    if (p->dist == DIST_CHOICE)
        return choice_from_num(p, num, out);
    if (!isfinite(num))
        return false;
    double x = num;
    if (p->or_zero > 0 && num == 0) {
        *out = value_num(0);
        return true;
    }
    if (p->dist == DIST_VALUES) {
        if (p->values[nearest_index(p, num)] != num)
            return false;
    } else if (p->step > 0) {
        x = lattice(p, floor((num - p->low) / p->step + 0.5));
        if (fabs(x - num) > 1e-6 * p->step)
            return false;
    }
    *out = value_num(x);
    return in_domain(p, x);
}

bool value_in_reach(const struct param *p, struct value value)
{
    struct span reach = param_reach(p);
    bool is_zero = p->or_zero > 0 && value.num == 0;
    return value.kind != VALUE_NUM || is_zero || (value.num >= reach.lo && value.num <= reach.hi);
}

bool value_from_text(const struct param *p, const char *text, struct value *out)
{
    for (int i = 0; i < p->choice_count; i++) {
        if (strcmp(p->choices[i].text, text) == 0) {
            *out = value_choice(i);
            return true;
        }
    }
    return false;
}
