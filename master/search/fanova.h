/* fanova: how much of what the score does over the whole space each parameter explains, alone and in pairs: functional
 * analysis of variance of a random forest (Hutter, Hoos, Leyton-Brown, "An efficient approach for assessing hyperparameter
 * importance", ICML 2014).
 *
 * Per tree of 64, exactly, from its boxes: V of a parameter's marginal over V of the tree, for a pair what the two do
 * together beyond each alone. The share is the mean over the trees, low and high are their 5 % and 95 % points: each tree
 * saw another bootstrap of the trials. Everything is measured on the unit interval that the study samples from (so an lr
 * from 1e-6 to 10 in decades, weighted choices by their weights), over the hull of the box and of all that was tried.
 * Trials that failed or diverged have the worst score there is; a parameter that is not active is in the middle.
 *
 * Where importance_ped asks what made the best tenth good, this asks what moves the score anywhere: a rate that
 * diverges above some value has nearly all of it.
 *
 * Refuses (ERR_NO): fewer than 10 finished trials, or all of one score; pairs of more than 64 parameters. Ownership: the
 * caller's array. */
#ifndef HONE_MASTER_SEARCH_FANOVA_H
#define HONE_MASTER_SEARCH_FANOVA_H

#include "common/err.h"
#include "common/watcher.h"
#include "master/search/forest.h"
#include "master/search/history.h"

enum { FANOVA_TREES = 64, FANOVA_PAIRS_MOST = 64 };

struct fanova_share {
    int param, other; /* other -1: of the parameter alone */
    double share;     /* of the variance, 0 .. 1 */
    double low, high;
};

struct fanova_options {
    bool pairs;
    struct watcher watcher; /* of the trees */
};

/* Shares in all: the parameters, and with `pairs` every pair of them. */
int fanova_count(const struct space *space, bool pairs);

/* `out` holds fanova_count; parameters first, in their order. */
int fanova(const struct space *space, const struct history *history, const struct fanova_options *options,
           struct fanova_share *out, struct err *err);

/* The same on points of the unit cube, for its oracles. */
void fanova_of(const struct samples *samples, const struct fanova_options *options, struct fanova_share *out);

#endif
