#include "master/study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/study_parts.h"
#include "master/warm.h"

/* ---- making ---- */

struct study *study_new(struct study_def *def, const char *base, struct err *err)
{
    struct study *s = xcalloc(1, sizeof *s);
    s->ladder = xcalloc(1, sizeof *s->ladder);
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
    sampler_free(s->sampler);
    free(s->told_verdict);
    study_def_fini(&s->def);
    free(s->base);
    free(s);
}

static const char *dist_name(const struct param *param)
{
    switch (param->dist) {
    case DIST_UNIFORM: return "uniform";
    case DIST_LOG: return "log";
    case DIST_LOGIT: return "logit";
    case DIST_INT:
    case DIST_INT_LOG: return "int";
    case DIST_VALUES: return "values";
    case DIST_CHOICE: return "choice";
    }
    return "unknown";
}

static int add_study_rows(struct turn *turn, struct study *s, struct err *err)
{
    struct str definition = {0};
    json_print(s->def.json, &definition);
    struct row_study row = {
        .name = s->def.name,
        .definition = str_text(&definition),
        .base = s->base,
        .seed = s->def.search.seed,
        .wish = WISH_RUN,
        .priority = s->def.priority,
        .weight = s->def.weight,
        .checks = s->checks,
        .created_ms = turn->now.wall_ms,
    };
    const struct json *space = json_get(s->def.json, "space");
    int count = s->def.space.count;
    struct row_study_param *params = xcalloc((size_t)count, sizeof *params);
    struct str *texts = xcalloc((size_t)count, sizeof *texts);
    for (int i = 0; i < count; i++) {
        const struct param *p = &s->def.space.params[i];
        json_print(json_get(space, p->name), &texts[i]);
        params[i] = (struct row_study_param){p->name, dist_name(p), str_text(&texts[i])};
    }
    int rc = store_add_study(turn->store, &row, params, count, s->def.metric, s->def.maximize, err);
    s->id = row.id;
    s->created_ms = turn->now.wall_ms;
    for (int i = 0; i < count; i++)
        str_fini(&texts[i]);
    free(texts);
    free(params);
    str_fini(&definition);
    return rc;
}

/* All that may be refused comes before the first row. */
int study_create(struct turn *turn, struct study *s, struct err *err)
{
    struct warm *warm;
    int rc = warm_read(turn, s, &warm, err);
    if (!rc)
        rc = add_study_rows(turn, s, err);
    if (!rc)
        rc = warm_write(turn, s, warm, err);
    if (!rc)
        study_add_file_points(turn, s);
    warm_free(warm);
    return rc;
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

/* ---- what is next ---- */

struct trial *study_trial(const struct study *s, uint32_t number)
{
    return number >= 1 && number <= s->count ? s->trials[number - 1] : NULL;
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
        proposer_added(s->proposer, s->id, t->number, t->group, &t->point, fit, note->fit_count, seq);
}

void study_learn_result(struct study *s, uint32_t trial, enum history_state state, bool pruned, int epochs,
                        double score, const double more[HISTORY_MORE], uint64_t seq)
{
    history_update(&s->history, trial, state, pruned, epochs, score, seq);
    history_set_more(&s->history, trial, more);
    if (s->proposer)
        proposer_updated(s->proposer, s->id, trial, state, pruned, epochs, score, more, seq);
}

void study_learn_until(struct study *s, uint32_t trial, int until, uint64_t seq)
{
    history_set_until(&s->history, trial, until, seq);
    if (s->proposer)
        proposer_until(s->proposer, s->id, trial, until, seq);
}

void study_learn_box(struct study *s, const struct box *box, int stage, int carried, uint64_t seq)
{
    history_set_box(&s->history, &s->def.space, box, stage, carried, seq);
    if (s->proposer)
        proposer_boxed(s->proposer, s->id, &s->def.space, box, stage, carried, seq);
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

void study_lengthen(struct turn *turn, struct trial *t)
{
    const struct study *s = t->study;
    bool through = t->status == TRIAL_complete && t->last_epoch >= t->until && t->until == t->epochs;
    bool before_it = t->status == TRIAL_waiting && t->until == t->epochs;
    if (t->epochs >= s->def.epochs || s->ending[0] || t->is_deleted || t->is_extra || !(through || before_it))
        return;
    t->epochs = t->until = s->def.epochs;
    trial_save_progress(turn, t);
    if (through)
        trial_move(turn, t, TRIAL_waiting, "edit", NULL);
}

/* ---- the best ---- */

void study_consider_best(struct study *s, struct trial *t)
{
    if (s->best == t) {
        /* Its own score may have fallen (another attempt replaced epochs): look at all of them. */
        for (size_t i = 0; i < s->count; i++)
            if (!s->trials[i]->is_deleted && !s->trials[i]->is_extra &&
                metric_better(s->def.maximize, s->trials[i]->score, s->best->score))
                s->best = s->trials[i];
        if (isnan(s->best->score))
            s->best = NULL;
        return;
    }
    if (isnan(t->score) || t->is_deleted || t->is_extra)
        return;
    bool better = !s->best || metric_better(s->def.maximize, t->score, s->best->score);
    bool tie = s->best && t->score == s->best->score && t->number < s->best->number;
    if (better || tie)
        s->best = t;
}
