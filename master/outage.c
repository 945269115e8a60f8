#include "master/outage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "master/calls.h"

enum {
    WAIT_LEAST_MS = 250,
    WAIT_MOST_MS = 5000,
    FLAP_MS = 10000,    /* a store that fails again so soon is not asked more often than before */
    PEERS_MOST = 20000, /* those beyond come again by themselves */
};

/* ---- who is there ---- */

static struct outage_peer *find_peer(struct outage *o, peer_id peer)
{
    for (size_t i = 0; i < o->peer_count; i++)
        if (o->peers[i].peer == peer)
            return &o->peers[i];
    if (o->peer_count >= PEERS_MOST)
        return NULL;
    GROW(o->peers, o->peer_room, o->peer_count + 1);
    o->peers[o->peer_count] = (struct outage_peer){.peer = peer};
    return &o->peers[o->peer_count++];
}

static void forget_peers(struct outage *o)
{
    for (size_t i = 0; i < o->peer_count; i++)
        if (o->peers[i].greeted)
            msg_fini(&o->peers[i].hello);
    free(o->peers);
    o->peers = NULL;
    o->peer_count = o->peer_room = 0;
}

void outage_fini(struct outage *o)
{
    forget_peers(o);
    *o = (struct outage){0};
}

/* ---- memory from the store ---- */

/* An interrupt holds through it; the open attempts get a fresh full lease. */
static int rebuild(struct outage *o, struct reactor *r, struct turn *turn, struct err *err)
{
    struct reactor_config config = r->config;
    struct proposer *proposer = r->studies.proposer;
    struct porter *porter = r->checkpoints.porter;
    bool interrupted = r->interrupted;
    int rc = store_reload(turn->store, err);
    reactor_close(r);
    if (!rc)
        rc = reactor_open(r, &config, turn, err);
    r->config = config;
    if (proposer)
        studies_use_proposer(&r->studies, proposer);
    if (porter)
        reactor_use_porter(r, porter);
    r->trouble = o->on ? o->text : NULL;
    r->interrupted = interrupted;
    return rc;
}

/* ---- begin, end ---- */

static void say_what_is_wrong(struct outage *o, const struct turn *turn)
{
    const char *path = store_path(turn->store), *what = o->why.text;
    size_t len = strlen(path);
    if (strncmp(what, path, len) == 0 && strncmp(what + len, ": ", 2) == 0)
        what += len + 2;
    snprintf(o->text, sizeof o->text, "store: %.200s", what);
    if (!o->said)
        return;
    log_error("%s; no jobs are given and nothing is acknowledged until that is mended, workers train on%s%s",
              o->why.text, o->why.hint[0] ? ": " : "", o->why.hint);
}

void outage_begin(struct outage *o, struct reactor *r, struct turn *turn, const struct err *why)
{
    int64_t now = turn->now.mono_ms;
    bool flaps = o->retry_mono_ms && now - o->retry_mono_ms < FLAP_MS;
    o->on = true;
    o->why = *why;
    o->since_mono_ms = o->beat_mono_ms = now;
    o->wait_ms = flaps && o->wait_ms ? o->wait_ms : WAIT_LEAST_MS;
    o->retry_mono_ms = now + o->wait_ms;
    outbox_clear(turn->outbox);
    for (size_t i = 0; i < r->roster.count; i++)
        if (r->roster.workers[i]->peer)
            find_peer(o, r->roster.workers[i]->peer);
    o->said = !flaps; /* one that comes and goes is told when it stays */
    say_what_is_wrong(o, turn);
    struct err again = ERR_NONE;
    if (rebuild(o, r, turn, &again))
        log_warn("%s", again.text);
}

/* Those who greeted us meanwhile are heard now, the others are asked to greet again: either way everything that was
 * not acknowledged is said once more. */
static void hear_them(struct outage *o, struct reactor *r, struct turn *turn)
{
    for (size_t i = 0; i < o->peer_count; i++) {
        struct outage_peer *p = &o->peers[i];
        if (p->greeted)
            reactor_on_message(r, turn, p->peer, &p->hello);
        else
            reactor_ask_hello(turn, p->peer);
    }
    forget_peers(o);
}

/* A write of its own shows whether the store takes writes again. */
static bool is_mended(struct outage *o, struct reactor *r, struct turn *turn)
{
    struct err why = ERR_NONE;
    o->on = false; /* rebuild as in good times */
    if (!store_reload(turn->store, &why) && !store_try(turn->store, turn->now.wall_ms, &why) &&
        !rebuild(o, r, turn, &why)) {
        if (r->interrupted)
            reactor_interrupt(r, turn); /* those that come back are to stop */
        return true;
    }
    o->on = true;
    r->trouble = o->text;
    return false;
}

static void try_again(struct outage *o, struct reactor *r, struct turn *turn)
{
    int64_t now = turn->now.mono_ms;
    if (is_mended(o, r, turn)) {
        if (o->said)
            log_warn("the store takes writes again after %.1f s: going on",
                     (double)(now - o->since_mono_ms) / 1000);
        hear_them(o, r, turn);
        o->retry_mono_ms = now;
        return;
    }
    if (!o->said) {
        o->said = true;
        say_what_is_wrong(o, turn);
    }
    o->wait_ms = o->wait_ms * 2 < WAIT_MOST_MS ? o->wait_ms * 2 : WAIT_MOST_MS;
    o->retry_mono_ms = now + o->wait_ms;
}

/* ---- meanwhile ---- */

static void refuse_call(const struct outage *o, struct turn *turn, peer_id from, const struct msg_call *call)
{
    struct msg reply = {.kind = MSG_answer};
    reply.answer.id = call->id;
    reply.answer.code = (uint64_t)err_exit_status(ERR_IO);
    snprintf(reply.answer.text, sizeof reply.answer.text, "the master cannot do that now: %.400s", o->text);
    snprintf(reply.answer.hint, sizeof reply.answer.hint, "%s", o->why.hint);
    outbox_add(turn->outbox, from, &reply);
}

void outage_on_message(struct outage *o, struct reactor *r, struct turn *turn, peer_id from, struct msg *msg)
{
    struct outage_peer *p;
    if (msg->kind == MSG_call) {
        if (calls_only_look(msg->call.verb))
            reactor_on_message(r, turn, from, msg);
        else
            refuse_call(o, turn, from, &msg->call);
        return;
    }
    if (!(p = find_peer(o, from)) || msg->kind != MSG_hello)
        return; /* the worker keeps what is not acknowledged */
    if (p->greeted)
        msg_fini(&p->hello);
    p->hello = *msg;
    p->greeted = true;
    *msg = (struct msg){.kind = MSG_beat};
}

static void beat_all(struct outage *o, const struct reactor *r, struct turn *turn)
{
    if (turn->now.mono_ms < o->beat_mono_ms)
        return;
    struct msg beat = {.kind = MSG_beat};
    for (size_t i = 0; i < o->peer_count; i++)
        outbox_add(turn->outbox, o->peers[i].peer, &beat);
    o->beat_mono_ms = turn->now.mono_ms + r->config.beat_ms;
}

int64_t outage_tick(struct outage *o, struct reactor *r, struct turn *turn)
{
    beat_all(o, r, turn);
    if (turn->now.mono_ms >= o->retry_mono_ms)
        try_again(o, r, turn);
    if (!o->on)
        return turn->now.mono_ms;
    return o->beat_mono_ms < o->retry_mono_ms ? o->beat_mono_ms : o->retry_mono_ms;
}
