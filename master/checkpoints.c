#include "master/checkpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/check.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "master/reactor.h"
#include "master/retention.h"

enum {
    CHUNK_BYTES = 196608, /* 256 KiB as base64 */
    WINDOW = 4 * CHUNK_BYTES,
    ARRIVALS_MAX = 4, /* at a time: more move no more bytes, and all wait for their pieces to be read */
    READS_MAX = 64,
    STALLS_MAX = 3,           /* leases without a piece, while its worker is there */
    DOOMS_MAX = 1000,         /* a turn */
    DOOM_AGAIN_MS = 60000,    /* a file that could not be deleted */
    ALONE_MOST_MS = 86400000, /* an offer whose worker is not here: a day is time to mend a host */
};

/* ---- open, close ---- */

static struct arrival *find_arrival(struct checkpoints *c, const char *token, int epoch)
{
    for (size_t i = 0; i < c->arrival_count; i++)
        if (c->arrivals[i].epoch == epoch && strcmp(c->arrivals[i].token, token) == 0)
            return &c->arrivals[i];
    return NULL;
}

static int add_arrival(void *arg, const struct row_transit *row)
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

static void forget_arrival(struct checkpoints *c, struct arrival *a)
{
    struct arrival last = c->arrivals[--c->arrival_count];
    free(a->path);
    *a = last;
}

int checkpoints_load(struct checkpoints *c, struct turn *turn, struct err *err)
{
    return store_load_transit(turn->store, CHECKPOINT_OFFERED, INT32_MAX, add_arrival, c, err);
}

void checkpoints_fini(struct checkpoints *c)
{
    for (size_t i = 0; i < c->arrival_count; i++)
        free(c->arrivals[i].path);
    c->arrival_count = 0;
    free(c->arrivals);
    free(c->readings);
    free(c->dooms);
    *c = (struct checkpoints){0};
}

/* ---- saying ---- */

