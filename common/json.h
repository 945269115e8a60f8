/* json: reading, checking, changing and writing JSON. json.c (the tree) and json_parse.c alone include cJSON.
 *
 * Three parts:
 *   struct json   a parsed tree (opaque). The root is freed with json_free; every other pointer into it
 *                 is borrowed and dies with the root.
 *   struct jcur   a cursor: a node, and how one came there, so that each complaint names file and path
 *                 ("study.json: space.lr.log[0]: must be > 0 (got 0)"). Lives on the caller's stack and
 *                 must not outlive the cursor it was made from.
 *   struct jw     a writer: appends to a struct str; numbers are the shortest text that reads back the same.
 *
 * Refuses: more than 16 MiB or 64 levels, duplicate keys, NaN, anything after the value, bytes that are not
 * UTF-8, and \u0000 or a line break inside a string.
 */
#ifndef HONE_COMMON_JSON_H
#define HONE_COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

enum { JSON_MAX_BYTES = 16 << 20, JSON_MAX_DEPTH = 64 };

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUM, JSON_STR, JSON_ARRAY, JSON_OBJECT };

struct json;

/* Parses one value with // and slash-star comments. `file` is for messages ("study.json", "message").
 * NULL and err on failure, with file:line:column. */
struct json *json_parse(const char *text, size_t len, const char *file, struct err *err);
void json_free(struct json *root);
struct json *json_clone(const struct json *node); /* a new root, the caller's */

enum json_type json_type(const struct json *node);
const char *json_type_name(enum json_type type);
const char *json_key(const struct json *member); /* NULL in an array */
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_at(const struct json *array, size_t i);
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *member);
size_t json_count(const struct json *container);
double json_num(const struct json *node);       /* 0 unless a number */
bool json_bool(const struct json *node);        /* false unless true */
const char *json_text(const struct json *node); /* "" unless a string */

/* Same value: objects compare whatever the order of their keys. On a difference writes the first path that
 * differs ("space.lr.log[1]") into `path`. */
bool json_same(const struct json *a, const struct json *b, struct str *path);

/* `search.trials=100`: replaces or adds the value at a dotted path (array elements as a[0]); takes `value`.
 */
int json_set(struct json *root, const char *path, struct json *value, struct err *err);
/* Takes a member out of an object and makes it a root of its own; NULL if absent. */
struct json *json_take(struct json *object, const char *key);
/* Copy of `value` under `key` (replaces). */
void json_put(struct json *object, const char *key, const struct json *value);
void json_put_num(struct json *object, const char *key, double value);
void json_put_text(struct json *object, const char *key, const char *value);
struct json *json_new_object(void);
struct json *json_new_text(const char *text);

void json_print(const struct json *node, struct str *out); /* compact, one line */

/* ---- cursor ---- */

struct jcur {
    const struct json *node; /* NULL: absent */
    const struct jcur *up;
    const char *key; /* NULL for an array element or the root */
    int index;
    const char *file;
    const char *text; /* of the root alone: the file as somebody wrote it, for line numbers; NULL: without */
};

struct jcur jcur_root(const struct json *node, const char *file);
struct jcur jcur_get(const struct jcur *up, const char *key);
struct jcur jcur_at(const struct jcur *up, int index);
struct jcur jcur_of(const struct jcur *up, const struct json *child); /* a child met while iterating */
struct jcur jcur_item(const struct jcur *up, const struct json *child,
                      int index); /* the same, counted by the caller; NULL: absent */
bool jcur_has(const struct jcur *cur);
void jcur_path(const struct jcur *cur, struct str *out); /* "space.lr.log[0]" */

/* "FILE: PATH: message", or "FILE:LINE: PATH: message" where the root knows its text; returns ERR_BAD. */
int jcur_fail(const struct jcur *cur, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Each fails if the node is absent, of another type, or out of [low, high] / longer than max. */
int jcur_num(const struct jcur *cur, double low, double high, double *out, struct err *err);
int jcur_int(const struct jcur *cur, int64_t low, int64_t high, int64_t *out, struct err *err);
int jcur_bool(const struct jcur *cur, bool *out, struct err *err);
int jcur_text(const struct jcur *cur, size_t max_len, const char **out, struct err *err); /* borrowed */
int jcur_name(const struct jcur *cur, const char **out, struct err *err);                 /* name_ok() */
int jcur_array(const struct jcur *cur, size_t min_items, size_t max_items, struct err *err);
int jcur_object(const struct jcur *cur, size_t max_members, struct err *err);
/* Index of a string in a NULL-terminated list, with "did you mean" on failure. */
int jcur_choice(const struct jcur *cur, const char *const *choices, int *out, struct err *err);
/* Absent is fine. Fails unless an object, and at the first member whose key is not in the NULL-terminated
 * list, with "did you mean". */
int jcur_known(const struct jcur *cur, const char *const *keys, struct err *err);

/* The nearest of the list, or NULL if none is near. */
const char *nearest_name(const char *word, const char *const *names);

/* ---- writer ---- */

struct jw {
    struct str *out;
    int depth;
    bool filled[JSON_MAX_DEPTH]; /* the container at this depth has a member already */
};

struct jw jw_to(struct str *out);
/* `key` is NULL inside an array and for the root. */
void jw_object(struct jw *w, const char *key);
void jw_array(struct jw *w, const char *key);
void jw_close_object(struct jw *w);
void jw_close_array(struct jw *w);
void jw_num(struct jw *w, const char *key, double value); /* NaN, Inf: null */
void jw_int(struct jw *w, const char *key, int64_t value);
void jw_bool(struct jw *w, const char *key, bool value);
void jw_null(struct jw *w, const char *key);
void jw_text(struct jw *w, const char *key, const char *value); /* NULL: null */
void jw_node(struct jw *w, const char *key, const struct json *node);
void jw_raw(struct jw *w, const char *key, const char *json_text);
void json_quote(const char *text, struct str *out);

#endif
