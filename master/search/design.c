#include "master/search/design.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/str.h"
#include "master/search/require.h"
#include "master/search/sampler_row.h"

void design_point(const struct space *space, const struct history *history, design_unit *unit, uint64_t seed,
                  uint32_t index, struct point *out)
{
    double *u = xcalloc((size_t)space->count + 1, sizeof *u);
    struct box box;
    for (int i = 0; i < space->count; i++)
        u[i] = unit(seed, i, space->params[i].hash, index);
    history_box_clone(history, space, &box);
    box_point(&box, space, u, out);
    box_fini(&box);
    free(u);
}

/* ---- points that keep the rules ---- */

/* The cache is of this sequence in this box, and not beyond the point that is asked for. */
static bool goes_on(const struct design_place *at, const struct design_place *want, uint32_t nth)
{
    return at->make == want->make && at->seed == want->seed && at->box_seq == want->box_seq &&
           at->found <= nth + 1;
}

bool design_nth(struct sampler *s, const struct history *history, const struct sequence *q, uint32_t nth,
                struct point *out)
{
    const struct history_box *box = history_box(history);
    struct design_place want = {.make = (const void *)(uintptr_t)q->make,
                                .seed = q->seed,
                                .box_seq = box ? box->seq : 0,
                                .next = q->first},
                        *at = &s->place;
    if (!s->space->require) {
        q->make(s, history, q->seed, q->first + nth, out);
        return true;
    }
    if (!goes_on(at, &want, nth))
        *at = want;
    while (at->found <= nth) {
        uint32_t end = at->next + DESIGN_RUN;
        do
            q->make(s, history, q->seed, at->next++, out);
        while (!require_holds(s->space, out) && at->next < end);
        at->last = require_holds(s->space, out) ? at->next - 1 : UINT32_MAX;
        at->found++;
    }
    q->make(s, history, q->seed, at->last == UINT32_MAX ? q->first : at->last, out);
    return at->last != UINT32_MAX;
}

static void name_random(struct proposal *note)
{
    str_copy(note->sampler, sizeof note->sampler, sampler_random.name);
    note->version = sampler_random.version;
}

int design_instead(const struct sampler *s, const struct history *history, uint32_t trial, const char *reason,
                   struct point *out, struct proposal *note, struct err *err)
{
    char what[80];
    snprintf(what, sizeof what, "%.70s", note->why);
    name_random(note);
    snprintf(note->why, sizeof note->why, "%s: %.50s; a random point", what, reason);
    return random_point(s->space, history, s->seed, trial, out, note, err);
}

int design_without(const struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    return design_instead(s, history, trial, "200 in a row broke a rule", out, note, err);
}

int design_propose(struct sampler *s, const struct history *history, const struct sequence *q, uint32_t trial,
                   struct point *out, struct proposal *note, struct err *err)
{
    if (!design_nth(s, history, q, trial - 1, out))
        return design_without(s, history, trial, out, note, err);
    return design_settle(s->space, history, s->seed, trial, out, note, err);
}

int design_settle(const struct space *space, const struct history *history, uint64_t seed, uint32_t trial,
                  struct point *out, struct proposal *note, struct err *err)
{
    if (space_bound(space) < 0 || !history_has_point(history, out))
        return 0;
    char what[80];
    snprintf(what, sizeof what, "%.70s", note->why);
    snprintf(note->why, sizeof note->why, "a random point not seen yet: %s is there already", what);
    name_random(note);
    return random_point(space, history, seed, trial, out, note, err);
}
