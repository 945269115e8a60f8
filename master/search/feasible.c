#include "master/search/feasible.h"

#include <math.h>

#include "common/check.h"
#include "master/search/require.h"

enum { ROUNDS = 10, SHRINKS = 20 };

static const struct entry *find_start(const struct space *space, const struct box *box,
                                      const struct history *history)
{
    const struct entry *best = NULL;
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        if ((!best || e->score > best->score) && require_holds(space, &e->point) &&
            box_holds(box, space, &e->point))
            best = e;
    }
    return best;
}

/* Conditions may have changed under a changed parent: OFF what is not active, draws what has become so. */
static void mend(const struct space *space, const struct box *box, struct rng *rng, struct point *point)
{
    for (int k = 0; k < space->count; k++) {
        int i = space->order[k];
        if (!space_is_active(space, point, i))
            point->v[i] = (struct value){0};
        else if (point->v[i].kind == VALUE_OFF)
            point->v[i] = box_value(box, space, i, rng_unit(rng));
    }
}

/* Where the value is in the unit interval; what has no place there (a choice, the zero of or_zero) is drawn from all of it
 * each time. */
static double unit_of(const struct space *space, const struct box *box, int i, struct value v)
{
    double z;
    if (!box_position(box, space, i, v, &z))
        return NAN;
    return fmin(fmax(param_to_unit_in(&space->params[i], box->walls[i], v), 0), 1);
}

static void step(const struct space *space, const struct box *box, struct rng *rng, int i, struct point *at)
{
    double lo = 0, hi = 1, here = unit_of(space, box, i, at->v[i]);
    struct point next;
    point_clone(&next, at);
    for (int k = 0; k < SHRINKS; k++) {
        double u = lo + (hi - lo) * rng_unit(rng);
        point_copy(&next, at);
        next.v[i] = box_value(box, space, i, u);
        mend(space, box, rng, &next);
        if (require_holds(space, &next)) {
            point_copy(at, &next);
            break;
        }
        if (u < here)
            lo = u;
        else if (u > here)
            hi = u;
    }
    point_fini(&next);
}

uint32_t feasible_walk(const struct space *space, const struct box *box, const struct history *history,
                       struct rng *rng, struct point *out)
{
    PRE(space->require);
    const struct entry *start = find_start(space, box, history);
    point_copy(out, start ? &start->point : require_witness(space));
    for (int round = 0; round < ROUNDS; round++)
        for (int k = 0; k < space->count; k++)
            if (out->v[space->order[k]].kind != VALUE_OFF)
                step(space, box, rng, space->order[k], out);
    return start ? start->trial & ~HISTORY_WARM : 0;
}
