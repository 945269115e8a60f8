#include "worker/transit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/file.h"
#include "common/mem.h"
#include "worker/note.h"

enum { TOLD_MAX = 4096 }; /* bound of HELLO.offers */

/* ---- offers ---- */

void transit_init(struct transit *transit, const char *scratch, const char *uuid)
{
    *transit = (struct transit){.scratch = scratch, .lock_fd = -1};
    str_copy(transit->uuid, sizeof transit->uuid, uuid);
}

static struct offer *find(const struct transit *transit, const char *token, uint64_t epoch)
{
    for (size_t i = 0; i < transit->count; i++)
        if (transit->offers[i].epoch == epoch && strcmp(transit->offers[i].token, token) == 0)
            return &transit->offers[i];
    return NULL;
}

void transit_add(struct transit *transit, const struct offer *offer)
{
    GROW(transit->offers, transit->room, transit->count + 1);
    transit->offers[transit->count++] = *offer;
}

void transit_offer(struct transit *transit, const struct msg_report *report)
{
    const char *path = json_text(json_get(report->checkpoint, "path"));
    if (path[0] != '/')
        return;
    struct offer offer = {.trial = report->trial, .attempt = report->attempt, .epoch = report->epoch};
    memcpy(offer.study, report->study, sizeof offer.study);
    memcpy(offer.token, report->token, sizeof offer.token);
    offer.path = xstrdup(path);
    transit_add(transit, &offer);
    note_write(transit, &offer);
}

static void forget(struct transit *transit, struct offer *offer)
{
    struct offer last = transit->offers[--transit->count];
    free(offer->path);
    *offer = last;
}

void transit_drop(struct transit *transit, const char *token, uint64_t epoch)
{
    struct offer *offer = find(transit, token, epoch);
    if (!offer)
        return;
    unlink(offer->path);
    note_delete(offer);
    forget(transit, offer);
}

void transit_forget(struct transit *transit)
{
    for (size_t i = 0; i < transit->count; i++)
        free(transit->offers[i].path);
    transit->count = 0;
}

void transit_fini(struct transit *transit)
{
    transit_forget(transit);
    free(transit->offers);
    if (transit->lock_fd >= 0)
        close(transit->lock_fd);
    *transit = (struct transit){.lock_fd = -1};
}

struct json *transit_tell(const struct transit *transit)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_array(&w, NULL);
    for (size_t i = 0; i < transit->count && i < TOLD_MAX; i++) {
        const struct offer *offer = &transit->offers[i];
        jw_object(&w, NULL);
        offer_write(offer, &w);
        jw_close_object(&w);
    }
    jw_close_array(&w);
    struct json *tree = transit->count ? json_parse(str_text(&text), text.len, "offers", NULL) : NULL;
    str_fini(&text);
    return tree;
}

/* ---- sending ---- */

static ssize_t read_piece(const char *path, uint64_t offset, void *out, size_t len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -1;
    ssize_t got;
    do
        got = pread(fd, out, len, (off_t)offset);
    while (got < 0 && errno == EINTR);
    close(fd);
    return got;
}

bool transit_send(struct transit *transit, const struct msg_want *want, struct outbox *outbox, peer_id to)
{
    struct msg msg = {.kind = MSG_chunk};
    const struct offer *offer = find(transit, want->token, want->epoch);
    char *piece = offer ? xmalloc(CHUNK_BYTES) : NULL;
    uint64_t at = want->offset, end = want->offset + want->bytes;
    bool any = false;
    memcpy(msg.chunk.study, want->study, sizeof msg.chunk.study);
    memcpy(msg.chunk.token, want->token, sizeof msg.chunk.token);
    msg.chunk.trial = want->trial;
    msg.chunk.attempt = want->attempt;
    msg.chunk.epoch = want->epoch;
    while (offer && at < end) {
        ssize_t got = read_piece(offer->path, at, piece, end - at < CHUNK_BYTES ? end - at : CHUNK_BYTES);
        if (got <= 0)
            break;
        struct str text = {0};
        base64_add(&text, piece, (size_t)got);
        msg.chunk.offset = at;
        msg.chunk.data = json_new_text(str_text(&text));
        outbox_add(outbox, to, &msg);
        msg_fini(&msg);
        str_fini(&text);
        at += (uint64_t)got;
        any = true;
    }
    free(piece);
    if (!any) {
        msg.chunk.offset = want->offset;
        outbox_add(outbox, to, &msg); /* data null */
    }
    return any;
}

/* ---- fetching ---- */

void fetch_init(struct fetch *fetch, const char *path, uint64_t epoch, uint64_t bytes, int64_t now_ms)
{
    *fetch = (struct fetch){.path = xstrdup(path), .epoch = epoch, .bytes = bytes, .heard_ms = now_ms};
}

void fetch_fini(struct fetch *fetch)
{
    if (fetch->path)
        unlink(fetch->path);
    free(fetch->path);
    *fetch = (struct fetch){0};
}

bool fetch_ask(struct fetch *fetch, struct msg_want *want)
{
    uint64_t room = fetch->have + FETCH_WINDOW - fetch->asked, left = fetch->bytes - fetch->asked;
    uint64_t bytes = room < left ? room : left;
    if (!bytes || (bytes < FETCH_WINDOW / 2 && bytes < left))
        return false;
    want->epoch = fetch->epoch;
    want->offset = fetch->asked;
    want->bytes = bytes;
    fetch->asked += bytes;
    return true;
}

void fetch_rewind(struct fetch *fetch)
{
    fetch->asked = fetch->have;
}

static int write_piece(const struct fetch *fetch, const void *bytes, size_t len, struct err *err)
{
    char *dir = path_dir(fetch->path);
    int rc = fetch->have ? 0 : dir_make(dir, err);
    free(dir);
    if (rc)
        return rc;
    int fd =
        open(fetch->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (fetch->have ? 0 : O_TRUNC), 0666);
    if (fd < 0)
        return err_errno(err, "%s: cannot open", fetch->path);
    ssize_t put = pwrite(fd, bytes, len, (off_t)fetch->have);
    if (put != (ssize_t)len)
        rc = err_errno(err, "%s: cannot write", fetch->path);
    close(fd);
    return rc;
}

int fetch_take(struct fetch *fetch, const struct msg_chunk *chunk, int64_t now_ms, struct err *err)
{
    if (chunk->epoch != fetch->epoch)
        return 0;
    fetch->heard_ms = now_ms;
    if (!chunk->data || json_type(chunk->data) == JSON_NULL)
        return err_set(err, ERR_GONE, "the master has no such checkpoint any more");
    if (chunk->offset != fetch->have)
        return 0; /* asked for before a break */
    char *piece = xmalloc(CHUNK_BYTES);
    long len = base64_read(json_text(chunk->data), piece, CHUNK_BYTES);
    int rc = 0;
    if (len <= 0 || fetch->have + (uint64_t)len > fetch->asked)
        rc = err_set(err, ERR_PROTO, "the master sent a piece that nobody asked for");
    else
        rc = write_piece(fetch, piece, (size_t)len, err);
    if (!rc)
        fetch->have += (uint64_t)len;
    free(piece);
    return rc ? rc : fetch->have >= fetch->bytes;
}
