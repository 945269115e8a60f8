#include "master/rungs.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/mem.h"
#include "master/search/extrapolate.h"
#include "master/search/sampler_row.h"

/* ---- promotion ---- */

static bool has_rungs(const struct study *s)
{
    return s->def.prune.promotes && s->counts[TRIAL_paused];
}

static struct asha_job next_job(const struct study *s)
{
    if (!has_rungs(s))
        return (struct asha_job){.verdict = ASHA_WAIT};
    return prune_next(&s->def.prune, &s->history, s->ladder, study_may_sample(s));
}

bool rungs_has_promotion(const struct study *s)
{
    return next_job(s).verdict == ASHA_RESUME;
}

/* What a decision saw, for replay and for people. */
static void write_seen(const struct study *s, const struct asha_job *job, char out[160])
{
    snprintf(out, 160, ",\"rung\":%d,\"rank\":%d,\"of\":%d,\"more\":%s,\"seen\":%llu", job->rung, job->rank,
             job->of, study_may_sample(s) ? "true" : "false", (unsigned long long)s->history.seq);
}

struct trial *rungs_promote(struct turn *turn, struct study *s)
{
    struct asha_job job = next_job(s);
    struct trial *t = job.verdict == ASHA_RESUME ? study_trial(s, job.trial) : NULL;
    if (!t || t->status != TRIAL_paused)
        return NULL;
    char why[160];
    write_seen(s, &job, why);
    trial_let_run(turn, t, job.until, why);
    return t;
}

bool rungs_drop(struct turn *turn, struct study *s)
{
    bool dropped = false;
    while (s->def.prune.method == PRUNE_HYPERBAND && has_rungs(s)) {
        struct asha_job job = hyperband_lost(&s->def.prune.hyperband, &s->history, study_may_sample(s));
        struct trial *t = job.verdict == ASHA_DROP ? study_trial(s, job.trial) : NULL;
        if (!t || t->status != TRIAL_paused)
            break;
        char seen[160], detail[240], value[32];
        num_text(t->score, value);
        write_seen(s, &job, seen);
        snprintf(detail, sizeof detail, "{\"epoch\":%d,\"score\":%s%s}", job.until, value, seen);
        trial_move(turn, t, TRIAL_pruned, "rung", detail);
        dropped = true;
    }
    return dropped;
}

/* ---- curves ---- */

/* Those of a metric that is minimised are turned over in `turned`. */
struct curve rungs_curve(const struct study_def *def, const struct trial *t, int epochs, struct str *turned)
{
    if (def->maximize)
        return (struct curve){t->curve, epochs};
    for (int i = 0; i < epochs; i++) {
        double value = -t->curve[i];
        str_addn(turned, &value, sizeof value);
    }
    return (struct curve){(const double *)(const void *)turned->text, epochs};
}

const char *rungs_verdict(const struct judged_by *by, uint32_t trial, struct curve mine)
{
    const struct study_def *def = by->def;
    const struct prune_def *prune = &def->prune;
    double below = def->maximize ? prune->below : -prune->below;
    if (prune->has_threshold && threshold_stops(prune, below, mine))
        return "threshold";
    if (prune->method == PRUNE_MEDIAN && median_stops(prune, by->finished, mine))
        return "median";
    if (prune->method == PRUNE_ASHA && !prune->promotes &&
        asha_stops(&prune->asha, by->history, by->ladder, trial, mine.count))
        return "asha";
    struct rng rng = rng_at(def->search.seed, trial, (uint32_t)mine.count, STREAM_CURVE);
    if (prune->method == PRUNE_CURVE &&
        curve_stops(prune, by->finished, mine, def->epochs, def->score_last, &rng))
        return "curve";
    return NULL;
}

/* ---- who is complete ---- */

void rungs_finished(const struct study_def *def, const struct trial *t, uint64_t since,
                    struct finished *finished)
{
    struct str turned = {0};
    finished_add(finished, t->number, since, rungs_curve(def, t, t->last_epoch, &turned));
    str_fini(&turned);
}

/* When it became complete, as its history has it; 0: it is not, or counts for nothing. */
static uint64_t complete_since(const struct study *s, uint32_t trial)
{
    const struct trial *t = study_trial(s, trial);
    const struct entry *e = history_find(&s->history, trial);
    return t && e && t->status == TRIAL_complete && !t->is_deleted && !t->is_extra ? e->seq : 0;
}

/* True: only more of them have come since it was looked last, and they are in. */
static bool adds_up(const struct study *s, struct finished *f)
{
    const struct history *h = &s->history;
    if (h->changes < f->seen || h->changes - f->seen > HISTORY_CHANGED)
        return false;
    for (; f->seen < h->changes; f->seen++) {
        uint32_t trial = h->changed[f->seen % HISTORY_CHANGED];
        uint64_t now = trial & HISTORY_WARM ? 0 : complete_since(s, trial), before = 0;
        if (!(trial & HISTORY_WARM))
            before = finished_since(f, trial);
        if (before && now != before)
            return false;
        if (now && !before)
            rungs_finished(&s->def, study_trial(s, trial), now, f);
    }
    return true;
}

static const struct finished *finished_of(struct study *s)
{
    struct finished *f = s->finished;
    if (adds_up(s, f))
        return f;
    finished_fini(f);
    for (uint32_t n = 1; n <= s->count; n++)
        if (complete_since(s, n))
            rungs_finished(&s->def, study_trial(s, n), complete_since(s, n), f);
    f->seen = s->history.changes;
    return f;
}

/* ---- the verdict ---- */

static bool compares_curves(const struct prune_def *prune)
{
    return prune->method == PRUNE_MEDIAN || prune->method == PRUNE_CURVE;
}

static const char *verdict_now(struct study *s, const struct trial *t)
{
    struct str turned = {0};
    struct judged_by by = {&s->def, &s->history, s->ladder,
                           compares_curves(&s->def.prune) ? finished_of(s) : NULL};
    const char *cause = rungs_verdict(&by, t->number, rungs_curve(&s->def, t, t->last_epoch, &turned));
    str_fini(&turned);
    return cause;
}

void rungs_judge(struct turn *turn, struct trial *t)
{
    struct study *s = t->study;
    const struct prune_def *prune = &s->def.prune;
    if (t->status != TRIAL_running || t->last_epoch >= t->until || t->is_extra)
        return;
    if (!prune->has_threshold && prune->method == PRUNE_NONE)
        return;
    const char *cause = verdict_now(s, t);
    if (!cause)
        return;
    char detail[160], value[32];
    num_text(t->score, value);
    snprintf(detail, sizeof detail, "{\"epoch\":%d,\"score\":%s,\"seen\":%llu}", t->last_epoch, value,
             (unsigned long long)s->history.seq);
    trial_stop(turn, t, STOP_NOW, cause);
    trial_move(turn, t, TRIAL_pruned, cause, detail);
}
