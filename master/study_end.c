/* The accounting of a study's budget, and its end. */
#include <math.h>
#include <string.h>

#include "master/course.h"
#include "master/extra.h"
#include "master/rungs.h"
#include "master/search/pbt.h"
#include "master/search/stages.h"
#include "master/study_parts.h"

enum { SAVE_WALL_EVERY_MS = 1000 };

void study_begin_end(struct turn *turn, struct study *s, const char *reason)
{
    str_copy(s->ending, sizeof s->ending, reason);
    const char *cause = strcmp(reason, "stopped") == 0 ? "stopped" : "budget";
    if (strcmp(reason, "stopped") == 0)
        extra_stop(turn, s);
    for (size_t i = 0; i < s->count; i++) {
        struct trial *t = s->trials[i];
        if (t->is_extra)
            continue;
        if (t->status == TRIAL_waiting)
            trial_move(turn, t, TRIAL_cancelled, cause, NULL);
        else if (t->status == TRIAL_running)
            trial_stop(turn, t, STOP_EPOCH, cause);
        else if (t->status == TRIAL_paused)
            trial_move(turn, t, TRIAL_pruned, cause, NULL);
    }
}

/* With repeats a target is a mean's: one lucky seed does not reach it. */
static bool target_reached(const struct study *s)
{
    double target = s->def.budget.target;
    if (!isnan(target) && s->def.repeat.repeats > 1) {
        double mean = repeat_best_mean(&s->def.repeat, &s->history);
        return mean >= (s->def.maximize ? target : -target);
    }
    return !isnan(target) && s->best && !study_prefers(s, target, s->best->score);
}

/* The first budget that is reached, NULL: none. */
static const char *budget_reached(const struct study *s)
{
    const struct budget *b = &s->def.budget;
    if (s->wish == WISH_STOP)
        return "stopped";
    if (target_reached(s))
        return "target";
    if (b->failed && s->counts[TRIAL_failed] >= b->failed)
        return "failed";
    if (b->epochs && s->epochs_done >= b->epochs)
        return "epochs";
    if (b->wall_ms && s->wall_used_ms >= b->wall_ms)
        return "wall";
    if (b->slot_ms && s->slot_used_ms >= b->slot_ms)
        return "slot_hours";
    return NULL;
}

/* Attempts of the search. */
static int64_t open_in_search(const struct study *s)
{
    int64_t open = s->open_count;
    for (size_t i = 0; i < s->count && s->extra_count; i++)
        open -= s->trials[i]->is_extra && s->trials[i]->is_open;
    return open;
}

static void count_time(struct turn *turn, struct study *s)
{
    int64_t now = turn->now.mono_ms, passed = s->counted_mono_ms ? now - s->counted_mono_ms : 0;
    s->counted_mono_ms = now;
    if (s->wish == WISH_RUN)
        s->wall_used_ms += passed;
    s->slot_used_ms += passed * open_in_search(s);
    if (s->wall_used_ms - s->saved_wall_ms < SAVE_WALL_EVERY_MS)
        return;
    s->saved_wall_ms = s->wall_used_ms;
    store_study_used(turn->store, s->id, s->wall_used_ms, s->slot_used_ms);
}

static void end_now(struct turn *turn, struct study *s)
{
    const char *reason = s->ending[0]                                    ? s->ending
                         : s->exhausted || sampler_size(s->sampler) >= 0 ? "exhausted"
                                                                         : "trials";
    const char *given_up = stages_of(&s->def.search) ? "stage" : pbt_of(&s->def.search) ? "pbt" : "rung";
    for (size_t i = 0; i < s->count; i++)
        if (s->trials[i]->status == TRIAL_paused)
            trial_move(turn, s->trials[i], TRIAL_pruned, given_up, NULL);
    str_copy(s->end_reason, sizeof s->end_reason, reason);
    s->ended_ms = turn->now.wall_ms;
    store_study_used(turn->store, s->id, s->wall_used_ms, s->slot_used_ms);
    store_study_ended(turn->store, s->id, reason, s->ended_ms);
}

/* When the time budgets will be reached if nothing changes. */
static int64_t time_deadline(const struct study *s, int64_t now)
{
    int64_t deadline = INT64_MAX;
    const struct budget *b = &s->def.budget;
    if (b->wall_ms && s->wish == WISH_RUN && b->wall_ms > s->wall_used_ms)
        deadline = now + b->wall_ms - s->wall_used_ms;
    int64_t open = open_in_search(s);
    if (b->slot_ms && open && b->slot_ms > s->slot_used_ms) {
        int64_t slot_deadline = now + (b->slot_ms - s->slot_used_ms) / open + 1;
        deadline = slot_deadline < deadline ? slot_deadline : deadline;
    }
    return deadline;
}

int64_t study_tick(struct turn *turn, struct study *s)
{
    if (study_has_ended(s))
        return INT64_MAX;
    count_time(turn, s);
    if (!s->ending[0]) {
        const char *reason = budget_reached(s);
        if (reason)
            study_begin_end(turn, s, reason);
    }
    if (!s->ending[0] && course_step(turn, s))
        return turn->now.mono_ms; /* there may be something to start now */
    bool quiet = !s->counts[TRIAL_waiting] && !s->counts[TRIAL_running] && !open_in_search(s);
    bool through =
        !study_may_sample(s) && !rungs_has_promotion(s) && !study_repeat_is_due(s) && s->wish == WISH_RUN;
    if (quiet && through && !s->ending[0] && study_confirm(turn, s))
        return turn->now.mono_ms;
    if (quiet && (s->ending[0] || through))
        end_now(turn, s);
    return study_has_ended(s) ? INT64_MAX : time_deadline(s, turn->now.mono_ms);
}

void study_reopen(struct turn *turn, struct study *s)
{
    s->ending[0] = s->end_reason[0] = '\0';
    s->ended_ms = 0;
    s->counted_mono_ms = turn->now.mono_ms;
    store_study_reopened(turn->store, s->id);
}
