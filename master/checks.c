#include "master/checks.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/check_result.h"
#include "common/log.h"
#include "common/mem.h"

/* ---- sending ---- */

/* The middle of every axis: at the walls of a box a right trainer may well be hopeless. */
static struct json *middle_of(const struct space *space)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    struct point point;
    double *units = xcalloc((size_t)space->count + 1, sizeof *units);
    for (int i = 0; i < space->count; i++)
        units[i] = 0.5;
    point_init(&point, space);
    space_point(space, units, &point);
    point_write(space, &point, &w, NULL);
    struct json *params = json_parse(str_text(&text), text.len, "point", NULL);
    POST(params);
    point_fini(&point);
    str_fini(&text);
    free(units);
    return params;
}

void checks_describe(const struct study_def *def, const char *base, struct msg *out)
{
    struct msg_check *check = &out->check;
    *out = (struct msg){.kind = MSG_check};
    str_copy(check->study, sizeof check->study, def->name);
    str_copy(check->metric, sizeof check->metric, def->metric);
    str_copy(check->base, sizeof check->base, base);
    check->seed = hash_mix(def->trainer_seed, 0) & HONE_SEED_MAX;
    check->epochs = (uint64_t)def->epochs;
    check->params = middle_of(&def->space);
    check->trainer = json_clone(json_get(def->json, "trainer"));
}

static void send_check(struct turn *turn, const struct study *s, struct worker *w, bool smoke,
                       const char token[HASH_HEX])
{
    struct msg msg;
    checks_describe(&s->def, s->base, &msg);
    msg.check.smoke = smoke;
    str_copy(msg.check.token, sizeof msg.check.token, token);
    outbox_add(turn->outbox, w->peer, &msg);
    msg_fini(&msg);
    w->sent++;
}

bool checks_give(struct turn *turn, const struct studies *studies, struct worker *w)
{
    for (size_t i = 0; i < studies->count; i++) {
        struct study *s = studies->all[i];
        if (!study_awaits_checks(s) || s->checker || s->ending[0] || s->wish != WISH_RUN)
            continue;
        s->checker = w;
        random_hex(s->check_token);
        send_check(turn, s, w, false, s->check_token);
        log_info("study %s: worker %s checks the trainer", s->def.name, w->name);
        return true;
    }
    return false;
}

/* ---- the door ---- */

static struct smoke *smoke_of(const struct worker *w, int64_t study)
{
    for (size_t i = 0; i < w->smoke_count; i++)
        if (w->smokes[i].study == study)
            return &w->smokes[i];
    return NULL;
}

static struct smoke *smoke_add(struct worker *w, int64_t study, enum smoke_state state)
{
    GROW(w->smokes, w->smoke_room, w->smoke_count + 1);
    struct smoke *smoke = &w->smokes[w->smoke_count++];
    *smoke = (struct smoke){.study = study, .state = state};
    return smoke;
}

enum checks_door checks_door(struct turn *turn, const struct study *s, struct worker *w)
{
    if (s->checks == CHECKS_SKIP)
        return DOOR_OPEN;
    if (study_awaits_checks(s))
        return DOOR_SHUT;
    if (json_get(json_get(s->def.json, "trainer"), "builtin"))
        return DOOR_OPEN;
    const struct smoke *smoke = smoke_of(w, s->id);
    if (!smoke) /* the store is asked once */
        smoke = smoke_add(w, s->id, store_smoke_known(turn->store, s->id, w->id) ? SMOKE_GOOD : SMOKE_WANTED);
    if (smoke->state == SMOKE_WANTED)
        return DOOR_SMOKE;
    bool open = smoke->state == SMOKE_GOOD || (smoke->state == SMOKE_BAD && s->checks == CHECKS_FORCE);
    return open ? DOOR_OPEN : DOOR_SHUT;
}

void checks_smoke(struct turn *turn, struct study *s, struct worker *w)
{
    struct smoke *smoke = smoke_of(w, s->id);
    PRE(smoke && smoke->state == SMOKE_WANTED);
    smoke->state = SMOKE_RUNNING;
    random_hex(smoke->token);
    send_check(turn, s, w, true, smoke->token);
}

/* ---- answers ---- */

/* One line for what needs attention: a warning where the study goes on all the same. */
static void tell(const struct study *s, const struct worker *w, const struct check_result *result,
                 bool goes_on)
{
    struct str line = {0};
    str_addf(&line, "study %s, worker %s: %s %s: %s%s%s: %s", s->def.name, w->name, result->gate,
             verdict_name(result->verdict), result->name, result->part[0] ? ", " : "", result->part,
             result->text);
    if (result->hint[0])
        str_addf(&line, " (%s)", result->hint);
    if (result->verdict == VERDICT_SUSPICIOUS || (goes_on && result->verdict == VERDICT_WRONG))
        log_warn("%s", str_text(&line));
    else if (result->verdict == VERDICT_WRONG)
        log_info("%s", str_text(&line));
    str_fini(&line);
}

