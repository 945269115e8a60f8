#include "master/porter.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/mem.h"

struct porter {
    char *root;
    bool threaded;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t posted, settled;
    int64_t under_way;
    struct chore *first, **last, *back_first, **back_last;
    bool over;
    int fd;
};

struct chore *chore_new(enum chore_kind kind, uint64_t tag, const char *path)
{
    struct chore *chore = xcalloc(1, sizeof *chore);
    chore->kind = kind;
    chore->tag = tag;
    chore->path = xstrdup(path);
    return chore;
}

void chore_free(struct chore *chore)
{
    if (!chore)
        return;
    free(chore->path);
    free(chore->data);
    free(chore);
}

/* ---- the chores ---- */

static int remove_file(const char *path, struct err *err)
{
    if (unlink(path) && errno != ENOENT && errno != ENOTDIR)
        return err_errno(err, "%s: cannot delete", path);
    return 0;
}

static int do_delete(const char *path, const char *part, struct err *err)
{
    int rc = remove_file(path, err);
    return rc ? rc : remove_file(part, err);
}

static int do_begin(struct chore *c, const char *path, const char *part, struct err *err)
{
    char *dir = path_dir(path);
    int rc = dir_make(dir, err);
    int64_t there = file_size(part);
    c->bytes = there > 0 ? there : 0;
    free(dir);
    return rc;
}

static int do_write(const struct chore *c, const char *part, struct err *err)
{
    int fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return err_errno(err, "%s: cannot open", part);
    size_t at = 0;
    while (at < c->len) {
        ssize_t put = pwrite(fd, (const char *)c->data + at, c->len - at, c->offset + (int64_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            break;
        at += (size_t)put;
    }
    int rc = at < c->len ? err_errno(err, "%s: cannot write", part) : 0;
    close(fd);
    return rc;
}

static int sync_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) ? err_errno(err, "%s: cannot sync", path) : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

/* The names that lead to it must outlive a power cut too: the attempt's folder, the trial's, the study's. */
static int sync_folders(const char *path, struct err *err)
{
    char *dir = path_dir(path);
    int rc = 0;
    for (int up = 0; up < 4 && !rc; up++) {
        rc = dir_sync(dir, err);
        char *above = path_dir(dir);
        free(dir);
        dir = above;
    }
    free(dir);
    return rc;
}

static int do_finish(const struct chore *c, const char *path, const char *part, struct err *err)
{
    char hash[HASH_HEX];
    int64_t bytes = 0;
    int rc = hash_file(part, hash, &bytes, err);
    if (rc)
        return rc;
    if (bytes != c->bytes || strcmp(hash, c->hash) != 0) {
        unlink(part);
        return err_set(err, ERR_BAD,
                       "%s: what arrived (%lld bytes, %s) is not what was announced (%lld bytes, %s)",
                       c->path, (long long)bytes, hash, (long long)c->bytes, c->hash);
    }
    rc = sync_file(part, err);
    if (!rc && rename(part, path))
        rc = err_errno(err, "%s: cannot rename to %s", part, path);
    return rc ? rc : sync_folders(path, err);
}

static int do_read(struct chore *c, const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_errno(err, "%s: cannot open", path);
    c->data = xmalloc(c->len + 1);
    ssize_t got;
    do
        got = pread(fd, c->data, c->len, c->offset);
    while (got < 0 && errno == EINTR);
    int rc = got < 0 ? err_errno(err, "%s: cannot read", path) : 0;
    c->len = got > 0 ? (size_t)got : 0;
    close(fd);
    return rc;
}

static void do_chore(const struct porter *p, struct chore *c)
{
    char *path = path_join(p->root, c->path), *part = xasprintf("%s.part", path);
    switch (c->kind) {
    case CHORE_DELETE: c->rc = do_delete(path, part, &c->err); break;
    case CHORE_BEGIN: c->rc = do_begin(c, path, part, &c->err); break;
    case CHORE_WRITE: c->rc = do_write(c, part, &c->err); break;
    case CHORE_FINISH: c->rc = do_finish(c, path, part, &c->err); break;
    case CHORE_READ: c->rc = do_read(c, path, &c->err); break;
    }
    free(path);
    free(part);
}

/* ---- the thread ---- */

static void give_back(struct porter *p, struct chore *c)
{
    uint64_t one = 1;
    if (--p->under_way == 0)
        pthread_cond_signal(&p->settled);
    c->next = NULL;
    *p->back_last = c;
    p->back_last = &c->next;
    if (write(p->fd, &one, sizeof one) < 0)
        return; /* it counts to 2^64: cannot fail, and a later one would wake as well */
}

static void *work(void *arg)
{
    struct porter *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->over) {
        struct chore *c = p->first;
        if (!c) {
            pthread_cond_wait(&p->posted, &p->lock);
            continue;
        }
        p->first = c->next;
        if (!p->first)
            p->last = &p->first;
        pthread_mutex_unlock(&p->lock);
        do_chore(p, c);
        pthread_mutex_lock(&p->lock);
        give_back(p, c);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct porter *porter_new(const char *root, bool threaded)
{
    struct porter *p = xcalloc(1, sizeof *p);
    p->root = xstrdup(root);
    p->last = &p->first;
    p->back_last = &p->back_first;
    p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->posted, NULL);
    pthread_cond_init(&p->settled, NULL);
    p->threaded = threaded && pthread_create(&p->thread, NULL, work, p) == 0;
    return p;
}

static void free_all(struct chore *first)
{
    while (first) {
        struct chore *next = first->next;
        chore_free(first);
        first = next;
    }
}

void porter_free(struct porter *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->over = true;
    pthread_cond_signal(&p->posted);
    pthread_mutex_unlock(&p->lock);
    if (p->threaded)
        pthread_join(p->thread, NULL);
    free_all(p->first);
    free_all(p->back_first);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->posted);
    pthread_cond_destroy(&p->settled);
    close(p->fd);
    free(p->root);
    free(p);
}

void porter_post(struct porter *p, struct chore *c)
{
    if (!p->threaded)
        do_chore(p, c);
    pthread_mutex_lock(&p->lock);
    p->under_way++;
    if (p->threaded) {
        c->next = NULL;
        *p->last = c;
        p->last = &c->next;
        pthread_cond_signal(&p->posted);
    } else {
        give_back(p, c);
    }
    pthread_mutex_unlock(&p->lock);
}

bool porter_has(struct porter *p)
{
    pthread_mutex_lock(&p->lock);
    bool has = p->back_first != NULL;
    pthread_mutex_unlock(&p->lock);
    return has;
}

struct chore *porter_take(struct porter *p)
{
    uint64_t count;
    pthread_mutex_lock(&p->lock);
    struct chore *c = p->back_first;
    if (c && !(p->back_first = c->next))
        p->back_last = &p->back_first;
    if (!c && read(p->fd, &count, sizeof count) < 0)
        count = 0; /* nothing to calm */
    pthread_mutex_unlock(&p->lock);
    return c;
}

void porter_settle(struct porter *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->under_way)
        pthread_cond_wait(&p->settled, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

int porter_fd(const struct porter *p)
{
    return p->fd;
}
