/* Checkpoints on their way here from workers whose folder the master does not see. */
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/log.h"
#include "common/mem.h"
#include "master/checkpoints_parts.h"
#include "master/retention.h"
#include "sql/store_load.h"

enum {
    WINDOW = 4 * CHUNK_BYTES,
    ARRIVALS_MAX = 4, /* at a time: more move no more bytes, and all wait for their pieces to be read */
    STALLS_MAX = 3,   /* leases without a piece, while its worker is there */
    ALONE_MOST_MS = 86400000, /* an offer whose worker is not here: a day is time to mend a host */
};

struct arrival *arrival_find(struct checkpoints *c, const char *token, int epoch)
{
    for (size_t i = 0; i < c->arrival_count; i++)
        if (c->arrivals[i].epoch == epoch && strcmp(c->arrivals[i].token, token) == 0)
            return &c->arrivals[i];
    return NULL;
}

int arrival_add(void *arg, const struct row_transit *row)
{
    struct checkpoints *c = arg;
    GROW(c->arrivals, c->arrival_room, c->arrival_count + 1);
    struct arrival *a = &c->arrivals[c->arrival_count++];
    *a = (struct arrival){.trial_id = row->checkpoint.trial,
                          .worker = row->worker,
                          .trial = row->number,
                          .attempt = row->checkpoint.attempt,
                          .epoch = row->checkpoint.epoch,
                          .bytes = row->checkpoint.bytes};
    str_copy(a->study, sizeof a->study, row->study);
    str_copy(a->token, sizeof a->token, row->token);
    str_copy(a->hash, sizeof a->hash, row->checkpoint.hash);
    a->path = xasprintf("%s/t%05u/a%d/e%d.ckpt", a->study, a->trial, a->attempt, a->epoch);
    return 0;
}

void arrival_say_drop(struct turn *turn, peer_id to, const struct claim *claim, int epoch)
{
    struct msg msg = {.kind = MSG_drop};
    str_copy(msg.drop.study, sizeof msg.drop.study, claim->study);
    str_copy(msg.drop.token, sizeof msg.drop.token, claim->token);
    msg.drop.trial = claim->trial;
    msg.drop.attempt = claim->attempt;
    msg.drop.epoch = (uint64_t)epoch;
    outbox_add(turn->outbox, to, &msg);
}

static void say_want(struct turn *turn, peer_id to, struct arrival *a)
{
    struct msg msg = {.kind = MSG_want};
    int64_t room = a->written + WINDOW - a->asked, left = a->bytes - a->asked;
    int64_t bytes = room < left ? room : left;
    if (bytes <= 0 || (bytes < WINDOW / 2 && bytes < left))
        return; /* not worth a message yet */
    str_copy(msg.want.study, sizeof msg.want.study, a->study);
    str_copy(msg.want.token, sizeof msg.want.token, a->token);
    msg.want.trial = a->trial;
    msg.want.attempt = (uint64_t)a->attempt;
    msg.want.epoch = (uint64_t)a->epoch;
    msg.want.offset = (uint64_t)a->asked;
    msg.want.bytes = (uint64_t)bytes;
    a->asked += bytes;
    outbox_add(turn->outbox, to, &msg);
}

static struct trial *trial_of(const struct reactor *r, const struct arrival *a)
{
    struct study *s = studies_find(&r->studies, a->study);
    return s ? study_trial(s, a->trial) : NULL;
}

/* Its trial does not wait for it any more; if another one is on its way, arrivals_look_after says so again. */
void arrival_forget(struct reactor *r, struct arrival *a)
{
    struct trial *t = trial_of(r, a);
    struct arrival last = r->checkpoints.arrivals[--r->checkpoints.arrival_count];
    if (t)
        t->wait_until_mono_ms = 0;
    free(a->path);
    *a = last;
}

static void post(struct checkpoints *c, struct arrival *a, enum chore_kind kind)
{
    struct chore *chore = chore_new(kind, a->tag, a->path);
    chore->bytes = a->bytes;
    memcpy(chore->hash, a->hash, sizeof chore->hash);
    porter_post(c->porter, chore);
}

