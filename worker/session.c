#include "worker/session.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "worker/session_parts.h"

enum {
    BEAT_MS = 2000,   /* before the first WELCOME says */
    SILENT_BEATS = 3, /* no word of the master for so many: the connection is dead */
    GRACE_MS = 10000, /* from a stop to SIGKILL */
    ALONE_MS = 3000,  /* without any master for so long: whoever mistyped its address should hear of it */
};

void session_init(struct session *session, const struct worker_options *options, const struct msg_hello *self,
                  const char *scratch, struct now now)
{
    *session = (struct session){.options = *options,
                                .self = *self,
                                .scratch = scratch,
                                .beat_ms = BEAT_MS,
                                .leaving = -1,
                                .exit_status = -1,
                                .busy_ms = now.mono_ms};
    if (session->options.grace_ms <= 0)
        session->options.grace_ms = GRACE_MS;
    session->self.slots = (uint64_t)options->slots;
    session->self.transit = true;
    session->slots = xcalloc((size_t)options->slots, sizeof *session->slots);
    report_init(&session->reports, REPORT_BYTES_MAX, scratch);
    transit_init(&session->transit, scratch, self->uuid);
}

void session_fini(struct session *session)
{
    for (int i = 0; i < session->options.slots; i++)
        str_fini(&session->slots[i].out);
    free(session->slots);
    for (size_t i = 0; i < session->checkup_count; i++)
        checkup_free(session->checkups[i]);
    free(session->checkups);
    held_fini(&session->held);
    report_fini(&session->reports);
    transit_fini(&session->transit);
    outbox_fini(&session->outbox);
}

/* ---- saying ---- */

void session_say(struct session *session, const struct msg *msg, struct now now)
{
    outbox_add(&session->outbox, SESSION_MASTER, msg);
    session->said_ms = now.mono_ms;
}

void session_say_hello(struct session *session, struct now now)
{
    struct msg msg = {.kind = MSG_hello, .hello = session->self};
    msg.hello.held = held_tell(&session->held);
    msg.hello.offers = transit_tell(&session->transit);
    if (msg.hello.held || msg.hello.offers)
        str_copy(msg.hello.store, sizeof msg.hello.store, session->store);
    session_say(session, &msg, now);
    json_free(msg.hello.held);
    json_free(msg.hello.offers);
    session->welcomed = false;
    session->received = session->credit = 0;
    report_rewind(&session->reports);
}

static void say_bye(struct session *session, const char *reason, struct now now)
{
    struct msg msg = {.kind = MSG_bye};
    if (!session->welcomed)
        return;
    str_copy(msg.bye.reason, sizeof msg.bye.reason, reason);
    session_say(session, &msg, now);
}

void session_say_done(struct session *session, struct held *held, uint64_t epoch, const char *outcome,
                      const char *cause, const char *detail)
{
    struct msg msg = {.kind = MSG_done};
    memcpy(msg.done.study, held->study, sizeof held->study);
    memcpy(msg.done.token, held->token, sizeof held->token);
    msg.done.trial = held->trial;
    msg.done.attempt = held->attempt;
    msg.done.epoch = epoch;
    str_copy(msg.done.outcome, sizeof msg.done.outcome, outcome);
    str_copy(msg.done.cause, sizeof msg.done.cause, cause);
    str_copy(msg.done.detail, sizeof msg.done.detail, detail);
    held->epoch = epoch;
    held->state = HELD_ENDED;
    held->slot = -1;
    str_fini(&held->line);
    held->done_seq = report_add(&session->reports, &msg);
}

/* ---- after every event ---- */

size_t session_active(const struct session *session)
{
    return session->held.count - held_count(&session->held, HELD_ENDED) + session->checkup_count;
}

static void grant_credit(struct session *session, struct now now)
{
    struct msg msg = {.kind = MSG_credit};
    int64_t room = session->options.slots + session->prefetch - (int64_t)session_active(session);
    if (!session->welcomed || session->leaving >= 0 || room <= 0 ||
        session->received + (uint64_t)room <= session->credit)
        return;
    msg.credit.jobs = session->credit = session->received + (uint64_t)room;
    session_say(session, &msg, now);
}

static void leave(struct session *session, int status, const char *reason, struct now now)
{
    if (session->exit_status >= 0)
        return;
    say_bye(session, reason, now);
    session->exit_status = status;
}

