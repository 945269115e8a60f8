#include "master/search/importance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/search/evidence.h"
#include "master/search/normal.h"

enum { CELLS = 50, TOP_MIN = 5, TRIALS_MIN = 10 };
static const double TOP_PART = 0.1;

/* ---- cells ---- */

struct grid {
    const struct param *param;
    int param_index;
    struct span range; /* T-space of the first and the last cell's middle */
    int cells;
    bool has_zero; /* cell 0 is the zero of or_zero */
};

static bool is_zero(const struct param *p, struct value v)
{
    return v.kind == VALUE_NUM && p->or_zero > 0 && v.num == 0;
}

/* The hull of the study's own box and of all values that were tried. */
static void grid_init(struct grid *g, const struct space *space, const struct evidence *ev, int param)
{
    const struct param *p = &space->params[param];
    *g = (struct grid){.param = p, .param_index = param, .range = p->box, .has_zero = p->or_zero > 0};
    double low = p->low, high = p->high;
    for (int i = 0; i < ev->count; i++) {
        struct value v = ev->list[i].point->v[param];
        if (v.kind != VALUE_NUM || is_zero(p, v))
            continue;
        low = fmin(low, v.num);
        high = fmax(high, v.num);
    }
    if (param_is_numeric(p)) {
        g->range = (struct span){param_scale(p, low), param_scale(p, high)};
        double values = p->dist == DIST_VALUES ? p->value_count
                        : p->step > 0          ? floor((high - low) / p->step + 1.5)
                                               : CELLS;
        g->cells = values < CELLS ? (int)values : CELLS;
    } else {
        g->cells = p->choice_count;
    }
}

static int cell_of(const struct grid *g, struct value v)
{
    if (v.kind == VALUE_CHOICE)
        return v.choice;
    if (is_zero(g->param, v))
        return 0;
    double step = g->cells > 1 ? (g->range.hi - g->range.lo) / (g->cells - 1) : 1;
    int cell = (int)ceil((param_scale(g->param, v.num) - g->range.lo) / step - 0.5);
    cell = cell < 0 ? 0 : cell >= g->cells ? g->cells - 1 : cell;
    return cell + g->has_zero;
}

static int count_cells(const struct grid *g)
{
    return g->cells + g->has_zero;
}

/* ---- density on the cells ---- */

/* First cell up to which there are at least (or, past: more than) `want` trials. */
static int quartile(const double *count, int cells, double want, bool past)
{
    double sum = 0;
    int last = 0;
    for (int c = 0; c < cells; c++) {
        sum += count[c];
        if (count[c] > 0)
            last = c;
        if (count[c] > 0 && (past ? sum > want : sum >= want))
            return c;
    }
    return last;
}

/* Scott's rule on the counted cells, at least half a cell wide at 90 %. */
static double width_of(const double *count, int cells, double total)
{
    double mean = 0, square = 0;
    for (int c = 0; c < cells; c++)
        mean += c * count[c] / total;
    for (int c = 0; c < cells; c++)
        square += (c - mean) * (c - mean) * count[c];
    double sd = sqrt(square / fmax(1, total - 1));
    int q1 = quartile(count, cells, floor(total / 4), false),
        q3 = quartile(count, cells, floor(total * 3 / 4), true);
    return fmax(1.059 * fmin((q3 - q1) / 1.34, sd) * pow(total, -0.2), 0.5 / 1.64);
}

static void add_kernel(double mu, double sigma, double weight, int cells, double *density)
{
    double all = normal_log_mass((-0.5 - mu) / sigma, (cells - 0.5 - mu) / sigma);
    for (int c = 0; c < cells; c++)
        density[c] += weight * exp(normal_log_mass((c - 0.5 - mu) / sigma, (c + 0.5 - mu) / sigma) - all);
}

static void line_density(const double *count, int cells, double total, double *density)
{
    double sigma = width_of(count, cells, total);
    for (int c = 0; c < cells; c++)
        if (count[c] > 0)
            add_kernel(c, sigma, count[c] / (total + 1), cells, density);
    add_kernel((cells - 1) / 2.0, cells, 1 / (total + 1), cells, density);
}

