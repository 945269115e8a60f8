/* Text to tree, with all that is refused on the way. */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/json_syntax.h"
#include "common/mem.h"

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

/* What C reads as a number and JSON does not have: 00.5, 1., -.5. Outside of strings, so `at` is not the end. */
static const char *bad_in_number(const char *text, size_t i)
{
    const char *at = text + i;
    char before = i ? at[-1] : ' ';
    bool digit_before = isdigit((unsigned char)before), digit_after = isdigit((unsigned char)at[1]);
    bool in_exponent =
        before == '+' || (before == '-' && i > 1 && strchr("eE", at[-2])) || before == 'e' || before == 'E';
    bool bad_point = *at == '.' && (!digit_before || !digit_after);
    bool bad_zero = *at == '0' && digit_after && !digit_before && before != '.' && !in_exponent;
    return bad_point || bad_zero ? "not valid JSON: a number is written like 0.5, -3 or 1e-4" : NULL;
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
        } else if (c == '0' || c == '.') {
            what = bad_in_number(text, i);
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
static const char *duplicate_key(const struct json *object)
{
    size_t count = json_count(object);
    if (count < 2)
        return NULL;
    const char **keys = xmalloc(count * sizeof *keys);
    size_t i = 0;
    for (const struct json *m = json_first(object); m; m = json_next(m))
        keys[i++] = json_key(m);
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
    enum json_type type = json_type(cur->node);
    if (type == JSON_NUM && !isfinite(json_num(cur->node)))
        return jcur_fail(cur, err, "the number is too large");
    if (type == JSON_OBJECT) {
        const char *twice = duplicate_key(cur->node);
        if (twice) {
            struct jcur first = jcur_get(cur, twice);
            return jcur_fail(&first, err, "this key is there twice");
        }
    }
    int index = 0;
    for (const struct json *child = json_first(cur->node); child; child = json_next(child), index++) {
        struct jcur below = jcur_item(cur, child, index);
        if (check_tree(&below, err))
            return ERR_BAD;
    }
    return 0;
}

static struct json *parse_text(char *text, size_t len, const char *file, struct err *err)
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
        return (struct json *)(void *)root;
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
    struct json *root = parse_text(copy, len, file, err);
    struct jcur cur = jcur_root(root, file);
    cur.text = copy;
    if (root && check_tree(&cur, err)) {
        json_free(root);
        root = NULL;
    }
    free(copy);
    return root;
}
