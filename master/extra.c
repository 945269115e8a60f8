#include "master/extra.h"

#include <math.h>
#include <stdio.h>

#include "common/check.h"

static bool is_alive(const struct trial *t)
{
    return !t->is_deleted && t->status != TRIAL_failed && t->status != TRIAL_cancelled &&
           t->status != TRIAL_pruned;
}

static int check(const struct study *s, const struct trial *t, struct err *err)
{
    if (s->def.repeat.folds) {
        err_set(err, ERR_NO, "study \"%s\" repeats by folds: its repeats validate on other samples",
                s->def.name);
        return err_hint(err, "an ensemble needs members that validate on the same ones");
    }
    if (t->is_deleted || isnan(t->score))
        return err_set(err, ERR_NO, "trial %s/%u has no score: there is nothing to train again", s->def.name,
                       t->number);
    return 0;
}

static void train_again(struct turn *turn, struct study *s, const struct trial *first, int epochs, int repeat,
                        const char *who)
{
    struct proposal note = {.sampler = EXTRA_SAMPLER, .version = 1, .seq_cut = s->history.seq};
    snprintf(note.why, sizeof note.why, "trial %u again with another seed, for an ensemble of %.60s's",
             first->number, who);
    struct newcomer again = {.point = &first->point,
                             .note = &note,
                             .group = first->number,
                             .repeat = repeat,
                             .until = epochs,
                             .is_extra = true};
    study_add(turn, s, &again);
}

int extra_add(struct turn *turn, const struct trial *t, int seeds, const char *who, int *added,
              struct err *err)
{
    struct study *s = t->study;
    uint32_t group = t->group;
    int alive = 0, repeat = EXTRA_REPEAT - 1;
    PRE(seeds >= 1 && seeds <= EXTRA_MOST);
    *added = 0;
    int rc = check(s, t, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < s->count; i++) {
        const struct trial *of = s->trials[i];
        if (of->group != group)
            continue;
        alive += of->repeat && is_alive(of);
        repeat = of->repeat > repeat ? of->repeat : repeat;
    }
    for (; alive < seeds; alive++, ++*added)
        train_again(turn, s, study_trial(s, group), t->epochs, ++repeat, who);
    return 0;
}

void extra_stop(struct turn *turn, struct study *s)
{
    for (size_t i = 0; i < s->count && s->extra_open; i++) {
        struct trial *t = s->trials[i];
        if (t->is_extra && t->status == TRIAL_waiting)
            trial_move(turn, t, TRIAL_cancelled, "stopped", NULL);
        else if (t->is_extra && t->status == TRIAL_running)
            trial_stop(turn, t, STOP_EPOCH, "stopped");
    }
}
