/* Cursors: every complaint about a file names the file and the path inside it. */
#include "common/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_line.h"
#include "common/json_syntax.h"

enum { NAMES_MAX = 340 }; /* bytes of a list of names in a hint */

struct jcur jcur_root(const struct json *node, const char *file)
{
    return (struct jcur){.node = node, .file = file};
}

struct jcur jcur_get(const struct jcur *up, const char *key)
{
    const struct json *child =
        up->node && json_type(up->node) == JSON_OBJECT ? json_get(up->node, key) : NULL;
    return (struct jcur){.node = child, .up = up, .key = key, .file = up->file};
}

struct jcur jcur_at(const struct jcur *up, int index)
{
    const struct json *child =
        up->node && json_type(up->node) == JSON_ARRAY ? json_at(up->node, (size_t)index) : NULL;
    return (struct jcur){.node = child, .up = up, .index = index, .file = up->file};
}

struct jcur jcur_of(const struct jcur *up, const struct json *child)
{
    int index = 0;
    if (!json_key(child))
        for (const struct json *m = json_first(up->node); m && m != child; m = json_next(m))
            index++;
    return jcur_item(up, child, index);
}

struct jcur jcur_item(const struct jcur *up, const struct json *child, int index)
{
    return (struct jcur){
        .node = child, .up = up, .key = child ? json_key(child) : NULL, .index = index, .file = up->file};
}

bool jcur_has(const struct jcur *cur)
{
    return cur->node != NULL;
}

void jcur_path(const struct jcur *cur, struct str *out)
{
    if (!cur->up)
        return;
    jcur_path(cur->up, out);
    if (!cur->key)
        str_addf(out, "[%d]", cur->index);
    else
        str_addf(out, "%s%.128s", out->len ? "." : "", cur->key);
}

static int fail_on(const struct jcur *cur, int number, struct err *err, const char *what)
{
    struct str path = {0};
    char line[16] = "";
    jcur_path(cur, &path);
    if (number)
        snprintf(line, sizeof line, ":%d", number);
    err_set(err, ERR_BAD, "%s%s: %s%s%s", cur->file, line, str_text(&path), path.len ? ": " : "", what);
    str_fini(&path);
    return ERR_BAD;
}

