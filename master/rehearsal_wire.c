/* The wire of a rehearsal: ordered connections, messages that take their time. */
#include <string.h>

#include "common/mem.h"
#include "master/rehearsal_cast.h"

bool rehearsal_chance(struct rehearsal *r, double p)
{
    return p > 0 && rng_unit(&r->rng) < p;
}

/* ---- the wire ---- */

void rehearsal_fly(struct rehearsal *r, bool to_master, peer_id peer, const struct msg *msg)
{
    GROW(r->flights, r->flight_room, r->flight_count + 1);
    struct flight *f = &r->flights[r->flight_count++];
    *f = (struct flight){.due_ms = r->now_ms + 1, .order = r->order++, .to_master = to_master, .peer = peer};
    if (rehearsal_chance(r, r->options.late))
        f->due_ms += rng_below(&r->rng, 500);
    for (size_t i = 0; i + 1 < r->flight_count; i++) {
        const struct flight *before = &r->flights[i];
        if (before->to_master == to_master && before->peer == peer && before->due_ms > f->due_ms)
            f->due_ms = before->due_ms;
    }
    msg_encode(msg, &f->head, &f->body);
}

void rehearsal_land(struct flight *f)
{
    str_fini(&f->head);
    str_fini(&f->body);
}

void rehearsal_disconnect(struct rehearsal *r, peer_id peer)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->flight_count; i++) {
        if (r->flights[i].peer == peer)
            rehearsal_land(&r->flights[i]);
        else
            r->flights[kept++] = r->flights[i];
    }
    r->flight_count = kept;
}

struct actor *rehearsal_actor(struct rehearsal *r, peer_id peer)
{
    for (size_t i = 0; i < r->actor_count; i++)
        if (r->actors[i].peer == peer)
            return &r->actors[i];
    return NULL;
}

void actor_say(struct rehearsal *r, struct actor *a, const struct msg *msg)
{
    a->spoke_ms = r->now_ms;
    if (a->peer)
        rehearsal_fly(r, true, a->peer, msg);
}

struct running *actor_running(struct actor *a, const char *token)
{
    for (size_t i = 0; i < a->running_count; i++)
        if (strcmp(a->running[i].token, token) == 0)
            return &a->running[i];
    return NULL;
}
