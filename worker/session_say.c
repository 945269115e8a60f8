/* What a session says, to its master and to its slots. */
#include <string.h>

#include "worker/session_parts.h"

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
    session->out_said[0] = '\0';
    report_rewind(&session->reports);
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
    msg.done.excused = held->excused;
    held->epoch = epoch;
    held->state = HELD_ENDED;
    held->slot = -1;
    str_fini(&held->line);
    held->done_seq = report_add(&session->reports, &msg);
}

size_t session_active(const struct session *session)
{
    return session->held.count - held_count(&session->held, HELD_ENDED) + session->checkup_count;
}

void session_stop_slot(struct session *session, const struct held *held, const char *how)
{
    str_addf(&session->slots[held->slot].out, "{\"stop\":\"%s\"}\n", how);
}
