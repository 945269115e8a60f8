/* walls: does a study's best point lean on the wall of its box, and may that wall move?
 *
 * The lecture's advice "beware of the best result at the border" as a test. For each numeric parameter and side:
 *   slope t   least squares of the trials' normal scores (ranks of their scores, diverged ones last) on position and
 *             its square, of this parameter and, where there are enough trials, of all others (sight.h): t is the
 *             slope *at the wall*, outward, over its standard error
 *   lean      mean position of the best max(3, n / 10) trials, 0 in the middle of nowhere, 1 at the wall
 * Random points and other designs: good trials lean on it where t > 2.5 and lean > 0.78, and it grows by a third of
 * the box (by all of it where t > 4 and lean > 0.9). A rank correlation and the position of the best alone see too
 * little. Points that a model chose prove nothing by where they lie: there it grows where trials beyond it are better
 * than their partners inside (beyond.h), by a box width or a third beyond the farthest that is better; t and lean only
 * warn. Up to the parameter's reach and to what diverged; where everything further out than the best diverged, the
 * wall stays and the event says so: that is the edge of stability and not of the box. docs/walls.md has the curve of
 * power against false alarms.
 *
 * Policy: expand for log floats (three decades a side) and where "limits" are given, else warn; "boundary" of
 * the parameter, then of the study, overrides. Ownership: events are plain values in the caller's array.
 */
#ifndef HONE_MASTER_SEARCH_WALLS_H
#define HONE_MASTER_SEARCH_WALLS_H

#include "master/search/box.h"
#include "master/search/history.h"

enum wall_verdict {
    WALL_WARN,     /* good trials lean on it, and the policy is to say so */
    WALL_ASK,      /* it would move if somebody approved */
    WALL_GROW,     /* it moves */
    WALL_AT_LIMIT, /* it stands at its reach already */
    WALL_DIVERGED, /* whatever was tried further out diverged */
    WALL_SHRINK,   /* stages only: the box closes in on the best (both sides in one event) */
    WALL_DROP,     /* stages only: a choice is no longer tried */
};

enum { WALL_BEHIND = 8 };

struct wall_event {
    int param;
    int side; /* +1: the high wall, -1: the low one, 0: both */
    enum wall_verdict verdict;
    double best;        /* position of the best trial: 0 low wall, 1 high wall */
    double lean;        /* mean distance of the top group from the far wall, in box widths */
    double slope;       /* t of the slope at the wall, outward */
    double nearest_bad; /* how far beyond the wall something diverged, in box widths; INFINITY: nothing */
    double trend;       /* Spearman's rank correlation of position and score, outward */
    bool is_behind;     /* a trial beyond the wall is the best by far (beyond.h) */
    int top, trials;    /* size of the top group, and of all that were looked at */
    struct span before, after;    /* unscaled walls */
    int choice;                   /* of WALL_DROP */
    uint32_t behind[WALL_BEHIND]; /* the best trials, best first */
    int behind_count;
    char text[240]; /* for the terminal */
};

const char *wall_verdict_name(enum wall_verdict verdict);

/* What this parameter's walls do: EXPAND, ASK, WARN or OFF. */
enum boundary wall_policy(const struct param *param, enum boundary study);

/* Is a look due, the last one having been at `looked_at` finished trials? At 12, 16, 20, ..., 128, 136, ..., 256, 272,
 * ...: every 1.5 to 3 % of them, so that a study of any length spends the same on each trial. */
bool walls_due(size_t looked_at, size_t finished);

/* What the finished trials say of one wall, whatever the thresholds: best, lean, slope, trend, the trials
 * behind it; verdict is WALL_DIVERGED where all that was tried further out diverged (and was left out of the
 * figures). False: too few trials, or none that is not bad. */
bool wall_measure(const struct space *space, const struct history *history, const struct box *box, int param,
                  int side, struct wall_event *event);

/* What a study says of its walls (search_walls in sampler.h). */
struct wall_rule {
    enum boundary boundary;
    bool by_number; /* its points depend on nothing but trial numbers: a slope is evidence */
};

/* Looks at every parameter and side. At most `room` events; `next` (initialised by the caller as a clone of
 * `box`) is the box with the walls that moved. Returns the number of events. */
int walls_look(const struct space *space, struct wall_rule rule, const struct history *history,
               const struct box *box, struct box *next, struct wall_event *events, int room);

/* An approved (or forced) move of one wall outward by `part` of the width, cut at the reach; the event's
 * `after`. */
struct span wall_moved(const struct param *param, struct span wall, int side, double part);

/* "lr: the best 3 of 30 lean on the top wall, trend +0.81; wall 0.001 -> 0.00316" */
void wall_event_text(const struct space *space, struct wall_event *event);

#endif
