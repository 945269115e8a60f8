#include "master/search/require_words.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/str.h"

/* ---- complaints ---- */

/* Columns count characters, from 1. */
static int column_of(const struct parser *p, const char *at)
{
    int column = 1;
    for (const char *c = p->text; c < at; c++)
        column += ((unsigned char)*c & 0xC0) != 0x80;
    return column;
}

struct part rule_fail(const struct parser *p, const char *at, const char *fmt, ...)
{
    char what[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    err_set(p->err, ERR_BAD, "column %d: %s", column_of(p, at), what);
    return failed;
}

/* ---- nodes ---- */

struct part rule_add(struct parser *p, const char *from, struct rule_node node)
{
    struct rule *r = p->rule;
    GROW(r->nodes, r->room, r->count + 1);
    r->nodes[r->count] = node;
    return (struct part){(int)r->count++, from};
}

enum rule_type rule_type_of(const struct parser *p, struct part part)
{
    return p->rule->nodes[part.node].type;
}

struct part rule_need(const struct parser *p, struct part part, enum rule_type type, const char *what)
{
    static const char *const names[] = {"a number", "true or false", "a text"};
    if (part.node < 0 || rule_type_of(p, part) == type)
        return part;
    return rule_fail(p, part.from, "%s wants %s; this is %s", what, names[type],
                     names[rule_type_of(p, part)]);
}

struct part rule_pair(struct parser *p, enum rule_op op, enum rule_type type, struct part left,
                      struct part right)
{
    if (left.node < 0 || right.node < 0)
        return failed;
    return rule_add(p, left.from,
                    (struct rule_node){.op = op, .type = type, .left = left.node, .right = right.node});
}

/* ---- words ---- */

void rule_skip_blanks(struct parser *p)
{
    p->at += strspn(p->at, " \t\r\n");
}

bool rule_is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

bool rule_take(struct parser *p, const char *sign)
{
    rule_skip_blanks(p);
    if (!str_starts(p->at, sign))
        return false;
    p->at += strlen(sign);
    return true;
}

bool rule_take_word(struct parser *p, const char *word)
{
    rule_skip_blanks(p);
    size_t len = strlen(word);
    if (!str_starts(p->at, word) || rule_is_word(p->at[len]))
        return false;
    p->at += len;
    return true;
}
