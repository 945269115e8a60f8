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

const char *rungs_verdict(const struct study_def *def, const struct history *history, struct ladder *kept,
                          uint32_t trial, struct curve mine, const struct curve *finished, int count)
{
    const struct prune_def *prune = &def->prune;
    double below = def->maximize ? prune->below : -prune->below;
    if (prune->has_threshold && threshold_stops(prune, below, mine))
        return "threshold";
    if (prune->method == PRUNE_MEDIAN && median_stops(prune, finished, count, mine))
        return "median";
    if (prune->method == PRUNE_ASHA && !prune->promotes &&
        asha_stops(&prune->asha, history, kept, trial, mine.count))
        return "asha";
    struct rng rng = rng_at(def->search.seed, trial, (uint32_t)mine.count, STREAM_CURVE);
    if (prune->method == PRUNE_CURVE &&
        curve_stops(prune, finished, count, mine, def->epochs, def->score_last, &rng))
        return "curve";
    return NULL;
}

static bool compares_curves(const struct prune_def *prune)
{
    return prune->method == PRUNE_MEDIAN || prune->method == PRUNE_CURVE;
}

static const char *verdict_now(const struct study *s, const struct trial *t)
{
    struct curve *finished = xcalloc(s->count + 1, sizeof *finished);
    struct str *turned = xcalloc(s->count + 1, sizeof *turned);
    int count = 0;
    for (size_t i = 0; i < s->count && compares_curves(&s->def.prune); i++)
        if (s->trials[i]->status == TRIAL_complete && !s->trials[i]->is_deleted && !s->trials[i]->is_extra)
            finished[count++] = rungs_curve(&s->def, s->trials[i], s->trials[i]->last_epoch, &turned[i]);
    struct curve mine = rungs_curve(&s->def, t, t->last_epoch, &turned[s->count]);
    const char *cause = rungs_verdict(&s->def, &s->history, s->ladder, t->number, mine, finished, count);
    for (size_t i = 0; i <= s->count; i++)
        str_fini(&turned[i]);
    free(turned);
    free(finished);
    return cause;
}

void rungs_judge(struct turn *turn, struct trial *t)
{
    const struct study *s = t->study;
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
