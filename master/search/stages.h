/* stages: coarse to fine. One pass with few epochs over a wide box, then a smaller box around the best with
 * more.
 *
 *   "method": "coarse-to-fine", "sampler": "halton",
 *   "stages": [{"trials": 50, "epochs": 1}, {"trials": 30, "epochs": 5}, {"trials": 20, "epochs": 20}]
 *
 * At the end of a stage of n trials to E epochs, over all trials inside its box that have a score at E:
 *   the next box is centred on the best, 1.5 times as wide as the best max(3, n / 20) lie apart, clamped to
 * 0.2 (0.35 below 5 epochs: such ranks are biased) .. 0.5 of the old one, slid so as not to leave it; a wall
 * grows by half a box where the best lies in the outer 5 %, or half of the top in the outer 10 %, and the
 *   rank trend toward it is at least 0.35, or where walls.h's slope test says so; never past the reach, never
 * where whatever lies further out diverged; a choice is dropped after 3 trials with none in the better half,
 * never the last two. Why centred on the best: the hull of a top group keeps nearly the whole width and gains
 * little over random.
 *
 * The best ceil(n'/5) of a stage are carried into the next of n' trials, resume, and count among them.
 * Ownership: struct stages is one block, freed with free().
 */
#ifndef HONE_MASTER_SEARCH_STAGES_H
#define HONE_MASTER_SEARCH_STAGES_H

#include "master/search/sampler.h"
#include "master/search/walls.h"

enum { STAGES_MAX = 32 };

struct stage {
    int trials; /* new and carried ones */
    int epochs; /* to which each is trained */
};

struct stages {
    int count;
    int design; /* which of "halton", "sobol", "random" spreads the points of a stage */
    struct stage list[STAGES_MAX];
};

/* Of a search by stages; NULL: it has none. */
const struct stages *stages_of(const struct search_def *def);
/* Stage number s; past the end (a stage was inserted, for a wall was still moving) it is like the last. */
struct stage stage_at(const struct stages *stages, int s);
/* 50 / 30 / 20 % of the trials with 1, 5 and all epochs; below ten epochs four stages of all epochs. */
void stages_auto(int64_t trials, int epochs, struct stages *out);

/* A stage that ends, and what its study knows. */
struct stage_end {
    const struct space *space;
    enum boundary study; /* its policy for walls */
    const struct history *history;
    const struct box *box;
    struct stage stage;
};

/* The box of the next stage and what changed. `next` was initialised as a clone of the box. Returns the number
 * of events, at most `room` (3 per parameter suffice). */
int stage_next_box(const struct stage_end *end, struct box *next, struct wall_event *events, int room);

/* Trials that go on into the next stage: the best ceil(trials / 5) that are not final, best first, of those
 * scored at `epochs`. Returns how many. `out` holds trials / 5 + 1. */
int stage_carried(const struct history *history, int epochs, int trials, uint32_t *out);

/* A trial that has come to `until` only after its stage had ended (it was tried again): would that stage have let it go on, by
 * what the others of it and of those before came to? */
bool stage_would_carry(const struct stages *stages, const struct history *history, uint32_t trial, int until);

/* Where a study with stages stands, from its history alone. */
struct stage_state {
    int stage;
    int proposed; /* points this stage has made so far */
    int wanted;   /* points it makes: trials less the carried ones */
    bool is_over; /* all made, and each trial has reached the stage's epochs or is final */
};

struct stage_state stages_state(const struct stages *stages, const struct history *history);

#endif
