#include "master/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/attendance.h"
#include "master/course.h"
#include "master/edit.h"
#include "master/extra.h"
#include "master/search/given.h"
#include "master/snapshot.h"
#include "master/submission.h"
#include "master/waiting.h"

struct asking {
    struct reactor *reactor;
    struct turn *turn;
    struct jcur args;
    struct jw *result;
};

/* ---- arguments ---- */

static int named_study(const struct asking *a, struct study **out, struct err *err)
{
    struct jcur name = jcur_get(&a->args, "study");
    const char *text = "";
    if (jcur_has(&name) && jcur_text(&name, 64, &text, err))
        return ERR_BAD;
    *out = studies_find(&a->reactor->studies, text);
    if (*out)
        return 0;
    if (!text[0])
        return err_set(err, ERR_GONE, "there is no study in this database yet");
    err_set(err, ERR_GONE, "there is no study \"%s\" in this database", text);
    return err_hint(err, "`hone studies` lists them");
}

/* The person, as the command names him: "anna@node1". */
static const char *who(const struct asking *a)
{
    const char *text = json_text(json_get(a->args.node, "who"));
    return text[0] && strlen(text) < 200 ? text : "somebody";
}

static int each_trial(const struct asking *a, struct study *s,
                      int (*act)(const struct asking *, struct trial *), int *changed, struct err *err)
{
    struct jcur trials = jcur_get(&a->args, "trials");
    if (jcur_array(&trials, 1, 1000000, err))
        return ERR_BAD;
    for (const struct json *n = json_first(trials.node); n; n = json_next(n)) {
        double number = json_num(n);
        struct trial *t = number >= 1 && number <= UINT32_MAX ? study_trial(s, (uint32_t)number) : NULL;
        if (!t)
            return err_set(err, ERR_GONE, "study \"%s\" has no trial %.0f (it has 1 to %zu)", s->def.name,
                           number, s->count);
    }
    for (const struct json *n = json_first(trials.node); n; n = json_next(n))
        *changed += act(a, study_trial(s, (uint32_t)json_num(n)));
    return 0;
}

/* ---- verbs ---- */

static int verb_ping(const struct asking *a, struct err *err)
{
    (void)err;
    jw_text(a->result, "version", HONE_VERSION);
    jw_text(a->result, "store", store_uuid(a->turn->store));
    return 0;
}

