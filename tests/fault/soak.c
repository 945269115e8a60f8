/* soak: half an hour of a master with a thousand simulated workers, that train, hand back, vanish and come as others. It
 * must not grow but by what it has to know, its WAL must stay bounded, and the store must be whole at the end.
 *
 *   SOAK_SECONDS (1800), SOAK_WORKERS (1000), SOAK_EPOCH_MS (1000: of each worker)
 *
 * The bound: from the end of the warm-up (a fifth of the time) the anonymous memory of the master may grow by what SQLite
 * keeps of the file (its page cache: at most 16 MiB, and an eighth for its heads), by 1.5 KiB for each trial that ended
 * since, and by what an allocator scatters: 2 MiB and 4 KiB for each worker. The same over the last third alone, where the
 * cache is full: there each worker may scatter 1 KiB. Exit status 1 and a reason if it does not hold. */
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
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/file.h"
#include "tests/tools/crowd.h"
#include "tests/tools/place.h"

enum {
    TRIAL_BYTES = 1536,
    SLACK_KIB = 2 << 10,
    WORKER_KIB = 4,
    LATE_WORKER_KIB = 1,
    CACHE_KIB = 18 << 10,
    BREATH_S = 10, /* what waits in queues comes and goes: the least of so many samples counts */
    WAL_MOST = 64 << 20,
    ATTEMPT_EPOCHS = 20
};

static const char study[] =
    "{\"study\":\"s\",\"metric\":{\"name\":\"val_acc\",\"goal\":\"maximize\"},\"trainer\":{\"command\":["
    "\"true\"]},"
    "\"space\":{\"lr\":{\"log\":[1e-6,10]},\"width\":{\"int\":[1,1000]}},"
    "\"search\":{\"method\":\"random\",\"trials\":1000000,\"epochs\":1000000,\"seed\":1}}";

static struct place place;
static struct proc master;
static struct crowd crowd;

static int setting(const char *name, int otherwise)
{
    const char *text = getenv(name);
    int value = text ? atoi(text) : 0;
    return value > 0 ? value : otherwise;
}

struct sample {
    int64_t rss_kib, anon_kib, wal_bytes, trials_ended, acked;
    int64_t cache_least_kib,
        cache_most_kib; /* what SQLite may keep: of the file alone, and of what is in the WAL too */
};

static int64_t status_kib(pid_t pid, const char *key)
{
    char path[64], line[256];
    int64_t kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtoll(line + strlen(key) + 1, NULL, 10);
    if (file)
        fclose(file);
    return kib;
}

static int64_t cache_kib(int64_t file_bytes)
{
    int64_t kib = file_bytes * 9 / 8 / 1024;
    return kib < CACHE_KIB ? kib : CACHE_KIB;
}

static struct sample look(void)
{
    char wal[160];
    struct stat st;
    snprintf(wal, sizeof wal, "%s-wal", place.db);
    int64_t wal_now = stat(wal, &st) ? 0 : st.st_size, file = file_size(place.db);
    return (struct sample){.rss_kib = status_kib(master.pid, "VmRSS:"),
                           .anon_kib = status_kib(master.pid, "RssAnon:"),
                           .wal_bytes = wal_now,
                           .cache_least_kib = cache_kib(file),
                           .cache_most_kib = cache_kib(file + wal_now),
                           .acked = crowd.seen->acked,
                           .trials_ended = -1};
}

/* Least squares over the samples from `first` on, KiB a minute; samples are a second apart. */
static double slope_kib_per_min(const struct sample *samples, int first, int count)
{
    double n = count - first, x_mean = (n - 1) / 2, y_mean = 0, above = 0, below = 0;
    for (int i = first; i < count; i++)
        y_mean += (double)samples[i].anon_kib / n;
    for (int i = first; i < count; i++) {
        double x = i - first - x_mean;
        above += x * ((double)samples[i].anon_kib - y_mean);
        below += x * x;
    }
    return below > 0 ? 60 * above / below : 0;
}

static int64_t bound_kib(const struct sample *from, const struct sample *to, int worker_kib)
{
    int64_t trials = to->trials_ended - from->trials_ended;
    return trials * TRIAL_BYTES / 1024 + SLACK_KIB + setting("SOAK_WORKERS", 1000) * worker_kib +
           to->cache_most_kib - from->cache_least_kib;
}

/* The least of the BREATH_S samples that end with this one. */
static int64_t settled_kib(const struct sample *samples, int at)
{
    int64_t least = samples[at].anon_kib;
    for (int i = at; i >= 0 && i > at - BREATH_S; i--)
        least = samples[i].anon_kib < least ? samples[i].anon_kib : least;
    return least;
}

