#include "master/proposer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/check.h"
#include "common/mem.h"

enum op_kind { OP_OPEN, OP_CLOSE, OP_ADD, OP_UPDATE, OP_UNTIL, OP_BOX, OP_ASK, OP_END };

/* One thing said to the thread; owns its point, fit and box until they are applied. */
struct op {
    struct op *next;
    enum op_kind kind;
    int64_t study;
    const struct search_def *def;
    const struct space *space;
    uint64_t seed, seq;
    uint32_t trial, group;
    struct point point;
    double *fit;
    int fit_count;
    struct history_step step;
    double more[HISTORY_MORE];
    int stage, carried;
    struct box box;
};

/* The thread's own picture of a study. */
struct mirror {
    struct mirror *next;
    int64_t study;
    const struct space *space;
    struct sampler *sampler;
    struct history history;
};

struct answer {
    struct answer *next;
    int64_t study;
    struct proposed proposed;
};

struct proposer {
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows, down to `closed` */
    pthread_cond_t said, closed;
    struct op *first, **last;
    struct answer *answers;
    int64_t closed_study; /* newest OP_CLOSE that is done */
    int fd;
    struct mirror *mirrors; /* the thread's alone */
};

/* ---- saying ---- */

static void say(struct proposer *p, struct op *op)
{
    pthread_mutex_lock(&p->lock);
    *p->last = op;
    p->last = &op->next;
    pthread_cond_signal(&p->said);
    pthread_mutex_unlock(&p->lock);
}

static struct op *new_op(enum op_kind kind, int64_t study)
{
    struct op *op = xcalloc(1, sizeof *op);
    op->kind = kind;
    op->study = study;
    return op;
}

void proposer_added(struct proposer *p, int64_t study, const struct entry *entry)
{
    struct op *op = new_op(OP_ADD, study);
    op->trial = entry->trial;
    op->group = entry->group;
    op->seq = entry->added;
    op->fit_count = entry->fit_count;
    point_clone(&op->point, &entry->point);
    if (entry->fit_count) {
        op->fit = xcalloc((size_t)entry->fit_count, sizeof *op->fit);
        memcpy(op->fit, entry->fit, (size_t)entry->fit_count * sizeof *op->fit);
    }
    say(p, op);
}

static void say_step(struct proposer *p, enum op_kind kind, int64_t study, const struct entry *entry,
                     const struct history_step *step)
{
    struct op *op = new_op(kind, study);
    op->trial = entry->trial;
    op->step = *step;
    memcpy(op->more, entry->more, sizeof op->more);
    say(p, op);
}

void proposer_updated(struct proposer *p, int64_t study, const struct entry *entry)
{
    say_step(p, OP_UPDATE, study, entry, &entry->log[entry->log_count - 1]);
}

void proposer_until(struct proposer *p, int64_t study, const struct entry *entry)
{
    say_step(p, OP_UNTIL, study, entry, &entry->log[entry->log_count - 1]);
}

void proposer_boxed(struct proposer *p, int64_t study, const struct space *space,
                    const struct history_box *box)
{
    struct op *op = new_op(OP_BOX, study);
    op->stage = box->stage;
    op->carried = box->carried;
    op->seq = box->seq;
    box_clone(&op->box, &box->box, space);
    say(p, op);
}

void proposer_open(struct proposer *p, int64_t study, const struct search_def *def, const struct space *space,
                   uint64_t seed, const struct history *history)
{
    struct op *op = new_op(OP_OPEN, study);
    op->def = def;
    op->space = space;
    op->seed = seed;
    say(p, op);
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        proposer_added(p, study, e);
        int until = 0;
        for (size_t k = 0; k < e->log_count; k++) {
            say_step(p, e->log[k].until != until ? OP_UNTIL : OP_UPDATE, study, e, &e->log[k]);
            until = e->log[k].until;
        }
    }
    for (size_t i = 0; i < history->box_count; i++)
        proposer_boxed(p, study, space, &history->boxes[i]);
}

void proposer_ask(struct proposer *p, int64_t study, uint32_t trial)
{
    struct op *op = new_op(OP_ASK, study);
    op->trial = trial;
    say(p, op);
}

/* ---- the thread ---- */

static struct mirror *mirror_of(struct proposer *p, int64_t study)
{
    struct mirror *m = p->mirrors;
    while (m && m->study != study)
        m = m->next;
    return m;
}

static void open_mirror(struct proposer *p, const struct op *op)
{
    struct mirror *m = xcalloc(1, sizeof *m);
    m->study = op->study;
    m->space = op->space;
    m->history.is_lean = true;
    m->sampler = sampler_new(op->def, op->space, op->seed, NULL);
    POST(m->sampler); /* the study has one of the same definition */
    m->next = p->mirrors;
    p->mirrors = m;
}

