#include "tests/tools/crowd.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "common/base64.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/hash.h"
#include "common/mem.h"
#include "proto/message.h"

enum { CHUNK_BYTES = 196608, FRAME_MOST = 1 << 20 };

struct fellow {
    void *socket;
    unsigned number; /* of the process it plays; another one after it has vanished */
    bool saves;
    uint64_t seq, acked, jobs; /* jobs: credit granted on this connection */
    uint64_t epoch;            /* of the attempt; 0 and no token: none */
    char study[65], token[33];
    uint64_t trial, attempt, until;
    int64_t sent_us, heard_ms, due_ms, spoke_ms;
};

struct play {
    const struct crowd_plan *plan;
    struct crowd_seen *seen;
    void *context;
    struct fellow *fellows;
    unsigned processes; /* numbers given out */
    uint64_t attempts;
    char hash[HASH_HEX]; /* of a checkpoint: all zeros */
    struct str piece;    /* a whole CHUNK of it, as base64 */
    char *frame;
};

static void count_ms(struct crowd_times *times, int64_t ms)
{
    times->cells[ms < 0 ? 0 : ms > CROWD_MS_MOST ? CROWD_MS_MOST : ms]++;
}

int64_t crowd_quantile(const struct crowd_times *now, const struct crowd_times *before, double share)
{
    uint64_t all = 0, below = 0;
    for (int i = 0; i <= CROWD_MS_MOST; i++)
        all += now->cells[i] - (before ? before->cells[i] : 0);
    for (int i = 0; i <= CROWD_MS_MOST && all; i++) {
        below += now->cells[i] - (before ? before->cells[i] : 0);
        if ((double)below >= share * (double)all)
            return i;
    }
    return -1;
}

/* ---- saying ---- */

