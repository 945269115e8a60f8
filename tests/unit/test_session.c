/* What a worker decides, without sockets, processes or a clock: events in, messages and slot lines out. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/log.h"
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

static bool sees(const char *root, const char *probe)
{
    return same_root && strcmp(root, "/data/hone.db.d") == 0 && strcmp(probe, "p") == 0;
}

static struct world *world_new(int slots, int64_t idle_ms)
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

static void world_free(struct world *world)
{
    session_fini(&world->session);
    free(world);
}

/* ---- what comes out ---- */

/* The next message of the worker; the caller calls msg_fini. Kind MSG_KIND_COUNT: there is none. */
static struct msg next(struct world *world)
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

static struct msg expect(struct world *world, enum msg_kind kind)
{
    struct msg msg = next(world);
    if (msg.kind != kind)
        fail_msg("%s comes, not %s", msg.kind == MSG_KIND_COUNT ? "nothing" : msg_name(msg.kind),
                 msg_name(kind));
    return msg;
}

static void expect_nothing(struct world *world)
{
    struct msg msg = next(world);
    if (msg.kind != MSG_KIND_COUNT)
        fail_msg("%s comes, and nothing should", msg_name(msg.kind));
}

static void expect_credit(struct world *world, uint64_t jobs)
{
    struct msg msg = expect(world, MSG_credit);
    assert_int_equal(msg.credit.jobs, jobs);
}

static void expect_done(struct world *world, uint64_t seq, uint64_t trial, const char *outcome,
                        uint64_t epoch)
{
    struct msg msg = expect(world, MSG_done);
    assert_int_equal(msg.done.seq, seq);
    assert_int_equal(msg.done.trial, trial);
    assert_string_equal(msg.done.outcome, outcome);
    assert_int_equal(msg.done.epoch, epoch);
}

static void expect_report(struct world *world, uint64_t seq, uint64_t trial, uint64_t epoch)
{
    struct msg msg = expect(world, MSG_report);
    assert_int_equal(msg.report.seq, seq);
    assert_int_equal(msg.report.trial, trial);
    assert_int_equal(msg.report.epoch, epoch);
    msg_fini(&msg);
}

/* What a slot should be sent since the last look; the caller frees. */
static char *to_slot(struct world *world, int slot)
{
    return str_take(&world->session.slots[slot].out);
}

static void expect_slot(struct world *world, int slot, const char *part)
{
    char *text = to_slot(world, slot);
    if (part[0] ? !strstr(text, part) : text[0] != '\0')
        fail_msg("slot %d gets \"%s\", not \"%s\"", slot, text, part);
    free(text);
}

/* ---- what goes in ---- */

static void welcome(struct world *world, const char *store)
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

static void connect_to(struct world *world, const char *store)
{
    session_on_up(&world->session, world->now);
    struct msg msg = expect(world, MSG_hello);
    assert_string_equal(msg.hello.uuid, "cafe");
    msg_fini(&msg);
    welcome(world, store);
}

static struct msg job_of(uint64_t trial)
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

static void job(struct world *world, uint64_t trial)
{
    struct msg msg = job_of(trial);
    session_on_message(&world->session, &msg, world->now);
    msg_fini(&msg);
}

static void stop(struct world *world, uint64_t trial, const char *when)
{
    struct msg msg = {.kind = MSG_stop};
    strcpy(msg.stop.study, "s");
    snprintf(msg.stop.token, sizeof msg.stop.token, "token%d", (int)trial);
    strcpy(msg.stop.when, when);
    msg.stop.trial = trial;
    msg.stop.attempt = 2;
    session_on_message(&world->session, &msg, world->now);
}

static void ack(struct world *world, uint64_t seq)
{
    struct msg msg = {.kind = MSG_ack, .ack = {.seq = seq}};
    session_on_message(&world->session, &msg, world->now);
}

static void slot_says(struct world *world, int slot, const char *line)
{
    session_on_slot_line(&world->session, slot, line, strlen(line), world->now);
}

static void epoch(struct world *world, int slot, int number)
{
    char line[100];
    snprintf(line, sizeof line, "{\"epoch\":%d,\"seconds\":0.5,\"metrics\":{\"val_acc\":0.5}}", number);
    slot_says(world, slot, line);
}

