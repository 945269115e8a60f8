/* What a rule of "require" is worth at a point. */
#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "master/search/require.h"
#include "master/search/require_tree.h"

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
