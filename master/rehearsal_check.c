/* The promises, looked at after a rehearsal. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/rehearsal_cast.h"
#include "sql/query.h"
#include "sql/store_load.h"

/* ---- the promises ---- */

struct checking {
    struct rehearsal *r;
    const char *study;
    struct study *in_memory;
    int64_t open;
    int64_t cancelled; /* times that a trial was */
};

/* The rows of every attempt, not of the newest alone: a later attempt that trained an epoch again does not make up for one
 * that was acknowledged and dropped. */
static const char rows_of_epochs[] =
    "SELECT s.name, t.number, e.attempt, e.epoch, e.value FROM epoch e JOIN trial t ON t.id = e.trial JOIN "
    "study s ON s.id = t.study";

static void find_line(struct rehearsal *r, const struct rows *rows, size_t i, bool *found)
{
    const struct cell *value = rows_cell(rows, i, 4);
    for (size_t k = 0; k < r->journal_count; k++) {
        const struct line *line = &r->journal[k];
        bool same = line->trial == cell_int(rows_cell(rows, i, 1)) &&
                    line->attempt == cell_int(rows_cell(rows, i, 2)) &&
                    line->epoch == cell_int(rows_cell(rows, i, 3)) &&
                    (line->value == cell_num(value) || isnan(cell_num(value)));
        if (same && strcmp(line->study, cell_text(rows_cell(rows, i, 0))) == 0)
            found[k] = true;
    }
}

/* Which lines of the journal have their row; the caller's to free. */
static bool *find_lines(struct rehearsal *r, struct err *err)
{
    bool *found = xcalloc(r->journal_count + 1, sizeof *found);
    struct query *query = NULL;
    struct rows rows = {0};
    int rc = query_of_store(r->store, &query, err);
    if (!rc)
        rc = query_sql(query, rows_of_epochs, 0, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        find_line(r, &rows, i, found);
    rows_fini(&rows);
    query_close(query);
    return found;
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

/* The first line that has no row; `where` it was looked for. */
static void look_for_lines(struct rehearsal *r, const char *where, struct err *err)
{
    struct err why = ERR_NONE;
    bool *found = find_lines(r, &why);
    if (why.code)
        *err = why;
    for (size_t i = 0; i < r->journal_count && !err->code; i++) {
        const struct line *line = &r->journal[i];
        if (!found[i])
            err_set(err, ERR_NO, "%s/%u attempt %d epoch %d was acknowledged and is not in %s", line->study,
                    line->trial, line->attempt, line->epoch, where);
    }
    free(found);
}

void rehearsal_look(struct rehearsal *r)
{
    if (!r->lost.code)
        look_for_lines(r, "the store of a master after that", &r->lost);
}

int rehearsal_promises(struct rehearsal *r, struct err *err)
{
    if (!r->lost.code)
        look_for_lines(r, "the store", &r->lost);
    if (r->lost.code) {
        *err = r->lost;
        return ERR_NO;
    }
    struct checking c = {.r = r};
    int rc = 0;
    for (size_t i = 0; i < r->reactor.studies.count && !rc; i++) {
        c.in_memory = r->reactor.studies.all[i];
        rc = check_study(&c, err);
    }
    return rc;
}