static void end(struct world *world, int slot, const char *outcome, int number)
{
    char line[100];
    snprintf(line, sizeof line, "{\"end\":{\"epoch\":%d,\"outcome\":\"%s\"}}", number, outcome);
    slot_says(world, slot, line);
}

static void later(struct world *world, int64_t ms)
{
    world->now.mono_ms += ms;
    session_tick(&world->session, world->now);
}

/* ---- greeting, jobs, results ---- */

static void a_trial_from_hello_to_ack(void **state)
{
    (void)state;
    struct world *world = world_new(2, 0);
    connect_to(world, store_a);
    expect_credit(world, 2);
    job(world, 7);
    expect_slot(world, 0, "\"dir\":\"/data/hone.db.d/s/t00007/a2\",\"shown\":\"s/t00007/a2\"");
    expect_nothing(world); /* the second slot was asked for already */
    world->now.mono_ms += 500;
    slot_says(world, 0,
              "{\"epoch\":1,\"seconds\":0.5,\"metrics\":{\"val_acc\":null},\"checkpoint\":{\"path\":\"x\","
              "\"bytes\":7}}");
    struct msg msg = expect(world, MSG_report);
    assert_string_equal(msg.report.token, "token7");
    assert_int_equal(msg.report.attempt, 2);
    assert_int_equal(json_type(json_get(msg.report.metrics, "val_acc")), JSON_NULL);
    assert_string_equal(json_text(json_get(msg.report.checkpoint, "path")), "x");
    assert_true(msg.report.seconds == 0.5);
    msg_fini(&msg);
    end(world, 0, "finished", 1);
    expect_done(world, 2, 7, "finished", 1);
    expect_credit(world, 3);
    assert_int_equal(world->session.held.count, 1);
    ack(world, 2);
    assert_int_equal(world->session.held.count, 0);
    expect_nothing(world);
    world_free(world);
}

static void where_the_folder_is_not_seen_paths_are_our_own(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    same_root = false;
    connect_to(world, store_a);
    job(world, 7);
    expect_slot(world, 0,
                "\"dir\":\"/nowhere/hone-test/aaaaaaaa/s/t00007/a2\",\"shown\":\"/nowhere/hone-test/aaaaaaaa/"
                "s/t00007/a2\"");
    world_free(world);
}

static void study_paths_resolve_where_the_worker_was_told(void **state)
{
    (void)state;
    struct world *world = world_new(2, 0);
    connect_to(world, store_a);
    job(world, 1);
    expect_slot(world, 0, "\"base\":\"/base\"");
    world->session.options.dir = "/own";
    job(world, 2);
    expect_slot(world, 1, "\"base\":\"/own\"");
    world_free(world);
}

static void resume_paths_stay_in_the_masters_folder(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"path\":\"s/a/x.ckpt\",\"epoch\":3,\"bytes\":5,\"hash\":\"h\"}",
         "\"resume\":{\"path\":\"/data/hone.db.d/s/a/x.ckpt\",\"epoch\":3,\"bytes\":5,\"hash\":\"h\"}"},
        {"{\"path\":\"../../etc/x\",\"epoch\":3}", "\"resume\":{\"path\":\"\",\"epoch\":3}"},
        {"{\"path\":\"/else/x\",\"epoch\":3}", "\"resume\":{\"path\":\"/else/x\",\"epoch\":3}"},
        {"{\"path\":\"x\",\"epoch\":-3}", "\"shown\":\"s/t00003/a2\",\"grace_ms\""},
        {"{\"path\":7,\"epoch\":\"x\"}", "\"shown\":\"s/t00004/a2\",\"grace_ms\""},
    };
    struct world *world = world_new(5, 0);
    connect_to(world, store_a);
    for (int i = 0; i < 5; i++) {
        struct msg msg = job_of((uint64_t)i);
        msg.job.resume = json_parse(cases[i][0], strlen(cases[i][0]), "t", NULL);
        session_on_message(&world->session, &msg, world->now);
        msg_fini(&msg);
        expect_slot(world, i, cases[i][1]);
    }
    world_free(world);
}

static void a_study_that_is_no_name_fails_and_makes_no_folder(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    struct msg msg = job_of(1);
    strcpy(msg.job.study, "../../etc");
    session_on_message(&world->session, &msg, world->now);
    msg_fini(&msg);
    msg = expect(world, MSG_done);
    assert_string_equal(msg.done.outcome, "failed");
    assert_string_equal(msg.done.cause, "start");
    expect_slot(world, 0, "");
    expect_credit(world, 2);
    world_free(world);
}

