#include "master/search/param_parse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/mem.h"
#include "common/str.h"
#include "master/search/param_words.h"

static const double NUMBER_MAX = 1e300;    /* so that widths and three decades more stay finite */
static const double POSITIVE_MIN = 1e-300; /* the same below */
static const double STEPS_MAX = 1e9;

static const char *const dist_keys[] = {"uniform", "log", "logit", "int", "choice", "values", NULL};
static const char *const numeric_keys[] = {"uniform", "log",    "logit",    "int",  "values", "step",
                                           "or_zero", "limits", "boundary", "when", NULL};
static const char *const values_keys[] = {"values", "or_zero", "boundary", "when", NULL};
static const char *const choice_keys[] = {"choice", "weights", "ordered", "boundary", "when", NULL};

/* ---- which distribution ---- */

/* {"int": .., "log": true} is one distribution; "values" beside a range is what a grid visits. */
static int find_dist(const struct jcur *cur, struct param *p, struct err *err)
{
    struct jcur log_at = jcur_get(cur, "log"), int_at = jcur_get(cur, "int");
    bool log_is_flag = jcur_has(&int_at) && jcur_has(&log_at) && json_type(log_at.node) == JSON_BOOL;
    const char *found = NULL;
    for (int i = 0; dist_keys[i]; i++) {
        struct jcur at = jcur_get(cur, dist_keys[i]);
        if (!jcur_has(&at) || (at.node == log_at.node && log_is_flag))
            continue;
        if (found && strcmp(dist_keys[i], "values") != 0) {
            jcur_fail(cur, err, "has two distributions, \"%s\" and \"%s\"", found, dist_keys[i]);
            return err_hint(err, "a whole number on a log scale is {\"int\": [16, 512], \"log\": true}");
        }
        if (found && strcmp(found, "choice") == 0)
            return jcur_fail(&at, err, "a choice has no \"values\"; list them in \"choice\"");
        if (!found) {
            found = dist_keys[i];
            static const enum dist dists[] = {DIST_UNIFORM, DIST_LOG,    DIST_LOGIT,
                                              DIST_INT,     DIST_CHOICE, DIST_VALUES};
            p->dist = dists[i];
        }
    }
    if (!found) {
        jcur_fail(cur, err, "has no distribution");
        return param_words_hint(cur->node, dist_keys, err);
    }
    if (log_is_flag && json_bool(log_at.node))
        p->dist = DIST_INT_LOG;
    return 0;
}

static const char *dist_key(const struct param *p)
{
    static const char *const keys[] = {"uniform", "log", "logit", "int", "int", "values", "choice"};
    return keys[p->dist];
}

/* ---- numbers ---- */

/* A number this axis can have at all. */
static int domain_num(const struct param *p, const struct jcur *cur, double *out, struct err *err)
{
    int64_t whole;
    if (param_is_int(p)) {
        if (jcur_int(cur, -(1LL << 53), 1LL << 53, &whole, err))
            return ERR_BAD;
        *out = (double)whole;
    } else if (jcur_num(cur, -NUMBER_MAX, NUMBER_MAX, out, err)) {
        return ERR_BAD;
    }
    if (p->dist == DIST_LOG && !(*out >= POSITIVE_MIN)) {
        jcur_fail(cur, err, "must be > 0 (got %g)", *out);
        return err_hint(err, *out < 0
                                 ? "low and high are values, never exponents: [1e-5, 1], not [-5, 0]"
                                 : "a log axis never reaches zero: use uniform for a range that includes "
                                   "zero, or \"or_zero\": 0.1");
    }
    if (p->dist == DIST_INT_LOG && *out < 1) {
        jcur_fail(cur, err, "must be at least 1 on a log scale (got %g)", *out);
        return err_hint(err, "leave out \"log\" for a range that includes zero, or use \"or_zero\": 0.1");
    }
    if (p->dist == DIST_LOGIT && !(*out >= POSITIVE_MIN && *out <= 1 - 0x1p-53)) {
        jcur_fail(cur, err, "must lie between 0 and 1, both excluded (got %g)", *out);
        return err_hint(err, "logit is for ratios near 0 or 1, such as {\"logit\": [0.5, 0.999]}");
    }
    return 0;
}

