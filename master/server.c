#include "master/server.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "master/access.h"
#include "master/attendance.h"
#include "master/calls.h"
#include "master/listening.h"
#include "master/logs.h"
#include "master/mirror.h"
#include "master/outage.h"
#include "master/reading.h"
#include "master/submission.h"
#include "proto/wire.h"
#include "sql/store.h"

enum {
    BEAT_MS = 2000,
    LEASE_MS = 15000,
    INTERRUPT_MS = 15000, /* longer than a slot's grace of 10 s */
    DRAIN_MS = 100,       /* a turn: queries take their time, and leases cannot wait for a row of them */
    DRAIN_MOST = 20000,   /* messages a turn: bounds how long an acknowledgement may wait for its commit */
    LOOK_EVERY_MS = 50,   /* is the file still where it was? */
};

struct server {
    struct store *store;
    struct wire *wire;
    struct outbox outbox;
    struct reactor reactor;
    struct outage outage;
    struct asked { /* calls of this turn: an answer is owed even if it fails */
        peer_id from;
        uint64_t id;
    } * asked;
    size_t asked_count, asked_room;
    int64_t look_mono_ms;
    struct proposer *proposer;
    struct porter *porter;
    struct mirror mirror;
    int64_t interrupted_mono_ms; /* 0: not */
    bool leaving;                /* `shutdown`: end after this turn, workers go on */
};

static struct turn turn_now(struct server *server)
{
    return (struct turn){server->store, &server->outbox, clock_now()};
}

/* ---- open, close ---- */

static void tell_unreadable(const struct studies *studies)
{
    for (size_t i = 0; i < studies->unreadable.count; i++) {
        struct err why = ERR_NONE;
        unreadable_refuse(&studies->unreadable.all[i], &why);
        log_error("%s; it is set aside and the others go on; %s", why.text, why.hint);
    }
}

int server_open(const struct server_options *options, struct server **out, struct err *err)
{
    struct server *server = xcalloc(1, sizeof *server);
    struct store_options store_options = {.network_db = options->network_db};
    int rc = store_open(options->db, &store_options, &server->store, err);
    if (!rc) {
        struct reactor_config config = {options->beat_ms ? options->beat_ms : BEAT_MS,
                                        options->lease_ms ? options->lease_ms : LEASE_MS, options->once};
        struct turn turn = turn_now(server);
        rc = reactor_open(&server->reactor, &config, &turn, err);
        if (!rc)
            tell_unreadable(&server->reactor.studies);
    }
    if (!rc) {
        server->proposer = proposer_new();
        studies_use_proposer(&server->reactor.studies, server->proposer);
        server->porter = porter_new(store_root(server->store), true);
        reactor_use_porter(&server->reactor, server->porter);
    }
    if (!rc)
        rc = listening_begin(server->store, options->bind, options->keys, &server->wire, err);
    mirror_init(&server->mirror, options->mirror, clock_mono_ms());
    if (rc) {
        server_close(server);
        return rc;
    }
    *out = server;
    return 0;
}

const char *server_address(const struct server *server)
{
    return wire_address(server->wire);
}

void server_close(struct server *server)
{
    if (!server)
        return;
    struct err err = ERR_NONE;
    if (server->store && server->wire) {
        int rc = store_commit(server->store, &err);
        if (listening_end(server->store, &err) || rc)
            log_error("%s", err.text);
        struct turn turn = turn_now(server);
        while (checkpoints_settle(&server->reactor, &turn) && !store_commit(server->store, &err))
            continue;
        mirror_finish(&server->mirror, server->store);
    }
    outage_fini(&server->outage);
    free(server->asked);
    reactor_close(&server->reactor);
    proposer_free(server->proposer);
    porter_free(server->porter);
    wire_free(server->wire);
    store_close(server->store);
    outbox_fini(&server->outbox);
    mirror_fini(&server->mirror);
    free(server);
}

/* ---- one turn ---- */

static bool is_call(const struct msg *msg, const char *verb)
{
    return msg->kind == MSG_call && strcmp(msg->call.verb, verb) == 0;
}

static void on_shutdown(struct server *server, peer_id from, const struct msg *msg)
{
    struct msg reply = {.kind = MSG_answer};
    reply.answer.id = msg->call.id;
    outbox_add(&server->outbox, from, &reply);
    server->leaving = true;
}

static void on_query(struct server *server, peer_id from, const struct msg *msg)
{
    struct msg reply = {.kind = MSG_answer};
    reading_answer(server->store, &msg->call, &reply.answer);
    outbox_add(&server->outbox, from, &reply);
    msg_fini(&reply);
}

