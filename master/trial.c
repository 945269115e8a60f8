#include "master/trial.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/retention.h"
#include "master/roster.h"
#include "master/study.h"

/* ---- status ---- */

static const char *orderly(const char *cause)
{
    return cause && cause[0] ? cause : NULL;
}

/* By every metric: of one that is missing or NaN nobody can say where it stands. */
static bool is_scored(const struct trial *t)
{
    bool all = !isnan(t->score);
    for (int k = 0; k < t->study->def.more_count; k++)
        all = all && !isnan(t->more[k]);
    return all;
}

void trial_tell_history(struct trial *t, uint64_t seq)
{
    struct study *s = t->study;
    bool scored = !isnan(t->score);
    if (t->is_extra)
        return;
    struct history_step step = {.seq = seq,
                                .epochs = t->last_epoch,
                                .state = HISTORY_PENDING,
                                .pruned = t->status == TRIAL_pruned,
                                .score = scored ? (s->def.maximize ? t->score : -t->score) : -INFINITY};
    if (t->status == TRIAL_cancelled || t->is_deleted)
        step.state = HISTORY_GONE;
    else if (t->status == TRIAL_failed || (trial_status_is_final(t->status) && !is_scored(t)) ||
             strcmp(t->cause, "diverged") == 0)
        step.state = HISTORY_BAD;
    else if (trial_status_is_final(t->status))
        step.state = HISTORY_SCORED;
    double more[HISTORY_MORE] = {0};
    for (int k = 0; k < s->def.more_count; k++)
        more[k] = isnan(t->more[k]) ? -INFINITY : s->def.more[k].maximize ? t->more[k] : -t->more[k];
    study_learn_result(s, t->number, &step, more);
}

static void set_times(struct trial *t, int64_t now_ms)
{
    if (t->status == TRIAL_running && !t->started_ms)
        t->started_ms = now_ms;
    t->ended_ms = trial_status_is_final(t->status) ? now_ms : 0;
}

/* Preempted and lost trials have waited before: they go first. */
static bool goes_first(const char *cause)
{
    static const char *const causes[] = {"lost",     "preempted", "refused",  "drained",
                                         "shutdown", "paused",    "promoted", NULL};
    for (int i = 0; cause && causes[i]; i++)
        if (strcmp(cause, causes[i]) == 0)
            return true;
    return false;
}

/* One that has ended has no use for the room to grow. */
static void shrink_curve(struct trial *t)
{
    size_t count = (size_t)t->last_epoch;
    if (!count || t->curve_room == count)
        return;
    t->curve_room = count;
    t->curve = xrealloc(t->curve, count * sizeof *t->curve);
    if (t->more_curve)
        t->more_curve = xrealloc(t->more_curve, count * sizeof *t->more_curve);
}

void trial_move(struct turn *turn, struct trial *t, enum trial_status to, const char *cause,
                const char *detail)
{
    enum trial_status from = t->status;
    const char *event = trial_edge_event(from, to);
    PRE(event);
    struct study *s = t->study;
    if (from == TRIAL_waiting)
        study_dequeue(s, t);
    t->status = to;
    study_count(s, t, from, -1);
    study_count(s, t, to, 1);
    snprintf(t->cause, sizeof t->cause, "%s", cause ? cause : "");
    set_times(t, turn->now.wall_ms);
    if (to == TRIAL_waiting)
        study_enqueue(s, t, goes_first(cause));
    struct row_move row = {t->id, from, to, event, orderly(t->cause), t->attempt, turn->now.wall_ms, detail};
    uint64_t seq = store_trial_moved(turn->store, &row);
    trial_tell_history(t, seq);
    if (!trial_status_is_final(to))
        return;
    shrink_curve(t);
    retention_trial(turn, t);
}

void trial_save_progress(struct turn *turn, const struct trial *t)
{
    struct row_trial row = {
        .id = t->id,
        .until = t->until,
        .epochs = t->epochs,
        .attempt = t->attempt,
        .last_epoch = t->last_epoch,
        .best_epoch = t->best_epoch,
        .score = t->score,
        .own_failures = t->own_failures,
        .lost_on = t->lost_on,
        .started_ms = t->started_ms,
        .ended_ms = t->ended_ms,
    };
    store_trial_progress(turn->store, &row);
}