static void leave_if_done(struct session *session, struct now now)
{
    if (session->leaving >= 0) {
        /* Nothing runs any more: what is left to wait for is the acknowledgement. */
        int64_t flush_until = session->busy_ms + FLUSH_MS;
        if (!session_active(session) && session->leave_ms > flush_until)
            session->leave_ms = flush_until;
        bool said_all = !session->held.count && !session->checkup_count &&
                        (!session->transit.count || !session->welcomed);
        if (said_all || now.mono_ms >= session->leave_ms)
            leave(session, session->leaving, "preempted", now);
        return;
    }
    /* Checkpoints that the master has not fetched yet would be lost with us; but it may never want them. */
    bool wanted = session->transit.count && session->welcomed && now.mono_ms - session->busy_ms < FLUSH_MS;
    if (session->held.count || session->checkup_count || wanted)
        return;
    if (session->dismissed)
        leave(session, 0, "no more work", now);
    else if (session->options.idle_ms && now.mono_ms - session->busy_ms >= session->options.idle_ms)
        leave(session, 0, "idle", now);
}

void session_settle(struct session *session, struct now now)
{
    session_fill_slots(session, now);
    /* A worker that waits for its last acknowledgement has no more work: its time runs from the last of it.
     */
    if (session->leaving >= 0 ? session_active(session) : session->held.count + session->checkup_count)
        session->busy_ms = now.mono_ms;
    if (session->welcomed) {
        size_t before = session->outbox.count;
        report_send(&session->reports, &session->outbox, SESSION_MASTER);
        if (session->outbox.count > before)
            session->said_ms = now.mono_ms;
    }
    grant_credit(session, now);
    leave_if_done(session, now);
}

/* ---- leaving, time ---- */

static void preempt(struct session *session)
{
    session_abandon_checkups(session);
    for (size_t i = 0; i < session->held.count; i++) {
        struct held *held = session->held.items[i];
        if (held->state == HELD_WAITING || held->state == HELD_FETCHING)
            session_say_done(session, held, held->epoch, "preempted", "", "");
        else if (held->state == HELD_RUNNING)
            session_stop_slot(session, held, "preempt");
    }
}

void session_on_signal(struct session *session, int number, struct now now)
{
    int status = 128 + number;
    if (session->leaving >= 0) {
        session->exit_status = session->leaving;
        return;
    }
    session->leaving = status;
    session->leave_ms = now.mono_ms + session->options.grace_ms + FLUSH_MS;
    preempt(session);
    session_settle(session, now);
}

static void check_silence(struct session *session, struct now now)
{
    if (!session->up || now.mono_ms - session->heard_ms <= SILENT_BEATS * session->beat_ms)
        return;
    log_warn("no word of the master for %lld ms: a new connection",
             (long long)(now.mono_ms - session->heard_ms));
    session->reconnect = true;
    session_on_down(session, now);
}

static bool is_alone(const struct session *session)
{
    return !session->store[0] && !session->told_alone;
}

static void check_alone(struct session *session, struct now now)
{
    if (!is_alone(session) || now.mono_ms - session->busy_ms < ALONE_MS)
        return;
    session->told_alone = true;
    log_warn("no master answers at %s; this worker goes on trying until one does",
             session->options.address ? session->options.address : "its address");
}

static void check_beat(struct session *session, struct now now)
{
    const struct msg beat = {.kind = MSG_beat};
    if (session->welcomed && now.mono_ms - session->said_ms >= session->beat_ms)
        session_say(session, &beat, now);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t session_tick(struct session *session, struct now now)
{
    int64_t next = INT64_MAX;
    check_silence(session, now);
    check_alone(session, now);
    check_beat(session, now);
    session_ask_again(session, SILENT_BEATS * session->beat_ms, now);
    session_settle(session, now);
    if (session->up)
        next = earlier(next, session->heard_ms + SILENT_BEATS * session->beat_ms + 1);
    if (session->welcomed)
        next = earlier(next, session->said_ms + session->beat_ms);
    if (session->leaving >= 0)
        next = earlier(next, session->leave_ms);
    if (is_alone(session))
        next = earlier(next, session->busy_ms + ALONE_MS);
    if (session->options.idle_ms && !session->held.count && !session->checkup_count)
        next = earlier(next, session->busy_ms + session->options.idle_ms);
    return next;
}
