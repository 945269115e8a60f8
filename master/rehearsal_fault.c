/* What goes wrong in a rehearsal: connections are cut, processes are killed or stopped, clocks jump. */
#include <stdio.h>

#include "master/rehearsal_cast.h"

void rehearsal_cut(struct rehearsal *r, struct actor *a, int64_t for_ms)
{
    if (a->peer)
        rehearsal_disconnect(r, a->peer);
    a->peer = 0;
    a->welcomed = false;
    a->back_ms = r->now_ms + for_ms;
}

/* All are given up and nobody is there to begin their trials anew, until they come back one by one. */
static void cut_all(struct rehearsal *r)
{
    for (size_t i = 0; i < r->actor_count; i++)
        rehearsal_cut(r, &r->actors[i],
                      r->options.lease_ms + rng_below(&r->rng, (uint32_t)(2 * r->options.lease_ms)));
}

void rehearsal_kill(struct rehearsal *r, struct actor *a)
{
    rehearsal_cut(r, a, 1000);
    a->asleep_ms = 0;
    while (a->running_count)
        actor_forget(a, 0);
    for (size_t i = 0; i < a->kept_count; i++)
        msg_fini(&a->kept[i].msg);
    a->kept_count = a->offer_count = 0;
    a->seq = 0;
    a->dismissed = false;
    snprintf(a->uuid, sizeof a->uuid, "%016llx%016llx", (unsigned long long)rng_u64(&r->rng),
             (unsigned long long)rng_u64(&r->rng));
}

enum { DAY_MS = 86400000 };

void rehearsal_faults(struct rehearsal *r, int64_t passed_ms)
{
    double seconds = (double)passed_ms / 1000;
    for (size_t i = 0; i < r->actor_count; i++) {
        struct actor *a = &r->actors[i];
        if (rehearsal_chance(r, r->options.kill_worker * seconds))
            rehearsal_kill(r, a);
        else if (rehearsal_chance(r, r->options.cut_worker * seconds))
            rehearsal_cut(r, a, rng_below(&r->rng, (uint32_t)(3 * r->options.lease_ms)));
        else if (rehearsal_chance(r, r->options.stop_worker * seconds))
            a->asleep_ms = r->now_ms + rng_below(&r->rng, (uint32_t)(3 * r->options.lease_ms));
    }
    if (rehearsal_chance(r, r->options.cut_all * seconds))
        cut_all(r);
    if (rehearsal_chance(r, r->options.stop_master * seconds))
        r->master_asleep_ms = r->now_ms + rng_below(&r->rng, (uint32_t)(3 * r->options.lease_ms));
    if (rehearsal_chance(r, r->options.jump_clock * seconds))
        r->wall_offset_ms += (int64_t)rng_below(&r->rng, 2 * DAY_MS) - DAY_MS;
}
