#include "master/search/space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/str.h"
#include "master/search/param_parse.h"
#include "master/search/require.h"

int space_find(const struct space *space, const char *name)
{
    for (int i = 0; i < space->count; i++)
        if (strcmp(space->params[i].name, name) == 0)
            return i;
    return -1;
}

static bool when_holds(const struct when *when, const struct point *point)
{
    for (int i = 0; i < when->count; i++)
        if (value_same(point->v[when->parent], when->accept[i]))
            return true;
    return false;
}

bool space_is_active(const struct space *space, const struct point *point, int i)
{
    const struct param *p = &space->params[i];
    for (int w = 0; w < p->when_count; w++)
        if (!when_holds(&p->when[w], point))
            return false;
    return true;
}

bool space_has_conditions(const struct space *space)
{
    for (int i = 0; i < space->count; i++)
        if (space->params[i].when_count)
            return true;
    return false;
}

int64_t space_bound(const struct space *space)
{
    double product = 1;
    for (int i = 0; i < space->count; i++) {
        int64_t count = param_count(&space->params[i]);
        if (count < 0)
            return -1;
        product = fmin(product * (double)count, 0x1p53);
    }
    return (int64_t)product;
}

void space_point(const struct space *space, const double *u, struct point *out)
{
    for (int k = 0; k < space->count; k++) {
        int i = space->order[k];
        out->v[i] =
            space_is_active(space, out, i) ? param_from_unit(&space->params[i], u[i]) : (struct value){0};
    }
}

static bool value_holds(const struct param *p, struct value v)
{
    if (p->dist == DIST_CHOICE)
        return v.kind == VALUE_CHOICE && v.choice >= 0 && v.choice < p->choice_count;
    struct value on_axis;
    struct span reach = param_reach(p);
    if (v.kind != VALUE_NUM || !isfinite(v.num) || !value_from_num(p, v.num, &on_axis))
        return false;
    bool is_zero = p->or_zero > 0 && v.num == 0;
    return value_same(v, on_axis) && (is_zero || (v.num >= reach.lo && v.num <= reach.hi));
}

bool space_holds(const struct space *space, const struct point *point)
{
    for (int i = 0; i < space->count; i++) {
        struct value v = point->v[i];
        if (space_is_active(space, point, i) ? !value_holds(&space->params[i], v) : v.kind != VALUE_OFF)
            return false;
    }
    return point->count == space->count;
}

/* ---- parsing ---- */

static int check_names(const struct jcur *cur, const struct space *space, struct err *err)
{
    for (int i = 0; i < space->count; i++) {
        for (int j = 0; j < i; j++) {
            const struct param *a = &space->params[j], *b = &space->params[i];
            struct jcur at = jcur_get(cur, b->name);
            if (str_same_nocase(a->name, b->name)) {
                jcur_fail(&at, err, "differs from \"%s\" only in case", a->name);
                return err_hint(err, "SQL column names ignore case: rename one of them");
            }
            if (a->hash == b->hash)
                return jcur_fail(&at, err, "has the same hash as \"%s\": rename one of them", a->name);
        }
    }
    return 0;
}

static int accept_one(const struct jcur *cur, const struct param *parent, struct when *when, struct err *err)
{
    struct value *value = &when->accept[when->count];
    if (value_parse(parent, cur, value, err))
        return ERR_BAD;
    bool is_zero = parent->or_zero > 0 && value->num == 0;
    if (value->kind == VALUE_NUM && !is_zero && (value->num < parent->low || value->num > parent->high))
        return jcur_fail(cur, err, "%s never is %g", parent->name, value->num);
    when->count++;
    return 0;
}

