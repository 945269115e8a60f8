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

static const struct json *extreme(const struct json *list, int sign)
{
    const struct json *found = json_first(list);
    for (const struct json *item = found; item; item = json_next(item))
        if (sign * json_num(item) > sign * json_num(found))
            found = item;
    return found;
}

/* Ends and choices, as the study file has them and as they are searched now: a box has low and high, or keep. */
static void put_range(struct jw *w, const struct dist *dist, const struct json *param, const struct json *box)
{
    const struct json *range = json_get(param, dist->key);
    bool is_choice = strcmp(dist->kind, "choice") == 0, is_values = strcmp(dist->kind, "values") == 0;
    const struct json *low = is_choice ? NULL : extreme(range, -1),
                      *high = is_choice ? NULL : extreme(range, 1);
    const struct json *box_low = json_get(box, "low"), *box_high = json_get(box, "high"),
                      *keep = json_get(box, "keep");
    put_member(w, "low", low);
    put_member(w, "high", high);
    put_member(w, "box_low", box_low ? box_low : low);
    put_member(w, "box_high", box_high ? box_high : high);
    put_member(w, "choices", is_choice || is_values ? range : NULL);
    put_member(w, "box_choices", is_choice ? (keep ? keep : range) : NULL);
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
