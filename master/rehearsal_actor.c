/* A simulated worker: it takes jobs, trains by a formula, keeps what is not acknowledged. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/check_result.h"
#include "common/mem.h"
#include "master/rehearsal_cast.h"

static void keep_and_say(struct rehearsal *r, struct actor *a, struct msg *msg, uint64_t *seq_field)
{
    *seq_field = ++a->seq;
    GROW(a->kept, a->kept_room, a->kept_count + 1);
    a->kept[a->kept_count++] = (struct kept){.seq = a->seq, .msg = *msg};
    if (a->welcomed)
        actor_say(r, a, msg);
}

static void say_credit(struct rehearsal *r, struct actor *a)
{
    size_t busy = 0;
    for (size_t i = 0; i < a->running_count; i++)
        busy += !a->running[i].is_done;
    struct msg msg = {.kind = MSG_credit};
    msg.credit.jobs = a->taken + (uint64_t)a->slots - (busy < (size_t)a->slots ? busy : (size_t)a->slots);
    actor_say(r, a, &msg);
}

static void tell_attempt(struct jw *w, const struct running *run)
{
    jw_object(w, NULL);
    jw_text(w, "study", run->study);
    jw_int(w, "trial", run->trial);
    jw_int(w, "attempt", run->attempt);
    jw_text(w, "token", run->token);
    jw_int(w, "epoch", run->epoch);
    jw_close_object(w);
}

static void say_hello(struct rehearsal *r, struct actor *a)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_array(&w, NULL);
    for (size_t i = 0; i < a->running_count; i++) {
        tell_attempt(&w, &a->running[i]);
    }
    jw_close_array(&w);
    struct msg msg = {.kind = MSG_hello};
    str_copy(msg.hello.uuid, sizeof msg.hello.uuid, a->uuid);
    snprintf(msg.hello.name, sizeof msg.hello.name, "w%zu", (size_t)(a - r->actors) + 1);
    str_copy(msg.hello.host, sizeof msg.hello.host, "rehearsal");
    msg.hello.slots = (uint64_t)a->slots;
    str_copy(msg.hello.version, sizeof msg.hello.version, HONE_VERSION);
    str_copy(msg.hello.platform, sizeof msg.hello.platform, "rehearsal");
    msg.hello.held = json_parse(str_text(&text), text.len, "held", NULL);
    str_clear(&text);
    w = jw_to(&text);
    jw_array(&w, NULL);
    for (size_t i = 0; i < a->offer_count; i++)
        tell_attempt(&w, &a->offers[i]);
    jw_close_array(&w);
    msg.hello.offers = json_parse(str_text(&text), text.len, "offers", NULL);
    msg.hello.transit = r->porter != NULL;
    actor_say(r, a, &msg);
    msg_fini(&msg);
    str_fini(&text);
}

static void connect_actor(struct rehearsal *r, struct actor *a)
{
    if (a->peer)
        rehearsal_disconnect(r, a->peer);
    a->peer = ++r->next_peer;
    a->welcomed = false;
    a->taken = 0;
    a->heard_ms = r->now_ms;
    say_hello(r, a);
}

void actor_forget(struct actor *a, size_t i)
{
    json_free(a->running[i].params);
    a->running[i] = a->running[--a->running_count];
}

static void end_running(struct rehearsal *r, struct actor *a, struct running *run, const char *outcome,
                        const char *cause)
{
    struct msg msg = {.kind = MSG_done};
    str_copy(msg.done.study, sizeof msg.done.study, run->study);
    str_copy(msg.done.token, sizeof msg.done.token, run->token);
    str_copy(msg.done.outcome, sizeof msg.done.outcome, outcome);
    str_copy(msg.done.cause, sizeof msg.done.cause, cause);
    msg.done.trial = run->trial;
    msg.done.attempt = (uint64_t)run->attempt;
    msg.done.epoch = (uint64_t)run->epoch;
    run->is_done = true;
    keep_and_say(r, a, &msg, &msg.done.seq);
    a->kept[a->kept_count - 1].msg.done.seq = a->seq;
    if (a->welcomed)
        say_credit(r, a);
}

static void measure(struct rehearsal *r, const struct running *run, struct msg_report *report)
{
    const struct rehearsal_options *o = &r->options;
    struct str text = {0};
    struct jw w = jw_to(&text);
    report->seconds = (double)o->epoch_ms / 1000;
    jw_object(&w, NULL);
    jw_num(&w, o->metric, o->objective(o->arg, run->params, run->seed, run->epoch, run->epochs));
    for (int k = 0; k < HISTORY_MORE && o->further_names[k]; k++) {
        double value = o->further(o->arg, k, run->params, run->seed, run->epoch, run->epochs);
        jw_num(&w, o->further_names[k], value);
    }
    jw_close_object(&w);
    report->metrics = json_parse(str_text(&text), text.len, "metrics", NULL);
    str_fini(&text);
}

static void run_epoch(struct rehearsal *r, struct actor *a, struct running *run)
{
    if (a->broken || rehearsal_chance(r, r->options.fail)) {
        end_running(r, a, run, "failed", "exit");
        return;
    }
    run->epoch++;
    r->epochs_run++;
    struct msg msg = {.kind = MSG_report};
    str_copy(msg.report.study, sizeof msg.report.study, run->study);
    str_copy(msg.report.token, sizeof msg.report.token, run->token);
    msg.report.trial = run->trial;
    msg.report.attempt = (uint64_t)run->attempt;
    msg.report.epoch = (uint64_t)run->epoch;
    measure(r, run, &msg.report);
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_object(&w, NULL);
    char path[128];
    snprintf(path, sizeof path, "%s%s/t%05u/a%d/e%d.ckpt", r->porter ? "/elsewhere/" : "", run->study,
             run->trial, run->attempt, run->epoch);
    jw_text(&w, "path", path);
    char hash[HASH_HEX] = "00000000000000000000000000000000";
    jw_int(&w, "bytes", r->porter ? actor_offer(a, run, hash) : 1);
    jw_text(&w, "hash", hash);
    jw_close_object(&w);
    msg.report.checkpoint = json_parse(str_text(&text), text.len, "checkpoint", NULL);
    str_fini(&text);
    const char *findings =
        r->options.findings ? r->options.findings(r->options.arg, run->params, run->epoch) : NULL;
    if (findings)
        msg.report.findings = json_parse(findings, strlen(findings), "findings", NULL);
    keep_and_say(r, a, &msg, &msg.report.seq);
    a->kept[a->kept_count - 1].msg.report.seq = a->seq;
    run->next_epoch_ms = r->now_ms + r->options.epoch_ms;
    if (run->epoch >= run->until)
        end_running(r, a, run, "finished", "");
    else if (run->stop_after)
        end_running(r, a, run, "stopped", "");
}

static void actor_on_job(struct rehearsal *r, struct actor *a, struct msg_job *job)
{
    if (actor_running(a, job->token))
        return; /* delivered twice */
    a->taken++;
    GROW(a->running, a->running_room, a->running_count + 1);
    struct running *run = &a->running[a->running_count++];
    *run = (struct running){.trial = (uint32_t)job->trial,
                            .attempt = (int)job->attempt,
                            .until = (int)job->until,
                            .epochs = (int)job->epochs,
                            .seed = job->seed,
                            .params = job->params,
                            .next_epoch_ms = r->now_ms + r->options.epoch_ms};
    job->params = NULL;
    run->epoch = job->resume ? (int)json_num(json_get(job->resume, "epoch")) : 0;
    str_copy(run->study, sizeof run->study, job->study);
    str_copy(run->token, sizeof run->token, job->token);
    const char *path = job->resume ? json_text(json_get(job->resume, "path")) : "/";
    if (path[0] != '/' && r->porter) {
        run->to_fetch = (int64_t)json_num(json_get(job->resume, "bytes"));
        run->saved_by = (uint32_t)strtoul(strstr(path, "/t") + 2, NULL, 10); /* s/t00042/a1/e5.ckpt */
        run->next_epoch_ms = INT64_MAX;
        actor_want(r, a, run);
    }
    if (rehearsal_chance(r, r->options.refuse))
        end_running(r, a, run, "refused", "");
}

