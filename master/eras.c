#include "master/eras.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

struct edit {
    uint64_t seq;
    int64_t at_ms;
    char *path, *before; /* before NULL: the key was not there */
};

struct edits {
    struct edit *list;
    size_t count, room;
};

static int read_edit(void *arg, uint64_t seq, const struct row_study_event *row)
{
    struct edits *edits = arg;
    if (strcmp(row->event, "edit") != 0)
        return 0;
    GROW(edits->list, edits->room, edits->count + 1);
    edits->list[edits->count++] =
        (struct edit){seq, row->at_ms, xstrdup(row->path), row->before ? xstrdup(row->before) : NULL};
    return 0;
}

static int add_era(struct eras *eras, const struct json *definition, uint64_t from, struct err *err)
{
    struct str text = {0};
    struct era era = {.from = from};
    json_print(definition, &text);
    int rc = study_def_parse(str_text(&text), text.len, "definition", &era.def, err);
    str_fini(&text);
    if (rc)
        return rc;
    GROW(eras->list, eras->room, eras->count + 1);
    eras->list[eras->count++] = era;
    return 0;
}

/* Definitions move while the list grows: samplers, which point into them, are made at the end. */
static int add_samplers(struct eras *eras, struct err *err)
{
    for (size_t i = 0; i < eras->count; i++) {
        struct era *era = &eras->list[i];
        era->sampler = sampler_new(&era->def.search, &era->def.space, era->def.search.seed, err);
        if (!era->sampler)
            return ERR_BAD;
    }
    return 0;
}

static void reverse(struct eras *eras)
{
    for (size_t i = 0, k = eras->count; i + 1 < k--; i++) {
        struct era swap = eras->list[i];
        eras->list[i] = eras->list[k];
        eras->list[k] = swap;
    }
}

/* `hone edit` changes several things at once: only their last row begins an era. */
static bool is_last_of_its_edit(const struct edits *edits, size_t i)
{
    return i + 1 == edits->count || edits->list[i + 1].seq != edits->list[i].seq + 1 ||
           edits->list[i + 1].at_ms != edits->list[i].at_ms;
}

int eras_load(struct eras *eras, struct store *store, int64_t study, const char *definition, struct err *err)
{
    struct edits edits = {0};
    *eras = (struct eras){0};
    struct json *now = json_parse(definition, strlen(definition), "definition", err);
    int rc = now ? store_load_study_events(store, study, read_edit, &edits, err) : ERR_BAD;
    for (size_t i = edits.count; !rc && i-- > 0;) {
        if (is_last_of_its_edit(&edits, i))
            rc = add_era(eras, now, edits.list[i].seq, err);
        if (!rc)
            rc = study_def_put(now, edits.list[i].path, edits.list[i].before, err);
    }
    if (!rc)
        rc = add_era(eras, now, 0, err);
    reverse(eras);
    if (!rc)
        rc = add_samplers(eras, err);
    for (size_t i = 0; i < edits.count; i++) {
        free(edits.list[i].path);
        free(edits.list[i].before);
    }
    free(edits.list);
    json_free(now);
    return rc;
}

void eras_fini(struct eras *eras)
{
    for (size_t i = 0; i < eras->count; i++) {
        sampler_free(eras->list[i].sampler);
        study_def_fini(&eras->list[i].def);
    }
    free(eras->list);
    *eras = (struct eras){0};
}

const struct era *eras_at(const struct eras *eras, uint64_t seq)
{
    size_t i = eras->count - 1;
    while (i && eras->list[i].from > seq)
        i--;
    return &eras->list[i];
}