static void a_slot_that_dies_fails_its_attempt_and_is_free(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    epoch(world, 0, 1);
    expect_report(world, 1, 1, 1);
    session_on_slot_gone(&world->session, 0, world->now);
    expect_done(world, 2, 1, "failed", 1);
    expect_credit(world, 2);
    job(world, 2);
    expect_slot(world, 0, "\"trial\":2");
    world_free(world);
}

/* ---- credit and prefetch ---- */

static void quick_attempts_are_fetched_ahead(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    world->now.mono_ms += 10;
    end(world, 0, "finished", 9);
    expect_done(world, 1, 1, "finished", 9);
    expect_credit(world, 3); /* the slot, and one ahead */
    job(world, 2);
    job(world, 3);
    free(to_slot(world, 0));
    world->now.mono_ms += 10;
    end(world, 0, "finished", 9);
    expect_slot(world, 0, "\"trial\":3"); /* at once, without the master */
    expect_done(world, 2, 2, "finished", 9);
    expect_credit(world, 5);
    world->now.mono_ms += 10;
    end(world, 0, "finished", 9);
    expect_done(world, 3, 3, "finished", 9);
    expect_credit(world, 6); /* never more than two ahead per slot */
    job(world, 4);
    world->now.mono_ms += 25;
    end(world, 0, "finished", 9);
    expect_done(world, 4, 4, "finished", 9);
    expect_nothing(world); /* slow: what was asked for stays asked for, no more */
    job(world, 5);
    job(world, 6);
    expect_nothing(world);
    world_free(world);
}

static void a_host_where_everything_fails_does_not_gulp_jobs(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    for (uint64_t i = 1; i <= 5; i++) {
        expect_credit(world, i);
        job(world, i);
        end(world, 0, "failed", 0);
        expect_done(world, i, i, "failed", 0);
    }
    expect_credit(world, 6);
    world_free(world);
}

static void a_waiting_job_is_recalled_without_having_begun(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    job(world, 2);
    stop(world, 2, "epoch");
    expect_done(world, 1, 2, "stopped", 0);
    free(to_slot(world, 0));
    stop(world, 1, "epoch");
    expect_slot(world, 0, "{\"stop\":\"epoch\"}\n");
    stop(world, 1, "now");
    expect_slot(world, 0, "{\"stop\":\"now\"}\n");
    end(world, 0, "stopped", 0);
    expect_done(world, 2, 1, "stopped", 0);
    stop(world, 1, "now");
    expect_slot(world, 0, "");
    world_free(world);
}

static void jobs_beyond_all_bounds_are_refused(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    for (uint64_t i = 1; i <= 3; i++)
        job(world, i);
    expect_nothing(world);
    job(world, 4);
    expect_done(world, 1, 4, "refused", 0);
    job(world, 3); /* the same again: ignored */
    expect_nothing(world);
    world_free(world);
}

/* ---- connections ---- */

static void a_worker_outlives_its_master(void **state)
{
    (void)state;
    struct world *world = world_new(2, 0);
    connect_to(world, store_a);
    expect_credit(world, 2);
    job(world, 1);
    job(world, 2);
    epoch(world, 0, 1);
    expect_report(world, 1, 1, 1);
    ack(world, 1);
    epoch(world, 1, 1);
    expect_report(world, 2, 2, 1); /* lost on the way */
    session_on_down(&world->session, world->now);
    world->heard = 0;
    epoch(world, 0, 2);
    later(world, 3600000);
    end(world, 1, "finished", 1);
    expect_nothing(world);

    session_on_up(&world->session, world->now);
    struct msg msg = expect(world, MSG_hello);
    assert_string_equal(msg.hello.store, store_a);
    assert_int_equal(json_count(msg.hello.held), 2);
    const struct json *first = json_at(msg.hello.held, 0), *second = json_at(msg.hello.held, 1);
    assert_string_equal(json_text(json_get(first, "token")), "token1");
    assert_int_equal((int)json_num(json_get(first, "epoch")), 2);
    assert_int_equal((int)json_num(json_get(second, "trial")), 2);
    msg_fini(&msg);
    expect_nothing(world);
    welcome(world, store_a);
    expect_report(world, 2, 2, 1);
    expect_report(world, 3, 1, 2);
    expect_done(world, 4, 2, "finished", 1);
    expect_credit(world, 1);
    ack(world, 4);
    epoch(world, 0, 3);
    expect_report(world, 5, 1, 3);
    world_free(world);
}

