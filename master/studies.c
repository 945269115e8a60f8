#include "master/studies.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/submission.h"
#include "sql/store_load.h"

/* Only replay asks a history how it stood. */
static struct study *new_study(struct study_def *def, const char *base, struct err *err)
{
    struct study *s = study_new(def, base, err);
    if (s)
        s->history.is_lean = true;
    return s;
}

static void add(struct studies *studies, struct study *s)
{
    GROW(studies->all, studies->room, studies->count + 1);
    studies->all[studies->count++] = s;
}

/* ---- out of the store ---- */

struct loading {
    struct studies *studies;
    struct err *err;
};

static int load_study(void *arg, const struct row_study *row)
{
    struct loading *loading = arg;
    struct err *err = loading->err;
    struct study_def def;
    if (study_def_parse(row->definition, strlen(row->definition), row->name, &def, err))
        return err_prefix(err, "study \"%s\" in the database: ", row->name);
    struct study *s = new_study(&def, row->base, err);
    if (!s)
        return ERR_BAD;
    str_copy(s->def.name, sizeof s->def.name, row->name);
    s->id = row->id;
    s->wish = row->wish;
    s->checks = row->checks;
    s->checked = row->checked;
    s->def.priority = row->priority;
    s->def.weight = row->weight;
    s->created_ms = row->created_ms;
    s->ended_ms = row->ended_ms;
    s->wall_used_ms = s->saved_wall_ms = row->wall_used_ms;
    s->slot_used_ms = row->slot_used_ms;
    str_copy(s->end_reason, sizeof s->end_reason, row->end_reason ? row->end_reason : "");
    add(loading->studies, s);
    return 0;
}

int studies_load(struct studies *studies, struct turn *turn, int64_t orphan_until_mono_ms, struct err *err)
{
    struct loading loading = {studies, err};
    int rc = store_load_studies(turn->store, load_study, &loading, err);
    for (size_t i = 0; i < studies->count && !rc; i++)
        rc = study_load(turn, studies->all[i], orphan_until_mono_ms, err);
    return rc;
}

void studies_fini(struct studies *studies)
{
    for (size_t i = 0; i < studies->count; i++)
        study_free(studies->all[i]);
    free(studies->all);
    *studies = (struct studies){0};
}

void studies_use_proposer(struct studies *studies, struct proposer *proposer)
{
    studies->proposer = proposer;
    for (size_t i = 0; i < studies->count; i++)
        study_use_proposer(studies->all[i], proposer);
}

struct study *studies_find(const struct studies *studies, const char *name)
{
    if (!name || !name[0])
        return studies->count ? studies->all[studies->count - 1] : NULL;
    for (size_t i = 0; i < studies->count; i++)
        if (str_same_nocase(studies->all[i]->def.name, name))
            return studies->all[i];
    return NULL;
}

const char *studies_nearest(const struct studies *studies, const char *name)
{
    const char **names = xcalloc(studies->count + 1, sizeof *names);
    for (size_t i = 0; i < studies->count; i++)
        names[i] = studies->all[i]->def.name;
    const char *near = nearest_name(name, names);
    free(names);
    return near;
}

int studies_create(struct studies *studies, struct turn *turn, struct study_def *def,
                   const struct submission *how, struct study **out, struct err *err)
{
    struct study *s = new_study(def, how->base, err);
    if (!s)
        return ERR_BAD;
    s->checks = how->checks;
    int rc = study_create(turn, s, err);
    if (rc) {
        study_free(s);
        return rc;
    }
    add(studies, s);
    if (studies->proposer)
        study_use_proposer(s, studies->proposer);
    *out = s;
    return 0;
}
