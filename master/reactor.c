#include "master/reactor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/log.h"
#include "common/mem.h"
#include "master/outcome.h"
#include "master/calls.h"
#include "master/checks.h"
#include "master/course.h"
#include "master/dispatch.h"
#include "master/quarantine.h"
#include "master/reports.h"

enum { EPOCH_MAX = 1000000000 };

/* ---- open, close ---- */

static int load_study(void *arg, const struct row_study *row)
{
    void **args = arg;
    struct reactor *r = args[0];
    struct turn *turn = args[1];
    struct err *err = args[2];
    struct study_def def;
    if (study_def_parse(row->definition, strlen(row->definition), row->name, NULL, 0, &def, err))
        return err_prefix(err, "study \"%s\" in the database: ", row->name);
    struct study *s = study_new(&def, row->base, err);
    if (!s)
        return ERR_BAD;
    s->history.is_lean = true;
    str_copy(s->def.name, sizeof s->def.name, row->name);
    s->id = row->id;
    s->wish = row->wish;
    s->checks = row->checks;
    s->checked = row->checked;
    s->def.priority = row->priority;
    s->def.weight = row->weight;
    s->created_ms = row->created_ms;
    s->ended_ms = row->ended_ms;
    s->wall_used_ms = s->saved_wall_ms = row->wall_used_ms;
    s->slot_used_ms = row->slot_used_ms;
    str_copy(s->end_reason, sizeof s->end_reason, row->end_reason ? row->end_reason : "");
    GROW(r->studies, r->study_room, r->study_count + 1);
    r->studies[r->study_count++] = s;
    (void)turn;
    return 0;
}

int reactor_open(struct reactor *r, const struct reactor_config *config, struct turn *turn, struct err *err)
{
    *r = (struct reactor){.config = *config, .may_have_orphans = true};
    void *args[] = {r, turn, err};
    int rc = store_load_studies(turn->store, load_study, args, err);
    for (size_t i = 0; i < r->study_count && !rc; i++)
        rc = study_load(turn, r->studies[i], turn->now.mono_ms + config->lease_ms, err);
    if (!rc)
        rc = checkpoints_load(&r->checkpoints, turn, err);
    if (rc)
        reactor_close(r);
    return rc;
}

void reactor_close(struct reactor *r)
{
    for (size_t i = 0; i < r->study_count; i++)
        study_free(r->studies[i]);
    free(r->studies);
    roster_fini(&r->roster);
    checkpoints_fini(&r->checkpoints);
    *r = (struct reactor){0};
}

void reactor_use_proposer(struct reactor *r, struct proposer *proposer)
{
    r->proposer = proposer;
    for (size_t i = 0; i < r->study_count; i++)
        study_use_proposer(r->studies[i], proposer);
}

void reactor_use_porter(struct reactor *r, struct porter *porter)
{
    r->checkpoints.porter = porter;
}

struct study *reactor_study(const struct reactor *r, const char *name)
{
    if (!name || !name[0])
        return r->study_count ? r->studies[r->study_count - 1] : NULL;
    for (size_t i = 0; i < r->study_count; i++)
        if (str_same_nocase(r->studies[i]->def.name, name))
            return r->studies[i];
    return NULL;
}

/* ---- saying things ---- */

static void send_error(struct turn *turn, peer_id to, const char *code, const char *text)
{
    struct msg msg = {.kind = MSG_error};
    str_copy(msg.error.code, sizeof msg.error.code, code);
    snprintf(msg.error.text, sizeof msg.error.text, "%s", text);
    outbox_add(turn->outbox, to, &msg);
}

/* ---- finding what a message is about ---- */

