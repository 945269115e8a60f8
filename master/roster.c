#include "master/roster.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"

void roster_fini(struct roster *roster)
{
    for (size_t i = 0; i < roster->count; i++) {
        free(roster->workers[i]->held);
        free(roster->workers[i]->smokes);
        free(roster->workers[i]);
    }
    free(roster->workers);
    free(roster->by_peer);
    *roster = (struct roster){0};
}

/* Routing ids count up from a random start: the low bits alone spread well. */
static size_t place_of(const struct roster *roster, peer_id peer)
{
    size_t i = (size_t)(peer * 2654435761u) & (roster->table_size - 1);
    while (roster->by_peer[i].peer && roster->by_peer[i].peer != peer)
        i = (i + 1) & (roster->table_size - 1);
    return i;
}

static void rebuild_table(struct roster *roster)
{
    size_t size = 64;
    while (size < roster->count * 4)
        size *= 2;
    free(roster->by_peer);
    roster->by_peer = xcalloc(size, sizeof *roster->by_peer);
    roster->table_size = size;
    roster->table_used = 0;
    for (size_t i = 0; i < roster->count; i++) {
        struct worker *w = roster->workers[i];
        if (!w->peer)
            continue;
        roster->by_peer[place_of(roster, w->peer)] = (struct roster_slot){w->peer, w};
        roster->table_used++;
    }
}

struct worker *roster_by_peer(const struct roster *roster, peer_id peer)
{
    if (!roster->table_size || !peer)
        return NULL;
    return roster->by_peer[place_of(roster, peer)].worker;
}

struct worker *roster_by_id(const struct roster *roster, int64_t id)
{
    for (size_t i = 0; i < roster->count; i++)
        if (roster->workers[i]->id == id)
            return roster->workers[i];
    return NULL;
}

struct worker *roster_by_uuid(const struct roster *roster, const char *uuid)
{
    for (size_t i = 0; i < roster->count; i++)
        if (strcmp(roster->workers[i]->uuid, uuid) == 0)
            return roster->workers[i];
    return NULL;
}

struct worker *roster_add(struct roster *roster, const char *uuid)
{
    struct worker *w = xcalloc(1, sizeof *w);
    str_copy(w->uuid, sizeof w->uuid, uuid);
    GROW(roster->workers, roster->room, roster->count + 1);
    roster->workers[roster->count++] = w;
    return w;
}

void roster_connect(struct roster *roster, struct worker *w, peer_id peer)
{
    struct worker *other = roster_by_peer(roster, peer);
    if (other && other != w)
        roster_disconnect(roster, other);
    w->peer = peer;
    w->credit = w->sent = 0;
    rebuild_table(roster);
}

void roster_disconnect(struct roster *roster, struct worker *w)
{
    w->peer = 0;
    w->credit = w->sent = 0;
    rebuild_table(roster);
}

void roster_remove(struct roster *roster, struct worker *w)
{
    PRE(w->held_count == 0);
    size_t i = 0;
    while (i < roster->count && roster->workers[i] != w)
        i++;
    PRE(i < roster->count);
    roster->workers[i] = roster->workers[--roster->count];
    free(w->held);
    free(w->smokes);
    free(w);
    rebuild_table(roster);
}

void worker_hold(struct worker *w, struct trial *t)
{
    PRE(!t->holder);
    GROW(w->held, w->held_room, w->held_count + 1);
    w->held[w->held_count++] = t;
    t->holder = w;
}

void worker_release(struct trial *t)
{
    struct worker *w = t->holder;
    if (!w)
        return;
    t->holder = NULL;
    for (size_t i = 0; i < w->held_count; i++) {
        if (w->held[i] == t) {
            w->held[i] = w->held[--w->held_count];
            return;
        }
    }
    UNREACHABLE();
}

bool worker_wants_job(const struct worker *w, int64_t now_mono_ms)
{
    bool takes = w->mode == WORKER_OPEN || (w->mode == WORKER_QUARANTINED && !w->held_count);
    return takes && w->peer && w->sent < w->credit && w->rest_until_mono_ms <= now_mono_ms;
}

void worker_rest(struct worker *w, int64_t now_mono_ms)
{
    enum { REST_MS = 250, DOUBLINGS = 7 }; /* a quarter of a second to half a minute */
    int doublings = w->refusals < DOUBLINGS ? w->refusals : DOUBLINGS;
    w->rest_until_mono_ms = now_mono_ms + ((int64_t)REST_MS << doublings);
    w->refusals++;
}
