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

/* A point that somebody names, and the numbers that the rest is drawn from. */
struct draft {
    const struct space *space;
    const struct box *box;
    const struct jcur *given;
    uint64_t seed;
    uint32_t trial;
};

static struct rng rng_of(const struct draft *d, uint32_t draw, int param)
{
    uint32_t key = d->space->params[param].hash;
    return draw ? rng_at(0, draw, key, STREAM_GIVEN) : rng_at(d->seed, d->trial, key, STREAM_POINT);
}

static bool is_named(const struct draft *d, int param)
{
    return json_get(d->given->node, d->space->params[param].name) != NULL;
}

/* In another draw. */
static bool may_differ(const struct draft *d, const struct point *out, int param)
{
    const struct param *p = &d->space->params[param];
    if (is_named(d, param) || out->v[param].kind != VALUE_OFF)
        return !is_named(d, param);
    for (int k = 0; k < p->when_count; k++)
        if (may_differ(d, out, p->when[k].parent))
            return true;
    return false;
}

/* A named parameter does not exist at this point. ERR_GONE: another draw may help, for a condition of it was drawn. */
static int is_off(const struct draft *d, const struct point *out, int i, struct err *err)
{
    const struct param *p = &d->space->params[i];
    struct jcur at = jcur_get(d->given, p->name);
    int rc = ERR_BAD;
    for (int k = 0; k < p->when_count; k++)
        rc = may_differ(d, out, p->when[k].parent) ? ERR_GONE : rc;
    jcur_fail(&at, err, "is not active here");
    err_hint(err, "leave it out, or give %s another value", d->space->params[p->when[0].parent].name);
    return rc;
}

static int fill(const struct draft *d, uint32_t draw, int i, struct point *out, struct err *err)
{
    const struct param *p = &d->space->params[i];
    struct jcur at = jcur_get(d->given, p->name);
    bool is_active = space_is_active(d->space, out, i);
    if (!is_active && jcur_has(&at))
        return is_off(d, out, i, err);
    if (jcur_has(&at))
        return value_parse(p, &at, &out->v[i], err);
    struct rng rng = rng_of(d, draw, i);
    out->v[i] = is_active ? box_value(d->box, d->space, i, rng_unit(&rng)) : (struct value){0};
    return 0;
}

/* Draw 0 is the trial's own random point; the others are the same whatever the seed and trial, so that what given_check
 * has found is found again. */
static int fill_all(const struct draft *d, uint32_t draw, struct point *out, struct err *err)
{
    int rc = 0;
    memset(out->v, 0, (size_t)out->count * sizeof *out->v);
    for (int k = 0; k < d->space->count && !rc; k++)
        rc = fill(d, draw, d->space->order[k], out, err);
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

static bool names_all(const struct draft *d, const struct point *out)
{
    for (int i = 0; i < d->space->count; i++)
        if (out->v[i].kind != VALUE_OFF && !is_named(d, i))
            return false;
    return true;
}

/* From draw number `draw` on, until what is named exists and the rules are kept. */
static int complete(const struct draft *d, uint32_t draw, struct point *out, struct err *err)
{
    for (;; draw++) {
        int rc = fill_all(d, draw, out, err);
        bool is_whole = !rc && names_all(d, out);
        if ((rc && rc != ERR_GONE) || (!rc && require_holds(d->space, out)))
            return rc;
        if (is_whole || draw == DRAWS)
            return rc ? ERR_BAD : refuse(d->space, d->given, out, is_whole, err);
    }
}

int given_point(const struct space *space, const struct history *history, uint64_t seed, uint32_t trial,
                const struct jcur *given, struct point *out, struct err *err)
{
    struct box box;
    if (check_names(space, given, err))
        return ERR_BAD;
    history_box_clone(history, space, &box);
    int rc = complete(&(struct draft){space, &box, given, seed, trial}, trial ? 0 : 1, out, err);
    box_fini(&box);
    return rc;
}

int given_check(const struct space *space, const struct history *history, const struct jcur *given,
                struct err *err)
{
    struct point point;
    point_init(&point, space);
    int rc = given_point(space, history, 0, 0, given, &point, err);
    point_fini(&point);
    return rc;
}
