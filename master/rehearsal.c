#include "master/rehearsal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/check.h"
#include "common/check_result.h"
#include "common/mem.h"
#include "common/rng.h"
#include "master/outage.h"

/* ---- the cast ---- */

/* An attempt on a simulated worker. */
struct running {
    char study[65], token[HASH_HEX];
    uint32_t trial;
    int attempt, epoch, until, epochs;
    uint64_t seed;
    struct json *params;
    int64_t next_epoch_ms;
    bool stop_after;           /* STOP epoch */
    bool is_done;              /* its DONE waits for the acknowledgement */
    int64_t to_fetch, fetched; /* bytes of what it resumes from */
};

/* A message on its way; connections are ordered, so `due_ms` never falls below that of the one before. */
struct flight {
    int64_t due_ms;
    uint64_t order;
    bool to_master;
    peer_id peer;
    struct str head, body;
};

/* A REPORT or DONE kept until acknowledged. */
struct kept {
    uint64_t seq;
    struct msg msg;
};

struct actor { /* a simulated worker process */
    char uuid[HASH_HEX];
    int slots;
    peer_id peer; /* 0: not connected */
    bool welcomed, broken;
    int64_t back_ms;   /* cut or dead until then */
    int64_t asleep_ms; /* stopped until then: what comes waits */
    int64_t heard_ms, spoke_ms;
    uint64_t seq, taken; /* reports made; credit granted on this connection */
    struct running *running;
    size_t running_count, running_room;
    struct kept *kept;
    size_t kept_count, kept_room;
    struct running *offers; /* checkpoints it saved: who and which epoch */
    size_t offer_count, offer_room;
};

/* What a worker was told is safe. */
struct line {
    uint32_t trial;
    int attempt, epoch;
    char study[65];
    double value;
};

struct rehearsal {
    struct rehearsal_options options;
    struct rng rng;
    int64_t now_ms, wall_offset_ms;
    struct store *store;
    struct reactor reactor;
    struct outage outage;
    bool master_up;
    int64_t master_back_ms, master_next_ms, master_asleep_ms, disk_back_ms;
    struct outbox outbox;
    struct actor *actors;
    size_t actor_count, actor_room;
    struct flight *flights;
    size_t flight_count, flight_room;
    uint64_t order;
    peer_id next_peer;
    struct line *journal;
    size_t journal_count, journal_room;
    struct msg answer; /* of the call under way */
    bool answered;
    int64_t epochs_run, checks_run, fetched;
    struct porter *porter; /* NULL: no files */
};

static const struct reactor_config *config_of(const struct rehearsal *r, struct reactor_config *out)
{
    *out = (struct reactor_config){r->options.beat_ms, r->options.lease_ms, false};
    return out;
}

static struct turn turn_of(struct rehearsal *r)
{
    /* Start well above zero: a monotonic clock that is at 0 means "not started" here and there. */
    struct now now = {1000000 + r->now_ms, 1700000000000 + r->now_ms + r->wall_offset_ms};
    return (struct turn){r->store, &r->outbox, now};
}

static bool chance(struct rehearsal *r, double p)
{
    return p > 0 && rng_unit(&r->rng) < p;
}

/* ---- the wire ---- */

static void fly(struct rehearsal *r, bool to_master, peer_id peer, const struct msg *msg)
{
    GROW(r->flights, r->flight_room, r->flight_count + 1);
    struct flight *f = &r->flights[r->flight_count++];
    *f = (struct flight){.due_ms = r->now_ms + 1, .order = r->order++, .to_master = to_master, .peer = peer};
    if (chance(r, r->options.late))
        f->due_ms += rng_below(&r->rng, 500);
    for (size_t i = 0; i + 1 < r->flight_count; i++) {
        const struct flight *before = &r->flights[i];
        if (before->to_master == to_master && before->peer == peer && before->due_ms > f->due_ms)
            f->due_ms = before->due_ms;
    }
    msg_encode(msg, &f->head, &f->body);
}

static void land(struct flight *f)
{
    str_fini(&f->head);
    str_fini(&f->body);
}

static void drop_connection(struct rehearsal *r, peer_id peer)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->flight_count; i++) {
        if (r->flights[i].peer == peer)
            land(&r->flights[i]);
        else
            r->flights[kept++] = r->flights[i];
    }
    r->flight_count = kept;
}

