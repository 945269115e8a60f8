/* session_world: a worker's session with a made-up master, slots and clock: what goes in, and what has to come out.
 * Include it after cmocka.h. */
#ifndef HONE_TESTS_UNIT_SESSION_WORLD_H
#define HONE_TESTS_UNIT_SESSION_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/session.h"

static const char store_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                  store_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

struct world {
    struct session session;
    struct now now;
    size_t heard; /* messages of the outbox looked at so far */
};

static bool same_root;

static inline bool sees(const char *root, const char *probe)
{
    return same_root && strcmp(root, "/data/hone.db.d") == 0 && strcmp(probe, "p") == 0;
}

static inline struct world *world_new(int slots, int64_t idle_ms)
{
    struct world *world = xcalloc(1, sizeof *world);
    struct worker_options options = {.slots = slots, .idle_ms = idle_ms, .grace_ms = 1000};
    struct msg_hello self = {.pid = 1};
    strcpy(self.uuid, "cafe");
    strcpy(self.name, "w");
    strcpy(self.host, "h");
    world->now.mono_ms = 1000000;
    same_root = true;
    session_init(&world->session, &options, &self, "/nowhere/hone-test", world->now);
    world->session.sees = sees;
    return world;
}

static inline void world_free(struct world *world)
{
    session_fini(&world->session);
    free(world);
}

/* ---- what comes out ---- */

/* The next message of the worker; the caller calls msg_fini. Kind MSG_KIND_COUNT: there is none. */
static inline struct msg next(struct world *world)
{
    struct msg msg = {.kind = MSG_KIND_COUNT};
    if (world->heard == world->session.outbox.count)
        return msg;
    struct outbox_item *item = &world->session.outbox.items[world->heard++];
    struct err why = ERR_NONE;
    if (msg_decode(item->head.text, item->head.len, item->body.text, item->body.len, &msg, &why))
        fail_msg("%s", why.text);
    return msg;
}

static inline struct msg expect(struct world *world, enum msg_kind kind)
{
    struct msg msg = next(world);
    if (msg.kind != kind)
        fail_msg("%s comes, not %s", msg.kind == MSG_KIND_COUNT ? "nothing" : msg_name(msg.kind),
                 msg_name(kind));
    return msg;
}

static inline void expect_nothing(struct world *world)
{
    struct msg msg = next(world);
    if (msg.kind != MSG_KIND_COUNT)
        fail_msg("%s comes, and nothing should", msg_name(msg.kind));
}

static inline void expect_credit(struct world *world, uint64_t jobs)
{
    struct msg msg = expect(world, MSG_credit);
    assert_int_equal(msg.credit.jobs, jobs);
}

static inline void expect_done(struct world *world, uint64_t seq, uint64_t trial, const char *outcome,
                               uint64_t epoch)
{
    struct msg msg = expect(world, MSG_done);
    assert_int_equal(msg.done.seq, seq);
    assert_int_equal(msg.done.trial, trial);
    assert_string_equal(msg.done.outcome, outcome);
    assert_int_equal(msg.done.epoch, epoch);
}

static inline void expect_report(struct world *world, uint64_t seq, uint64_t trial, uint64_t epoch)
{
    struct msg msg = expect(world, MSG_report);
    assert_int_equal(msg.report.seq, seq);
    assert_int_equal(msg.report.trial, trial);
    assert_int_equal(msg.report.epoch, epoch);
    msg_fini(&msg);
}

/* What a slot should be sent since the last look; the caller frees. */
static inline char *to_slot(struct world *world, int slot)
{
    return str_take(&world->session.slots[slot].out);
}

static inline void expect_slot(struct world *world, int slot, const char *part)
{
    char *text = to_slot(world, slot);
    if (part[0] ? !strstr(text, part) : text[0] != '\0')
        fail_msg("slot %d gets \"%s\", not \"%s\"", slot, text, part);
    free(text);
}

/* ---- what goes in ---- */

static inline void welcome(struct world *world, const char *store)
{
    struct msg msg = {.kind = MSG_welcome};
    strcpy(msg.welcome.store, store);
    strcpy(msg.welcome.version, "1");
    strcpy(msg.welcome.root, "/data/hone.db.d");
    strcpy(msg.welcome.probe, "p");
    msg.welcome.worker = 1;
    msg.welcome.beat_ms = 100;
    msg.welcome.lease_ms = 1000;
    session_on_message(&world->session, &msg, world->now);
}

static inline void connect_to(struct world *world, const char *store)
{
    session_on_up(&world->session, world->now);
    struct msg msg = expect(world, MSG_hello);
    assert_string_equal(msg.hello.uuid, "cafe");
    msg_fini(&msg);
    welcome(world, store);
}

static inline struct msg job_of(uint64_t trial)
{
    struct msg msg = {.kind = MSG_job};
    strcpy(msg.job.study, "s");
    snprintf(msg.job.token, sizeof msg.job.token, "token%d", (int)trial);
    strcpy(msg.job.metric, "val_acc");
    strcpy(msg.job.base, "/base");
    msg.job.trial = trial;
    msg.job.attempt = 2;
    msg.job.until = msg.job.epochs = 9;
    msg.job.params = json_new_object();
    msg.job.trainer = json_new_object();
    return msg;
}

static inline void job(struct world *world, uint64_t trial)
{
    struct msg msg = job_of(trial);
    session_on_message(&world->session, &msg, world->now);
    msg_fini(&msg);
}

static inline void stop(struct world *world, uint64_t trial, const char *when)
{
    struct msg msg = {.kind = MSG_stop};
    strcpy(msg.stop.study, "s");
    snprintf(msg.stop.token, sizeof msg.stop.token, "token%d", (int)trial);
    strcpy(msg.stop.when, when);
    msg.stop.trial = trial;
    msg.stop.attempt = 2;
    session_on_message(&world->session, &msg, world->now);
}

static inline void ack(struct world *world, uint64_t seq)
{
    struct msg msg = {.kind = MSG_ack, .ack = {.seq = seq}};
    session_on_message(&world->session, &msg, world->now);
}

static inline void slot_says(struct world *world, int slot, const char *line)
{
    session_on_slot_line(&world->session, slot, line, strlen(line), world->now);
}

static inline void epoch(struct world *world, int slot, int number)
{
    char line[100];
    snprintf(line, sizeof line, "{\"epoch\":%d,\"seconds\":0.5,\"metrics\":{\"val_acc\":0.5}}", number);
    slot_says(world, slot, line);
}

static inline void end(struct world *world, int slot, const char *outcome, int number)
{
    char line[100];
    snprintf(line, sizeof line, "{\"end\":{\"epoch\":%d,\"outcome\":\"%s\"}}", number, outcome);
    slot_says(world, slot, line);
}

static inline void later(struct world *world, int64_t ms)
{
    world->now.mono_ms += ms;
    session_tick(&world->session, world->now);
}

#endif
