#include "master/search/forest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "common/rng.h"
#include "master/search/sampler_row.h"

enum { LEAF_LEAST = 2, DEPTH_MOST = 64 };

struct growing {
    const double *x, *y;
    int columns;
    struct rng rng;
    struct tree *tree;
    size_t leaf_room;
    uint32_t *columns_drawn; /* scratch */
};

struct split {
    int column; /* -1: none */
    double at, gain;
};

/* ---- splits ---- */

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

/* The best place to cut one column: left and right squared sums over their counts, as large as possible. */
static void try_column(const struct growing *g, const int *rows, int count, int column, struct keyed *keyed,
                       struct split *best)
{
    double sum = 0, left = 0;
    for (int i = 0; i < count; i++) {
        keyed[i] = (struct keyed){g->x[(size_t)rows[i] * (size_t)g->columns + (size_t)column], rows[i]};
        sum += g->y[rows[i]];
    }
    qsort(keyed, (size_t)count, sizeof *keyed, by_x);
    for (int i = 0; i + 1 < count; i++) {
        left += g->y[keyed[i].row];
        int n = i + 1, m = count - n;
        if (keyed[i].x == keyed[i + 1].x || n < LEAF_LEAST || m < LEAF_LEAST)
            continue;
        double right = sum - left, gain = left * left / n + right * right / m - sum * sum / count;
        if (gain > best->gain)
            *best = (struct split){column, 0.5 * (keyed[i].x + keyed[i + 1].x), gain};
    }
}

static struct split find_split(struct growing *g, const int *rows, int count)
{
    struct split best = {.column = -1, .gain = 1e-12};
    int tries = (5 * g->columns + 5) / 6;
    if (count < 2 * LEAF_LEAST)
        return best;
    struct keyed *keyed = xcalloc((size_t)count, sizeof *keyed);
    for (int i = 0; i < g->columns; i++)
        g->columns_drawn[i] = (uint32_t)i;
    rng_shuffle(&g->rng, g->columns_drawn, (size_t)g->columns);
    for (int i = 0; i < tries; i++)
        try_column(g, rows, count, (int)g->columns_drawn[i], keyed, &best);
    free(keyed);
    return best;
}

/* ---- leaves ---- */

static void add_leaf(struct growing *g, const int *rows, int count, const struct span *box)
{
    struct tree *t = g->tree;
    GROW(t->leaves, g->leaf_room, (size_t)t->count + 1);
    struct leaf *leaf = &t->leaves[t->count++];
    *leaf = (struct leaf){.side = xcalloc((size_t)g->columns, sizeof *leaf->side)};
    memcpy(leaf->side, box, (size_t)g->columns * sizeof *box);
    for (int i = 0; i < count; i++)
        leaf->value += g->y[rows[i]] / count;
}

static void grow_node(struct growing *g, int *rows, int count, struct span *box, int depth)
{
    struct split split = depth < DEPTH_MOST ? find_split(g, rows, count) : (struct split){.column = -1};
    if (split.column < 0) {
        add_leaf(g, rows, count, box);
        return;
    }
    int left = 0;
    for (int i = 0; i < count; i++)
        if (g->x[(size_t)rows[i] * (size_t)g->columns + (size_t)split.column] < split.at) {
            int swap = rows[left];
            rows[left++] = rows[i];
            rows[i] = swap;
        }
    struct span whole = box[split.column];
    box[split.column].hi = split.at;
    grow_node(g, rows, left, box, depth + 1);
    box[split.column] = (struct span){split.at, whole.hi};
    grow_node(g, rows + left, count - left, box, depth + 1);
    box[split.column] = whole;
}

void tree_grow(const double *x, const double *y, int rows, int columns, uint64_t seed, uint32_t number,
               struct tree *out)
{
    PRE(rows >= 1 && columns >= 1);
    *out = (struct tree){.columns = columns};
    struct growing g = {
        .x = x, .y = y, .columns = columns, .rng = rng_at(seed, number, 0, STREAM_FOREST), .tree = out};
    int *drawn = xcalloc((size_t)rows, sizeof *drawn);
    struct span *box = xcalloc((size_t)columns, sizeof *box);
    g.columns_drawn = xcalloc((size_t)columns, sizeof *g.columns_drawn);
    for (int i = 0; i < rows; i++)
        drawn[i] = (int)rng_below(&g.rng, (uint32_t)rows);
    for (int k = 0; k < columns; k++)
        box[k] = (struct span){0, 1};
    grow_node(&g, drawn, rows, box, 0);
    free(g.columns_drawn);
    free(drawn);
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