static void verdict(const struct sample *samples, int first, int count, const struct crowd_times *early)
{
    const struct sample *a = &samples[first], *b = &samples[count - 1], *third = &samples[count * 2 / 3];
    int64_t end_kib = settled_kib(samples, count - 1), wal = 0;
    int64_t grown = end_kib - settled_kib(samples, first), bound = bound_kib(a, b, WORKER_KIB);
    int64_t late = end_kib - settled_kib(samples, count * 2 / 3),
            late_bound = bound_kib(third, b, LATE_WORKER_KIB);
    for (int i = 0; i < count; i++)
        wal = samples[i].wal_bytes > wal ? samples[i].wal_bytes : wal;
    print_message(
        "{\"soak\":\"master\",\"seconds\":%d,\"reports_acked\":%lld,\"reports_per_s\":%.0f,\"attempts_"
        "ended\":%lld,"
        "\"workers_vanished\":%lld,\"trials_ended\":%lld,\"anon_kib_warm\":%lld,\"anon_kib_end\":%lld,"
        "\"rss_kib_end\":%lld,\"slope_last_third_kib_per_min\":%.2f,\"grown_kib\":%lld,\"bound_kib\":%lld,"
        "\"grown_last_third_kib\":%lld,\"bound_last_third_kib\":%lld,\"wal_most_"
        "bytes\":%lld,"
        "\"ack_p50_ms\":%lld,\"ack_p99_ms\":%lld,\"ack_p99_ms_warm_up\":%lld}\n",
        count, (long long)b->acked, (double)(b->acked - a->acked) / (count - first),
        (long long)crowd.seen->ended, (long long)crowd.seen->vanished, (long long)b->trials_ended,
        (long long)a->anon_kib, (long long)b->anon_kib, (long long)b->rss_kib,
        slope_kib_per_min(samples, count - count / 3, count), (long long)grown, (long long)bound,
        (long long)late, (long long)late_bound, (long long)wal,
        (long long)crowd_quantile(&crowd.seen->ack, early, 0.5),
        (long long)crowd_quantile(&crowd.seen->ack, early, 0.99),
        (long long)crowd_quantile(early, NULL, 0.99));
    if (grown > bound)
        fail_msg("the master grew by %lld KiB, %lld more than it may", (long long)grown,
                 (long long)(grown - bound));
    if (late > late_bound)
        fail_msg("the master grew by %lld KiB in the last third, %lld more than it may", (long long)late,
                 (long long)(late - late_bound));
    if (wal > WAL_MOST)
        fail_msg("%s-wal grew to %lld bytes", place.db, (long long)wal);
}

/* Also of one that failed. */
static int end(void **state)
{
    (void)state;
    if (crowd.pid)
        crowd_end(&crowd);
    proc_fini(&master);
    place_fini(&place);
    return 0;
}

static void a_thousand_workers_leave_the_master_as_it_was(void **state)
{
    (void)state;
    static const char ended[] =
        "SELECT count(*) FROM trial WHERE status NOT IN ('waiting', 'running', 'paused')";
    proc_timeout_ms = 900000; /* `hone verify` reads millions of rows */
    int seconds = setting("SOAK_SECONDS", 1800), workers = setting("SOAK_WORKERS", 1000), first = seconds / 5;
    struct sample *samples = test_calloc((size_t)seconds, sizeof *samples);
    struct crowd_times *early = test_calloc(1, sizeof *early);
    struct str out = {0};
    place_init(&place, study);
    START(&master, place.scratch.folder, "hone", "master", "study.json", "--no-check", "--db", place.db,
          "--bind", place.address);
    proc_await_text(&master, "hone worker");
    crowd_start(&crowd, &(struct crowd_plan){.address = place.address,
                                             .workers = workers,
                                             .tick_ms = 20,
                                             .epoch_ms = setting("SOAK_EPOCH_MS", 1000),
                                             .beat_ms = 2000,
                                             .attempt_epochs = ATTEMPT_EPOCHS,
                                             .finish_every = 20,
                                             .vanish_every = 101});
    db_await(place.db, "SELECT count(*) FROM epoch");
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    struct itimerspec second = {{1, 0}, {1, 0}};
    timerfd_settime(timer, 0, &second, NULL);
    for (int i = 0; i < seconds; i++) {
        uint64_t ticks;
        assert_true(read(timer, &ticks, sizeof ticks) > 0);
        proc_drain(&master);
        assert_true(is_alive(master.pid) && is_alive(crowd.pid));
        samples[i] = look();
        if (i == first || i == seconds * 2 / 3)
            samples[i].trials_ended = db_int(place.db, ended);
        if (i == first)
            *early = crowd.seen->ack;
    }
    close(timer);
    samples[seconds - 1].trials_ended = db_int(place.db, ended);
    assert_true(crowd.seen->welcomed >= workers);
    assert_true(samples[seconds - 1].acked - samples[first].acked >= 10 * (int64_t)workers);
    verdict(samples, first, seconds, early);
    assert_int_equal(
        db_int(place.db, "SELECT count(*) FROM trial WHERE status = 'failed' AND cause IS NOT 'poison'"), 0);
    crowd_end(&crowd);
    proc_signal(&master, SIGTERM);
    assert_int_equal(proc_wait(&master), 128 + SIGTERM);
    if (RUN(place.scratch.folder, &out, "hone", "verify", place.db))
        fail_msg("%s", str_text(&out));
    str_fini(&out);
    test_free(samples);
    test_free(early);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_thousand_workers_leave_the_master_as_it_was, end)};
    return cmocka_run_group_tests_name("soak", tests, NULL, NULL);
}
