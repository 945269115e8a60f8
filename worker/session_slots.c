/* What slots say of the jobs and checks they were given. */
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/log.h"
#include "worker/session_parts.h"

enum { SHORT_ATTEMPT_MS = 20 }; /* shorter than this: ask for more jobs than there are slots */

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
    session_say(session, &msg, now);
    msg_fini(&msg);
}

static void end_checkup(struct session *session, struct checkup *checkup, struct now now)
{
    if (!checkup->abandoned)
        say_checked(session, checkup, now);
    remove_checkup(session, checkup);
}

void session_abandon_checkups(struct session *session)
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

/* ---- what they say ---- */

static void on_epoch(struct session *session, struct held *held, struct json *line, struct now now)
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
    if (session->seats)
        bench_works(&session->seats[session->slots[held->slot].seat], now.mono_ms);
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

/* ---- GPUs that fail ---- */

static void list_out(struct session *session)
{
    struct str text = {0};
    for (int i = 0; i < session->options.slots; i++)
        if (bench_is_out(&session->seats[i]))
            str_addf(&text, "%s%s", text.len ? "," : "", session->options.gpus->gpus[i]);
    snprintf(session->out_now, sizeof session->out_now, "%s", str_text(&text));
    str_fini(&text);
}

static bool gpu_failed(struct session *session, int which, struct now now)
{
    struct bench_seat *seat = &session->seats[which];
    bool was_out = bench_is_out(seat);
    bool its_own = bench_did_badly(session->seats, session->options.slots, which, now.mono_ms);
    if (!was_out && bench_is_out(seat))
        log_warn("GPU %s: %d trials in a row have failed there while others' succeed: it is tried with one "
                 "at a time",
                 session->options.gpus->gpus[which], seat->failed_in_row);
    return its_own;
}

static void gpu_did_well(struct session *session, int which, struct now now)
{
    if (bench_is_out(&session->seats[which]))
        log_info("GPU %s does well again", session->options.gpus->gpus[which]);
    bench_did_well(&session->seats[which], now.mono_ms);
}

/* True: the failure is the GPU's, and none of the trial. */
static bool judge_gpu(struct session *session, int slot, const char *outcome, struct now now)
{
    bool its_own = false;
    int which = session->slots[slot].seat;
    if (!session->seats)
        return false;
    if (strcmp(outcome, "failed") == 0)
        its_own = gpu_failed(session, which, now);
    else if (strcmp(outcome, "finished") == 0)
        gpu_did_well(session, which, now);
    list_out(session);
    return its_own;
}

static void on_end(struct session *session, struct held *held, const struct json *end, struct now now)
{
    const char *outcome = json_text(json_get(end, "outcome"));
    int slot = held->slot;
    session->slots[slot].held = NULL;
    note_duration(session, held, outcome, now);
    if (held->state == HELD_ORPHAN) {
        held_remove(&session->held, held);
        return;
    }
    held->excused = judge_gpu(session, slot, outcome, now);
    session_say_done(session, held, (uint64_t)json_num(json_get(end, "epoch")), outcome,
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
        on_epoch(session, held, tree, now);
    json_free(tree);
    session_settle(session, now);
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
        session_say_done(session, held, held->epoch, session->leaving >= 0 ? "preempted" : "failed",
                         session->leaving >= 0 ? "" : "signal",
                         "the process that supervises the trainer has died");
    session->prefetch = 0;
    session_settle(session, now);
}
