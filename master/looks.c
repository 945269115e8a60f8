#include "master/looks.h"

#include <string.h>

#include "master/reactor.h"

/* Who runs the attempt, or ran it and is still here. */
static const struct worker *who_has(struct reactor *r, struct turn *turn, const struct log_asked *asked)
{
    struct study *s = studies_find(&r->studies, asked->study);
    struct trial *t = s ? study_trial(s, (uint32_t)asked->trial) : NULL;
    if (!t)
        return NULL;
    const struct worker *w =
        roster_by_id(&r->roster, store_attempt_worker(turn->store, t->id, asked->attempt));
    return w && w->peer && w->looks ? w : NULL;
}

bool looks_ask(struct reactor *r, struct turn *turn, peer_id client, uint64_t call,
               const struct log_asked *asked)
{
    struct looks *looks = &r->looks;
    const struct worker *w = looks->count < LOOKS_MAX ? who_has(r, turn, asked) : NULL;
    if (!w)
        return false;
    looks->open[looks->count++] =
        (struct look){++looks->last_id, call, client, w->peer, asked->bytes, turn->now.mono_ms + LOOK_MS};
    struct msg msg = {.kind = MSG_look};
    memcpy(msg.look.study, asked->study, sizeof msg.look.study);
    msg.look.id = looks->last_id;
    msg.look.trial = (uint64_t)asked->trial;
    msg.look.attempt = (uint64_t)asked->attempt;
    msg.look.older = asked->older;
    msg.look.back = asked->offset < 0;
    msg.look.offset = (uint64_t)(asked->offset < 0 ? -asked->offset : asked->offset);
    msg.look.bytes = (uint64_t)asked->bytes;
    outbox_add(turn->outbox, w->peer, &msg);
    return true;
}

/* seen NULL: nothing came. */
static void settle(struct looks *looks, struct turn *turn, size_t i, const struct msg_seen *seen)
{
    struct look look = looks->open[i];
    struct msg reply = {.kind = MSG_answer};
    looks->open[i] = looks->open[--looks->count];
    logs_pass_on(seen, look.bytes, look.call, &reply.answer);
    outbox_add(turn->outbox, look.client, &reply);
    msg_fini(&reply);
}

void looks_on_seen(struct reactor *r, struct turn *turn, peer_id from, const struct msg_seen *seen)
{
    for (size_t i = 0; i < r->looks.count; i++)
        if (r->looks.open[i].id == seen->id && r->looks.open[i].worker == from) {
            settle(&r->looks, turn, i, seen);
            return;
        }
}

int64_t looks_tick(struct reactor *r, struct turn *turn)
{
    int64_t next = INT64_MAX;
    for (size_t i = r->looks.count; i-- > 0;) {
        int64_t due = r->looks.open[i].due_mono_ms;
        if (due <= turn->now.mono_ms)
            settle(&r->looks, turn, i, NULL);
        else if (due < next)
            next = due;
    }
    return next;
}
