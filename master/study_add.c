/* New trials of a study: in memory, in the store, and what samplers learn of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "master/platform.h"
#include "master/search/given.h"
#include "master/search/pbt.h"
#include "master/search/stages.h"
#include "master/study_parts.h"

/* ---- rows ---- */

static void add_rows(struct turn *turn, struct trial *t, const struct proposal *note, const char *given)
{
    const struct space *space = &t->study->def.space;
    struct row_value *values = xcalloc((size_t)space->count, sizeof *values);
    int count = 0;
    for (int i = 0; i < space->count; i++) {
        const struct param *p = &space->params[i];
        struct value v = t->point.v[i];
        if (v.kind == VALUE_OFF)
            continue;
        struct row_value *row = &values[count++];
        row->name = p->name;
        row->is_number = value_as_num(p, v, &row->number);
        row->text = row->is_number ? NULL : value_as_text(p, v);
    }
    struct row_trial row = {
        .study = t->study->id,
        .number = t->number,
        .group = t->group,
        .repeat = t->repeat,
        .status = TRIAL_waiting,
        .seed = t->seed,
        .sampler = note->sampler,
        .sampler_version = note->version,
        .seq_cut = note->seq_cut,
        .why = note->why,
        .platform = platform_here(),
        .fit = t->fit,
        .given = given,
        .until = t->until,
        .epochs = t->epochs,
        .score = NAN,
        .created_ms = t->created_ms,
    };
    store_add_trial(turn->store, &row, values, count);
    t->id = row.id;
    free(values);
}

static char *write_fit(const struct proposal *note)
{
    if (!note->fit_count)
        return NULL;
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_array(&w, NULL);
    for (int i = 0; i < note->fit_count; i++)
        jw_num(&w, NULL, note->fit[i]);
    jw_close_array(&w);
    return str_take(&text);
}

static void note_bracket(struct turn *turn, const struct trial *t)
{
    const struct study *s = t->study;
    const struct hyperband *hb = &s->def.prune.hyperband;
    if (s->def.prune.method != PRUNE_HYPERBAND)
        return;
    struct bracket b = hyperband_bracket(hb, t->number);
    if (b.first_trial != t->number)
        return;
    struct row_bracket row = {.study = s->id,
                              .first_trial = b.first_trial,
                              .round = b.round,
                              .bracket = b.begins,
                              .trials = b.trials,
                              .min_epochs = hb->rungs.epochs[b.begins],
                              .eta = hb->rungs.eta,
                              .epochs = s->def.epochs,
                              .opened_ms = turn->now.wall_ms};
    store_add_bracket(turn->store, &row);
}

/* ---- one more ---- */

/* The epoch after which it is looked at first: the stage's, rung's or generation's, else the full length. */
static int first_until(const struct study *s, uint32_t trial)
{
    const struct stages *stages = stages_of(&s->def.search);
    if (stages)
        return stage_at(stages, study_stage(s)).epochs;
    if (pbt_of(&s->def.search))
        return pbt_first_until(pbt_of(&s->def.search), s->def.epochs);
    return prune_first_until(&s->def.prune, trial, s->def.epochs);
}

/* In memory and in the store, waiting; nobody has learned of it. */
static void put(struct turn *turn, struct trial *t, const struct newcomer *n)
{
    struct study *s = t->study;
    point_copy(&t->point, n->point);
    t->seed = hash_mix(s->def.trainer_seed, (uint64_t)t->repeat) & HONE_SEED_MAX;
    t->created_ms = turn->now.wall_ms;
    t->fit = write_fit(n->note);
    t->status = TRIAL_waiting;
    study_count(s, t, TRIAL_waiting, 1);
    add_rows(turn, t, n->note, n->given);
    study_enqueue(s, t, false);
}

struct trial *study_add(struct turn *turn, struct study *s, const struct newcomer *n)
{
    struct trial *t = study_add_trial(s);
    t->group = n->group ? n->group : t->number;
    t->repeat = n->repeat;
    t->confirms = n->confirms;
    t->is_extra = n->is_extra;
    t->epochs = n->is_extra ? n->until : s->def.epochs;
    t->until = n->until ? n->until : first_until(s, t->number);
    s->extra_count += t->is_extra;
    put(turn, t, n);
    if (t->is_extra)
        return t;
    study_learn_point(s, t, n->note, store_seq(turn->store));
    study_learn_until(s, t->number, t->until, store_seq(turn->store));
    note_bracket(turn, t);
    return t;
}

/* ---- points that somebody names ---- */

int study_takes_points(const struct study *s, struct err *err)
{
    const struct pbt *pbt = pbt_of(&s->def.search);
    if (sampler_size(s->sampler) >= 0)
        err_set(err, ERR_NO, "study \"%s\": a grid visits its own points and no others", s->def.name);
    else if (pbt && s->count >= (size_t)pbt->population)
        err_set(err, ERR_NO, "study \"%s\" has its population of %d: whoever comes later has no place in it",
                s->def.name, pbt->population);
    else
        return 0;
    return err_hint(
        err,
        "another study takes it: its file with another \"study\", \"method\": \"random\" and the point in "
        "\"enqueue\"");
}

static int has_place(const struct study *s, struct err *err)
{
    if (study_takes_points(s, err))
        return ERR_NO;
    if (!study_may_sample(s)) {
        err_set(err, ERR_NO, "study \"%s\" has all its %lld trials", s->def.name,
                (long long)study_planned(s));
        return err_hint(err, "hone edit %s --set search.trials=%lld makes room", s->def.name,
                        (long long)study_planned(s) + 1);
    }
    return 0;
}

int study_add_given(struct turn *turn, struct study *s, const struct jcur *given, const char *who,
                    struct trial **out, struct err *err)
{
    int rc = has_place(s, err);
    if (rc)
        return rc;
    struct proposal note = {.sampler = "enqueued", .version = 1, .seq_cut = s->history.seq};
    struct point point;
    struct str text = {0};
    point_init(&point, &s->def.space);
    rc = given_point(&s->def.space, &s->history, s->def.search.seed, (uint32_t)s->count + 1, given, &point,
                     err);
    if (!rc) {
        size_t named = json_count(given->node);
        json_print(given->node, &text);
        snprintf(note.why, sizeof note.why, "%zu of %d parameters named by %.60s", named, s->def.space.count,
                 who);
        struct newcomer newcomer = {.point = &point, .note = &note, .given = str_text(&text)};
        struct trial *t = study_add(turn, s, &newcomer);
        if (out)
            *out = t;
    }
    str_fini(&text);
    point_fini(&point);
    return rc;
}