/* Whatever became of it: it is not waited for any more. */
static void end_arrival(struct reactor *r, struct turn *turn, struct arrival *a, enum checkpoint_state state)
{
    struct worker *w = roster_by_id(&r->roster, a->worker);
    struct trial *t = trial_of(r, a);
    bool kept = state == CHECKPOINT_KEPT;
    store_checkpoint_state(turn->store, a->trial_id, a->attempt, a->epoch, state, kept ? a->path : NULL);
    struct claim claim = {a->study, a->trial, (uint64_t)a->attempt, a->token};
    if (w && w->peer)
        arrival_say_drop(turn, w->peer, &claim, a->epoch);
    if (kept && t)
        retention_added(t->study, a->bytes);
    if (!kept)
        post(&r->checkpoints, a, CHORE_DELETE);
    arrival_forget(r, a);
    if (kept && t)
        retention_trial(turn, t);
}

static void begin(struct reactor *r, struct turn *turn, struct arrival *a)
{
    a->state = ARRIVAL_BEGINS;
    a->tag = ++r->checkpoints.tag;
    a->moved_mono_ms = turn->now.mono_ms;
    post(&r->checkpoints, a, CHORE_BEGIN);
}

/* The next one of each worker that is here, in turn: of a trial the newest first, for that is what it would resume from.
 */
void arrivals_begin_next(struct reactor *r, struct turn *turn)
{
    struct checkpoints *c = &r->checkpoints;
    size_t active = 0;
    for (size_t i = 0; i < c->arrival_count; i++)
        active += c->arrivals[i].state != ARRIVAL_WAITS;
    size_t workers = r->roster.count, first = workers ? c->next_worker % workers : 0;
    for (size_t n = 0; n < workers && active < ARRIVALS_MAX; n++) {
        struct worker *w = r->roster.workers[(first + n) % workers];
        struct arrival *next = NULL;
        bool busy = !w->peer;
        for (size_t i = 0; i < c->arrival_count && !busy; i++) {
            struct arrival *a = &c->arrivals[i];
            if (a->worker != w->id)
                continue;
            busy = a->state != ARRIVAL_WAITS;
            if (!next || (a->trial_id == next->trial_id && a->epoch > next->epoch))
                next = a;
        }
        if (busy || !next)
            continue;
        begin(r, turn, next);
        c->next_worker = (first + n + 1) % workers;
        active++;
    }
}

static void on_written(struct reactor *r, struct turn *turn, struct arrival *a, const struct chore *chore)
{
    struct worker *w = roster_by_id(&r->roster, a->worker);
    if (chore->kind == CHORE_BEGIN) {
        a->state = ARRIVAL_MOVES;
        a->asked = a->received = a->written = chore->bytes <= a->bytes ? chore->bytes : 0;
    } else {
        a->written += (int64_t)chore->len;
    }
    a->moved_mono_ms = turn->now.mono_ms;
    if (a->written >= a->bytes) {
        a->state = ARRIVAL_FINISHES;
        post(&r->checkpoints, a, CHORE_FINISH);
    } else if (w && w->peer) {
        say_want(turn, w->peer, a);
    }
}

static void on_finished(struct reactor *r, struct turn *turn, struct arrival *a, const struct chore *chore)
{
    if (!chore->rc) {
        end_arrival(r, turn, a, CHECKPOINT_KEPT);
        return;
    }
    log_warn("checkpoint of %s/%u, epoch %d: %s", a->study, a->trial, a->epoch, chore->err.text);
    if (a->again || chore->rc != ERR_BAD) {
        end_arrival(r, turn, a, CHECKPOINT_GONE);
        return;
    }
    a->again = true;
    begin(r, turn, a);
}