static void choice_density(const double *count, int cells, double total, double *density)
{
    int kinds = 1;
    for (int c = 0; c < cells; c++)
        kinds += count[c] > 0;
    double other = 1.0 / kinds, row = 1 + other * cells;
    for (int k = 0; k < cells; k++)
        for (int c = 0; c < cells; c++)
            density[c] += count[k] / (total + 1) * ((c == k) + other) / row;
    for (int c = 0; c < cells; c++)
        density[c] += 1 / (total + 1) / cells;
}

/* Counts of the marked observations -> their density on the cells. */
static void density_of(const struct grid *g, const struct evidence *ev, const bool *marked, double *density)
{
    int cells = count_cells(g);
    double total = 0, *count = xcalloc((size_t)cells + 1, sizeof *count);
    memset(density, 0, (size_t)cells * sizeof *density);
    for (int i = 0; i < ev->count; i++) {
        struct value v = ev->list[i].point->v[g->param_index];
        if (!marked[i] || v.kind == VALUE_OFF)
            continue;
        count[cell_of(g, v)]++;
        total++;
    }
    if (g->param->dist == DIST_CHOICE && !g->param->ordered)
        choice_density(count, cells, total, density);
    else
        line_density(count, cells, total, density);
    free(count);
}

/* ---- the comparison ---- */

/* Marks the best tenth of the finished trials (ties with the last one too) among those where the parameter is
 * active. Returns how many are active. */
static int mark_top(const struct evidence *ev, const int *order, int n, int param, bool *all, bool *top)
{
    int active = 0, taken = 0;
    double last = 0;
    for (int k = 0; k < n; k++)
        active += ev->list[order[k]].point->v[param].kind != VALUE_OFF;
    int want = (int)fmax(ceil(TOP_PART * active), TOP_MIN);
    for (int k = 0; k < n; k++) {
        const struct observed *o = &ev->list[order[k]];
        all[order[k]] = o->point->v[param].kind != VALUE_OFF;
        top[order[k]] = all[order[k]] && (taken < want || o->score == last);
        if (top[order[k]]) {
            taken++;
            last = o->score;
        }
    }
    return active;
}

static double distance(const struct grid *g, const struct evidence *ev, const bool *all, const bool *top)
{
    int cells = count_cells(g);
    double *p = xcalloc(2 * (size_t)cells + 1, sizeof *p), *q = p + cells, sum = 0;
    density_of(g, ev, all, p);
    density_of(g, ev, top, q);
    for (int c = 0; c < cells; c++)
        sum += p[c] * (q[c] / p[c] - 1) * (q[c] / p[c] - 1);
    free(p);
    return sum;
}

static void judge(const struct space *space, const struct evidence *ev, const int *order, int n,
                  struct importance *out)
{
    bool *marks = xcalloc(2 * (size_t)ev->count + 1, sizeof *marks);
    double sum = 0;
    for (int i = 0; i < space->count; i++) {
        struct grid g;
        out[i].trials = mark_top(ev, order, n, i, marks, marks + ev->count);
        grid_init(&g, space, ev, i);
        out[i].raw = out[i].trials >= TRIALS_MIN && count_cells(&g) > 1
                         ? distance(&g, ev, marks, marks + ev->count)
                         : 0;
        sum += out[i].raw;
        memset(marks, 0, 2 * (size_t)ev->count * sizeof *marks);
    }
    for (int i = 0; i < space->count; i++)
        out[i].share = sum > 0 ? out[i].raw / sum : 0;
    free(marks);
}

int importance_ped(const struct space *space, const struct history *history, struct importance *out,
                   struct err *err)
{
    struct evidence ev;
    evidence_init(&ev, history);
    int *order = xcalloc((size_t)ev.count + 1, sizeof *order), n = evidence_rank(&ev, order), rc = 0;
    memset(out, 0, (size_t)space->count * sizeof *out);
    if (n < TRIALS_MIN)
        rc = err_set(err, ERR_NO, "importance needs %d finished trials (there are %d)", TRIALS_MIN, n);
    else if (ev.list[order[0]].score == ev.list[order[n - 1]].score)
        rc = err_set(err, ERR_NO, "all trials have the same score: nothing can be told apart");
    else
        judge(space, &ev, order, n, out);
    evidence_fini(&ev);
    free(order);
    return rc;
}
