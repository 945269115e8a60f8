#include "master/submission.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "master/checks.h"
#include "master/edit.h"
#include "master/eras.h"

/* NAME-2, NAME-3, ...; with a mark NAME-mark, NAME-mark-2, ... */
static int free_name(const struct studies *studies, const char *base, const char *mark, char out[65],
                     struct err *err)
{
    for (int n = *mark ? 1 : 2; n < 100000; n++) {
        char number[16] = "";
        if (n > 1)
            snprintf(number, sizeof number, "-%d", n);
        snprintf(out, 65, "%.*s%s%s", (int)(64 - strlen(mark) - strlen(number)), base, mark, number);
        if (!studies_find(studies, out) && !unreadables_find(&studies->unreadable, out))
            return 0;
    }
    return err_set(err, ERR_BAD, "there is no free name like \"%s%s-2\" left", base, mark);
}

static int fresh_name(const struct studies *studies, struct study_def *def, struct err *err)
{
    char name[65];
    if (free_name(studies, def->name, "", name, err))
        return ERR_BAD;
    str_copy(def->name, sizeof def->name, name);
    json_put_text(def->json, "study", name);
    return 0;
}

/* Whoever puts right what the checks found wants the study itself, not one that is called otherwise: the one that
 * never began makes room. */
static int put_aside(const struct studies *studies, struct turn *turn, struct study *failed, struct err *err)
{
    char name[65], before[65];
    str_copy(before, sizeof before, failed->def.name);
    if (free_name(studies, before, "-unchecked", name, err) ||
        edit_name(studies, turn, failed, name, "submit", err))
        return ERR_BAD;
    log_note("%s: its file has changed since its checks failed: it begins anew, the old one is %s", before,
             name);
    return 0;
}

/* The file is as the study was before somebody edited it: `hone run study.json` after `hone edit` goes on as edited. */
static bool was_edited_since(struct turn *turn, const struct study *known, const struct study_def *def)
{
    struct eras eras;
    struct str definition = {0};
    bool was = false;
    json_print(known->def.json, &definition);
    if (!eras_load(&eras, turn->store, known->id, str_text(&definition), NULL))
        for (size_t i = 0; i < eras.count && !was; i++)
            was = !study_def_same(def, eras.list[i].def.json, "", NULL);
    eras_fini(&eras);
    str_fini(&definition);
    return was;
}

int submission_take(struct studies *studies, struct turn *turn, struct study_def *def,
                    const struct submission *how, struct study **out, struct err *err)
{
    struct study *known = studies_find(studies, def->name);
    bool is_unreadable = unreadables_find(&studies->unreadable, def->name) != NULL;
    if (is_unreadable && !how->fresh)
        return studies_refuse_unreadable(studies, def->name, err);
    if (known && !how->fresh) {
        *out = known;
        struct err why = ERR_NONE;
        int rc = study_def_same(def, known->def.json, how->file, &why);
        if (rc && was_edited_since(turn, known, def)) {
            log_note("%s goes on as `hone edit` left it: its file is of before", known->def.name);
            rc = 0;
        }
        if (rc && err)
            *err = why;
        if (!rc)
            checks_resubmit(turn, known, how->checks);
        if (!rc || strcmp(known->end_reason, "checks") != 0)
            return rc;
        if (put_aside(studies, turn, known, err))
            return ERR_BAD;
        if (err)
            *err = ERR_NONE;
        known = NULL;
    }
    if ((known || is_unreadable) && fresh_name(studies, def, err))
        return ERR_BAD;
    study_def_fill_seeds(def);
    if (def->search.trials && def->search.trials < prune_one_in(&def->prune))
        log_note("%s: %lld trials are few for these rungs: one in %lld reaches epoch %d, and none may",
                 def->name, (long long)def->search.trials, (long long)prune_one_in(&def->prune), def->epochs);
    return studies_create(studies, turn, def, how, out, err);
}