static struct actor *actor_of(struct rehearsal *r, peer_id peer)
{
    for (size_t i = 0; i < r->actor_count; i++)
        if (r->actors[i].peer == peer)
            return &r->actors[i];
    return NULL;
}

/* ---- checkpoints that travel ---- */

enum { PIECE = 100000 };

/* The checkpoint after an epoch: some hundred thousand bytes that follow from trial and epoch, like its numbers. */
static int64_t checkpoint_bytes(uint32_t trial, int epoch)
{
    return 150000 + 1000 * (int64_t)trial + epoch;
}

static void checkpoint_fill(uint32_t trial, int epoch, int64_t offset, unsigned char *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)((offset + (int64_t)i) * 31 + trial * 7 + (uint32_t)epoch);
}

static void checkpoint_hash(uint32_t trial, int epoch, char hex[HASH_HEX])
{
    size_t len = (size_t)checkpoint_bytes(trial, epoch);
    unsigned char *bytes = xmalloc(len);
    checkpoint_fill(trial, epoch, 0, bytes, len);
    hash_bytes(bytes, len, hex);
    free(bytes);
}

static struct running *find_offer(struct actor *a, const char *token, int epoch)
{
    for (size_t i = 0; i < a->offer_count; i++)
        if (a->offers[i].epoch == epoch && strcmp(a->offers[i].token, token) == 0)
            return &a->offers[i];
    return NULL;
}

static void offer(struct actor *a, const struct running *run)
{
    GROW(a->offers, a->offer_room, a->offer_count + 1);
    a->offers[a->offer_count] = *run;
    a->offers[a->offer_count++].params = NULL;
}

/* ---- the simulated worker ---- */

static void say(struct rehearsal *r, struct actor *a, const struct msg *msg)
{
    a->spoke_ms = r->now_ms;
    if (a->peer)
        fly(r, true, a->peer, msg);
}

static void keep_and_say(struct rehearsal *r, struct actor *a, struct msg *msg, uint64_t *seq_field)
{
    *seq_field = ++a->seq;
    GROW(a->kept, a->kept_room, a->kept_count + 1);
    a->kept[a->kept_count++] = (struct kept){a->seq, *msg};
    if (a->welcomed)
        say(r, a, msg);
}

static void say_credit(struct rehearsal *r, struct actor *a)
{
    size_t busy = 0;
    for (size_t i = 0; i < a->running_count; i++)
        busy += !a->running[i].is_done;
    struct msg msg = {.kind = MSG_credit};
    msg.credit.jobs = a->taken + (uint64_t)a->slots - (busy < (size_t)a->slots ? busy : (size_t)a->slots);
    say(r, a, &msg);
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
    say(r, a, &msg);
    msg_fini(&msg);
    str_fini(&text);
}

static void connect_actor(struct rehearsal *r, struct actor *a)
{
    if (a->peer)
        drop_connection(r, a->peer);
    a->peer = ++r->next_peer;
    a->welcomed = false;
    a->taken = 0;
    a->heard_ms = r->now_ms;
    say_hello(r, a);
}

static void forget_running(struct actor *a, size_t i)
{
    json_free(a->running[i].params);
    a->running[i] = a->running[--a->running_count];
}

