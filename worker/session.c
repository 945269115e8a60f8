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

static void take_seats(struct session *session)
{
    const struct gpu_plan *gpus = session->options.gpus;
    if (!gpus || !gpu_plan_tells(gpus))
        return;
    session->seats = xcalloc((size_t)session->options.slots, sizeof *session->seats);
    for (int slot = 0; slot < session->options.slots; slot++)
        while (strcmp(gpus->gpus[session->slots[slot].seat], gpus->gpus[slot]) != 0)
            session->slots[slot].seat++;
}

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
    session->self.transit = session->self.looks = true;
    session->slots = xcalloc((size_t)options->slots, sizeof *session->slots);
    take_seats(session);
    report_init(&session->reports, REPORT_BYTES_MAX, scratch);
    transit_init(&session->transit, scratch, self->uuid);
}

void session_fini(struct session *session)
{
    for (int i = 0; i < session->options.slots; i++)
        str_fini(&session->slots[i].out);
    free(session->slots);
    free(session->seats);
    for (size_t i = 0; i < session->checkup_count; i++)
        checkup_free(session->checkups[i]);
    free(session->checkups);
    held_fini(&session->held);
    report_fini(&session->reports);
    transit_fini(&session->transit);
    outbox_fini(&session->outbox);
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
        if (number == SIGINT) /* somebody's patience ends; a batch system says SIGTERM again and again */
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
    for (int i = 0; session->seats && i < session->options.slots; i++)
        if (session->seats[i].rest_until_ms > now.mono_ms)
            next = earlier(next, session->seats[i].rest_until_ms);
    if (is_alone(session))
        next = earlier(next, session->busy_ms + ALONE_MS);
    if (session->options.idle_ms && !session->held.count && !session->checkup_count)
        next = earlier(next, session->busy_ms + session->options.idle_ms);
    return next;
}
