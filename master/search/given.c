#include "master/search/given.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/search/param_parse.h"
#include "master/search/require.h"
#include "master/search/sampler_row.h"

enum { DRAWS = 10000 }; /* for what a named point leaves open, until the rules are kept */

static int check_names(const struct space *space, const struct jcur *given, struct err *err)
{
    const char **names = xcalloc((size_t)space->count + 1, sizeof *names);
    for (int i = 0; i < space->count; i++)
        names[i] = space->params[i].name;
    int rc = jcur_object(given, SPACE_MAX_PARAMS, err) ? ERR_BAD : jcur_known(given, names, err);
    free(names);
    return rc;
}

static int fill(const struct space *space, const struct box *box, struct rng *rng, const struct jcur *given,
                int i, struct point *out, struct err *err)
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
    out->v[i] = is_active ? box_value(box, space, i, rng_unit(rng)) : (struct value){0};
    return 0;
}

/* Draw 0 is the trial's own random point. */
static int fill_all(const struct space *space, const struct box *box, uint64_t seed, uint32_t trial,
                    uint32_t draw, const struct jcur *given, struct point *out, struct err *err)
{
    int rc = 0;
    memset(out->v, 0, (size_t)out->count * sizeof *out->v);
    for (int k = 0; k < space->count && !rc; k++) {
        int i = space->order[k];
        struct rng rng =
            rng_at(seed, draw ? draw : trial, space->params[i].hash, draw ? STREAM_GIVEN : STREAM_POINT);
        rc = fill(space, box, &rng, given, i, out, err);
    }
    return rc;
}

static int refuse(const struct space *space, const struct jcur *given, const struct point *last,
                  bool is_whole, struct err *err)
{
    const char *rule = require_text(space, require_broken(space, last));
    if (is_whole)
        jcur_fail(given, err, "breaks the rule \"%.100s\"", rule);
    else
        jcur_fail(
            given, err,
            "leaves nothing that keeps all rules: none of %d values for the rest, the last for \"%.100s\"",
            DRAWS, rule);
    return err_hint(err, "every point keeps the rules of \"require\"");
}

/* The same draws whatever the seed and trial, so that what given_check has found is found again under the study's own
 * box. Each says the parameters that are not named. */
static int keep_rules(const struct space *space, const struct box *box, const struct jcur *given,
                      struct point *out, struct err *err)
{
    bool is_whole = true;
    for (uint32_t draw = 1; !require_holds(space, out); draw++) {
        for (int i = 0; i < space->count && is_whole; i++)
            is_whole = json_get(given->node, space->params[i].name) || out->v[i].kind == VALUE_OFF;
        if (is_whole || draw > DRAWS)
            return refuse(space, given, out, is_whole, err);
        if (fill_all(space, box, 0, 0, draw, given, out, err))
            return ERR_BAD;
    }
    return 0;
}

int given_point(const struct space *space, const struct history *history, uint64_t seed, uint32_t trial,
                const struct jcur *given, struct point *out, struct err *err)
{
    struct box box;
    if (check_names(space, given, err))
        return ERR_BAD;
    history_box_clone(history, space, &box);
    int rc = fill_all(space, &box, seed, trial, 0, given, out, err);
    if (!rc)
        rc = keep_rules(space, &box, given, out, err);
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
