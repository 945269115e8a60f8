/* forest: a random forest for regression on the unit cube (Breiman, "Random forests", Machine Learning 45, 2001), as boxes:
 * a tree is the list of its leaves, each a box of the cube with a value, which is all that an analysis of variance needs.
 *
 * Each tree is grown on a bootstrap sample of the points to leaves of at least LEAF_LEAST of them; a split minimises the
 * squared error over 5/6 of the columns, drawn anew, half-way between two values. Random numbers are counter-based: tree k
 * of a seed is always the same. Plain C, sums in a fixed order.
 *
 * Refuses nothing; with one distinct y the tree is one leaf. Ownership: tree_fini frees what tree_grow made.
 *
 * Columns are sorted once for all trees; a split parts the sorted lists and keeps their order, so that a tree costs its
 * rows times its columns times its depth. */
#ifndef HONE_MASTER_SEARCH_FOREST_H
#define HONE_MASTER_SEARCH_FOREST_H

#include <stdint.h>

#include "master/search/param.h"

struct leaf {
    double value;      /* mean of its points */
    struct span *side; /* columns of them, inside [0, 1] */
};

struct tree {
    struct leaf *leaves;
    int count, columns;
};

/* What a forest is grown on. y is borrowed. */
struct samples {
    double *x; /* [columns][rows] */
    const double *y;
    int rows, columns;
    int *sorted; /* [columns][rows]: rows by rising value */
};

/* x: rows x columns, in [0, 1]; y: one per row, finite. PRE: rows >= 1, columns >= 1. */
void samples_init(struct samples *samples, const double *x, const double *y, int rows, int columns);
void samples_fini(struct samples *samples);

void tree_grow(const struct samples *samples, uint64_t seed, uint32_t number, struct tree *out);
void tree_fini(struct tree *tree);

/* The value of the leaf that holds the point. */
double tree_at(const struct tree *tree, const double *point);

#endif
