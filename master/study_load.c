/* A study out of its rows. */
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "master/course.h"
#include "master/extra.h"
#include "master/findings.h"
#include "master/population.h"
#include "master/study_parts.h"
#include "master/warm.h"
#include "sql/store_load.h"

enum {
    EPOCHS_LIKELY = 1 << 20
}; /* an edit may have shortened a training; memory grows with the highest epoch */

/* "[0.1,2.5]": how many numbers there were; 0 if the proposal came from no model. */
static int read_fit(const char *text, double fit[FIT_MAX], struct err *err)
{
    struct json *list = text ? json_parse(text, strlen(text), "fit", err) : NULL;
    int count = 0;
    for (const struct json *n = list ? json_first(list) : NULL; n && count < FIT_MAX; n = json_next(n))
        fit[count++] = json_num(n);
    json_free(list);
    return count;
}

struct loading {
    struct study *study;
    struct turn *turn;
    int64_t orphan_until_mono_ms;
    struct err *err;
};

static bool read_value(const struct space *space, const struct row_value *row, struct point *point)
{
    int i = space_find(space, row->name);
    if (i < 0)
        return false;
    const struct param *p = &space->params[i];
    return row->is_number ? value_from_num(p, row->number, &point->v[i])
                          : value_from_text(p, row->text, &point->v[i]);
}

static int no_value(const struct loading *loading, const struct row_trial *row, const struct row_value *value)
{
    if (value->is_number)
        return err_set(loading->err, ERR_BAD, "param.value: trial %u: %g is no value of %s", row->number,
                       value->number, value->name);
    return err_set(loading->err, ERR_BAD, "param.value: trial %u: \"%.80s\" is no value of %s", row->number,
                   value->text, value->name);
}

static int load_trial(void *arg, const struct row_trial *row, const struct row_value *values, int count)
{
    const struct loading *loading = arg;
    struct study *s = loading->study;
    if (row->number != s->count + 1)
        return err_set(loading->err, ERR_BAD, "trial.number: after trial %zu comes trial %u", s->count,
                       row->number);
    struct trial *t = study_add_trial(s);
    for (int i = 0; i < count; i++)
        if (!read_value(&s->def.space, &values[i], &t->point))
            return no_value(loading, row, &values[i]);
    t->id = row->id;
    t->group = row->group;
    t->repeat = row->repeat;
    t->status = row->status;
    snprintf(t->cause, sizeof t->cause, "%s", row->cause ? row->cause : "");
    t->seed = row->seed;
    t->attempt = row->attempt;
    t->until = row->until;
    t->epochs = row->epochs;
    t->own_failures = row->own_failures;
    t->lost_on = row->lost_on;
    t->created_ms = row->created_ms;
    t->started_ms = row->started_ms;
    t->ended_ms = row->ended_ms;
    t->fit = row->fit ? xstrdup(row->fit) : NULL;
    t->confirms = strcmp(row->sampler, CONFIRM_SAMPLER) == 0;
    t->is_extra = strcmp(row->sampler, EXTRA_SAMPLER) == 0;
    s->extra_count += t->is_extra;
    return 0;
}

/* {"until":3} in the detail of an event; 0: it says nothing of the kind. */
static int read_until(const char *detail)
{
    if (!detail || !strstr(detail, "\"until\""))
        return 0;
    struct json *json = json_parse(detail, strlen(detail), "detail", NULL);
    int until = json ? (int)json_num(json_get(json, "until")) : 0;
    json_free(json);
    return until;
}

/* The study lives through its rows again, in the order of seq, so that what the samplers know after a restart is
 * what they knew before it, step by step. */
static int load_log(void *arg, const struct row_log *row)
{
    const struct loading *loading = arg;
    struct study *s = loading->study;
    if (row->walls)
        return course_load_box(s, row)
                   ? err_set(loading->err, ERR_BAD, "box.walls: seq %llu: they are not those of this space",
                             (unsigned long long)row->seq)
                   : 0;
    struct trial *t = study_trial_of_id(s, row->trial);
    if (!t)
        return ERR_BAD;
    if (row->epoch < 0 || (row->epoch > t->epochs && row->epoch > EPOCHS_LIKELY))
        return err_set(loading->err, ERR_BAD, "epoch.epoch: trial %u has no epoch %d", t->number, row->epoch);
    if (row->epoch) {
        s->epochs_done += row->epoch > t->last_epoch && !t->is_extra;
        trial_note_epoch(t, row->epoch, row->value, row->more);
        trial_rescore(t);
    } else {
        t->status = row->to_status;
        snprintf(t->cause, sizeof t->cause, "%s", row->cause ? row->cause : "");
        t->is_deleted = t->is_deleted || strcmp(t->cause, "deleted") == 0;
    }
    if (t->is_extra)
        return 0; /* samplers know nothing of it */
    if (!history_find(&s->history, t->number)) {
        struct err ignored = ERR_NONE;
        double fit[FIT_MAX];
        int count = read_fit(t->fit, fit, &ignored);
        history_add(&s->history, t->number, t->group, &t->point, count ? fit : NULL, count, row->seq);
    } else {
        trial_tell_history(t, row->seq);
    }
    int until = read_until(row->detail);
    if (until)
        study_learn_until(s, t->number, until, row->seq);
    return 0;
}

static int load_attempt(void *arg, const struct row_attempt *row)
{
    struct loading *loading = arg;
    struct trial *t = study_trial_of_id(loading->study, row->trial);
    if (!t)
        return ERR_BAD;
    if (row->attempt != t->attempt)
        return 0; /* an older one that was never told its end: fenced */
    str_copy(t->token, sizeof t->token,
             row->token); /* whatever became of it: late words of it are known by that */
    if (row->outcome)
        return 0;
    t->is_open = true;
    t->attempt_started_ms = row->started_ms;
    t->orphan_until_mono_ms = loading->orphan_until_mono_ms;
    loading->study->open_count++;
    return 0;
}

/* In the order in which they stand on one another. */
static int load_rows(struct loading *loading, const char **table)
{
    struct study *s = loading->study;
    struct store *store = loading->turn->store;
    struct err *err = loading->err;
    int rc = store_load_trials(store, s->id, load_trial, loading, err);
    if (!rc)
        *table = "warm", rc = warm_load(store, s, err);
    if (!rc)
        *table = "trial_lineage", rc = population_load(store, s, err);
    if (!rc)
        *table = "trial_event", rc = store_load_log(store, s->id, load_log, loading, err);
    if (!rc)
        *table = "attempt", rc = store_load_attempts(store, s->id, load_attempt, loading, err);
    if (!rc)
        *table = "epoch_metric", rc = findings_load(loading->turn, s, err);
    return rc;
}

int study_load(struct turn *turn, struct study *s, int64_t orphan_until_mono_ms, struct err *err)
{
    struct err why = ERR_NONE;
    const char *table = "trial";
    struct loading loading = {s, turn, orphan_until_mono_ms, &why};
    int rc = load_rows(&loading, &table);
    if (rc && !why.code)
        err_set(&why, ERR_BAD, "%s: its rows do not fit together", table);
    if (rc && err)
        *err = why;
    if (rc)
        return rc;
    s->looked_at = (size_t)store_last_look(turn->store, s->id);
    s->kept_bytes = store_kept_bytes(turn->store, s->id);
    for (size_t i = 0; i < s->count; i++) {
        struct trial *t = s->trials[i];
        study_count(s, t, t->status, 1);
        if (t->status == TRIAL_waiting)
            study_enqueue(s, t, false);
        study_consider_best(s, t);
    }
    return 0;
}
