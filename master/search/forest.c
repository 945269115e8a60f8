#include "master/search/forest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "common/rng.h"
#include "master/search/sampler_row.h"

enum { LEAF_LEAST = 2, DEPTH_MOST = 64 };

/* A tree's sample, of which a node has one stretch, [from, to): the rows as they were drawn, and once more for each column
 * by rising value. Sorted once, kept so by whatever a split does. */
struct growing {
    const struct samples *samples;
    struct rng rng;
    struct tree *tree;
    size_t leaf_room;
    int *rows, *sorted;      /* [count]; [columns][count] */
    bool *is_left;           /* by row, of the split at hand */
    int *spare;              /* scratch: [count] */
    uint32_t *columns_drawn; /* scratch */
};

struct node {
    int from, to, depth;
};

struct split {
    int column; /* -1: none */
    double at, gain;
};

/* ---- the samples ---- */

struct keyed {
    double x;
    int row;
};

static int by_x(const void *a, const void *b)
{
    const struct keyed *p = a, *q = b;
    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

void samples_init(struct samples *s, const double *x, const double *y, int rows, int columns)
{
    PRE(rows >= 1 && columns >= 1);
    size_t count = (size_t)rows, all = count * (size_t)columns;
    struct keyed *keyed = xcalloc(count, sizeof *keyed);
    *s = (struct samples){.y = y, .rows = rows, .columns = columns};
    s->x = xcalloc(all, sizeof *s->x);
    s->sorted = xcalloc(all, sizeof *s->sorted);
    for (size_t k = 0; k < (size_t)columns; k++) {
        for (size_t i = 0; i < count; i++)
            keyed[i] = (struct keyed){s->x[k * count + i] = x[i * (size_t)columns + k], (int)i};
        qsort(keyed, count, sizeof *keyed, by_x);
        for (size_t i = 0; i < count; i++)
            s->sorted[k * count + i] = keyed[i].row;
    }
    free(keyed);
}

void samples_fini(struct samples *s)
{
    free(s->x);
    free(s->sorted);
    *s = (struct samples){0};
}

/* By row. */
static const double *column_of(const struct samples *s, int column)
{
    return s->x + (size_t)column * (size_t)s->rows;
}

/* ---- sides ---- */

/* Those of the left side first, both sides in the order they had. */
static void part_column(struct growing *g, int column, const struct node *node)
{
    int *sorted = g->sorted + (size_t)column * (size_t)g->samples->rows, left = node->from, right = 0;
    for (int i = node->from; i < node->to; i++)
        if (g->is_left[sorted[i]])
            sorted[left++] = sorted[i];
        else
            g->spare[right++] = sorted[i];
    memcpy(sorted + left, g->spare, (size_t)right * sizeof *sorted);
}

/* Returns where the right side begins. */
static int part(struct growing *g, const struct node *node, const struct split *split)
{
    const double *x = column_of(g->samples, split->column);
    int left = node->from;
    for (int i = node->from; i < node->to; i++) {
        g->is_left[g->rows[i]] = x[g->rows[i]] < split->at;
        if (g->is_left[g->rows[i]]) {
            int swap = g->rows[left];
            g->rows[left++] = g->rows[i];
            g->rows[i] = swap;
        }
    }
    for (int k = 0; k < g->samples->columns; k++)
        part_column(g, k, node);
    return left;
}

/* ---- splits ---- */

/* The best place to cut one column: left and right squared sums over their counts, as large as possible. */
static void try_column(const struct growing *g, const struct node *node, int column, double sum,
                       struct split *best)
{
    const int *sorted = g->sorted + (size_t)column * (size_t)g->samples->rows + node->from;
    const double *x = column_of(g->samples, column), *y = g->samples->y;
    int count = node->to - node->from;
    double left = 0, next = x[sorted[0]];
    for (int i = 0; i + 1 < count; i++) {
        double here = next;
        next = x[sorted[i + 1]];
        left += y[sorted[i]];
        int n = i + 1, m = count - n;
        if (here == next || n < LEAF_LEAST || m < LEAF_LEAST)
            continue;
        double right = sum - left, gain = left * left / n + right * right / m - sum * sum / count;
        if (gain > best->gain)
            *best = (struct split){column, 0.5 * (here + next), gain};
    }
}

static struct split find_split(struct growing *g, const struct node *node)
{
    struct split best = {.column = -1, .gain = 1e-12};
    int columns = g->samples->columns, tries = (5 * columns + 5) / 6;
    if (node->depth >= DEPTH_MOST || node->to - node->from < 2 * LEAF_LEAST)
        return best;
    double sum = 0;
    for (int i = node->from; i < node->to; i++)
        sum += g->samples->y[g->rows[i]];
    for (int i = 0; i < columns; i++)
        g->columns_drawn[i] = (uint32_t)i;
    rng_shuffle(&g->rng, g->columns_drawn, (size_t)columns);
    for (int i = 0; i < tries; i++)
        try_column(g, node, (int)g->columns_drawn[i], sum, &best);
    return best;
}

/* ---- leaves ---- */

static void add_leaf(struct growing *g, const struct node *node, const struct span *box)
{
    struct tree *t = g->tree;
    size_t columns = (size_t)t->columns;
    GROW(t->leaves, g->leaf_room, (size_t)t->count + 1);
    struct leaf *leaf = &t->leaves[t->count++];
    *leaf = (struct leaf){.side = xcalloc(columns, sizeof *leaf->side)};
    memcpy(leaf->side, box, columns * sizeof *box);
    for (int i = node->from; i < node->to; i++)
        leaf->value += g->samples->y[g->rows[i]] / (node->to - node->from);
}

static void grow_node(struct growing *g, const struct node *node, struct span *box)
{
    struct split split = find_split(g, node);
    if (split.column < 0) {
        add_leaf(g, node, box);
        return;
    }
    int middle = part(g, node, &split);
    struct span whole = box[split.column];
    box[split.column].hi = split.at;
    grow_node(g, &(struct node){node->from, middle, node->depth + 1}, box);
    box[split.column] = (struct span){split.at, whole.hi};
    grow_node(g, &(struct node){middle, node->to, node->depth + 1}, box);
    box[split.column] = whole;
}

/* As many rows as there are, with replacement. */
static void draw_rows(struct growing *g)
{
    const struct samples *s = g->samples;
    int *times = xcalloc((size_t)s->rows, sizeof *times);
    for (int i = 0; i < s->rows; i++) {
        g->rows[i] = (int)rng_below(&g->rng, (uint32_t)s->rows);
        times[g->rows[i]]++;
    }
    int *to = g->sorted;
    for (size_t k = 0; k < (size_t)s->columns * (size_t)s->rows; k++)
        for (int n = times[s->sorted[k]]; n > 0; n--)
            *to++ = s->sorted[k];
    free(times);
}

void tree_grow(const struct samples *samples, uint64_t seed, uint32_t number, struct tree *out)
{
    size_t rows = (size_t)samples->rows, columns = (size_t)samples->columns;
    *out = (struct tree){.columns = samples->columns};
    struct growing g = {.samples = samples,
                        .rng = rng_at(seed, number, 0, STREAM_FOREST),
                        .tree = out,
                        .rows = xcalloc(rows, sizeof *g.rows),
                        .sorted = xcalloc(rows * columns, sizeof *g.sorted),
                        .is_left = xcalloc(rows, sizeof *g.is_left),
                        .spare = xcalloc(rows, sizeof *g.spare),
                        .columns_drawn = xcalloc(columns, sizeof *g.columns_drawn)};
    struct span *box = xcalloc(columns, sizeof *box);
    for (size_t k = 0; k < columns; k++)
        box[k] = (struct span){0, 1};
    draw_rows(&g);
    grow_node(&g, &(struct node){0, samples->rows, 0}, box);
    free(g.columns_drawn);
    free(g.spare);
    free(g.is_left);
    free(g.sorted);
    free(g.rows);
    free(box);
}

void tree_fini(struct tree *tree)
{
    for (int i = 0; i < tree->count; i++)
        free(tree->leaves[i].side);
    free(tree->leaves);
    *tree = (struct tree){0};
}

double tree_at(const struct tree *tree, const double *point)
{
    for (int i = 0; i < tree->count; i++) {
        const struct leaf *leaf = &tree->leaves[i];
        bool inside = true;
        for (int k = 0; k < tree->columns && inside; k++)
            inside = point[k] >= leaf->side[k].lo && (point[k] < leaf->side[k].hi || leaf->side[k].hi == 1);
        if (inside)
            return leaf->value;
    }
    return NAN;
}
