#include "master/search/extra_trees.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/mem.h"

enum { SPLIT_LEAST = 3, LEAF = -1 };

struct extra_node {
    int column; /* LEAF: none */
    double cut; /* a line goes left below it, a choice where it has this value */
    int left, right;
    double mean;
};

struct grower {
    struct extra_trees *trees;
    const double *x, *y;
    struct rng *rng;
    int *rows; /* a node has a run of them */
};

static bool goes_left(const struct extra_trees *trees, const struct extra_node *node, const double *x)
{
    double at = x[node->column];
    return node->column < trees->lines ? at < node->cut : at == node->cut;
}

static const double *row_at(const struct grower *g, int i)
{
    return g->x + (long)g->rows[i] * g->trees->dims;
}

/* ---- growing ---- */

/* False: nothing differs in that column. */
static bool draw_cut(struct grower *g, int from, int to, struct extra_node *node)
{
    double low = INFINITY, high = -INFINITY;
    for (int i = from; i < to; i++) {
        low = fmin(low, row_at(g, i)[node->column]);
        high = fmax(high, row_at(g, i)[node->column]);
    }
    if (!(high > low))
        return false;
    if (node->column < g->trees->lines)
        node->cut = low + rng_open(g->rng) * (high - low);
    else
        node->cut = row_at(g, from + (int)rng_below(g->rng, (uint32_t)(to - from)))[node->column];
    return true;
}

/* The larger, the less variance is left on both sides; -INFINITY: one of them is empty, which rounding can do. */
static double explained(const struct grower *g, const struct extra_node *node, int from, int to)
{
    double sum[2] = {0};
    int count[2] = {0};
    for (int i = from; i < to; i++) {
        bool is_left = goes_left(g->trees, node, row_at(g, i));
        sum[is_left] += g->y[g->rows[i]];
        count[is_left]++;
    }
    return count[0] && count[1] ? sum[0] * sum[0] / count[0] + sum[1] * sum[1] / count[1] : -INFINITY;
}

static struct extra_node best_cut(struct grower *g, int from, int to)
{
    struct extra_node best = {.column = LEAF};
    double most = -INFINITY;
    for (int k = 0; k < g->trees->dims && to - from >= SPLIT_LEAST; k++) {
        struct extra_node node = {.column = k};
        double worth = draw_cut(g, from, to, &node) ? explained(g, &node, from, to) : -INFINITY;
        if (worth > most) {
            most = worth;
            best = node;
        }
    }
    return best;
}

/* Rows that go left come first; where the others begin. */
static int parted(struct grower *g, const struct extra_node *node, int from, int to)
{
    int middle = from;
    for (int i = from; i < to; i++)
        if (goes_left(g->trees, node, row_at(g, i))) {
            int row = g->rows[i];
            g->rows[i] = g->rows[middle];
            g->rows[middle++] = row;
        }
    return middle;
}

static int add_node(struct extra_trees *trees)
{
    if (trees->count == trees->room) {
        trees->room = trees->room ? 2 * trees->room : 256;
        trees->nodes = xrealloc(trees->nodes, (size_t)trees->room * sizeof *trees->nodes);
    }
    return trees->count++;
}

static int grown(struct grower *g, int from, int to)
{
    int me = add_node(g->trees);
    struct extra_node node = best_cut(g, from, to);
    for (int i = from; i < to; i++)
        node.mean += g->y[g->rows[i]] / (to - from);
    if (node.column != LEAF) {
        int middle = parted(g, &node, from, to);
        node.left = grown(g, from, middle);
        node.right = grown(g, middle, to);
    }
    g->trees->nodes[me] = node;
    return me;
}

void extra_trees_grow(struct extra_trees *trees, const double *x, const double *y, int n, struct rng *rng)
{
    struct grower g = {trees, x, y, rng, xcalloc((size_t)n + 1, sizeof(int))};
    for (int t = 0; t < EXTRA_TREES; t++) {
        for (int i = 0; i < n; i++)
            g.rows[i] = i;
        trees->roots[t] = grown(&g, 0, n);
    }
    free(g.rows);
}

void extra_trees_fini(struct extra_trees *trees)
{
    free(trees->nodes);
    *trees = (struct extra_trees){0};
}

/* ---- asking ---- */

void extra_trees_at(const struct extra_trees *trees, const double *x, double *mean, double *variance)
{
    double sum = 0, square = 0;
    for (int t = 0; t < EXTRA_TREES; t++) {
        const struct extra_node *node = trees->nodes + trees->roots[t];
        while (node->column != LEAF)
            node = trees->nodes + (goes_left(trees, node, x) ? node->left : node->right);
        sum += node->mean;
        square += node->mean * node->mean;
    }
    *mean = sum / EXTRA_TREES;
    *variance = fmax(square / EXTRA_TREES - *mean * *mean, 0);
}
