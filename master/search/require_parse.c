/* The grammar of require.h, by recursive descent. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/search/require_words.h"

/* ---- values ---- */

static struct part parse_or(struct parser *p);
static struct part parse_unary(struct parser *p);

static struct part parse_number(struct parser *p)
{
    char *end, copy[64];
    const char *from = p->at;
    size_t len = strspn(from, "0123456789.");
    if (from[len] == 'e' || from[len] == 'E') {
        size_t sign = from[len + 1] == '+' || from[len + 1] == '-',
               digits = strspn(from + len + 1 + sign, "0123456789");
        len += digits ? 1 + sign + digits : 0;
    }
    if (len >= sizeof copy)
        return rule_fail(p, from, "a number of more than %zu digits", sizeof copy - 1);
    memcpy(copy, from, len);
    copy[len] = '\0';
    double num = strtod(copy, &end);
    if (*end || !isfinite(num) || isalpha((unsigned char)from[len]) || from[len] == '_')
        return rule_fail(p, from, "'%.*s' is not a number", (int)(len + strcspn(from + len, " ()+-*/,<>=!")),
                         from);
    p->at += len;
    return rule_add(
        p, from, (struct rule_node){.op = RULE_NUM, .type = TYPE_NUM, .left = -1, .right = -1, .num = num});
}

static struct part parse_text(struct parser *p)
{
    const char *from = p->at, *end = strchr(from + 1, *from);
    if (!end)
        return rule_fail(p, from, "the text that begins here does not end");
    p->at = end + 1;
    return rule_add(
        p, from,
        (struct rule_node){
            .op = RULE_TEXT, .type = TYPE_TEXT, .left = -1, .right = -1, .param = (int)(from - p->text)});
}

static enum rule_type param_type(const struct param *param)
{
    if (param->dist != DIST_CHOICE)
        return TYPE_NUM;
    for (int c = 1; c < param->choice_count; c++)
        if (param->choices[c].kind != param->choices[0].kind)
            return TYPE_TEXT;
    return param->choices[0].kind == CHOICE_NUM    ? TYPE_NUM
           : param->choices[0].kind == CHOICE_BOOL ? TYPE_TRUTH
                                                   : TYPE_TEXT;
}

static struct part no_param(struct parser *p, const char *from, const char *word)
{
    int count = p->space->count;
    const char **names = xcalloc((size_t)count + 1, sizeof *names);
    for (int i = 0; i < count; i++)
        names[i] = p->space->params[i].name;
    const char *nearest = nearest_name(word, names);
    if (nearest)
        rule_fail(p, from, "no parameter '%.64s'; did you mean '%s'?", word, nearest);
    else
        rule_fail(p, from, "no parameter '%.64s' in the space", word);
    free(names);
    return failed;
}

/* A name may have a '-' in it: "a-b" is the parameter of that name if there is one, else a minus b. */
static struct part parse_param(struct parser *p)
{
    const char *from = p->at;
    size_t len = 0;
    char word[RULE_BYTES + 1];
    while (rule_is_word(from[len]))
        len++;
    memcpy(word, from, len);
    word[len] = '\0';
    int i = space_find(p->space, word);
    for (char *minus; i < 0 && (minus = strrchr(word, '-'));) {
        *minus = '\0';
        i = space_find(p->space, word);
    }
    if (i < 0)
        return no_param(p, from, word);
    p->at += strlen(word);
    return rule_add(
        p, from,
        (struct rule_node){
            .op = RULE_PARAM, .type = param_type(&p->space->params[i]), .left = -1, .right = -1, .param = i});
}

/* ---- calls ---- */

static const struct {
    const char *name;
    double (*fn)(double); /* NULL: of several numbers */
    enum rule_op op;
} calls[] = {
    {"min", NULL, RULE_MIN},   {"max", NULL, RULE_MAX},     {"abs", fabs, RULE_CALL},
    {"sqrt", sqrt, RULE_CALL}, {"exp", exp, RULE_CALL},     {"log", log, RULE_CALL},
    {"log2", log2, RULE_CALL}, {"log10", log10, RULE_CALL}, {"floor", floor, RULE_CALL},
    {"ceil", ceil, RULE_CALL}, {"round", round, RULE_CALL},
};

