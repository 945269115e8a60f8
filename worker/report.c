#include "worker/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"

/* One message in the file is this and then its body. */
struct spool_head {
    uint64_t seq;
    uint32_t kind, len;
};

void report_init(struct report_queue *queue, size_t bytes_max, const char *spool_dir)
{
    *queue = (struct report_queue){.bytes_max = bytes_max, .spool_fd = -1};
    queue->spool_dir = spool_dir ? xstrdup(spool_dir) : NULL;
}

/* ---- in memory ---- */

static void pop_front(struct report_queue *queue)
{
    struct report_item *item = &queue->items[queue->first];
    queue->bytes -= item->body.len;
    str_fini(&item->body);
    queue->first++;
    queue->count--;
    if (!queue->count)
        queue->first = 0;
}

/* The row moves to the front once its free part is the larger one: each item moves once on average. */
static void push_back(struct report_queue *queue, uint64_t seq, enum msg_kind kind, struct str *body)
{
    if (queue->first > queue->count) {
        memmove(queue->items, queue->items + queue->first, queue->count * sizeof *queue->items);
        queue->first = 0;
    }
    GROW(queue->items, queue->room, queue->first + queue->count + 1);
    queue->items[queue->first + queue->count++] = (struct report_item){seq, kind, *body};
    queue->bytes += body->len;
    *body = (struct str){0};
}

static bool has_room(const struct report_queue *queue, size_t len)
{
    return queue->count == 0 || queue->bytes + len <= queue->bytes_max;
}

/* ---- on disk ---- */

static void spool_close(struct report_queue *queue)
{
    if (queue->spool_fd >= 0)
        close(queue->spool_fd);
    queue->spool_fd = -1;
    queue->spooled = 0;
    queue->spool_at = queue->spool_end = 0;
}

static int spool_open(struct report_queue *queue, struct err *err)
{
    if (queue->spool_fd >= 0)
        return 0;
    if (dir_make(queue->spool_dir, err))
        return ERR_IO;
    char *path = xasprintf("%s/spool.%ld", queue->spool_dir, (long)getpid());
    queue->spool_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = queue->spool_fd < 0 ? err_errno(err, "%s: cannot create", path) : 0;
    if (!rc)
        unlink(path);
    free(path);
    return rc;
}

