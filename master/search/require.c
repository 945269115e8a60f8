#include "master/search/require.h"

#include <stdlib.h>

#include "common/mem.h"
#include "common/rng.h"
#include "master/search/lattice.h"
#include "master/search/require_tree.h"
#include "master/search/sampler_row.h"

enum { WITNESS_DRAWS = 100000 };

static int parse_rules(const struct jcur *cur, const struct space *space, struct require *q, struct err *err)
{
    for (const struct json *m = json_first(cur->node); m; m = json_next(m)) {
        struct jcur item = jcur_item(cur, m, q->count);
        struct err what = ERR_NONE;
        const char *text;
        if (jcur_text(&item, RULE_BYTES, &text, err))
            return ERR_BAD;
        if (rule_parse(text, space, &q->rules[q->count++], &what))
            return jcur_fail(&item, err, "%s", what.text);
    }
    return 0;
}

/* All points of the space where they can be listed: then none is overlooked. False: too many. */
static bool list_points(const struct space *space, struct point *out, bool *found)
{
    struct lattice all;
    int64_t bound = space_bound(space);
    if (bound < 0 || bound > LATTICE_MAX || lattice_init(&all, space, axes_in_full(space)))
        return false;
    *found = all.count > 0;
    if (*found)
        lattice_point(&all, 0, out);
    lattice_fini(&all);
    return true;
}

/* Seed 0, whatever the study's: one definition always has the same witness. */
static bool find_witness(const struct space *space, struct point *out)
{
    bool found = false;
    double *u = xcalloc((size_t)space->count + 1, sizeof *u);
    for (int draw = 0; draw < WITNESS_DRAWS && !found; draw++) {
        struct rng rng = rng_at(0, (uint32_t)draw, 0, STREAM_REQUIRE);
        for (int i = 0; i < space->count; i++)
            u[i] = rng_unit(&rng);
        space_point(space, u, out);
        found = require_holds(space, out);
    }
    free(u);
    return found || (list_points(space, out, &found) && found);
}

static int refuse_all(const struct jcur *cur, const struct space *space, struct err *err)
{
    const struct point *last = &space->require->witness; /* of those tried */
    int broken = require_broken(space, last);
    jcur_fail(cur, err, "no point of the space keeps all rules: none of %d, the last for \"%.80s\"",
              WITNESS_DRAWS, require_text(space, broken > 0 ? broken : 0));
    return err_hint(
        err, "loosen a rule or widen the space; an == between axes without steps is never met exactly");
}

int require_parse(const struct jcur *cur, struct space *space, struct err *err)
{
    if (!jcur_has(cur))
        return 0;
    if (jcur_array(cur, 1, RULES_MAX, err))
        return err_hint(err, "\"require\": [\"hidden1 >= hidden2\"]");
    struct require *q = xcalloc(1, sizeof *q);
    q->rules = xcalloc(RULES_MAX, sizeof *q->rules);
    int rc = parse_rules(cur, space, q, err);
    space->require = q;
    point_init(&q->witness, space);
    if (!rc && !find_witness(space, &q->witness))
        rc = refuse_all(cur, space, err);
    return rc;
}