static struct running *find_running(struct actor *a, const char *token)
{
    for (size_t i = 0; i < a->running_count; i++)
        if (strcmp(a->running[i].token, token) == 0)
            return &a->running[i];
    return NULL;
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

static void run_epoch(struct rehearsal *r, struct actor *a, struct running *run)
{
    if (a->broken || chance(r, r->options.fail)) {
        end_running(r, a, run, "failed", "exit");
        return;
    }
    run->epoch++;
    r->epochs_run++;
    double value = r->options.objective(r->options.arg, run->params, run->seed, run->epoch, run->epochs);
    struct msg msg = {.kind = MSG_report};
    str_copy(msg.report.study, sizeof msg.report.study, run->study);
    str_copy(msg.report.token, sizeof msg.report.token, run->token);
    msg.report.trial = run->trial;
    msg.report.attempt = (uint64_t)run->attempt;
    msg.report.epoch = (uint64_t)run->epoch;
    msg.report.seconds = (double)r->options.epoch_ms / 1000;
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_object(&w, NULL);
    jw_num(&w, r->options.metric, value);
    jw_close_object(&w);
    msg.report.metrics = json_parse(str_text(&text), text.len, "metrics", NULL);
    str_clear(&text);
    w = jw_to(&text);
    jw_object(&w, NULL);
    char path[128];
    snprintf(path, sizeof path, "%s%s/t%05u/a%d/e%d.ckpt", r->porter ? "/elsewhere/" : "", run->study,
             run->trial, run->attempt, run->epoch);
    jw_text(&w, "path", path);
    char hash[HASH_HEX] = "00000000000000000000000000000000";
    if (r->porter) {
        checkpoint_hash(run->trial, run->epoch, hash);
        offer(a, run);
    }
    jw_int(&w, "bytes", r->porter ? checkpoint_bytes(run->trial, run->epoch) : 1);
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

/* What it still lacks of the checkpoint it resumes from, a stretch at a time. */
static void say_want(struct rehearsal *r, struct actor *a, const struct running *run)
{
    struct msg msg = {.kind = MSG_want};
    int64_t left = run->to_fetch - run->fetched;
    str_copy(msg.want.study, sizeof msg.want.study, run->study);
    str_copy(msg.want.token, sizeof msg.want.token, run->token);
    msg.want.trial = run->trial;
    msg.want.attempt = (uint64_t)run->attempt;
    msg.want.epoch = (uint64_t)run->epoch;
    msg.want.offset = (uint64_t)run->fetched;
    msg.want.bytes = (uint64_t)(left < PIECE ? left : PIECE);
    say(r, a, &msg);
}

static void actor_on_want(struct rehearsal *r, struct actor *a, const struct msg_want *want)
{
    const struct running *run = find_offer(a, want->token, (int)want->epoch);
    struct msg msg = {.kind = MSG_chunk};
    memcpy(msg.chunk.study, want->study, sizeof msg.chunk.study);
    memcpy(msg.chunk.token, want->token, sizeof msg.chunk.token);
    msg.chunk.trial = want->trial;
    msg.chunk.attempt = want->attempt;
    msg.chunk.epoch = want->epoch;
    int64_t end = (int64_t)(want->offset + want->bytes);
    for (int64_t at = (int64_t)want->offset; run && at < end; at += PIECE) {
        unsigned char piece[PIECE];
        size_t len = (size_t)(end - at < PIECE ? end - at : PIECE);
        struct str text = {0};
        checkpoint_fill(run->trial, run->epoch, at, piece, len);
        base64_add(&text, piece, len);
        msg.chunk.offset = (uint64_t)at;
        msg.chunk.data = json_new_text(str_text(&text));
        say(r, a, &msg);
        msg_fini(&msg);
        str_fini(&text);
    }
    if (!run)
        say(r, a, &msg);
}

/* A piece that is not what the worker before saved would be a broken promise. */
static void actor_on_chunk(struct rehearsal *r, struct actor *a, const struct msg_chunk *chunk)
{
    struct running *run = find_running(a, chunk->token);
    unsigned char piece[2 * PIECE], expected[2 * PIECE];
    if (!run || run->fetched >= run->to_fetch || (int64_t)chunk->offset != run->fetched)
        return;
    long len = base64_read(json_text(chunk->data), piece, sizeof piece);
    if (len <= 0) { /* it cannot be had: from the start, then */
        run->to_fetch = run->epoch = 0;
        run->next_epoch_ms = r->now_ms + r->options.epoch_ms;
        return;
    }
    checkpoint_fill(run->trial, run->epoch, run->fetched, expected, (size_t)len);
    PRE(memcmp(piece, expected, (size_t)len) == 0);
    run->fetched += len;
    r->fetched += len;
    if (run->fetched < run->to_fetch)
        say_want(r, a, run);
    else
        run->next_epoch_ms = r->now_ms + r->options.epoch_ms;
}

static void actor_on_drop(struct actor *a, const struct msg_drop *drop)
{
    struct running *run = find_offer(a, drop->token, (int)drop->epoch);
    if (run)
        *run = a->offers[--a->offer_count];
}

static void actor_on_job(struct rehearsal *r, struct actor *a, struct msg_job *job)
{
    if (find_running(a, job->token))
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
        run->next_epoch_ms = INT64_MAX;
        say_want(r, a, run);
    }
    if (chance(r, r->options.refuse))
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
    say(r, a, &msg);
    say_credit(r, a);
    msg_fini(&msg);
    str_fini(&text);
}

static void actor_on_stop(struct rehearsal *r, struct actor *a, const struct msg_stop *stop)
{
    struct running *run = find_running(a, stop->token);
    if (!run)
        return;
    if (strcmp(stop->reason, "fenced") == 0)
        forget_running(
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
        if (k->msg.kind == MSG_report)
            run = find_running(a, k->msg.report.token);
        if (run)
            write_journal(r, &k->msg.report); /* fenced reports are acknowledged, and rightly not kept */
        if (k->msg.kind == MSG_done && (run = find_running(a, k->msg.done.token)))
            forget_running(a, (size_t)(run - a->running));
        msg_fini(&k->msg);
    }
    a->kept_count = kept;
}

static void actor_receive(struct rehearsal *r, struct actor *a, struct msg *msg)
{
    a->heard_ms = r->now_ms;
    switch (msg->kind) {
    case MSG_welcome:
        a->welcomed = true;
        for (size_t i = 0; i < a->kept_count; i++)
            say(r, a, &a->kept[i].msg);
        for (size_t i = 0; i < a->running_count; i++)
            if (a->running[i].fetched < a->running[i].to_fetch && !a->running[i].is_done)
                say_want(r, a, &a->running[i]);
        say_credit(r, a);
        break;
    case MSG_job: actor_on_job(r, a, &msg->job); break;
    case MSG_check: actor_on_check(r, a, &msg->check); break;
    case MSG_stop: actor_on_stop(r, a, &msg->stop); break;
    case MSG_ack: actor_on_ack(r, a, msg->ack.seq); break;
    case MSG_want: actor_on_want(r, a, &msg->want); break;
    case MSG_chunk: actor_on_chunk(r, a, &msg->chunk); break;
    case MSG_drop: actor_on_drop(a, &msg->drop); break;
    case MSG_error:
        if (strcmp(msg->error.code, "hello") == 0)
            connect_actor(r, a);
        break;
    default: break;
    }
}

/* Epochs that are due, signs of life, reconnection. */
static void actor_turn(struct rehearsal *r, struct actor *a)
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
        say(r, a, &beat);
    }
}