static int parse_range(const struct jcur *cur, struct param *p, struct err *err)
{
    struct jcur range = jcur_get(cur, dist_key(p));
    if (json_type(range.node) != JSON_ARRAY || json_count(range.node) != 2) {
        jcur_fail(&range, err, "must be a pair [low, high]");
        return err_hint(err, "for example {\"%s\": %s}", dist_key(p),
                        param_is_int(p)           ? "[16, 512]"
                        : p->dist == DIST_UNIFORM ? "[0, 1]"
                                                  : "[0.001, 0.5]");
    }
    struct jcur low = jcur_at(&range, 0), high = jcur_at(&range, 1);
    if (domain_num(p, &low, &p->low, err) || domain_num(p, &high, &p->high, err))
        return ERR_BAD;
    if (!(p->low < p->high)) {
        jcur_fail(&range, err, "low must be less than high (got %g and %g)", p->low, p->high);
        return err_hint(err, p->low > p->high ? "swap them"
                                              : "a constant belongs into \"trainer\", not into the space");
    }
    p->box = (struct span){param_scale(p, p->low), param_scale(p, p->high)};
    if (!(p->box.lo < p->box.hi))
        return jcur_fail(&range, err, "low and high are too near to each other (%g and %g)", p->low, p->high);
    return 0;
}

static int parse_step(const struct jcur *cur, struct param *p, struct err *err)
{
    struct jcur at = jcur_get(cur, "step");
    p->step = param_is_int(p) ? 1 : 0;
    if (!jcur_has(&at))
        return 0;
    if (param_is_int(p)) {
        int64_t whole;
        if (jcur_int(&at, 1, 1LL << 53, &whole, err))
            return ERR_BAD;
        p->step = (double)whole;
    } else if (jcur_num(&at, -NUMBER_MAX, NUMBER_MAX, &p->step, err)) {
        return ERR_BAD;
    }
    double range = p->high - p->low, largest = fmax(fabs(p->low), fabs(p->high));
    if (!(p->step > 0))
        return jcur_fail(&at, err, "must be > 0 (got %g)", p->step);
    if (p->step > range)
        return jcur_fail(&at, err, "is larger than the range (%g, but high - low is %g)", p->step, range);
    if (!param_is_int(p) && (range / p->step > STEPS_MAX || largest / p->step > 1e12)) {
        jcur_fail(&at, err, "is too fine: %g steps", range / p->step);
        return err_hint(err, "leave the step out");
    }
    double count = floor(range / p->step + 1e-9);
    if (fabs(p->low + count * p->step - p->high) > 1e-9 * p->step)
        p->high = p->low + count * p->step; /* the last value of the lattice */
    p->box.hi = param_scale(p, p->high);
    return 0;
}

static int parse_or_zero(const struct jcur *cur, struct param *p, struct err *err)
{
    struct jcur at = jcur_get(cur, "or_zero");
    if (!jcur_has(&at))
        return 0;
    if (jcur_num(&at, 0, 0.999, &p->or_zero, err))
        return err_hint(err, "it is the probability of exactly 0, for example 0.1");
    if (p->low <= 0 && p->high >= 0) {
        jcur_fail(&at, err, "the range has 0 in it already");
        return err_hint(err, "leave \"or_zero\" out");
    }
    return 0;
}

static int parse_limit(const struct jcur *cur, const struct param *p, double open, double *out,
                       struct err *err)
{
    *out = open;
    if (jcur_has(cur) && json_type(cur->node) == JSON_NULL)
        return 0;
    return domain_num(p, cur, out, err);
}

