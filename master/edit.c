#include "master/edit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "master/course.h"
#include "master/search/pbt.h"
#include "master/search/stages.h"

enum { PATH_MOST = 200 };

/* ---- what may be changed ---- */

/* The parameter's own distribution, or what bounds it: the kind of axis stays. */
static bool is_open_axis(const struct study *s, const char *path)
{
    static const char *const open[] = {"uniform", "log", "logit", "int", "limits", "boundary", NULL};
    const char *name = path + strlen("space."), *dot = strrchr(name, '.');
    if (!dot)
        return false;
    char *param = xstrndup(name, (size_t)(dot - name));
    int i = space_find(&s->def.space, param);
    char *parent = xasprintf("space.%s", param);
    const struct json *axis = i >= 0 ? study_def_at(s->def.json, parent) : NULL;
    bool known = false, bounds = strcmp(dot + 1, "limits") == 0 || strcmp(dot + 1, "boundary") == 0;
    for (int k = 0; axis && open[k]; k++)
        known = known || strcmp(open[k], dot + 1) == 0;
    known = known && (bounds || json_get(axis, dot + 1));
    free(param);
    free(parent);
    return known;
}

static int may_change(const struct study *s, const char *path, struct err *err)
{
    static const char *const open[] = {"search.trials",
                                       "search.epochs",
                                       "search.parallel",
                                       "search.boundary",
                                       "budget.wall",
                                       "budget.epochs",
                                       "budget.failed",
                                       "budget.target",
                                       "budget.slot_hours",
                                       "priority",
                                       "weight",
                                       "max_attempts",
                                       "description",
                                       NULL};
    for (int i = 0; open[i]; i++)
        if (strcmp(open[i], path) == 0)
            return 0;
    if (str_starts(path, "space.") && is_open_axis(s, path))
        return 0;
    const char *near = nearest_name(path, open);
    if (near && str_distance(path, near) < 3) {
        err_set(err, ERR_BAD, "there is no \"%.100s\" in a study file", path);
        return err_hint(err, "did you mean %s?", near);
    }
    err_set(err, ERR_BAD,
            "%.100s cannot be changed in a study that lives: its trials would mean something else", path);
    return err_hint(
        err, "what can: search.trials, epochs, parallel, boundary; budget.*; priority, weight, max_attempts, "
             "description; space.NAME.limits, boundary and range");
}

/* Rungs and stages have their epochs from the beginning. */
static int check_epochs(const struct study *s, const struct study_def *after, struct err *err)
{
    bool fixed = stages_of(&s->def.search) || s->def.prune.method == PRUNE_ASHA ||
                 s->def.prune.method == PRUNE_HYPERBAND || pbt_of(&s->def.search);
    if (after->epochs == s->def.epochs || !fixed)
        return 0;
    return err_set(
        err, ERR_BAD,
        "search.epochs cannot be changed under stages, asha, hyperband or pbt: their rungs are fixed");
}

/* Where an axis has steps, those it has now are those that its trials lie on. */
static int check_steps(const struct study *s, const struct study_def *after, struct err *err)
{
    for (int i = 0; i < s->def.space.count; i++) {
        const struct param *p = &s->def.space.params[i];
        struct value v;
        if (!(p->step > 0) || value_from_num(p, after->space.params[i].low, &v))
            continue;
        err_set(err, ERR_BAD,
                "space.%s: %g is not on its steps (%g, %g, ...): no trial would lie on the new ones", p->name,
                after->space.params[i].low, p->low, p->low + p->step);
        return err_hint(err, "begin a whole number of steps (%g) beside %g", p->step, p->low);
    }
    return 0;
}

/* ---- one edit ---- */

struct editing {
    struct turn *turn;
    struct study *study;
    const char *who;
    struct jw *result;
};

struct change {
    char *path, *before, *after; /* JSON text; NULL: not there */
};

static char *text_at(const struct json *root, const char *path)
{
    const struct json *node = study_def_at(root, path);
    struct str text = {0};
    if (!node)
        return NULL;
    json_print(node, &text);
    return str_take(&text);
}

/* "budget.wall=3h": values are JSON or plain text. */
static int apply(struct json *root, const struct study *s, const char *set, struct change *out,
                 struct err *err)
{
    const char *equals = strchr(set, '=');
    if (!equals || equals == set || equals - set > PATH_MOST) {
        err_set(err, ERR_BAD, "--set %.100s: there is no PATH=VALUE", set);
        return err_hint(err, "--set search.trials=100");
    }
    out->path = xstrndup(set, (size_t)(equals - set));
    if (may_change(s, out->path, err))
        return ERR_BAD;
    out->before = text_at(root, out->path);
    struct json *value = json_parse(equals + 1, strlen(equals + 1), out->path, NULL);
    struct str text = {0};
    if (value)
        json_print(value, &text);
    else if (equals[1])
        json_quote(equals + 1, &text);
    json_free(value);
    int rc = 0;
    if (text.len && str_starts(out->path, "budget.") && !json_get(root, "budget"))
        rc = study_def_put(root, "budget", "{}", err);
    if (!rc)
        rc = study_def_put(root, out->path, text.len ? str_text(&text) : NULL, err);
    str_fini(&text);
    out->after = text_at(root, out->path);
    return rc;
}

static bool is_change(const struct change *c)
{
    if (!c->before || !c->after)
        return c->before != c->after;
    return strcmp(c->before, c->after) != 0;
}

static void write_change(const struct editing *e, const struct change *c)
{
    struct row_study_event row = {.study = e->study->id,
                                  .event = "edit",
                                  .path = c->path,
                                  .before = c->before,
                                  .after = c->after,
                                  .who = e->who,
                                  .at_ms = e->turn->now.wall_ms};
    store_add_study_event(e->turn->store, &row);
    jw_object(e->result, NULL);
    jw_text(e->result, "path", c->path);
    jw_raw(e->result, "before", c->before ? c->before : "null");
    jw_raw(e->result, "after", c->after ? c->after : "null");
    jw_close_object(e->result);
}

