#include "sql/wal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/units.h"
#include "sql/holders.h"

enum {
    FOLD_PAGES = 1000,  /* 4 MiB: worth a look */
    FINISH_PAGES = 512, /* what the loop copies itself: 2 MiB and one fsync */
    ALONE_PAGES = 8192, /* 32 MiB: the thread does not keep up, and the loop waits for it */
    STUCK_WAIT_S = 1,   /* somebody reads: looking again sooner would not help */
    NAME_EVERY_MS = 60000,
    BUSY_MS = 1000,
};
static const int64_t named_most = (int64_t)1 << 30;

struct wal {
    const char *path;
    sqlite3 *writer;
    int64_t named_bytes;
    int pages; /* of the WAL after the last commit, 0: all of them are copied; the loop's */
    bool started;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    /* under the mutex */
    bool stop;
    bool copying; /* the thread does, or has been told to: the loop keeps its hands off */
    bool stuck;   /* the last time a reader was in the way */
    bool anew;    /* the WAL began anew since the thread was told: what it copied was another one */
    int folded;   /* pages of the WAL when the thread had copied all of them; 0: no news */
    char says[512];
    /* the thread's */
    int held_at; /* pages up to which a reader let the last look copy; -1: none was in the way */
    int64_t named_mono_ms;
};

/* ---- the thread ---- */

/* In the way at the same page as before: who only passed by, such as our own connections, is gone by then. */
static bool is_held(struct wal *wal, int log_pages, int folded)
{
    bool same = folded == wal->held_at;
    wal->held_at = folded < log_pages ? folded : -1;
    return same && wal->held_at >= 0;
}

static void name_the_reader(struct wal *wal)
{
    char *file = xasprintf("%s-wal", wal->path), reader[200], size[32];
    int64_t bytes = file_size(file), now = clock_mono_ms();
    free(file);
    if (bytes < wal->named_bytes || (wal->named_mono_ms && now - wal->named_mono_ms < NAME_EVERY_MS))
        return;
    wal->named_mono_ms = now;
    bool found = holders_reader(wal->path, getpid(), reader, sizeof reader);
    size_text(bytes, size);
    pthread_mutex_lock(&wal->mutex);
    snprintf(wal->says, sizeof wal->says,
             "%s-wal has grown to %s: %s keeps a read transaction open; nothing waits for it, but %s",
             wal->path, size, found ? reader : "a reader", "the disk fills until it ends");
    pthread_mutex_unlock(&wal->mutex);
}

/* True: all of it was copied. */
static bool fold(struct wal *wal, sqlite3 *db)
{
    int log_pages = 0, folded = 0;
    int rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &log_pages, &folded);
    if (rc != SQLITE_OK)
        return false; /* a full disk, say: the loop has its own troubles then, and says so */
    pthread_mutex_lock(&wal->mutex);
    wal->folded = folded >= log_pages && !wal->anew ? log_pages : 0;
    wal->stuck = folded < log_pages;
    pthread_mutex_unlock(&wal->mutex);
    if (is_held(wal, log_pages, folded))
        name_the_reader(wal);
    return folded >= log_pages;
}

static void rest(struct wal *wal)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STUCK_WAIT_S;
    while (!wal->stop && pthread_cond_timedwait(&wal->wake, &wal->mutex, &until) == 0)
        ;
}

static void *keep(void *arg)
{
    struct wal *wal = arg;
    sqlite3 *db = NULL;
    sqlite3_open_v2(wal->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_exec(db, "PRAGMA schema_version", NULL, NULL,
                 NULL); /* before its first read it knows of no WAL */
    pthread_mutex_lock(&wal->mutex);
    while (!wal->stop) {
        if (!wal->copying) {
            pthread_cond_wait(&wal->wake, &wal->mutex);
            continue;
        }
        pthread_mutex_unlock(&wal->mutex);
        bool all = fold(wal, db);
        pthread_mutex_lock(&wal->mutex);
        if (!all)
            rest(wal);
        wal->copying = false;
    }
    pthread_mutex_unlock(&wal->mutex);
    sqlite3_close_v2(db);
    return NULL;
}

/* ---- the loop ---- */

static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct wal *wal = arg;
    (void)db, (void)name;
    if (pages <= wal->pages) { /* what was said of the WAL before says nothing of this one */
        pthread_mutex_lock(&wal->mutex);
        wal->anew = true;
        wal->folded = 0;
        pthread_mutex_unlock(&wal->mutex);
    }
    wal->pages = pages;
    return SQLITE_OK;
}

struct wal *wal_new(const char *db_path, sqlite3 *writer, int64_t named_bytes)
{
    struct wal *wal = xcalloc(1, sizeof *wal);
    wal->path = db_path;
    wal->held_at = -1;
    wal->writer = writer;
    wal->named_bytes = named_bytes ? named_bytes : named_most;
    pthread_mutex_init(&wal->mutex, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&wal->wake, &attr);
    pthread_condattr_destroy(&attr);
    sqlite3_wal_hook(writer, on_commit, wal); /* takes the place of the checkpoint at every 1000 pages */
    return wal;
}

void wal_free(struct wal *wal)
{
    if (!wal)
        return;
    sqlite3_wal_hook(wal->writer, NULL, NULL);
    if (wal->started) {
        pthread_mutex_lock(&wal->mutex);
        wal->stop = true;
        pthread_cond_signal(&wal->wake);
        pthread_mutex_unlock(&wal->mutex);
        pthread_join(wal->thread, NULL);
    }
    pthread_cond_destroy(&wal->wake);
    pthread_mutex_destroy(&wal->mutex);
    free(wal);
}

/* The loop copies itself what is little, or what the thread does not keep up with; without a thread everything, as
 * SQLite itself would. Under the mutex. */
static bool is_the_loops(const struct wal *wal)
{
    bool is_little = wal->folded && wal->pages - wal->folded <= FINISH_PAGES;
    return is_little || !wal->started || (wal->pages > ALONE_PAGES && !wal->stuck);
}

static void finish(struct wal *wal)
{
    int log_pages = 0, folded = 0;
    if (sqlite3_wal_checkpoint_v2(wal->writer, NULL, SQLITE_CHECKPOINT_PASSIVE, &log_pages, &folded))
        return;
    if (folded >= log_pages)
        wal->pages = 0;
    pthread_mutex_lock(&wal->mutex);
    wal->stuck = folded < log_pages; /* the thread finds out who reads */
    pthread_mutex_unlock(&wal->mutex);
}

void wal_committed(struct wal *wal)
{
    if (wal->pages < FOLD_PAGES)
        return;
    if (!wal->started && pthread_create(&wal->thread, NULL, keep, wal) == 0)
        wal->started = true;
    pthread_mutex_lock(&wal->mutex);
    bool here = !wal->copying && is_the_loops(wal);
    if (!wal->copying)
        wal->folded = 0;
    if (!wal->copying && !here) {
        wal->copying = true;
        wal->anew = false;
        pthread_cond_signal(&wal->wake);
    }
    pthread_mutex_unlock(&wal->mutex);
    if (here)
        finish(wal);
}

bool wal_says(struct wal *wal, char text[512])
{
    pthread_mutex_lock(&wal->mutex);
    bool says = wal->says[0] != '\0';
    if (says)
        memcpy(text, wal->says, sizeof wal->says);
    wal->says[0] = '\0';
    pthread_mutex_unlock(&wal->mutex);
    return says;
}
