/* Where the trials of a study come from: the waiting list, promotions, repeats, the sampler. */
#include <math.h>
#include <stdio.h>

#include "master/rungs.h"
#include "master/study_parts.h"

/* ---- the next point ---- */

static void propose_here(struct study *s, struct proposed *out)
{
    out->trial = (uint32_t)s->count + 1;
    point_init(&out->point, &s->def.space);
    out->rc = sampler_propose(s->sampler, &s->history, out->trial, &out->point, &out->note, &out->err);
}

/* The next point, if it is there; else the proposer is asked for it. A point for a number that was taken meanwhile
 * (something was enqueued) is thrown away. */
static bool propose(struct study *s, struct proposed *out)
{
    *out = (struct proposed){0};
    if (!s->proposer) {
        propose_here(s, out);
        return true;
    }
    bool is_there = s->asked && proposer_take(s->proposer, s->id, out);
    s->asked = s->asked && !is_there;
    if (is_there && out->trial == s->count + 1)
        return true;
    if (is_there)
        point_fini(&out->point);
    if (!s->asked)
        proposer_ask(s->proposer, s->id, (uint32_t)s->count + 1);
    s->asked = true;
    return false;
}

static struct trial *sample(struct turn *turn, struct study *s)
{
    struct proposed proposed;
    if (!propose(s, &proposed))
        return NULL;
    struct proposal note = proposed.note;
    if (proposed.rc) {
        point_fini(&proposed.point);
        s->exhausted = s->exhausted || proposed.rc == ERR_GONE;
        return NULL;
    }
    struct trial *t = study_add(turn, s, &(struct newcomer){.point = &proposed.point, .note = &note});
    point_fini(&proposed.point);
    return t;
}

/* ---- repeats ---- */

static struct trial *repeat_one(struct turn *turn, struct study *s)
{
    struct repeat_job job;
    if (!study_has_room(s) || !repeat_next(&s->def.repeat, &s->history, &job))
        return NULL;
    struct proposal note = {.sampler = "repeat", .version = 1, .seq_cut = s->history.seq};
    int len =
        snprintf(note.why, sizeof note.why, "repeat %d of %d of trial %u: mean %.6g so far", job.repeat + 1,
                 s->def.repeat.repeats, job.group, s->def.maximize ? job.mean : -job.mean);
    if (isfinite(job.bar))
        snprintf(note.why + len, sizeof note.why - (size_t)len, ", the bar is %.6g",
                 s->def.maximize ? job.bar : -job.bar);
    struct newcomer again = {
        .point = &study_trial(s, job.group)->point, .note = &note, .group = job.group, .repeat = job.repeat};
    return study_add(turn, s, &again);
}

bool study_repeat_is_due(const struct study *s)
{
    struct repeat_job job;
    return study_has_room(s) && repeat_next(&s->def.repeat, &s->history, &job);
}

/* Nothing new has been sampled since. */
static bool is_confirmed(const struct study *s)
{
    size_t newest = s->count;
    while (newest && s->trials[newest - 1]->is_extra)
        newest--;
    return newest && s->trials[newest - 1]->confirms;
}

bool study_confirm(struct turn *turn, struct study *s)
{
    if (is_confirmed(s))
        return false;
    struct confirm_job jobs[CONFIRM_MOST];
    uint64_t cut = s->history.seq;
    int count = confirm_groups(&s->def.repeat, &s->history, jobs);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < s->def.repeat.confirm_seeds; k++) {
            struct proposal note = {.sampler = CONFIRM_SAMPLER, .version = 1, .seq_cut = cut};
            snprintf(note.why, sizeof note.why, "trial %u again: rank %d with mean %.6g, to be confirmed",
                     jobs[i].group, jobs[i].rank, s->def.maximize ? jobs[i].mean : -jobs[i].mean);
            struct newcomer again = {.point = &study_trial(s, jobs[i].group)->point,
                                     .note = &note,
                                     .group = jobs[i].group,
                                     .repeat = jobs[i].repeat + k,
                                     .confirms = true,
                                     .until = s->def.epochs};
            study_add(turn, s, &again);
        }
    return count > 0;
}

/* ---- what starts next ---- */

bool study_awaits_file(const struct trial *t, int64_t now_mono_ms)
{
    const struct trial *parent = t->parent && !t->last_epoch ? study_trial(t->study, t->parent) : NULL;
    bool comes = parent && parent->status != TRIAL_running && parent->wait_until_mono_ms > now_mono_ms;
    return comes || t->wait_until_mono_ms > now_mono_ms;
}

static bool search_goes_on(const struct study *s)
{
    return !study_has_ended(s) && !s->ending[0] && s->wish == WISH_RUN && !study_awaits_checks(s);
}

struct trial *study_next(struct turn *turn, struct study *s, int64_t worker)
{
    bool searches = search_goes_on(s), extras = s->extra_open && s->wish != WISH_PAUSE;
    if (!searches && !extras)
        return NULL;
    if (s->def.search.parallel && s->open_count >= s->def.search.parallel)
        return NULL;
    /* A trial whose older attempt a worker is still winding up waits for its end: the slot is not free yet. */
    for (struct trial *t = s->waiting_first; t; t = t->queue_next)
        if ((t->is_extra ? extras : searches) && !t->holder && !study_awaits_file(t, turn->now.mono_ms) &&
            (!worker || t->failed_on != worker))
            return t;
    if (!searches)
        return NULL;
    struct trial *promoted = rungs_promote(turn, s);
    if (promoted)
        return promoted;
    struct trial *again = repeat_one(turn, s);
    if (again)
        return again;
    return study_may_sample(s) ? sample(turn, s) : NULL;
}