/* Checks take no time here, and find what the test wants. */
static void actor_on_check(struct rehearsal *r, struct actor *a, const struct msg_check *check)
{
    struct msg msg = {.kind = MSG_checked};
    struct check_result result;
    int worker = (int)(a - r->actors);
    enum verdict verdict =
        r->options.verdict ? r->options.verdict(r->options.arg, worker, check->smoke) : VERDICT_GOOD;
    struct str text = {0};
    struct jw w = jw_to(&text);
    check_result_set(&result, "G4", "one epoch", verdict, "rehearsed");
    jw_array(&w, NULL);
    check_result_write(&result, &w, NULL);
    jw_close_array(&w);
    str_copy(msg.checked.study, sizeof msg.checked.study, check->study);
    str_copy(msg.checked.token, sizeof msg.checked.token, check->token);
    msg.checked.results = json_parse(str_text(&text), text.len, "results", NULL);
    r->checks_run++;
    a->taken++;
    actor_say(r, a, &msg);
    say_credit(r, a);
    msg_fini(&msg);
    str_fini(&text);
}

static void actor_on_stop(struct rehearsal *r, struct actor *a, const struct msg_stop *stop)
{
    struct running *run = actor_running(a, stop->token);
    if (!run)
        return;
    if (strcmp(stop->reason, "fenced") == 0)
        actor_forget(
            a, (size_t)(run - a->running)); /* its kept messages are harmless: fenced ones are acknowledged */
    else if (run->is_done)
        return;
    else if (strcmp(stop->when, "now") == 0)
        end_running(r, a, run, "stopped", "");
    else
        run->stop_after = true;
    say_credit(r, a);
}

