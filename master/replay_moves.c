/* Fates: who was promoted at a rung, stopped by his curve, given up or replaced at his generation's end. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/replay_parts.h"
#include "master/rungs.h"

bool replay_fate(struct replay *r, uint64_t cut, uint32_t trial, struct pbt_fate *out, int *at, int *until)
{
    const struct study_def *def = &eras_at(&r->eras, cut)->def;
    const struct pbt *pbt = pbt_of(&def->search);
    const struct history *view = retrace_to(&r->past, cut);
    struct pbt_fate *fates = xcalloc(view->count + 1, sizeof *fates);
    int count = pbt ? pbt_fates(pbt, view, def->search.seed, def->epochs, false, fates, at, until) : 0, i = 0;
    while (i < count && fates[i].trial != trial)
        i++;
    *out = fates[i];
    free(fates);
    return i < count;
}

static bool becomes_complete(const struct moved *m)
{
    return m->to == TRIAL_complete && strcmp(m->cause, "deleted") != 0;
}

/* Back to nobody, and those again whose last move so far made them complete. */
static void finish_again(struct replay *r, const struct study_def *def)
{
    const struct study *s = r->study;
    bool *complete = xcalloc(s->count + 1, sizeof *complete);
    for (size_t i = 0; i < r->moved_seen; i++)
        complete[r->moved[i].trial] = becomes_complete(&r->moved[i]);
    finished_fini(&r->finished);
    for (uint32_t n = 1; n <= s->count; n++)
        if (complete[n] && !study_trial(s, n)->is_extra)
            rungs_finished(def, study_trial(s, n), 1, &r->finished);
    free(complete);
}

/* The curves of who was complete when this seq was the newest; decisions come in their order. */
static const struct finished *finished_at(struct replay *r, const struct study_def *def, uint64_t seq)
{
    bool begins_again = r->moved_seen && r->moved[r->moved_seen - 1].seq > seq;
    r->moved_seen = begins_again ? 0 : r->moved_seen;
    for (; r->moved_seen < r->moved_count && r->moved[r->moved_seen].seq <= seq; r->moved_seen++) {
        const struct moved *m = &r->moved[r->moved_seen];
        const struct trial *t = study_trial(r->study, m->trial);
        bool was = finished_since(&r->finished, m->trial);
        if (was)
            begins_again = true;
        else if (becomes_complete(m) && !t->is_extra && !begins_again)
            rungs_finished(def, t, 1, &r->finished);
    }
    if (begins_again)
        finish_again(r, def);
    return &r->finished;
}

/* The rule that stops a trial by its curve, from the curves of that moment; NULL: none. */
static const char *stops_again(struct replay *r, const struct moved *m, const struct study_def *def,
                               const struct history *view)
{
    struct str turned = {0};
    struct judged_by by = {def, view, NULL, finished_at(r, def, m->seq)};
    const char *cause =
        rungs_verdict(&by, m->trial, rungs_curve(def, study_trial(r->study, m->trial), m->epoch, &turned));
    str_fini(&turned);
    return cause;
}

/* The decision is the same; is what people are told of it? */
static int check_rank(struct replay *r, const struct moved *m, int rank, int of)
{
    if (m->rank == rank && (!of || m->of == of))
        return 0;
    return err_set(r->err, ERR_NO, "%s/%u: stored with rank %d of %d, recomputed: %d of %d (seq %llu)",
                   r->report->study, m->trial, m->rank, m->of, rank, of ? of : m->of,
                   (unsigned long long)m->seen);
}

static int check_fate(struct replay *r, const struct moved *m)
{
    struct pbt_fate fate;
    int at, until;
    bool goes_on = m->to == TRIAL_waiting;
    if (replay_fate(r, m->seen, m->trial, &fate, &at, &until) && goes_on == !fate.parent &&
        (!goes_on || until == m->until))
        return check_rank(r, m, fate.rank, 0);
    return err_set(
        r->err, ERR_NO, "%s/%u: stored as %s at its generation's end, recomputed otherwise (seq %llu)",
        r->report->study, m->trial, goes_on ? "going on" : "giving up", (unsigned long long)m->seen);
}

static int check_drop(struct replay *r, const struct moved *m, const struct study_def *def,
                      const struct history *view)
{
    struct asha_job job = hyperband_lost(&def->prune.hyperband, view, m->more);
    if (def->prune.method == PRUNE_HYPERBAND && job.verdict == ASHA_DROP && job.trial == m->trial)
        return check_rank(r, m, job.rank, job.of);
    return err_set(r->err, ERR_NO, "%s/%u: stored as given up at its rung, recomputed: trial %u",
                   r->report->study, m->trial, job.trial);
}

int replay_judgement(struct replay *r, const struct moved *m)
{
    const struct study_def *def = &eras_at(&r->eras, m->seq)->def;
    const struct history *view = retrace_to(&r->past, m->seen);
    int rc = 0;
    if (pbt_of(&def->search) && (m->to == TRIAL_waiting || strcmp(m->cause, "pbt") == 0)) {
        rc = check_fate(r, m);
    } else if (strcmp(m->cause, "rung") == 0) {
        rc = check_drop(r, m, def, view);
    } else if (m->to == TRIAL_waiting) {
        struct asha_job job = prune_next(&def->prune, view, NULL, m->more);
        if (job.verdict != ASHA_RESUME || job.trial != m->trial || job.until != m->until)
            rc = err_set(r->err, ERR_NO,
                         "%s/%u: stored as promoted to epoch %d, recomputed: trial %u to epoch %d",
                         r->report->study, m->trial, m->until, job.trial, job.until);
        else
            rc = check_rank(r, m, job.rank, job.of);
    } else {
        const char *again = stops_again(r, m, def, view);
        if (!again || strcmp(again, m->cause) != 0)
            rc = err_set(r->err, ERR_NO, "%s/%u: stored as pruned (%s) at epoch %d, recomputed: %s",
                         r->report->study, m->trial, m->cause, m->epoch, again ? again : "goes on");
    }
    r->report->moves++;
    return rc;
}
