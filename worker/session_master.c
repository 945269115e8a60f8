/* The master: the connection to it, and what it says. */
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/stretch.h"
#include "worker/leftovers.h"
#include "worker/session_parts.h"

enum { BEAT_LEAST_MS = 20 }; /* a smaller one would be a mistake, and keep us busy with nothing else */

/* ---- the connection ---- */

/* What belongs to another store has nobody to report to. */
static void forget_held(struct session *session)
{
    report_drop(&session->reports);
    transit_forget(&session->transit);
    for (size_t i = session->held.count; i-- > 0;) {
        struct held *held = session->held.items[i];
        if (held->state == HELD_RUNNING) {
            session_stop_slot(session, held, "now");
            held->state = HELD_ORPHAN;
        } else if (held->state != HELD_ORPHAN) {
            held_remove(&session->held, held);
        }
    }
}

/* The next stretch of what it fetches. */
static void ask(struct session *session, struct held *held, struct now now)
{
    struct msg msg = {.kind = MSG_want};
    if (!session->welcomed || !fetch_ask(&held->fetch, &msg.want))
        return;
    memcpy(msg.want.study, held->study, sizeof held->study);
    memcpy(msg.want.token, held->token, sizeof held->token);
    msg.want.trial = held->trial;
    msg.want.attempt = held->attempt;
    session_say(session, &msg, now);
}

/* What was asked for on another connection, or long ago, does not come any more. */
void session_ask_again(struct session *session, int64_t silent_ms, struct now now)
{
    for (size_t i = 0; i < session->held.count; i++) {
        struct held *held = session->held.items[i];
        if (held->state != HELD_FETCHING || now.mono_ms - held->fetch.heard_ms < silent_ms)
            continue;
        held->fetch.heard_ms = now.mono_ms;
        fetch_rewind(&held->fetch);
        ask(session, held, now);
    }
}

void session_on_up(struct session *session, struct now now)
{
    session->up = true;
    session->heard_ms = now.mono_ms;
    session_say_hello(session, now);
}

void session_on_down(struct session *session, struct now now)
{
    if (session->welcomed)
        log_warn("lost the master; trainers go on, reports wait");
    session->up = session->welcomed = false;
    outbox_clear(&session->outbox);
    session_abandon_checkups(session);
    session_settle(session, now);
}

static void on_welcome(struct session *session, const struct msg_welcome *welcome, struct now now)
{
    if (session->welcomed) {
        log_warn("the master welcomes us twice");
        return;
    }
    if (session->store[0] && strcmp(session->store, welcome->store)) {
        log_warn("the master has another store than before: stopping the attempts of that one");
        forget_held(session);
    }
    memcpy(session->store, welcome->store, sizeof session->store);
    memcpy(session->transit.store, welcome->store, sizeof session->transit.store);
    memcpy(session->root, welcome->root, sizeof session->root);
    session->root_seen =
        welcome->root[0] == '/' && session->sees && session->sees(welcome->root, welcome->probe);
    session->beat_ms = welcome->beat_ms < BEAT_LEAST_MS ? BEAT_LEAST_MS : (int64_t)welcome->beat_ms;
    session->welcomed = true;
    session->dismissed = false;
    session->said_ms = now.mono_ms;
    /* What a process before us was killed with is ours now: the master hears of it in another HELLO. */
    if (leftovers_adopt(&session->transit, now.wall_ms)) {
        session_say_hello(session, now);
        return;
    }
    session_ask_again(session, 0, now);
    log_info("worker %llu of the master (hone %s); its folder %s is %s", (unsigned long long)welcome->worker,
             welcome->version, welcome->root, session->root_seen ? "seen from here" : "not seen from here");
}

/* ---- jobs ---- */

static const char *why_refuse(const struct session *session)
{
    size_t most = (size_t)session->options.slots * (1 + PREFETCH_PER_SLOT);
    if (session->leaving >= 0)
        return "the worker is leaving";
    return session_active(session) >= most ? "the worker has no slot for it" : NULL;
}

static struct held_place place_of(const struct session *session)
{
    const struct worker_options *options = &session->options;
    return (struct held_place){session->root,    session->root_seen, session->store, options->dir,
                               session->scratch, options->grace_ms,  options->may};
}

static void on_job(struct session *session, const struct msg_job *job, struct now now)
{
    struct held_place place = place_of(session);
    struct err why = ERR_NONE;
    struct held *held;
    if (!session->welcomed || held_find(&session->held, job->token)) {
        log_warn("%s trial %llu: the job came twice or before WELCOME", job->study,
                 (unsigned long long)job->trial);
        return;
    }
    session->received++;
    session->dismissed = false;
    const char *refused = why_refuse(session);
    int bad = held_add(&session->held, job, &place, now.mono_ms, &held, &why);
    if (refused)
        session_say_done(session, held, held->epoch, "refused", "", refused);
    else if (bad)
        session_say_done(session, held, held->epoch, "failed", "start", why.text);
    else if (held->state == HELD_FETCHING)
        ask(session, held, now);
}

static void on_check(struct session *session, struct msg_check *check)
{
    struct held_place place = place_of(session);
    if (!session->welcomed || session->leaving >= 0 || !name_ok(check->study))
        return; /* it will be asked of somebody else once we are gone */
    session->received++;
    session->dismissed = false;
    GROW(session->checkups, session->checkup_room, session->checkup_count + 1);
    session->checkups[session->checkup_count++] = checkup_new(check, &place);
}