/* The trial whose newest attempt this is; fenced and unknown ones are counted, and the worker told to stop. */
struct trial *reactor_attempt(struct reactor *r, struct turn *turn, peer_id from, const char *study,
                              uint64_t trial, uint64_t attempt, const char *token)
{
    struct study *s = study[0] ? reactor_study(r, study) : NULL;
    struct trial *t = s && trial <= UINT32_MAX ? study_trial(s, (uint32_t)trial) : NULL;
    bool named = t && t->attempt > 0 && (uint64_t)t->attempt == attempt && strcmp(t->token, token) == 0;
    /* An attempt lives and dies in one worker's process: whoever else shows its token has read or recorded it. */
    if (named && (!t->holder || t->holder == roster_by_peer(&r->roster, from)))
        return t;
    r->fenced_count++;
    outcome_send_fenced(turn, from, study, trial, attempt, token);
    return NULL;
}

/* ---- handlers ---- */

static void lose_worker(struct reactor *r, struct turn *turn, struct worker *w, const char *why, bool died)
{
    if (w->held_count)
        log_warn("worker %s: %s; %zu of its trials go on elsewhere", w->name, why, w->held_count);
    while (w->held_count)
        outcome_lost(turn, w->held[w->held_count - 1], died);
    store_worker_left(turn->store, w->id, why, turn->now.wall_ms);
    checks_drop(r->studies, r->study_count, w);
    roster_remove(&r->roster, w);
}

static bool names_attempt(const struct json *held, const struct trial *t)
{
    for (const struct json *h = json_first(held); h; h = json_next(h))
        if (json_num(json_get(h, "attempt")) == t->attempt &&
            strcmp(json_text(json_get(h, "token")), t->token) == 0)
            return true;
    return false;
}

/* What we think it has and it does not: a job that never arrived, say. */
static void drop_unheld(struct turn *turn, struct worker *w, const struct json *held)
{
    for (size_t i = w->held_count; i-- > 0;)
        if (!names_attempt(held, w->held[i]))
            outcome_lost(turn, w->held[i], false);
}

static void take_held(struct reactor *r, struct turn *turn, struct worker *w, const struct msg_hello *hello)
{
    bool ours = !hello->store[0] || strcmp(hello->store, store_uuid(turn->store)) == 0;
    for (const struct json *h = json_first(hello->held); h; h = json_next(h)) {
        const char *study = json_text(json_get(h, "study")), *token = json_text(json_get(h, "token"));
        double trial = json_num(json_get(h, "trial")), attempt = json_num(json_get(h, "attempt"));
        if (!(trial >= 1 && trial <= UINT32_MAX && attempt >= 1 && attempt <= EPOCH_MAX))
            continue;
        if (!ours) {
            outcome_send_fenced(turn, w->peer, study, (uint64_t)trial, (uint64_t)attempt, token);
            continue;
        }
        struct trial *t = reactor_attempt(r, turn, w->peer, study, (uint64_t)trial, (uint64_t)attempt, token);
        if (t)
            outcome_reinstate(turn, w, t);
    }
}

static void send_welcome(struct reactor *r, struct turn *turn, const struct worker *w)
{
    struct msg msg = {.kind = MSG_welcome};
    struct msg_welcome *welcome = &msg.welcome;
    str_copy(welcome->store, sizeof welcome->store, store_uuid(turn->store));
    str_copy(welcome->version, sizeof welcome->version, HONE_VERSION);
    welcome->worker = (uint64_t)w->id;
    welcome->beat_ms = (uint64_t)r->config.beat_ms;
    welcome->lease_ms = (uint64_t)r->config.lease_ms;
    str_copy(welcome->root, sizeof welcome->root, store_root(turn->store));
    str_copy(welcome->probe, sizeof welcome->probe, store_uuid(turn->store));
    outbox_add(turn->outbox, w->peer, &msg);
}

