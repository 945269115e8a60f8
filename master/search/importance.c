#include "master/search/importance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/rng.h"
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

/* The normal around mu, cut at both ends; log_mass of the cells as they lie to it. */
static void add_kernel(double mu, double sigma, double weight, int cells, const double *log_mass,
                       double *density)
{
    double all = normal_log_mass((-0.5 - mu) / sigma, (cells - 0.5 - mu) / sigma);
    for (int c = 0; c < cells; c++)
        density[c] += weight * exp(log_mass[c] - all);
}

static void line_density(const double *count, int cells, double total, double *density)
{
    double sigma = width_of(count, cells, total), middle = (cells - 1) / 2.0, wide = cells;
    double *log_mass = xcalloc(2 * (size_t)cells, sizeof *log_mass), *own = log_mass + cells;
    for (int c = 1 - cells; c < cells; c++) // of the cell that lies c cells to the right of the kernel's own
        own[c] = normal_log_mass((c - 0.5) / sigma, (c + 0.5) / sigma);
    for (int c = 0; c < cells; c++)
        if (count[c] > 0)
            add_kernel(c, sigma, count[c] / (total + 1), cells, own - c, density);
    for (int c = 0; c < cells; c++)
        log_mass[c] = normal_log_mass((c - 0.5 - middle) / wide, (c + 0.5 - middle) / wide);
    add_kernel(middle, wide, 1 / (total + 1), cells, log_mass, density);
    free(log_mass);
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

static void density_of(const struct grid *g, const double *count, double *density)
{
    int cells = count_cells(g);
    double total = 0;
    for (int c = 0; c < cells; c++)
        total += count[c];
    memset(density, 0, (size_t)cells * sizeof *density);
    if (g->param->dist == DIST_CHOICE && !g->param->ordered)
        choice_density(count, cells, total, density);
    else
        line_density(count, cells, total, density);
}

/* ---- the comparison ---- */

/* What is compared, looked up once: the finished observations, best first. */
struct comparison {
    const struct space *space;
    struct evidence ev;
    int *order, n;      /* places in ev.list */
    struct grid *grids; /* of each parameter */
    int *cells;         /* [parameter][n]; -1: it was not active */
    int *times;         /* [n]: it is there so many times */
    double *counts;     /* scratch: of all, of the best, and both densities */
};

static void comparison_fini(struct comparison *c)
{
    evidence_fini(&c->ev);
    free(c->order);
    free(c->grids);
    free(c->cells);
    free(c->times);
    free(c->counts);
}

static void look_up_cells(struct comparison *c)
{
    int most = 0;
    c->grids = xcalloc((size_t)c->space->count + 1, sizeof *c->grids);
    c->cells = xcalloc((size_t)c->space->count * (size_t)c->n + 1, sizeof *c->cells);
    c->times = xcalloc((size_t)c->n, sizeof *c->times);
    for (int i = 0; i < c->space->count; i++) {
        struct grid *g = &c->grids[i];
        grid_init(g, c->space, &c->ev, i);
        for (int k = 0; k < c->n; k++) {
            struct value v = c->ev.list[c->order[k]].point->v[i];
            c->cells[(long)i * c->n + k] = v.kind == VALUE_OFF ? -1 : cell_of(g, v);
        }
        most = count_cells(g) > most ? count_cells(g) : most;
    }
    c->counts = xcalloc(4 * (size_t)most + 1, sizeof *c->counts);
}

static int comparison_init(struct comparison *c, const struct space *space, const struct history *history,
                           struct err *err)
{
    *c = (struct comparison){.space = space};
    evidence_init(&c->ev, history);
    c->order = xcalloc((size_t)c->ev.count + 1, sizeof *c->order);
    c->n = evidence_rank(&c->ev, c->order);
    if (c->n < TRIALS_MIN)
        return err_set(err, ERR_NO, "importance needs %d finished trials (there are %d)", TRIALS_MIN, c->n);
    if (c->ev.list[c->order[0]].score == c->ev.list[c->order[c->n - 1]].score)
        return err_set(err, ERR_NO, "all trials have the same score: nothing can be told apart");
    look_up_cells(c);
    return 0;
}

static double score_of(const struct comparison *c, int k)
{
    return c->ev.list[c->order[k]].score;
}

/* Counts those where the parameter is active, and of them the best tenth (ties with its last one too), in the cells. Returns how many are active. */
static int count_top(const struct comparison *c, int param, double *all, double *top)
{
    const int *cells = c->cells + (long)param * c->n, *times = c->times;
    int active = 0, taken = 0;
    double last = 0;
    for (int k = 0; k < c->n; k++)
        if (cells[k] >= 0) {
            all[cells[k]] += times[k];
            active += times[k];
        }
    int want = (int)fmax(ceil(TOP_PART * active), TOP_MIN);
    for (int k = 0; k < c->n; k++)
        if (cells[k] >= 0 && times[k] && (taken < want || score_of(c, k) == last)) {
            top[cells[k]] += times[k];
            taken += times[k];
            last = score_of(c, k);
        }
    return active;
}

static double distance(const struct grid *g, const double *all, const double *top, double *scratch)
{
    int cells = count_cells(g);
    double *p = scratch, *q = scratch + cells, sum = 0;
    density_of(g, all, p);
    density_of(g, top, q);
    for (int c = 0; c < cells; c++)
        sum += p[c] * (q[c] / p[c] - 1) * (q[c] / p[c] - 1);
    return sum;
}

static void judge(struct comparison *c, struct importance *out)
{
    double sum = 0;
    for (int i = 0; i < c->space->count; i++) {
        int cells = count_cells(&c->grids[i]);
        double *all = c->counts, *top = all + cells;
        memset(all, 0, 2 * (size_t)cells * sizeof *all);
        out[i].trials = count_top(c, i, all, top);
        out[i].raw =
            out[i].trials >= TRIALS_MIN && cells > 1 ? distance(&c->grids[i], all, top, top + cells) : 0;
        sum += out[i].raw;
    }
    for (int i = 0; i < c->space->count; i++)
        out[i].share = sum > 0 ? out[i].raw / sum : 0;
}

/* As many again, drawn with replacement; false: all that were drawn have one score. */
static bool draw_again(struct comparison *c, uint32_t draw)
{
    struct rng rng = rng_at(1, draw, 0, 0);
    int first = -1, last = 0;
    memset(c->times, 0, (size_t)c->n * sizeof *c->times);
    for (int i = 0; i < c->n; i++)
        c->times[rng_below(&rng, (uint32_t)c->n)]++;
    for (int k = 0; k < c->n; k++)
        if (c->times[k]) {
            first = first < 0 ? k : first;
            last = k;
        }
    return score_of(c, first) != score_of(c, last);
}

int importance_ped(const struct space *space, const struct history *history, struct importance *out,
                   struct err *err)
{
    struct comparison c;
    int rc = comparison_init(&c, space, history, err);
    memset(out, 0, (size_t)space->count * sizeof *out);
    if (!rc) {
        for (int k = 0; k < c.n; k++)
            c.times[k] = 1;
        judge(&c, out);
    }
    comparison_fini(&c);
    return rc;
}

int importance_again(const struct space *space, const struct history *history, int draws, double *shares)
{
    struct comparison c;
    struct importance *again = xcalloc((size_t)space->count + 1, sizeof *again);
    int judged = 0, rc = comparison_init(&c, space, history, NULL);
    for (int draw = 0; draw < draws && !rc; draw++) {
        if (!draw_again(&c, (uint32_t)draw))
            continue;
        judge(&c, again);
        for (int i = 0; i < space->count; i++)
            shares[(long)i * draws + judged] = again[i].share;
        judged++;
    }
    free(again);
    comparison_fini(&c);
    return judged;
}