static enum verdict keep_results(struct turn *turn, struct study *s, const struct worker *w, bool smoke,
                                 const struct json *results)
{
    enum verdict worst = VERDICT_SKIPPED;
    bool goes_on = smoke || s->checks == CHECKS_FORCE;
    for (const struct json *r = json_first(results); r; r = json_next(r)) {
        struct check_result result;
        if (!check_result_read(r, &result))
            continue;
        store_add_check(turn->store, s->id, w->id, smoke, &result, turn->now.wall_ms);
        tell(s, w, &result, goes_on);
        worst = result.verdict > worst ? result.verdict : worst;
    }
    return worst;
}

static void end_check(struct turn *turn, struct study *s, struct worker *w, enum verdict worst)
{
    bool failed = worst == VERDICT_WRONG;
    s->checker = NULL;
    s->checked = failed ? CHECKED_FAILED : CHECKED_PASSED;
    store_study_checks(turn->store, s->id, s->checks, s->checked);
    struct smoke *smoke = smoke_of(w, s->id);
    smoke = smoke ? smoke : smoke_add(w, s->id, SMOKE_WANTED);
    smoke->state = failed ? SMOKE_BAD : SMOKE_GOOD;
    if (failed && s->checks == CHECKS_WANTED && !s->ending[0])
        study_begin_end(turn, s, "checks");
}

static void end_smoke(struct study *s, struct worker *w, struct smoke *smoke, enum verdict worst)
{
    smoke->state = worst == VERDICT_WRONG ? SMOKE_BAD : SMOKE_GOOD;
    if (smoke->state == SMOKE_BAD && s->checks != CHECKS_FORCE)
        log_warn("study %s: worker %s gets no trial of it", s->def.name, w->name);
}

void checks_on_checked(struct turn *turn, const struct studies *studies, struct worker *w,
                       const struct msg_checked *checked)
{
    for (size_t i = 0; i < studies->count && checked->token[0]; i++) {
        struct study *s = studies->all[i];
        struct smoke *smoke = smoke_of(w, s->id);
        if (s->checker == w && strcmp(s->check_token, checked->token) == 0)
            end_check(turn, s, w, keep_results(turn, s, w, false, checked->results));
        else if (smoke && smoke->state == SMOKE_RUNNING && strcmp(smoke->token, checked->token) == 0)
            end_smoke(s, w, smoke, keep_results(turn, s, w, true, checked->results));
        else
            continue;
        return;
    }
}

void checks_on_unknown(struct turn *turn, const struct studies *studies, struct worker *w)
{
    for (size_t i = 0; i < studies->count; i++) {
        struct smoke *smoke = smoke_of(w, studies->all[i]->id);
        struct check_result result;
        check_result_set(&result, "G4", "one epoch", VERDICT_SKIPPED, "worker %s knows no checks", w->name);
        if (studies->all[i]->checker == w) {
            store_add_check(turn->store, studies->all[i]->id, w->id, false, &result, turn->now.wall_ms);
            end_check(turn, studies->all[i], w, VERDICT_SKIPPED);
        } else if (smoke && smoke->state == SMOKE_RUNNING) {
            end_smoke(studies->all[i], w, smoke, VERDICT_SKIPPED);
        }
    }
}

void checks_drop(const struct studies *studies, struct worker *w)
{
    for (size_t i = 0; i < studies->count; i++)
        if (studies->all[i]->checker == w)
            studies->all[i]->checker = NULL;
    for (size_t i = 0; i < w->smoke_count; i++)
        if (w->smokes[i].state == SMOKE_RUNNING)
            w->smokes[i].state = SMOKE_WANTED;
}

/* ---- again ---- */

void checks_resubmit(struct turn *turn, struct study *s, enum study_checks checks)
{
    bool failed = strcmp(s->end_reason, "checks") == 0 || strcmp(s->ending, "checks") == 0;
    if (checks != CHECKS_WANTED)
        s->checks = checks; /* said once, it stays */
    else if (!failed)
        return;
    if (failed)
        study_reopen(turn, s);
    if (failed && s->checks == CHECKS_WANTED)
        s->checked = CHECKED_NOT; /* the trainer may be another one by now */
    store_study_checks(turn->store, s->id, s->checks, s->checked);
}
