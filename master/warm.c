#include "master/warm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "master/extra.h"
#include "master/search/param_parse.h"
#include "master/search/require.h"
#include "sql/store_load.h"

/* One finished trial of the other study, as JSON, so that its rows may be written after they all have been read. */
struct found {
    uint32_t trial;
    char *params;
    bool pruned;
    int epochs;
    double score;
};

struct warm {
    const struct study *study;
    const char *name; /* of the other study */
    int64_t id;       /* of it; 0: not found */
    char *definition;
    struct found *list;
    size_t count, room;
    int64_t unfit;
};

static int find_other(void *arg, const struct row_study *row)
{
    struct warm *c = arg;
    if (!str_same_nocase(row->name, c->name))
        return 0;
    free(c->definition);
    c->definition = xstrdup(row->definition);
    c->id = row->id;
    return 0;
}

static const struct row_value *value_named(const struct row_value *values, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(values[i].name, name) == 0)
            return &values[i];
    return NULL;
}

static bool fits(const struct space *space, const struct row_value *values, int count, struct point *out)
{
    memset(out->v, 0, (size_t)out->count * sizeof *out->v);
    for (int k = 0; k < space->count; k++) {
        int i = space->order[k];
        const struct param *p = &space->params[i];
        const struct row_value *value = value_named(values, count, p->name);
        if (!space_is_active(space, out, i))
            continue; /* what it had there means nothing here */
        bool taken = value && (value->is_number ? value_from_num(p, value->number, &out->v[i])
                                                : value_from_text(p, value->text, &out->v[i]));
        if (!taken || !value_in_reach(p, out->v[i]))
            return false;
    }
    return require_holds(space, out);
}

static int take_trial(void *arg, const struct row_trial *row, const struct row_value *values, int count)
{
    struct warm *c = arg;
    const struct space *space = &c->study->def.space;
    const char *cause = row->cause ? row->cause : "";
    bool bad = row->status == TRIAL_failed || strcmp(cause, "diverged") == 0;
    bool scored = (row->status == TRIAL_complete || row->status == TRIAL_pruned) && !isnan(row->score);
    struct point point;
    bool hidden = strcmp(cause, "deleted") == 0;
    if ((!bad && !scored) || hidden || strcmp(row->sampler, EXTRA_SAMPLER) == 0)
        return 0;
    point_init(&point, space);
    if (fits(space, values, count, &point)) {
        struct str params = {0};
        struct jw w = jw_to(&params);
        point_write(space, &point, &w, NULL);
        GROW(c->list, c->room, c->count + 1);
        c->list[c->count++] = (struct found){row->number, str_take(&params), row->status == TRIAL_pruned,
                                             row->last_epoch, bad ? NAN : row->score};
    } else {
        c->unfit++;
    }
    point_fini(&point);
    return 0;
}

static int check_metric(const struct warm *c, struct err *err)
{
    struct study_def other;
    const struct study_def *def = &c->study->def;
    if (study_def_parse(c->definition, strlen(c->definition), c->name, &other, err))
        return ERR_BAD;
    int rc = 0;
    if (strcmp(other.metric, def->metric) != 0 || other.maximize != def->maximize)
        rc = err_set(err, ERR_BAD, "%s: warm_start.study: \"%s\" is ranked by another metric (%s, %s)",
                     def->name, c->name, other.metric, other.maximize ? "maximize" : "minimize");
    study_def_fini(&other);
    return rc;
}

static int read_other(struct warm *c, struct store *from, struct err *err)
{
    const char *name = c->study->def.name;
    int rc = store_load_studies(from, find_other, c, err);
    if (!rc && !c->id)
        rc = err_set(err, ERR_BAD, "%s: warm_start.study: there is no other study \"%s\" in %s", name,
                     c->name, store_path(from));
    if (!rc)
        rc = check_metric(c, err);
    if (!rc)
        rc = store_load_trials(from, c->id, take_trial, c, err);
    if (!rc && !c->count)
        rc = err_set(err, ERR_BAD,
                     "%s: warm_start.study: no finished trial of \"%s\" fits this space and its rules", name,
                     c->name);
    return rc;
}

static int read_elsewhere(struct warm *c, const char *db, struct err *err)
{
    struct store_options options = {.read_only = true};
    struct store *store;
    char *path = db[0] == '/' ? xstrdup(db) : path_join(c->study->base, db);
    int rc = store_open(path, &options, &store, err);
    if (!rc)
        rc = read_other(c, store, err);
    else
        rc = err_prefix(err, "%s: warm_start.db: ", c->study->def.name);
    store_close(store);
    free(path);
    return rc;
}

int warm_read(struct turn *turn, const struct study *s, struct warm **out, struct err *err)
{
    const struct json *warm = json_get(s->def.json, "warm_start");
    *out = NULL;
    if (!warm)
        return 0;
    const char *db = json_text(json_get(warm, "db"));
    struct warm *c = xcalloc(1, sizeof *c);
    c->study = s;
    c->name = json_text(json_get(warm, "study"));
    int rc = db[0] ? read_elsewhere(c, db, err) : read_other(c, turn->store, err);
    if (rc)
        warm_free(c);
    else
        *out = c;
    return rc;
}

int warm_write(struct turn *turn, struct study *s, const struct warm *c, struct err *err)
{
    if (!c)
        return 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct found *f = &c->list[i];
        struct row_warm row = {s->id,     (int)i + 1, c->name,   f->trial,
                               f->params, f->pruned,  f->epochs, f->score};
        store_add_warm(turn->store, &row);
    }
    log_info("%s: %zu finished trials of %s are known from the start; %lld do not fit its space or break its "
             "rules",
             s->def.name, c->count, c->name, (long long)c->unfit);
    return warm_load(turn->store, s, err);
}

void warm_free(struct warm *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++)
        free(c->list[i].params);
    free(c->list);
    free(c->definition);
    free(c);
}

/* What was evidence stays it, though an edit may have moved the ends of its axes since. */
static int read_params(const struct space *space, const struct jcur *params, struct point *out)
{
    for (int k = 0; k < space->count; k++) {
        int i = space->order[k];
        const struct param *p = &space->params[i];
        struct jcur at = jcur_get(params, p->name);
        if (!space_is_active(space, out, i))
            continue;
        if (p->dist == DIST_CHOICE ? value_parse(p, &at, &out->v[i], NULL)
                                   : !jcur_has(&at) || !value_from_num(p, json_num(at.node), &out->v[i]))
            return ERR_BAD;
    }
    return 0;
}

static int load_one(void *arg, const struct row_warm *row)
{
    struct study *s = arg;
    const struct space *space = &s->def.space;
    struct json *json = json_parse(row->params, strlen(row->params), "warm", NULL);
    struct jcur params = jcur_root(json, "warm");
    struct point point;
    point_init(&point, space);
    int rc = json ? read_params(space, &params, &point) : ERR_BAD;
    if (!rc) {
        uint32_t number = HISTORY_WARM | (uint32_t)row->number;
        bool bad = isnan(row->score);
        double score = bad ? -INFINITY : s->def.maximize ? row->score : -row->score;
        history_add(&s->history, number, number, &point, NULL, 0, 0);
        history_update(&s->history, number, bad ? HISTORY_BAD : HISTORY_SCORED, row->pruned, row->epochs,
                       score, 0);
    }
    point_fini(&point);
    json_free(json);
    return rc;
}

int warm_load(struct store *store, struct study *s, struct err *err)
{
    return store_load_warm(store, s->id, load_one, s, err);
}
