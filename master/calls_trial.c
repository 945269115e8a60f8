/* Calls about trials of a study. */
#include "master/calls_parts.h"
#include "master/extra.h"
#include "master/roster.h"
#include "master/waiting.h"

static int each_trial(const struct asking *a, struct study *s,
                      int (*act)(const struct asking *, struct trial *), int *changed, struct err *err)
{
    struct jcur trials = jcur_get(&a->args, "trials");
    if (jcur_array(&trials, 1, 1000000, err))
        return ERR_BAD;
    for (const struct json *n = json_first(trials.node); n; n = json_next(n)) {
        double number = json_num(n);
        struct trial *t = number >= 1 && number <= UINT32_MAX ? study_trial(s, (uint32_t)number) : NULL;
        if (!t) {
            err_set(err, ERR_GONE, "study \"%s\" has no trial %.0f", s->def.name, number);
            return s->count ? err_hint(err, "it has 1 to %zu", s->count) : err_hint(err, "it has none yet");
        }
    }
    for (const struct json *n = json_first(trials.node); n; n = json_next(n))
        *changed += act(a, study_trial(s, (uint32_t)json_num(n)));
    return 0;
}

static int cancel_one(const struct asking *a, struct trial *t)
{
    if (t->status != TRIAL_waiting && t->status != TRIAL_running && t->status != TRIAL_paused)
        return 0;
    trial_stop(a->turn, t, STOP_NOW, "cancelled");
    trial_move(a->turn, t, TRIAL_cancelled, "user", NULL);
    return 1;
}

int call_cancel(const struct asking *a, struct study *s, struct err *err)
{
    int changed = 0;
    int rc = each_trial(a, s, cancel_one, &changed, err);
    if (!rc)
        jw_int(a->result, "cancelled", changed);
    return rc;
}

static int retry_one(const struct asking *a, struct trial *t)
{
    if ((t->status != TRIAL_failed && t->status != TRIAL_cancelled) || t->is_deleted)
        return 0;
    if (study_has_ended(t->study) && !t->is_extra)
        study_reopen(a->turn, t->study);
    t->own_failures = t->lost_on = 0;
    trial_move(a->turn, t, TRIAL_waiting, "retry", NULL);
    trial_save_progress(a->turn, t);
    return 1;
}

int call_retry(const struct asking *a, struct study *s, struct err *err)
{
    int changed = 0;
    int rc = each_trial(a, s, retry_one, &changed, err);
    if (!rc)
        jw_int(a->result, "retried", changed);
    return rc;
}

static int delete_one(const struct asking *a, struct trial *t)
{
    if (t->is_deleted)
        return 0;
    trial_delete(a->turn, t);
    return 1;
}

int call_delete(const struct asking *a, struct study *s, struct err *err)
{
    int changed = 0;
    int rc = each_trial(a, s, delete_one, &changed, err);
    if (!rc)
        jw_int(a->result, "deleted", changed);
    return rc;
}

/* NULL, and err, if there is none. */
static struct trial *one_trial(const struct asking *a, struct study *s, struct err *err)
{
    struct jcur number = jcur_get(&a->args, "trial");
    int64_t trial;
    if (jcur_int(&number, 1, UINT32_MAX, &trial, err))
        return NULL;
    struct trial *t = study_trial(s, (uint32_t)trial);
    if (!t)
        err_set(err, ERR_GONE, "study \"%s\" has no trial %lld", s->def.name, (long long)trial);
    return t;
}

int call_explain(const struct asking *a, struct study *s, struct err *err)
{
    const struct trial *t = one_trial(a, s, err);
    if (!t)
        return err->code;
    struct str reason = {0};
    waiting_reason(a->reactor, t, a->turn->now.mono_ms, &reason);
    jw_text(a->result, "status", trial_status_name(t->status));
    jw_text(a->result, "waits", reason.len ? str_text(&reason) : NULL);
    jw_text(a->result, "worker", t->holder ? t->holder->name : NULL);
    str_fini(&reason);
    return 0;
}

/* The best is the caller's to name: people see a ranking by groups where points were repeated. */
int call_seeds(const struct asking *a, struct study *s, struct err *err)
{
    struct jcur count = jcur_get(&a->args, "seeds");
    const struct trial *t = one_trial(a, s, err);
    int64_t seeds;
    int added;
    if (!t)
        return err->code;
    if (jcur_int(&count, 1, EXTRA_MOST, &seeds, err))
        return ERR_BAD;
    int rc = extra_add(a->turn, t, (int)seeds, a->who, &added, err);
    if (rc)
        return rc;
    jw_int(a->result, "group", t->group);
    jw_int(a->result, "added", added);
    return 0;
}
