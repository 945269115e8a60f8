/* Writing: a tree on one line, and the writer that needs no tree. */
#include "common/json.h"

#include <string.h>

#include "common/check.h"

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

/* Bytes in front that stand for themselves: nearly always all of them. */
static size_t plain_front(const char *text)
{
    size_t n = 0;
    while (text[n] >= 0x20 && text[n] < 0x7f && text[n] != '"' && text[n] != '\\')
        n++;
    return n;
}

void json_quote(const char *text, struct str *out)
{
    size_t len = strlen(text);
    str_addc(out, '"');
    for (size_t i = 0; i < len;) {
        size_t plain = plain_front(text + i);
        str_addn(out, text + i, plain);
        i += plain;
        if (i < len)
            i += quote_one((const unsigned char *)text + i, len - i, out);
    }
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

/* ---- the writer ---- */

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
