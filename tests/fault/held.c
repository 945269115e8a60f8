/* held: somebody stands still for minutes under load, and nobody else slows. 100 simulated workers report twenty times a
 * second each; then in turn a reader with an open snapshot, fifty workers, and four clients that ask and never listen are
 * held for HELD_SECONDS (120), each compared with the calm of the same length before it: reports, what an acknowledgement
 * takes, the WAL. A reader that makes the WAL grow is named by `hone doctor`, and it shrinks when that is gone.
 *
 * What it compares is generous (half the pace): the machine has other things to do. Held up would be near nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include "proto/message.h"
#include "tests/tools/crowd.h"
#include "tests/tools/deaf.h"
#include "tests/tools/place.h"

enum { WORKERS = 100, STOPPED = 50, DEAF = 4, WAL_CALM_MOST = 80 << 20 };

static const char study[] =
    "{\"study\":\"s\",\"metric\":{\"name\":\"val_acc\",\"goal\":\"maximize\"},\"trainer\":{\"command\":["
    "\"true\"]},"
    "\"space\":{\"lr\":{\"log\":[1e-6,10]}},"
    "\"search\":{\"method\":\"random\",\"trials\":1000000,\"epochs\":1000000,\"seed\":1}}";

static struct place place;
static struct proc master;
static struct crowd crowd;

static int seconds(void)
{
    const char *text = getenv("HELD_SECONDS");
    int value = text ? atoi(text) : 0;
    return value > 0 ? value : 120;
}

static struct crowd_plan plan_of(int workers, unsigned first)
{
    return (struct crowd_plan){.address = place.address,
                               .workers = workers,
                               .first = first,
                               .tick_ms = 5,
                               .epoch_ms = 50,
                               .beat_ms = 500,
                               .attempt_epochs = 200,
                               .finish_every = 4};
}

static int begin(void **state)
{
    (void)state;
    struct crowd_plan plan;
    place_init(&place, study);
    START(&master, place.scratch.folder, "hone", "master", "study.json", "--no-check", "--db", place.db,
          "--bind", place.address, "--beat", "500ms", "--lease", "5s");
    proc_await_text(&master, "hone worker");
    plan = plan_of(WORKERS, 0);
    crowd_start(&crowd, &plan);
    db_await(place.db, "SELECT count(*) >= 1000 FROM epoch");
    return 0;
}

static int end(void **state)
{
    (void)state;
    struct str out = {0};
    crowd_end(&crowd);
    proc_signal(&master, SIGTERM);
    proc_wait(&master);
    int rc = RUN(place.scratch.folder, &out, "hone", "verify", place.db);
    if (rc)
        print_error("%s\n", str_text(&out));
    str_fini(&out);
    proc_fini(&master);
    place_fini(&place);
    return rc;
}

static int64_t wal_bytes(void)
{
    char wal[160];
    struct stat st;
    snprintf(wal, sizeof wal, "%s-wal", place.db);
    return stat(wal, &st) ? 0 : st.st_size;
}

struct window {
    int64_t acked, p50_ms, p99_ms, gap_ms, wal;
};

/* What the crowd does in that time. */
static struct window look(void)
{
    struct crowd_seen *before = test_malloc(sizeof *before);
    *before = *crowd.seen;
    int64_t wal = 0;
    for (int i = 0; i < seconds(); i++) {
        hold_for(1000);
        proc_drain(&master);
        wal = wal_bytes() > wal ? wal_bytes() : wal;
    }
    struct window w = {crowd.seen->acked - before->acked, crowd_quantile(&crowd.seen->ack, &before->ack, 0.5),
                       crowd_quantile(&crowd.seen->ack, &before->ack, 0.99),
                       crowd_quantile(&crowd.seen->gap, &before->gap, 1), wal};
    test_free(before);
    return w;
}