/* One that is not here is asked for of its worker, who answers later, or not at all. */
static void on_log(struct server *server, struct turn *turn, peer_id from, const struct msg *msg)
{
    struct msg reply = {.kind = MSG_answer};
    struct log_asked asked;
    bool told = logs_answer(store_root(server->store), &msg->call, &asked, &reply.answer);
    if (told || server->outage.on || !looks_ask(&server->reactor, turn, from, msg->call.id, &asked))
        outbox_add(&server->outbox, from, &reply);
    msg_fini(&reply);
}

/* Said to the sender, and nothing is done. */
static void refuse(struct server *server, peer_id from, const struct msg *msg, const struct err *why)
{
    struct msg reply = {.kind = msg->kind == MSG_call ? MSG_answer : MSG_error};
    if (msg->kind == MSG_call) {
        msg_answer_outcome(&reply.answer, msg->call.id, why->code, why);
    } else {
        str_copy(reply.error.code, sizeof reply.error.code, "role");
        str_copy(reply.error.text, sizeof reply.error.text, why->text);
    }
    outbox_add(&server->outbox, from, &reply);
}

/* A worker's uuid is no secret: under another key nobody becomes that worker. */
static int check_hello(const struct server *server, peer_id from, const struct msg *msg, struct err *err)
{
    const char *key = wire_sender(server->wire)->key;
    const struct worker *known =
        msg->kind == MSG_hello ? roster_by_uuid(&server->reactor.roster, msg->hello.uuid) : NULL;
    if (!known || known->peer == from || strcmp(known->key, key) == 0)
        return 0;
    return err_set(err, ERR_NO, "a worker with this uuid is here under another key");
}

static void take_message(struct server *server, struct turn *turn, peer_id from, struct msg *msg)
{
    struct err why = ERR_NONE;
    const struct key_owner *sender = wire_sender(server->wire);
    if (access_check(sender, msg, &why) || check_hello(server, from, msg, &why)) {
        refuse(server, from, msg, &why);
        return;
    }
    if (msg->kind == MSG_call) {
        GROW(server->asked, server->asked_room, server->asked_count + 1);
        server->asked[server->asked_count++] = (struct asked){from, msg->call.id};
    }
    if (is_call(msg, "shutdown"))
        on_shutdown(server, from, msg);
    else if (is_call(msg, "query"))
        on_query(server, from, msg);
    else if (is_call(msg, "log"))
        on_log(server, turn, from, msg);
    else if (server->outage.on)
        outage_on_message(&server->outage, &server->reactor, turn, from, msg);
    else
        reactor_on_message(&server->reactor, turn, from, msg);
    struct worker *w = msg->kind == MSG_hello ? roster_by_peer(&server->reactor.roster, from) : NULL;
    if (w)
        str_copy(w->key, sizeof w->key, sender->key);
}

static void drain(struct server *server, struct turn *turn)
{
    server->asked_count = 0;
    struct err err = ERR_NONE;
    int64_t began_ms = clock_mono_ms(), now_ms = began_ms;
    for (int i = 0; i < DRAIN_MOST && now_ms < began_ms + DRAIN_MS; i++) {
        struct msg msg;
        peer_id from;
        enum wire_event event = wire_receive(server->wire, &from, &msg, &err);
        if (event == WIRE_NOTHING)
            return;
        if (event == WIRE_BAD && from)
            outbox_add(&server->outbox, from, &msg); /* the wire has written the ERROR */
        if (event == WIRE_CUT)
            attendance_on_revoked(&server->reactor, turn, from);
        if (event != WIRE_MESSAGE)
            continue;
        take_message(server, turn, from, &msg);
        int64_t before_ms = now_ms;
        now_ms = clock_mono_ms();
        wire_charge(server->wire, access_units(&msg, now_ms - before_ms));
        msg_fini(&msg);
    }
}

static bool is_over(struct server *server, int64_t mono_ms)
{
    bool quiet = reactor_is_quiet(&server->reactor);
    bool late = server->interrupted_mono_ms && mono_ms - server->interrupted_mono_ms >= INTERRUPT_MS;
    return server->leaving || late || (quiet && (server->interrupted_mono_ms || server->reactor.config.once));
}

/* Nothing of this turn may be said but that it failed. */
static void begin_outage(struct server *server, struct turn *turn, const struct err *why)
{
    server->look_mono_ms = 0;
    outbox_clear(&server->outbox);
    if (store_in_place(server->store, NULL))
        return; /* another file than ours: nothing to rebuild from, the next turn ends it */
    outage_begin(&server->outage, &server->reactor, turn, why);
    for (size_t i = 0; i < server->asked_count; i++) {
        struct msg reply = {.kind = MSG_answer};
        msg_answer_outcome(&reply.answer, server->asked[i].id, why->code, why);
        outbox_add(&server->outbox, server->asked[i].from, &reply);
    }
}

