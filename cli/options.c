#include "cli/options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/units.h"

enum { OPTIONS_MAX = 64 };

static const struct option help_option = {"help", 'h', OPT_FLAG, "", "", "", "", 0};

void text_list_add(struct text_list *list, const char *text)
{
    GROW(list->items, list->room, list->count + 2);
    list->items[list->count++] = text;
    list->items[list->count] = NULL;
}

void text_list_fini(struct text_list *list)
{
    free(list->items);
    *list = (struct text_list){0};
}

void text_list_free(struct text_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free((char *)(uintptr_t)list->items[i]);
    text_list_fini(list);
}

void option_name(const struct option *option, char out[OPTION_NAME_MAX])
{
    size_t n = 2;
    out[0] = out[1] = '-';
    for (const char *c = option->field; *c && n < OPTION_NAME_MAX - 1; c++)
        out[n++] = *c == '_' ? '-' : *c;
    out[n] = '\0';
}

static void *slot_of(const struct option *option, void *into)
{
    return (char *)into + option->offset;
}

static int parse_whole(const char *text, int64_t *out, struct err *err)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || value < 0 || value > INT64_C(9007199254740991))
        return err_set(err, ERR_BAD, "must be a whole number from 0 (got \"%.60s\")", text);
    *out = value;
    return 0;
}

static int parse_number(const char *text, double *out, struct err *err)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || value < 0)
        return err_set(err, ERR_BAD, "must be a number from 0 (got \"%.60s\")", text);
    *out = value;
    return 0;
}

/* Writes a value that came as text; the caller says where it came from. */
static int value_set(const struct option *option, const char *text, void *into, struct err *err)
{
    void *slot = slot_of(option, into);
    switch (option->kind) {
    case OPT_FLAG: *(bool *)slot = strcmp(text, "0") != 0 && *text; return 0;
    case OPT_MAYBE:
    case OPT_TEXT: *(const char **)slot = text; return 0;
    case OPT_INT: return parse_whole(text, slot, err);
    case OPT_NUMBER: return parse_number(text, slot, err);
    case OPT_DURATION: return duration_parse(text, slot, err);
    case OPT_SIZE: return size_parse(text, slot, err);
    case OPT_LIST: text_list_add(slot, text); return 0;
    }
    UNREACHABLE();
    return ERR_BAD;
}

static void value_clear(const struct option *option, void *into)
{
    void *slot = slot_of(option, into);
    switch (option->kind) {
    case OPT_FLAG: *(bool *)slot = false; return;
    case OPT_MAYBE:
    case OPT_TEXT: *(const char **)slot = NULL; return;
    case OPT_NUMBER: *(double *)slot = -1; return;
    case OPT_INT:
    case OPT_DURATION:
    case OPT_SIZE: *(int64_t *)slot = -1; return;
    case OPT_LIST: *(struct text_list *)slot = (struct text_list){0}; return;
    }
}

/* Environment, then default, for what the command line left out. An empty variable is an absent one. */
static int value_default(const struct option *option, void *into, struct err *err)
{
    const char *env = *option->env ? getenv(option->env) : NULL;
    if (env && *env)
        return value_set(option, env, into, err) ? err_prefix(err, "%s: ", option->env) : 0;
    if (*option->fallback)
        return value_set(option, option->fallback, into, err);
    return 0;
}

/* ---- one run over argv ---- */

struct parse {
    const struct option *table;
    int argc, at; /* argv[at] is the next one */
    char *const *argv;
    void *into;
    struct text_list *rest;
    bool given[OPTIONS_MAX];
    bool help;
};

