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

struct study *study_of_row(const struct row_study *row, struct err *err)
{
    struct study_def def;
    if (study_def_parse(row->definition, strlen(row->definition), "study.definition", &def, err))
        return NULL;
    struct study *s = study_new(&def, row->base, err);
    if (!s) {
        err_prefix(err, "study.definition: ");
        return NULL;
    }
    str_copy(s->def.name, sizeof s->def.name, row->name);
    s->id = row->id;
    return s;
}

static int load_study(void *arg, const struct row_study *row)
{
    struct studies *studies = arg;
    struct err why = ERR_NONE;
    struct study *s = study_of_row(row, &why);
    if (!s) {
        unreadables_add(&studies->unreadable, row->id, row->name, &why);
        return 0;
    }
    s->history.is_lean = true;
    s->was_unreadable = row->unreadable;
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
    add(studies, s);
    return 0;
}

/* What people and the readers of the file are told of them. */
static void mark(const struct studies *studies, struct turn *turn)
{
    for (size_t i = 0; i < studies->unreadable.count; i++) {
        const struct unreadable *u = &studies->unreadable.all[i];
        store_study_unreadable(turn->store, u->id, &u->why, turn->now.wall_ms);
    }
    for (size_t i = 0; i < studies->count; i++) {
        struct study *s = studies->all[i];
        if (s->was_unreadable)
            store_study_readable(turn->store, s->id);
        s->was_unreadable = false;
    }
}

static void close_gaps(struct studies *studies)
{
    size_t left = 0;
    for (size_t i = 0; i < studies->count; i++)
        if (studies->all[i])
            studies->all[left++] = studies->all[i];
    studies->count = left;
}

int studies_load(struct studies *studies, struct turn *turn, int64_t orphan_until_mono_ms, struct err *err)
{
    int rc = store_load_studies(turn->store, load_study, studies, err);
    for (size_t i = 0; i < studies->count && !rc; i++) {
        struct study *s = studies->all[i];
        struct err why = ERR_NONE;
        if (!study_load(turn, s, orphan_until_mono_ms, &why))
            continue;
        if (store_is_damaged(turn->store)) {
            rc = why.code;
            if (err)
                *err = why;
        } else {
            unreadables_add(&studies->unreadable, s->id, s->def.name, &why);
            study_free(s);
            studies->all[i] = NULL;
        }
    }
    close_gaps(studies);
    if (!rc)
        mark(studies, turn);
    return rc;
}

void studies_fini(struct studies *studies)
{
    for (size_t i = 0; i < studies->count; i++)
        study_free(studies->all[i]);
    free(studies->all);
    unreadables_fini(&studies->unreadable);
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

int studies_refuse_unreadable(const struct studies *studies, const char *name, struct err *err)
{
    const struct unreadables *list = &studies->unreadable;
    const struct unreadable *found = NULL;
    if (name && name[0])
        found = unreadables_find(list, name);
    else if (list->count &&
             (!studies->count || list->all[list->count - 1].id > studies->all[studies->count - 1]->id))
        found = &list->all[list->count - 1];
    return found ? unreadable_refuse(found, err) : 0;
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
