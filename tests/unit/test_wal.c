/* wal: who copies the WAL back, and when. SQLite before 3.51.3 can lose commits if a checkpoint begins where all is copied
 * already, and a commit begins the WAL anew in that moment (sqlite.org/wal.html#walresetbug). Ours must never begin so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "sql/wal.h"

/* From SQLite's file format (sqlite.org/walformat.html 2.1): places in the WAL index, and the checkpointer's lock. */
enum { INDEX_BYTES = 32768, MX_FRAME_AT = 16, BACKFILL_AT = 96, CHECKPOINT_LOCK = 1 };

/* ---- files that tell who begins to copy ---- */

static sqlite3_vfs watched;
static sqlite3_io_methods methods;
static const sqlite3_io_methods *real;
static pthread_t loop;
static atomic_int needless, begun;
static atomic_bool held; /* the thread stops before it begins, and says that it came */
static sem_t came, go, left;

static bool is_all_copied(const volatile uint32_t *index)
{
    return index[BACKFILL_AT / 4] >= index[MX_FRAME_AT / 4];
}

static int on_lock(sqlite3_file *file, int offset, int count, int flags)
{
    bool ours = offset == CHECKPOINT_LOCK && count == 1 && !pthread_equal(pthread_self(), loop);
    if (ours && flags & SQLITE_SHM_LOCK && atomic_exchange(&held, false)) {
        sem_post(&came);
        sem_wait(&go);
    }
    int rc = real->xShmLock(file, offset, count, flags);
    volatile void *index = NULL;
    if (ours && rc == SQLITE_OK && flags & SQLITE_SHM_LOCK &&
        real->xShmMap(file, 0, INDEX_BYTES, 0, &index) == SQLITE_OK && index) {
        begun++;
        needless += is_all_copied(index);
    }
    if (ours && flags & SQLITE_SHM_UNLOCK)
        sem_post(&left);
    return rc;
}

static int open_watched(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    sqlite3_vfs *below = vfs->pAppData;
    int rc = below->xOpen(below, name, file, flags, out);
    if (rc != SQLITE_OK || !(flags & SQLITE_OPEN_MAIN_DB))
        return rc;
    if (!real) { /* by the loop, before there is a thread; all files of a kind share theirs */
        real = file->pMethods;
        methods = *real;
        methods.xShmLock = on_lock;
    }
    file->pMethods = &methods;
    return rc;
}

/* ---- a database ---- */

struct room {
    char path[64];
    sqlite3 *db;
    struct wal *wal;
};

static void run(const struct room *room, const char *sql)
{
    char *why = NULL;
    if (sqlite3_exec(room->db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
}

static int enter(void **state)
{
    struct room *room = xcalloc(1, sizeof *room);
    loop = pthread_self();
    needless = begun = 0;
    held = false;
    sem_init(&came, 0, 0);
    sem_init(&go, 0, 0);
    sem_init(&left, 0, 0);
    strcpy(room->path, "/tmp/hone-wal-XXXXXX");
    close(mkstemp(room->path));
    if (sqlite3_open(room->path, &room->db) != SQLITE_OK)
        return -1;
    run(room, "PRAGMA page_size=512; PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; CREATE TABLE t(x)");
    room->wal = wal_new(room->path, room->db, 0);
    *state = room;
    return 0;
}

static int leave(void **state)
{
    struct room *room = *state;
    wal_free(room->wal);
    sqlite3_close(room->db);
    unlink(room->path);
    free(room);
    return 0;
}

static void commit(const struct room *room, int pages)
{
    char sql[96];
    snprintf(sql, sizeof sql, "INSERT INTO t VALUES(zeroblob(%d))", 500 * pages);
    run(room, sql);
    wal_committed(room->wal);
}

/* ---- tests ---- */

static void what_came_while_it_began_is_copied_once(void **state)
{
    struct room *room = *state;
    for (int round = 0; round < 40; round++) {
        int before = begun;
        atomic_store(&held, true);
        do /* until the loop leaves one to the thread, and it has come */
            commit(room, 1100);
        while (sem_trywait(&came));
        commit(room, 1100); /* before it has looked how much there is */
        commit(room, 1);
        while (!sem_trywait(&left)) /* what it left before it was held */
            ;
        sem_post(&go);
        sem_wait(&left);
        assert_true(begun > before);
        commit(room, 1);
        commit(room, 1);
    }
    assert_int_equal(needless, 0);
}

static void a_thread_that_copies_never_begins_with_nothing_to_copy(void **state)
{
    struct room *room = *state;
    unsigned draw = 1;
    for (int i = 0; i < 3000; i++) {
        draw = draw * 1103515245 + 12345;
        commit(room, 1 + (int)(draw >> 16) % (i % 7 ? 90 : 1500));
        if (i % 5 == 0)
            wal_committed(room->wal); /* one that wrote nothing */
        if (i % 100 == 0)
            run(room, "DELETE FROM t");
    }
    print_message("# %d times\n", begun);
    assert_true(begun > 0);
    assert_int_equal(needless, 0);
}

int main(void)
{
    sqlite3_vfs *below = sqlite3_vfs_find(NULL);
    watched = *below;
    watched.zName = "watched";
    watched.pAppData = below;
    watched.xOpen = open_watched;
    sqlite3_vfs_register(&watched, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_came_while_it_began_is_copied_once, enter, leave),
        cmocka_unit_test_setup_teardown(a_thread_that_copies_never_begins_with_nothing_to_copy, enter, leave),
    };
    return cmocka_run_group_tests_name("wal", tests, NULL, NULL);
}
