#include "master/rehearsal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/rehearsal_cast.h"
#include "master/submission.h"

/* Where its clocks start. Well above zero: a monotonic clock that is at 0 means "not started" here and there. */
enum { MONO_START_MS = 1000000 };
static const int64_t WALL_START_MS = 1700000000000;

static const struct reactor_config *config_of(const struct rehearsal *r, struct reactor_config *out)
{
    *out = (struct reactor_config){r->options.beat_ms, r->options.lease_ms, false};
    return out;
}

static struct turn turn_of(struct rehearsal *r)
{
    struct now now = {MONO_START_MS + r->now_ms, WALL_START_MS + r->now_ms + r->wall_offset_ms};
    return (struct turn){r->store, &r->outbox, now};
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
            rehearsal_disconnect(r, r->actors[i].peer);
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
    rehearsal_look(r);
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
        if (rehearsal_actor(r, item->to))
            rehearsal_fly(r, false, item->to, &msg);
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
    r->master_next_ms = next - MONO_START_MS;
    bool dirty = store_dirty(r->store);
    if (dirty && rehearsal_chance(r, r->options.crash_before)) {
        master_dies(r, 1 + rng_below(&r->rng, 4000));
        return;
    }
    if (dirty && rehearsal_chance(r, r->options.break_disk)) {
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
    if (r->porter && porter_has(r->porter))
        r->master_next_ms = r->now_ms + 1; /* what was posted is back at once */
    if (dirty && rehearsal_chance(r, r->options.crash_after))
        master_dies(r, 1 + rng_below(&r->rng, 4000));
    else
        deliver_outbox(r);
}

/* By the trial's newest attempt alone, whatever the master makes of token and holder. */
static bool is_of_newest_attempt(const struct rehearsal *r, const struct msg_report *report)
{
    const struct study *s = reactor_study(&r->reactor, report->study);
    const struct trial *t = s ? study_trial(s, (uint32_t)report->trial) : NULL;
    return t && (uint64_t)t->attempt == report->attempt;
}

static void deliver(struct rehearsal *r, struct flight *f)
{
    struct msg msg;
    int rc = msg_decode(f->head.text, f->head.len, f->body.text, f->body.len, &msg, NULL);
    PRE(!rc);
    struct turn turn = turn_of(r);
    struct actor *a = rehearsal_actor(r, f->peer);
    if (f->to_master && r->master_up && a && msg.kind == MSG_report)
        actor_was_heard(a, msg.report.seq, !r->outage.on && is_of_newest_attempt(r, &msg.report));
    if (f->to_master && r->master_up && r->outage.on)
        outage_on_message(&r->outage, &r->reactor, &turn, f->peer, &msg);
    else if (f->to_master && r->master_up)
        reactor_on_message(&r->reactor, &turn, f->peer, &msg);
    else if (!f->to_master && a && a->back_ms <= r->now_ms)
        actor_receive(r, a, &msg);
    msg_fini(&msg);
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
    struct actor *a = f->to_master ? NULL : rehearsal_actor(r, f->peer);
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
        struct actor *a = rehearsal_actor(r, due[i].peer);
        if (a && rehearsal_chance(r, r->options.lose)) {
            rehearsal_cut(r, a, rng_below(&r->rng, 300));
        } else if (a) {
            deliver(r, &due[i]);
            if (rehearsal_chance(r, r->options.twice) && rehearsal_actor(r, due[i].peer))
                deliver(r, &due[i]);
        }
        rehearsal_land(&due[i]);
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
    for (size_t i = 0; i < r->reactor.studies.count; i++)
        if (study_has_work(r->reactor.studies.all[i]))
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
        rehearsal_faults(r, r->now_ms - before);
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
    const struct store_options store_options = {.memory = true};
    r->store = options->store;
    if (r->store ? store_renew(r->store, err) : store_open("", &store_options, &r->store, err)) {
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
        rehearsal_kill(r, &r->actors[i]);
        free(r->actors[i].running);
        free(r->actors[i].kept);
        free(r->actors[i].offers);
    }
    for (size_t i = 0; i < r->flight_count; i++)
        rehearsal_land(&r->flights[i]);
    if (r->master_up)
        reactor_close(&r->reactor);
    outage_fini(&r->outage);
    porter_free(r->porter);
    msg_fini(&r->answer);
    outbox_fini(&r->outbox);
    if (!r->options.store)
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
    if (study_def_parse(definition, strlen(definition), "rehearsal", &def, err))
        return ERR_BAD;
    struct submission how = {.file = "rehearsal", .base = "/", .checks = CHECKS_WANTED};
    int rc = submission_take(&r->reactor.studies, &turn, &def, &how, &study, err);
    study_def_fini(&def);
    r->master_next_ms = r->now_ms;
    return rc ? rc : store_commit(r->store, err);
}

int rehearsal_add_worker(struct rehearsal *r, int slots)
{
    GROW(r->actors, r->actor_room, r->actor_count + 1);
    struct actor *a = &r->actors[r->actor_count++];
    *a = (struct actor){.slots = slots};
    rehearsal_kill(r, a);
    a->back_ms = r->now_ms;
    return (int)r->actor_count - 1;
}

void rehearsal_kill_worker(struct rehearsal *r, int worker)
{
    rehearsal_kill(r, &r->actors[worker]);
}

void rehearsal_break_worker(struct rehearsal *r, int worker, bool broken)
{
    r->actors[worker].broken = broken;
}

void rehearsal_cut_worker(struct rehearsal *r, int worker, int64_t for_ms)
{
    rehearsal_cut(r, &r->actors[worker], for_ms);
}

bool rehearsal_was_dismissed(const struct rehearsal *r, int worker)
{
    return r->actors[worker].dismissed;
}

void rehearsal_crash_master(struct rehearsal *r, int64_t for_ms)
{
    if (r->master_up)
        master_dies(r, for_ms);
}

void rehearsal_sleep(struct rehearsal *r, int64_t for_ms)
{
    r->master_asleep_ms = r->now_ms + for_ms;
    for (size_t i = 0; i < r->actor_count; i++)
        r->actors[i].asleep_ms = r->now_ms + for_ms + 100; /* the master is the first to wake */
}

void rehearsal_jump_clock(struct rehearsal *r, int64_t wall_ms)
{
    r->wall_offset_ms += wall_ms;
}

void rehearsal_calm(struct rehearsal *r)
{
    struct rehearsal_options *o = &r->options;
    o->lose = o->twice = o->late = o->crash_before = o->crash_after = o->kill_worker = o->cut_worker =
        o->cut_all = o->fail = o->refuse = 0;
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

int rehearsal_check(struct rehearsal *r, struct err *err)
{
    if (!r->master_up)
        master_returns(r);
    return rehearsal_promises(r, err);
}
