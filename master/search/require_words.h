/* require_words: what the grammar of "require" (require_parse.c) is written with: words off the text, nodes onto the rule,
 * complaints with a column. A part that has failed has its complaint already, and passes through. */
#ifndef HONE_MASTER_SEARCH_REQUIRE_WORDS_H
#define HONE_MASTER_SEARCH_REQUIRE_WORDS_H

#include "master/search/require_tree.h"

struct parser {
    const char *text, *at;
    const struct space *space;
    struct rule *rule;
    struct err *err;
    int depth;
};

/* A part that has been parsed: its node and where it began. -1: failed, the complaint is there. */
struct part {
    int node;
    const char *from;
};

static const struct part failed = {-1, NULL};

/* Complains about what stands at `at`; columns count characters, from 1. Returns `failed`. */
struct part rule_fail(const struct parser *p, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- nodes ---- */

struct part rule_add(struct parser *p, const char *from, struct rule_node node);
struct part rule_pair(struct parser *p, enum rule_op op, enum rule_type type, struct part left,
                      struct part right);
enum rule_type rule_type_of(const struct parser *p, struct part part);
/* The part, if it is of this type; `what` wants it so. */
struct part rule_need(const struct parser *p, struct part part, enum rule_type type, const char *what);

/* ---- words; each passes over blanks first ---- */

void rule_skip_blanks(struct parser *p);
bool rule_is_word(char c);
/* A sign such as "<=" */
bool rule_take(struct parser *p, const char *sign);
/* A word such as `and`, not the front of a longer one. */
bool rule_take_word(struct parser *p, const char *word);

#endif
