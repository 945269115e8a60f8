#include "master/study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/checks.h"
#include "master/course.h"
#include "master/platform.h"
#include "master/roster.h"
#include "master/search/given.h"
#include "master/search/stages.h"
#include "master/warm.h"

enum { SAVE_WALL_EVERY_MS = 1000 };

/* ---- making, loading ---- */

struct study *study_new(struct study_def *def, const char *base, struct err *err)
{
    struct study *s = xcalloc(1, sizeof *s);
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

static void add_file_points(struct turn *turn, struct study *s);

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
        add_file_points(turn, s);
    warm_free(warm);
    return rc;
}

static struct trial *add_trial(struct study *s)
{
    struct trial *t = xcalloc(1, sizeof *t);
    GROW(s->trials, s->room, s->count + 1);
    s->trials[s->count++] = t;
    t->study = s;
    t->number = (uint32_t)s->count;
    t->score = NAN;
    point_init(&t->point, &s->def.space);
    return t;
}

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

struct loading {
    struct study *study;
    struct turn *turn;
    int64_t orphan_until_mono_ms;
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

static int load_trial(void *arg, const struct row_trial *row, const struct row_value *values, int count)
{
    struct study *s = ((struct loading *)arg)->study;
    if (row->number != s->count + 1)
        return ERR_BAD; /* numbers have no gaps */
    struct trial *t = add_trial(s);
    for (int i = 0; i < count; i++)
        if (!read_value(&s->def.space, &values[i], &t->point))
            return ERR_BAD;
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
    return 0;
}

static struct trial *trial_of_id(const struct study *s, int64_t id)
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
    struct study *s = ((struct loading *)arg)->study;
    if (row->walls)
        return course_load_box(s, row);
    struct trial *t = trial_of_id(s, row->trial);
    if (!t)
        return ERR_BAD;
    if (row->epoch) {
        s->epochs_done += row->epoch > t->last_epoch;
        trial_note_epoch(t, row->epoch, row->value);
        trial_rescore(t);
    } else {
        t->status = row->to_status;
        snprintf(t->cause, sizeof t->cause, "%s", row->cause ? row->cause : "");
        t->is_deleted = t->is_deleted || strcmp(t->cause, "deleted") == 0;
    }
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
    struct trial *t = trial_of_id(loading->study, row->trial);
    if (!t)
        return ERR_BAD;
    if (row->attempt != t->attempt)
        return 0; /* an older one that was never told its end: fenced */
    str_copy(t->token, sizeof t->token, row->token);
    t->is_open = true;
    t->attempt_started_ms = row->started_ms;
    t->orphan_until_mono_ms = loading->orphan_until_mono_ms;
    loading->study->open_count++;
    return 0;
}