/* Tick and commit; `over`: the loop is to end. Returns when to call again. */
static int64_t work(struct server *server, struct turn *turn, bool *over)
{
    struct err why = ERR_NONE;
    int64_t next = reactor_tick(&server->reactor, turn);
    mirror_tick(&server->mirror, store_path(server->store), turn->now.mono_ms);
    *over = is_over(server, turn->now.mono_ms);
    if (*over && server->interrupted_mono_ms)
        attendance_dismiss(&server->reactor, turn, "interrupted");
    if (!store_commit(server->store, &why)) {
        reactor_committed(&server->reactor, turn);
        return next;
    }
    *over = server->leaving;
    begin_outage(server, turn, &why);
    return turn->now.mono_ms;
}

static int64_t endure(struct server *server, struct turn *turn, bool *over)
{
    int64_t now = turn->now.mono_ms, next = outage_tick(&server->outage, &server->reactor, turn);
    *over =
        server->leaving || (server->interrupted_mono_ms && now - server->interrupted_mono_ms >= INTERRUPT_MS);
    struct err why = ERR_NONE;
    if (!server->outage.on && store_commit(server->store, &why))
        begin_outage(server, turn, &why);
    else if (!server->outage.on)
        reactor_committed(&server->reactor, turn);
    return next;
}

static int look_for_file(struct server *server, int64_t mono_ms, struct err *err)
{
    if (mono_ms < server->look_mono_ms)
        return 0;
    char says[512];
    server->look_mono_ms = mono_ms + LOOK_EVERY_MS;
    if (store_says(server->store, says))
        log_warn("%s", says);
    return store_in_place(server->store, err);
}

int server_turn(struct server *server, int64_t max_wait_ms, struct err *err)
{
    struct turn turn = turn_now(server);
    bool over;
    int rc = look_for_file(server, turn.now.mono_ms, err);
    if (rc)
        return rc;
    drain(server, &turn);
    int64_t next = server->outage.on ? endure(server, &turn, &over) : work(server, &turn, &over);
    wire_flush(server->wire, &server->outbox);
    if (over)
        return 1;
    int64_t wait = next == INT64_MAX ? max_wait_ms : next - clock_mono_ms();
    wait = wait < 0 ? 0 : wait < max_wait_ms || max_wait_ms < 0 ? wait : max_wait_ms;
    struct pollfd helpers[] = {{proposer_fd(server->proposer), POLLIN, 0},
                               {porter_fd(server->porter), POLLIN, 0}};
    wire_wait(server->wire, helpers, 2, wait);
    proposer_calm(server->proposer);
    return 0;
}

void server_worker_gone(struct server *server, int64_t pid)
{
    struct turn turn = turn_now(server);
    drain(server, &turn); /* what it still said counts */
    if (!server->outage.on)
        attendance_on_exit(&server->reactor, &turn, pid);
}

void server_interrupt(struct server *server)
{
    struct turn turn = turn_now(server);
    server->interrupted_mono_ms = turn.now.mono_ms;
    if (server->outage.on)
        server->reactor.interrupted = true; /* nothing is held, as far as we know */
    else
        reactor_interrupt(&server->reactor, &turn);
}

/* ---- submit, look ---- */

int server_submit(struct server *server, const char *definition, const struct submission *how, char name[65],
                  bool *finished, struct err *err)
{
    struct study_def def;
    struct study *study = NULL;
    struct turn turn = turn_now(server);
    if (study_def_parse(definition, strlen(definition), how->file, &def, err))
        return ERR_BAD;
    int rc = submission_take(&server->reactor.studies, &turn, &def, how, &study, err);
    study_def_fini(&def);
    if (!rc)
        rc = store_commit(server->store, err);
    if (rc)
        return rc;
    str_copy(name, 65, study->def.name);
    *finished = study_has_ended(study);
    return 0;
}

int server_snapshot(const struct server *server, const char *study, struct server_snapshot *out)
{
    const struct study *s = reactor_study(&server->reactor, study);
    if (!s)
        return ERR_GONE;
    snapshot_take(&server->reactor, s, clock_mono_ms(), out);
    return 0;
}

/* ---- with no master alive ---- */

int server_offline_call(const char *db, const struct msg_call *call, struct msg_answer *answer,
                        struct err *err)
{
    struct store *store = NULL;
    struct store_options options = {.brief = true};
    struct outbox outbox = {0};
    struct reactor reactor;
    int rc = store_open(db, &options, &store, err);
    if (rc)
        return rc;
    struct turn turn = {store, &outbox, clock_now()};
    struct reactor_config config = {BEAT_MS, LEASE_MS, false};
    rc = reactor_open(&reactor, &config, &turn, err);
    if (!rc) {
        calls_answer(&reactor, &turn, call, answer);
        rc = store_commit(store, err);
        reactor_close(&reactor);
    }
    outbox_fini(&outbox);
    store_close(store);
    return rc;
}
