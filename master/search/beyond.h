/* beyond: the trials of a study outside the walls of its box, and whether it is better there.
 *
 * A trial beyond a wall says something of the wall where another differs from it in this one parameter and lies inside: a
 * pair. Then
 *
 *   gain      by how much the one beyond is better than its partner inside, in units of what the best this side of the
 *             wall is better than the median there: a parameter that does nothing gains nothing, but for noise
 *   is_sure   one gain of 1.5, or pairs whose gains add up to 1.2 (each counts at most 1, and at least -1), of which two
 *             and no fewer than the losses gain at least 0.1; one such pair is enough where the five best of all trials
 *             lie beyond this wall, for what is fine beside the first trials' spread is no gain by that measure
 *
 * One pass over all trials finds those outside; the newest 64 beyond each wall are looked at.
 * Ownership: outside_init allocates, outside_fini frees; space, evidence and box are borrowed.
 */
#ifndef HONE_MASTER_SEARCH_BEYOND_H
#define HONE_MASTER_SEARCH_BEYOND_H

#include "master/search/atlas.h"
#include "master/search/box.h"
#include "master/search/evidence.h"

enum { BEYOND_MAX = 64 };

/* The trials beyond one wall, newest first. */
struct outsiders {
    const struct observed *who[BEYOND_MAX];
    int count, all; /* in `who`; at all */
};

/* Trials in the box by the value of one parameter: chains over a hash table. */
struct chains {
    int param;         /* -1: not made yet */
    int *first, *next; /* [rooms], [evidence]: one more than the trial's place; 0: the end */
    unsigned rooms;
};

struct outside {
    const struct space *space;
    const struct evidence *ev;
    const struct box *box;
    bool *is_in;              /* by observation: no numeric parameter lies beyond a wall */
    struct outsiders **walls; /* [2 params], low and high of each; NULL: nobody */
    double best;              /* score in the box; -INFINITY: none, or nobody is outside */
    struct chains chains[2];
};

/* `atlas`: has followed the evidence's history; NULL: every trial is looked at. */
void outside_init(struct outside *outside, const struct space *space, const struct evidence *evidence,
                  const struct box *box, const struct atlas *atlas);
void outside_fini(struct outside *outside);

/* How far a point lies beyond a wall, in box widths: below 0 inside. False: it has no position. */
bool way_out(const struct space *space, const struct box *box, const struct point *point, int param, int side,
             double *by);
static const double WAY_DUST = 1e-9; /* no farther out than this is on the wall */

/* Everyone beyond any wall; a trial beyond two counts twice. */
int outside_count(const struct outside *outside);
/* Does a trial beyond the wall differ from this point in nothing else? */
bool outside_has_partner(const struct outside *outside, const struct point *point, int param, int side);

/* What lies beyond a wall; distances in box widths. */
struct beyond {
    double gain;      /* of the best of them; -INFINITY: nothing, or nothing with a score */
    int wins, losses; /* trials that gain enough to count, and those that do not */
    double total;     /* the gains of all, each at most 1 and at least -1, added */
    bool is_sure;     /* it is better there */
    double best;      /* distance of the farthest that counts */
    double nearest;   /* of the nearest that diverged, farther than that; INFINITY: none */
    double tried;     /* of the nearest at all */
    double farthest;  /* of the farthest at all; 0: none */
    uint32_t winner;  /* the best of those that count; 0: none */
    int scored, bad, pending;
    int older; /* not looked at */
};
struct beyond beyond_wall(struct outside *outside, int param, int side);

#endif