int study_load(struct turn *turn, struct study *s, int64_t orphan_until_mono_ms, struct err *err)
{
    struct loading loading = {s, turn, orphan_until_mono_ms};
    int rc = store_load_trials(turn->store, s->id, load_trial, &loading, err);
    if (!rc)
        rc = warm_load(turn->store, s, err);
    if (!rc)
        rc = store_load_log(turn->store, s->id, load_log, &loading, err);
    if (!rc)
        rc = store_load_attempts(turn->store, s->id, load_attempt, &loading, err);
    if (rc) {
        if (err && !err->code)
            err_set(err, ERR_BAD, "study \"%s\": its rows do not fit together", s->def.name);
        return rc;
    }
    s->looked_at = (size_t)store_last_look(turn->store, s->id);
    s->kept_bytes = store_kept_bytes(turn->store, s->id);
    for (size_t i = 0; i < s->count; i++) {
        struct trial *t = s->trials[i];
        s->counts[t->status]++;
        if (t->status == TRIAL_waiting)
            study_enqueue(s, t, false);
        study_consider_best(s, t);
    }
    return 0;
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

int64_t study_planned(const struct study *s)
{
    int64_t size = sampler_size(s->sampler), trials = s->def.search.trials;
    size = size > 0 ? size * s->def.repeat.repeats : size;
    /* A cancelled point of a grid is gone, of a random search another one takes its place. */
    if (size >= 0)
        return trials && trials < size ? trials : size;
    return trials ? trials : -1;
}

/* Trials that may still be made, those kept for the confirmation apart. */
static bool has_room(const struct study *s)
{
    int64_t planned = study_planned(s);
    if (planned >= 0)
        planned -= (int64_t)s->def.repeat.confirm_top * s->def.repeat.confirm_seeds;
    int64_t counted = (int64_t)s->count;
    if (sampler_size(s->sampler) < 0)
        counted -= s->counts[TRIAL_cancelled];
    return planned < 0 || counted < planned;
}

static bool may_sample(const struct study *s)
{
    return !s->exhausted && has_room(s);
}

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
                        double score, uint64_t seq)
{
    history_update(&s->history, trial, state, pruned, epochs, score, seq);
    if (s->proposer)
        proposer_updated(s->proposer, s->id, trial, state, pruned, epochs, score, seq);
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

static struct trial *new_trial(struct turn *turn, struct study *s, const struct point *point,
                               const struct proposal *note, const char *given, uint32_t group, int repeat)
{
    struct trial *t = add_trial(s);
    point_copy(&t->point, point);
    t->group = group ? group : t->number;
    t->repeat = repeat;
    t->seed = hash_mix(s->def.trainer_seed, (uint64_t)t->repeat) & HONE_SEED_MAX;
    t->epochs = s->def.epochs;
    t->until = course_until(s);
    t->created_ms = turn->now.wall_ms;
    t->fit = write_fit(note);
    t->status = TRIAL_waiting;
    s->counts[TRIAL_waiting]++;
    add_rows(turn, t, note, given);
    study_enqueue(s, t, false);
    study_learn_point(s, t, note, store_seq(turn->store));
    study_learn_until(s, t->number, t->until, store_seq(turn->store));
    return t;
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
    struct trial *t = new_trial(turn, s, &proposed.point, &note, NULL, 0, 0);
    point_fini(&proposed.point);
    return t;
}

/* ---- points that somebody names ---- */

int study_add_given(struct turn *turn, struct study *s, const struct jcur *given, const char *who,
                    struct trial **out, struct err *err)
{
    if (sampler_size(s->sampler) >= 0 || !may_sample(s)) {
        if (sampler_size(s->sampler) >= 0)
            return err_set(err, ERR_NO, "study \"%s\": a grid visits its own points and no others",
                           s->def.name);
        err_set(err, ERR_NO, "study \"%s\" has all its %lld trials", s->def.name,
                (long long)study_planned(s));
        return err_hint(err, "hone edit %s --set search.trials=%lld makes room", s->def.name,
                        (long long)study_planned(s) + 1);
    }
    struct proposal note = {.sampler = "enqueued", .version = 1, .seq_cut = s->history.seq};
    struct point point;
    struct str text = {0};
    point_init(&point, &s->def.space);
    int rc = given_point(&s->def.space, &s->history, s->def.search.seed, (uint32_t)s->count + 1, given,
                         &point, err);
    if (!rc) {
        size_t named = json_count(given->node);
        json_print(given->node, &text);
        snprintf(note.why, sizeof note.why, "%zu of %d parameters named by %.60s", named, s->def.space.count,
                 who);
        struct trial *t = new_trial(turn, s, &point, &note, str_text(&text), 0, 0);
        if (out)
            *out = t;
    }
    str_fini(&text);
    point_fini(&point);
    return rc;
}

static void add_file_points(struct turn *turn, struct study *s)
{
    struct jcur root = jcur_root(s->def.json, s->def.name), list = jcur_get(&root, "enqueue");
    for (const struct json *n = jcur_has(&list) ? json_first(list.node) : NULL; n; n = json_next(n)) {
        struct jcur given = jcur_of(&list, n);
        int rc = study_add_given(turn, s, &given, "the study file", NULL, NULL);
        POST(!rc); /* study_def has looked at each */
    }
}

/* ---- repeats ---- */

static struct trial *repeat_one(struct turn *turn, struct study *s)
{
    struct repeat_job job;
    if (!has_room(s) || !repeat_next(&s->def.repeat, &s->history, &job))
        return NULL;
    struct proposal note = {.sampler = "repeat", .version = 1, .seq_cut = s->history.seq};
    int len =
        snprintf(note.why, sizeof note.why, "repeat %d of %d of trial %u: mean %.6g so far", job.repeat + 1,
                 s->def.repeat.repeats, job.group, s->def.maximize ? job.mean : -job.mean);
    if (isfinite(job.bar))
        snprintf(note.why + len, sizeof note.why - (size_t)len, ", the bar is %.6g",
                 s->def.maximize ? job.bar : -job.bar);
    return new_trial(turn, s, &study_trial(s, job.group)->point, &note, NULL, job.group, job.repeat);
}

/* All at once, when everything else has ended. True: there is something to do again. */
static bool confirm(struct turn *turn, struct study *s)
{
    struct confirm_job jobs[CONFIRM_MOST];
    uint64_t cut = s->history.seq;
    int count = confirm_groups(&s->def.repeat, &s->history, jobs);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < s->def.repeat.confirm_seeds; k++) {
            struct proposal note = {.sampler = "confirm", .version = 1, .seq_cut = cut};
            snprintf(note.why, sizeof note.why, "trial %u again: rank %d with mean %.6g, to be confirmed",
                     jobs[i].group, jobs[i].rank, s->def.maximize ? jobs[i].mean : -jobs[i].mean);
            new_trial(turn, s, &study_trial(s, jobs[i].group)->point, &note, NULL, jobs[i].group,
                      jobs[i].repeat + k);
        }
    return count > 0;
}