static void on_hello(struct reactor *r, struct turn *turn, peer_id from, struct worker *known,
                     struct msg *msg)
{
    struct msg_hello *hello = &msg->hello;
    struct worker *w = roster_by_uuid(&r->roster, hello->uuid);
    if (known && known != w)
        roster_disconnect(&r->roster, known);
    if (!w)
        w = roster_add(&r->roster, hello->uuid);
    str_copy(w->name, sizeof w->name, hello->name);
    str_copy(w->host, sizeof w->host, hello->host);
    w->slots = (int)hello->slots;
    w->transit = hello->transit;
    w->pid = (int64_t)hello->pid;
    w->heard_mono_ms = w->spoke_mono_ms = turn->now.mono_ms;
    roster_connect(&r->roster, w, from);
    struct row_worker row = {.uuid = hello->uuid,
                             .name = hello->name,
                             .host = hello->host,
                             .version = hello->version,
                             .platform = hello->platform,
                             .pid = (int64_t)hello->pid,
                             .slots = w->slots};
    store_worker_joined(turn->store, &row, turn->now.wall_ms);
    w->id = row.id;
    w->mode = row.mode;
    w->failed_in_row = row.failed_in_row;
    send_welcome(r, turn, w);
    checks_drop(r->studies, r->study_count, w);
    drop_unheld(turn, w, hello->held);
    take_held(r, turn, w, hello);
    checkpoints_on_hello(r, turn, w, hello->offers);
    log_info("worker %s on %s joined (%d slots)", w->name, w->host, w->slots);
}

static void on_credit(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    (void)r, (void)turn, (void)from;
    if (msg->credit.jobs > w->credit)
        w->credit = msg->credit.jobs;
}

static void on_checked(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    (void)from;
    checks_on_checked(turn, r->studies, r->study_count, w, &msg->checked);
}

static void on_beat(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    (void)r, (void)turn, (void)from, (void)w, (void)msg; /* being heard is all of it */
}

static void on_want(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    (void)from;
    checkpoints_on_want(r, turn, w, &msg->want);
}

static void on_chunk(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    (void)from;
    checkpoints_on_chunk(r, turn, w, &msg->chunk);
}

static void on_bye(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    (void)from;
    log_info("worker %s left (%s)", w->name, msg->bye.reason);
    lose_worker(r, turn, w, "bye", false);
}

static void on_error(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    (void)from;
    log_warn("worker %s says: %s (%s)", w ? w->name : "?", msg->error.text, msg->error.code);
    if (w && strcmp(msg->error.code, "unknown") == 0)
        checks_on_unknown(turn, r->studies, r->study_count, w);
}

static void on_call(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    (void)w;
    struct msg reply = {.kind = MSG_answer};
    calls_answer(r, turn, &msg->call, &reply.answer);
    outbox_add(turn->outbox, from, &reply);
    msg_fini(&reply);
}

/* One row per message that a master takes; the others are refused. */
static const struct {
    void (*handle)(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg);
    bool from_strangers; /* also before HELLO */
} handlers[MSG_KIND_COUNT] = {
    [MSG_hello] = {on_hello, true},
    [MSG_credit] = {on_credit, false},
    [MSG_report] = {reports_on_report, false},
    [MSG_done] = {reports_on_done, false},
    [MSG_beat] = {on_beat, false},
    [MSG_bye] = {on_bye, false},
    [MSG_checked] = {on_checked, false},
    [MSG_error] = {on_error, true},
    [MSG_call] = {on_call, true},
    [MSG_want] = {on_want, false},
    [MSG_chunk] = {on_chunk, false},
};

void reactor_ask_hello(struct turn *turn, peer_id peer)
{
    send_error(turn, peer, "hello", "say HELLO first, then send again everything not acknowledged");
}

void reactor_on_message(struct reactor *r, struct turn *turn, peer_id from, struct msg *msg)
{
    struct worker *w = roster_by_peer(&r->roster, from);
    if (w)
        w->heard_mono_ms = turn->now.mono_ms;
    if (!handlers[msg->kind].handle)
        send_error(turn, from, "unknown", "a master does not take this message");
    else if (!w && !handlers[msg->kind].from_strangers)
        reactor_ask_hello(turn, from);
    else
        handlers[msg->kind].handle(r, turn, from, w, msg);
}