static void say_drop(struct turn *turn, peer_id to, const char *study, uint32_t trial, int attempt,
                     const char *token, int epoch)
{
    struct msg msg = {.kind = MSG_drop};
    str_copy(msg.drop.study, sizeof msg.drop.study, study);
    str_copy(msg.drop.token, sizeof msg.drop.token, token);
    msg.drop.trial = trial;
    msg.drop.attempt = (uint64_t)attempt;
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

/* ---- what workers report ---- */

/* A path in the master's folder names a file of this attempt, or it is nobody's business. */
static bool path_is_the_attempts(const struct trial *t, const char *path)
{
    char front[128];
    int len = snprintf(front, sizeof front, "%s/t%05u/a%d/", t->study->def.name, t->number, t->attempt);
    return strncmp(path, front, (size_t)len) == 0 && path[len];
}

static bool read_reported(const struct json *checkpoint, struct row_checkpoint *row)
{
    double bytes = json_num(json_get(checkpoint, "bytes"));
    row->path = json_text(json_get(checkpoint, "path"));
    row->hash = json_text(json_get(checkpoint, "hash"));
    if (!row->path[0] || strlen(row->path) >= 4096 || strlen(row->hash) != HASH_HEX - 1 ||
        !(bytes >= 0 && bytes < 0x1p53))
        return false;
    row->bytes = (int64_t)bytes;
    return !path_climbs(row->path);
}

void checkpoints_reported(struct reactor *r, struct turn *turn, struct worker *w, struct trial *t, int epoch,
                          const struct json *checkpoint)
{
    struct row_checkpoint row = {
        .trial = t->id, .attempt = t->attempt, .epoch = epoch, .created_ms = turn->now.wall_ms};
    if (!read_reported(checkpoint, &row) || (row.path[0] != '/' && !path_is_the_attempts(t, row.path)))
        return;
    bool fetch = row.path[0] == '/' && w->transit && !t->study->def.keep.at_worker;
    row.state = fetch ? CHECKPOINT_OFFERED : CHECKPOINT_KEPT;
    if (!store_add_checkpoint(turn->store, &row))
        return;
    if (fetch) {
        struct row_transit transit = {row, t->study->def.name, t->number, t->token, w->id};
        add_arrival(&r->checkpoints, &transit);
    } else {
        retention_added(t->study, row.bytes);
    }
    retention_trial(turn, t);
}

/* What the worker still has and nobody waits for. */
void checkpoints_on_hello(struct reactor *r, struct turn *turn, struct worker *w, const struct json *offers)
{
    for (const struct json *o = json_first(offers); o; o = json_next(o)) {
        const char *study = json_text(json_get(o, "study")), *token = json_text(json_get(o, "token"));
        double trial = json_num(json_get(o, "trial")), attempt = json_num(json_get(o, "attempt"));
        double epoch = json_num(json_get(o, "epoch"));
        if (!(trial >= 1 && trial <= UINT32_MAX && attempt >= 1 && attempt <= 1e6 && epoch >= 1 &&
              epoch <= 1e9))
            continue;
        struct study *s = study[0] ? reactor_study(r, study) : NULL;
        if (s && s->def.keep.at_worker)
            continue;
        /* Its REPORT may not have come yet: it is the newest attempt, and nothing is known of this epoch. */
        struct trial *t = s ? study_trial(s, (uint32_t)trial) : NULL;
        bool current = t && strcmp(t->token, token) == 0;
        struct arrival *a = find_arrival(&r->checkpoints, token, (int)epoch);
        if (a)
            a->worker = w->id; /* of a process that was killed, perhaps: its successor has the file now */
        if (a || (current && (int)epoch > t->last_epoch))
            continue;
        say_drop(turn, w->peer, study, (uint32_t)trial, (int)attempt, token, (int)epoch);
    }
    for (size_t i = 0; i < r->checkpoints.arrival_count; i++)
        if (r->checkpoints.arrivals[i].worker == w->id && r->checkpoints.arrivals[i].state == ARRIVAL_MOVES)
            r->checkpoints.arrivals[i].state = ARRIVAL_WAITS; /* from where it is, over the new connection */
}

/* ---- arriving ---- */

static struct worker *worker_of(const struct reactor *r, int64_t id)
{
    for (size_t i = 0; i < r->roster.count; i++)
        if (r->roster.workers[i]->id == id)
            return r->roster.workers[i];
    return NULL;
}

static struct trial *trial_of(const struct reactor *r, const struct arrival *a)
{
    struct study *s = reactor_study(r, a->study);
    return s ? study_trial(s, a->trial) : NULL;
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
    struct worker *w = worker_of(r, a->worker);
    struct trial *t = trial_of(r, a);
    bool kept = state == CHECKPOINT_KEPT;
    store_checkpoint_state(turn->store, a->trial_id, a->attempt, a->epoch, state, kept ? a->path : NULL);
    if (w && w->peer)
        say_drop(turn, w->peer, a->study, a->trial, a->attempt, a->token, a->epoch);
    if (t)
        t->wait_until_mono_ms = 0;
    if (kept && t)
        retention_added(t->study, a->bytes);
    if (!kept)
        post(&r->checkpoints, a, CHORE_DELETE);
    forget_arrival(&r->checkpoints, a);
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
static void begin_next(struct reactor *r, struct turn *turn)
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
    struct worker *w = worker_of(r, a->worker);
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
    struct arrival *a = find_arrival(c, chunk->token, (int)chunk->epoch);
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
static void look_after(struct reactor *r, struct turn *turn)
{
    struct checkpoints *c = &r->checkpoints;
    for (size_t i = c->arrival_count; i-- > 0;) {
        struct arrival *a = &c->arrivals[i];
        struct worker *w = worker_of(r, a->worker);
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

/* ---- to workers ---- */

struct wanted {
    int epoch, before; /* attempts before this one */
    char *path;
    int64_t bytes;
};

static int look_for(void *arg, const struct row_checkpoint *row, double value)
{
    struct wanted *wanted = arg;
    (void)value;
    if (row->state != CHECKPOINT_KEPT || row->epoch != wanted->epoch || row->attempt >= wanted->before)
        return 0;
    free(wanted->path);
    wanted->path = xstrdup(row->path);
    wanted->bytes = row->bytes;
    return 0;
}

static void start_reading(struct checkpoints *c, peer_id to, const struct msg_chunk *head, const char *path,
                          size_t len)
{
    struct chore *chore = chore_new(CHORE_READ, ++c->tag, path);
    chore->offset = (int64_t)head->offset;
    chore->len = len;
    GROW(c->readings, c->reading_room, c->reading_count + 1);
    c->readings[c->reading_count++] = (struct reading){c->tag, to, *head};
    porter_post(c->porter, chore);
}

void checkpoints_on_want(struct reactor *r, struct turn *turn, struct worker *w, const struct msg_want *want)
{
    struct checkpoints *c = &r->checkpoints;
    struct msg msg = {.kind = MSG_chunk};
    struct msg_chunk *head = &msg.chunk;
    struct study *s = reactor_study(r, want->study);
    struct trial *t =
        s && want->study[0] && want->trial <= UINT32_MAX ? study_trial(s, (uint32_t)want->trial) : NULL;
    struct wanted wanted = {(int)want->epoch, (int)want->attempt, NULL, 0};
    memcpy(head->study, want->study, sizeof head->study);
    memcpy(head->token, want->token, sizeof head->token);
    head->trial = want->trial;
    head->attempt = want->attempt;
    head->epoch = want->epoch;
    head->offset = want->offset;
    bool fine = t && c->porter && t->holder == w && strcmp(t->token, want->token) == 0 &&
                (uint64_t)t->attempt == want->attempt;
    if (fine)
        store_load_checkpoints(turn->store, t->id, look_for, &wanted, NULL);
    if (fine && !wanted.path && t->parent) {
        wanted.before = INT32_MAX;
        store_load_checkpoints(turn->store, study_trial(s, t->parent)->id, look_for, &wanted, NULL);
    }
    if (!wanted.path || wanted.path[0] == '/' || (int64_t)want->offset >= wanted.bytes) {
        outbox_add(turn->outbox, w->peer, &msg); /* data null: there is none */
        free(wanted.path);
        return;
    }
    uint64_t end = want->offset + want->bytes, all = (uint64_t)wanted.bytes;
    end = end < all ? end : all;
    for (uint64_t at = want->offset; at < end && c->reading_count < READS_MAX; at += CHUNK_BYTES) {
        head->offset = at;
        start_reading(c, w->peer, head, wanted.path,
                      (size_t)(end - at < CHUNK_BYTES ? end - at : CHUNK_BYTES));
    }
    free(wanted.path);
}

static void on_read(struct checkpoints *c, struct turn *turn, const struct chore *chore)
{
    size_t i = 0;
    while (i < c->reading_count && c->readings[i].tag != chore->tag)
        i++;
    if (i == c->reading_count)
        return;
    struct msg msg = {.kind = MSG_chunk, .chunk = c->readings[i].head};
    struct str text = {0};
    peer_id to = c->readings[i].to;
    c->readings[i] = c->readings[--c->reading_count];
    if (chore->rc || !chore->len)
        log_warn("a checkpoint to resume from: %s",
                 chore->rc ? chore->err.text : "it is shorter than its row says");
    if (!chore->rc && chore->len) {
        base64_add(&text, chore->data, chore->len);
        msg.chunk.data = json_new_text(str_text(&text));
    }
    outbox_add(turn->outbox, to, &msg);
    msg_fini(&msg);
    str_fini(&text);
}

/* ---- letting go ---- */

static void on_deleted(struct reactor *r, struct turn *turn, const struct chore *chore)
{
    struct checkpoints *c = &r->checkpoints;
    if (chore->tag <= c->doom_tag || chore->tag > c->doom_tag + c->doom_count)
        return; /* what there was of an arrival */
    const struct doom *d = &c->dooms[chore->tag - c->doom_tag - 1];
    if (chore->rc) {
        log_warn("%s; it will be tried again", chore->err.text);
        c->next_doom_mono_ms = turn->now.mono_ms + DOOM_AGAIN_MS;
    } else {
        store_checkpoint_state(turn->store, d->trial, d->attempt, d->epoch, CHECKPOINT_GONE, NULL);
    }
    c->dooms_back++;
}

struct dooming {
    struct reactor *reactor;
    struct turn *turn;
};

/* What lies in a worker's own folder is the worker's to delete; nothing of ours depends on when it does. */
static int doom_one(void *arg, const struct row_transit *row)
{
    struct dooming *d = arg;
    struct checkpoints *c = &d->reactor->checkpoints;
    const struct row_checkpoint *checkpoint = &row->checkpoint;
    bool here = checkpoint->path[0] != '/';
    struct arrival *a = here ? NULL : find_arrival(c, row->token, checkpoint->epoch);
    struct worker *w = worker_of(d->reactor, a ? a->worker : row->worker);
    if (!here && w && w->peer)
        say_drop(d->turn, w->peer, row->study, row->number, checkpoint->attempt, row->token,
                 checkpoint->epoch);
    GROW(c->dooms, c->doom_room, c->doom_count + 1);
    c->dooms[c->doom_count++] = (struct doom){checkpoint->trial, checkpoint->attempt, checkpoint->epoch};
    char own[128]; /* of an offer: what had arrived of it */
    snprintf(own, sizeof own, "%s/t%05u/a%d/e%d.ckpt", row->study, row->number, checkpoint->attempt,
             checkpoint->epoch);
    porter_post(c->porter, chore_new(CHORE_DELETE, ++c->tag, here ? checkpoint->path : own));
    if (a)
        forget_arrival(c, a);
    return 0;
}

void checkpoints_committed(struct reactor *r, struct turn *turn)
{
    struct checkpoints *c = &r->checkpoints;
    if (!c->porter || c->dooms_back < c->doom_count || turn->now.mono_ms < c->next_doom_mono_ms)
        return;
    struct dooming d = {r, turn};
    c->doom_count = c->dooms_back = 0;
    c->doom_tag = c->tag;
    store_load_transit(turn->store, CHECKPOINT_DOOMED, DOOMS_MAX, doom_one, &d, NULL);
}

/* ---- the turn ---- */

static void take_back(struct reactor *r, struct turn *turn, const struct chore *chore)
{
    struct checkpoints *c = &r->checkpoints;
    if (chore->kind == CHORE_DELETE) {
        on_deleted(r, turn, chore);
        return;
    }
    if (chore->kind == CHORE_READ) {
        on_read(c, turn, chore);
        return;
    }
    size_t i = 0;
    while (i < c->arrival_count && c->arrivals[i].tag != chore->tag)
        i++;
    if (i == c->arrival_count)
        return;
    if (chore->kind == CHORE_FINISH)
        on_finished(r, turn, &c->arrivals[i], chore);
    else if (chore->rc) {
        log_error("cannot keep a checkpoint: %s", chore->err.text);
        end_arrival(r, turn, &c->arrivals[i], CHECKPOINT_GONE);
    } else {
        on_written(r, turn, &c->arrivals[i], chore);
    }
}

int64_t checkpoints_tick(struct reactor *r, struct turn *turn)
{
    struct checkpoints *c = &r->checkpoints;
    if (!c->porter)
        return INT64_MAX;
    for (struct chore *chore; (chore = porter_take(c->porter)) != NULL; chore_free(chore))
        take_back(r, turn, chore);
    look_after(r, turn);
    begin_next(r, turn);
    return c->arrival_count ? turn->now.mono_ms + r->config.beat_ms : INT64_MAX;
}

bool checkpoints_settle(struct reactor *r, struct turn *turn)
{
    struct checkpoints *c = &r->checkpoints;
    checkpoints_committed(r, turn);
    if (!c->porter || c->dooms_back >= c->doom_count)
        return false;
    porter_settle(c->porter);
    for (struct chore *chore; (chore = porter_take(c->porter)) != NULL; chore_free(chore))
        take_back(r, turn, chore);
    return true;
}

bool checkpoints_busy(const struct reactor *r)
{
    for (size_t i = 0; i < r->checkpoints.arrival_count && r->checkpoints.porter; i++) {
        const struct worker *w = worker_of(r, r->checkpoints.arrivals[i].worker);
        if (w && w->peer)
            return true;
    }
    return false;
}
