/* require_tree: a rule of "require" as its parser leaves it and its evaluation reads it; for these two alone.
 *
 * Nodes lie in one array, operands before what uses them, so that a node's operands have lower numbers and a chain of
 * comparisons may share its middle. Depth is bounded by the parser, so recursion over a tree is. */
#ifndef HONE_MASTER_SEARCH_REQUIRE_TREE_H
#define HONE_MASTER_SEARCH_REQUIRE_TREE_H

#include <stddef.h>

#include "master/search/space.h"

enum { RULES_MAX = 64, RULE_BYTES = 1000, RULE_DEPTH = 64, CALL_MAX = 16 };

enum rule_op {
    RULE_NUM,  /* num */
    RULE_TEXT, /* num: which choice of the parameter it is compared with; param: where in the rule it begins */
    RULE_PARAM, /* param */
    RULE_NOT,
    RULE_MINUS,
    RULE_AND, /* from here on two operands */
    RULE_OR,
    RULE_EQ,
    RULE_NE,
    RULE_LT,
    RULE_LE,
    RULE_GT,
    RULE_GE,
    RULE_ADD,
    RULE_SUB,
    RULE_MUL,
    RULE_DIV,
    RULE_REM,
    RULE_POW,
    RULE_MIN, /* of two; longer ones are chains */
    RULE_MAX,
    RULE_CALL, /* one operand: fn */
};

enum rule_type { TYPE_NUM, TYPE_TRUTH, TYPE_TEXT };

struct rule_node {
    enum rule_op op;
    enum rule_type type;
    int left, right; /* operands; -1: none */
    int param;
    double num;
    double (*fn)(double);
};

struct rule {
    char *text;
    struct rule_node *nodes; /* the last is the whole */
    size_t count, room;
};

struct require {
    struct rule *rules;
    int count;
    struct point witness;
};

/* `text` into a rule, for the caller to free whatever comes back. On failure the complaint, without file and path. */
int rule_parse(const char *text, const struct space *space, struct rule *out, struct err *err);

#endif