static bool same_name(const struct option *option, const char *word, size_t len)
{
    if (strlen(option->field) != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((option->field[i] == '_' ? '-' : option->field[i]) != word[i])
            return false;
    return true;
}

static int unknown(const struct parse *parse, const char *word, struct err *err)
{
    char names[OPTIONS_MAX][OPTION_NAME_MAX];
    const char *list[OPTIONS_MAX + 1] = {0};
    bool has_set = false;
    int n = 0;
    for (const struct option *o = parse->table; o->field; o++, n++) {
        has_set = has_set || strcmp(o->field, "set") == 0;
        option_name(o, names[n]);
        list[n] = names[n] + 2; // the dashes would make every short word near
    }
    char *bare = xstrndup(word + 2, strcspn(word + 2, "="));
    const char *near = nearest_name(bare, list);
    err_set(err, ERR_BAD, "unknown option --%.60s", bare);
    if (near)
        err_hint(err, "did you mean --%s?", near);
    else if (has_set)
        err_hint(err,
                 "--help lists the options; what the study file says changes with --set search.trials=100");
    else
        err_hint(err, "--help lists the options");
    free(bare);
    return ERR_BAD;
}

static int take(struct parse *parse, const struct option *option, const char *text, struct err *err)
{
    if (option == &help_option) {
        parse->help = true;
        return 0;
    }
    char name[OPTION_NAME_MAX];
    option_name(option, name);
    bool *given = &parse->given[option - parse->table];
    if (*given && option->kind != OPT_LIST && option->kind != OPT_FLAG)
        return err_set(err, ERR_BAD, "%s is given twice", name);
    *given = true;
    return value_set(option, text, parse->into, err) ? err_prefix(err, "%s: ", name) : 0;
}

/* The value of an option is the next word, whatever it looks like. */
static int take_next(struct parse *parse, const struct option *option, struct err *err)
{
    if (option->kind == OPT_FLAG || option->kind == OPT_MAYBE)
        return take(parse, option, option->kind == OPT_FLAG ? "1" : "", err);
    if (parse->at == parse->argc) {
        char name[OPTION_NAME_MAX];
        option_name(option, name);
        return err_set(err, ERR_BAD, "%s needs a value (%s)", name, option->arg);
    }
    return take(parse, option, parse->argv[parse->at++], err);
}

static int parse_long(struct parse *parse, const char *word, struct err *err)
{
    size_t len = strcspn(word + 2, "=");
    const char *value = word[2 + len] ? word + 3 + len : NULL;
    const struct option *option = same_name(&help_option, word + 2, len) ? &help_option : parse->table;
    while (option->field && !same_name(option, word + 2, len))
        option++;
    if (!option->field)
        return unknown(parse, word, err);
    if (!value)
        return take_next(parse, option, err);
    if (option->kind == OPT_FLAG)
        return err_set(err, ERR_BAD, "%.*s takes no value", (int)len + 2, word);
    return take(parse, option, value, err);
}

static int parse_letters(struct parse *parse, const char *word, struct err *err)
{
    for (const char *c = word + 1; *c; c++) {
        const struct option *option = *c == 'h' ? &help_option : parse->table;
        while (option->field && option->letter != *c)
            option++;
        if (!option->field) {
            err_set(err, ERR_BAD, "unknown option -%c", *c);
            return err_hint(err, "--help lists the options");
        }
        if (option->kind != OPT_FLAG && c[1])
            return take(parse, option, c + 1, err);
        int rc = take_next(parse, option, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int parse_word(struct parse *parse, const char *word, struct err *err)
{
    if (word[0] != '-' || !word[1]) {
        text_list_add(parse->rest, word);
        return 0;
    }
    if (strcmp(word, "--") == 0) {
        while (parse->at < parse->argc)
            text_list_add(parse->rest, parse->argv[parse->at++]);
        return 0;
    }
    return word[1] == '-' ? parse_long(parse, word, err) : parse_letters(parse, word, err);
}

static bool given(const struct parse *parse, const char *field)
{
    for (const struct option *o = parse->table; o->field; o++)
        if (strcmp(o->field, field) == 0)
            return parse->given[o - parse->table];
    return false;
}

int options_parse(const struct option *table, int argc, char *const *argv, void *into, struct text_list *rest,
                  struct err *err)
{
    struct parse parse = {.table = table, .argc = argc, .argv = argv, .into = into, .rest = rest};
    for (const struct option *o = table; o->field; o++) {
        PRE(o - table < OPTIONS_MAX);
        value_clear(o, into);
    }
    while (parse.at < argc && !parse.help) {
        int rc = parse_word(&parse, argv[parse.at++], err);
        if (rc)
            return rc;
    }
    if (parse.help)
        return 1;
    for (const struct option *o = table; o->field; o++) {
        int rc = parse.given[o - table] ? 0 : value_default(o, into, err);
        if (rc)
            return rc;
    }
    return given(&parse, "json") && given(&parse, "csv") ? err_set(err, ERR_BAD, "--csv or --json, not both")
                                                         : 0;
}

void options_fini(const struct option *table, void *into)
{
    for (const struct option *o = table; o->field; o++)
        if (o->kind == OPT_LIST)
            text_list_fini(slot_of(o, into));
}
