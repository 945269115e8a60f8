#include "master/search/fanova.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/search/evidence.h"

enum { TRIALS_MIN = 10 };
static const double LOW = 0.05, HIGH = 0.95;

/* ---- one tree ---- */

/* Where a tree cuts one column: rising edges, 0 and 1 among them. */
struct cuts {
    double *edge;
    int cells; /* one less than edges */
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void cuts_init(struct cuts *cuts, const struct tree *tree, int column)
{
    cuts->edge = xcalloc((size_t)tree->count + 2, sizeof *cuts->edge);
    int n = 0;
    for (int i = 0; i < tree->count; i++)
        cuts->edge[n++] = tree->leaves[i].side[column].lo;
    cuts->edge[n++] = 1;
    qsort(cuts->edge, (size_t)n, sizeof *cuts->edge, by_value);
    cuts->cells = 0;
    for (int i = 1; i < n; i++)
        if (cuts->edge[i] > cuts->edge[cuts->cells])
            cuts->edge[++cuts->cells] = cuts->edge[i];
}

static int cell_of(const struct cuts *cuts, double edge)
{
    int lo = 0, hi = cuts->cells;
    while (lo < hi) {
        int middle = (lo + hi) / 2;
        if (cuts->edge[middle] < edge)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

static double width(struct span s)
{
    return s.hi - s.lo;
}

static double volume(const struct leaf *leaf, int columns)
{
    double v = 1;
    for (int k = 0; k < columns; k++)
        v *= width(leaf->side[k]);
    return v;
}

/* Mean and variance of the tree over the cube. */
static double tree_variance(const struct tree *tree, double *mean)
{
    double sum = 0, square = 0;
    for (int i = 0; i < tree->count; i++)
        sum += volume(&tree->leaves[i], tree->columns) * tree->leaves[i].value;
    for (int i = 0; i < tree->count; i++) {
        double d = tree->leaves[i].value - sum;
        square += volume(&tree->leaves[i], tree->columns) * d * d;
    }
    *mean = sum;
    return square;
}

/* The sum of width times squared distance from the mean, in four lanes: one after the other waits for each addition. */
static double spread_of_row(const double *height, const double *wide, size_t count, double mean)
{
    double lanes[4] = {0};
    size_t k = 0;
    for (; k + 4 <= count; k += 4)
        for (size_t i = 0; i < 4; i++)
            lanes[i] += wide[k + i] * (height[k + i] - mean) * (height[k + i] - mean);
    for (; k < count; k++)
        lanes[0] += wide[k] * (height[k] - mean) * (height[k] - mean);
    return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

/* Variance of the marginal over two columns (b -1: over one). Each leaf adds its value to the cells of b from its first row
 * of cells of a on, and takes it away after its last; rows are summed up afterwards. */
static double marginal_variance(const struct tree *tree, const struct cuts *cuts, int a, int b, double mean)
{
    const struct cuts one = {(double[]){0, 1}, 1};
    const struct cuts *ca = &cuts[a], *cb = b < 0 ? &one : &cuts[b];
    size_t cells = (size_t)cb->cells;
    double *rows = xcalloc(((size_t)ca->cells + 1) * cells, sizeof *rows), variance = 0;
    double *wide = xcalloc(cells, sizeof *wide);
    for (int i = 0; i < tree->count; i++) {
        const struct leaf *leaf = &tree->leaves[i];
        double rest = volume(leaf, tree->columns) / width(leaf->side[a]) / (b < 0 ? 1 : width(leaf->side[b]));
        double add = leaf->value * rest;
        double *from = rows + cells * (size_t)cell_of(ca, leaf->side[a].lo);
        double *to = rows + cells * (size_t)cell_of(ca, leaf->side[a].hi);
        int b0 = b < 0 ? 0 : cell_of(cb, leaf->side[b].lo), b1 = b < 0 ? 1 : cell_of(cb, leaf->side[b].hi);
        for (int k = b0; k < b1; k++) {
            from[k] += add;
            to[k] -= add;
        }
    }
    for (size_t k = 0; k < cells; k++)
        wide[k] = cb->edge[k + 1] - cb->edge[k];
    for (size_t i = 0; i < (size_t)ca->cells; i++) {
        double *row = rows + i * cells;
        for (size_t k = 0; i && k < cells; k++)
            row[k] += row[k - cells];
        variance += (ca->edge[i + 1] - ca->edge[i]) * spread_of_row(row, wide, cells, mean);
    }
    free(wide);
    free(rows);
    return variance;
}

/* Shares of one tree, in the order of `shares`; false: the tree is flat. */
static bool judge_tree(const struct tree *tree, const struct fanova_share *shares, int count, double *out)
{
    double mean, total = tree_variance(tree, &mean);
    if (!(total > 0))
        return false;
    struct cuts *cuts = xcalloc((size_t)tree->columns, sizeof *cuts);
    for (int k = 0; k < tree->columns; k++)
        cuts_init(&cuts[k], tree, k);
    for (int i = 0; i < count; i++) {
        int a = shares[i].param, b = shares[i].other;
        out[i] = marginal_variance(tree, cuts, a, b, mean) / total;
        if (b >= 0)
            out[i] = fmax(out[i] - out[a] - out[b], 0);
    }
    for (int k = 0; k < tree->columns; k++)
        free(cuts[k].edge);
    free(cuts);
    return true;
}

/* ---- the forest ---- */

static int count_of(int columns, bool pairs)
{
    return columns + (pairs ? columns * (columns - 1) / 2 : 0);
}

static void name_shares(int columns, bool pairs, struct fanova_share *out)
{
    int n = 0;
    for (int a = 0; a < columns; a++)
        out[n++] = (struct fanova_share){.param = a, .other = -1};
    for (int a = 0; a < columns && pairs; a++)
        for (int b = a + 1; b < columns; b++)
            out[n++] = (struct fanova_share){.param = a, .other = b};
}

static void sum_up(struct fanova_share *share, double *values, int count)
{
    if (!count)
        return;
    qsort(values, (size_t)count, sizeof *values, by_value);
    for (int i = 0; i < count; i++)
        share->share += values[i] / count;
    share->low = values[(int)(LOW * (count - 1) + 0.5)];
    share->high = values[(int)(HIGH * (count - 1) + 0.5)];
}

void fanova_of(const struct samples *samples, const struct fanova_options *options, struct fanova_share *out)
{
    int columns = samples->columns, count = count_of(columns, options->pairs), trees = 0;
    double *shares = xcalloc((size_t)count * FANOVA_TREES, sizeof *shares), *column;
    name_shares(columns, options->pairs, out);
    for (uint32_t k = 0; k < FANOVA_TREES; k++) {
        struct tree tree;
        tree_grow(samples, 1, k, &tree);
        trees += judge_tree(&tree, out, count, shares + (size_t)count * (size_t)trees);
        tree_fini(&tree);
        watcher_tell(&options->watcher, k + 1, FANOVA_TREES);
    }
    column = xcalloc(FANOVA_TREES, sizeof *column);
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < trees; k++)
            column[k] = shares[(size_t)count * (size_t)k + (size_t)i];
        sum_up(&out[i], column, trees);
    }
    free(column);
    free(shares);
}

/* ---- of a study ---- */

int fanova_count(const struct space *space, bool pairs)
{
    return count_of(space->count, pairs);
}

/* The hull of the study's own box and of all that was tried, in T-space. */
static void make_hull(const struct space *space, const struct evidence *ev, struct span *hull)
{
    for (int p = 0; p < space->count; p++) {
        hull[p] = space->params[p].box;
        for (int i = 0; i < ev->count; i++) {
            struct value v = ev->list[i].point->v[p];
            if (v.kind != VALUE_NUM || (space->params[p].or_zero > 0 && v.num == 0))
                continue;
            double t = param_scale(&space->params[p], v.num);
            hull[p] = (struct span){fmin(hull[p].lo, t), fmax(hull[p].hi, t)};
        }
    }
}

/* Finished trials as rows of the unit cube; returns how many. */
static int make_rows(const struct space *space, const struct evidence *ev, double *x, double *y)
{
    struct span *hull = xcalloc((size_t)space->count, sizeof *hull);
    double worst = INFINITY;
    int rows = 0;
    make_hull(space, ev, hull);
    for (int i = 0; i < ev->count; i++)
        if (ev->list[i].state == HISTORY_SCORED)
            worst = fmin(worst, ev->list[i].score);
    for (int i = 0; i < ev->count; i++) {
        const struct observed *o = &ev->list[i];
        if (o->state == HISTORY_PENDING)
            continue;
        for (int p = 0; p < space->count; p++) {
            struct value v = o->point->v[p];
            x[(size_t)rows * (size_t)space->count + (size_t)p] =
                v.kind == VALUE_OFF ? 0.5 : param_to_unit_in(&space->params[p], hull[p], v);
        }
        y[rows++] = o->state == HISTORY_SCORED ? o->score : worst;
    }
    free(hull);
    return rows;
}

static bool differs(const double *y, int rows)
{
    for (int i = 1; i < rows; i++)
        if (y[i] != y[0])
            return true;
    return false;
}

int fanova(const struct space *space, const struct history *history, const struct fanova_options *options,
           struct fanova_share *out, struct err *err)
{
    struct evidence ev;
    int rc = 0;
    if (options->pairs && space->count > FANOVA_PAIRS_MOST)
        return err_set(err, ERR_NO, "--pairs: of at most %d parameters (there are %d)", FANOVA_PAIRS_MOST,
                       space->count);
    evidence_init(&ev, history);
    double *x = xcalloc((size_t)ev.count * (size_t)space->count + 1, sizeof *x);
    double *y = xcalloc((size_t)ev.count + 1, sizeof *y);
    int rows = make_rows(space, &ev, x, y);
    if (rows < TRIALS_MIN)
        rc = err_set(err, ERR_NO, "importance needs %d finished trials (there are %d)", TRIALS_MIN, rows);
    else if (!differs(y, rows) || !isfinite(y[0]))
        rc = err_set(err, ERR_NO, "all trials have the same score: nothing can be told apart");
    if (!rc) {
        struct samples samples;
        samples_init(&samples, x, y, rows, space->count);
        fanova_of(&samples, options, out);
        samples_fini(&samples);
    }
    evidence_fini(&ev);
    free(x);
    free(y);
    return rc;
}
