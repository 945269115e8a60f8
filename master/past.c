#include "master/past.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/studies.h"

struct finding {
    const char *name;
    char *found, *definition, *base;
    int64_t id; /* 0: none */
};

/* The last one that fits: the newest. */
static int find(void *arg, const struct row_study *row)
{
    struct finding *f = arg;
    if (f->name && f->name[0] && !str_same_nocase(f->name, row->name))
        return 0;
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

int past_study(struct store *store, const char *name, struct study **out, char **definition, struct err *err)
{
    struct finding f = {.name = name};
    int rc = store_load_studies(store, find, &f, err);
    if (!rc && !f.id && name && name[0]) {
        rc = err_set(err, ERR_GONE, "there is no study \"%s\" in this database", name);
        err_hint(err, "`hone studies` lists them");
    } else if (!rc && !f.id) {
        rc = err_set(err, ERR_GONE, "there is no study in this database yet");
    }
    if (!rc)
        rc = rebuild(store, &f, out, err);
    if (!rc && definition) {
        *definition = f.definition;
        f.definition = NULL;
    }
    free(f.found);
    free(f.definition);
    free(f.base);
    return rc;
}