static int64_t actor_next_ms(const struct rehearsal *r, const struct actor *a)
{
    if (a->asleep_ms > r->now_ms)
        return a->asleep_ms;
    int64_t next = a->back_ms > r->now_ms ? a->back_ms : a->spoke_ms + r->options.beat_ms;
    for (size_t i = 0; i < a->running_count; i++)
        if (!a->running[i].is_done && a->running[i].next_epoch_ms < next)
            next = a->running[i].next_epoch_ms;
    return next > r->now_ms ? next : r->now_ms + 1;
}

/* ---- the master ---- */

static void master_dies(struct rehearsal *r, int64_t for_ms)
{
    store_rollback(r->store);
    outbox_clear(&r->outbox);
    reactor_close(&r->reactor);
    outage_fini(&r->outage);
    store_break(r->store, false);
    r->disk_back_ms = r->master_asleep_ms = 0;
    porter_free(r->porter);
    r->porter =
        r->options.root ? porter_new(r->options.root, false) : NULL; /* what was under way died with it */
    r->master_up = false;
    r->master_back_ms = r->now_ms + for_ms;
    for (size_t i = 0; i < r->actor_count; i++) {
        if (r->actors[i].peer)
            drop_connection(r, r->actors[i].peer);
        r->actors[i].peer = 0;
        r->actors[i].welcomed = false;
    }
}

static void master_returns(struct rehearsal *r)
{
    struct reactor_config config;
    struct turn turn = turn_of(r);
    struct err err = ERR_NONE;
    int rc = reactor_open(&r->reactor, config_of(r, &config), &turn, &err);
    if (rc)
        fprintf(stderr, "rehearsal: the master cannot come back: %s\n", err.text);
    PRE(!rc);
    if (r->porter)
        reactor_use_porter(&r->reactor, r->porter);
    r->master_up = true;
    r->master_next_ms = r->now_ms;
}

