#include "common/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"

/* struct json is never defined: a node is a cJSON item seen through a name of our own. */
static const cJSON *item(const struct json *node)
{
    return (const cJSON *)(const void *)node;
}

static cJSON *item_mut(struct json *node)
{
    return (cJSON *)(void *)node;
}

static struct json *node_of(cJSON *it)
{
    return (struct json *)(void *)it;
}

static const struct json *const_node(const cJSON *it)
{
    return (const struct json *)(const void *)it;
}

/* ---- parsing ---- */

/* Blanks comments out in place, so that line and column of what follows stay true. */
static int blank_comments(char *text, size_t len, size_t *bad_at)
{
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (in_string) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                in_string = false;
        } else if (text[i] == '"') {
            in_string = true;
        } else if (text[i] == '/' && i + 1 < len && text[i + 1] == '/') {
            while (i < len && text[i] != '\n')
                text[i++] = ' ';
        } else if (text[i] == '/' && i + 1 < len && text[i + 1] == '*') {
            size_t start = i;
            while (i + 1 < len && !(text[i] == '*' && text[i + 1] == '/' && i > start + 1)) {
                if (text[i] != '\n')
                    text[i] = ' ';
                i++;
            }
            if (i + 1 >= len) {
                *bad_at = start;
                return -1;
            }
            text[i] = text[i + 1] = ' ';
            i++;
        }
    }
    return 0;
}

/* What cJSON lets pass inside a string and we do not: \u0000 would end our text early, and a line break is
 * nearly always a forgotten quote, which is best complained about where it was forgotten. */
static const char *bad_in_string(const char *at)
{
    if (strncmp(at, "\\u0000", 6) == 0)
        return "\\u0000 cannot be part of a text here";
    if ((unsigned char)*at < 0x20)
        return *at == '\n' ? "the line ends inside a string: a quote is missing"
                           : "a control character in a string";
    return NULL;
}

/* cJSON's own nesting limit is 1000; ours is checked first so that no recursion of ours goes deeper.
 * The text ends with a NUL, so looking a few bytes ahead is safe. Returns what is wrong, or NULL. */