static void free_mirror(struct mirror *m)
{
    sampler_free(m->sampler);
    history_fini(&m->history);
    free(m);
}

static void close_mirror(struct proposer *p, int64_t study)
{
    for (struct mirror **at = &p->mirrors; *at; at = &(*at)->next) {
        struct mirror *m = *at;
        if (m->study != study)
            continue;
        *at = m->next;
        free_mirror(m);
        break;
    }
    pthread_mutex_lock(&p->lock);
    p->closed_study = study;
    pthread_cond_signal(&p->closed);
    pthread_mutex_unlock(&p->lock);
}

static void answer(struct proposer *p, struct mirror *m, uint32_t trial)
{
    struct answer *a = xcalloc(1, sizeof *a);
    struct proposed *out = &a->proposed;
    a->study = m->study;
    out->trial = trial;
    point_init(&out->point, m->space);
    out->rc = sampler_propose(m->sampler, &m->history, trial, &out->point, &out->note, &out->err);
    pthread_mutex_lock(&p->lock);
    a->next = p->answers;
    p->answers = a;
    pthread_mutex_unlock(&p->lock);
    uint64_t one = 1;
    POST(write(p->fd, &one, sizeof one) == sizeof one);
}

static void apply(struct proposer *p, struct op *op)
{
    struct mirror *m = mirror_of(p, op->study);
    switch (op->kind) {
    case OP_OPEN: open_mirror(p, op); break;
    case OP_CLOSE: close_mirror(p, op->study); break;
    case OP_ADD:
        history_add(&m->history, op->trial, op->group, &op->point, op->fit, op->fit_count, op->seq);
        break;
    case OP_UPDATE:
        history_update(&m->history, op->trial, op->step.state, op->step.pruned, op->step.epochs,
                       op->step.score, op->step.seq);
        history_set_more(&m->history, op->trial, op->more);
        break;
    case OP_UNTIL: history_set_until(&m->history, op->trial, op->step.until, op->step.seq); break;
    case OP_BOX: history_set_box(&m->history, m->space, &op->box, op->stage, op->carried, op->seq); break;
    case OP_ASK: answer(p, m, op->trial); break;
    case OP_END: break;
    }
}

static void free_op(struct op *op)
{
    point_fini(&op->point);
    free(op->fit);
    if (op->kind == OP_BOX)
        box_fini(&op->box);
    free(op);
}

static void *run(void *arg)
{
    struct proposer *p = arg;
    for (bool over = false; !over;) {
        pthread_mutex_lock(&p->lock);
        while (!p->first)
            pthread_cond_wait(&p->said, &p->lock);
        struct op *op = p->first;
        p->first = op->next;
        if (!p->first)
            p->last = &p->first;
        pthread_mutex_unlock(&p->lock);
        over = op->kind == OP_END;
        apply(p, op);
        free_op(op);
    }
    return NULL;
}

/* ---- opening, closing, taking ---- */

struct proposer *proposer_new(void)
{
    struct proposer *p = xcalloc(1, sizeof *p);
    p->last = &p->first;
    p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    POST(p->fd >= 0);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->said, NULL);
    pthread_cond_init(&p->closed, NULL);
    POST(pthread_create(&p->thread, NULL, run, p) == 0);
    return p;
}

static void drop_answers(struct proposer *p, int64_t study)
{
    struct proposed left;
    while (proposer_take(p, study, &left))
        point_fini(&left.point);
}

void proposer_close(struct proposer *p, int64_t study)
{
    say(p, new_op(OP_CLOSE, study));
    pthread_mutex_lock(&p->lock);
    while (p->closed_study != study)
        pthread_cond_wait(&p->closed, &p->lock);
    p->closed_study = 0;
    pthread_mutex_unlock(&p->lock);
    drop_answers(p, study);
}

void proposer_free(struct proposer *p)
{
    if (!p)
        return;
    say(p, new_op(OP_END, 0));
    pthread_join(p->thread, NULL);
    while (p->mirrors) {
        struct mirror *m = p->mirrors;
        p->mirrors = m->next;
        free_mirror(m);
    }
    while (p->answers)
        drop_answers(p, p->answers->study);
    close(p->fd);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->said);
    pthread_cond_destroy(&p->closed);
    free(p);
}

int proposer_fd(const struct proposer *p)
{
    return p->fd;
}

void proposer_calm(struct proposer *p)
{
    uint64_t count;
    while (read(p->fd, &count, sizeof count) > 0)
        ;
}

bool proposer_take(struct proposer *p, int64_t study, struct proposed *out)
{
    pthread_mutex_lock(&p->lock);
    struct answer **at = &p->answers;
    while (*at && (*at)->study != study)
        at = &(*at)->next;
    struct answer *found = *at;
    if (found)
        *at = found->next;
    pthread_mutex_unlock(&p->lock);
    if (!found)
        return false;
    *out = found->proposed;
    free(found);
    return true;
}
