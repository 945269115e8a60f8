#include "master/search/require.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"
#include "common/rng.h"
#include "master/search/lattice.h"
#include "master/search/require_tree.h"
#include "master/search/sampler_row.h"

enum { WITNESS_DRAWS = 100000 };

/* ---- what a rule is worth at a point ---- */

/* UNKNOWN: something it is made of is not active. FAILED: no finite number. */
enum worth_kind { WORTH_KNOWN, WORTH_UNKNOWN, WORTH_FAILED };

struct worth {
    enum worth_kind kind;
    double num; /* a truth is 1 or 0, a text its place among the choices */
};

static struct worth known(double num)
{
    return (struct worth){isfinite(num) ? WORTH_KNOWN : WORTH_FAILED, num};
}

static struct worth param_worth(const struct param *p, struct value v, enum rule_type type)
{
    if (v.kind == VALUE_OFF)
        return (struct worth){.kind = WORTH_UNKNOWN};
    if (v.kind == VALUE_NUM)
        return known(v.num);
    return known(type == TYPE_TEXT ? v.choice : p->choices[v.choice].num);
}

static double pair_worth(enum rule_op op, double a, double b)
{
    switch (op) {
    case RULE_EQ: return a == b;
    case RULE_NE: return a != b;
    case RULE_LT: return a < b;
    case RULE_LE: return a <= b;
    case RULE_GT: return a > b;
    case RULE_GE: return a >= b;
    case RULE_ADD: return a + b;
    case RULE_SUB: return a - b;
    case RULE_MUL: return a * b;
    case RULE_DIV: return a / b;
    case RULE_REM: return fmod(a, b);
    case RULE_POW: return pow(a, b);
    case RULE_MIN: return fmin(a, b);
    case RULE_MAX: return fmax(a, b);
    default: return NAN;
    }
}

static struct worth worth_of(const struct rule *r, const struct space *space, const struct point *point,
                             int at);

/* `decides` on either side settles it whatever the other is: false for and, true for or. */
static struct worth logic_worth(const struct rule *r, const struct space *space, const struct point *point,
                                const struct rule_node *node, double decides)
{
    struct worth left = worth_of(r, space, point, node->left);
    if (left.kind == WORTH_FAILED || (left.kind == WORTH_KNOWN && left.num == decides))
        return left;
    struct worth right = worth_of(r, space, point, node->right);
    bool settled = right.kind == WORTH_FAILED || (right.kind == WORTH_KNOWN && right.num == decides);
    return settled || left.kind == WORTH_KNOWN ? right : left;
}

static struct worth worth_of(const struct rule *r, const struct space *space, const struct point *point,
                             int at)
{
    const struct rule_node *node = &r->nodes[at];
    if (node->op == RULE_NUM || node->op == RULE_TEXT)
        return known(node->num);
    if (node->op == RULE_PARAM)
        return param_worth(&space->params[node->param], point->v[node->param], node->type);
    if (node->op == RULE_AND || node->op == RULE_OR)
        return logic_worth(r, space, point, node, node->op == RULE_OR);
    struct worth left = worth_of(r, space, point, node->left);
    if (left.kind == WORTH_FAILED)
        return left;
    struct worth right = node->right >= 0 ? worth_of(r, space, point, node->right) : left;
    if (right.kind == WORTH_FAILED || right.kind == WORTH_UNKNOWN)
        return right;
    if (left.kind == WORTH_UNKNOWN)
        return left;
    if (node->op == RULE_NOT)
        return known(left.num == 0);
    if (node->op == RULE_MINUS)
        return known(-left.num);
    return known(node->op == RULE_CALL ? node->fn(left.num) : pair_worth(node->op, left.num, right.num));
}

int require_broken(const struct space *space, const struct point *point)
{
    const struct require *q = space->require;
    for (int i = 0; q && i < q->count; i++) {
        struct worth whole = worth_of(&q->rules[i], space, point, (int)q->rules[i].count - 1);
        if (whole.kind == WORTH_FAILED || (whole.kind == WORTH_KNOWN && whole.num == 0))
            return i;
    }
    return -1;
}

bool require_holds(const struct space *space, const struct point *point)
{
    return require_broken(space, point) < 0;
}

const char *require_text(const struct space *space, int rule)
{
    PRE(space->require && rule >= 0 && rule < space->require->count);
    return space->require->rules[rule].text;
}

const struct point *require_witness(const struct space *space)
{
    PRE(space->require);
    return &space->require->witness;
}

/* ---- "require": [...] ---- */

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

void require_free(struct require *q)
{
    for (int i = 0; q && i < q->count; i++) {
        free(q->rules[i].text);
        free(q->rules[i].nodes);
    }
    if (q) {
        point_fini(&q->witness);
        free(q->rules);
    }
    free(q);
}
