/* Calls about a study. */
#include <string.h>

#include "master/calls_parts.h"
#include "master/course.h"
#include "master/edit.h"
#include "master/extra.h"
#include "master/search/given.h"
#include "master/snapshot.h"

static void set_wish(const struct asking *a, struct study *s, enum study_wish wish)
{
    s->wish = wish;
    store_study_wish(a->turn->store, s->id, wish);
}

int call_pause(const struct asking *a, struct study *s, struct err *err)
{
    if (study_has_ended(s))
        return err_set(err, ERR_NO, "study \"%s\" has ended (%s)", s->def.name, s->end_reason);
    set_wish(a, s, WISH_PAUSE);
    for (size_t i = 0; i < s->count; i++)
        if (s->trials[i]->status == TRIAL_running)
            trial_stop(a->turn, s->trials[i], STOP_EPOCH, "paused");
    jw_text(a->result, "state", study_state(s));
    return 0;
}

int call_resume(const struct asking *a, struct study *s, struct err *err)
{
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

int call_stop(const struct asking *a, struct study *s, struct err *err)
{
    (void)err;
    if (!study_has_ended(s))
        set_wish(a, s, WISH_STOP); /* the next tick winds it up */
    else
        extra_stop(a->turn, s);
    study_tick(a->turn, s);
    jw_text(a->result, "state", study_state(s));
    return 0;
}

static int no_param(const struct study *s, const char *name, struct err *err)
{
    const char *names[SPACE_MAX_PARAMS + 1] = {0};
    for (int i = 0; i < s->def.space.count; i++)
        names[i] = s->def.space.params[i].name;
    const char *near = nearest_name(name, names);
    err_set(err, ERR_BAD, "study \"%s\" has no parameter %s", s->def.name, name);
    return near ? err_hint(err, "did you mean %s?", near) : ERR_BAD;
}

int call_approve(const struct asking *a, struct study *s, struct err *err)
{
    struct jcur param = jcur_get(&a->args, "param");
    const char *name = NULL;
    if (jcur_has(&param) && jcur_text(&param, 64, &name, err))
        return ERR_BAD;
    if (name && space_find(&s->def.space, name) < 0)
        return no_param(s, name, err);
    int moved = course_approve(a->turn, s, name, a->who);
    jw_int(a->result, "moved", moved);
    return moved ? 0 : err_set(err, ERR_NO, "no wall of study \"%s\" waits for approval", s->def.name);
}

/* All of the points or none: each is looked at before the first is added. */
int call_enqueue(const struct asking *a, struct study *s, struct err *err)
{
    struct jcur points = jcur_get(&a->args, "points");
    if (jcur_array(&points, 1, 10000, err))
        return ERR_BAD;
    for (const struct json *n = json_first(points.node); n; n = json_next(n)) {
        struct jcur given = jcur_of(&points, n);
        if (given_check(&s->def.space, &s->history, &given, err))
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
        int rc = study_add_given(a->turn, s, &given, a->who, &t, err);
        if (rc)
            return rc; /* a grid, before the first */
        jw_int(a->result, NULL, t->number);
    }
    jw_close_array(a->result);
    return 0;
}

int call_edit(const struct asking *a, struct study *s, struct err *err)
{
    enum { SETS_MAX = 100 };
    struct jcur list = jcur_get(&a->args, "sets");
    const char *sets[SETS_MAX + 1] = {0};
    int count = 0;
    if (jcur_array(&list, 1, SETS_MAX, err))
        return ERR_BAD;
    for (const struct json *n = json_first(list.node); n; n = json_next(n))
        sets[count++] = json_text(n);
    int rc = edit_study(a->turn, s, sets, a->who, a->result, err);
    if (rc)
        return rc;
    study_tick(a->turn, s);
    jw_text(a->result, "state", study_state(s));
    return 0;
}

int call_rename(const struct asking *a, struct study *s, struct err *err)
{
    struct jcur to = jcur_get(&a->args, "to");
    const char *name;
    if (jcur_text(&to, 64, &name, err))
        return ERR_BAD;
    return edit_name(&a->reactor->studies, a->turn, s, name, a->who, err);
}

int call_status(const struct asking *a, struct study *s, struct err *err)
{
    (void)err;
    struct server_snapshot snapshot;
    snapshot_take(a->reactor, s, a->turn->now.mono_ms, &snapshot);
    snapshot_write(&snapshot, a->result, "status");
    return 0;
}
