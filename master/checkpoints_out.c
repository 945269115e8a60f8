/* Checkpoints on their way to workers that resume from them and do not see the master's folder. */
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/log.h"
#include "common/mem.h"
#include "master/checkpoints_parts.h"
#include "sql/store_load.h"

enum { READS_MAX = 64 };

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
    struct study *s = studies_find(&r->studies, want->study);
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

void reading_take_back(struct checkpoints *c, struct turn *turn, const struct chore *chore)
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