static void another_store_means_nobody_will_ask(void **state)
{
    (void)state;
    struct world *world = world_new(2, 0);
    connect_to(world, store_a);
    job(world, 1);
    job(world, 2);
    epoch(world, 0, 1);
    world->now.mono_ms += 100;
    end(world, 1, "finished", 9);
    session_on_down(&world->session, world->now);
    world->heard = 0;
    free(to_slot(world, 0));
    connect_to(world, store_b);
    expect_slot(world, 0, "{\"stop\":\"now\"}");
    expect_credit(world, 1); /* the slot that still has to stop is not offered */
    epoch(world, 0, 2);
    expect_nothing(world);
    end(world, 0, "stopped", 2);
    expect_credit(world, 2);
    assert_int_equal(world->session.held.count, 0);
    job(world, 1);
    epoch(world, 0, 1);
    expect_report(world, 3, 1, 1); /* the count is the process's */
    world_free(world);
}

static void an_orphan_whose_slot_dies_is_gone_too(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    job(world, 1);
    session_on_down(&world->session, world->now);
    world->heard = 0;
    connect_to(world, store_b);
    session_on_slot_gone(&world->session, 0, world->now);
    expect_credit(world, 1);
    assert_int_equal(world->session.held.count, 0);
    world_free(world);
}

static void beats_fill_silence_and_silence_breaks_the_connection(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    struct msg beat = {.kind = MSG_beat};
    connect_to(world, store_a);
    expect_credit(world, 1);
    assert_int_equal(session_tick(&world->session, world->now) - world->now.mono_ms, 100);
    later(world, 99);
    expect_nothing(world);
    later(world, 1);
    expect(world, MSG_beat);
    later(world, 50);
    expect_nothing(world);
    session_on_message(&world->session, &beat, world->now);
    later(world, 300);
    assert_false(world->session.reconnect);
    later(world, 1);
    assert_true(world->session.reconnect);
    assert_false(world->session.welcomed);
    world_free(world);
}

static void a_master_that_never_answers_hello_is_left(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    session_on_up(&world->session, world->now);
    later(world, 6000);
    assert_false(world->session.reconnect);
    later(world, 1);
    assert_true(world->session.reconnect);
    world_free(world);
}

static void a_master_that_forgot_us_is_greeted_again(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    struct msg error = {.kind = MSG_error};
    strcpy(error.error.code, "hello");
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    epoch(world, 0, 1);
    expect_report(world, 1, 1, 1);
    session_on_message(&world->session, &error, world->now);
    session_on_message(&world->session, &error, world->now);
    struct msg msg = expect(world, MSG_hello);
    assert_int_equal(json_count(msg.hello.held), 1);
    msg_fini(&msg);
    expect_nothing(world);
    welcome(world, store_a);
    expect_report(world, 1, 1, 1);
    expect_nothing(world); /* its one slot is taken */
    world_free(world);
}

static void a_confused_master_does_no_harm(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    struct msg msg = {.kind = MSG_hello};
    job(world, 1); /* before WELCOME */
    expect_nothing(world);
    connect_to(world, store_a);
    expect_credit(world, 1);
    welcome(world, store_b); /* twice */
    ack(world, 99);
    stop(world, 5, "sometime");
    session_on_message(&world->session, &msg, world->now);
    expect_nothing(world);
    assert_string_equal(world->session.store, store_a);
    struct msg refusal = {.kind = MSG_error};
    strcpy(refusal.error.code, "malformed");
    session_on_noise(&world->session, &refusal, &(struct err){.text = "JOB: no token"}, world->now);
    expect(world, MSG_error);
    world_free(world);
}

/* Its report would wait for an acknowledgement for ever, and the study with it. */
static void a_worker_that_cannot_be_read_ends(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    struct msg msg = {.kind = MSG_error};
    strcpy(msg.error.code, "unknown");
    session_on_message(&world->session, &msg, world->now);
    assert_int_equal(world->session.exit_status, -1);
    strcpy(msg.error.code, "malformed");
    strcpy(msg.error.text, "REPORT: epoch: must be there");
    session_on_message(&world->session, &msg, world->now);
    assert_int_equal(world->session.exit_status, 3);
    assert_non_null(strstr(world->session.failure.text, "REPORT: epoch"));
    world_free(world);
}

