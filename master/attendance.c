#include "master/attendance.h"

#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "master/checks.h"
#include "master/claim.h"
#include "master/outcome.h"
#include "master/quarantine.h"

enum { ATTEMPT_MAX = 1000000000 };

/* ---- coming ---- */

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
        if (!(trial >= 1 && trial <= UINT32_MAX && attempt >= 1 && attempt <= ATTEMPT_MAX))
            continue;
        struct claim claim = {study, (uint64_t)trial, (uint64_t)attempt, token};
        if (!ours) {
            claim_refuse(turn, w->peer, &claim);
            continue;
        }
        struct trial *t = claim_trial(r, turn, w->peer, &claim);
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

static void send_bye(struct turn *turn, const struct worker *w, const char *reason)
{
    struct msg msg = {.kind = MSG_bye};
    str_copy(msg.bye.reason, sizeof msg.bye.reason, reason);
    outbox_add(turn->outbox, w->peer, &msg);
}

void attendance_on_hello(struct reactor *r, struct turn *turn, peer_id from, struct worker *known,
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
    w->looks = hello->looks;
    w->pid = (int64_t)hello->pid;
    w->gpus_out[0] = '\0'; /* as in its row, until it says otherwise */
    w->heard_mono_ms = w->spoke_mono_ms = turn->now.mono_ms;
    roster_connect(&r->roster, w, from);
    struct row_worker row = {.uuid = hello->uuid,
                             .name = hello->name,
                             .host = hello->host,
                             .version = hello->version,
                             .platform = hello->platform,
                             .pid = (int64_t)hello->pid,
                             .slots = w->slots,
                             .gpus = hello->gpus};
    store_worker_joined(turn->store, &row, turn->now.wall_ms);
    w->id = row.id;
    w->mode = row.mode;
    w->failed_in_row = row.failed_in_row;
    send_welcome(r, turn, w);
    checks_drop(&r->studies, w);
    drop_unheld(turn, w, hello->held);
    take_held(r, turn, w, hello);
    checkpoints_on_hello(r, turn, w, hello);
    if (w->mode == WORKER_DRAINING) /* whatever it was told before may have been lost with its connection */
        send_bye(turn, w, "drained");
    log_info("worker %s on %s joined (%d slots)", w->name, w->host, w->slots);
}

/* ---- going ---- */

void attendance_lose(struct reactor *r, struct turn *turn, struct worker *w, const char *why, bool died)
{
    if (w->held_count)
        log_warn("worker %s: %s; %zu of its trials go on elsewhere", w->name, why, w->held_count);
    while (w->held_count)
        outcome_lost(turn, w->held[w->held_count - 1], died);
    store_worker_left(turn->store, w->id, why, turn->now.wall_ms);
    checks_drop(&r->studies, w);
    roster_remove(&r->roster, w);
}

void attendance_on_revoked(struct reactor *r, struct turn *turn, peer_id from)
{
    struct worker *w = roster_by_peer(&r->roster, from);
    if (w)
        attendance_lose(r, turn, w, "revoked", false);
}

void attendance_on_exit(struct reactor *r, struct turn *turn, int64_t pid)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    for (size_t i = 0; i < r->roster.count; i++) {
        struct worker *w = r->roster.workers[i];
        if (w->pid == pid && strcmp(w->host, host) == 0) {
            attendance_lose(r, turn, w, "lost", true);
            return;
        }
    }
}

int attendance_drain(struct reactor *r, struct turn *turn, const char *which, bool finish, int *stopped)
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
            trial_stop(turn, w->held[k], STOP_EPOCH, "drained");
        }
        if (w->peer)
            send_bye(turn, w, "drained");
    }
    return drained;
}

void attendance_dismiss(struct reactor *r, struct turn *turn, const char *reason)
{
    for (size_t i = 0; i < r->roster.count; i++) {
        struct worker *w = r->roster.workers[i];
        if (!w->peer)
            continue;
        send_bye(turn, w, reason);
        store_worker_left(turn->store, w->id, "bye", turn->now.wall_ms);
    }
}