/* ---- the turn's end ---- */

/* Stopped (SIGSTOP, a machine asleep, a disk that took its time): what the workers said meanwhile is still on its way,
 * so nobody's silence counts from before. */
static void tick_sleep(struct reactor *r, struct turn *turn)
{
    int64_t now = turn->now.mono_ms, slept_ms = now - r->ticked_mono_ms;
    bool slept = r->ticked_mono_ms && slept_ms >= r->config.lease_ms / 2 && slept_ms >= 2 * r->config.beat_ms;
    r->ticked_mono_ms = now;
    if (!slept)
        return;
    log_warn("this master did nothing for %.1f s (stopped, asleep, or a slow disk); leases begin anew",
             (double)slept_ms / 1000);
    for (size_t i = 0; i < r->roster.count; i++)
        r->roster.workers[i]->heard_mono_ms = now;
    for (size_t i = 0; i < r->study_count; i++)
        for (size_t k = 0; k < r->studies[i]->count; k++)
            r->studies[i]->trials[k]->orphan_until_mono_ms = now + r->config.lease_ms;
}

static int64_t tick_leases(struct reactor *r, struct turn *turn)
{
    int64_t now = turn->now.mono_ms, next = INT64_MAX;
    for (size_t i = r->roster.count; i-- > 0;) {
        struct worker *w = r->roster.workers[i];
        int64_t deadline = w->heard_mono_ms + r->config.lease_ms;
        if (deadline <= now)
            lose_worker(r, turn, w, "lost", true);
        else if (deadline < next)
            next = deadline;
    }
    for (size_t i = 0; i < r->roster.count; i++) {
        int64_t rested = r->roster.workers[i]->rest_until_mono_ms;
        if (rested > now && rested < next)
            next = rested;
    }
    return next;
}

/* Open attempts whose worker has not come back since this master started. */
static int64_t tick_orphans(struct reactor *r, struct turn *turn)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < r->study_count && r->may_have_orphans; i++) {
        struct study *s = r->studies[i];
        if (!s->open_count)
            continue;
        for (size_t k = 0; k < s->count; k++) {
            struct trial *t = s->trials[k];
            if (!t->is_open || t->holder)
                continue;
            if (t->orphan_until_mono_ms <= turn->now.mono_ms)
                outcome_lost(turn, t, true);
            else if (t->orphan_until_mono_ms < next)
                next = t->orphan_until_mono_ms;
        }
    }
    r->may_have_orphans = next != INT64_MAX;
    return next;
}

static void send_acks(struct reactor *r, struct turn *turn)
{
    for (size_t i = 0; i < r->roster.count; i++) {
        struct worker *w = r->roster.workers[i];
        if (!w->ack_due || !w->peer)
            continue;
        struct msg msg = {.kind = MSG_ack};
        msg.ack.seq = w->ack_seq;
        outbox_add(turn->outbox, w->peer, &msg);
        w->ack_due = false;
        w->spoke_mono_ms = turn->now.mono_ms;
    }
}