struct trial *study_next(struct turn *turn, struct study *s, int64_t worker)
{
    if (study_has_ended(s) || s->ending[0] || s->wish != WISH_RUN || checks_pending(s))
        return NULL;
    if (s->def.search.parallel && s->open_count >= s->def.search.parallel)
        return NULL;
    /* A trial whose older attempt a worker is still winding up waits for its end: the slot is not free yet. */
    for (struct trial *t = s->waiting_first; t; t = t->queue_next)
        if (!t->holder && t->wait_until_mono_ms <= turn->now.mono_ms && (!worker || t->failed_on != worker))
            return t;
    struct trial *promoted = course_promote(turn, s);
    if (promoted)
        return promoted;
    struct trial *again = repeat_one(turn, s);
    if (again)
        return again;
    return may_sample(s) ? sample(turn, s) : NULL;
}

/* ---- budget and end ---- */

bool study_has_ended(const struct study *s)
{
    return s->end_reason[0] != '\0';
}

const char *study_state(const struct study *s)
{
    if (study_has_ended(s))
        return "ended";
    if (s->ending[0])
        return "stopping";
    if (s->wish == WISH_PAUSE)
        return "paused";
    if (checks_pending(s))
        return "checking";
    return "running";
}

void study_stop_trial(struct turn *turn, struct trial *t, enum stop_when when, const char *reason)
{
    if (!t->is_open || t->stopping >= when)
        return;
    t->stopping = when;
    str_copy(t->stop_reason, sizeof t->stop_reason, reason);
    if (!t->holder || !t->holder->peer)
        return; /* said again when its worker is back */
    struct msg msg = {.kind = MSG_stop};
    str_copy(msg.stop.study, sizeof msg.stop.study, t->study->def.name);
    msg.stop.trial = t->number;
    msg.stop.attempt = (uint64_t)t->attempt;
    str_copy(msg.stop.token, sizeof msg.stop.token, t->token);
    str_copy(msg.stop.when, sizeof msg.stop.when, when == STOP_NOW ? "now" : "epoch");
    str_copy(msg.stop.reason, sizeof msg.stop.reason, reason);
    outbox_add(turn->outbox, t->holder->peer, &msg);
}

