/* A study just submitted becomes rows. */
#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/study.h"
#include "master/warm.h"

static const char *dist_name(const struct param *param)
{
    switch (param->dist) {
    case DIST_UNIFORM: return "uniform";
    case DIST_LOG: return "log";
    case DIST_LOGIT: return "logit";
    case DIST_INT:
    case DIST_INT_LOG: return "int";
    case DIST_VALUES: return "values";
    case DIST_CHOICE: return "choice";
    }
    return "unknown";
}

static int add_study_rows(struct turn *turn, struct study *s, struct err *err)
{
    struct str definition = {0};
    json_print(s->def.json, &definition);
    struct row_study row = {
        .name = s->def.name,
        .definition = str_text(&definition),
        .base = s->base,
        .metric = s->def.metric,
        .maximize = s->def.maximize,
        .seed = s->def.search.seed,
        .wish = WISH_RUN,
        .priority = s->def.priority,
        .weight = s->def.weight,
        .checks = s->checks,
        .created_ms = turn->now.wall_ms,
    };
    const struct json *space = json_get(s->def.json, "space");
    int count = s->def.space.count;
    struct row_study_param *params = xcalloc((size_t)count, sizeof *params);
    struct str *texts = xcalloc((size_t)count, sizeof *texts);
    for (int i = 0; i < count; i++) {
        const struct param *p = &s->def.space.params[i];
        json_print(json_get(space, p->name), &texts[i]);
        params[i] = (struct row_study_param){p->name, dist_name(p), str_text(&texts[i])};
    }
    int rc = store_add_study(turn->store, &row, params, count, err);
    s->id = row.id;
    s->created_ms = turn->now.wall_ms;
    for (int i = 0; i < count; i++)
        str_fini(&texts[i]);
    free(texts);
    free(params);
    str_fini(&definition);
    return rc;
}

/* "enqueue" of the study file, as trials that wait. */
static void add_file_points(struct turn *turn, struct study *s)
{
    struct jcur root = jcur_root(s->def.json, s->def.name), list = jcur_get(&root, "enqueue");
    for (const struct json *n = jcur_has(&list) ? json_first(list.node) : NULL; n; n = json_next(n)) {
        struct jcur given = jcur_of(&list, n);
        int rc = study_add_given(turn, s, &given, "the study file", NULL, NULL);
        POST(!rc); /* study_def has looked at each */
    }
}

/* All that may be refused comes before the first row. */
int study_create(struct turn *turn, struct study *s, struct err *err)
{
    struct warm *warm;
    int rc = warm_read(turn, s, &warm, err);
    if (!rc)
        rc = add_study_rows(turn, s, err);
    if (!rc)
        rc = warm_write(turn, s, warm, err);
    if (!rc)
        add_file_points(turn, s);
    warm_free(warm);
    return rc;
}
