#include "common/data_spec.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/json.h"
#include "common/str.h"

enum option_type { OPT_TEXT, OPT_INT, OPT_SEED, OPT_REAL, OPT_HEADER };

struct option {
    enum data_kind kind;
    const char *key;
    enum option_type type;
    size_t at;                    /* offset in struct data_spec */
    double low, high, by_default; /* OPT_TEXT: high is the room */
};

#define AT(member) offsetof(struct data_spec, member)

/* Most samples of a made set: about 3 s of drawing, and far below the bound of values. */
enum { MADE_MAX = 1000000 };

static const struct option options[] = {
    {DATA_CSV, "label", OPT_TEXT, AT(label), 0, sizeof(((struct data_spec *)0)->label), 0},
    {DATA_CSV, "test", OPT_TEXT, AT(test), 0, sizeof(((struct data_spec *)0)->test), 0},
    {DATA_CSV, "header", OPT_HEADER, AT(header), 0, 0, HEADER_AUTO},
    {DATA_SPIRAL, "arms", OPT_INT, AT(arms), 2, 100, 3},
    {DATA_SPIRAL, "n", OPT_INT, AT(n), 20, MADE_MAX, 3000},
    {DATA_SPIRAL, "noise", OPT_REAL, AT(noise), 0, 10, 0.2},
    {DATA_SPIRAL, "turns", OPT_REAL, AT(turns), 0, 20, 1.0},
    {DATA_SPIRAL, "seed", OPT_SEED, AT(seed), 0, 0x1p53 - 1, 1},
    {DATA_GLYPHS, "n", OPT_INT, AT(n), 20, MADE_MAX, 5000},
    {DATA_GLYPHS, "size", OPT_INT, AT(size), 8, 64, 16},
    {DATA_GLYPHS, "noise", OPT_REAL, AT(noise), 0, 2, 0.2},
    {DATA_GLYPHS, "strength", OPT_REAL, AT(strength), 0, 2, 1},
    {DATA_GLYPHS, "seed", OPT_SEED, AT(seed), 0, 0x1p53 - 1, 1},
};

/* NULL-terminated for nearest_name(); the order is that of enum data_kind. */
static const char *const kind_names[] = {"idx", "csv", "cifar10", "spiral", "glyphs", NULL};

static bool kind_is_made(enum data_kind kind)
{
    return kind == DATA_SPIRAL || kind == DATA_GLYPHS;
}

static void *field(struct data_spec *spec, const struct option *option)
{
    return (char *)spec + option->at;
}

static void spec_defaults(struct data_spec *spec)
{
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        const struct option *option = &options[i];
        if (option->kind != spec->kind)
            continue;
        switch (option->type) {
        case OPT_TEXT: break; /* "" already */
        case OPT_HEADER:
        case OPT_INT: *(int *)field(spec, option) = (int)option->by_default; break;
        case OPT_SEED: *(int64_t *)field(spec, option) = (int64_t)option->by_default; break;
        case OPT_REAL: *(double *)field(spec, option) = option->by_default; break;
        }
    }
}

static int number_set(struct data_spec *spec, const struct option *option, const char *value, struct err *err)
{
    char *end;
    double number = strtod(value, &end);
    bool whole = option->type != OPT_REAL;
    if (end == value || *end || !isfinite(number) || (whole && number != floor(number)))
        return err_set(err, ERR_BAD, "%s: must be a %snumber (got \"%.40s\")", option->key,
                       whole ? "whole " : "", value);
    if (number < option->low || number > option->high)
        return err_set(err, ERR_BAD, "%s: must be in %.16g .. %.16g (got %.16g)", option->key, option->low,
                       option->high, number);
    if (option->type == OPT_INT)
        *(int *)field(spec, option) = (int)number;
    else if (option->type == OPT_SEED)
        *(int64_t *)field(spec, option) = (int64_t)number;
    else
        *(double *)field(spec, option) = number;
    return 0;
}

static int header_set(struct data_spec *spec, const char *value, struct err *err)
{
    static const char *const words[] = {"auto", "yes", "no"};
    for (int i = 0; i < (int)COUNT_OF(words); i++)
        if (!strcmp(value, words[i])) {
            spec->header = i;
            return 0;
        }
    return err_set(err, ERR_BAD, "header: must be yes, no or auto (got \"%.40s\")", value);
}