static void on_stop(struct session *session, const struct msg_stop *stop)
{
    struct held *held = held_find(&session->held, stop->token);
    if (!held || held->trial != stop->trial || held->attempt != stop->attempt)
        return; /* it has ended, and the master will have heard by now */
    if (held->state == HELD_WAITING || held->state == HELD_FETCHING)
        session_say_done(session, held, held->epoch, "stopped", "", "");
    else if (held->state == HELD_RUNNING)
        session_stop_slot(session, held, strcmp(stop->when, "now") == 0 ? "now" : "epoch");
}

static void on_ack(struct session *session, uint64_t seq)
{
    if (!report_ack(&session->reports, seq)) {
        log_warn("the master acknowledges message %llu, which it never got", (unsigned long long)seq);
        return;
    }
    for (size_t i = session->held.count; i-- > 0;) {
        struct held *held = session->held.items[i];
        if (held->state == HELD_ENDED && held->done_seq <= seq)
            held_remove(&session->held, held);
    }
}

/* ---- checkpoints in transit ---- */

/* As long as the master goes on fetching, a worker that leaves has something to wait for. */
static void on_want(struct session *session, const struct msg_want *want, struct now now)
{
    bool sent = transit_send(&session->transit, want, &session->outbox, SESSION_MASTER);
    session->said_ms = now.mono_ms;
    if (!sent || session_active(session))
        return;
    session->busy_ms = now.mono_ms;
    if (session->leaving >= 0)
        session->leave_ms = now.mono_ms + FLUSH_MS;
}

/* Without its checkpoint the attempt begins anew: its slot finds the file missing, and says so in the log. */
static void on_chunk(struct session *session, const struct msg_chunk *chunk, struct now now)
{
    struct held *held = held_find(&session->held, chunk->token);
    struct err why = ERR_NONE;
    if (!held || held->state != HELD_FETCHING)
        return;
    int rc = fetch_take(&held->fetch, chunk, now.mono_ms, &why);
    if (rc < 0)
        log_warn("%s trial %llu: the checkpoint of epoch %llu cannot be had: %s", held->study,
                 (unsigned long long)held->trial, (unsigned long long)held->fetch.epoch, why.text);
    if (rc)
        held->state = HELD_WAITING;
    else
        ask(session, held, now);
}

/* ---- logs ---- */

/* A log in our own folder, which the master does not see. */
static void on_look(struct session *session, const struct msg_look *look, struct now now)
{
    struct msg msg = {.kind = MSG_seen, .seen.id = look->id};
    struct stretch stretch = {0};
    char *dir = name_ok(look->study)
                    ? held_folder(session->scratch, session->store, look->study, look->trial, look->attempt)
                    : NULL;
    if (dir) {
        char *path = path_join(dir, look->older ? "log.1" : "log");
        int64_t offset = (int64_t)look->offset;
        stretch_read(path, look->back ? -offset : offset, (int64_t)look->bytes, &stretch);
        free(path);
        free(dir);
    }
    msg.seen.file = (uint64_t)stretch.file;
    msg.seen.size = (uint64_t)stretch.size;
    msg.seen.offset = (uint64_t)stretch.offset;
    struct str data = {0};
    base64_add(&data, str_text(&stretch.data), stretch.data.len);
    msg.seen.data = json_new_text(str_text(&data));
    session_say(session, &msg, now);
    msg_fini(&msg);
    str_fini(&data);
    stretch_fini(&stretch);
}

/* ---- what else it says ---- */

static void on_error(struct session *session, const struct msg_error *error, struct now now)
{
    log_error("the master says: %s: %s", error->code, error->text);
    if (strcmp(error->code, "hello") == 0 && session->welcomed)
        session_say_hello(session, now); /* it has forgotten us */
    if (strcmp(error->code, "version") == 0 && !session->held.count) {
        err_set(&session->failure, ERR_REACH, "the master refuses this worker: %s", error->text);
        session->exit_status = 3;
    }
    if (strcmp(error->code, "malformed") == 0) { /* a report that cannot be read is never acknowledged */
        err_set(&session->failure, ERR_PROTO, "the master cannot read what this worker says: %s",
                error->text);
        err_hint(&session->failure, "this is a bug; its trials go on elsewhere, from their last checkpoints");
        session->exit_status = 3;
    }
}

static void on_bye(struct session *session)
{
    session->dismissed = true;
    session_abandon_checkups(session);
}

void session_on_message(struct session *session, struct msg *msg, struct now now)
{
    session->heard_ms = now.mono_ms;
    switch (msg->kind) {
    case MSG_welcome: on_welcome(session, &msg->welcome, now); break;
    case MSG_job: on_job(session, &msg->job, now); break;
    case MSG_want: on_want(session, &msg->want, now); break;
    case MSG_chunk: on_chunk(session, &msg->chunk, now); break;
    case MSG_look: on_look(session, &msg->look, now); break;
    case MSG_drop: transit_drop(&session->transit, msg->drop.token, msg->drop.epoch); break;
    case MSG_check: on_check(session, &msg->check); break;
    case MSG_stop: on_stop(session, &msg->stop); break;
    case MSG_ack: on_ack(session, msg->ack.seq); break;
    case MSG_error: on_error(session, &msg->error, now); break;
    case MSG_bye: on_bye(session); break;
    case MSG_beat: break;
    default: log_warn("the master sends %s, which is not for workers", msg_name(msg->kind)); break;
    }
    session_settle(session, now);
}

void session_on_noise(struct session *session, const struct msg *refusal, const struct err *why,
                      struct now now)
{
    session->heard_ms = now.mono_ms;
    log_error("the master sent something that cannot be read: %s", why->text);
    if (session->welcomed && refusal->kind == MSG_error)
        session_say(session, refusal, now);
}
