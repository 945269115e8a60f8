#include "tests/tools/schema.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"

/* What is being checked against what, and how one came there. */
struct place {
    const struct json *root;   /* of the schema */
    const struct json *schema; /* that applies here */
    const struct json *value;
    const struct place *up;
    const char *key; /* NULL: an element of an array */
    int index;
};

typedef bool rule(const struct place *at, const struct json *argument);

static bool holds(const struct place *at, struct str *why);

const struct json *schema_deref(const struct json *root, const struct json *node)
{
    static const char front[] = "#/$defs/";
    const struct json *ref = json_get(node, "$ref");
    if (!ref)
        return node;
    PRE(str_starts(json_text(ref), front));
    const struct json *target = json_get(json_get(root, "$defs"), json_text(ref) + sizeof front - 1);
    PRE(target);
    return target;
}

static bool is_type(const struct json *value, const char *name)
{
    static const char *const names[] = {"null", "boolean", "number", "string", "array", "object"};
    if (!strcmp(name, "integer"))
        return json_type(value) == JSON_NUM && json_num(value) == floor(json_num(value));
    return !strcmp(name, names[json_type(value)]);
}

static struct place below(const struct place *at, const struct json *schema, const struct json *value,
                          const char *key, int index)
{
    return (struct place){at->root, schema, value, at, key, index};
}

/* The same value against another schema. */
static bool also(const struct place *at, const struct json *schema)
{
    struct place other = *at;
    other.schema = schema;
    return holds(&other, NULL);
}

/* ---- rules: true where they do not apply to the value's type ---- */

static bool rule_type(const struct place *at, const struct json *type)
{
    if (json_type(type) == JSON_STR)
        return is_type(at->value, json_text(type));
    for (const struct json *t = json_first(type); t; t = json_next(t))
        if (is_type(at->value, json_text(t)))
            return true;
    return false;
}

static bool rule_enum(const struct place *at, const struct json *values)
{
    for (const struct json *v = json_first(values); v; v = json_next(v))
        if (json_same(v, at->value, NULL))
            return true;
    return false;
}

static bool rule_const(const struct place *at, const struct json *value)
{
    return json_same(value, at->value, NULL);
}

static bool is_number(const struct place *at)
{
    return json_type(at->value) == JSON_NUM;
}

static bool rule_minimum(const struct place *at, const struct json *least)
{
    return !is_number(at) || json_num(at->value) >= json_num(least);
}

static bool rule_maximum(const struct place *at, const struct json *most)
{
    return !is_number(at) || json_num(at->value) <= json_num(most);
}

static bool rule_exclusive_minimum(const struct place *at, const struct json *least)
{
    return !is_number(at) || json_num(at->value) > json_num(least);
}

static bool rule_exclusive_maximum(const struct place *at, const struct json *most)
{
    return !is_number(at) || json_num(at->value) < json_num(most);
}

static bool rule_min_length(const struct place *at, const struct json *least)
{
    return json_type(at->value) != JSON_STR || (double)strlen(json_text(at->value)) >= json_num(least);
}

static bool rule_max_length(const struct place *at, const struct json *most)
{
    return json_type(at->value) != JSON_STR || (double)strlen(json_text(at->value)) <= json_num(most);
}

static bool rule_pattern(const struct place *at, const struct json *pattern)
{
    regex_t regex;
    if (json_type(at->value) != JSON_STR)
        return true;
    PRE(!regcomp(&regex, json_text(pattern), REG_EXTENDED | REG_NOSUB));
    bool matches = !regexec(&regex, json_text(at->value), 0, NULL, 0);
    regfree(&regex);
    return matches;
}

static bool rule_min_items(const struct place *at, const struct json *least)
{
    return json_type(at->value) != JSON_ARRAY || (double)json_count(at->value) >= json_num(least);
}

static bool rule_max_items(const struct place *at, const struct json *most)
{
    return json_type(at->value) != JSON_ARRAY || (double)json_count(at->value) <= json_num(most);
}

static bool rule_unique_items(const struct place *at, const struct json *wanted)
{
    if (json_type(at->value) != JSON_ARRAY || !json_bool(wanted))
        return true;
    for (const struct json *a = json_first(at->value); a; a = json_next(a))
        for (const struct json *b = json_next(a); b; b = json_next(b))
            if (json_same(a, b, NULL))
                return false;
    return true;
}

static bool rule_min_properties(const struct place *at, const struct json *least)
{
    return json_type(at->value) != JSON_OBJECT || (double)json_count(at->value) >= json_num(least);
}

static bool rule_max_properties(const struct place *at, const struct json *most)
{
    return json_type(at->value) != JSON_OBJECT || (double)json_count(at->value) <= json_num(most);
}

static bool rule_required(const struct place *at, const struct json *names)
{
    for (const struct json *n = json_first(names); n && json_type(at->value) == JSON_OBJECT; n = json_next(n))
        if (!json_get(at->value, json_text(n)))
            return false;
    return true;
}

