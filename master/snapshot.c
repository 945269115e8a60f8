#include "master/snapshot.h"

#include <string.h>

#include "master/reactor.h"

/* Final trials need no more epochs, whatever they reached. */
static int64_t epochs_left(const struct study *s)
{
    int64_t planned = study_planned(s);
    if (planned < 0)
        return -1;
    int64_t left = (planned - study_sampled(s)) * s->def.epochs;
    for (size_t i = 0; i < s->count; i++)
        if (!trial_status_is_final(s->trials[i]->status) && !s->trials[i]->is_extra &&
            s->trials[i]->epochs > s->trials[i]->last_epoch)
            left += s->trials[i]->epochs - s->trials[i]->last_epoch;
    return left > 0 ? left : 0;
}

void snapshot_take(const struct reactor *r, const struct study *s, int64_t mono_ms,
                   struct server_snapshot *out)
{
    *out = (struct server_snapshot){.maximize = s->def.maximize, .planned = study_planned(s), .eta_ms = -1};
    str_copy(out->study, sizeof out->study, s->def.name);
    str_copy(out->metric, sizeof out->metric, s->def.metric);
    str_copy(out->end_reason, sizeof out->end_reason, s->end_reason);
    memcpy(out->counts, s->counts, sizeof out->counts);
    out->extra_open = s->extra_open;
    if (s->best) {
        out->has_best = true;
        out->best = s->best->score;
        out->best_trial = s->best->number;
    }
    int64_t left = epochs_left(s);
    out->epochs_done = s->epochs_done;
    out->epochs_planned = left < 0 ? -1 : s->epochs_done + left;
    out->epochs_per_s = rate_per_s(&r->rate, mono_ms);
    if (left >= 0 && out->epochs_per_s > 0)
        out->eta_ms = (int64_t)((double)left / out->epochs_per_s * 1000);
    for (size_t i = 0; i < r->roster.count; i++) {
        if (!r->roster.workers[i]->peer)
            continue;
        out->workers++;
        out->slots += r->roster.workers[i]->slots;
    }
    out->state = r->trouble && !study_has_ended(s) ? r->trouble : study_state(s);
}

void snapshot_write(const struct server_snapshot *n, struct jw *w, const char *key)
{
    jw_object(w, key);
    jw_text(w, "study", n->study);
    jw_text(w, "state", n->state);
    jw_text(w, "end_reason", n->end_reason[0] ? n->end_reason : NULL);
    jw_object(w, "trials");
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++)
        jw_int(w, trial_status_name((enum trial_status)i), n->counts[i]);
    jw_close_object(w);
    jw_int(w, "extra_open", n->extra_open);
    jw_int(w, "planned", n->planned);
    jw_text(w, "metric", n->metric);
    jw_text(w, "goal", n->maximize ? "maximize" : "minimize");
    if (n->has_best) {
        jw_num(w, "best", n->best);
        jw_int(w, "best_trial", n->best_trial);
    }
    jw_int(w, "epochs_done", n->epochs_done);
    jw_int(w, "epochs_planned", n->epochs_planned);
    jw_num(w, "epochs_per_s", n->epochs_per_s);
    jw_int(w, "eta_ms", n->eta_ms);
    jw_int(w, "workers", n->workers);
    jw_int(w, "slots", n->slots);
    jw_close_object(w);
}
