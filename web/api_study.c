/* study: one study with its definition, and its space as somebody who draws axes wants it. */
#include "web/api_parts.h"

#include <string.h>

#include "common/check.h"
#include "common/trial_status.h"

/* The distributions of the study file, as an axis: what is on it, and how it is spaced. */
static const struct dist {
    const char *key, *kind, *scale;
} dists[] = {
    {"uniform", "float", "linear"}, {"int", "int", "linear"},       {"log", "float", "log"},
    {"logit", "float", "logit"},    {"values", "values", "linear"}, {"choice", "choice", "linear"},
};

/* In that order: an int may also say "log": true, a range "values" for a grid. */
static const struct dist *dist_of(const struct json *param)
{
    for (size_t i = 0; i < COUNT_OF(dists); i++)
        if (json_get(param, dists[i].key))
            return &dists[i];
    return NULL;
}

static void put_member(struct jw *w, const char *key, const struct json *value)
{
    if (value)
        jw_node(w, key, value);
    else
        jw_null(w, key);
}

/* Ends of a range, of a list of numbers the least and the greatest. */
static void put_ends(struct jw *w, const char *low_key, const char *high_key, const struct json *list)
{
    double low = 0, high = 0;
    bool any = false;
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        double value = json_num(item);
        low = any && low < value ? low : value;
        high = any && high > value ? high : value;
        any = true;
    }
    if (any) {
        jw_num(w, low_key, low);
        jw_num(w, high_key, high);
    } else {
        jw_null(w, low_key);
        jw_null(w, high_key);
    }
}

/* The box of now has choices where the axis has some, and ends where it has ends. */
static void put_range(struct jw *w, const struct dist *dist, const struct json *param, const struct json *box)
{
    const struct json *range = json_get(param, dist->key);
    bool is_list = strcmp(dist->kind, "choice") == 0, is_values = strcmp(dist->kind, "values") == 0;
    put_ends(w, "low", "high", is_list ? NULL : range);
    put_ends(w, "box_low", "box_high", is_list ? NULL : box ? box : range);
    put_member(w, "choices", is_list || is_values ? range : NULL);
    put_member(w, "box_choices", is_list ? (box ? box : range) : NULL);
}

static void put_param(struct jw *w, const char *name, const struct json *param, const struct json *box)
{
    const struct dist *dist = dist_of(param);
    if (!dist)
        return;
    jw_object(w, NULL);
    jw_text(w, "name", name);
    jw_text(w, "kind", dist->kind);
    bool is_log = strcmp(dist->kind, "int") == 0 && json_bool(json_get(param, "log"));
    jw_text(w, "scale", is_log ? "log" : dist->scale);
    put_range(w, dist, param, box);
    put_member(w, "limits", json_get(param, "limits"));
    jw_bool(w, "ordered", json_bool(json_get(param, "ordered")));
    jw_num(w, "or_zero", json_num(json_get(param, "or_zero")));
    put_member(w, "when", json_get(param, "when"));
    jw_close_object(w);
}

static struct json *json_of(const struct cell *cell)
{
    const char *text = cell_text(cell);
    return *text ? json_parse(text, strlen(text), "database", NULL) : NULL;
}

static void put_space(struct jw *w, const struct rows *space, const struct rows *box)
{
    struct json *walls = json_of(rows_named(box, 0, "walls"));
    jw_array(w, "space");
    for (size_t row = 0; row < space->count; row++) {
        const char *name = cell_text(rows_named(space, row, "name"));
        struct json *param = json_of(rows_named(space, row, "definition"));
        put_param(w, name, param, walls ? json_get(walls, name) : NULL);
        json_free(param);
    }
    jw_close_array(w);
    json_free(walls);
}

static void put_statuses(struct jw *w)
{
    jw_array(w, "statuses");
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++) {
        jw_object(w, NULL);
        jw_text(w, "name", trial_status_name((enum trial_status)i));
        jw_text(w, "gloss", trial_status_gloss((enum trial_status)i));
        jw_text(w, "hue", trial_status_hue((enum trial_status)i));
        jw_close_object(w);
    }
    jw_close_array(w);
}

int api_study(const struct api *api, const struct request *request, struct jw *w, struct err *err)
{
    const char *study;
    struct rows head = {0}, space = {0}, box = {0};
    int rc = api_named_study(api, request, "name", &study, err);
    if (rc)
        return rc;
    struct bind bind = BIND_TEXT(":study", study);
    rc = query_run(api->query, "dash_studies", &bind, 1, &head, err);
    if (!rc)
        rc = query_run(api->query, "space", &bind, 1, &space, err);
    if (!rc)
        rc = query_run(api->query, "dash_box", &bind, 1, &box, err);
    if (!rc && (!head.count || !box.count)) // renamed between two statements
        rc = err_set(err, ERR_GONE, "there is no study \"%.64s\" any more", study);
    if (!rc) {
        api_study_members(w, &head, 0);
        api_json(w, "definition", rows_named(&box, 0, "definition"));
        put_space(w, &space, &box);
        put_statuses(w);
    }
    rows_fini(&head);
    rows_fini(&space);
    rows_fini(&box);
    return rc;
}
