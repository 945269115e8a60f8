#include "worker/session.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/leftovers.h"

enum {
    BEAT_MS = 2000,        /* before the first WELCOME says */
    BEAT_LEAST_MS = 20,    /* a smaller one would be a mistake, and keep us busy with nothing else */
    SILENT_BEATS = 3,      /* no word of the master for so many: the connection is dead */
    GRACE_MS = 10000,      /* from a stop to SIGKILL */
    FLUSH_MS = 5000,       /* a worker that leaves waits so long for its last acknowledgement */
    SHORT_ATTEMPT_MS = 20, /* shorter than this: ask for more jobs than there are slots */
    PREFETCH_PER_SLOT = 2,
};

static const peer_id master = 0; /* the wire of a client has one peer */

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

static void say(struct session *session, const struct msg *msg, struct now now)
{
    outbox_add(&session->outbox, master, msg);
    session->said_ms = now.mono_ms;
}

static void say_hello(struct session *session, struct now now)
{
    struct msg msg = {.kind = MSG_hello, .hello = session->self};
    msg.hello.held = held_tell(&session->held);
    msg.hello.offers = transit_tell(&session->transit);
    if (msg.hello.held || msg.hello.offers)
        str_copy(msg.hello.store, sizeof msg.hello.store, session->store);
    say(session, &msg, now);
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
    say(session, &msg, now);
}