static int parse_limits(const struct jcur *cur, struct param *p, struct err *err)
{
    struct jcur at = jcur_get(cur, "limits");
    if (!jcur_has(&at))
        return 0;
    if (jcur_array(&at, 2, 2, err))
        return err_hint(err, "write [low, high]; null leaves a side open");
    struct jcur low = jcur_at(&at, 0), high = jcur_at(&at, 1);
    if (parse_limit(&low, p, -INFINITY, &p->limit_low, err) ||
        parse_limit(&high, p, INFINITY, &p->limit_high, err))
        return ERR_BAD;
    if (p->limit_low > p->low || p->limit_high < p->high) {
        jcur_fail(&at, err, "must contain the range [%g, %g]", p->low, p->high);
        return err_hint(err, "limits are how far a wall may ever move");
    }
    p->has_limits = true;
    return 0;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int parse_values(const struct jcur *cur, struct param *p, struct err *err)
{
    struct jcur at = jcur_get(cur, "values");
    if (!jcur_has(&at))
        return 0;
    if (jcur_array(&at, 1, PARAM_MAX_CHOICES, err))
        return ERR_BAD;
    p->values = xcalloc(json_count(at.node), sizeof *p->values);
    for (const struct json *m = json_first(at.node); m; m = json_next(m)) {
        struct jcur item = jcur_item(&at, m, p->value_count);
        double *x = &p->values[p->value_count++];
        if (domain_num(p, &item, x, err))
            return ERR_BAD;
        *x += 0.0;
        if (p->dist != DIST_VALUES && (*x < p->low || *x > p->high))
            return jcur_fail(&item, err, "lies outside the range [%g, %g]", p->low, p->high);
    }
    qsort(p->values, (size_t)p->value_count, sizeof *p->values, compare_doubles);
    for (int i = 1; i < p->value_count; i++)
        if (p->values[i] == p->values[i - 1])
            return jcur_fail(&at, err, "has %g twice", p->values[i]);
    if (p->dist == DIST_VALUES) {
        p->low = p->values[0];
        p->high = p->values[p->value_count - 1];
        p->box = (struct span){0, p->value_count - 1};
    }
    return 0;
}

static int parse_numeric(const struct jcur *cur, struct param *p, struct err *err)
{
    bool is_list = p->dist == DIST_VALUES;
    if (jcur_known(cur, is_list ? values_keys : numeric_keys, err))
        return ERR_BAD;
    if (!is_list && (parse_range(cur, p, err) || parse_step(cur, p, err)))
        return ERR_BAD;
    if (parse_values(cur, p, err) || parse_or_zero(cur, p, err))
        return ERR_BAD;
    return is_list ? 0 : parse_limits(cur, p, err);
}

/* ---- choices ---- */

static int parse_choice(const struct jcur *cur, struct choice *out, struct err *err)
{
    enum json_type type = jcur_has(cur) ? json_type(cur->node) : JSON_NULL;
    *out = (struct choice){0};
    char text[32];
    if (type == JSON_STR) {
        const char *word;
        if (jcur_text(cur, CHOICE_MAX_TEXT, &word, err))
            return ERR_BAD;
        *out = (struct choice){.kind = CHOICE_TEXT, .text = xstrdup(word)};
    } else if (type == JSON_NUM) {
        out->kind = CHOICE_NUM;
        out->num = json_num(cur->node) + 0.0;
        num_text(out->num, text);
        out->text = xstrdup(text);
    } else if (type == JSON_BOOL) {
        out->kind = CHOICE_BOOL;
        out->num = json_bool(cur->node);
        out->text = xstrdup(json_bool(cur->node) ? "true" : "false");
    } else {
        struct str got = {0};
        if (cur->node)
            json_print(cur->node, &got);
        jcur_fail(cur, err, "must be a string, a number, true or false (got %.60s)", str_text(&got));
        str_fini(&got);
        return err_hint(err, "give it a name, as in \"none\" or \"64x64\", that the trainer understands");
    }
    return 0;
}

/* true and 1, or 0.5 and "0.5", would be the same to the store or on a command line. */
static bool choice_clashes(const struct choice *a, const struct choice *b)
{
    return strcmp(a->text, b->text) == 0 ||
           (a->kind != CHOICE_TEXT && b->kind != CHOICE_TEXT && a->num == b->num);
}

static int parse_weights(const struct jcur *cur, struct param *p, struct err *err)
{
    struct jcur at = jcur_get(cur, "weights");
    double sum = 0;
    for (int i = 0; i < p->choice_count; i++)
        p->choices[i].mass = 1.0 / p->choice_count;
    if (!jcur_has(&at))
        return 0;
    if (json_type(at.node) != JSON_ARRAY || json_count(at.node) != (size_t)p->choice_count)
        return jcur_fail(&at, err, "must have one number for each of the %d choices", p->choice_count);
    for (int i = 0; i < p->choice_count; i++) {
        struct jcur item = jcur_at(&at, i);
        if (jcur_num(&item, 1e-9, 1e9, &p->choices[i].mass, err))
            return ERR_BAD;
        sum += p->choices[i].mass;
    }
    for (int i = 0; i < p->choice_count; i++)
        p->choices[i].mass /= sum;
    return 0;
}

static int parse_choices(const struct jcur *cur, struct param *p, struct err *err)
{
    struct jcur at = jcur_get(cur, "choice"), ordered = jcur_get(cur, "ordered");
    if (jcur_known(cur, choice_keys, err) || jcur_array(&at, 1, PARAM_MAX_CHOICES, err))
        return ERR_BAD;
    p->choices = xcalloc(json_count(at.node), sizeof *p->choices);
    for (const struct json *m = json_first(at.node); m; m = json_next(m)) {
        struct jcur item = jcur_item(&at, m, p->choice_count);
        struct choice *made = &p->choices[p->choice_count];
        if (parse_choice(&item, made, err))
            return ERR_BAD;
        int seen = p->choice_count++;
        for (int i = 0; i < seen; i++)
            if (choice_clashes(&p->choices[i], made))
                return jcur_fail(&item, err, "%.64s is there twice", made->text);
    }
    p->box = (struct span){0, p->choice_count - 1};
    if (jcur_has(&ordered) && jcur_bool(&ordered, &p->ordered, err))
        return ERR_BAD;
    return parse_weights(cur, p, err);
}

/* ---- the whole axis ---- */

static int parse_boundary(const struct jcur *cur, struct param *p, struct err *err)
{
    static const char *const names[] = {"expand", "ask", "warn", "off", NULL};
    struct jcur at = jcur_get(cur, "boundary");
    int which;
    if (!jcur_has(&at))
        return 0;
    if (jcur_choice(&at, names, &which, err))
        return ERR_BAD;
    p->boundary = (enum boundary)(BOUNDARY_EXPAND + which);
    return 0;
}

int param_parse(const struct jcur *cur, struct param *p, struct err *err)
{
    if (!name_ok(cur->key)) {
        jcur_fail(cur, err, "\"%.80s\" is not a name", cur->key);
        return err_hint(err, "start with a letter or _, then letters, digits, _ . - ; at most 64 characters");
    }
    if (json_type(cur->node) != JSON_OBJECT) {
        struct str got = {0};
        json_print(cur->node, &got);
        jcur_fail(cur, err, "must be an object with a distribution (got %.60s)", str_text(&got));
        str_fini(&got);
        return err_hint(err, "for example {\"log\": [1e-5, 1]}; a constant belongs into \"trainer\"");
    }
    str_copy(p->name, sizeof p->name, cur->key);
    p->hash = hash_name(p->name);
    if (find_dist(cur, p, err))
        return ERR_BAD;
    if (p->dist == DIST_CHOICE ? parse_choices(cur, p, err) : parse_numeric(cur, p, err))
        return ERR_BAD;
    return parse_boundary(cur, p, err);
}

void param_fini(struct param *p)
{
    for (int i = 0; p->choices && i < p->choice_count; i++)
        free(p->choices[i].text);
    for (int i = 0; i < p->when_count; i++)
        free(p->when[i].accept);
    free(p->choices);
    free(p->values);
    free(p->when);
    *p = (struct param){0};
}

/* ---- a value of the axis ---- */

static int choice_value(const struct param *p, const struct jcur *cur, struct value *out, struct err *err)
{
    struct choice given;
    if (parse_choice(cur, &given, err))
        return ERR_BAD;
    bool found = false;
    for (int i = 0; i < p->choice_count && !found; i++) {
        found = p->choices[i].kind == given.kind && strcmp(p->choices[i].text, given.text) == 0;
        *out = value_choice(i);
    }
    if (!found) {
        struct str known = {0};
        for (int i = 0; i < p->choice_count && known.len < 200; i++)
            str_addf(&known, "%s%.64s", i ? ", " : "", p->choices[i].text);
        jcur_fail(cur, err, "%.64s is not one of the choices of %s", given.text, p->name);
        err_hint(err, "known: %.250s", str_text(&known));
        str_fini(&known);
    }
    free(given.text);
    return found ? 0 : ERR_BAD;
}

int value_parse(const struct param *p, const struct jcur *cur, struct value *out, struct err *err)
{
    if (p->dist == DIST_CHOICE)
        return choice_value(p, cur, out, err);
    double x;
    if (jcur_num(cur, -NUMBER_MAX, NUMBER_MAX, &x, err))
        return ERR_BAD;
    if (!value_from_num(p, x, out))
        return jcur_fail(cur, err, "%g is not a value of %s%s", x, p->name,
                         p->dist == DIST_LOG && x <= 0 ? " (on a log axis all are > 0)"
                         : p->step > 0                 ? " (it must lie on its steps)"
                                                       : "");
    struct span reach = param_reach(p);
    if (!value_in_reach(p, *out))
        return jcur_fail(cur, err, "%g lies outside the range of %s, %g to %g", x, p->name, reach.lo,
                         reach.hi);
    return 0;
}
