/* Checkpoints that travel between simulated workers: bytes that are known beforehand, so each that arrives is looked at. */
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/check.h"
#include "common/mem.h"
#include "master/rehearsal_cast.h"

enum { PIECE = 100000 };

/* The checkpoint after an epoch: some hundred thousand bytes that follow from trial and epoch, like its numbers. */
static int64_t checkpoint_bytes(uint32_t trial, int epoch)
{
    return 150000 + 1000 * (int64_t)trial + epoch;
}

static void checkpoint_fill(uint32_t trial, int epoch, int64_t offset, unsigned char *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)((offset + (int64_t)i) * 31 + trial * 7 + (uint32_t)epoch);
}

static void checkpoint_hash(uint32_t trial, int epoch, char hex[HASH_HEX])
{
    size_t len = (size_t)checkpoint_bytes(trial, epoch);
    unsigned char *bytes = xmalloc(len);
    checkpoint_fill(trial, epoch, 0, bytes, len);
    hash_bytes(bytes, len, hex);
    free(bytes);
}

static struct running *find_offer(struct actor *a, const char *token, int epoch)
{
    for (size_t i = 0; i < a->offer_count; i++)
        if (a->offers[i].epoch == epoch && strcmp(a->offers[i].token, token) == 0)
            return &a->offers[i];
    return NULL;
}

int64_t actor_offer(struct actor *a, const struct running *run, char hash[HASH_HEX])
{
    GROW(a->offers, a->offer_room, a->offer_count + 1);
    a->offers[a->offer_count] = *run;
    a->offers[a->offer_count++].params = NULL;
    checkpoint_hash(run->trial, run->epoch, hash);
    return checkpoint_bytes(run->trial, run->epoch);
}

void actor_want(struct rehearsal *r, struct actor *a, const struct running *run)
{
    struct msg msg = {.kind = MSG_want};
    int64_t left = run->to_fetch - run->fetched;
    str_copy(msg.want.study, sizeof msg.want.study, run->study);
    str_copy(msg.want.token, sizeof msg.want.token, run->token);
    msg.want.trial = run->trial;
    msg.want.attempt = (uint64_t)run->attempt;
    msg.want.epoch = (uint64_t)run->epoch;
    msg.want.offset = (uint64_t)run->fetched;
    msg.want.bytes = (uint64_t)(left < PIECE ? left : PIECE);
    actor_say(r, a, &msg);
}

void actor_on_want(struct rehearsal *r, struct actor *a, const struct msg_want *want)
{
    const struct running *run = find_offer(a, want->token, (int)want->epoch);
    struct msg msg = {.kind = MSG_chunk};
    memcpy(msg.chunk.study, want->study, sizeof msg.chunk.study);
    memcpy(msg.chunk.token, want->token, sizeof msg.chunk.token);
    msg.chunk.trial = want->trial;
    msg.chunk.attempt = want->attempt;
    msg.chunk.epoch = want->epoch;
    int64_t end = (int64_t)(want->offset + want->bytes);
    for (int64_t at = (int64_t)want->offset; run && at < end; at += PIECE) {
        unsigned char piece[PIECE];
        size_t len = (size_t)(end - at < PIECE ? end - at : PIECE);
        struct str text = {0};
        checkpoint_fill(run->trial, run->epoch, at, piece, len);
        base64_add(&text, piece, len);
        msg.chunk.offset = (uint64_t)at;
        msg.chunk.data = json_new_text(str_text(&text));
        actor_say(r, a, &msg);
        msg_fini(&msg);
        str_fini(&text);
    }
    if (!run)
        actor_say(r, a, &msg);
}

/* A piece that is not what the worker before saved would be a broken promise. */
void actor_on_chunk(struct rehearsal *r, struct actor *a, const struct msg_chunk *chunk)
{
    struct running *run = actor_running(a, chunk->token);
    unsigned char piece[2 * PIECE], expected[2 * PIECE];
    if (!run || run->fetched >= run->to_fetch || (int64_t)chunk->offset != run->fetched)
        return;
    long len = base64_read(json_text(chunk->data), piece, sizeof piece);
    if (len <= 0) { /* it cannot be had: from the start, then */
        run->to_fetch = run->epoch = 0;
        run->next_epoch_ms = r->now_ms + r->options.epoch_ms;
        return;
    }
    checkpoint_fill(run->saved_by, run->epoch, run->fetched, expected, (size_t)len);
    PRE(memcmp(piece, expected, (size_t)len) == 0);
    run->fetched += len;
    r->fetched += len;
    if (run->fetched < run->to_fetch)
        actor_want(r, a, run);
    else
        run->next_epoch_ms = r->now_ms + r->options.epoch_ms;
}

void actor_on_drop(struct actor *a, const struct msg_drop *drop)
{
    struct running *run = find_offer(a, drop->token, (int)drop->epoch);
    if (run)
        *run = a->offers[--a->offer_count];
}