static int64_t send_beats(struct reactor *r, struct turn *turn)
{
    if (turn->now.mono_ms < r->next_beat_mono_ms)
        return r->next_beat_mono_ms;
    for (size_t i = 0; i < r->roster.count; i++) {
        struct worker *w = r->roster.workers[i];
        if (!w->peer)
            continue;
        struct msg msg = {.kind = MSG_beat};
        outbox_add(turn->outbox, w->peer, &msg);
        w->spoke_mono_ms = turn->now.mono_ms;
    }
    r->next_beat_mono_ms = turn->now.mono_ms + r->config.beat_ms;
    return r->next_beat_mono_ms;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t reactor_tick(struct reactor *r, struct turn *turn)
{
    tick_sleep(r, turn);
    int64_t next = least(tick_leases(r, turn), tick_orphans(r, turn));
    next = least(next, checkpoints_tick(r, turn));
    for (size_t i = 0; i < r->study_count && !r->interrupted; i++)
        next = least(next, study_tick(turn, r->studies[i]));
    if (!r->interrupted) {
        dispatch_all(turn, r->studies, r->study_count, &r->roster);
        /* A study whose last point was refused has ended only now. */
        for (size_t i = 0; i < r->study_count; i++)
            next = least(next, study_tick(turn, r->studies[i]));
    }
    if (r->config.once && reactor_is_quiet(r))
        reactor_dismiss(r, turn, "finished");
    send_acks(r, turn);
    return least(next, send_beats(r, turn));
}

void reactor_committed(struct reactor *r, struct turn *turn)
{
    checkpoints_committed(r, turn);
}

/* ---- interrupt ---- */

void reactor_on_revoked(struct reactor *r, struct turn *turn, peer_id from)
{
    struct worker *w = roster_by_peer(&r->roster, from);
    if (w)
        lose_worker(r, turn, w, "revoked", false);
}

void reactor_worker_gone(struct reactor *r, struct turn *turn, int64_t pid)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    for (size_t i = 0; i < r->roster.count; i++) {
        struct worker *w = r->roster.workers[i];
        if (w->pid == pid && strcmp(w->host, host) == 0) {
            lose_worker(r, turn, w, "lost", true);
            return;
        }
    }
}

void reactor_interrupt(struct reactor *r, struct turn *turn)
{
    r->interrupted = true;
    for (size_t i = 0; i < r->study_count; i++)
        for (size_t k = 0; k < r->studies[i]->count; k++)
            if (r->studies[i]->trials[k]->is_open)
                study_stop_trial(turn, r->studies[i]->trials[k], STOP_NOW, "shutdown");
}

int reactor_drain(struct reactor *r, struct turn *turn, const char *which, bool finish, int *stopped)
{
    int drained = 0;
    for (size_t i = 0; i < r->roster.count; i++) {
        struct worker *w = r->roster.workers[i];
        if (strcmp(w->name, which) != 0 && !str_same_nocase(w->host, which))
            continue;
        worker_set_mode(turn, w, WORKER_DRAINING);
        drained++;
        for (size_t k = 0; k < w->held_count && !finish; k++) {
            *stopped += !w->held[k]->stopping;
            study_stop_trial(turn, w->held[k], STOP_EPOCH, "drained");
        }
        struct msg msg = {.kind = MSG_bye};
        str_copy(msg.bye.reason, sizeof msg.bye.reason, "drained");
        if (w->peer)
            outbox_add(turn->outbox, w->peer, &msg);
    }
    return drained;
}

bool reactor_is_quiet(const struct reactor *r)
{
    if (checkpoints_busy(r))
        return false;
    for (size_t i = 0; i < r->study_count; i++)
        if (r->studies[i]->open_count || (!r->interrupted && study_has_work(r->studies[i])))
            return false;
    return true;
}

void reactor_dismiss(struct reactor *r, struct turn *turn, const char *reason)
{
    for (size_t i = 0; i < r->roster.count; i++) {
        struct worker *w = r->roster.workers[i];
        if (!w->peer)
            continue;
        struct msg msg = {.kind = MSG_bye};
        str_copy(msg.bye.reason, sizeof msg.bye.reason, reason);
        outbox_add(turn->outbox, w->peer, &msg);
        store_worker_left(turn->store, w->id, "bye", turn->now.wall_ms);
    }
}

double reactor_epochs_per_s(const struct reactor *r, int64_t mono_ms)
{
    enum { WINDOW_S = 30 };
    int64_t now = mono_ms / 1000, total = 0, oldest = now;
    for (size_t i = 0; i < COUNT_OF(r->rate.second); i++) {
        if (!r->rate.epochs[i] || now - r->rate.second[i] >= WINDOW_S)
            continue;
        total += r->rate.epochs[i];
        oldest = least(oldest, r->rate.second[i]);
    }
    return (double)total / (double)(now - oldest + 1);
}