/* ---- leaving ---- */

static void an_idle_worker_leaves(void **state)
{
    (void)state;
    struct world *world = world_new(1, 5000);
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    later(world, 200);
    end(world, 0, "finished", 9);
    ack(world, 1);
    for (int i = 0; i < 49; i++) {
        later(world, 100);
        session_on_message(&world->session, &(struct msg){.kind = MSG_beat}, world->now);
    }
    assert_int_equal(world->session.exit_status, -1);
    later(world, 100);
    assert_int_equal(world->session.exit_status, 0);
    world_free(world);
}

static void an_idle_worker_without_a_master_leaves_too(void **state)
{
    (void)state;
    struct world *world = world_new(1, 5000);
    assert_int_equal(session_tick(&world->session, world->now) - world->now.mono_ms, 5000);
    later(world, 4999);
    assert_int_equal(world->session.exit_status, -1);
    later(world, 1);
    assert_int_equal(world->session.exit_status, 0);
    expect_nothing(world);
    world_free(world);
}

static void a_worker_with_results_never_idles_away(void **state)
{
    (void)state;
    struct world *world = world_new(1, 5000);
    connect_to(world, store_a);
    job(world, 1);
    end(world, 0, "finished", 9);
    session_on_down(&world->session, world->now);
    later(world, 900000);
    assert_int_equal(world->session.exit_status, -1);
    world_free(world);
}

static void bye_means_leave_once_nothing_is_held(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    struct msg bye = {.kind = MSG_bye};
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    session_on_message(&world->session, &bye, world->now);
    assert_int_equal(world->session.exit_status, -1);
    world->now.mono_ms += 100;
    end(world, 0, "finished", 9);
    expect_done(world, 1, 1, "finished", 9);
    expect_credit(world, 2);
    assert_int_equal(world->session.exit_status, -1);
    ack(world, 1);
    expect(world, MSG_bye);
    assert_int_equal(world->session.exit_status, 0);
    world_free(world);
}

static void sigterm_preempts_and_waits_for_the_last_ack(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    job(world, 1);
    job(world, 2);
    free(to_slot(world, 0));
    session_on_signal(&world->session, SIGTERM, world->now);
    expect_slot(world, 0, "{\"stop\":\"preempt\"}");
    expect_done(world, 1, 2, "preempted", 0);
    job(world, 3);
    expect_done(world, 2, 3, "refused", 0);
    epoch(world, 0, 1);
    expect_report(world, 3, 1, 1);
    end(world, 0, "preempted", 1);
    expect_done(world, 4, 1, "preempted", 1);
    assert_int_equal(world->session.exit_status, -1);
    ack(world, 3);
    assert_int_equal(world->session.exit_status, -1);
    ack(world, 4);
    expect(world, MSG_bye);
    expect_nothing(world);
    assert_int_equal(world->session.exit_status, 143);
    world_free(world);
}

static void nobody_to_acknowledge_is_not_waited_for_long(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    job(world, 1);
    session_on_down(&world->session, world->now);
    session_on_signal(&world->session, SIGINT, world->now);
    later(world, 500);
    end(world, 0, "preempted", 1);
    later(world, 4999);
    assert_int_equal(world->session.exit_status, -1);
    later(world, 1);
    assert_int_equal(world->session.exit_status, 130);
    world_free(world);
}

static void the_second_signal_is_obeyed_at_once(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    job(world, 1);
    session_on_signal(&world->session, SIGTERM, world->now);
    assert_int_equal(world->session.exit_status, -1);
    session_on_signal(&world->session, SIGINT, world->now);
    assert_int_equal(world->session.exit_status, 143);
    world_free(world);
}

static void a_worker_with_nothing_leaves_at_the_first_signal(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    session_on_signal(&world->session, SIGINT, world->now);
    assert_int_equal(world->session.exit_status, 130);
    world_free(world);
}

static void a_master_of_another_version_is_an_error(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    struct msg error = {.kind = MSG_error};
    strcpy(error.error.code, "version");
    strcpy(error.error.text, "speak HONE2");
    session_on_up(&world->session, world->now);
    session_on_message(&world->session, &error, world->now);
    assert_int_equal(world->session.exit_status, 3);
    assert_non_null(strstr(world->session.failure.text, "speak HONE2"));
    world_free(world);
}

