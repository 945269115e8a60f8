#include "master/dispatch.h"

#include "common/check.h"
#include "master/checks.h"
#include "master/outcome.h"
#include "master/population.h"
#include "sql/store_load.h"

static bool goes_before(const struct study *a, const struct study *b)
{
    if (a->def.priority != b->def.priority)
        return a->def.priority > b->def.priority;
    if (a->served != b->served)
        return a->served < b->served;
    return a->id < b->id;
}

/* The most deserving of those with work, of those that come after `last` (NULL: of all); NULL: none is left. */
static struct study *next_study(const struct studies *studies, const struct study *last)
{
    struct study *first = NULL;
    for (size_t i = 0; i < studies->count; i++) {
        struct study *s = studies->all[i];
        if (study_has_work(s) && (!last || goes_before(last, s)) && (!first || goes_before(s, first)))
            first = s;
    }
    return first;
}

/* Of the most deserving study that has something to start and may be trained there; `*shut` if one may not. Asks each at
 * most once: sampling has a price. */
static struct trial *next_trial(struct turn *turn, const struct studies *studies, struct worker *w,
                                int64_t avoid, bool *shut)
{
    struct trial *t = NULL;
    for (struct study *s = next_study(studies, NULL); s && !t; s = next_study(studies, s)) {
        if (checks_door(turn, s, w) == DOOR_SHUT)
            *shut = true;
        else
            t = study_next(turn, s, avoid);
    }
    return t;
}

/* {path, epoch, bytes, hash} of the newest checkpoint row, or of the parent's; NULL: from the start. */
static struct json *resume_from(struct turn *turn, const struct trial *t)
{
    struct row_checkpoint row;
    bool has_own = t->attempt && !store_last_checkpoint(turn->store, t->id, t->until, &row, NULL);
    if (!has_own && population_checkpoint(turn->store, t, &row))
        return NULL;
    struct json *resume = json_new_object();
    json_put_text(resume, "path", row.path);
    json_put_num(resume, "epoch", row.epoch);
    json_put_num(resume, "bytes", (double)row.bytes);
    json_put_text(resume, "hash", row.hash);
    return resume;
}

static struct json *params_of(const struct trial *t)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    point_write(&t->study->def.space, &t->point, &w, NULL);
    struct json *params = json_parse(str_text(&text), text.len, "point", NULL);
    str_fini(&text);
    POST(params);
    /* A program of the user's is told its fold like a parameter; the built-in trainer by its options. */
    if (t->study->def.repeat.folds && !json_get(json_get(t->study->def.json, "trainer"), "builtin"))
        json_put_num(params, "fold", t->repeat);
    return params;
}

static struct json *trainer_of(const struct trial *t)
{
    const struct study_def *def = &t->study->def;
    struct json *trainer = json_clone(json_get(def->json, "trainer"));
    if (def->repeat.folds && json_get(trainer, "builtin")) {
        json_put_num(trainer, "folds", def->repeat.repeats);
        json_put_num(trainer, "fold", t->repeat);
    }
    return trainer;
}

static void send_job(struct turn *turn, struct trial *t, peer_id to, struct json *resume)
{
    const struct study *s = t->study;
    struct msg msg = {.kind = MSG_job};
    struct msg_job *job = &msg.job;
    str_copy(job->study, sizeof job->study, s->def.name);
    str_copy(job->token, sizeof job->token, t->token);
    str_copy(job->metric, sizeof job->metric, s->def.metric);
    str_copy(job->base, sizeof job->base, s->base);
    job->trial = t->number;
    job->attempt = (uint64_t)t->attempt;
    job->seed = t->seed;
    job->until = (uint64_t)t->until;
    job->epochs = (uint64_t)t->epochs;
    job->params = params_of(t);
    job->trainer = trainer_of(t);
    job->resume = resume;
    outbox_add(turn->outbox, to, &msg);
    msg_fini(&msg);
}

/* A later attempt fences the one before: from here on only this token counts. */
static void start_attempt(struct turn *turn, struct trial *t, struct worker *w)
{
    struct json *resume = resume_from(turn, t);
    if (t->is_open)
        outcome_fenced(turn, t);
    store_checkpoints_fenced(turn->store, t->id); /* what older attempts still offer comes too late */
    t->attempt++;
    random_hex(t->token);
    t->is_open = true;
    t->stopping = STOP_NO;
    t->stop_reason[0] = '\0';
    t->attempt_started_ms = turn->now.wall_ms;
    t->study->open_count++;
    t->study->served += 1 / t->study->def.weight;
    struct row_attempt row = {
        .trial = t->id,
        .attempt = t->attempt,
        .worker = w->id,
        .token = t->token,
        .from_epoch = resume ? (int)json_num(json_get(resume, "epoch")) : 0,
        .started_ms = turn->now.wall_ms,
    };
    store_attempt_started(turn->store, &row);
    trial_move(turn, t, TRIAL_running, NULL, NULL);
    trial_save_progress(turn, t);
    worker_hold(w, t);
    w->sent++;
    send_job(turn, t, w->peer, resume);
}

/* A worker whose last attempt failed does not get the same trial again while somebody else could try it. */
static bool may_pick(const struct roster *roster, const struct worker *w)
{
    for (size_t i = 0; i < roster->count && w->failed_in_row; i++) {
        const struct worker *o = roster->workers[i];
        if (o != w && o->peer && o->mode == WORKER_OPEN)
            return true;
    }
    return false;
}

static void give(struct turn *turn, struct trial *t, struct worker *w)
{
    if (checks_door(turn, t->study, w) == DOOR_SMOKE)
        checks_smoke(turn, t->study, w); /* the trial waits at the front for whoever comes */
    else
        start_attempt(turn, t, w);
}

void dispatch_all(struct turn *turn, const struct studies *studies, struct roster *roster)
{
    bool gave = true;
    while (gave) {
        gave = false;
        for (size_t i = 0; i < roster->count; i++) {
            struct worker *w = roster->workers[i];
            if (!worker_wants_job(w, turn->now.mono_ms))
                continue;
            bool shut = false, picks = may_pick(roster, w);
            struct trial *t = NULL;
            if (!checks_give(turn, studies, w)) {
                t = next_trial(turn, studies, w, picks ? w->id : 0, &shut);
                if (!t && !shut && !picks)
                    return; /* there is nothing for anybody */
                if (!t)
                    continue;
                give(turn, t, w);
            }
            gave = true;
        }
    }
}
