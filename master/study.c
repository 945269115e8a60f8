#include "master/study.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/study_parts.h"

/* ---- making ---- */

struct study *study_new(struct study_def *def, const char *base, struct err *err)
{
    struct study *s = xcalloc(1, sizeof *s);
    s->ladder = xcalloc(1, sizeof *s->ladder);
    s->finished = xcalloc(1, sizeof *s->finished);
    s->def = *def;
    *def = (struct study_def){0};
    s->sampler = sampler_new(&s->def.search, &s->def.space, s->def.search.seed, err);
    if (!s->sampler) {
        study_free(s);
        return NULL;
    }
    s->base = xstrdup(base);
    return s;
}

static void trial_free(struct trial *t)
{
    point_fini(&t->point);
    free(t->curve);
    free(t->more_curve);
    free(t->fit);
    free(t);
}

void study_free(struct study *s)
{
    if (!s)
        return;
    if (s->proposer)
        proposer_close(s->proposer, s->id);
    for (size_t i = 0; i < s->count; i++)
        trial_free(s->trials[i]);
    free(s->trials);
    history_fini(&s->history);
    ladder_fini(s->ladder);
    free(s->ladder);
    finished_fini(s->finished);
    free(s->finished);
    sampler_free(s->sampler);
    free(s->told_verdict);
    study_def_fini(&s->def);
    free(s->base);
    free(s);
}

struct trial *study_add_trial(struct study *s)
{
    struct trial *t = xcalloc(1, sizeof *t);
    GROW(s->trials, s->room, s->count + 1);
    s->trials[s->count++] = t;
    t->study = s;
    t->number = (uint32_t)s->count;
    t->score = NAN;
    for (int k = 0; k < HISTORY_MORE; k++)
        t->more[k] = NAN;
    point_init(&t->point, &s->def.space);
    return t;
}

struct trial *study_trial(const struct study *s, uint32_t number)
{
    return number >= 1 && number <= s->count ? s->trials[number - 1] : NULL;
}

