/* Fates: who was promoted at a rung, stopped by his curve, given up or replaced at his generation's end. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/replay_parts.h"
#include "master/rungs.h"

bool replay_fate(const struct replay *r, uint64_t cut, uint32_t trial, struct pbt_fate *out, int *at,
                 int *until)
{
    const struct study_def *def = &eras_at(&r->eras, cut)->def;
    const struct pbt *pbt = pbt_of(&def->search);
    struct history view;
    history_as_of(&r->study->history, cut, &view);
    struct pbt_fate *fates = xcalloc(view.count + 1, sizeof *fates);
    int count = pbt ? pbt_fates(pbt, &view, def->search.seed, def->epochs, false, fates, at, until) : 0,
        i = 0;
    while (i < count && fates[i].trial != trial)
        i++;
    *out = fates[i];
    history_fini(&view);
    free(fates);
    return i < count;
}

/* Which trials were complete when this seq was the newest. */
static bool *complete_at(const struct replay *r, uint64_t seq)
{
    bool *complete = xcalloc(r->study->count + 1, sizeof *complete);
    for (size_t i = 0; i < r->moved_count && r->moved[i].seq <= seq; i++)
        complete[r->moved[i].trial] =
            r->moved[i].to == TRIAL_complete && strcmp(r->moved[i].cause, "deleted") != 0;
    return complete;
}

/* The rule that stops a trial by its curve, from the curves of that moment; NULL: none. */
static const char *stops_again(const struct replay *r, const struct moved *m, const struct study_def *def,
                               const struct history *view)
{
    const struct study *s = r->study;
    struct curve *finished = xcalloc(s->count + 1, sizeof *finished);
    struct str *turned = xcalloc(s->count + 1, sizeof *turned);
    bool *complete = complete_at(r, m->seq);
    int count = 0;
    for (uint32_t n = 1; n <= s->count; n++)
        if (complete[n] && !study_trial(s, n)->is_extra)
            finished[count++] =
                rungs_curve(def, study_trial(s, n), study_trial(s, n)->last_epoch, &turned[n - 1]);
    struct curve mine = rungs_curve(def, study_trial(s, m->trial), m->epoch, &turned[s->count]);
    const char *cause = rungs_verdict(def, view, NULL, m->trial, mine, finished, count);
    for (size_t i = 0; i <= s->count; i++)
        str_fini(&turned[i]);
    free(turned);
    free(finished);
    free(complete);
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
    struct history view;
    int rc = 0;
    history_as_of(&r->study->history, m->seen, &view);
    if (pbt_of(&def->search) && (m->to == TRIAL_waiting || strcmp(m->cause, "pbt") == 0)) {
        rc = check_fate(r, m);
    } else if (strcmp(m->cause, "rung") == 0) {
        rc = check_drop(r, m, def, &view);
    } else if (m->to == TRIAL_waiting) {
        struct asha_job job = prune_next(&def->prune, &view, NULL, m->more);
        if (job.verdict != ASHA_RESUME || job.trial != m->trial || job.until != m->until)
            rc = err_set(r->err, ERR_NO,
                         "%s/%u: stored as promoted to epoch %d, recomputed: trial %u to epoch %d",
                         r->report->study, m->trial, m->until, job.trial, job.until);
        else
            rc = check_rank(r, m, job.rank, job.of);
    } else {
        const char *again = stops_again(r, m, def, &view);
        if (!again || strcmp(again, m->cause) != 0)
            rc = err_set(r->err, ERR_NO, "%s/%u: stored as pruned (%s) at epoch %d, recomputed: %s",
                         r->report->study, m->trial, m->cause, m->epoch, again ? again : "goes on");
    }
    history_fini(&view);
    r->report->moves++;
    return rc;
}
