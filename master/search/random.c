/* random: a uniformly random point on each axis' own scale, independent of every other trial.
 *
 * Bergstra and Bengio, "Random search for hyper-parameter optimization", JMLR 13 (2012): it visits as many
 * values of the one axis that matters as there are trials, where a grid visits a root of that. On a space
 * with finitely many points a point that some trial has is drawn again, as is one that breaks a rule of "require"; see
 * random_point.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/search/feasible.h"
#include "master/search/lattice.h"
#include "master/search/require.h"
#include "master/search/sampler_row.h"

enum { REDRAWS = 24 };

/* The draw-th point of the trial's stream: each parameter has numbers of its own, so that adding or removing
 * one leaves the others where they were. */
static void draw_point(const struct space *space, const struct box *box, uint64_t seed, uint32_t trial,
                       int draw, struct point *out)
{
    double *u = xcalloc((size_t)space->count + 1, sizeof *u);
    for (int i = 0; i < space->count; i++) {
        struct rng rng = rng_at(seed, trial, space->params[i].hash, STREAM_POINT);
        rng.draw = (uint32_t)draw;
        u[i] = rng_unit(&rng);
    }
    box_point(box, space, u, out);
    free(u);
}

/* Nearly all points have been tried: pick among those that were not. */
static int draw_unseen(const struct space *space, const struct history *history, uint64_t seed,
                       uint32_t trial, struct point *out, struct err *err)
{
    struct lattice all;
    if (lattice_init(&all, space, axes_in_full(space)))
        return 0; /* too many to list: the duplicate that was drawn stands */
    bool *seen = xcalloc((size_t)all.count, sizeof *seen);
    uint32_t left = (uint32_t)all.count;
    for (size_t i = 0; i < history->count; i++) {
        int64_t number = lattice_number(&all, &history->entries[i].point);
        if (number >= 0 && !seen[number]) {
            seen[number] = true;
            left--;
        }
    }
    if (left) {
        struct rng rng = rng_at(seed, trial, 0, STREAM_UNSEEN);
        uint32_t skip = rng_below(&rng, left);
        int64_t number = 0;
        while (seen[number] || skip--)
            number++;
        lattice_point(&all, number, out);
    }
    int64_t count = all.count;
    free(seen);
    lattice_fini(&all);
    return left ? 0
                : err_set(err, ERR_GONE, "all %lld points of the space have been tried", (long long)count);
}

/* Most of the space breaks a rule: rejection would take too long. */
static void walk(const struct space *space, const struct box *box, const struct history *history,
                 uint64_t seed, uint32_t trial, struct point *out, struct proposal *note)
{
    struct rng rng = rng_at(seed, trial, 0, STREAM_WALK);
    uint32_t from = feasible_walk(space, box, history, &rng, out);
    int len =
        snprintf(note->why, sizeof note->why, "%d random points broke a rule: a walk from ", FEASIBLE_DRAWS);
    if (from)
        snprintf(note->why + len, sizeof note->why - (size_t)len, "trial %u", from);
    else
        snprintf(note->why + len, sizeof note->why - (size_t)len, "the point that was found at submission");
}

/* Draws until a point keeps the rules and is new. */
static int draw_new(const struct space *space, const struct box *box, const struct history *history,
                    uint64_t seed, uint32_t trial, struct point *out, struct proposal *note, struct err *err)
{
    int64_t bound = space_bound(space);
    int broken = 0, again = 0;
    for (int draw = 0;; draw++) {
        draw_point(space, box, seed, trial, draw, out);
        if (!require_holds(space, out) && ++broken < FEASIBLE_DRAWS)
            continue;
        if (broken == FEASIBLE_DRAWS)
            break;
        if (bound < 0 || !history_has_point(history, out))
            return 0;
        if (++again > REDRAWS)
            return bound <= LATTICE_MAX ? draw_unseen(space, history, seed, trial, out, err) : 0;
    }
    if (bound >= 0 && bound <= LATTICE_MAX)
        return draw_unseen(space, history, seed, trial, out, err);
    walk(space, box, history, seed, trial, out, note);
    return 0;
}

int random_point(const struct space *space, const struct history *history, uint64_t seed, uint32_t trial,
                 struct point *out, struct proposal *note, struct err *err)
{
    struct box box;
    history_box_clone(history, space, &box);
    int rc = draw_new(space, &box, history, seed, trial, out, note, err);
    box_fini(&box);
    return rc;
}

static int propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    snprintf(note->why, sizeof note->why, "a random point");
    return random_point(s->space, history, s->seed, trial, out, note, err);
}

const struct sampler_row sampler_random = {
    .name = "random", .version = 1, .by_number = true, .propose = propose};
