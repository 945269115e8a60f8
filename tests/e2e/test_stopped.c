/* Promise 7: a slow or stopped reader, worker or client never holds up another. Each is held while a study runs, until the
 * others have done what takes them seconds in calm; held up, they would not come to it. How their pace compares is
 * `make held`'s to say: it depends on what else the machine has to do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "common/clock.h"
#include "proto/message.h"
#include "sql/holders.h"
#include "sql/store.h"
#include "tests/tools/deaf.h"
#include "tests/tools/place.h"

enum { GOING_ON = 60 }; /* epochs: seconds of a worker's work */

struct load {
    struct place place;
    struct proc master, first, second;
};

static void load_start(struct load *l)
{
    place_init(&l->place, place_long_study);
    place_master(&l->master, &l->place);
    place_worker(&l->first, &l->place, "w1");
    place_worker(&l->second, &l->place, "w2");
    db_await(
        l->place.db,
        "SELECT count(*) = 2 FROM (SELECT DISTINCT worker FROM epoch JOIN attempt USING (trial, attempt))");
}

static void load_end(struct load *l)
{
    assert_true(is_alive(l->master.pid));
    proc_fini(&l->master);
    proc_fini(&l->first);
    proc_fini(&l->second);
    place_fini(&l->place);
}

static int64_t epochs_of(const struct load *l, const char *worker)
{
    char sql[256];
    snprintf(
        sql, sizeof sql,
        "SELECT count(*) FROM epoch JOIN attempt a USING (trial, attempt) JOIN worker w ON w.id = a.worker "
        "WHERE w.name LIKE '%s'",
        worker);
    return db_int(l->place.db, sql);
}

static void expect_going_on(const struct load *l, const char *worker)
{
    char sql[320];
    snprintf(
        sql, sizeof sql,
        "SELECT count(*) >= %lld FROM epoch JOIN attempt a USING (trial, attempt) JOIN worker w ON w.id = "
        "a.worker WHERE w.name LIKE '%s'",
        (long long)epochs_of(l, worker) + GOING_ON, worker);
    db_await(l->place.db, sql);
}

static void a_stopped_worker_holds_up_nobody(void **state)
{
    (void)state;
    struct load l;
    load_start(&l);
    proc_signal(&l.first, SIGSTOP);
    expect_going_on(&l, "w2");
    proc_signal(&l.first, SIGCONT);
    load_end(&l);
}

/* Whether some process of this group holds a snapshot of the database. */
static bool reads(const char *db, pid_t pid)
{
    struct holder holders[16];
    int count = holders_find(db, holders, 16);
    for (int i = 0; i < count && i < 16; i++)
        if (holders[i].pid == pid && holders[i].reads)
            return true;
    return false;
}

static void start_reader(struct proc *reader, const struct load *l)
{
    START(reader, l->place.scratch.folder, "hone", "sql", "--db", l->place.db,
          "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000000000) "
          "SELECT count(*) FROM c, (SELECT count(*) FROM epoch)");
    int64_t until = clock_mono_ms() + PROC_TIMEOUT_MS;
    while (!reads(l->place.db, reader->pid) && clock_mono_ms() < until)
        poll(NULL, 0, 1);
    assert_true(reads(l->place.db, reader->pid));
    proc_signal(reader, SIGSTOP);
}

static void a_stopped_reader_holds_up_nobody_and_is_named(void **state)
{
    (void)state;
    struct load l;
    struct proc reader;
    struct str out = {0};
    char pid[48];
    load_start(&l);
    start_reader(&reader, &l);
    expect_going_on(&l, "w%");
    assert_int_equal(RUN(l.place.scratch.folder, &out, "hone", "doctor", "--db", l.place.db), 1);
    snprintf(pid, sizeof pid, "pid %d is stopped while it holds a snapshot", (int)reader.pid);
    if (!strstr(str_text(&out), pid))
        fail_msg("doctor: %s", str_text(&out));
    RUN(l.place.scratch.folder, &out, "hone", "doctor", "--json", "--db", l.place.db);
    assert_non_null(strstr(str_text(&out), "\"stopped\":true"));
    str_fini(&out);
    proc_fini(&reader);
    load_end(&l);
}

static void a_client_that_never_reads_holds_up_nobody(void **state)
{
    (void)state;
    struct load l;
    load_start(&l);
    void *context = zmq_ctx_new(), *sockets[4];
    for (int i = 0; i < 4; i++)
        sockets[i] = deaf_client(context, l.place.address);
    expect_going_on(&l, "w%");
    for (int i = 0; i < 4; i++)
        zmq_close(sockets[i]);
    zmq_ctx_term(context);
    load_end(&l);
}

/* ---- the WAL: bounded without a reader, named with one ---- */

static int64_t write_much(struct store *store, int commits, const char *wal)
{
    static unsigned number;
    struct stat st;
    int64_t most = 0;
    for (int i = 0; i < commits; i++) {
        struct row_worker row = {
            .uuid = "u", .name = "w", .host = "h", .version = "1", .platform = "p", .pid = 1, .slots = 1};
        char uuid[33];
        for (int k = 0; k < 200; k++) {
            snprintf(uuid, sizeof uuid, "%032x", number++);
            row.uuid = uuid;
            store_worker_joined(store, &row, 1);
        }
        assert_int_equal(store_commit(store, NULL), 0);
        if (stat(wal, &st) == 0 && st.st_size > most)
            most = st.st_size;
    }
    return most;
}

static bool await_naming(struct store *store, char says[512])
{
    int64_t until = clock_mono_ms() + PROC_TIMEOUT_MS;
    while (clock_mono_ms() < until) {
        if (store_says(store, says))
            return true;
        write_much(store, 20, "/");
        poll(NULL, 0, 10);
    }
    return false;
}

static void the_wal_is_bounded_or_its_reader_named(void **state)
{
    (void)state;
    struct scratch scratch;
    struct store *store;
    struct proc reader;
    struct load l = {0};
    char wal[140], says[512];
    struct store_options options = {.wal_named_bytes = 2 << 20};
    scratch_init(&scratch);
    snprintf(l.place.db, sizeof l.place.db, "%s/hone.db", scratch.folder);
    snprintf(wal, sizeof wal, "%s-wal", l.place.db);
    l.place.scratch = scratch;
    assert_int_equal(store_open(l.place.db, &options, &store, NULL), 0);
    int64_t most = write_much(store, 1500, wal);
    print_message("# the WAL was at most %lld bytes long\n", (long long)most);
    assert_true(most < 64 << 20);
    assert_false(store_says(store, says));
    start_reader(&reader, &l);
    assert_true(await_naming(store, says));
    print_message("# %s\n", says);
    char pid[32];
    snprintf(pid, sizeof pid, "pid %d (", (int)reader.pid);
    assert_non_null(strstr(says, pid));
    assert_non_null(strstr(says, "which is stopped"));
    proc_fini(&reader);
    store_close(store);
    scratch_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_worker_holds_up_nobody),
        cmocka_unit_test(a_stopped_reader_holds_up_nobody_and_is_named),
        cmocka_unit_test(a_client_that_never_reads_holds_up_nobody),
        cmocka_unit_test(the_wal_is_bounded_or_its_reader_named),
    };
    return cmocka_run_group_tests_name("stopped", tests, NULL, NULL);
}
