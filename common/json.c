#include "common/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/json_syntax.h"
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
        if (twice) {
            struct jcur first = jcur_get(cur, twice);
            return jcur_fail(&first, err, "this key is there twice");
        }
    }
    int index = 0;
    for (const cJSON *child = it->child; child; child = child->next, index++) {
        struct jcur below = jcur_item(cur, const_node(child), index);
        if (check_tree(&below, err))
            return ERR_BAD;
    }
    return 0;
}

static cJSON *parse_text(char *text, size_t len, const char *file, struct err *err)
{
    size_t bad = 0;
    if (memchr(text, '\0', len)) {
        bool is_wide = len > 3 && (!text[0] || !text[1]); /* of UTF-16, with its mark or without */
        is_wide |= len > 3 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
        fail_at(err, file, text, is_wide ? 0 : strlen(text),
                is_wide ? "this looks like UTF-16: save it as UTF-8"
                        : "there is a NUL byte: this is not a JSON text");
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
    if (root)
        return root;
    what = json_syntax_fault(text, &bad);
    char said[128];
    snprintf(said, sizeof said, "not valid JSON%s%s", what ? ": " : "", what ? what : "");
    fail_at(err, file, text, what ? bad : (size_t)(end - text), said);
    return NULL;
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
    struct jcur cur = jcur_root(node_of(root), file);
    cur.text = copy;
    if (root && check_tree(&cur, err)) {
        cJSON_Delete(root);
        root = NULL;
    }
    free(copy);
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
        struct jcur ca = jcur_item(a, ea, i), cb = jcur_item(b, eb, i);
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
