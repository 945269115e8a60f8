#include "master/calls.h"

#include <string.h>

#include "common/check.h"
#include "master/attendance.h"
#include "master/calls_parts.h"
#include "master/demand.h"
#include "master/submission.h"

/* ---- about the master ---- */

static int call_ping(const struct asking *a, struct err *err)
{
    (void)err;
    jw_text(a->result, "version", HONE_VERSION);
    jw_text(a->result, "store", store_uuid(a->turn->store));
    return 0;
}

static int call_submit(const struct asking *a, struct err *err)
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
    int rc = study_def_parse(str_text(&text), text.len, file_text, &def, err);
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

static int call_workers(const struct asking *a, struct err *err)
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
    struct demand demand;
    demand_of(&a->reactor->studies, &demand);
    jw_int(a->result, "open", demand.open);
    jw_int(a->result, "wanted", demand.wanted);
    return 0;
}

static int call_drain(const struct asking *a, struct err *err)
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

/* ---- the table ---- */

static const struct verb {
    const char *name;
    int (*act)(const struct asking *a, struct err *err);
    call_on_study *act_on; /* where act is NULL */
    bool only_looks;
} verbs[] = {
    {"ping", call_ping, NULL, true},        {"workers", call_workers, NULL, true},
    {"submit", call_submit, NULL, false},   {"drain", call_drain, NULL, false},
    {"status", NULL, call_status, true},    {"pause", NULL, call_pause, false},
    {"resume", NULL, call_resume, false},   {"stop", NULL, call_stop, false},
    {"approve", NULL, call_approve, false}, {"enqueue", NULL, call_enqueue, false},
    {"edit", NULL, call_edit, false},       {"rename", NULL, call_rename, false},
    {"cancel", NULL, call_cancel, false},   {"retry", NULL, call_retry, false},
    {"delete", NULL, call_delete, false},   {"explain", NULL, call_explain, false},
    {"seeds", NULL, call_seeds, false},
};

static const struct verb *verb_named(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

bool calls_only_look(const char *name)
{
    const struct verb *verb = verb_named(name);
    return verb && verb->only_looks;
}

/* ---- one call ---- */

static int named_study(const struct asking *a, struct study **out, struct err *err)
{
    struct jcur name = jcur_get(&a->args, "study");
    const char *text = "";
    if (jcur_has(&name) && jcur_text(&name, 64, &text, err))
        return ERR_BAD;
    if (studies_refuse_unreadable(&a->reactor->studies, text, err))
        return ERR_BAD;
    *out = studies_find(&a->reactor->studies, text);
    if (*out)
        return 0;
    if (!text[0])
        return err_set(err, ERR_GONE, "there is no study in this database yet");
    err_set(err, ERR_GONE, "there is no study \"%s\" in this database", text);
    const char *near = studies_nearest(&a->reactor->studies, text);
    return near ? err_hint(err, "did you mean %s?", near) : err_hint(err, "`hone studies` lists them");
}

static int act(const struct asking *a, const char *name, struct err *err)
{
    const struct verb *verb = verb_named(name);
    struct study *s;
    if (!verb)
        return err_set(err, ERR_BAD, "this master knows no \"%s\"; is it an older version?", name);
    if (verb->act)
        return verb->act(a, err);
    int rc = named_study(a, &s, err);
    return rc ? rc : verb->act_on(a, s, err);
}

/* The person, as the command names him: "anna@node1". */
static const char *who_of(const struct json *args)
{
    const char *text = json_text(json_get(args, "who"));
    return text[0] && strlen(text) < 200 ? text : "somebody";
}

void calls_answer(struct reactor *reactor, struct turn *turn, const struct msg_call *call,
                  struct msg_answer *answer)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    struct asking a = {reactor, turn, jcur_root(call->args, call->verb), &w, who_of(call->args)};
    struct err err = ERR_NONE;
    jw_object(&w, NULL);
    int rc = act(&a, call->verb, &err);
    msg_answer_outcome(answer, call->id, rc, &err);
    if (!rc) {
        jw_close_object(&w);
        answer->result = json_parse(str_text(&text), text.len, "result", NULL);
    }
    str_fini(&text);
}
