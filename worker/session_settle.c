/* After every event: slots are given what waits, reports and credit are said, who has nothing left to wait for leaves. */
#include <string.h>

#include "worker/session_parts.h"

/* ---- giving ---- */

static void give_slot(struct session *session, int slot, struct held *held, struct now now)
{
    session->slots[slot].held = held;
    str_addn(&session->slots[slot].out, held->line.text, held->line.len);
    str_fini(&held->line);
    held->state = HELD_RUNNING;
    held->slot = slot;
    held->begun_ms = now.mono_ms;
}

static struct checkup *checkup_waiting(const struct session *session)
{
    for (size_t i = 0; i < session->checkup_count; i++)
        if (session->checkups[i]->slot < 0)
            return session->checkups[i];
    return NULL;
}

/* Its GPU rests, or is tried with the one trial of another slot that shares it. */
static bool sits_out(const struct session *session, int slot, struct now now)
{
    const struct bench_seat *seat = session->seats ? &session->seats[session->slots[slot].seat] : NULL;
    if (!seat || !bench_is_out(seat))
        return false;
    for (int i = 0; i < session->options.slots; i++)
        if (i != slot && session->slots[i].seat == session->slots[slot].seat && session->slots[i].held)
            return true;
    return seat->rest_until_ms > now.mono_ms;
}

static int count_sitting_out(const struct session *session, struct now now)
{
    int count = 0;
    for (int slot = 0; session->seats && slot < session->options.slots; slot++)
        count += !session->slots[slot].held && !session->slots[slot].checkup && sits_out(session, slot, now);
    return count;
}

static void fill_slots(struct session *session, struct now now)
{
    for (int slot = 0; slot < session->options.slots; slot++) {
        struct session_slot *place = &session->slots[slot];
        struct checkup *checkup = checkup_waiting(session);
        struct held *next = held_waiting(&session->held);
        if (place->held || place->checkup || sits_out(session, slot, now))
            continue;
        if (checkup) {
            place->checkup = checkup;
            checkup->slot = slot;
            checkup_next(checkup, &place->out);
        } else if (next) {
            give_slot(session, slot, next, now);
        } else {
            return; /* nothing waits */
        }
    }
}

/* ---- credit, leaving ---- */

static void grant_credit(struct session *session, struct now now)
{
    struct msg msg = {.kind = MSG_credit};
    int64_t room = session->options.slots - count_sitting_out(session, now) + session->prefetch -
                   (int64_t)session_active(session);
    bool more = room > 0 && session->received + (uint64_t)room > session->credit;
    bool news = strcmp(session->out_now, session->out_said) != 0;
    if (!session->welcomed || session->leaving >= 0 || (!more && !news))
        return;
    if (more)
        session->credit = session->received + (uint64_t)room;
    msg.credit.jobs = session->credit;
    str_copy(msg.credit.out, sizeof msg.credit.out, session->out_now);
    str_copy(session->out_said, sizeof session->out_said, session->out_now);
    session_say(session, &msg, now);
}

static void say_bye(struct session *session, const char *reason, struct now now)
{
    struct msg msg = {.kind = MSG_bye};
    if (!session->welcomed)
        return;
    str_copy(msg.bye.reason, sizeof msg.bye.reason, reason);
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
    fill_slots(session, now);
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