int jcur_fail(const struct jcur *cur, struct err *err, const char *fmt, ...)
{
    char what[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return fail_on(cur, json_line(cur), err, what);
}

/* "0.1" where 0.1 is wanted, "true" where true is. */
static bool is_quoted(const struct json *node, enum json_type type)
{
    const char *text = json_text(node);
    if (type == JSON_BOOL)
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    size_t at;
    return type == JSON_NUM && *text && strspn(text, "0123456789.+-eE") == strlen(text) &&
           !json_syntax_fault(text, &at);
}

static int want(const struct jcur *cur, enum json_type type, struct err *err)
{
    if (!cur->node)
        return jcur_fail(cur, err, "is missing; it must be %s", json_type_name(type));
    if (json_type(cur->node) != type) {
        struct str got = {0};
        json_print(cur->node, &got);
        jcur_fail(cur, err, "must be %s (got %.60s)", json_type_name(type), str_text(&got));
        if (is_quoted(cur->node, type))
            err_hint(err, "without the quotes: %.60s", json_text(cur->node));
        str_fini(&got);
        return ERR_BAD;
    }
    return 0;
}

int jcur_num(const struct jcur *cur, double low, double high, double *out, struct err *err)
{
    if (want(cur, JSON_NUM, err))
        return ERR_BAD;
    double value = json_num(cur->node);
    if (!(value >= low && value <= high))
        return jcur_fail(cur, err, "must be from %g to %g (got %g)", low, high, value);
    *out = value;
    return 0;
}

static int not_from_to(const struct jcur *cur, struct err *err, int64_t low, int64_t high, double value)
{
    char text[32];
    num_text(value, text);
    return jcur_fail(cur, err, "must be from %lld to %lld (got %s)", (long long)low, (long long)high, text);
}

int jcur_int(const struct jcur *cur, int64_t low, int64_t high, int64_t *out, struct err *err)
{
    if (want(cur, JSON_NUM, err))
        return ERR_BAD;
    double value = json_num(cur->node);
    if (value != floor(value))
        return jcur_fail(cur, err, "must be a whole number (got %g)", value);
    if (fabs(value) > 9007199254740992.0 || (int64_t)value < low || (int64_t)value > high)
        return not_from_to(cur, err, low, high, value);
    *out = (int64_t)value;
    return 0;
}

int jcur_bool(const struct jcur *cur, bool *out, struct err *err)
{
    if (want(cur, JSON_BOOL, err))
        return ERR_BAD;
    *out = json_bool(cur->node);
    return 0;
}

int jcur_text(const struct jcur *cur, size_t max_len, const char **out, struct err *err)
{
    if (want(cur, JSON_STR, err))
        return ERR_BAD;
    const char *text = json_text(cur->node);
    if (strlen(text) > max_len)
        return jcur_fail(cur, err, "is longer than %zu characters", max_len);
    *out = text;
    return 0;
}

int jcur_name(const struct jcur *cur, const char **out, struct err *err)
{
    if (jcur_text(cur, JSON_MAX_BYTES, out, err))
        return ERR_BAD;
    if (!name_ok(*out)) {
        jcur_fail(cur, err, "\"%.80s\" is not a name", *out);
        return err_hint(err, "start with a letter or _, then letters, digits, _ . - ; at most 64 characters");
    }
    return 0;
}

int jcur_array(const struct jcur *cur, size_t min_items, size_t max_items, struct err *err)
{
    if (want(cur, JSON_ARRAY, err))
        return ERR_BAD;
    size_t count = json_count(cur->node);
    if (count < min_items || count > max_items)
        return jcur_fail(cur, err, "must have %zu to %zu elements (got %zu)", min_items, max_items, count);
    return 0;
}

int jcur_object(const struct jcur *cur, size_t max_members, struct err *err)
{
    if (want(cur, JSON_OBJECT, err))
        return ERR_BAD;
    size_t count = json_count(cur->node);
    if (count > max_members)
        return jcur_fail(cur, err, "has more than %zu members (%zu)", max_members, count);
    return 0;
}

/* A longer or shorter form of the same word: "min" of minimize, "loguniform" of log. The longest, if several are. */
static const char *same_stem(const char *word, const char *const *names)
{
    enum { STEM = 3 };
    const char *best = NULL;
    size_t len = strlen(word), best_len = STEM - 1;
    for (; *names; names++) {
        size_t common = strlen(*names) < len ? strlen(*names) : len;
        if (common > best_len && strncmp(word, *names, common) == 0) {
            best = *names;
            best_len = common;
        }
    }
    return best;
}

const char *nearest_name(const char *word, const char *const *names)
{
    const char *nearest = NULL;
    int len = (int)strnlen(word, 64), best = len < 5 ? 2 : len / 2 + 1; // two letters of four: another word
    for (const char *const *name = names; *name; name++) {
        int distance = str_distance(word, *name);
        if (distance < best) {
            best = distance;
            nearest = *name;
        }
    }
    const char *stem = best > 1 ? same_stem(word, names) : NULL; /* one letter amiss is a slip */
    return stem ? stem : nearest;
}

/* "grid, random, tpe", as many as a hint has room for. */
static void add_names(struct str *out, const char *const *names)
{
    for (const char *const *n = names; *n; n++) {
        bool is_full = out->len + strlen(*n) > NAMES_MAX;
        str_addf(out, "%s%s", out->len ? ", " : "", is_full ? "…" : *n);
        if (is_full)
            return;
    }
}

static int hint_at_names(const char *word, const char *const *names, struct err *err)
{
    struct str all = {0};
    add_names(&all, names);
    const char *nearest = nearest_name(word, names);
    if (nearest)
        err_hint(err, "did you mean \"%s\"? (known: %s)", nearest, str_text(&all));
    else
        err_hint(err, "known: %s", str_text(&all));
    str_fini(&all);
    return ERR_BAD;
}

int jcur_choice(const struct jcur *cur, const char *const *choices, int *out, struct err *err)
{
    const char *word;
    if (jcur_text(cur, 256, &word, err))
        return ERR_BAD;
    for (int i = 0; choices[i]; i++) {
        if (strcmp(choices[i], word) == 0) {
            *out = i;
            return 0;
        }
    }
    jcur_fail(cur, err, "\"%.80s\" is not one of the choices", word);
    return hint_at_names(word, choices, err);
}

int jcur_known(const struct jcur *cur, const char *const *keys, struct err *err)
{
    if (cur->node && want(cur, JSON_OBJECT, err))
        return ERR_BAD;
    for (const struct json *m = json_first(cur->node); m; m = json_next(m)) {
        const char *const *k = keys;
        while (*k && strcmp(*k, json_key(m)) != 0)
            k++;
        if (*k)
            continue;
        struct jcur member = jcur_item(cur, m, 0);
        char what[128];
        snprintf(what, sizeof what, "unknown key \"%.80s\"", json_key(m));
        fail_on(cur, json_line(&member), err, what);
        return hint_at_names(json_key(m), keys, err);
    }
    return 0;
}