static void write_definition(struct turn *turn, const struct study *s)
{
    struct str text = {0};
    json_print(s->def.json, &text);
    store_study_redefined(turn->store, s->id, str_text(&text), s->def.priority, s->def.weight);
    for (int i = 0; i < s->def.space.count; i++) {
        const char *name = s->def.space.params[i].name;
        str_clear(&text);
        json_print(json_get(json_get(s->def.json, "space"), name), &text);
        store_study_param(turn->store, s->id, name, str_text(&text));
    }
    str_fini(&text);
}

/* What the new definition lets go on. */
static void go_on(struct turn *turn, struct study *s)
{
    bool stopped = strcmp(s->end_reason, "stopped") == 0 || strcmp(s->ending, "stopped") == 0;
    if (!stopped && (study_has_ended(s) || s->ending[0]))
        study_reopen(turn, s); /* the next tick ends it again if a budget is still used up */
    for (size_t i = 0; i < s->count; i++)
        trial_lengthen(turn, s->trials[i]);
}

static int redefine(const struct editing *e, const struct json *root, const struct change *changes, int count,
                    struct err *err)
{
    struct study *s = e->study;
    struct str text = {0};
    struct study_def def;
    json_print(root, &text);
    int rc = study_def_parse(str_text(&text), text.len, s->def.name, &def, err);
    str_fini(&text);
    if (rc)
        return rc;
    if (check_epochs(s, &def, err) || check_steps(s, &def, err)) {
        study_def_fini(&def);
        return ERR_BAD;
    }
    for (int i = 0; i < count; i++)
        if (is_change(&changes[i]))
            write_change(e, &changes[i]);
    struct study_def before = {.json = json_clone(s->def.json)};
    struct jcur old_root = jcur_root(before.json, s->def.name), old_space = jcur_get(&old_root, "space");
    rc = space_parse(&old_space, &before.space, NULL);
    POST(!rc);
    study_redefine(s, &def);
    course_ranges_changed(e->turn, s, &before.space);
    study_def_fini(&before);
    write_definition(e->turn, s);
    go_on(e->turn, s);
    return 0;
}

int edit_study(struct turn *turn, struct study *s, const char *const *sets, const char *who,
               struct jw *result, struct err *err)
{
    struct editing e = {turn, s, who, result};
    int count = 0;
    while (sets[count])
        count++;
    struct change *changes = xcalloc((size_t)count + 1, sizeof *changes);
    struct json *root = json_clone(s->def.json);
    bool any = false;
    int rc = 0;
    for (int i = 0; i < count && !rc; i++) {
        rc = apply(root, s, sets[i], &changes[i], err);
        any = any || (!rc && is_change(&changes[i]));
    }
    jw_array(result, "changes");
    if (!rc && any)
        rc = redefine(&e, root, changes, count, err);
    jw_close_array(result);
    for (int i = 0; i < count; i++) {
        free(changes[i].path);
        free(changes[i].before);
        free(changes[i].after);
    }
    free(changes);
    json_free(root);
    return rc;
}

/* ---- the name ---- */

/* Logs and checkpoints stay where they are; under the new name they are found through a link. */
static void link_folder(const struct turn *turn, const char *before, const char *after)
{
    const char *root = store_root(turn->store);
    char *folder = path_join(root, before), *link = path_join(root, after);
    if (root[0] && file_exists(folder) && symlink(before, link))
        rename(folder,
               link); /* no links there: the folder itself; rows that name its files cost a training anew */
    free(folder);
    free(link);
}

static void note_name(struct turn *turn, const struct study *s, const char *before, const char *after,
                      const char *who)
{
    struct str was = {0}, is = {0};
    json_quote(before, &was);
    json_quote(after, &is);
    struct row_study_event row = {.study = s->id,
                                  .event = "rename",
                                  .path = "study",
                                  .before = str_text(&was),
                                  .after = str_text(&is),
                                  .who = who,
                                  .at_ms = turn->now.wall_ms};
    store_add_study_event(turn->store, &row);
    str_fini(&was);
    str_fini(&is);
}

int edit_name(const struct studies *studies, struct turn *turn, struct study *s, const char *name,
              const char *who, struct err *err)
{
    struct study *known = studies_find(studies, name);
    if (!name_ok(name)) {
        err_set(err, ERR_BAD, "\"%.80s\" is no name for a study", name);
        return err_hint(err, "a letter or _, then letters, digits, _, . and -, at most 64");
    }
    if (known)
        return err_set(err, ERR_BAD, "there is a study \"%s\" already", known->def.name);
    if (studies_refuse_unreadable(studies, name, err))
        return ERR_BAD;
    if (s->open_count) {
        err_set(err, ERR_NO, "study \"%s\": %lld attempts run, and their workers know it by this name",
                s->def.name, (long long)s->open_count);
        return err_hint(err, "hone pause %s first", s->def.name);
    }
    struct json *definition = json_clone(s->def.json);
    struct str text = {0};
    json_put_text(definition, "study", name);
    json_print(definition, &text);
    int rc = store_study_renamed(turn->store, s->id, name, str_text(&text), err);
    str_fini(&text);
    if (rc) {
        json_free(definition);
        return rc;
    }
    note_name(turn, s, s->def.name, name, who);
    link_folder(turn, s->def.name, name);
    json_free(s->def.json);
    s->def.json = definition;
    str_copy(s->def.name, sizeof s->def.name, name);
    return 0;
}
