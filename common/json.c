#include "common/json.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"

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