static void deliver_outbox(struct rehearsal *r)
{
    for (size_t i = 0; i < r->outbox.count; i++) {
        struct outbox_item *item = &r->outbox.items[i];
        struct msg msg;
        struct err err = ERR_NONE;
        int rc = msg_decode(item->head.text, item->head.len, item->body.text, item->body.len, &msg, &err);
        if (rc)
            fprintf(stderr, "rehearsal: the master sent what nobody can read: %s\n", err.text);
        PRE(!rc);
        if (msg.kind == MSG_answer) {
            msg_fini(&r->answer);
            r->answer = msg;
            r->answered = true;
            continue;
        }
        if (actor_of(r, item->to))
            fly(r, false, item->to, &msg);
        msg_fini(&msg);
    }
    outbox_clear(&r->outbox);
}

/* Tick, commit, speak: the second half of a turn of the loop, with its two places to crash. */
static void master_turn(struct rehearsal *r)
{
    struct turn turn = turn_of(r);
    if (r->disk_back_ms && r->disk_back_ms <= r->now_ms) {
        store_break(r->store, false);
        r->disk_back_ms = 0;
    }
    int64_t next =
        r->outage.on ? outage_tick(&r->outage, &r->reactor, &turn) : reactor_tick(&r->reactor, &turn);
    r->master_next_ms = next - 1000000;
    bool dirty = store_dirty(r->store);
    if (dirty && chance(r, r->options.crash_before)) {
        master_dies(r, 1 + rng_below(&r->rng, 4000));
        return;
    }
    if (dirty && chance(r, r->options.break_disk)) {
        store_break(r->store, true);
        r->disk_back_ms = r->now_ms + 1 + rng_below(&r->rng, (uint32_t)(2 * r->options.lease_ms));
    }
    struct err err = ERR_NONE;
    int rc = store_commit(r->store, &err);
    if (rc) {
        PRE(r->disk_back_ms);
        outage_begin(&r->outage, &r->reactor, &turn, &err);
        r->master_next_ms = r->now_ms + 1;
        return;
    }
    if (!r->outage.on)
        reactor_committed(&r->reactor, &turn);
    if (r->porter)
        r->master_next_ms = r->now_ms + 1; /* it is back at once */
    if (dirty && chance(r, r->options.crash_after))
        master_dies(r, 1 + rng_below(&r->rng, 4000));
    else
        deliver_outbox(r);
}

static void deliver(struct rehearsal *r, struct flight *f)
{
    struct msg msg;
    int rc = msg_decode(f->head.text, f->head.len, f->body.text, f->body.len, &msg, NULL);
    PRE(!rc);
    struct turn turn = turn_of(r);
    struct actor *a = actor_of(r, f->peer);
    if (f->to_master && r->master_up && r->outage.on)
        outage_on_message(&r->outage, &r->reactor, &turn, f->peer, &msg);
    else if (f->to_master && r->master_up)
        reactor_on_message(&r->reactor, &turn, f->peer, &msg);
    else if (!f->to_master && a && a->back_ms <= r->now_ms)
        actor_receive(r, a, &msg);
    msg_fini(&msg);
}

/* ---- faults ---- */

static void cut(struct rehearsal *r, struct actor *a, int64_t for_ms)
{
    if (a->peer)
        drop_connection(r, a->peer);
    a->peer = 0;
    a->welcomed = false;
    a->back_ms = r->now_ms + for_ms;
}

static void kill_actor(struct rehearsal *r, struct actor *a)
{
    cut(r, a, 1000);
    a->asleep_ms = 0;
    while (a->running_count)
        forget_running(a, 0);
    for (size_t i = 0; i < a->kept_count; i++)
        msg_fini(&a->kept[i].msg);
    a->kept_count = a->offer_count = 0;
    a->seq = 0;
    snprintf(a->uuid, sizeof a->uuid, "%016llx%016llx", (unsigned long long)rng_u64(&r->rng),
             (unsigned long long)rng_u64(&r->rng));
}

enum { DAY_MS = 86400000 };