/* The last word about an attempt; its record stays until the master has committed it. */
static void say_done(struct session *session, struct held *held, uint64_t epoch, const char *outcome,
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

/* ---- slots ---- */

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

static void stop_slot(struct session *session, const struct held *held, const char *how)
{
    str_addf(&session->slots[held->slot].out, "{\"stop\":\"%s\"}\n", how);
}

static size_t active_count(const struct session *session)
{
    return session->held.count - held_count(&session->held, HELD_ENDED) + session->checkup_count;
}

/* ---- after every event ---- */

static void grant_credit(struct session *session, struct now now)
{
    struct msg msg = {.kind = MSG_credit};
    int64_t room = session->options.slots + session->prefetch - (int64_t)active_count(session);
    if (!session->welcomed || session->leaving >= 0 || room <= 0 ||
        session->received + (uint64_t)room <= session->credit)
        return;
    msg.credit.jobs = session->credit = session->received + (uint64_t)room;
    say(session, &msg, now);
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
        if (!active_count(session) && session->leave_ms > flush_until)
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

static void settle(struct session *session, struct now now)
{
    fill_slots(session, now);
    /* A worker that waits for its last acknowledgement has no more work: its time runs from the last of it.
     */
    if (session->leaving >= 0 ? active_count(session) : session->held.count + session->checkup_count)
        session->busy_ms = now.mono_ms;
    if (session->welcomed) {
        size_t before = session->outbox.count;
        report_send(&session->reports, &session->outbox, master);
        if (session->outbox.count > before)
            session->said_ms = now.mono_ms;
    }
    grant_credit(session, now);
    leave_if_done(session, now);
}

/* ---- checks ---- */

static void remove_checkup(struct session *session, struct checkup *checkup)
{
    size_t i = 0;
    while (session->checkups[i] != checkup)
        i++;
    session->checkups[i] = session->checkups[--session->checkup_count];
    if (checkup->slot >= 0)
        session->slots[checkup->slot].checkup = NULL;
    bool leaves_traces = checkup->runs && (checkup->abandoned || checkup_worst(checkup) < VERDICT_WRONG);
    if (session->sweep && leaves_traces)
        session->sweep(checkup->dir); /* where something was wrong its logs stay */
    checkup_free(checkup);
}

static void say_checked(struct session *session, struct checkup *checkup, struct now now)
{
    struct msg msg = {.kind = MSG_checked};
    memcpy(msg.checked.study, checkup->check.study, sizeof msg.checked.study);
    memcpy(msg.checked.token, checkup->check.token, sizeof msg.checked.token);
    msg.checked.results = checkup_tell(checkup);
    say(session, &msg, now);
    msg_fini(&msg);
}

static void end_checkup(struct session *session, struct checkup *checkup, struct now now)
{
    if (!checkup->abandoned)
        say_checked(session, checkup, now);
    remove_checkup(session, checkup);
}

/* Nobody waits for them any more. */
static void abandon_checkups(struct session *session)
{
    for (size_t i = session->checkup_count; i-- > 0;) {
        struct checkup *checkup = session->checkups[i];
        if (checkup->slot < 0) {
            remove_checkup(session, checkup);
        } else if (!checkup->abandoned) {
            checkup->abandoned = true;
            str_add(&session->slots[checkup->slot].out, "{\"stop\":\"preempt\"}\n");
        }
    }
}

static void on_check_line(struct session *session, int slot, struct json *line, struct now now)
{
    struct checkup *checkup = session->slots[slot].checkup;
    const struct json *end = json_get(line, "end");
    if (!end) {
        checkup_on_line(checkup, line, &session->slots[slot].out);
        return;
    }
    if (!checkup->abandoned)
        checkup_on_end(checkup, end);
    if (checkup->abandoned || !checkup_next(checkup, &session->slots[slot].out))
        end_checkup(session, checkup, now);
}

/* ---- the connection ---- */

void session_on_up(struct session *session, struct now now)
{
    session->up = true;
    session->heard_ms = now.mono_ms;
    say_hello(session, now);
}

void session_on_down(struct session *session, struct now now)
{
    if (session->welcomed)
        log_warn("lost the master; trainers go on, reports wait");
    session->up = session->welcomed = false;
    outbox_clear(&session->outbox);
    abandon_checkups(session);
    settle(session, now);
}

/* What belongs to another store has nobody to report to. */
static void forget_held(struct session *session)
{
    report_drop(&session->reports);
    transit_forget(&session->transit);
    for (size_t i = session->held.count; i-- > 0;) {
        struct held *held = session->held.items[i];
        if (held->state == HELD_RUNNING) {
            stop_slot(session, held, "now");
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
    say(session, &msg, now);
}

/* What was asked for on another connection, or long ago, does not come any more. */
static void ask_again(struct session *session, int64_t silent_ms, struct now now)
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
        say_hello(session, now);
        return;
    }
    ask_again(session, 0, now);
    log_info("worker %llu of the master (hone %s); its folder %s is %s", (unsigned long long)welcome->worker,
             welcome->version, welcome->root, session->root_seen ? "seen from here" : "not seen from here");
}

/* ---- jobs ---- */

static const char *why_refuse(const struct session *session)
{
    size_t most = (size_t)session->options.slots * (1 + PREFETCH_PER_SLOT);
    if (session->leaving >= 0)
        return "the worker is leaving";
    return active_count(session) >= most ? "the worker has no slot for it" : NULL;
}

static void on_job(struct session *session, const struct msg_job *job, struct now now)
{
    struct held_place place = {session->root,        session->root_seen, session->store,
                               session->options.dir, session->scratch,   session->options.grace_ms,
                               session->options.may};
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
        say_done(session, held, held->epoch, "refused", "", refused);
    else if (bad)
        say_done(session, held, held->epoch, "failed", "start", why.text);
    else if (held->state == HELD_FETCHING)
        ask(session, held, now);
}

static void on_check(struct session *session, struct msg_check *check)
{
    struct held_place place = {session->root,        session->root_seen, session->store,
                               session->options.dir, session->scratch,   session->options.grace_ms,
                               session->options.may};
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
        say_done(session, held, held->epoch, "stopped", "", "");
    else if (held->state == HELD_RUNNING)
        stop_slot(session, held, strcmp(stop->when, "now") == 0 ? "now" : "epoch");
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
    bool sent = transit_send(&session->transit, want, &session->outbox, master);
    session->said_ms = now.mono_ms;
    if (!sent || active_count(session))
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

/* ---- what else the master says ---- */

static void on_error(struct session *session, const struct msg_error *error, struct now now)
{
    log_error("the master says: %s: %s", error->code, error->text);
    if (strcmp(error->code, "hello") == 0 && session->welcomed)
        say_hello(session, now); /* it has forgotten us */
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
    abandon_checkups(session);
}

void session_on_message(struct session *session, struct msg *msg, struct now now)
{
    session->heard_ms = now.mono_ms;
    switch (msg->kind) {
    case MSG_welcome: on_welcome(session, &msg->welcome, now); break;
    case MSG_job: on_job(session, &msg->job, now); break;
    case MSG_want: on_want(session, &msg->want, now); break;
    case MSG_chunk: on_chunk(session, &msg->chunk, now); break;
    case MSG_drop: transit_drop(&session->transit, msg->drop.token, msg->drop.epoch); break;
    case MSG_check: on_check(session, &msg->check); break;
    case MSG_stop: on_stop(session, &msg->stop); break;
    case MSG_ack: on_ack(session, msg->ack.seq); break;
    case MSG_error: on_error(session, &msg->error, now); break;
    case MSG_bye: on_bye(session); break;
    case MSG_beat: break;
    default: log_warn("the master sends %s, which is not for workers", msg_name(msg->kind)); break;
    }
    settle(session, now);
}

void session_on_noise(struct session *session, const struct msg *refusal, const struct err *why,
                      struct now now)
{
    session->heard_ms = now.mono_ms;
    log_error("the master sent something that cannot be read: %s", why->text);
    if (session->welcomed && refusal->kind == MSG_error)
        say(session, refusal, now);
}

/* ---- what the slots say ---- */

static void on_epoch(struct session *session, struct held *held, struct json *line)
{
    struct msg msg = {.kind = MSG_report};
    const struct json *seconds = json_get(line, "seconds");
    memcpy(msg.report.study, held->study, sizeof held->study);
    memcpy(msg.report.token, held->token, sizeof held->token);
    msg.report.trial = held->trial;
    msg.report.attempt = held->attempt;
    msg.report.epoch = held->epoch = (uint64_t)json_num(json_get(line, "epoch"));
    msg.report.metrics = json_take(line, "metrics");
    msg.report.seconds = json_num(seconds);
    msg.report.checkpoint = json_take(line, "checkpoint");
    msg.report.findings = json_take(line, "findings");
    transit_offer(&session->transit, &msg.report);
    report_add(&session->reports, &msg);
    msg_fini(&msg);
}

static void note_duration(struct session *session, const struct held *held, const char *outcome,
                          struct now now)
{
    bool quick = now.mono_ms - held->begun_ms < SHORT_ATTEMPT_MS;
    if (strcmp(outcome, "stopped") == 0)
        return; /* how long it would have taken is not known */
    if (!quick || strcmp(outcome, "finished"))
        session->prefetch = 0;
    else if (session->prefetch < PREFETCH_PER_SLOT * session->options.slots)
        session->prefetch++;
}

static void on_end(struct session *session, struct held *held, const struct json *end, struct now now)
{
    const char *outcome = json_text(json_get(end, "outcome"));
    session->slots[held->slot].held = NULL;
    note_duration(session, held, outcome, now);
    if (held->state == HELD_ORPHAN) {
        held_remove(&session->held, held);
        return;
    }
    say_done(session, held, (uint64_t)json_num(json_get(end, "epoch")), outcome,
             json_text(json_get(end, "cause")), json_text(json_get(end, "detail")));
}

void session_on_slot_line(struct session *session, int slot, const char *line, size_t len, struct now now)
{
    struct err why = ERR_NONE;
    struct held *held = session->slots[slot].held;
    struct json *tree = json_parse(line, len, "slot", &why);
    PRE(tree &&
        (held || session->slots[slot].checkup)); /* it is our own program, and speaks of its attempt only */
    if (!held)
        on_check_line(session, slot, tree, now);
    else if (json_get(tree, "end"))
        on_end(session, held, json_get(tree, "end"), now);
    else if (held->state == HELD_RUNNING)
        on_epoch(session, held, tree);
    json_free(tree);
    settle(session, now);
}

/* The supervisor itself has died: killed by someone, for lack of memory, or it could not be started. */
void session_on_slot_gone(struct session *session, int slot, struct now now)
{
    struct held *held = session->slots[slot].held;
    struct checkup *checkup = session->slots[slot].checkup;
    session->slots[slot].held = NULL;
    str_clear(&session->slots[slot].out);
    session->slots[slot].checkup = NULL;
    if (checkup && !checkup->abandoned && checkup_on_gone(checkup))
        checkup->slot = -1;
    else if (checkup)
        end_checkup(session, checkup, now);
    if (held && held->state == HELD_ORPHAN)
        held_remove(&session->held, held);
    else if (held)
        say_done(session, held, held->epoch, session->leaving >= 0 ? "preempted" : "failed",
                 session->leaving >= 0 ? "" : "signal", "the process that supervises the trainer has died");
    session->prefetch = 0;
    settle(session, now);
}

/* ---- leaving, time ---- */

static void preempt(struct session *session)
{
    abandon_checkups(session);
    for (size_t i = 0; i < session->held.count; i++) {
        struct held *held = session->held.items[i];
        if (held->state == HELD_WAITING || held->state == HELD_FETCHING)
            say_done(session, held, held->epoch, "preempted", "", "");
        else if (held->state == HELD_RUNNING)
            stop_slot(session, held, "preempt");
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
    settle(session, now);
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

static void check_beat(struct session *session, struct now now)
{
    const struct msg beat = {.kind = MSG_beat};
    if (session->welcomed && now.mono_ms - session->said_ms >= session->beat_ms)
        say(session, &beat, now);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t session_tick(struct session *session, struct now now)
{
    int64_t next = INT64_MAX;
    check_silence(session, now);
    check_beat(session, now);
    ask_again(session, SILENT_BEATS * session->beat_ms, now);
    settle(session, now);
    if (session->up)
        next = earlier(next, session->heard_ms + SILENT_BEATS * session->beat_ms + 1);
    if (session->welcomed)
        next = earlier(next, session->said_ms + session->beat_ms);
    if (session->leaving >= 0)
        next = earlier(next, session->leave_ms);
    if (session->options.idle_ms && !session->held.count && !session->checkup_count)
        next = earlier(next, session->busy_ms + session->options.idle_ms);
    return next;
}