static void write_journal(struct rehearsal *r, const struct msg_report *report)
{
    GROW(r->journal, r->journal_room, r->journal_count + 1);
    struct line *line = &r->journal[r->journal_count++];
    *line = (struct line){.trial = (uint32_t)report->trial,
                          .attempt = (int)report->attempt,
                          .epoch = (int)report->epoch,
                          .value = json_num(json_get(report->metrics, r->options.metric))};
    str_copy(line->study, sizeof line->study, report->study);
}

static void actor_on_ack(struct rehearsal *r, struct actor *a, uint64_t seq)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->kept_count; i++) {
        struct kept *k = &a->kept[i];
        if (k->seq > seq) {
            a->kept[kept++] = *k;
            continue;
        }
        struct running *run = NULL;
        if (k->counts)
            write_journal(r, &k->msg.report); /* fenced reports are acknowledged, and rightly not kept */
        if (k->msg.kind == MSG_done && (run = actor_running(a, k->msg.done.token)))
            actor_forget(a, (size_t)(run - a->running));
        msg_fini(&k->msg);
    }
    a->kept_count = kept;
}

void actor_was_heard(struct actor *a, uint64_t seq, bool counts)
{
    for (size_t i = 0; i < a->kept_count; i++)
        if (a->kept[i].seq == seq)
            a->kept[i].counts = counts;
}

void actor_receive(struct rehearsal *r, struct actor *a, struct msg *msg)
{
    a->heard_ms = r->now_ms;
    switch (msg->kind) {
    case MSG_welcome:
        a->welcomed = true;
        for (size_t i = 0; i < a->kept_count; i++)
            actor_say(r, a, &a->kept[i].msg);
        for (size_t i = 0; i < a->running_count; i++)
            if (a->running[i].fetched < a->running[i].to_fetch && !a->running[i].is_done)
                actor_want(r, a, &a->running[i]);
        say_credit(r, a);
        break;
    case MSG_job: actor_on_job(r, a, &msg->job); break;
    case MSG_check: actor_on_check(r, a, &msg->check); break;
    case MSG_stop: actor_on_stop(r, a, &msg->stop); break;
    case MSG_ack: actor_on_ack(r, a, msg->ack.seq); break;
    case MSG_want: actor_on_want(r, a, &msg->want); break;
    case MSG_chunk: actor_on_chunk(r, a, &msg->chunk); break;
    case MSG_drop: actor_on_drop(a, &msg->drop); break;
    case MSG_bye: a->dismissed = true; break;
    case MSG_error:
        if (strcmp(msg->error.code, "hello") == 0)
            connect_actor(r, a);
        break;
    default: break;
    }
}

void actor_turn(struct rehearsal *r, struct actor *a)
{
    if (a->asleep_ms > r->now_ms)
        return;
    if (a->back_ms > r->now_ms && !a->peer && !a->running_count)
        return; /* dead */
    for (size_t i = 0; i < a->running_count; i++)
        if (!a->running[i].is_done && a->running[i].next_epoch_ms <= r->now_ms)
            run_epoch(r, a, &a->running[i]);
    if (a->back_ms > r->now_ms)
        return; /* cut off: trains on */
    bool silent = r->now_ms - a->heard_ms > 3 * r->options.beat_ms;
    if (!a->peer || silent) {
        connect_actor(r, a);
    } else if (r->now_ms - a->spoke_ms >= r->options.beat_ms) {
        struct msg beat = {.kind = MSG_beat};
        actor_say(r, a, &beat);
    }
}

int64_t actor_next_ms(const struct rehearsal *r, const struct actor *a)
{
    if (a->asleep_ms > r->now_ms)
        return a->asleep_ms;
    int64_t next = a->back_ms > r->now_ms ? a->back_ms : a->spoke_ms + r->options.beat_ms;
    for (size_t i = 0; i < a->running_count; i++)
        if (!a->running[i].is_done && a->running[i].next_epoch_ms < next)
            next = a->running[i].next_epoch_ms;
    return next > r->now_ms ? next : r->now_ms + 1;
}