static void random_faults(struct rehearsal *r, int64_t passed_ms)
{
    double seconds = (double)passed_ms / 1000;
    for (size_t i = 0; i < r->actor_count; i++) {
        struct actor *a = &r->actors[i];
        if (chance(r, r->options.kill_worker * seconds))
            kill_actor(r, a);
        else if (chance(r, r->options.cut_worker * seconds))
            cut(r, a, rng_below(&r->rng, (uint32_t)(3 * r->options.lease_ms)));
        else if (chance(r, r->options.stop_worker * seconds))
            a->asleep_ms = r->now_ms + rng_below(&r->rng, (uint32_t)(3 * r->options.lease_ms));
    }
    if (chance(r, r->options.stop_master * seconds))
        r->master_asleep_ms = r->now_ms + rng_below(&r->rng, (uint32_t)(3 * r->options.lease_ms));
    if (chance(r, r->options.jump_clock * seconds))
        r->wall_offset_ms += (int64_t)rng_below(&r->rng, 2 * DAY_MS) - DAY_MS;
}

/* ---- time ---- */

static int compare_flights(const void *a, const void *b)
{
    const struct flight *fa = a, *fb = b;
    if (fa->due_ms != fb->due_ms)
        return fa->due_ms < fb->due_ms ? -1 : 1;
    return fa->order < fb->order ? -1 : 1;
}

static int64_t asleep_until(struct rehearsal *r, const struct flight *f)
{
    struct actor *a = f->to_master ? NULL : actor_of(r, f->peer);
    return f->to_master ? r->master_asleep_ms : a ? a->asleep_ms : 0;
}

/* Takes every flight that is due out of the air, in order, then lets them land: landing may start new ones. */
static void land_due(struct rehearsal *r)
{
    struct flight *due = xmalloc((r->flight_count + 1) * sizeof *due);
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < r->flight_count; i++) {
        int64_t asleep_ms = asleep_until(r, &r->flights[i]);
        if (asleep_ms > r->flights[i].due_ms)
            r->flights[i].due_ms = asleep_ms; /* in its socket, until it is woken */
        if (r->flights[i].due_ms <= r->now_ms)
            due[count++] = r->flights[i];
        else
            r->flights[kept++] = r->flights[i];
    }
    r->flight_count = kept;
    qsort(due, count, sizeof *due, compare_flights);
    for (size_t i = 0; i < count; i++) {
        struct actor *a = actor_of(r, due[i].peer);
        if (a && chance(r, r->options.lose)) {
            cut(r, a, rng_below(&r->rng, 300));
        } else if (a) {
            deliver(r, &due[i]);
            if (chance(r, r->options.twice) && actor_of(r, due[i].peer))
                deliver(r, &due[i]);
        }
        land(&due[i]);
    }
    free(due);
}

static int64_t next_event(const struct rehearsal *r)
{
    int64_t next = r->master_up ? r->master_next_ms : r->master_back_ms;
    if (r->master_up && r->master_asleep_ms > r->now_ms)
        next = r->master_asleep_ms;
    for (size_t i = 0; i < r->flight_count; i++)
        next = r->flights[i].due_ms < next ? r->flights[i].due_ms : next;
    for (size_t i = 0; i < r->actor_count; i++) {
        int64_t actor_ms = actor_next_ms(r, &r->actors[i]);
        next = actor_ms < next ? actor_ms : next;
    }
    return next > r->now_ms ? next : r->now_ms + 1;
}

static bool all_ended(const struct rehearsal *r)
{
    if (!r->master_up || r->outage.on || r->master_asleep_ms > r->now_ms || checkpoints_busy(&r->reactor))
        return false;
    for (size_t i = 0; i < r->reactor.study_count; i++)
        if (!study_has_ended(r->reactor.studies[i]))
            return false;
    return true;
}

bool rehearsal_run(struct rehearsal *r, int64_t for_ms)
{
    int64_t end = r->now_ms + for_ms;
    while (r->now_ms < end && !all_ended(r)) {
        int64_t before = r->now_ms, next = next_event(r);
        r->now_ms = next < end ? next : end;
        if (!r->master_up && r->master_back_ms <= r->now_ms)
            master_returns(r);
        random_faults(r, r->now_ms - before);
        land_due(r);
        for (size_t i = 0; i < r->actor_count; i++)
            actor_turn(r, &r->actors[i]);
        if (r->master_up && r->master_asleep_ms <= r->now_ms)
            master_turn(r);
    }
    return all_ended(r);
}

/* ---- from outside ---- */