static void say(struct fellow *f, const struct msg *msg)
{
    struct str head = {0}, body = {0};
    msg_encode(msg, &head, &body);
    if (zmq_send(f->socket, head.text, head.len, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        zmq_send(f->socket, body.text, body.len, 0);
    f->spoke_ms = clock_mono_ms();
    str_fini(&head);
    str_fini(&body);
}

static void say_hello(struct play *p, struct fellow *f)
{
    struct msg hello = {.kind = MSG_hello};
    int none = 0;
    if (f->socket)
        zmq_close(f->socket);
    f->socket = zmq_socket(p->context, ZMQ_DEALER);
    PRE(f->socket);
    zmq_setsockopt(f->socket, ZMQ_LINGER, &none, sizeof none);
    zmq_connect(f->socket, p->plan->address);
    f->number = p->plan->first + ++p->processes;
    snprintf(hello.hello.uuid, sizeof hello.hello.uuid, "%032x", f->number);
    snprintf(hello.hello.name, sizeof hello.hello.name, "c%u", f->number);
    strcpy(hello.hello.host, "crowd");
    strcpy(hello.hello.version, HONE_VERSION);
    strcpy(hello.hello.platform, "none");
    hello.hello.pid = (uint64_t)getpid();
    hello.hello.slots = 1;
    hello.hello.transit = true;
    f->seq = f->acked = f->jobs = 0;
    f->token[0] = '\0';
    f->heard_ms = 0;
    say(f, &hello);
}

static void say_credit(struct fellow *f)
{
    struct msg credit = {.kind = MSG_credit, .credit.jobs = ++f->jobs};
    say(f, &credit);
}

static void say_report(struct play *p, struct fellow *f)
{
    struct msg msg = {.kind = MSG_report};
    struct msg_report *report = &msg.report;
    char text[400];
    f->epoch++;
    report->seq = ++f->seq;
    memcpy(report->study, f->study, sizeof report->study);
    memcpy(report->token, f->token, sizeof report->token);
    report->trial = f->trial;
    report->attempt = f->attempt;
    report->epoch = f->epoch;
    report->seconds = 1;
    int len = snprintf(text, sizeof text, "{\"val_acc\":0.%04llu,\"train_loss\":0.5}",
                       (unsigned long long)(f->epoch % 10000));
    report->metrics = json_parse(text, (size_t)len, "metrics", NULL);
    if (f->saves) {
        len = snprintf(text, sizeof text,
                       "{\"path\":\"/crowd/%.32s/e%llu.ckpt\",\"bytes\":%lld,\"hash\":\"%s\"}", f->token,
                       (unsigned long long)f->epoch, (long long)p->plan->checkpoint_bytes, p->hash);
        report->checkpoint = json_parse(text, (size_t)len, "checkpoint", NULL);
    }
    f->sent_us = clock_mono_us();
    say(f, &msg);
    msg_fini(&msg);
    p->seen->reports++;
}

static void say_done(struct fellow *f, const char *outcome)
{
    struct msg msg = {.kind = MSG_done};
    struct msg_done *done = &msg.done;
    done->seq = ++f->seq;
    memcpy(done->study, f->study, sizeof done->study);
    memcpy(done->token, f->token, sizeof done->token);
    done->trial = f->trial;
    done->attempt = f->attempt;
    done->epoch = f->epoch;
    snprintf(done->outcome, sizeof done->outcome, "%s", outcome);
    f->token[0] = '\0';
    f->sent_us = clock_mono_us();
    say(f, &msg);
    say_credit(f);
}

/* All zeros, for as much as is wanted. */
static void say_chunks(struct play *p, struct fellow *f, const struct msg_want *want)
{
    int64_t at = (int64_t)want->offset, end = at + (int64_t)want->bytes;
    end = end < p->plan->checkpoint_bytes ? end : p->plan->checkpoint_bytes;
    for (int64_t len; at < end; at += len) {
        struct msg msg = {.kind = MSG_chunk};
        struct str part = {0};
        static const char zeros[CHUNK_BYTES];
        len = end - at < CHUNK_BYTES ? end - at : CHUNK_BYTES;
        if (len < CHUNK_BYTES)
            base64_add(&part, zeros, (size_t)len);
        memcpy(msg.chunk.study, want->study, sizeof msg.chunk.study);
        memcpy(msg.chunk.token, want->token, sizeof msg.chunk.token);
        msg.chunk.trial = want->trial;
        msg.chunk.attempt = want->attempt;
        msg.chunk.epoch = want->epoch;
        msg.chunk.offset = (uint64_t)at;
        msg.chunk.data = json_new_text(str_text(len < CHUNK_BYTES ? &part : &p->piece));
        say(f, &msg);
        msg_fini(&msg);
        str_fini(&part);
        p->seen->chunk_bytes += len;
    }
}

/* ---- hearing ---- */

static void take_job(struct play *p, struct fellow *f, const struct msg_job *job)
{
    memcpy(f->study, job->study, sizeof f->study);
    memcpy(f->token, job->token, sizeof f->token);
    f->trial = job->trial;
    f->attempt = job->attempt;
    f->until = job->until;
    f->epoch = 0;
    f->due_ms = clock_mono_ms() + p->plan->epoch_ms;
    p->seen->jobs++;
}

static void take_ack(struct play *p, struct fellow *f, uint64_t seq)
{
    if (seq <= f->acked)
        return;
    p->seen->acked += (int64_t)(seq - f->acked);
    f->acked = seq;
    count_ms(&p->seen->ack, (clock_mono_us() - f->sent_us) / 1000);
}

static void take(struct play *p, struct fellow *f, const struct msg *msg)
{
    int64_t now = clock_mono_ms();
    if (f->heard_ms)
        count_ms(&p->seen->gap, now - f->heard_ms);
    f->heard_ms = now;
    switch (msg->kind) {
    case MSG_welcome:
        p->seen->welcomed++;
        say_credit(f);
        break;
    case MSG_job: take_job(p, f, &msg->job); break;
    case MSG_ack: take_ack(p, f, msg->ack.seq); break;
    case MSG_want: say_chunks(p, f, &msg->want); break;
    case MSG_drop: p->seen->dropped++; break;
    case MSG_stop:
        if (strcmp(msg->stop.token, f->token) == 0)
            say_done(f, "stopped");
        break;
    case MSG_error: say_hello(p, f); break;
    default: break;
    }
}

static void hear(struct play *p, struct fellow *f)
{
    char head[64];
    for (int head_len; (head_len = zmq_recv(f->socket, head, sizeof head, ZMQ_DONTWAIT)) >= 0;) {
        int body_len = zmq_recv(f->socket, p->frame, FRAME_MOST, 0);
        struct msg msg;
        if (body_len < 0 || msg_decode(head, (size_t)head_len, p->frame, (size_t)body_len, &msg, NULL))
            continue;
        take(p, f, &msg);
        msg_fini(&msg);
    }
}

/* ---- the play ---- */

static void end_attempt(struct play *p, struct fellow *f)
{
    uint64_t n = ++p->attempts;
    if (p->plan->vanish_every && n % p->plan->vanish_every == 0) {
        p->seen->vanished++;
        say_hello(p, f);
        return;
    }
    p->seen->ended++;
    say_done(f, n % p->plan->finish_every == 0 ? "finished" : "preempted");
}

static void act(struct play *p, struct fellow *f, int64_t now_ms)
{
    const struct crowd_plan *plan = p->plan;
    if (f->token[0] && f->acked == f->seq && now_ms >= f->due_ms) {
        f->due_ms += plan->epoch_ms * (1 + (now_ms - f->due_ms) / (plan->epoch_ms ? plan->epoch_ms : 1));
        if (f->epoch >= plan->attempt_epochs || f->epoch >= f->until)
            end_attempt(p, f);
        else
            say_report(p, f);
    }
    if (now_ms - f->spoke_ms >= plan->beat_ms)
        say(f, &(struct msg){.kind = MSG_beat});
}

static void set_stage(struct play *p)
{
    struct rlimit files;
    char *zeros = xcalloc(1, (size_t)p->plan->checkpoint_bytes + CHUNK_BYTES);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    hash_bytes(zeros, (size_t)p->plan->checkpoint_bytes, p->hash);
    base64_add(&p->piece, zeros, CHUNK_BYTES);
    free(zeros);
    p->frame = xmalloc(FRAME_MOST);
    p->fellows = xcalloc((size_t)p->plan->workers, sizeof *p->fellows);
    p->context = zmq_ctx_new();
    zmq_ctx_set(p->context, ZMQ_MAX_SOCKETS, 2 * p->plan->workers + 1000);
    for (int i = 0; i < p->plan->workers; i++) {
        p->fellows[i].saves = i < p->plan->savers;
        say_hello(p, &p->fellows[i]);
    }
}

static void play_for_ever(const struct crowd_plan *plan, struct crowd_seen *seen)
{
    struct play p = {.plan = plan, .seen = seen};
    struct itimerspec every = {{plan->tick_ms / 1000, plan->tick_ms % 1000 * 1000000},
                               {plan->tick_ms / 1000, plan->tick_ms % 1000 * 1000000}};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    uint64_t ticks;
    set_stage(&p);
    timerfd_settime(timer, 0, &every, NULL);
    while (read(timer, &ticks, sizeof ticks) > 0) {
        for (int i = 0; i < plan->workers; i++) {
            hear(&p, &p.fellows[i]);
            act(&p, &p.fellows[i], clock_mono_ms());
        }
    }
    _exit(1);
}

void crowd_start(struct crowd *crowd, const struct crowd_plan *plan)
{
    crowd->seen = mmap(NULL, sizeof *crowd->seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    PRE(crowd->seen != MAP_FAILED);
    crowd->pid = fork();
    PRE(crowd->pid >= 0);
    if (crowd->pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    play_for_ever(plan, crowd->seen);
}

void crowd_end(struct crowd *crowd)
{
    kill(crowd->pid, SIGKILL);
    waitpid(crowd->pid, NULL, 0);
    munmap(crowd->seen, sizeof *crowd->seen);
    *crowd = (struct crowd){0};
}