static const char *check_lexical(const char *text, size_t len, size_t *bad_at)
{
    int depth = 0;
    bool in_string = false;
    const char *what = NULL;
    for (size_t i = 0; i < len && !what; i++) {
        char c = text[i];
        *bad_at = i;
        if (in_string) {
            what = bad_in_string(text + i);
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_MAX_DEPTH)
                what = "nested more than 64 deep";
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return what;
}

/* Lines and columns count from 1; a column is a byte, as compilers count. */
static int fail_at(struct err *err, const char *file, const char *text, size_t at, const char *what)
{
    int line = 1, column = 1;
    for (size_t i = 0; i < at; i++) {
        column++;
        if (text[i] == '\n') {
            line++;
            column = 1;
        }
    }
    return err_set(err, ERR_BAD, "%s:%d:%d: %s", file, line, column, what);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* First key that an object holds twice, or NULL; sorted, because a hostile file may hold a million keys. */
static const char *duplicate_key(const cJSON *object)
{
    size_t count = 0;
    for (const cJSON *m = object->child; m; m = m->next)
        count++;
    if (count < 2)
        return NULL;
    const char **keys = xmalloc(count * sizeof *keys);
    size_t i = 0;
    for (const cJSON *m = object->child; m; m = m->next)
        keys[i++] = m->string;
    qsort(keys, count, sizeof *keys, compare_keys);
    const char *twice = NULL;
    for (i = 1; i < count && !twice; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            twice = keys[i];
    free(keys);
    return twice;
}

static int check_tree(const struct jcur *cur, struct err *err)
{
    const cJSON *it = item(cur->node);
    if (cJSON_IsNumber(it) && !isfinite(it->valuedouble))
        return jcur_fail(cur, err, "the number is too large");
    if (cJSON_IsObject(it)) {
        const char *twice = duplicate_key(it);
        if (twice)
            return jcur_fail(cur, err, "the key \"%.64s\" is there twice", twice);
    }
    int index = 0;
    for (const cJSON *child = it->child; child; child = child->next, index++) {
        struct jcur below = {const_node(child), cur, child->string, index, cur->file};
        if (check_tree(&below, err))
            return ERR_BAD;
    }
    return 0;
}

static cJSON *parse_text(char *text, size_t len, const char *file, struct err *err)
{
    size_t bad = 0;
    if (memchr(text, '\0', len)) {
        fail_at(err, file, text, strlen(text), "there is a NUL byte: this is not a JSON text");
        return NULL;
    }
    if (blank_comments(text, len, &bad)) {
        fail_at(err, file, text, bad, "this comment never ends");
        return NULL;
    }
    bad = utf8_wrong_at(text, len);
    if (bad < len) {
        fail_at(err, file, text, bad, "these bytes are not UTF-8");
        return NULL;
    }
    const char *what = check_lexical(text, len, &bad);
    if (what) {
        fail_at(err, file, text, bad, what);
        return NULL;
    }
    const char *end = text;
    cJSON *root = cJSON_ParseWithLengthOpts(text, len + 1, &end, 1);
    if (!root)
        fail_at(err, file, text, (size_t)(end - text), "not valid JSON here");
    return root;
}

struct json *json_parse(const char *text, size_t len, const char *file, struct err *err)
{
    if (len > JSON_MAX_BYTES) {
        err_set(err, ERR_BAD, "%s: larger than 16 MiB (%zu bytes)", file, len);
        return NULL;
    }
    char *copy = xstrndup("", 0);
    copy = xrealloc(copy, len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    cJSON *root = parse_text(copy, len, file, err);
    free(copy);
    if (!root)
        return NULL;
    struct jcur cur = jcur_root(node_of(root), file);
    if (check_tree(&cur, err)) {
        cJSON_Delete(root);
        return NULL;
    }
    return node_of(root);
}

void json_free(struct json *root)
{
    cJSON_Delete(item_mut(root));
}

struct json *json_clone(const struct json *node)
{
    return node ? node_of(cJSON_Duplicate(item(node), 1)) : NULL;
}

/* ---- looking ---- */

enum json_type json_type(const struct json *node)
{
    const cJSON *it = item(node);
    if (cJSON_IsObject(it))
        return JSON_OBJECT;
    if (cJSON_IsArray(it))
        return JSON_ARRAY;
    if (cJSON_IsString(it))
        return JSON_STR;
    if (cJSON_IsNumber(it))
        return JSON_NUM;
    return cJSON_IsBool(it) ? JSON_BOOL : JSON_NULL;
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {"null",     "true or false", "a number",
                                        "a string", "a list",        "an object"};
    return names[type];
}

const char *json_key(const struct json *member)
{
    return item(member)->string;
}

const struct json *json_get(const struct json *object, const char *key)
{
    return const_node(cJSON_GetObjectItemCaseSensitive(item(object), key));
}

const struct json *json_at(const struct json *array, size_t i)
{
    const cJSON *child = array ? item(array)->child : NULL;
    while (child && i--)
        child = child->next;
    return const_node(child);
}

const struct json *json_first(const struct json *container)
{
    return container ? const_node(item(container)->child) : NULL;
}

const struct json *json_next(const struct json *member)
{
    return member ? const_node(item(member)->next) : NULL;
}

size_t json_count(const struct json *container)
{
    size_t count = 0;
    for (const struct json *m = json_first(container); m; m = json_next(m))
        count++;
    return count;
}

double json_num(const struct json *node)
{
    return node && cJSON_IsNumber(item(node)) ? item(node)->valuedouble : 0;
}

bool json_bool(const struct json *node)
{
    return node && cJSON_IsTrue(item(node));
}

const char *json_text(const struct json *node)
{
    return node && cJSON_IsString(item(node)) ? item(node)->valuestring : "";
}

static bool same_below(const struct jcur *a, const struct jcur *b, struct str *path);

/* In step, for a list may be long and json_at walks. */
static bool same_elements(const struct jcur *a, const struct jcur *b, struct str *path)
{
    const struct json *ea = json_first(a->node), *eb = json_first(b->node);
    for (int i = 0; ea || eb; i++) {
        struct jcur ca = {ea, a, NULL, i, a->file}, cb = {eb, b, NULL, i, b->file};
        if (!same_below(&ca, &cb, path))
            return false;
        ea = json_next(ea);
        eb = json_next(eb);
    }
    return true;
}

static bool same_members(const struct jcur *a, const struct jcur *b, struct str *path)
{
    for (const struct json *m = json_first(a->node); m; m = json_next(m)) {
        struct jcur ma = jcur_of(a, m), mb = jcur_get(b, ma.key);
        if (!same_below(&ma, &mb, path))
            return false;
    }
    for (const struct json *m = json_first(b->node); m; m = json_next(m)) {
        struct jcur mb = jcur_of(b, m);
        if (!json_get(a->node, mb.key)) {
            if (path)
                jcur_path(&mb, path);
            return false;
        }
    }
    return true;
}

static bool same_below(const struct jcur *a, const struct jcur *b, struct str *path)
{
    bool same = a->node && b->node && json_type(a->node) == json_type(b->node);
    if (same) {
        switch (json_type(a->node)) {
        case JSON_OBJECT: return same_members(a, b, path);
        case JSON_ARRAY: return same_elements(a, b, path);
        case JSON_NUM: same = json_num(a->node) == json_num(b->node); break;
        case JSON_BOOL: same = json_bool(a->node) == json_bool(b->node); break;
        case JSON_STR: same = strcmp(json_text(a->node), json_text(b->node)) == 0; break;
        case JSON_NULL: break;
        }
    }
    if (!same && path)
        jcur_path(a, path);
    return same;
}

bool json_same(const struct json *a, const struct json *b, struct str *path)
{
    struct jcur ca = jcur_root(a, ""), cb = jcur_root(b, "");
    return same_below(&ca, &cb, path);
}

/* ---- changing ---- */

struct json *json_new_object(void)
{
    return node_of(cJSON_CreateObject());
}

struct json *json_new_text(const char *text)
{
    return node_of(cJSON_CreateString(text));
}

struct json *json_take(struct json *object, const char *key)
{
    return node_of(cJSON_DetachItemFromObjectCaseSensitive(item_mut(object), key));
}

static void put(struct json *object, const char *key, cJSON *value)
{
    if (cJSON_GetObjectItemCaseSensitive(item(object), key))
        cJSON_ReplaceItemInObjectCaseSensitive(item_mut(object), key, value);
    else
        cJSON_AddItemToObject(item_mut(object), key, value);
}

void json_put(struct json *object, const char *key, const struct json *value)
{
    put(object, key, cJSON_Duplicate(item(value), 1));
}

void json_put_num(struct json *object, const char *key, double value)
{
    put(object, key, cJSON_CreateNumber(value));
}

void json_put_text(struct json *object, const char *key, const char *value)
{
    put(object, key, cJSON_CreateString(value));
}

/* One step of a dotted path: the name before the next '.' or '[', then any [index]. */
static cJSON *step_into(cJSON *at, const char *name, bool is_last, cJSON *value)
{
    if (!cJSON_IsObject(at))
        return NULL;
    cJSON *child = cJSON_GetObjectItemCaseSensitive(at, name);
    if (is_last) {
        put(node_of(at), name, value);
        return value;
    }
    if (!child)
        child = cJSON_AddObjectToObject(at, name);
    return child;
}

static cJSON *element_at(cJSON *at, int index, bool is_last, cJSON *value)
{
    if (!cJSON_IsArray(at) || !cJSON_GetArrayItem(at, index))
        return NULL;
    if (!is_last)
        return cJSON_GetArrayItem(at, index);
    cJSON_ReplaceItemInArray(at, index, value);
    return value;
}

int json_set(struct json *root, const char *path, struct json *value, struct err *err)
{
    PRE(root && value);
    cJSON *at = item_mut(root);
    const char *p = path;
    while (at && *p) {
        int index, used = 0;
        if (*p == '[') {
            if (sscanf(p, "[%d]%n", &index, &used) != 1 || !used || index < 0)
                break;
            p += used;
            at = element_at(at, index, !*p, item_mut(value));
        } else {
            char name[128];
            size_t len = strcspn(p, ".[");
            if (len == 0 || len >= sizeof name)
                break;
            memcpy(name, p, len);
            name[len] = '\0';
            p += len;
            at = step_into(at, name, !*p, item_mut(value));
        }
        if (*p == '.')
            p++;
    }
    if (at == item_mut(value))
        return 0;
    json_free(value);
    return err_set(err, ERR_BAD, "\"%.100s\" names no place in the file (stopped at \"%.40s\")", path, p);
}

/* ---- printing ---- */

/* A host name, or the end of a log cut in the middle of a character, must not make our JSON invalid: bytes
 * that are no UTF-8 become '?', which keeps lengths within their bounds. */
static size_t quote_one(const unsigned char *c, size_t left, struct str *out)
{
    size_t len = utf8_width(c, left);
    if (len == 0)
        str_addc(out, '?');
    else if (*c == '"' || *c == '\\')
        str_addf(out, "\\%c", *c);
    else if (*c == '\n')
        str_add(out, "\\n");
    else if (*c == '\t')
        str_add(out, "\\t");
    else if (*c < 0x20 || *c == 0x7f)
        str_addf(out, "\\u%04x", *c);
    else
        str_addn(out, c, len);
    return len ? len : 1;
}

void json_quote(const char *text, struct str *out)
{
    size_t len = strlen(text);
    str_addc(out, '"');
    for (size_t i = 0; i < len;)
        i += quote_one((const unsigned char *)text + i, len - i, out);
    str_addc(out, '"');
}

static void print_children(const struct json *node, struct str *out)
{
    const char *comma = "";
    for (const struct json *m = json_first(node); m; m = json_next(m)) {
        str_add(out, comma);
        if (json_key(m)) {
            json_quote(json_key(m), out);
            str_addc(out, ':');
        }
        json_print(m, out);
        comma = ",";
    }
}

void json_print(const struct json *node, struct str *out)
{
    enum json_type type = node ? json_type(node) : JSON_NULL;
    switch (type) {
    case JSON_NULL: str_add(out, "null"); break;
    case JSON_BOOL: str_add(out, json_bool(node) ? "true" : "false"); break;
    case JSON_NUM: str_add_num(out, json_num(node)); break;
    case JSON_STR: json_quote(json_text(node), out); break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        str_addc(out, type == JSON_ARRAY ? '[' : '{');
        print_children(node, out);
        str_addc(out, type == JSON_ARRAY ? ']' : '}');
        break;
    }
}

/* ---- cursor ---- */

struct jcur jcur_root(const struct json *node, const char *file)
{
    return (struct jcur){.node = node, .file = file};
}

struct jcur jcur_get(const struct jcur *up, const char *key)
{
    const struct json *child =
        up->node && json_type(up->node) == JSON_OBJECT ? json_get(up->node, key) : NULL;
    return (struct jcur){child, up, key, 0, up->file};
}

struct jcur jcur_at(const struct jcur *up, int index)
{
    const struct json *child =
        up->node && json_type(up->node) == JSON_ARRAY ? json_at(up->node, (size_t)index) : NULL;
    return (struct jcur){child, up, NULL, index, up->file};
}

struct jcur jcur_of(const struct jcur *up, const struct json *child)
{
    int index = 0;
    if (!json_key(child))
        for (const struct json *m = json_first(up->node); m && m != child; m = json_next(m))
            index++;
    return (struct jcur){child, up, json_key(child), index, up->file};
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

int jcur_fail(const struct jcur *cur, struct err *err, const char *fmt, ...)
{
    struct str path = {0};
    jcur_path(cur, &path);
    char what[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    err_set(err, ERR_BAD, "%s: %s%s%s", cur->file, str_text(&path), path.len ? ": " : "", what);
    str_fini(&path);
    return ERR_BAD;
}

static int want(const struct jcur *cur, enum json_type type, struct err *err)
{
    if (!cur->node)
        return jcur_fail(cur, err, "is missing; it must be %s", json_type_name(type));
    if (json_type(cur->node) != type) {
        struct str got = {0};
        json_print(cur->node, &got);
        jcur_fail(cur, err, "must be %s (got %.60s)", json_type_name(type), str_text(&got));
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

int jcur_int(const struct jcur *cur, int64_t low, int64_t high, int64_t *out, struct err *err)
{
    if (want(cur, JSON_NUM, err))
        return ERR_BAD;
    double value = json_num(cur->node);
    if (value != floor(value) || fabs(value) > 9007199254740992.0)
        return jcur_fail(cur, err, "must be a whole number (got %g)", value);
    if ((int64_t)value < low || (int64_t)value > high)
        return jcur_fail(cur, err, "must be from %lld to %lld (got %.0f)", (long long)low, (long long)high,
                         value);
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

const char *nearest_name(const char *word, const char *const *names)
{
    const char *nearest = NULL;
    int best = (int)strnlen(word, 64) / 2 + 1;
    for (; *names; names++) {
        int distance = str_distance(word, *names);
        if (distance < best) {
            best = distance;
            nearest = *names;
        }
    }
    return nearest;
}

/* `what` and `after` go around the word: ("unknown key", ""). */
static int not_in(const struct jcur *cur, const char *what, const char *word, const char *after,
                  const char *const *names, struct err *err)
{
    struct str all = {0};
    for (const char *const *n = names; *n; n++)
        str_addf(&all, "%s%s", all.len ? ", " : "", *n);
    jcur_fail(cur, err, "%s\"%.80s\"%s", what, word, after);
    const char *nearest = nearest_name(word, names);
    if (nearest)
        err_hint(err, "did you mean \"%s\"? (known: %.240s)", nearest, str_text(&all));
    else
        err_hint(err, "known: %.300s", str_text(&all));
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
    return not_in(cur, "", word, " is not one of the choices", choices, err);
}

int jcur_known(const struct jcur *cur, const char *const *keys, struct err *err)
{
    if (cur->node && want(cur, JSON_OBJECT, err))
        return ERR_BAD;
    for (const struct json *m = json_first(cur->node); m; m = json_next(m)) {
        const char *const *k = keys;
        while (*k && strcmp(*k, json_key(m)) != 0)
            k++;
        if (!*k)
            return not_in(cur, "unknown key ", json_key(m), "", keys, err);
    }
    return 0;
}

/* ---- writer ---- */

struct jw jw_to(struct str *out)
{
    return (struct jw){.out = out};
}

static void lead(struct jw *w, const char *key)
{
    if (w->filled[w->depth])
        str_addc(w->out, ',');
    w->filled[w->depth] = true;
    if (key) {
        json_quote(key, w->out);
        str_addc(w->out, ':');
    }
}

static void open_with(struct jw *w, const char *key, char bracket)
{
    lead(w, key);
    str_addc(w->out, bracket);
    PRE(w->depth + 1 < JSON_MAX_DEPTH);
    w->filled[++w->depth] = false;
}

static void close_with(struct jw *w, char bracket)
{
    PRE(w->depth > 0);
    w->depth--;
    str_addc(w->out, bracket);
}

void jw_object(struct jw *w, const char *key)
{
    open_with(w, key, '{');
}

void jw_array(struct jw *w, const char *key)
{
    open_with(w, key, '[');
}

void jw_close_object(struct jw *w)
{
    close_with(w, '}');
}

void jw_close_array(struct jw *w)
{
    close_with(w, ']');
}

void jw_num(struct jw *w, const char *key, double value)
{
    lead(w, key);
    str_add_num(w->out, value);
}

void jw_int(struct jw *w, const char *key, int64_t value)
{
    lead(w, key);
    str_addf(w->out, "%lld", (long long)value);
}

void jw_bool(struct jw *w, const char *key, bool value)
{
    lead(w, key);
    str_add(w->out, value ? "true" : "false");
}

void jw_null(struct jw *w, const char *key)
{
    lead(w, key);
    str_add(w->out, "null");
}

void jw_text(struct jw *w, const char *key, const char *value)
{
    if (!value) {
        jw_null(w, key);
        return;
    }
    lead(w, key);
    json_quote(value, w->out);
}

void jw_node(struct jw *w, const char *key, const struct json *node)
{
    lead(w, key);
    json_print(node, w->out);
}

void jw_raw(struct jw *w, const char *key, const char *json_text)
{
    lead(w, key);
    str_add(w->out, json_text);
}
