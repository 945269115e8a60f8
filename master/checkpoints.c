#include "master/checkpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "master/checkpoints_parts.h"
#include "master/retention.h"
#include "sql/store_load.h"

enum {
    DOOMS_MAX = 1000,      /* a turn */
    DOOM_AGAIN_MS = 60000, /* a file that could not be deleted */
};

/* ---- open, close ---- */

int checkpoints_load(struct checkpoints *c, struct turn *turn, struct err *err)
{
    return store_load_transit(turn->store, CHECKPOINT_OFFERED, INT32_MAX, arrival_add, c, err);
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
        arrival_add(&r->checkpoints, &transit);
    } else {
        retention_added(t->study, row.bytes);
    }
    retention_trial(turn, t);
}

static bool is_among(const struct json *held, const char *token)
{
    for (const struct json *h = json_first(held); h; h = json_next(h))
        if (strcmp(json_text(json_get(h, "token")), token) == 0)
            return true;
    return false;
}

/* What the worker still has and nobody waits for. */
void checkpoints_on_hello(struct reactor *r, struct turn *turn, struct worker *w,
                          const struct msg_hello *hello)
{
    for (const struct json *o = json_first(hello->offers); o; o = json_next(o)) {
        const char *study = json_text(json_get(o, "study")), *token = json_text(json_get(o, "token"));
        double trial = json_num(json_get(o, "trial")), attempt = json_num(json_get(o, "attempt"));
        double epoch = json_num(json_get(o, "epoch"));
        if (!(trial >= 1 && trial <= UINT32_MAX && attempt >= 1 && attempt <= 1e6 && epoch >= 1 &&
              epoch <= 1e9))
            continue;
        struct study *s = study[0] ? studies_find(&r->studies, study) : NULL;
        if ((s && s->def.keep.at_worker) || unreadables_find(&r->studies.unreadable, study))
            continue;
        /* Its REPORT may not have come yet: it is the newest attempt, still this process's own (what a killed one had to
         * say is lost), and nothing is known of this epoch. */
        struct trial *t = s ? study_trial(s, (uint32_t)trial) : NULL;
        bool current = t && strcmp(t->token, token) == 0 && is_among(hello->held, token);
        struct arrival *a = arrival_find(&r->checkpoints, token, (int)epoch);
        if (a)
            a->worker = w->id; /* of a process that was killed, perhaps: its successor has the file now */
        if (a || (current && (int)epoch > t->last_epoch))
            continue;
        struct claim claim = {study, (uint64_t)trial, (uint64_t)attempt, token};
        arrival_say_drop(turn, w->peer, &claim, (int)epoch);
    }
    for (size_t i = 0; i < r->checkpoints.arrival_count; i++)
        if (r->checkpoints.arrivals[i].worker == w->id && r->checkpoints.arrivals[i].state == ARRIVAL_MOVES)
            r->checkpoints.arrivals[i].state = ARRIVAL_WAITS; /* from where it is, over the new connection */
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
    struct arrival *a = here ? NULL : arrival_find(c, row->token, checkpoint->epoch);
    struct worker *w = roster_by_id(&d->reactor->roster, a ? a->worker : row->worker);
    struct claim claim = {row->study, row->number, (uint64_t)checkpoint->attempt, row->token};
    if (!here && w && w->peer)
        arrival_say_drop(d->turn, w->peer, &claim, checkpoint->epoch);
    GROW(c->dooms, c->doom_room, c->doom_count + 1);
    c->dooms[c->doom_count++] = (struct doom){checkpoint->trial, checkpoint->attempt, checkpoint->epoch};
    char own[128]; /* of an offer: what had arrived of it */
    snprintf(own, sizeof own, "%s/t%05u/a%d/e%d.ckpt", row->study, row->number, checkpoint->attempt,
             checkpoint->epoch);
    porter_post(c->porter, chore_new(CHORE_DELETE, ++c->tag, here ? checkpoint->path : own));
    if (a)
        arrival_forget(d->reactor, a);
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
    if (chore->kind == CHORE_DELETE)
        on_deleted(r, turn, chore);
    else if (chore->kind == CHORE_READ)
        reading_take_back(&r->checkpoints, turn, chore);
    else
        arrival_take_back(r, turn, chore);
}

int64_t checkpoints_tick(struct reactor *r, struct turn *turn)
{
    struct checkpoints *c = &r->checkpoints;
    if (!c->porter)
        return INT64_MAX;
    for (struct chore *chore; (chore = porter_take(c->porter)) != NULL; chore_free(chore))
        take_back(r, turn, chore);
    arrivals_look_after(r, turn);
    arrivals_begin_next(r, turn);
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
        const struct worker *w = roster_by_id(&r->roster, r->checkpoints.arrivals[i].worker);
        if (w && w->peer)
            return true;
    }
    return false;
}
