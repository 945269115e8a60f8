#include "master/outcome.h"

#include <stdio.h>
#include <string.h>

#include "master/claim.h"

/* ---- the end of an attempt ---- */

static void close_attempt(struct turn *turn, struct trial *t, const char *outcome, const char *cause,
                          const char *detail)
{
    struct row_attempt_end row = {t->id, t->attempt, outcome, cause, detail, turn->now.wall_ms};
    store_attempt_ended(turn->store, &row);
    t->is_open = false;
    t->study->open_count--;
    worker_release(t);
}

/* The last epoch it was asked for is in the store: whatever became of the attempt after that, the trial has its
 * result. At the end of the training it is complete, at a rung it is paused. */
static bool has_arrived(struct turn *turn, struct trial *t)
{
    if (t->last_epoch < t->until)
        return false;
    trial_move(turn, t, t->until < t->epochs ? TRIAL_paused : TRIAL_complete, NULL, NULL);
    trial_lengthen(turn, t); /* the study's epochs were raised while it ran */
    return true;
}

/* What ends an attempt and not its trial: it goes on later, elsewhere. */
static bool stop_is_a_break(const struct trial *t)
{
    static const char *const reasons[] = {"paused", "shutdown", "drained", NULL};
    for (int i = 0; reasons[i]; i++)
        if (strcmp(t->stop_reason, reasons[i]) == 0)
            return true;
    return false;
}

/* A trial that three different workers went down with is poison. */
enum { POISON_AFTER = 3 };

void outcome_lost(struct turn *turn, struct trial *t, bool worker_died)
{
    close_attempt(turn, t, "lost", worker_died ? "worker" : NULL, NULL);
    if (t->status != TRIAL_running || has_arrived(turn, t))
        return;
    t->lost_on = store_workers_lost(turn->store, t->id);
    if (t->stopping && !stop_is_a_break(t))
        trial_move(turn, t, TRIAL_pruned, t->stop_reason, NULL); /* it was to end anyway */
    else if (t->lost_on >= POISON_AFTER)
        trial_move(turn, t, TRIAL_failed, "poison", NULL);
    else
        trial_move(turn, t, TRIAL_waiting, "lost", NULL);
    trial_save_progress(turn, t);
}

static bool cause_is_retried(const char *cause)
{
    return strcmp(cause, "no_metric") != 0 && strcmp(cause, "protocol") != 0;
}

void outcome_failed(struct turn *turn, struct trial *t, bool counts, const char *cause, const char *detail)
{
    t->failed_on = t->holder ? t->holder->id : 0;
    close_attempt(turn, t, "failed", cause, detail);
    if (t->status != TRIAL_running || has_arrived(turn, t))
        return;
    t->own_failures += counts;
    bool again =
        cause_is_retried(cause) && t->own_failures < t->study->def.max_attempts && !t->study->ending[0];
    trial_move(turn, t, again ? TRIAL_waiting : TRIAL_failed, cause, NULL);
    trial_save_progress(turn, t);
}

/* With several metrics a trainer that never reports one of them is as useless as one that reports none. */
static bool lacks_metric(struct turn *turn, struct trial *t)
{
    const struct study_def *def = &t->study->def;
    int k = 0;
    while (k < def->more_count && t->more_seen & 1u << k)
        k++;
    if (k == def->more_count)
        return false;
    char detail[128];
    snprintf(detail, sizeof detail, "it ended well but never reported the metric \"%s\"", def->more[k].name);
    close_attempt(turn, t, "failed", "no_metric", detail);
    if (t->status == TRIAL_running)
        trial_move(turn, t, TRIAL_failed, "no_metric", NULL);
    return true;
}

void outcome_finished(struct turn *turn, struct trial *t)
{
    if (!t->last_epoch) {
        outcome_failed(turn, t, true, "no_metric", "it ended well but never reported the metric");
        return;
    }
    if (lacks_metric(turn, t))
        return;
    close_attempt(turn, t, "finished", NULL, NULL);
    if (t->status == TRIAL_running && !has_arrived(turn, t))
        trial_move(turn, t, TRIAL_complete, NULL, NULL); /* it stopped early of its own accord */
}

void outcome_stopped(struct turn *turn, struct trial *t, const char *outcome)
{
    close_attempt(turn, t, outcome, t->stop_reason[0] ? t->stop_reason : NULL, NULL);
    if (t->status != TRIAL_running || has_arrived(turn, t))
        return;
    bool goes_on = !t->stopping || stop_is_a_break(t);
    if (goes_on)
        trial_move(turn, t, TRIAL_waiting, t->stopping ? t->stop_reason : outcome, NULL);
    else
        trial_move(turn, t, TRIAL_pruned, t->stop_reason, NULL);
}

void outcome_refused(struct turn *turn, struct worker *w, struct trial *t)
{
    worker_rest(w, turn->now.mono_ms);
    outcome_stopped(turn, t, "refused");
}

/* ---- coming back ---- */

void outcome_fenced(struct turn *turn, struct trial *t)
{
    struct claim claim = claim_of(t);
    if (t->holder && t->holder->peer)
        claim_refuse(turn, t->holder->peer, &claim);
    close_attempt(turn, t, "fenced", NULL, NULL);
}

/* Says again what a worker that was away may not have heard. */
static void repeat_stop(struct turn *turn, struct trial *t)
{
    enum stop_when when = t->stopping;
    char reason[33];
    memcpy(reason, t->stop_reason, sizeof reason);
    t->stopping = STOP_NO;
    trial_stop(turn, t, when, reason);
}

void outcome_reinstate(struct turn *turn, struct worker *w, struct trial *t)
{
    if (t->holder == w)
        return;
    worker_release(t);
    if (!t->is_open) {
        bool given_up = t->status == TRIAL_waiting && strcmp(t->cause, "lost") == 0;
        if (!given_up)
            return;
        t->is_open = true;
        t->study->open_count++;
        t->stopping = STOP_NO;
        store_attempt_reinstated(turn->store, t->id, t->attempt, w->id);
        t->lost_on = store_workers_lost(turn->store, t->id); /* this one was not lost after all */
        trial_move(turn, t, TRIAL_running, NULL, "{\"reinstated\":true}");
    }
    worker_hold(w, t);
    if (t->stopping)
        repeat_stop(turn, t);
    else if (t->status != TRIAL_running) /* decided while we, or it, were away */
        trial_stop(turn, t, STOP_NOW, t->cause[0] ? t->cause : "fenced");
}