static int verb_submit(const struct asking *a, struct err *err)
{
    struct jcur definition = jcur_get(&a->args, "definition"), base = jcur_get(&a->args, "base");
    static const char *const words[] = {"wanted", "force", "skip", NULL}; /* enum study_checks */
    struct jcur fresh = jcur_get(&a->args, "fresh"), file = jcur_get(&a->args, "file");
    struct jcur checks = jcur_get(&a->args, "checks");
    int how = CHECKS_WANTED;
    const char *base_text, *file_text = "study";
    bool is_fresh = false;
    if (jcur_object(&definition, 64, err) || jcur_text(&base, 4000, &base_text, err))
        return ERR_BAD;
    if (jcur_has(&fresh) && jcur_bool(&fresh, &is_fresh, err))
        return ERR_BAD;
    if (jcur_has(&file) && jcur_text(&file, 255, &file_text, err))
        return ERR_BAD;
    if (jcur_has(&checks) && jcur_choice(&checks, words, &how, err))
        return ERR_BAD;
    struct str text = {0};
    json_print(definition.node, &text);
    struct study_def def;
    struct study *s = NULL;
    size_t before = a->reactor->studies.count;
    int rc = study_def_parse(str_text(&text), text.len, file_text, NULL, 0, &def, err);
    str_fini(&text);
    if (rc)
        return rc;
    struct submission submission = {file_text, base_text, is_fresh, (enum study_checks)how};
    rc = submission_take(&a->reactor->studies, a->turn, &def, &submission, &s, err);
    study_def_fini(&def);
    if (rc)
        return rc;
    jw_text(a->result, "study", s->def.name);
    jw_bool(a->result, "known", a->reactor->studies.count == before);
    jw_bool(a->result, "ended", study_has_ended(s));
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

static int verb_cancel(const struct asking *a, struct err *err)
{
    struct study *s;
    int changed = 0;
    if (named_study(a, &s, err))
        return ERR_GONE;
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

static int verb_retry(const struct asking *a, struct err *err)
{
    struct study *s;
    int changed = 0;
    if (named_study(a, &s, err))
        return ERR_GONE;
    int rc = each_trial(a, s, retry_one, &changed, err);
    if (!rc)
        jw_int(a->result, "retried", changed);
    return rc;
}

static void set_wish(const struct asking *a, struct study *s, enum study_wish wish)
{
    s->wish = wish;
    store_study_wish(a->turn->store, s->id, wish, a->turn->now.wall_ms);
}

static int verb_pause(const struct asking *a, struct err *err)
{
    struct study *s;
    if (named_study(a, &s, err))
        return ERR_GONE;
    if (study_has_ended(s))
        return err_set(err, ERR_NO, "study \"%s\" has ended (%s)", s->def.name, s->end_reason);
    set_wish(a, s, WISH_PAUSE);
    for (size_t i = 0; i < s->count; i++)
        if (s->trials[i]->status == TRIAL_running)
            trial_stop(a->turn, s->trials[i], STOP_EPOCH, "paused");
    jw_text(a->result, "state", study_state(s));
    return 0;
}

static int verb_resume(const struct asking *a, struct err *err)
{
    struct study *s;
    if (named_study(a, &s, err))
        return ERR_GONE;
    bool stopped = strcmp(s->end_reason, "stopped") == 0 || strcmp(s->ending, "stopped") == 0;
    if (study_has_ended(s) && !stopped) {
        err_set(err, ERR_NO, "study \"%s\" has ended (%s)", s->def.name, s->end_reason);
        if (strcmp(s->end_reason, "checks") == 0)
            return err_hint(
                err, "run or submit its file again: it is checked again; --force goes on in spite of that");
        return err_hint(err, "a larger budget starts it again: hone edit %s --set search.trials=N",
                        s->def.name);
    }
    if (stopped)
        study_reopen(a->turn, s);
    set_wish(a, s, WISH_RUN);
    jw_text(a->result, "state", study_state(s));
    return 0;
}

static int verb_stop(const struct asking *a, struct err *err)
{
    struct study *s;
    if (named_study(a, &s, err))
        return ERR_GONE;
    if (!study_has_ended(s))
        set_wish(a, s, WISH_STOP); /* the next tick winds it up */
    else
        extra_stop(a->turn, s);
    study_tick(a->turn, s);
    jw_text(a->result, "state", study_state(s));
    return 0;
}

static int verb_approve(const struct asking *a, struct err *err)
{
    struct jcur param = jcur_get(&a->args, "param");
    const char *name = NULL;
    struct study *s;
    if (jcur_has(&param) && jcur_text(&param, 64, &name, err))
        return ERR_BAD;
    if (named_study(a, &s, err))
        return ERR_GONE;
    if (name && space_find(&s->def.space, name) < 0)
        return err_set(err, ERR_BAD, "study \"%s\" has no parameter %s", s->def.name, name);
    int moved = course_approve(a->turn, s, name, who(a));
    jw_int(a->result, "moved", moved);
    return moved ? 0 : err_set(err, ERR_NO, "no wall of study \"%s\" waits for approval", s->def.name);
}

/* All of the points or none: each is looked at before the first is added. */
static int verb_enqueue(const struct asking *a, struct err *err)
{
    struct jcur points = jcur_get(&a->args, "points");
    struct study *s;
    if (named_study(a, &s, err))
        return ERR_GONE;
    if (jcur_array(&points, 1, 10000, err))
        return ERR_BAD;
    for (const struct json *n = json_first(points.node); n; n = json_next(n)) {
        struct jcur given = jcur_of(&points, n);
        if (given_check(&s->def.space, &given, err))
            return ERR_BAD;
    }
    if (study_takes_points(s, err))
        return ERR_NO;
    int64_t room = study_planned(s) - study_sampled(s) + s->counts[TRIAL_cancelled];
    if (study_has_ended(s) || s->ending[0]) {
        err_set(err, ERR_NO, "study \"%s\" has ended (%s)", s->def.name,
                s->ending[0] ? s->ending : s->end_reason);
        return err_hint(err, "hone edit %s --set search.trials=N opens it again", s->def.name);
    }
    if (study_planned(s) >= 0 && (int64_t)json_count(points.node) > room) {
        err_set(err, ERR_NO, "study \"%s\" has room for %lld more of its %lld trials", s->def.name,
                (long long)room, (long long)study_planned(s));
        return err_hint(err, "hone edit %s --set search.trials=N makes room", s->def.name);
    }
    jw_array(a->result, "trials");
    for (const struct json *n = json_first(points.node); n; n = json_next(n)) {
        struct jcur given = jcur_of(&points, n);
        struct trial *t;
        int rc = study_add_given(a->turn, s, &given, who(a), &t, err);
        if (rc)
            return rc; /* a grid, before the first */
        jw_int(a->result, NULL, t->number);
    }
    jw_close_array(a->result);
    return 0;
}

/* The best is the caller's to name: people see a ranking by groups where points were repeated. */
static int verb_seeds(const struct asking *a, struct err *err)
{
    struct jcur number = jcur_get(&a->args, "trial"), count = jcur_get(&a->args, "seeds");
    struct study *s;
    int64_t trial, seeds;
    int added;
    if (named_study(a, &s, err))
        return ERR_GONE;
    if (jcur_int(&number, 1, UINT32_MAX, &trial, err) || jcur_int(&count, 1, EXTRA_MOST, &seeds, err))
        return ERR_BAD;
    const struct trial *t = study_trial(s, (uint32_t)trial);
    if (!t)
        return err_set(err, ERR_GONE, "study \"%s\" has no trial %lld", s->def.name, (long long)trial);
    int rc = extra_add(a->turn, s, t, (int)seeds, who(a), &added, err);
    if (rc)
        return rc;
    jw_int(a->result, "group", t->group);
    jw_int(a->result, "added", added);
    return 0;
}

static int delete_one(const struct asking *a, struct trial *t)
{
    if (t->is_deleted)
        return 0;
    trial_delete(a->turn, t);
    return 1;
}

static int verb_delete(const struct asking *a, struct err *err)
{
    struct study *s;
    int changed = 0;
    if (named_study(a, &s, err))
        return ERR_GONE;
    int rc = each_trial(a, s, delete_one, &changed, err);
    if (!rc)
        jw_int(a->result, "deleted", changed);
    return rc;
}

static int verb_edit(const struct asking *a, struct err *err)
{
    enum { SETS_MAX = 100 };
    struct jcur list = jcur_get(&a->args, "sets");
    const char *sets[SETS_MAX];
    struct study *s;
    int count = 0;
    if (named_study(a, &s, err))
        return ERR_GONE;
    if (jcur_array(&list, 1, SETS_MAX, err))
        return ERR_BAD;
    for (const struct json *n = json_first(list.node); n; n = json_next(n))
        sets[count++] = json_text(n);
    int rc = edit_study(a->turn, s, sets, count, who(a), a->result, err);
    if (rc)
        return rc;
    study_tick(a->turn, s);
    jw_text(a->result, "state", study_state(s));
    return 0;
}

static int verb_rename(const struct asking *a, struct err *err)
{
    struct jcur to = jcur_get(&a->args, "to");
    struct study *s;
    const char *name;
    if (named_study(a, &s, err))
        return ERR_GONE;
    if (jcur_text(&to, 64, &name, err))
        return ERR_BAD;
    return edit_name(&a->reactor->studies, a->turn, s, name, who(a), err);
}

static int verb_status(const struct asking *a, struct err *err)
{
    struct study *s;
    if (named_study(a, &s, err))
        return ERR_GONE;
    struct server_snapshot snapshot;
    snapshot_take(a->reactor, s, a->turn->now.mono_ms, &snapshot);
    snapshot_write(&snapshot, a->result, "status");
    return 0;
}

static int verb_explain(const struct asking *a, struct err *err)
{
    struct jcur number = jcur_get(&a->args, "trial");
    struct study *s;
    int64_t trial;
    if (named_study(a, &s, err))
        return ERR_GONE;
    if (jcur_int(&number, 1, UINT32_MAX, &trial, err))
        return ERR_BAD;
    const struct trial *t = study_trial(s, (uint32_t)trial);
    if (!t)
        return err_set(err, ERR_GONE, "study \"%s\" has no trial %lld", s->def.name, (long long)trial);
    struct str reason = {0};
    waiting_reason(a->reactor, t, &reason);
    jw_text(a->result, "status", trial_status_name(t->status));
    jw_text(a->result, "waits", reason.len ? str_text(&reason) : NULL);
    jw_text(a->result, "worker", t->holder ? t->holder->name : NULL);
    str_fini(&reason);
    return 0;
}

static int verb_workers(const struct asking *a, struct err *err)
{
    (void)err;
    jw_array(a->result, "workers");
    for (size_t i = 0; i < a->reactor->roster.count; i++) {
        const struct worker *w = a->reactor->roster.workers[i];
        jw_object(a->result, NULL);
        jw_text(a->result, "name", w->name);
        jw_text(a->result, "host", w->host);
        jw_int(a->result, "slots", w->slots);
        jw_int(a->result, "held", (int64_t)w->held_count);
        jw_text(a->result, "mode",
                w->mode == WORKER_OPEN       ? "open"
                : w->mode == WORKER_DRAINING ? "draining"
                                             : "quarantined");
        jw_int(a->result, "silent_ms", a->turn->now.mono_ms - w->heard_mono_ms);
        jw_close_object(a->result);
    }
    jw_close_array(a->result);
    return 0;
}

static int verb_drain(const struct asking *a, struct err *err)
{
    struct jcur worker = jcur_get(&a->args, "worker"), finish = jcur_get(&a->args, "finish");
    const char *which;
    bool let_finish = false;
    int stopped = 0;
    if (jcur_text(&worker, 255, &which, err) || (jcur_has(&finish) && jcur_bool(&finish, &let_finish, err)))
        return ERR_BAD;
    int drained = attendance_drain(a->reactor, a->turn, which, let_finish, &stopped);
    if (!drained) {
        err_set(err, ERR_GONE, "no worker here is called \"%s\" or runs on a host of that name", which);
        return err_hint(err, "`hone workers` lists them");
    }
    jw_int(a->result, "drained", drained);
    jw_int(a->result, "stopped", stopped);
    return 0;
}

bool calls_only_look(const char *verb)
{
    return strcmp(verb, "ping") == 0 || strcmp(verb, "status") == 0 || strcmp(verb, "workers") == 0;
}

static const struct {
    const char *verb;
    int (*act)(const struct asking *a, struct err *err);
} verbs[] = {
    {"ping", verb_ping},       {"submit", verb_submit},   {"cancel", verb_cancel},
    {"retry", verb_retry},     {"pause", verb_pause},     {"resume", verb_resume},
    {"stop", verb_stop},       {"status", verb_status},   {"workers", verb_workers},
    {"approve", verb_approve}, {"explain", verb_explain}, {"enqueue", verb_enqueue},
    {"seeds", verb_seeds},     {"delete", verb_delete},   {"edit", verb_edit},
    {"rename", verb_rename},   {"drain", verb_drain},
};

static int act(const struct asking *a, const char *verb, struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (strcmp(verbs[i].verb, verb) == 0)
            return verbs[i].act(a, err);
    return err_set(err, ERR_BAD, "this master knows no \"%s\"; is it an older version?", verb);
}

void calls_answer(struct reactor *reactor, struct turn *turn, const struct msg_call *call,
                  struct msg_answer *answer)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    struct asking a = {reactor, turn, jcur_root(call->args, call->verb), &w};
    struct err err = ERR_NONE;
    jw_object(&w, NULL);
    int rc = act(&a, call->verb, &err);
    answer->id = call->id;
    answer->code = (uint64_t)err_exit_status(rc);
    snprintf(answer->text, sizeof answer->text, "%s", err.text);
    snprintf(answer->hint, sizeof answer->hint, "%s", err.hint);
    if (!rc) {
        jw_close_object(&w);
        answer->result = json_parse(str_text(&text), text.len, "result", NULL);
    }
    str_fini(&text);
}