/* "optimizer": ["momentum", "nesterov"], or one value without the list. */
static int parse_condition(const struct jcur *cur, const struct space *space, int self, struct when *out,
                           struct err *err)
{
    out->parent = space_find(space, cur->key);
    if (out->parent < 0) {
        jcur_fail(cur, err, "there is no parameter of that name in the space");
        return err_hint(err, "\"when\" names another parameter and the values at which this one is used");
    }
    const struct param *parent = &space->params[out->parent];
    if (out->parent == self)
        return jcur_fail(cur, err, "a parameter cannot depend on itself");
    if (!param_is_discrete(parent) || (parent->dist == DIST_UNIFORM || parent->dist == DIST_LOG)) {
        jcur_fail(cur, err, "\"%s\" has no list of values to depend on", parent->name);
        return err_hint(err, "a `when` looks at a choice, an int or a list of values");
    }
    bool is_list = json_type(cur->node) == JSON_ARRAY;
    if (is_list && jcur_array(cur, 1, PARAM_MAX_CHOICES, err))
        return ERR_BAD;
    out->accept = xcalloc(is_list ? json_count(cur->node) : 1, sizeof *out->accept);
    if (!is_list)
        return accept_one(cur, parent, out, err);
    for (const struct json *m = json_first(cur->node); m; m = json_next(m)) {
        struct jcur item = jcur_item(cur, m, out->count);
        if (accept_one(&item, parent, out, err))
            return ERR_BAD;
    }
    return 0;
}

static int parse_when(const struct jcur *cur, const struct space *space, int self, struct err *err)
{
    struct jcur at = jcur_get(cur, "when");
    struct param *p = &space->params[self];
    if (!jcur_has(&at))
        return 0;
    if (jcur_object(&at, SPACE_MAX_PARAMS, err))
        return err_hint(err, "for example \"when\": {\"optimizer\": [\"momentum\"]}");
    p->when = xcalloc(json_count(at.node) + 1, sizeof *p->when);
    for (const struct json *m = json_first(at.node); m; m = json_next(m)) {
        struct jcur item = jcur_of(&at, m);
        if (parse_condition(&item, space, self, &p->when[p->when_count++], err))
            return ERR_BAD;
    }
    return 0;
}

static bool parents_placed(const struct param *p, const bool *placed)
{
    for (int w = 0; w < p->when_count; w++)
        if (!placed[p->when[w].parent])
            return false;
    return true;
}

/* Parents first, otherwise the order of the file. Returns how many could be placed: fewer than all is a
 * cycle. */
static int sort_parents_first(struct space *space, bool *placed)
{
    int done = 0, before = -1;
    while (before != done) {
        before = done;
        for (int i = 0; i < space->count; i++) {
            if (placed[i] || !parents_placed(&space->params[i], placed))
                continue;
            placed[i] = true;
            space->order[done++] = i;
        }
    }
    return done;
}

static int find_order(const struct jcur *cur, struct space *space, struct err *err)
{
    bool *placed = xcalloc((size_t)space->count + 1, sizeof *placed);
    int rc = 0, stuck = 0;
    space->order = xcalloc((size_t)space->count + 1, sizeof *space->order);
    if (sort_parents_first(space, placed) < space->count) {
        while (placed[stuck])
            stuck++;
        struct jcur at = jcur_get(cur, space->params[stuck].name), when = jcur_get(&at, "when");
        jcur_fail(&when, err, "goes round in a circle");
        rc = err_hint(err, "some parameter of the circle must be there without a condition");
    }
    free(placed);
    return rc;
}

static int parse_params(const struct jcur *cur, struct space *space, struct err *err)
{
    for (const struct json *m = json_first(cur->node); m; m = json_next(m)) {
        struct jcur at = jcur_of(cur, m);
        if (param_parse(&at, &space->params[space->count++], err))
            return ERR_BAD;
    }
    if (check_names(cur, space, err))
        return ERR_BAD;
    int i = 0;
    for (const struct json *m = json_first(cur->node); m; m = json_next(m)) {
        struct jcur at = jcur_of(cur, m);
        if (parse_when(&at, space, i++, err))
            return ERR_BAD;
    }
    return find_order(cur, space, err);
}

int space_parse(const struct jcur *cur, struct space *out, struct err *err)
{
    *out = (struct space){0};
    if (jcur_object(cur, SPACE_MAX_PARAMS, err))
        return err_hint(err, "for example {\"lr\": {\"log\": [1e-6, 10]}}; at most 1000 parameters");
    if (!json_first(cur->node))
        return jcur_fail(cur, err, "is empty: there is nothing to search");
    out->params = xcalloc(json_count(cur->node), sizeof *out->params);
    int rc = parse_params(cur, out, err);
    if (rc)
        space_fini(out);
    return rc;
}

void space_fini(struct space *space)
{
    for (int i = 0; i < space->count; i++)
        param_fini(&space->params[i]);
    free(space->params);
    free(space->order);
    require_free(space->require);
    *space = (struct space){0};
}
