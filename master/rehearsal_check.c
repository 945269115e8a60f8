/* The promises, looked at after a rehearsal. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/rehearsal_cast.h"

/* ---- the promises ---- */

struct checking {
    struct rehearsal *r;
    bool *found; /* a journal line has its row */
    const char *study;
    struct study *in_memory;
    int64_t open;
    int64_t cancelled; /* times that a trial was */
};

static int check_epoch(void *arg, const struct row_epoch *row, uint64_t seq)
{
    struct checking *c = arg;
    (void)seq;
    struct trial *t = NULL;
    for (size_t i = 0; i < c->in_memory->count && !t; i++)
        if (c->in_memory->trials[i]->id == row->trial)
            t = c->in_memory->trials[i];
    if (!t)
        return ERR_BAD;
    for (size_t i = 0; i < c->r->journal_count; i++) {
        struct line *line = &c->r->journal[i];
        if (line->trial != t->number || line->epoch != row->epoch || strcmp(line->study, c->study) != 0)
            continue;
        bool same = line->value == row->value || isnan(row->value);
        if (row->attempt == line->attempt && same)
            c->found[i] = true;
    }
    return 0;
}

static int check_attempt(void *arg, const struct row_attempt *row)
{
    ((struct checking *)arg)->open += !row->outcome;
    return 0;
}

static int count_cancelled(void *arg, const struct row_log *row)
{
    ((struct checking *)arg)->cancelled += !row->epoch && !row->walls && row->to_status == TRIAL_cancelled;
    return 0;
}

static int check_study(struct checking *c, struct err *err)
{
    struct study *s = c->in_memory;
    c->study = s->def.name;
    c->open = 0;
    if (store_load_epochs(c->r->store, s->id, check_epoch, c, err))
        return err_set(err, ERR_NO, "study %s: an epoch of no trial", c->study);
    if (store_load_attempts(c->r->store, s->id, check_attempt, c, err))
        return ERR_NO;
    if (c->open != s->open_count)
        return err_set(err, ERR_NO, "study %s: %lld attempts open in the store, %lld in memory", c->study,
                       (long long)c->open, (long long)s->open_count);
    /* A cancelled trial is replaced by another; a retry then goes beyond the budget, for the user asked for it. */
    c->cancelled = 0;
    if (store_load_log(c->r->store, s->id, count_cancelled, c, err))
        return ERR_NO;
    int64_t planned = study_planned(s), counted = study_sampled(s);
    if (sampler_size(s->sampler) < 0)
        counted -= c->cancelled;
    if (planned >= 0 && counted > planned)
        return err_set(err, ERR_NO, "study %s: %lld trials sampled, %lld planned", c->study,
                       (long long)counted, (long long)planned);
    return 0;
}

void rehearsal_look(struct rehearsal *r)
{
    struct checking c = {.r = r, .found = xcalloc(r->journal_count + 1, sizeof(bool))};
    for (size_t i = 0; i < r->reactor.studies.count; i++) {
        c.in_memory = r->reactor.studies.all[i];
        c.study = c.in_memory->def.name;
        store_load_epochs(r->store, c.in_memory->id, check_epoch, &c, NULL);
    }
    for (size_t i = 0; i < r->journal_count && !r->lost.code; i++) {
        const struct line *line = &r->journal[i];
        if (!c.found[i])
            err_set(&r->lost, ERR_NO,
                    "%s/%u attempt %d epoch %d was acknowledged, and a master after that has it not",
                    line->study, line->trial, line->attempt, line->epoch);
    }
    free(c.found);
}

int rehearsal_promises(struct rehearsal *r, struct err *err)
{
    if (r->lost.code) {
        *err = r->lost;
        return ERR_NO;
    }
    struct checking c = {.r = r, .found = xcalloc(r->journal_count + 1, sizeof(bool))};
    int rc = 0;
    for (size_t i = 0; i < r->reactor.studies.count && !rc; i++) {
        c.in_memory = r->reactor.studies.all[i];
        rc = check_study(&c, err);
    }
    for (size_t i = 0; i < r->journal_count && !rc; i++) {
        const struct line *line = &r->journal[i];
        if (!c.found[i])
            rc = err_set(err, ERR_NO, "%s/%u attempt %d epoch %d was acknowledged and is not in the store",
                         line->study, line->trial, line->attempt, line->epoch);
    }
    free(c.found);
    return rc;
}