static bool rule_property_names(const struct place *at, const struct json *schema)
{
    if (json_type(at->value) != JSON_OBJECT)
        return true;
    for (const struct json *m = json_first(at->value); m; m = json_next(m)) {
        struct json *name = json_new_text(json_key(m));
        struct place key = below(at, schema, name, json_key(m), 0);
        bool fine = holds(&key, NULL);
        json_free(name);
        if (!fine)
            return false;
    }
    return true;
}

static bool rule_any_of(const struct place *at, const struct json *schemas)
{
    for (const struct json *s = json_first(schemas); s; s = json_next(s))
        if (also(at, s))
            return true;
    return false;
}

static bool rule_one_of(const struct place *at, const struct json *schemas)
{
    int count = 0;
    for (const struct json *s = json_first(schemas); s; s = json_next(s))
        count += also(at, s);
    return count == 1;
}

static bool rule_if(const struct place *at, const struct json *condition)
{
    const struct json *then = json_get(at->schema, "then");
    return !then || !also(at, condition) || also(at, then);
}

static const struct {
    const char *keyword;
    rule *holds; /* NULL: says nothing about the value by itself */
} rules[] = {
    {"type", rule_type},
    {"enum", rule_enum},
    {"const", rule_const},
    {"minimum", rule_minimum},
    {"maximum", rule_maximum},
    {"exclusiveMinimum", rule_exclusive_minimum},
    {"exclusiveMaximum", rule_exclusive_maximum},
    {"minLength", rule_min_length},
    {"maxLength", rule_max_length},
    {"pattern", rule_pattern},
    {"minItems", rule_min_items},
    {"maxItems", rule_max_items},
    {"uniqueItems", rule_unique_items},
    {"minProperties", rule_min_properties},
    {"maxProperties", rule_max_properties},
    {"required", rule_required},
    {"propertyNames", rule_property_names},
    {"anyOf", rule_any_of},
    {"oneOf", rule_one_of},
    {"if", rule_if},
    {"then", NULL},
    {"properties", NULL},
    {"additionalProperties", NULL},
    {"items", NULL},
    {"$ref", NULL},
    {"$defs", NULL},
    {"$schema", NULL},
    {"title", NULL},
    {"description", NULL},
    {"default", NULL},
};

/* ---- the walk ---- */

static void path_add(const struct place *at, struct str *out)
{
    if (at->up)
        path_add(at->up, out);
    if (at->key)
        str_addf(out, "%s%s", out->len ? "." : "", at->key);
    else if (at->up)
        str_addf(out, "[%d]", at->index);
}

static bool violated(const struct place *at, const char *keyword, struct str *why)
{
    if (why && !why->len) {
        path_add(at, why);
        str_addf(why, "%s%s", why->len ? ": " : "", keyword);
    }
    return false;
}

static bool member_holds(const struct place *at, const struct json *member, struct str *why)
{
    const struct json *schema = json_get(json_get(at->schema, "properties"), json_key(member));
    if (!schema)
        schema = json_get(at->schema, "additionalProperties");
    if (!schema)
        return true;
    struct place here = below(at, schema, member, json_key(member), 0);
    if (json_type(schema) == JSON_BOOL)
        return json_bool(schema) || violated(&here, "additionalProperties", why);
    return holds(&here, why);
}

static bool children_hold(const struct place *at, struct str *why)
{
    const struct json *items = json_get(at->schema, "items");
    int index = 0;
    if (json_type(at->value) == JSON_OBJECT) {
        for (const struct json *m = json_first(at->value); m; m = json_next(m))
            if (!member_holds(at, m, why))
                return false;
    } else if (json_type(at->value) == JSON_ARRAY && items) {
        for (const struct json *m = json_first(at->value); m; m = json_next(m), index++) {
            struct place here = below(at, items, m, NULL, index);
            if (!holds(&here, why))
                return false;
        }
    }
    return true;
}

static bool keyword_holds(const struct place *at, const struct json *keyword, struct str *why)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (!strcmp(rules[i].keyword, json_key(keyword)))
            return !rules[i].holds || rules[i].holds(at, keyword) || violated(at, json_key(keyword), why);
    fprintf(stderr, "schema: keyword \"%s\" is not known to tests/tools/schema.c\n", json_key(keyword));
    abort();
}

/* A $ref stands beside other keywords and adds to them. */
static bool holds(const struct place *at, struct str *why)
{
    if (json_get(at->schema, "$ref")) {
        struct place target = *at;
        target.schema = schema_deref(at->root, at->schema);
        if (!holds(&target, why))
            return false;
    }
    for (const struct json *keyword = json_first(at->schema); keyword; keyword = json_next(keyword))
        if (!keyword_holds(at, keyword, why))
            return false;
    return children_hold(at, why);
}

bool schema_holds(const struct json *schema, const struct json *value, struct str *why)
{
    struct place at = {.root = schema, .schema = schema, .value = value};
    return holds(&at, why);
}