static int option_set(struct data_spec *spec, const struct option *option, const char *value, struct err *err)
{
    if (!*value)
        return err_set(err, ERR_BAD, "%s: needs a value", option->key);
    if (option->type == OPT_HEADER)
        return header_set(spec, value, err);
    if (option->type != OPT_TEXT)
        return number_set(spec, option, value, err);
    if (!str_copy(field(spec, option), (size_t)option->high, value))
        return err_set(err, ERR_BAD, "%s: longer than %d bytes", option->key, (int)option->high - 1);
    return 0;
}

static int unknown_key(enum data_kind kind, const char *key, struct err *err)
{
    const char *keys[COUNT_OF(options) + 1] = {NULL};
    size_t n = 0;
    struct str list = {0};
    for (size_t i = 0; i < COUNT_OF(options); i++)
        if (options[i].kind == kind) {
            str_addf(&list, "%s%s", n ? ", " : "", options[i].key);
            keys[n++] = options[i].key;
        }
    const char *near = nearest_name(key, keys);
    err_set(err, ERR_BAD, "%s has no option \"%.40s\"", kind_names[kind], key);
    if (near)
        err_hint(err, "did you mean %s?", near);
    else if (n)
        err_hint(err, "its options are %s", str_text(&list));
    str_fini(&list);
    return ERR_BAD;
}

/* One key=value, changed in place; `seen` has a bit per row of the table. */
static int pair_set(struct data_spec *spec, char *pair, uint32_t *seen, struct err *err)
{
    char *equal = strchr(pair, '=');
    if (!equal)
        return err_set(err, ERR_BAD, "\"%.60s\": must be key=value", pair);
    *equal = '\0';
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (options[i].kind != spec->kind || strcmp(options[i].key, pair))
            continue;
        if (*seen & 1u << i)
            return err_set(err, ERR_BAD, "%s: given twice", pair);
        *seen |= 1u << i;
        return option_set(spec, &options[i], equal + 1, err);
    }
    return unknown_key(spec->kind, pair, err);
}

static int pairs_set(struct data_spec *spec, const char *text, char separator, struct err *err)
{
    const char stops[] = {separator, '\0'};
    uint32_t seen = 0;
    while (*text) {
        char pair[1200];
        size_t len = strcspn(text, stops);
        if (len >= sizeof pair)
            return err_set(err, ERR_BAD, "option longer than %zu bytes", sizeof pair - 1);
        memcpy(pair, text, len);
        pair[len] = '\0';
        int rc = pair_set(spec, pair, &seen, err);
        if (rc)
            return rc;
        text += len + (text[len] != '\0');
    }
    return 0;
}

static int kind_parse(const char *text, size_t len, enum data_kind *out, struct err *err)
{
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1), text);
    for (int i = 0; kind_names[i]; i++)
        if (!strcmp(word, kind_names[i])) {
            *out = (enum data_kind)i;
            return 0;
        }
    const char *near = nearest_name(word, kind_names);
    err_set(err, ERR_BAD, "unknown kind \"%s\" in \"%.80s\"", word, text);
    if (near)
        return err_hint(err, "did you mean %s?", near);
    return err_hint(err, "one of idx:DIR, csv:FILE, cifar10:DIR, spiral, glyphs");
}

/* csv:FILE?label=NAME: the last ? ends the path, so that a file may have one in its name if options follow.
 */
static int path_set(struct data_spec *spec, const char *rest, struct err *err)
{
    const char *mark = spec->kind == DATA_CSV ? strrchr(rest, '?') : NULL;
    size_t len = mark ? (size_t)(mark - rest) : strlen(rest);
    if (!len || len >= sizeof spec->path) {
        err_set(err, ERR_BAD, "%s: %s", kind_names[spec->kind], len ? "path too long" : "no path");
        return err_hint(err, spec->kind == DATA_CSV
                                 ? "write csv:FILE or csv:FILE?label=NAME"
                                 : "write the folder after the colon, as in idx:data/mnist");
    }
    memcpy(spec->path, rest, len);
    return mark ? pairs_set(spec, mark + 1, '&', err) : 0;
}

int data_spec_parse(const char *text, struct data_spec *out, struct err *err)
{
    size_t len = strcspn(text, ":");
    *out = (struct data_spec){0};
    int rc = kind_parse(text, len, &out->kind, err);
    if (rc)
        return rc;
    spec_defaults(out);
    const char *rest = text[len] ? text + len + 1 : "";
    return kind_is_made(out->kind) ? pairs_set(out, rest, ',', err) : path_set(out, rest, err);
}