/* The event's detail says how far it may run now, and what the decision saw. */
void trial_let_run(struct turn *turn, struct trial *t, int until, const char *why)
{
    char detail[192];
    snprintf(detail, sizeof detail, "{\"until\":%d%s}", until, why);
    t->until = until;
    trial_save_progress(turn, t);
    trial_move(turn, t, TRIAL_waiting, "promoted", detail);
    study_learn_until(t->study, t->number, until, store_seq(turn->store));
}

void trial_lengthen(struct turn *turn, struct trial *t)
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

void trial_stop(struct turn *turn, struct trial *t, enum stop_when when, const char *reason)
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

void trial_delete(struct turn *turn, struct trial *t)
{
    struct study *s = t->study;
    if (!trial_status_is_final(t->status)) {
        trial_stop(turn, t, STOP_NOW, "deleted");
        trial_move(turn, t, TRIAL_cancelled, "deleted", NULL);
    }
    t->is_deleted = true;
    str_copy(t->cause, sizeof t->cause, "deleted");
    trial_tell_history(t, store_trial_deleted(turn->store, t->id, t->status, t->attempt, turn->now.wall_ms));
    s->best = NULL;
    for (size_t i = 0; i < s->count; i++)
        study_consider_best(s, s->trials[i]);
}

/* ---- curve and score ---- */

static void take_more(struct trial *t)
{
    for (int k = 0; k < t->study->def.more_count; k++)
        t->more[k] = t->best_epoch ? t->more_curve[t->best_epoch - 1][k] : NAN;
}

void trial_rescore(struct trial *t)
{
    const struct study_def *def = &t->study->def;
    t->score = NAN;
    t->best_epoch = 0;
    int first = def->score_last ? t->last_epoch : 1;
    for (int epoch = first > 0 ? first : 1; epoch <= t->last_epoch; epoch++) {
        double value = t->curve[epoch - 1];
        if (study_prefers(t->study, value, t->score)) {
            t->score = value;
            t->best_epoch = epoch;
        }
    }
    take_more(t);
}

static void note_more(struct trial *t, int epoch, const double *more)
{
    for (int k = 0; k < t->study->def.more_count; k++) {
        t->more_curve[epoch - 1][k] = more[k];
        t->more_seen |= isnan(more[k]) ? 0 : 1u << k;
    }
}

void trial_note_epoch(struct trial *t, int epoch, double value, const double *more)
{
    size_t before = t->curve_room, more_room = before;
    GROW(t->curve, t->curve_room, (size_t)epoch);
    for (size_t i = before; i < t->curve_room; i++)
        t->curve[i] = NAN;
    t->curve[epoch - 1] = value;
    if (t->study->def.more_count) {
        GROW(t->more_curve, more_room, t->curve_room);
        note_more(t, epoch, more);
    }
    if (epoch > t->last_epoch)
        t->last_epoch = epoch;
}

/* The study's further metrics among those of a report, as the store will tell them; `seconds` is what the epoch took.
 * NaN: not there, or not finite. */
static void find_more(struct trial *t, const struct epoch_told *told, double *out)
{
    const struct study_def *def = &t->study->def;
    for (int k = 0; k < def->more_count; k++) {
        bool is_time = strcmp(def->more[k].name, "seconds") == 0;
        out[k] = is_time ? told->seconds : NAN;
        t->more_seen |= is_time ? 1u << k : 0;
        for (int i = 0; i < told->metric_count && !is_time; i++)
            if (strcmp(told->metrics[i].name, def->more[k].name) == 0) {
                out[k] = told->metrics[i].value;
                t->more_seen |= 1u << k;
            }
    }
}

bool trial_take_epoch(struct turn *turn, struct trial *t, const struct epoch_told *told)
{
    struct study *s = t->study;
    int epoch = told->epoch;
    double value = told->value, more[HISTORY_MORE];
    struct row_epoch row = {t->id, t->attempt, epoch, value, told->seconds, turn->now.wall_ms};
    uint64_t seq = store_add_epoch(turn->store, &row, told->metrics, told->metric_count);
    if (!seq)
        return false;
    find_more(t, told, more);
    bool is_new = epoch > t->last_epoch;
    s->epochs_done += is_new && !t->is_extra;
    trial_note_epoch(t, epoch, value, more);
    if (!is_new || s->def.score_last) {
        trial_rescore(t);
    } else if (study_prefers(s, value, t->score)) { /* the rest of the curve has not changed */
        t->score = value;
        t->best_epoch = epoch;
        take_more(t);
    }
    trial_save_progress(turn, t);
    trial_tell_history(t, seq);
    study_consider_best(s, t);
    return true;
}