static struct part parse_arguments(struct parser *p, const char *from, size_t which)
{
    struct part all = failed;
    for (int count = 0; count == 0 || rule_take(p, ","); count++) {
        struct part one = rule_need(p, parse_or(p), TYPE_NUM, calls[which].name);
        if (one.node < 0)
            return failed;
        if (count && calls[which].fn)
            return rule_fail(p, one.from, "%s takes one number", calls[which].name);
        if (count == CALL_MAX)
            return rule_fail(p, one.from, "%s takes at most %d numbers", calls[which].name, CALL_MAX);
        all = count ? rule_pair(p, calls[which].op, TYPE_NUM, all, one) : one;
    }
    if (!rule_take(p, ")"))
        return rule_fail(p, p->at, "a ')' is missing here");
    if (calls[which].fn)
        return rule_add(
            p, from,
            (struct rule_node){
                .op = RULE_CALL, .type = TYPE_NUM, .left = all.node, .right = -1, .fn = calls[which].fn});
    all.from = from;
    return all;
}

static struct part parse_call(struct parser *p, const char *open)
{
    const char *from = p->at, *names[COUNT_OF(calls) + 1] = {0};
    char word[RULE_BYTES + 1];
    size_t len = 0, which = 0;
    while (rule_is_word(from[len]))
        len++;
    memcpy(word, from, len);
    word[len] = '\0';
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        names[i] = calls[i].name;
    while (which < COUNT_OF(calls) && strcmp(word, calls[which].name) != 0)
        which++;
    if (which == COUNT_OF(calls)) {
        const char *nearest = nearest_name(word, names);
        return rule_fail(
            p, from,
            "no function '%.64s'; there are min, max, abs, sqrt, exp, log, log2, log10, floor, ceil, "
            "round%s%s%s",
            word, nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    }
    p->at = open + 1;
    return parse_arguments(p, from, which);
}

static struct part parse_group(struct parser *p)
{
    const char *from = p->at++;
    struct part inside = parse_or(p);
    if (inside.node >= 0 && !rule_take(p, ")"))
        return rule_fail(p, p->at, "a ')' is missing here");
    inside.from = from;
    return inside;
}

static struct part truth(struct parser *p, const char *from, bool is_true)
{
    return rule_add(
        p, from,
        (struct rule_node){.op = RULE_NUM, .type = TYPE_TRUTH, .left = -1, .right = -1, .num = is_true});
}

static struct part parse_atom(struct parser *p)
{
    rule_skip_blanks(p);
    const char *from = p->at;
    if (isdigit((unsigned char)*from) || *from == '.')
        return parse_number(p);
    if (*from == '"' || *from == '\'')
        return parse_text(p);
    if (*from == '(')
        return parse_group(p);
    if (rule_take_word(p, "true"))
        return truth(p, from, true);
    if (rule_take_word(p, "false"))
        return truth(p, from, false);
    if (!isalpha((unsigned char)*from) && *from != '_')
        return *from ? rule_fail(p, from, "a value is missing before '%.*s'",
                                 (int)utf8_width(from, strlen(from)), from)
                     : rule_fail(p, from, "a value is missing at the end");
    const char *after = from;
    while (rule_is_word(*after))
        after++;
    after += strspn(after, " \t\r\n");
    return *after == '(' ? parse_call(p, after) : parse_param(p);
}

/* ---- arithmetic ---- */

static struct part parse_power(struct parser *p)
{
    struct part base = parse_atom(p);
    if (base.node < 0 || !(rule_take(p, "^") || rule_take(p, "**")))
        return base;
    base = rule_need(p, base, TYPE_NUM, "a power");
    return base.node < 0
               ? failed
               : rule_pair(p, RULE_POW, TYPE_NUM, base, rule_need(p, parse_unary(p), TYPE_NUM, "a power"));
}

/* Every way down passes here: the one place that counts levels. */
static struct part parse_unary(struct parser *p)
{
    rule_skip_blanks(p);
    const char *from = p->at;
    struct part part;
    if (++p->depth > RULE_DEPTH)
        return rule_fail(p, from, "goes more than %d levels deep", RULE_DEPTH);
    if (rule_take(p, "-")) {
        part = rule_need(p, parse_unary(p), TYPE_NUM, "a minus");
        if (part.node >= 0)
            part = rule_add(
                p, from,
                (struct rule_node){.op = RULE_MINUS, .type = TYPE_NUM, .left = part.node, .right = -1});
    } else {
        part = parse_power(p);
    }
    p->depth--;
    return part;
}

static struct part parse_product(struct parser *p)
{
    struct part left = parse_unary(p);
    while (left.node >= 0) {
        rule_skip_blanks(p);
        enum rule_op op = *p->at == '*' ? RULE_MUL : *p->at == '/' ? RULE_DIV : RULE_REM;
        if (!(rule_take(p, "*") || rule_take(p, "/") || rule_take(p, "%")))
            break;
        left = rule_need(p, left, TYPE_NUM, "arithmetic");
        if (left.node >= 0)
            left = rule_pair(p, op, TYPE_NUM, left, rule_need(p, parse_unary(p), TYPE_NUM, "arithmetic"));
    }
    return left;
}

static struct part parse_sum(struct parser *p)
{
    struct part left = parse_product(p);
    while (left.node >= 0) {
        rule_skip_blanks(p);
        enum rule_op op = *p->at == '+' ? RULE_ADD : RULE_SUB;
        if (!(rule_take(p, "+") || rule_take(p, "-")))
            break;
        left = rule_need(p, left, TYPE_NUM, "arithmetic");
        if (left.node >= 0)
            left = rule_pair(p, op, TYPE_NUM, left, rule_need(p, parse_product(p), TYPE_NUM, "arithmetic"));
    }
    return left;
}

/* ---- comparisons ---- */

/* The text's place among the choices of the parameter it is compared with. */
static bool place_text(struct parser *p, struct part text, const struct param *param)
{
    const char *quote = p->text + p->rule->nodes[text.node].param, *end = strchr(quote + 1, *quote);
    char word[RULE_BYTES + 1];
    size_t len = (size_t)(end - quote - 1);
    memcpy(word, quote + 1, len);
    word[len] = '\0';
    const char **names = xcalloc((size_t)param->choice_count + 1, sizeof *names);
    int which = -1;
    for (int c = 0; c < param->choice_count; c++) {
        names[c] = param->choices[c].text;
        if (strcmp(names[c], word) == 0)
            which = c;
    }
    const char *nearest = nearest_name(word, names);
    free(names);
    if (which < 0 && nearest)
        rule_fail(p, quote, "'%.64s' is no choice of %s; did you mean '%.64s'?", word, param->name, nearest);
    else if (which < 0)
        rule_fail(p, quote, "'%.64s' is no choice of %s", word, param->name);
    p->rule->nodes[text.node].num = which;
    return which >= 0;
}

/* A text stands beside a parameter that is a choice of texts; which of the two is first does not matter. */
static bool check_texts(struct parser *p, enum rule_op op, struct part left, struct part right)
{
    const struct rule_node *a = &p->rule->nodes[left.node], *b = &p->rule->nodes[right.node];
    bool left_is_param = a->op == RULE_PARAM;
    if (left_is_param == (b->op == RULE_PARAM)) {
        rule_fail(p, left.from, "a text is compared with a choice, as in optimizer == 'adam'");
        return false;
    }
    const struct param *param = &p->space->params[left_is_param ? a->param : b->param];
    if (op != RULE_EQ && op != RULE_NE && !param->ordered) {
        rule_fail(p, left.from, "the choices of %s have no order; \"ordered\": true gives them one",
                  param->name);
        return false;
    }
    return place_text(p, left_is_param ? right : left, param);
}

static struct part compare(struct parser *p, enum rule_op op, struct part left, struct part right)
{
    static const char *const names[] = {"a number", "true or false", "a text"};
    if (right.node < 0)
        return failed;
    enum rule_type a = rule_type_of(p, left), b = rule_type_of(p, right);
    if (a != b)
        return rule_fail(p, right.from, "this is %s, and what it is compared with is %s", names[b], names[a]);
    if (a == TYPE_TRUTH && op != RULE_EQ && op != RULE_NE)
        return rule_fail(p, right.from, "true and false have no order");
    if (a == TYPE_TEXT && !check_texts(p, op, left, right))
        return failed;
    return rule_pair(p, op, TYPE_TRUTH, left, right);
}

static bool take_comparison(struct parser *p, enum rule_op *op)
{
    static const struct {
        const char *sign;
        enum rule_op op;
    } signs[] = {{"==", RULE_EQ}, {"!=", RULE_NE}, {"<=", RULE_LE},
                 {">=", RULE_GE}, {"<", RULE_LT},  {">", RULE_GT}};
    for (size_t i = 0; i < COUNT_OF(signs); i++)
        if (rule_take(p, signs[i].sign)) {
            *op = signs[i].op;
            return true;
        }
    return false;
}

/* 16 <= hidden2 <= hidden1 is (16 <= hidden2) and (hidden2 <= hidden1). */
static struct part parse_comparison(struct parser *p)
{
    struct part left = parse_sum(p), all = left;
    enum rule_op op;
    bool is_first = true;
    while (all.node >= 0 && take_comparison(p, &op)) {
        struct part right = parse_sum(p), pair = compare(p, op, left, right);
        all = is_first ? pair : rule_pair(p, RULE_AND, TYPE_TRUTH, all, pair);
        left = right;
        is_first = false;
    }
    if (all.node >= 0 && rule_take(p, "="))
        return rule_fail(p, p->at - 1, "'=' means nothing here: '==' compares");
    return all;
}

/* ---- logic ---- */

static struct part parse_not(struct parser *p)
{
    rule_skip_blanks(p);
    const char *from = p->at;
    bool is_bang = *from == '!' && from[1] != '=';
    if (!is_bang && !rule_take_word(p, "not"))
        return parse_comparison(p);
    p->at += is_bang;
    if (++p->depth > RULE_DEPTH)
        return rule_fail(p, from, "goes more than %d levels deep", RULE_DEPTH);
    struct part part = rule_need(p, parse_not(p), TYPE_TRUTH, "'not'");
    p->depth--;
    return part.node < 0 ? failed
                         : rule_add(p, from,
                                    (struct rule_node){
                                        .op = RULE_NOT, .type = TYPE_TRUTH, .left = part.node, .right = -1});
}

static struct part parse_and(struct parser *p)
{
    struct part left = parse_not(p);
    while (left.node >= 0 && (rule_take_word(p, "and") || rule_take(p, "&&"))) {
        left = rule_need(p, left, TYPE_TRUTH, "'and'");
        if (left.node >= 0)
            left = rule_pair(p, RULE_AND, TYPE_TRUTH, left, rule_need(p, parse_not(p), TYPE_TRUTH, "'and'"));
    }
    return left;
}

static struct part parse_or(struct parser *p)
{
    struct part left = parse_and(p);
    while (left.node >= 0 && (rule_take_word(p, "or") || rule_take(p, "||"))) {
        left = rule_need(p, left, TYPE_TRUTH, "'or'");
        if (left.node >= 0)
            left = rule_pair(p, RULE_OR, TYPE_TRUTH, left, rule_need(p, parse_and(p), TYPE_TRUTH, "'or'"));
    }
    return left;
}

int rule_parse(const char *text, const struct space *space, struct rule *out, struct err *err)
{
    *out = (struct rule){.text = xstrdup(text)};
    struct parser p = {.text = out->text, .at = out->text, .space = space, .rule = out, .err = err};
    struct part whole = parse_or(&p);
    if (whole.node < 0)
        return ERR_BAD;
    rule_skip_blanks(&p);
    if (*p.at) {
        rule_fail(&p, p.at, "the rule ought to end before '%.20s'", p.at);
        return ERR_BAD;
    }
    if (rule_type_of(&p, whole) != TYPE_TRUTH) {
        rule_fail(&p, whole.from, "a rule is true or false: compare this with something");
        return ERR_BAD;
    }
    for (size_t i = 0; i < out->count; i++)
        if (out->nodes[i].op == RULE_PARAM)
            return 0;
    rule_fail(&p, whole.from, "names no parameter");
    return ERR_BAD;
}
