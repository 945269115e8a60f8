/* Two trees side by side. */
#include <string.h>

#include "common/json.h"

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
