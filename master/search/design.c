#include "master/search/design.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/str.h"
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

void start_point(const struct sampler *s, const struct history *history, uint32_t trial, struct point *out)
{
    design_point(s->space, history, halton_unit, s->seed, trial, out);
}

int design_settle(const struct space *space, const struct history *history, uint64_t seed, uint32_t trial,
                  struct point *out, struct proposal *note, struct err *err)
{
    if (space_bound(space) < 0 || !history_has_point(history, out))
        return 0;
    char what[80];
    snprintf(what, sizeof what, "%.70s", note->why);
    snprintf(note->why, sizeof note->why, "a random point not seen yet: %s is there already", what);
    str_copy(note->sampler, sizeof note->sampler, sampler_random.name);
    note->version = sampler_random.version;
    return random_point(space, history, seed, trial, out, err);
}