/* ---- checks ---- */

static void check(struct world *world, const char *token, bool smoke, const char *trainer)
{
    struct msg msg = {.kind = MSG_check};
    strcpy(msg.check.study, "s");
    strcpy(msg.check.token, token);
    strcpy(msg.check.metric, "val_acc");
    strcpy(msg.check.base, "/base");
    msg.check.smoke = smoke;
    msg.check.seed = 7;
    msg.check.epochs = 9;
    msg.check.params = json_new_object();
    msg.check.trainer = json_parse(trainer, strlen(trainer), "test", NULL);
    session_on_message(&world->session, &msg, world->now);
    msg_fini(&msg);
}

static const char a_command[] = "{\"command\":[\"true\"]}", a_builtin[] = "{\"builtin\":\"mlp\"}";

/* CHECKED with so many results; the verdict of one of them. */
static void expect_checked(struct world *world, const char *token, size_t count, const char *gate,
                           const char *verdict)
{
    struct msg msg = expect(world, MSG_checked);
    assert_string_equal(msg.checked.token, token);
    assert_int_equal(json_count(msg.checked.results), count);
    for (const struct json *r = json_first(msg.checked.results); r; r = json_next(r))
        if (strcmp(json_text(json_get(r, "gate")), gate) == 0)
            assert_string_equal(json_text(json_get(r, "verdict")), verdict);
    msg_fini(&msg);
}

static void value(struct world *world, int number, const char *metrics)
{
    char line[300];
    snprintf(line, sizeof line,
             "{\"epoch\":%d,\"seconds\":0.5,\"metrics\":%s,\"checkpoint\":{\"path\":\"/c/e%d\",\"bytes\":1,"
             "\"hash\":\"ab\"}}",
             number, metrics, number);
    slot_says(world, 0, line);
}

static void a_command_is_run_three_times(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    check(world, "c1", false, a_command);
    expect_slot(world, 0, "\"dir\":\"/data/hone.db.d/s/check/c1/r1\"");
    value(world, 1, "{\"val_acc\":0.5,\"rate\":3}");
    expect_slot(world, 0, "");
    value(world, 2, "{\"val_acc\":0.25}");
    end(world, 0, "finished", 2);
    expect_slot(world, 0, "/check/c1/r2\"");
    value(world, 1, "{\"val_acc\":0.5,\"rate\":4}"); /* a rate may differ */
    expect_slot(world, 0, "{\"stop\":\"preempt\"}");
    end(world, 0, "preempted", 1);
    expect_slot(world, 0, "\"resume\":{\"path\":\"/c/e1\",\"epoch\":1");
    expect_nothing(world);
    value(world, 2, "{\"val_acc\":0.25}");
    end(world, 0, "finished", 2);
    expect_checked(world, "c1", 3, "G6", "good");
    expect_credit(world, 2);
    job(world, 1); /* the slot is free */
    expect_slot(world, 0, "\"trial\":1");
    world_free(world);
}

static void a_smoke_check_is_one_epoch(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    check(world, "c1", true, a_command);
    expect_slot(world, 0, "\"until\":1,");
    value(world, 1, "{\"val_acc\":null}");
    end(world, 0, "finished", 1);
    expect_checked(world, "c1", 1, "G4", "suspicious");
    world_free(world);
}

static void the_builtin_trainer_speaks_for_itself(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    check(world, "c1", false, a_builtin);
    expect_slot(world, 0, "\"check\":true");
    slot_says(world, 0,
              "{\"check\":{\"gate\":\"G1\",\"name\":\"gradient\",\"verdict\":\"wrong\",\"text\":\"x\"}}");
    end(world, 0, "finished", 0);
    expect_checked(world, "c1", 1, "G1", "wrong");
    expect_credit(world, 2);
    check(world, "c2", false, a_builtin);
    slot_says(world, 0,
              "{\"end\":{\"epoch\":0,\"outcome\":\"failed\",\"cause\":\"error\",\"detail\":\"no data\"}}");
    expect_checked(world, "c2", 1, "G4", "wrong");
    world_free(world);
}

