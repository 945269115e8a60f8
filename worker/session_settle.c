/* After every event: slots are given what waits, reports and credit are said, who has nothing left to wait for leaves. */
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

static void fill_slots(struct session *session, struct now now)
{
    for (int slot = 0; slot < session->options.slots; slot++) {
        struct session_slot *place = &session->slots[slot];
        struct checkup *checkup = checkup_waiting(session);
        struct held *next = held_waiting(&session->held);
        if (place->held || place->checkup)
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
    int64_t room = session->options.slots + session->prefetch - (int64_t)session_active(session);
    if (!session->welcomed || session->leaving >= 0 || room <= 0 ||
        session->received + (uint64_t)room <= session->credit)
        return;
    msg.credit.jobs = session->credit = session->received + (uint64_t)room;
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