void study_begin_end(struct turn *turn, struct study *s, const char *reason)
{
    str_copy(s->ending, sizeof s->ending, reason);
    const char *cause = strcmp(reason, "stopped") == 0 ? "stopped" : "budget";
    while (s->waiting_first)
        trial_move(turn, s->waiting_first, TRIAL_cancelled, cause, NULL);
    for (size_t i = 0; i < s->count; i++) {
        struct trial *t = s->trials[i];
        if (t->status == TRIAL_running)
            study_stop_trial(turn, t, STOP_EPOCH, cause);
        else if (t->status == TRIAL_paused)
            trial_move(turn, t, TRIAL_pruned, cause, NULL);
    }
}

static bool target_reached(const struct study *s)
{
    double target = s->def.budget.target;
    return !isnan(target) && s->best && !metric_better(s->def.maximize, target, s->best->score);
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

static void count_time(struct turn *turn, struct study *s)
{
    int64_t now = turn->now.mono_ms, passed = s->counted_mono_ms ? now - s->counted_mono_ms : 0;
    s->counted_mono_ms = now;
    if (s->wish == WISH_RUN)
        s->wall_used_ms += passed;
    s->slot_used_ms += passed * s->open_count;
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
    for (size_t i = 0; i < s->count; i++)
        if (s->trials[i]->status == TRIAL_paused)
            trial_move(turn, s->trials[i], TRIAL_pruned, stages_of(&s->def.search) ? "stage" : "rung", NULL);
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
    if (b->slot_ms && s->open_count && b->slot_ms > s->slot_used_ms) {
        int64_t slot_deadline = now + (b->slot_ms - s->slot_used_ms) / s->open_count + 1;
        deadline = slot_deadline < deadline ? slot_deadline : deadline;
    }
    return deadline;
}

static bool repeat_is_due(const struct study *s)
{
    struct repeat_job job;
    return has_room(s) && repeat_next(&s->def.repeat, &s->history, &job);
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
    bool quiet = !s->counts[TRIAL_waiting] && !s->counts[TRIAL_running] && !s->open_count;
    bool through = !may_sample(s) && !course_has_promotion(s) && !repeat_is_due(s) && s->wish == WISH_RUN;
    if (quiet && through && !s->ending[0] && confirm(turn, s))
        return turn->now.mono_ms;
    if (quiet && (s->ending[0] || through))
        end_now(turn, s);
    return study_has_ended(s) ? INT64_MAX : time_deadline(s, turn->now.mono_ms);
}

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
    if (t->epochs >= s->def.epochs || s->ending[0] || t->is_deleted || !(through || before_it))
        return;
    t->epochs = t->until = s->def.epochs;
    trial_save_progress(turn, t);
    if (through)
        trial_move(turn, t, TRIAL_waiting, "edit", NULL);
}

void study_reopen(struct turn *turn, struct study *s)
{
    s->ending[0] = s->end_reason[0] = '\0';
    s->ended_ms = 0;
    s->counted_mono_ms = turn->now.mono_ms;
    store_study_reopened(turn->store, s->id, turn->now.wall_ms);
}

void study_consider_best(struct study *s, struct trial *t)
{
    if (s->best == t) {
        /* Its own score may have fallen (another attempt replaced epochs): look at all of them. */
        for (size_t i = 0; i < s->count; i++)
            if (!s->trials[i]->is_deleted &&
                metric_better(s->def.maximize, s->trials[i]->score, s->best->score))
                s->best = s->trials[i];
        if (isnan(s->best->score))
            s->best = NULL;
        return;
    }
    if (isnan(t->score) || t->is_deleted)
        return;
    bool better = !s->best || metric_better(s->def.maximize, t->score, s->best->score);
    bool tie = s->best && t->score == s->best->score && t->number < s->best->number;
    if (better || tie)
        s->best = t;
}
