#include "master/reports.h"

#include <math.h>
#include <string.h>

#include "common/finding.h"
#include "master/claim.h"
#include "master/findings.h"
#include "master/outcome.h"
#include "master/quarantine.h"
#include "master/rungs.h"

enum { METRIC_MAX = 64 };

static void acknowledge(struct worker *w, uint64_t seq)
{
    if (seq > w->ack_seq || !w->ack_due)
        w->ack_seq = seq;
    w->ack_due = true;
}

static int collect_metrics(const struct json *metrics, struct row_metric rows[METRIC_MAX])
{
    int count = 0;
    for (const struct json *m = json_first(metrics); m && count < METRIC_MAX; m = json_next(m)) {
        enum json_type type = json_type(m);
        if (!name_ok(json_key(m)) || (type != JSON_NUM && type != JSON_NULL))
            continue;
        rows[count++] = (struct row_metric){json_key(m), type == JSON_NUM ? json_num(m) : NAN};
    }
    return count;
}

static void stop_at_once(struct turn *turn, struct trial *t, const char *cause, const char *detail)
{
    if (t->status != TRIAL_running)
        return;
    trial_stop(turn, t, STOP_NOW, cause);
    trial_move(turn, t, TRIAL_pruned, cause, detail);
}

/* The trial's diary names the rule that ended it. */
static void stop_hopeless(struct turn *turn, struct trial *t, int epoch, const struct finding_said *finding)
{
    struct str detail = {0};
    struct jw w = jw_to(&detail);
    jw_object(&w, NULL);
    jw_text(&w, "rule", finding->rule);
    jw_int(&w, "epoch", epoch);
    jw_text(&w, "text", finding->text);
    jw_close_object(&w);
    stop_at_once(turn, t, "babysit", str_text(&detail));
    str_fini(&detail);
}

/* What does not read as a finding is left out: the epoch counts all the same. */
static void keep_findings(struct turn *turn, struct trial *t, int epoch, const struct json *findings)
{
    struct jcur list = jcur_root(findings, "findings");
    for (const struct json *f = json_first(findings); f; f = json_next(f)) {
        struct finding_said said;
        struct jcur item = jcur_of(&list, f);
        if (finding_read(&item, &said, NULL))
            continue;
        struct row_finding row = {t->id, t->attempt, epoch, said.rule, said.action, said.text, said.advice};
        store_add_finding(turn->store, &row);
        if (strcmp(said.action, "stop") == 0)
            stop_hopeless(turn, t, epoch, &said);
    }
}

/* What the epoch took: as the trainer says, who knows what is not training; else as its slot measured. */
static double seconds_of(const struct msg_report *report)
{
    const struct json *said = json_get(report->metrics, "seconds");
    bool is_length = said && json_type(said) == JSON_NUM && json_num(said) >= 0;
    return is_length ? json_num(said) : report->seconds;
}

static void take_report(struct reactor *r, struct turn *turn, struct worker *w, struct trial *t,
                        const struct msg_report *report)
{
    struct study *s = t->study;
    int epoch = (int)report->epoch;
    const struct json *value = json_get(report->metrics, s->def.metric);
    struct row_metric rows[METRIC_MAX];
    struct epoch_told told = {.epoch = epoch,
                              .value = value && json_type(value) == JSON_NUM ? json_num(value) : NAN,
                              .seconds = seconds_of(report),
                              .metrics = rows,
                              .metric_count = collect_metrics(report->metrics, rows)};
    if (!value || !trial_take_epoch(turn, t, &told))
        return; /* without the metric it says nothing about the search; sent twice it is known */
    if (report->checkpoint)
        checkpoints_reported(r, turn, w, t, epoch, report->checkpoint);
    if (isnan(told.value))
        stop_at_once(turn, t, "diverged", NULL);
    if (report->findings)
        keep_findings(turn, t, epoch, report->findings);
    findings_epoch(turn, t, epoch, report->metrics);
    rungs_judge(turn, t);
}

void reports_on_report(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    const struct msg_report *report = &msg->report;
    acknowledge(w, report->seq);
    struct claim claim = {report->study, report->trial, report->attempt, report->token};
    struct trial *t = claim_trial(r, turn, from, &claim);
    if (!t)
        return;
    outcome_reinstate(turn, w, t);
    /* Epochs count up by one: a number far ahead would make us keep a curve of nothing. */
    uint64_t most = (uint64_t)(t->epochs > t->last_epoch ? t->epochs : t->last_epoch + 1);
    if (report->epoch < 1 || report->epoch > most) {
        r->fenced_count++;
        return;
    }
    /* Given up for good (cancelled, say) while it was away: the epoch counts, for we acknowledge it; the training ends. */
    if (!t->is_open)
        claim_refuse(turn, from, &claim);
    if (w->mode != WORKER_QUARANTINED)
        w->refusals = 0;
    take_report(r, turn, w, t, report);
    rate_count(&r->rate, turn->now.mono_ms);
}

void reports_on_done(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    const struct msg_done *done = &msg->done;
    acknowledge(w, done->seq);
    struct claim claim = {done->study, done->trial, done->attempt, done->token};
    struct trial *t = claim_trial(r, turn, from, &claim);
    if (!t)
        return;
    outcome_reinstate(turn, w, t);
    if (!t->is_open) {
        claim_refuse(turn, from, &claim); /* sent twice, or given up */
        return;
    }
    bool failed = strcmp(done->outcome, "failed") == 0;
    bool counts = !failed || (quarantine_did_badly(&r->roster, turn, w) && !done->excused);
    if (strcmp(done->outcome, "finished") == 0)
        quarantine_did_well(turn, w);
    if (strcmp(done->outcome, "finished") == 0)
        outcome_finished(turn, t);
    else if (strcmp(done->outcome, "stopped") == 0)
        outcome_stopped(turn, t, "stopped");
    else if (strcmp(done->outcome, "preempted") == 0)
        outcome_stopped(turn, t, "preempted");
    else if (strcmp(done->outcome, "refused") == 0)
        outcome_refused(turn, w, t);
    else
        outcome_failed(turn, t, counts, done->cause[0] ? done->cause : "error", done->detail);
}
