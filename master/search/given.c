#include "master/search/given.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/search/param_parse.h"
#include "master/search/sampler_row.h"

static int check_names(const struct space *space, const struct jcur *given, struct err *err)
{
    const char **names = xcalloc((size_t)space->count + 1, sizeof *names);
    for (int i = 0; i < space->count; i++)
        names[i] = space->params[i].name;
    int rc = jcur_object(given, SPACE_MAX_PARAMS, err) ? ERR_BAD : jcur_known(given, names, err);
    free(names);
    return rc;
}

static int fill(const struct space *space, const struct box *box, uint64_t seed, uint32_t trial,
                const struct jcur *given, int i, struct point *out, struct err *err)
{
    const struct param *p = &space->params[i];
    struct jcur at = jcur_get(given, p->name);
    bool is_active = space_is_active(space, out, i);
    if (!is_active && jcur_has(&at)) {
        jcur_fail(&at, err, "is not active here");
        return err_hint(err, "leave it out, or name %s too: it decides",
                        space->params[p->when[0].parent].name);
    }
    if (jcur_has(&at))
        return value_parse(p, &at, &out->v[i], err);
    struct rng rng = rng_at(seed, trial, p->hash, STREAM_POINT);
    out->v[i] = is_active ? box_value(box, space, i, rng_unit(&rng)) : (struct value){0};
    return 0;
}

int given_point(const struct space *space, const struct history *history, uint64_t seed, uint32_t trial,
                const struct jcur *given, struct point *out, struct err *err)
{
    struct box box;
    if (check_names(space, given, err))
        return ERR_BAD;
    memset(out->v, 0, (size_t)out->count * sizeof *out->v);
    history_box_clone(history, space, &box);
    int rc = 0;
    for (int k = 0; k < space->count && !rc; k++)
        rc = fill(space, &box, seed, trial, given, space->order[k], out, err);
    box_fini(&box);
    return rc;
}

int given_check(const struct space *space, const struct jcur *given, struct err *err)
{
    struct history none = {0};
    struct point point;
    point_init(&point, space);
    int rc = given_point(space, &none, 0, 1, given, &point, err);
    point_fini(&point);
    return rc;
}