struct rehearsal *rehearsal_new(const struct rehearsal_options *options, struct err *err)
{
    struct rehearsal *r = xcalloc(1, sizeof *r);
    r->options = *options;
    r->options.beat_ms = options->beat_ms ? options->beat_ms : 200;
    r->options.lease_ms = options->lease_ms ? options->lease_ms : 1500;
    r->options.epoch_ms = options->epoch_ms ? options->epoch_ms : 100;
    r->rng = rng_at(options->seed, 0, 0, 0);
    struct store_options store_options = {.memory = true};
    if (store_open("", &store_options, &r->store, err)) {
        free(r);
        return NULL;
    }
    r->porter = options->root ? porter_new(options->root, false) : NULL;
    master_returns(r);
    return r;
}

void rehearsal_free(struct rehearsal *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->actor_count; i++) {
        kill_actor(r, &r->actors[i]);
        free(r->actors[i].running);
        free(r->actors[i].kept);
        free(r->actors[i].offers);
    }
    for (size_t i = 0; i < r->flight_count; i++)
        land(&r->flights[i]);
    if (r->master_up)
        reactor_close(&r->reactor);
    outage_fini(&r->outage);
    porter_free(r->porter);
    msg_fini(&r->answer);
    outbox_fini(&r->outbox);
    store_close(r->store);
    free(r->flights);
    free(r->actors);
    free(r->journal);
    free(r);
}

int rehearsal_submit(struct rehearsal *r, const char *definition, struct err *err)
{
    PRE(r->master_up);
    struct study_def def;
    struct study *study;
    struct turn turn = turn_of(r);
    if (study_def_parse(definition, strlen(definition), "rehearsal", NULL, 0, &def, err))
        return ERR_BAD;
    int rc = reactor_submit(&r->reactor, &turn, &def, "rehearsal", "/", false, CHECKS_WANTED, &study, err);
    study_def_fini(&def);
    r->master_next_ms = r->now_ms;
    return rc ? rc : store_commit(r->store, err);
}

int rehearsal_add_worker(struct rehearsal *r, int slots)
{
    GROW(r->actors, r->actor_room, r->actor_count + 1);
    struct actor *a = &r->actors[r->actor_count++];
    *a = (struct actor){.slots = slots};
    kill_actor(r, a);
    a->back_ms = r->now_ms;
    return (int)r->actor_count - 1;
}

void rehearsal_kill_worker(struct rehearsal *r, int worker)
{
    kill_actor(r, &r->actors[worker]);
}

void rehearsal_break_worker(struct rehearsal *r, int worker, bool broken)
{
    r->actors[worker].broken = broken;
}

void rehearsal_cut_worker(struct rehearsal *r, int worker, int64_t for_ms)
{
    cut(r, &r->actors[worker], for_ms);
}

void rehearsal_crash_master(struct rehearsal *r, int64_t for_ms)
{
    if (r->master_up)
        master_dies(r, for_ms);
}

void rehearsal_jump_clock(struct rehearsal *r, int64_t wall_ms)
{
    r->wall_offset_ms += wall_ms;
}

void rehearsal_calm(struct rehearsal *r)
{
    struct rehearsal_options *o = &r->options;
    o->lose = o->twice = o->late = o->crash_before = o->crash_after = o->kill_worker = o->cut_worker =
        o->fail = o->refuse = 0;
    o->break_disk = o->stop_worker = o->stop_master = o->jump_clock = 0;
}

void rehearsal_call(struct rehearsal *r, const char *verb, const char *args_json, struct msg *answer)
{
    PRE(r->master_up);
    struct msg msg = {.kind = MSG_call};
    str_copy(msg.call.verb, sizeof msg.call.verb, verb);
    msg.call.id = 1;
    msg.call.args = json_parse(args_json, strlen(args_json), "args", NULL);
    struct turn turn = turn_of(r);
    reactor_on_message(&r->reactor, &turn, UINT32_MAX, &msg);
    msg_fini(&msg);
    double crash_before = r->options.crash_before, crash_after = r->options.crash_after,
           disk = r->options.break_disk;
    r->options.crash_before = r->options.crash_after = r->options.break_disk =
        0; /* the test wants its answer */
    master_turn(r);
    r->options.crash_before = crash_before;
    r->options.crash_after = crash_after;
    r->options.break_disk = disk;
    PRE(r->answered);
    *answer = r->answer;
    r->answer = (struct msg){0};
    r->answered = false;
}