void checkpoints_on_chunk(struct reactor *r, struct turn *turn, struct worker *w,
                          const struct msg_chunk *chunk)
{
    struct checkpoints *c = &r->checkpoints;
    struct arrival *a = arrival_find(c, chunk->token, (int)chunk->epoch);
    if (!c->porter || !a || a->worker != w->id || a->state != ARRIVAL_MOVES)
        return;
    if (!chunk->data || json_type(chunk->data) == JSON_NULL) {
        log_warn("worker %s has lost its checkpoint of %s/%u, epoch %d", w->name, a->study, a->trial,
                 a->epoch);
        end_arrival(r, turn, a, CHECKPOINT_GONE);
        return;
    }
    if ((int64_t)chunk->offset != a->received)
        return; /* asked for before a break */
    struct chore *chore = chore_new(CHORE_WRITE, a->tag, a->path);
    chore->data = xmalloc(CHUNK_BYTES);
    long len = base64_read(json_text(chunk->data), chore->data, CHUNK_BYTES);
    if (len <= 0 || a->received + len > a->asked) {
        chore_free(chore);
        end_arrival(r, turn, a, CHECKPOINT_GONE); /* it does not know what it is doing */
        return;
    }
    chore->offset = a->received;
    chore->len = (size_t)len;
    a->received += len;
    a->stalls = 0;
    a->moved_mono_ms = turn->now.mono_ms;
    porter_post(c->porter, chore);
}

void arrival_take_back(struct reactor *r, struct turn *turn, const struct chore *chore)
{
    struct checkpoints *c = &r->checkpoints;
    size_t i = 0;
    while (i < c->arrival_count && c->arrivals[i].tag != chore->tag)
        i++;
    if (i == c->arrival_count)
        return;
    if (chore->kind == CHORE_FINISH) {
        on_finished(r, turn, &c->arrivals[i], chore);
    } else if (chore->rc) {
        log_error("cannot keep a checkpoint: %s", chore->err.text);
        end_arrival(r, turn, &c->arrivals[i], CHECKPOINT_GONE);
    } else {
        on_written(r, turn, &c->arrivals[i], chore);
    }
}

/* Its worker has been away for longer than one waits for. */
static bool is_given_up(struct arrival *a, const struct worker *w, int64_t now_mono_ms)
{
    if (w)
        a->alone_mono_ms = 0;
    else if (!a->alone_mono_ms)
        a->alone_mono_ms = now_mono_ms;
    return a->alone_mono_ms && now_mono_ms - a->alone_mono_ms >= ALONE_MOST_MS;
}

/* A worker that has said nothing for a lease is asked again; a trial whose
 * checkpoint is coming is not started before it is there. */
void arrivals_look_after(struct reactor *r, struct turn *turn)
{
    struct checkpoints *c = &r->checkpoints;
    for (size_t i = c->arrival_count; i-- > 0;) {
        struct arrival *a = &c->arrivals[i];
        struct worker *w = roster_by_id(&r->roster, a->worker);
        struct trial *t = trial_of(r, a);
        bool moves = w && w->peer;
        bool stalled = turn->now.mono_ms - a->moved_mono_ms >= r->config.lease_ms;
        if (is_given_up(a, w, turn->now.mono_ms)) {
            log_warn("checkpoint of %s/%u, epoch %d: its worker has not come back for a day: given up",
                     a->study, a->trial, a->epoch);
            end_arrival(r, turn, a, CHECKPOINT_GONE);
            continue;
        }
        if (a->state == ARRIVAL_MOVES && (!moves || stalled))
            a->state = ARRIVAL_WAITS;
        if (moves && stalled && a->state == ARRIVAL_WAITS && a->tag && ++a->stalls > STALLS_MAX) {
            log_warn("worker %s does not send its checkpoint of %s/%u, epoch %d", w->name, a->study, a->trial,
                     a->epoch);
            end_arrival(r, turn, a, CHECKPOINT_GONE);
            continue;
        }
        if (t)
            t->wait_until_mono_ms = moves ? turn->now.mono_ms + r->config.lease_ms : 0;
    }
}