static bool write_at(int fd, const void *bytes, size_t len, int64_t at)
{
    const char *from = bytes;
    while (len) {
        ssize_t put = pwrite(fd, from, len, at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        from += put;
        at += put;
        len -= (size_t)put;
    }
    return true;
}

static bool read_at(int fd, void *bytes, size_t len, int64_t at)
{
    char *to = bytes;
    while (len) {
        ssize_t got = pread(fd, to, len, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

/* A message that does not fit whole leaves the end where it was: the next one overwrites what there is of it.
 */
static int spool_push(struct report_queue *queue, uint64_t seq, enum msg_kind kind, const struct str *body,
                      struct err *err)
{
    struct spool_head head = {seq, (uint32_t)kind, (uint32_t)body->len};
    if (spool_open(queue, err))
        return ERR_IO;
    if (!write_at(queue->spool_fd, &head, sizeof head, queue->spool_end) ||
        !write_at(queue->spool_fd, body->text, body->len, queue->spool_end + (int64_t)sizeof head))
        return err_errno(err, "%s: cannot write reports", queue->spool_dir);
    queue->spool_end += (int64_t)(sizeof head + body->len);
    queue->spooled++;
    return 0;
}

/* The oldest message of the file goes to memory. A file that we wrote and cannot read is a broken disk; what
 * it held is lost, and the attempts will be run again when their leases end. */
static bool spool_pop(struct report_queue *queue)
{
    struct spool_head head;
    struct str body = {0};
    char *bytes = NULL;
    bool fine = read_at(queue->spool_fd, &head, sizeof head, queue->spool_at) && head.len <= MSG_MAX_BYTES;
    if (fine) {
        bytes = xmalloc(head.len + 1);
        fine = read_at(queue->spool_fd, bytes, head.len, queue->spool_at + (int64_t)sizeof head);
    }
    if (fine) {
        str_addn(&body, bytes, head.len);
        push_back(queue, head.seq, (enum msg_kind)head.kind, &body);
        queue->spool_at += (int64_t)(sizeof head + head.len);
        queue->spooled--;
    } else {
        log_error("%s: cannot read %llu reports back: they are lost", queue->spool_dir,
                  (unsigned long long)queue->spooled);
    }
    free(bytes);
    if (!fine || !queue->spooled)
        spool_close(queue);
    return fine;
}

static void refill(struct report_queue *queue)
{
    while (queue->spooled && queue->bytes < queue->bytes_max / 2)
        if (!spool_pop(queue))
            return;
}

/* ---- the queue ---- */

static void keep(struct report_queue *queue, uint64_t seq, enum msg_kind kind, struct str *body)
{
    struct err why = ERR_NONE;
    bool in_memory = !queue->spooled && has_room(queue, body->len);
    if (!in_memory && queue->spool_dir && !spool_push(queue, seq, kind, body, &why)) {
        str_fini(body);
        return;
    }
    if (!in_memory && queue->spool_dir) {
        log_warn("%s; reports are kept in memory", why.text);
        while (queue->spooled && spool_pop(queue))
            ;
        free(queue->spool_dir);
        queue->spool_dir = NULL;
    }
    push_back(queue, seq, kind, body);
}

uint64_t report_add(struct report_queue *queue, struct msg *msg)
{
    struct str head = {0}, body = {0};
    PRE(msg->kind == MSG_report || msg->kind == MSG_done);
    uint64_t seq = ++queue->last;
    *(msg->kind == MSG_report ? &msg->report.seq : &msg->done.seq) = seq;
    msg_encode(msg, &head, &body);
    str_fini(&head);
    keep(queue, seq, msg->kind, &body);
    return seq;
}

/* As outbox_add, for a message that is encoded already. */
static void outbox_put(struct outbox *outbox, peer_id to, const struct report_item *report)
{
    struct outbox_item *item = outbox_next(outbox, to, report->kind);
    str_addf(&item->head, "%s %s", HONE_WIRE_VERSION, msg_name(report->kind));
    str_addn(&item->body, report->body.text, report->body.len);
}

void report_send(struct report_queue *queue, struct outbox *outbox, peer_id to)
{
    if (!queue->count || queue->sent >= queue->last)
        return;
    /* Numbers count up by one from the first: the place of the next one to go is known. */
    uint64_t oldest = queue->items[queue->first].seq;
    size_t at = queue->sent < oldest ? 0 : (size_t)(queue->sent + 1 - oldest);
    for (; at < queue->count && at < REPORT_WINDOW; at++) {
        const struct report_item *item = &queue->items[queue->first + at];
        outbox_put(outbox, to, item);
        queue->sent = item->seq;
    }
    if (queue->sent > queue->farthest)
        queue->farthest = queue->sent;
}

/* One line: what the wire carried. Flushed, so that a kill takes none of it. */
static void write_journal(FILE *journal, const struct report_item *item)
{
    if (!journal || item->kind != MSG_report)
        return;
    fprintf(journal, "%s\n", str_text(&item->body));
    fflush(journal);
}

bool report_ack(struct report_queue *queue, uint64_t seq)
{
    if (seq > queue->farthest)
        return false;
    while (queue->count && queue->items[queue->first].seq <= seq) {
        write_journal(queue->journal, &queue->items[queue->first]);
        pop_front(queue);
        refill(queue);
    }
    if (seq > queue->acked)
        queue->acked = seq;
    return true;
}

void report_rewind(struct report_queue *queue)
{
    queue->sent = queue->acked;
}

void report_drop(struct report_queue *queue)
{
    while (queue->count)
        pop_front(queue);
    spool_close(queue);
    queue->acked = queue->sent = queue->last;
}

uint64_t report_waiting(const struct report_queue *queue)
{
    return queue->count + queue->spooled;
}

void report_fini(struct report_queue *queue)
{
    report_drop(queue);
    free(queue->items);
    free(queue->spool_dir);
    *queue = (struct report_queue){.spool_fd = -1};
}