static void compare(const char *who, const struct window *calm, const struct window *held)
{
    print_message("{\"held\":\"%s\",\"seconds\":%d,\"reports_before\":%lld,\"reports\":%lld,\"ratio\":%.3f,"
                  "\"ack_p50_ms_"
                  "before\":%lld,\"ack_p50_ms\":%lld,\"ack_p99_ms_before\":%lld,\"ack_p99_ms\":%lld,\"gap_"
                  "max_ms_before\":%lld,"
                  "\"gap_max_ms\":%lld,\"wal_mib_before\":%lld,\"wal_mib\":%lld}\n",
                  who, seconds(), (long long)calm->acked, (long long)held->acked,
                  (double)held->acked / (double)calm->acked, (long long)calm->p50_ms, (long long)held->p50_ms,
                  (long long)calm->p99_ms, (long long)held->p99_ms, (long long)calm->gap_ms,
                  (long long)held->gap_ms, (long long)(calm->wal >> 20), (long long)(held->wal >> 20));
    assert_true(calm->acked > 0);
    if (held->acked * 2 < calm->acked)
        fail_msg("%s: %lld reports instead of %lld", who, (long long)held->acked, (long long)calm->acked);
    assert_true(is_alive(master.pid));
}

static void a_stopped_reader(void **state)
{
    (void)state;
    struct proc reader;
    struct str out = {0};
    char says[100];
    struct window calm = look();
    assert_true(calm.wal < WAL_CALM_MOST);
    START(&reader, place.scratch.folder, "hone", "sql", "--db", place.db,
          "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000000000) "
          "SELECT count(*) FROM c, (SELECT count(*) FROM epoch)");
    snprintf(says, sizeof says, "pid %d is stopped while it holds a snapshot", (int)reader.pid);
    /* Stopped while it holds one: doctor looks from outside, and says when. */
    for (bool named = false; !named;) {
        assert_true(is_alive(reader.pid));
        proc_signal(&reader, SIGSTOP);
        RUN(place.scratch.folder, &out, "hone", "doctor", "--db", place.db);
        named = strstr(str_text(&out), says) != NULL;
        if (!named)
            proc_signal(&reader, SIGCONT);
    }
    struct window held = look();
    compare("reader", &calm, &held);
    assert_true(held.wal > calm.wal);
    assert_int_equal(RUN(place.scratch.folder, &out, "hone", "doctor", "--db", place.db), 1);
    assert_non_null(strstr(str_text(&out), says));
    proc_fini(&reader);
    str_fini(&out);
    /* What it held back is written home, and the file is cut to its bound. */
    for (int i = 0; i < 60 && wal_bytes() > WAL_CALM_MOST; i++) {
        hold_for(1000);
        proc_drain(&master);
    }
    assert_true(wal_bytes() <= WAL_CALM_MOST);
}

static void stopped_workers(void **state)
{
    (void)state;
    struct crowd others;
    struct crowd_plan plan = plan_of(STOPPED, 1000000);
    crowd_start(&others, &plan);
    db_await(
        place.db,
        "SELECT count(*) > 1000 FROM epoch e JOIN attempt a USING (trial, attempt) JOIN worker w ON w.id = "
        "a.worker WHERE w.uuid >= '000000000000000000000000000f4240'");
    struct window calm = look();
    kill(others.pid, SIGSTOP);
    struct window held = look();
    compare("workers", &calm, &held);
    kill(others.pid, SIGCONT);
    crowd_end(&others);
}

static void deaf_clients(void **state)
{
    (void)state;
    struct window calm = look();
    void *context = zmq_ctx_new(), *sockets[DEAF];
    for (int i = 0; i < DEAF; i++)
        sockets[i] = deaf_client(context, place.address);
    struct window held = look();
    compare("clients", &calm, &held);
    for (int i = 0; i < DEAF; i++)
        zmq_close(sockets[i]);
    zmq_ctx_term(context);
}

int main(void)
{
    proc_timeout_ms = 900000;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_reader),
        cmocka_unit_test(stopped_workers),
        cmocka_unit_test(deaf_clients),
    };
    return cmocka_run_group_tests_name("held", tests, begin, end);
}