struct trial *study_trial_of_id(const struct study *s, int64_t id)
{
    /* Trials are added in order, so ids rise with numbers: bisect. */
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (s->trials[mid]->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->count && s->trials[low]->id == id ? s->trials[low] : NULL;
}

/* ---- what is left to do ---- */

void study_count(struct study *s, const struct trial *t, enum trial_status status, int by)
{
    if (t->is_extra)
        s->extra_open += trial_status_is_final(status) ? 0 : by;
    else
        s->counts[status] += by;
}

int64_t study_sampled(const struct study *s)
{
    return (int64_t)s->count - s->extra_count;
}

int64_t study_planned(const struct study *s)
{
    const struct repeat_def *repeat = &s->def.repeat;
    int64_t size = sampler_size(s->sampler), trials = s->def.search.trials;
    if (size > 0)
        size = size * repeat->repeats + (int64_t)repeat->confirm_top * repeat->confirm_seeds;
    /* A cancelled point of a grid is gone, of a random search another one takes its place. */
    if (size >= 0)
        return trials && trials < size ? trials : size;
    return trials ? trials : -1;
}

bool study_has_room(const struct study *s)
{
    int64_t planned = study_planned(s);
    if (planned >= 0)
        planned -= (int64_t)s->def.repeat.confirm_top * s->def.repeat.confirm_seeds;
    int64_t counted = study_sampled(s);
    if (sampler_size(s->sampler) < 0)
        counted -= s->counts[TRIAL_cancelled];
    return planned < 0 || counted < planned;
}

bool study_may_sample(const struct study *s)
{
    return !s->exhausted && study_has_room(s);
}

int study_stage(const struct study *s)
{
    const struct history_box *box = history_box(&s->history);
    return box ? box->stage : 0;
}

bool study_has_ended(const struct study *s)
{
    return s->end_reason[0] != '\0';
}

/* One that failed and is open again, by an edit say, is looked at again. */
bool study_awaits_checks(const struct study *s)
{
    bool due = s->checks == CHECKS_WANTED ? s->checked != CHECKED_PASSED
                                          : s->checks == CHECKS_FORCE && s->checked == CHECKED_NOT;
    return due && !study_has_ended(s);
}

bool study_has_work(const struct study *s)
{
    return !study_has_ended(s) || (s->extra_open && s->wish != WISH_PAUSE);
}

const char *study_state(const struct study *s)
{
    if (study_has_ended(s))
        return "ended";
    if (s->ending[0])
        return "stopping";
    if (s->wish == WISH_PAUSE)
        return "paused";
    if (study_awaits_checks(s))
        return "checking";
    return "running";
}

/* ---- waiting list ---- */

void study_enqueue(struct study *s, struct trial *t, bool front)
{
    t->queue_prev = front ? NULL : s->waiting_last;
    t->queue_next = front ? s->waiting_first : NULL;
    if (t->queue_prev)
        t->queue_prev->queue_next = t;
    else
        s->waiting_first = t;
    if (t->queue_next)
        t->queue_next->queue_prev = t;
    else
        s->waiting_last = t;
}

void study_dequeue(struct study *s, struct trial *t)
{
    if (t->queue_prev)
        t->queue_prev->queue_next = t->queue_next;
    else
        s->waiting_first = t->queue_next;
    if (t->queue_next)
        t->queue_next->queue_prev = t->queue_prev;
    else
        s->waiting_last = t->queue_prev;
    t->queue_prev = t->queue_next = NULL;
}

/* ---- what samplers learn ---- */

void study_use_proposer(struct study *s, struct proposer *proposer)
{
    if (!sampler_is_slow(s->sampler))
        return;
    s->proposer = proposer;
    proposer_open(proposer, s->id, &s->def.search, &s->def.space, s->def.search.seed, &s->history);
}

void study_learn_point(struct study *s, const struct trial *t, const struct proposal *note, uint64_t seq)
{
    const double *fit = note->fit_count ? note->fit : NULL;
    history_add(&s->history, t->number, t->group, &t->point, fit, note->fit_count, seq);
    if (s->proposer)
        proposer_added(s->proposer, s->id, history_find(&s->history, t->number));
}

void study_learn_result(struct study *s, uint32_t trial, const struct history_step *step,
                        const double more[HISTORY_MORE])
{
    history_update(&s->history, trial, step->state, step->pruned, step->epochs, step->score, step->seq);
    history_set_more(&s->history, trial, more);
    if (s->proposer)
        proposer_updated(s->proposer, s->id, history_find(&s->history, trial));
}

void study_learn_until(struct study *s, uint32_t trial, int until, uint64_t seq)
{
    history_set_until(&s->history, trial, until, seq);
    if (s->proposer)
        proposer_until(s->proposer, s->id, history_find(&s->history, trial));
}

void study_learn_box(struct study *s, const struct box *box, int stage, int carried, uint64_t seq)
{
    history_set_box(&s->history, &s->def.space, box, stage, carried, seq);
    if (s->proposer)
        proposer_boxed(s->proposer, s->id, &s->def.space, history_box(&s->history));
}

/* ---- edits ---- */

void study_redefine(struct study *s, struct study_def *def)
{
    struct proposer *proposer = s->proposer;
    struct study_def before = s->def;
    if (proposer)
        proposer_close(proposer, s->id);
    s->proposer = NULL;
    s->asked = s->exhausted = s->course_done = false;
    sampler_free(s->sampler);
    s->def = *def;
    *def = (struct study_def){0};
    s->sampler = sampler_new(&s->def.search, &s->def.space, s->def.search.seed, NULL);
    POST(s->sampler); /* study_def has made one of it already */
    study_def_fini(&before);
    if (proposer)
        study_use_proposer(s, proposer);
}

/* ---- the best ---- */

bool study_prefers(const struct study *s, double a, double b)
{
    if (isnan(a))
        return false;
    return isnan(b) || (s->def.maximize ? a > b : a < b);
}

void study_consider_best(struct study *s, struct trial *t)
{
    if (s->best == t) {
        /* Its own score may have fallen (another attempt replaced epochs): look at all of them. */
        for (size_t i = 0; i < s->count; i++)
            if (!s->trials[i]->is_deleted && !s->trials[i]->is_extra &&
                study_prefers(s, s->trials[i]->score, s->best->score))
                s->best = s->trials[i];
        if (isnan(s->best->score))
            s->best = NULL;
        return;
    }
    if (isnan(t->score) || t->is_deleted || t->is_extra)
        return;
    bool better = !s->best || study_prefers(s, t->score, s->best->score);
    bool tie = s->best && t->score == s->best->score && t->number < s->best->number;
    if (better || tie)
        s->best = t;
}