bool rehearsal_listens(const struct rehearsal *r)
{
    return r->master_up && !r->outage.on && !r->disk_back_ms && r->master_asleep_ms <= r->now_ms;
}

struct reactor *rehearsal_reactor(struct rehearsal *r)
{
    return &r->reactor;
}

struct store *rehearsal_store(struct rehearsal *r)
{
    return r->store;
}

int64_t rehearsal_now_ms(const struct rehearsal *r)
{
    return r->now_ms;
}

int64_t rehearsal_fetched(const struct rehearsal *r)
{
    return r->fetched;
}

int64_t rehearsal_checks_run(const struct rehearsal *r)
{
    return r->checks_run;
}

int64_t rehearsal_epochs_run(const struct rehearsal *r)
{
    return r->epochs_run;
}

/* ---- the promises ---- */

struct checking {
    struct rehearsal *r;
    bool *found; /* a journal line has its row */
    const char *study;
    struct study *in_memory;
    int64_t open;
    int64_t cancelled; /* times that a trial was */
};

static int check_epoch(void *arg, const struct row_epoch *row, uint64_t seq)
{
    struct checking *c = arg;
    (void)seq;
    struct trial *t = NULL;
    for (size_t i = 0; i < c->in_memory->count && !t; i++)
        if (c->in_memory->trials[i]->id == row->trial)
            t = c->in_memory->trials[i];
    if (!t)
        return ERR_BAD;
    for (size_t i = 0; i < c->r->journal_count; i++) {
        struct line *line = &c->r->journal[i];
        if (line->trial != t->number || line->epoch != row->epoch || strcmp(line->study, c->study) != 0)
            continue;
        /* A later attempt may have taken the epoch over; the value is a function of point, seed and epoch. */
        bool same = line->value == row->value || isnan(row->value);
        if (row->attempt >= line->attempt && same)
            c->found[i] = true;
    }
    return 0;
}

static int check_attempt(void *arg, const struct row_attempt *row)
{
    (void)row;
    ((struct checking *)arg)->open++;
    return 0;
}

static int count_cancelled(void *arg, const struct row_log *row)
{
    ((struct checking *)arg)->cancelled += !row->epoch && !row->walls && row->to_status == TRIAL_cancelled;
    return 0;
}

static int check_study(struct checking *c, struct err *err)
{
    struct study *s = c->in_memory;
    c->study = s->def.name;
    c->open = 0;
    if (store_load_epochs(c->r->store, s->id, check_epoch, c, err))
        return err_set(err, ERR_NO, "study %s: an epoch of no trial", c->study);
    if (store_load_attempts(c->r->store, s->id, check_attempt, c, err))
        return ERR_NO;
    if (c->open != s->open_count)
        return err_set(err, ERR_NO, "study %s: %lld attempts open in the store, %lld in memory", c->study,
                       (long long)c->open, (long long)s->open_count);
    /* A cancelled trial is replaced by another; a retry then goes beyond the budget, for the user asked for it. */
    c->cancelled = 0;
    if (store_load_log(c->r->store, s->id, count_cancelled, c, err))
        return ERR_NO;
    int64_t planned = study_planned(s), counted = (int64_t)s->count;
    if (sampler_size(s->sampler) < 0)
        counted -= c->cancelled;
    if (planned >= 0 && counted > planned)
        return err_set(err, ERR_NO, "study %s: %lld trials sampled, %lld planned", c->study,
                       (long long)counted, (long long)planned);
    return 0;
}

int rehearsal_check(struct rehearsal *r, struct err *err)
{
    if (!r->master_up)
        master_returns(r);
    struct checking c = {.r = r, .found = xcalloc(r->journal_count + 1, sizeof(bool))};
    int rc = 0;
    for (size_t i = 0; i < r->reactor.study_count && !rc; i++) {
        c.in_memory = r->reactor.studies[i];
        rc = check_study(&c, err);
    }
    for (size_t i = 0; i < r->journal_count && !rc; i++) {
        const struct line *line = &r->journal[i];
        if (!c.found[i])
            rc = err_set(err, ERR_NO, "%s/%u attempt %d epoch %d was acknowledged and is not in the store",
                         line->study, line->trial, line->attempt, line->epoch);
    }
    free(c.found);
    return rc;
}
