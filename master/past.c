#include "master/past.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sql/store_load.h"
#include "master/studies.h"

struct finding {
    const char *name;
    char *found, *definition, *base;
    int64_t id; /* 0: none */
    char **others;
    size_t count, room; /* of others; a NULL behind the last */
};

static void keep_name(struct finding *f, const char *name)
{
    GROW(f->others, f->room, f->count + 2);
    f->others[f->count++] = xstrdup(name);
    f->others[f->count] = NULL;
}

/* The last one that fits: the newest. */
static int find(void *arg, const struct row_study *row)
{
    struct finding *f = arg;
    if (f->name && f->name[0] && !str_same_nocase(f->name, row->name)) {
        keep_name(f, row->name);
        return 0;
    }
    free(f->found);
    free(f->definition);
    free(f->base);
    f->found = xstrdup(row->name);
    f->definition = xstrdup(row->definition);
    f->base = xstrdup(row->base);
    f->id = row->id;
    return 0;
}

static int rebuild(struct store *store, const struct finding *f, struct study **out, struct err *err)
{
    const struct row_study row = {
        .id = f->id, .name = f->found, .definition = f->definition, .base = f->base};
    struct turn turn = {.store = store};
    struct study *s = study_of_row(&row, err);
    int rc = s ? study_load(&turn, s, 0, err) : ERR_BAD;
    if (!rc) {
        *out = s;
        return 0;
    }
    study_free(s);
    return store_is_damaged(store) ? rc : unreadable_say(err, f->found);
}

static int no_such_study(const struct finding *f, struct err *err)
{
    const char *near = f->count ? nearest_name(f->name, (const char *const *)f->others) : NULL;
    err_set(err, ERR_GONE, "there is no study \"%s\" in this database", f->name);
    return near ? err_hint(err, "did you mean %s?", near) : err_hint(err, "`hone studies` lists them");
}

static void finding_fini(struct finding *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->others[i]);
    free(f->others);
    free(f->found);
    free(f->definition);
    free(f->base);
}

int past_study(struct store *store, const char *name, struct study **out, char **definition, struct err *err)
{
    struct finding f = {.name = name};
    int rc = store_load_studies(store, find, &f, err);
    if (!rc && !f.id && name && name[0]) {
        rc = no_such_study(&f, err);
    } else if (!rc && !f.id) {
        rc = err_set(err, ERR_GONE, "there is no study in this database yet");
    }
    if (!rc)
        rc = rebuild(store, &f, out, err);
    if (!rc && definition) {
        *definition = f.definition;
        f.definition = NULL;
    }
    finding_fini(&f);
    return rc;
}
