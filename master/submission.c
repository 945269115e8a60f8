/* What becomes of a study file that is handed in: a new study, one that goes on, or a refusal. */
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "master/checks.h"
#include "master/edit.h"
#include "master/reactor.h"

/* NAME-2, NAME-3, ...; with a mark NAME-mark, NAME-mark-2, ... */
static int free_name(const struct reactor *r, const char *base, const char *mark, char out[65],
                     struct err *err)
{
    for (int n = *mark ? 1 : 2; n < 100000; n++) {
        char number[16] = "";
        if (n > 1)
            snprintf(number, sizeof number, "-%d", n);
        snprintf(out, 65, "%.*s%s%s", (int)(64 - strlen(mark) - strlen(number)), base, mark, number);
        if (!reactor_study(r, out))
            return 0;
    }
    return err_set(err, ERR_BAD, "there is no free name like \"%s%s-2\" left", base, mark);
}

static int fresh_name(const struct reactor *r, struct study_def *def, struct err *err)
{
    char name[65];
    if (free_name(r, def->name, "", name, err))
        return ERR_BAD;
    str_copy(def->name, sizeof def->name, name);
    json_put_text(def->json, "study", name);
    return 0;
}

/* Whoever puts right what the checks found wants the study itself, not one that is called otherwise: the one that
 * never began makes room. */
static int put_aside(struct reactor *r, struct turn *turn, struct study *failed, struct err *err)
{
    char name[65], before[65];
    str_copy(before, sizeof before, failed->def.name);
    if (free_name(r, before, "-unchecked", name, err) || edit_name(r, turn, failed, name, "submit", err))
        return ERR_BAD;
    log_note("%s: its file has changed since its checks failed: it begins anew, the old one is %s", before,
             name);
    return 0;
}

int reactor_submit(struct reactor *r, struct turn *turn, struct study_def *def, const char *file,
                   const char *base, bool fresh, enum study_checks checks, struct study **out,
                   struct err *err)
{
    struct study *known = reactor_study(r, def->name);
    if (known && !fresh) {
        *out = known;
        int rc = study_def_same(def, known->def.json, file, err);
        if (!rc)
            checks_resubmit(turn, known, checks);
        if (!rc || strcmp(known->end_reason, "checks") != 0)
            return rc;
        if (put_aside(r, turn, known, err))
            return ERR_BAD;
        if (err)
            *err = ERR_NONE;
        known = NULL;
    }
    if (known && fresh_name(r, def, err))
        return ERR_BAD;
    study_def_fill_seeds(def);
    struct study *s = study_new(def, base, err);
    if (!s)
        return ERR_BAD;
    s->history.is_lean = true;
    s->checks = checks;
    int rc = study_create(turn, s, err);
    if (rc) {
        study_free(s);
        return rc;
    }
    GROW(r->studies, r->study_room, r->study_count + 1);
    r->studies[r->study_count++] = s;
    if (r->proposer)
        study_use_proposer(s, r->proposer);
    *out = s;
    return 0;
}
