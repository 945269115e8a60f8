/* extra_trees: extremely randomised regression trees (Geurts, Ernst, Wehenkel, "Extremely randomized trees", Machine
 * Learning 63, 2006), as a surrogate that says how sure it is by the variance between its trees (Hutter, Hoos,
 * Leyton-Brown, "Sequential model-based optimization for general algorithm configuration", LION 2011).
 *
 * A node draws one cut for every column, evenly between its least and its greatest there, of a choice one value against the
 * others, and keeps the cut that explains most variance; it is a leaf with fewer than three observations or where nothing
 * differs. Every tree sees all observations. (forest.h is the other kind: bootstrap samples, best cuts, leaves as boxes.)
 *
 * Refuses nothing; x and y finite. Ownership: extra_trees_grow allocates, extra_trees_fini frees.
 */
#ifndef HONE_MASTER_SEARCH_EXTRA_TREES_H
#define HONE_MASTER_SEARCH_EXTRA_TREES_H

#include "common/rng.h"

enum { EXTRA_TREES = 30 };

struct extra_node;

struct extra_trees {
    int dims, lines; /* columns; the first `lines` are lines, the others choices */
    int roots[EXTRA_TREES];
    struct extra_node *nodes; /* of all trees */
    int count, room;
};

/* x: [n][dims], n >= 1; y: [n]. `trees` is zero but for `dims` and `lines`. */
void extra_trees_grow(struct extra_trees *trees, const double *x, const double *y, int n, struct rng *rng);
void extra_trees_fini(struct extra_trees *trees);

/* Mean of the trees at x, and the variance between them. */
void extra_trees_at(const struct extra_trees *trees, const double *x, double *mean, double *variance);

#endif