static void a_check_dies_with_its_connection(void **state)
{
    (void)state;
    struct world *world = world_new(2, 0);
    connect_to(world, store_a);
    expect_credit(world, 2);
    check(world, "c1", false, a_command);
    expect_slot(world, 0, "/check/c1/r1\"");
    session_on_down(&world->session, world->now);
    world->heard = 0;
    expect_slot(world, 0, "{\"stop\":\"preempt\"}");
    connect_to(world, store_a);
    expect_credit(world, 1); /* its slot is not free yet */
    end(world, 0, "preempted", 0);
    expect_credit(world, 2);
    expect_nothing(world); /* and nobody hears of it */
    world_free(world);
}

/* Once may be bad luck: it begins anew, and says so; twice is the result. */
static void a_slot_that_dies_in_a_check_is_tried_again(void **state)
{
    (void)state;
    struct world *world = world_new(1, 0);
    connect_to(world, store_a);
    expect_credit(world, 1);
    check(world, "c1", true, a_command);
    expect_slot(world, 0, "/check/c1/r1\"");
    session_on_slot_gone(&world->session, 0, world->now);
    expect_slot(world, 0, "/check/c1/r1\"");
    value(world, 1, "{\"val_acc\":0.5}");
    end(world, 0, "finished", 1);
    struct msg msg = expect(world, MSG_checked);
    assert_string_equal(json_text(json_get(json_at(msg.checked.results, 0), "verdict")), "suspicious");
    assert_string_equal(json_text(json_get(json_at(msg.checked.results, 1), "verdict")), "good");
    msg_fini(&msg);
    expect_credit(world, 2);
    check(world, "c1", false, a_command);
    session_on_slot_gone(&world->session, 0, world->now);
    session_on_slot_gone(&world->session, 0, world->now);
    expect_checked(world, "c1", 1, "G4", "wrong");
    expect_credit(world, 3);
    world_free(world);
}

int main(void)
{
    log_init(LOG_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trial_from_hello_to_ack),
        cmocka_unit_test(where_the_folder_is_not_seen_paths_are_our_own),
        cmocka_unit_test(study_paths_resolve_where_the_worker_was_told),
        cmocka_unit_test(resume_paths_stay_in_the_masters_folder),
        cmocka_unit_test(a_study_that_is_no_name_fails_and_makes_no_folder),
        cmocka_unit_test(a_slot_that_dies_fails_its_attempt_and_is_free),
        cmocka_unit_test(quick_attempts_are_fetched_ahead),
        cmocka_unit_test(a_host_where_everything_fails_does_not_gulp_jobs),
        cmocka_unit_test(a_waiting_job_is_recalled_without_having_begun),
        cmocka_unit_test(jobs_beyond_all_bounds_are_refused),
        cmocka_unit_test(a_worker_outlives_its_master),
        cmocka_unit_test(another_store_means_nobody_will_ask),
        cmocka_unit_test(an_orphan_whose_slot_dies_is_gone_too),
        cmocka_unit_test(beats_fill_silence_and_silence_breaks_the_connection),
        cmocka_unit_test(a_master_that_never_answers_hello_is_left),
        cmocka_unit_test(a_master_that_forgot_us_is_greeted_again),
        cmocka_unit_test(a_confused_master_does_no_harm),
        cmocka_unit_test(a_worker_that_cannot_be_read_ends),
        cmocka_unit_test(an_idle_worker_leaves),
        cmocka_unit_test(an_idle_worker_without_a_master_leaves_too),
        cmocka_unit_test(a_worker_with_results_never_idles_away),
        cmocka_unit_test(bye_means_leave_once_nothing_is_held),
        cmocka_unit_test(sigterm_preempts_and_waits_for_the_last_ack),
        cmocka_unit_test(nobody_to_acknowledge_is_not_waited_for_long),
        cmocka_unit_test(the_second_signal_is_obeyed_at_once),
        cmocka_unit_test(a_worker_with_nothing_leaves_at_the_first_signal),
        cmocka_unit_test(a_master_of_another_version_is_an_error),
        cmocka_unit_test(a_command_is_run_three_times),
        cmocka_unit_test(a_smoke_check_is_one_epoch),
        cmocka_unit_test(the_builtin_trainer_speaks_for_itself),
        cmocka_unit_test(a_check_dies_with_its_connection),
        cmocka_unit_test(a_slot_that_dies_in_a_check_is_tried_again),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
