#include "master/reactor.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "master/attendance.h"
#include "master/calls.h"
#include "master/checks.h"
#include "master/dispatch.h"
#include "master/outcome.h"
#include "master/reports.h"

/* ---- open, close ---- */

int reactor_open(struct reactor *r, const struct reactor_config *config, struct turn *turn, struct err *err)
{
    *r = (struct reactor){.config = *config, .may_have_orphans = true};
    int rc = studies_load(&r->studies, turn, turn->now.mono_ms + config->lease_ms, err);
    if (!rc)
        rc = checkpoints_load(&r->checkpoints, turn, err);
    if (rc)
        reactor_close(r);
    return rc;
}

void reactor_close(struct reactor *r)
{
    studies_fini(&r->studies);
    roster_fini(&r->roster);
    checkpoints_fini(&r->checkpoints);
    *r = (struct reactor){0};
}

void reactor_use_porter(struct reactor *r, struct porter *porter)
{
    r->checkpoints.porter = porter;
}

struct study *reactor_study(const struct reactor *r, const char *name)
{
    return studies_find(&r->studies, name);
}

static void send_error(struct turn *turn, peer_id to, const char *code, const char *text)
{
    struct msg msg = {.kind = MSG_error};
    str_copy(msg.error.code, sizeof msg.error.code, code);
    snprintf(msg.error.text, sizeof msg.error.text, "%s", text);
    outbox_add(turn->outbox, to, &msg);
}

/* ---- handlers ---- */

static void on_credit(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    (void)r, (void)from;
    if (msg->credit.jobs > w->credit)
        w->credit = msg->credit.jobs;
    if (strcmp(w->gpus_out, msg->credit.out) != 0) {
        str_copy(w->gpus_out, sizeof w->gpus_out, msg->credit.out);
        store_worker_gpus_out(turn->store, w->id, w->gpus_out);
    }
}

static void on_checked(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    (void)from;
    checks_on_checked(turn, &r->studies, w, &msg->checked);
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

static void on_seen(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    (void)w;
    looks_on_seen(r, turn, from, &msg->seen);
}

static void on_bye(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    (void)from;
    log_info("worker %s left (%s)", w->name, msg->bye.reason);
    attendance_lose(r, turn, w, "bye", false);
}

static void on_error(struct reactor *r, struct turn *turn, peer_id from, struct worker *w, struct msg *msg)
{
    (void)from;
    log_warn("worker %s says: %s (%s)", w ? w->name : "?", msg->error.text, msg->error.code);
    if (w && strcmp(msg->error.code, "unknown") == 0)
        checks_on_unknown(turn, &r->studies, w);
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
    [MSG_hello] = {attendance_on_hello, true},
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
    [MSG_seen] = {on_seen, false},
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
    for (size_t i = 0; i < r->studies.count; i++)
        for (size_t k = 0; k < r->studies.all[i]->count; k++)
            r->studies.all[i]->trials[k]->orphan_until_mono_ms = now + r->config.lease_ms;
}

static int64_t tick_leases(struct reactor *r, struct turn *turn)
{
    int64_t now = turn->now.mono_ms, next = INT64_MAX;
    for (size_t i = r->roster.count; i-- > 0;) {
        struct worker *w = r->roster.workers[i];
        int64_t deadline = w->heard_mono_ms + r->config.lease_ms;
        if (deadline <= now)
            attendance_lose(r, turn, w, "lost", true);
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
    for (size_t i = 0; i < r->studies.count && r->may_have_orphans; i++) {
        struct study *s = r->studies.all[i];
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
    next = least(least(next, checkpoints_tick(r, turn)), looks_tick(r, turn));
    for (size_t i = 0; i < r->studies.count && !r->interrupted; i++)
        next = least(next, study_tick(turn, r->studies.all[i]));
    if (!r->interrupted) {
        dispatch_all(turn, &r->studies, &r->roster);
        /* A study whose last point was refused has ended only now. */
        for (size_t i = 0; i < r->studies.count; i++)
            next = least(next, study_tick(turn, r->studies.all[i]));
    }
    if (r->config.once && reactor_is_quiet(r))
        attendance_dismiss(r, turn, "finished");
    send_acks(r, turn);
    return least(next, send_beats(r, turn));
}

void reactor_committed(struct reactor *r, struct turn *turn)
{
    checkpoints_committed(r, turn);
}

void reactor_interrupt(struct reactor *r, struct turn *turn)
{
    r->interrupted = true;
    for (size_t i = 0; i < r->studies.count; i++)
        for (size_t k = 0; k < r->studies.all[i]->count; k++)
            if (r->studies.all[i]->trials[k]->is_open)
                trial_stop(turn, r->studies.all[i]->trials[k], STOP_NOW, "shutdown");
}

bool reactor_is_quiet(const struct reactor *r)
{
    if (checkpoints_busy(r))
        return false;
    for (size_t i = 0; i < r->studies.count; i++)
        if (r->studies.all[i]->open_count || (!r->interrupted && study_has_work(r->studies.all[i])))
            return false;
    return true;
}
