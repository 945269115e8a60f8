/* chaos: two studies under one master with eight workers, and for CHAOS_SECONDS something happens to one of them every
 * second: workers, master and trainers are killed, stopped and woken, links between network namespaces are cut (loudly,
 * or into a silent hole), lossy and slow, and healed. Then it calms down, and
 *
 *   - the first study (Halton, the built-in trainer, no pruner) is that of an undisturbed run, point by point and number
 *     by number; the second one (auto, ASHA) replays bit by bit;
 *   - every epoch that a worker heard an acknowledgement of (its journal) is in the store, looked at after each kill of
 *     the master, before the next one has a chance to train it again, and at the end;
 *   - no epoch is there twice, and `hone verify` finds nothing.
 *
 *   CHAOS_SECONDS (600), CHAOS_TRIALS (500 for 600 seconds), CHAOS_POINTS (120000: of the data), CHAOS_SEED (1: what
 *   happens); HONE_TEST_KEEP: leaves the folder behind
 *
 * How much work it takes to fill the time nobody knows beforehand, so the studies have no end of their own while it
 * storms: when the time is up they are edited to have as many trials as were begun, CHAOS_TRIALS at least, and the
 * undisturbed run, which comes last, has just as many. So the storm lasts CHAOS_SECONDS on any machine, what comes after
 * it is bounded by the trials of that time, and one that does not end is given up after CALM_MS.
 *
 * The checks before the first trial are left out: they hold a trainer that dies against the study, and rightly.
 * Timers pace it; what it finds does not depend on when they fire. */
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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/rng.h"
#include "tests/tools/journal.h"
#include "tests/tools/links.h"
#include "tests/tools/place.h"

enum {
    WORKERS = 8,
    NEAR_WORKERS = 4,
    RELAYED = 8,
    UNDOS_MOST = 256,
    LOG_KEPT = 16384,
    CALM_MS = 1800000,
    POINTS = 120000,
    ENDLESS = 1000000 /* trials: more than any storm begins */
};

static const char first_study[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"}, \"max_attempts\": "
    "1000,\n"
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral:n=%d\", \"batch\": 64, \"seed\": 1, "
    "\"layers\": [\"affine 16\", "
    "\"relu\"]},\n"
    "  \"space\": {\"lr\": {\"log\": [1e-4, 1]}, \"optimizer\": {\"choice\": [\"sgd\", \"momentum\", "
    "\"adam\"]}},\n"
    "  \"search\": {\"method\": \"halton\", \"trials\": %d, \"epochs\": 10, \"seed\": 7} }\n";

/* A fifth of the work is for it. */
static const char second_study[] = "{ \"study\": \"a\", \"metric\": {\"name\": \"val_acc\", \"goal\": "
                                   "\"maximize\"}, \"max_attempts\": 1000, \"weight\": 0.25,\n"
                                   "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral:n=%d\", "
                                   "\"batch\": 64, \"seed\": 1, \"layers\": [\"affine 16\", "
                                   "\"relu\"]},\n"
                                   "  \"space\": {\"lr\": {\"log\": [1e-4, 1]}, \"l2\": {\"log\": [1e-6, "
                                   "1e-1]}, \"optimizer\": {\"choice\": [\"sgd\", "
                                   "\"momentum\", \"adam\"]}},\n"
                                   "  \"search\": {\"method\": \"auto\", \"trials\": %d, \"epochs\": 9, "
                                   "\"seed\": 7}, \"prune\": {\"method\": \"asha\"} }\n";

/* What was broken for a while, and when it is mended. */
struct undo {
    int64_t due_ms;
    pid_t pid; /* to be woken; 0: the links are healed */
};

struct storm {
    struct place place;
    char hone[4096], calm_db[160], master_address[128];
    bool has_links, over;
    bool storms; /* else the studies have their last number of trials, and the database alone tells of them */
    struct links links;
    struct journal journal;
    struct proc master, workers[WORKERS + 1]; /* from 1 */
    int master_fd, worker_fds[WORKERS + 1];
    struct rng rng;
    struct undo undos[UNDOS_MOST];
    int undo_count;
    int64_t next_ms;
    int kills, stops, trainers, cuts, losses, delays, looks;
};

static struct storm the_storm;

static int setting(const char *name, int otherwise)
{
    const char *text = getenv(name);
    int value = text ? atoi(text) : 0;
    return value > 0 ? value : otherwise;
}

static int seconds_of_storm(void)
{
    return setting("CHAOS_SECONDS", 600);
}

static int64_t least_trials(void)
{
    int trials = 500 * seconds_of_storm() / 600;
    return setting("CHAOS_TRIALS", trials < 50 ? 50 : trials);
}

static int below(struct storm *s, int count)
{
    return (int)rng_below(&s->rng, (uint32_t)count);
}

/* ---- processes ---- */

static int watch(const struct proc *p)
{
    return (int)syscall(SYS_pidfd_open, p->pid, 0);
}

static void start(struct storm *s, struct proc *p, const char *ns, const char *const *words)
{
    const char *argv[40] = {"ip", "netns", "exec", ns, s->hone};
    int count = ns ? 5 : 0;
    if (!ns)
        argv[count++] = s->hone;
    while (*words)
        argv[count++] = *words++;
    proc_start(p, s->place.scratch.folder, argv);
}

static void start_master(struct storm *s)
{
    const char *words[20] = {"master",          "--once", "--no-check", "--db",    s->place.db, "--bind",
                             s->master_address, "--beat", "200ms",      "--lease", "2s"};
    int count = 11;
    if (s->has_links)
        words[count++] = "--insecure";
    if (s->storms) {
        words[count++] = "study.json";
        words[count++] = "second.json";
    }
    start(s, &s->master, s->has_links ? s->links.near : NULL, words);
    s->master_fd = watch(&s->master);
}

static void start_worker(struct storm *s, int i)
{
    char name[16], journal[32], dir[16], address[128];
    bool far = s->has_links && i > NEAR_WORKERS;
    snprintf(name, sizeof name, "w%d", i);
    snprintf(journal, sizeof journal, "journal.%d", i);
    snprintf(dir, sizeof dir, "dir%d", i);
    snprintf(address, sizeof address, "tcp://" NEAR_IP ":%d",
             s->has_links && i == RELAYED ? RELAY_PORT : MASTER_PORT);
    const char *words[] = {"worker",
                           s->has_links ? address : s->place.address,
                           "--name",
                           name,
                           "--journal",
                           journal,
                           "--dir",
                           dir,
                           far ? "--apart" : NULL,
                           NULL};
    start(s, &s->workers[i], !s->has_links ? NULL : far ? s->links.far : s->links.near, words);
    s->worker_fds[i] = watch(&s->workers[i]);
}

static void forget(struct proc *p, int *fd)
{
    proc_fini(p);
    close(*fd);
    *fd = -1;
}

/* A trainer of ours: it descends from one of the workers. 0: that one trains nothing now. */
static pid_t a_trainer(struct storm *s)
{
    pid_t pid = s->workers[1 + below(s, WORKERS)].pid;
    char path[64], text[4096];
    for (int generation = 0; generation < 3; generation++) {
        snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
        FILE *file = fopen(path, "r");
        int child = 0;
        if (!file || fscanf(file, "%d", &child) != 1)
            child = 0;
        if (file)
            fclose(file);
        if (!child)
            break;
        pid = child;
    }
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[len] = '\0';
    return len && strcmp(text + strlen(text) + 1, "train") == 0 ? pid : 0;
}

/* ---- what happens, and how it is undone ---- */

static void undo_later(struct storm *s, pid_t pid, int ms)
{
    if (s->undo_count < UNDOS_MOST)
        s->undos[s->undo_count++] = (struct undo){clock_mono_ms() + ms, pid};
}

static void stop_for_a_while(struct storm *s, pid_t pid)
{
    if (s->undo_count == UNDOS_MOST || kill(pid, SIGSTOP))
        return;
    undo_later(s, pid, 100 + below(s, 4000));
    s->stops++;
}

static void trouble_links(struct storm *s)
{
    if (!s->has_links)
        return;
    int kind = below(s, 4);
    links_heal(&s->links);
    if (kind == 0)
        links_cut_loudly(&s->links);
    else if (kind == 1)
        links_cut_silently(&s->links);
    else if (kind == 2)
        links_lose(&s->links, 10 + below(s, 40));
    else
        links_delay(&s->links, 50 + below(s, 800));
    s->cuts += kind < 2;
    s->losses += kind == 2;
    s->delays += kind == 3;
    undo_later(s, 0, 1000 + below(s, 6000));
}

static void disturb(struct storm *s)
{
    int what = below(s, 13);
    pid_t worker = s->workers[1 + below(s, WORKERS)].pid, trainer = what >= 7 && what <= 9 ? a_trainer(s) : 0;
    if (what < 2)
        s->kills += kill(worker, SIGKILL) == 0;
    else if (what < 4)
        s->kills += s->master.pid && kill(s->master.pid, SIGKILL) == 0;
    else if (what < 6)
        stop_for_a_while(s, worker);
    else if (what < 7)
        stop_for_a_while(s, s->master.pid);
    else if (what < 9)
        s->trainers += trainer && kill(trainer, SIGKILL) == 0;
    else if (what < 10 && trainer)
        stop_for_a_while(s, trainer);
    else
        trouble_links(s);
}

static void undo_what_is_due(struct storm *s, int64_t now_ms)
{
    for (int i = s->undo_count; i-- > 0;) {
        struct undo undo = s->undos[i];
        if (undo.due_ms > now_ms)
            continue;
        s->undos[i] = s->undos[--s->undo_count];
        if (undo.pid)
            kill(undo.pid, SIGCONT);
        else
            links_heal(&s->links);
    }
}

/* ---- the end of a process ---- */

/* Nobody writes now: what was acknowledged is here, or it is lost. */
static void expect_acknowledged(struct storm *s)
{
    struct str lost = {0};
    journal_read(&s->journal);
    int64_t count = journal_lost(&s->journal, &lost);
    if (count)
        fail_msg("%lld epochs were acknowledged and are not in the store:\n%s", (long long)count,
                 str_text(&lost));
    s->looks++;
    str_fini(&lost);
}

static void master_ended(struct storm *s)
{
    int status = proc_wait(&s->master);
    if (status != 0 && status != 128 + SIGKILL)
        fail_msg("the master ended with %d: %s", status, str_text(&s->master.out));
    forget(&s->master, &s->master_fd);
    expect_acknowledged(s);
    s->over = status == 0;
    if (!s->over)
        start_master(s);
}

static void worker_ended(struct storm *s, int i)
{
    int status = proc_wait(&s->workers[i]);
    if (status != 0 && status != 128 + SIGKILL)
        fail_msg("worker %d ended with %d: %s", i, status, str_text(&s->workers[i].out));
    forget(&s->workers[i], &s->worker_fds[i]);
    start_worker(s, i);
}

static void drain(struct proc *p)
{
    proc_drain(p);
    if (p->out.len > 2 * LOG_KEPT) {
        memmove(p->out.text, p->out.text + p->out.len - LOG_KEPT, LOG_KEPT + 1);
        p->out.len = LOG_KEPT;
    }
}

/* ---- the loop ---- */

/* One wait: for the end of somebody, or for the next thing that is due. */
static void turn(struct storm *s, int64_t until_ms)
{
    struct pollfd fds[WORKERS + 1];
    int64_t next = until_ms, now = clock_mono_ms();
    for (int i = 0; i <= WORKERS; i++)
        fds[i] = (struct pollfd){i ? s->worker_fds[i] : s->master_fd, POLLIN, 0};
    for (int i = 0; i < s->undo_count; i++)
        next = s->undos[i].due_ms < next ? s->undos[i].due_ms : next;
    poll(fds, WORKERS + 1, next > now ? (int)(next - now < 1000 ? next - now : 1000) : 0);
    if (fds[0].revents)
        master_ended(s);
    for (int i = 1; i <= WORKERS; i++)
        if (fds[i].revents)
            worker_ended(s, i);
    drain(&s->master);
    for (int i = 1; i <= WORKERS; i++)
        drain(&s->workers[i]);
    undo_what_is_due(s, clock_mono_ms());
}

static void wait_for_first_epoch(struct storm *s)
{
    int64_t until = clock_mono_ms() + proc_timeout_ms;
    while (!journal_read(&s->journal)) {
        turn(s, clock_mono_ms() + 100);
        if (clock_mono_ms() > until)
            fail_msg("the studies do not begin: %s", str_text(&s->master.out));
    }
}

static void storm_for(struct storm *s, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;
    s->next_ms = clock_mono_ms();
    while (!s->over && clock_mono_ms() < until) {
        if (clock_mono_ms() >= s->next_ms) {
            disturb(s);
            s->next_ms = clock_mono_ms() + 300 + below(s, 700);
        }
        turn(s, s->next_ms);
    }
    undo_what_is_due(s, INT64_MAX);
    if (s->has_links)
        links_heal(&s->links);
}

static int64_t begun(const struct storm *s, const char *study)
{
    char sql[128];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM trial JOIN study ON study.id = trial.study WHERE study.name = '%s'",
             study);
    return db_int(s->place.db, sql);
}

/* No new trials but for the least there must be; those that were begun are ended. */
static void set_an_end(struct storm *s, const char *study, int64_t least)
{
    char set[64];
    struct str out = {0};
    int64_t trials = begun(s, study);
    snprintf(set, sizeof set, "search.trials=%lld", (long long)(trials > least ? trials : least));
    if (RUN(s->place.scratch.folder, &out, s->hone, "edit", study, "--set", set, "--db", s->place.db))
        fail_msg("hone edit %s --set %s: %s", study, set, str_text(&out));
    str_fini(&out);
}

/* Its last blow: with no master there nothing begins between the count and the edit. */
static void end_the_storm(struct storm *s)
{
    int64_t least = least_trials();
    proc_signal(&s->master, SIGKILL);
    assert_int_equal(proc_wait(&s->master), 128 + SIGKILL);
    forget(&s->master, &s->master_fd);
    expect_acknowledged(s);
    set_an_end(s, "s", least);
    set_an_end(s, "a", least / 5);
    s->storms = false;
    start_master(s);
}

/* A trial whose workers were killed three times is poison, and a trainer that was killed too often has failed; here we
 * know better. */
static void calm_down(struct storm *s)
{
    int64_t until = clock_mono_ms() + CALM_MS;
    for (;;) {
        while (!s->over && clock_mono_ms() < until)
            turn(s, until);
        if (!s->over)
            fail_msg("the studies do not end when it is calm: %s", str_text(&s->master.out));
        if (!db_int(s->place.db, "SELECT count(*) FROM trial WHERE status = 'failed'"))
            return;
        RUN(s->place.scratch.folder, NULL, s->hone, "retry", "--failed", "--study", "s", "--db", s->place.db);
        RUN(s->place.scratch.folder, NULL, s->hone, "retry", "--failed", "--study", "a", "--db", s->place.db);
        s->over = false;
        start_master(s);
    }
}

/* ---- begin, end ---- */

/* As many trials as the first study has now, with all cores. */
static void run_calmly(struct storm *s)
{
    char text[2048], workers[24];
    struct str out = {0};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    snprintf(text, sizeof text, first_study, setting("CHAOS_POINTS", POINTS), (int)begun(s, "s"));
    scratch_text(&s->place.scratch, "calm.json", text);
    snprintf(workers, sizeof workers, "%ld", cores < WORKERS ? cores : WORKERS);
    if (RUN(s->place.scratch.folder, &out, s->hone, "run", "calm.json", "--db", s->calm_db, "--workers",
            workers, "--quiet", "--no-check"))
        fail_msg("the undisturbed run failed: %s", str_text(&out));
    str_fini(&out);
}

static void begin(struct storm *s)
{
    const char *hone = getenv("HONE");
    char text[2048], real[4096], why[200];
    int points = setting("CHAOS_POINTS", POINTS);
    *s = (struct storm){
        .rng = rng_at((uint64_t)setting("CHAOS_SEED", 1), 0, 0, 0), .master_fd = -1, .storms = true};
    snprintf(text, sizeof text, first_study, points, ENDLESS);
    place_init(&s->place, text);
    snprintf(text, sizeof text, second_study, points, ENDLESS);
    scratch_text(&s->place.scratch, "second.json", text);
    /* A build meanwhile is no fault to be tested. */
    assert_non_null(realpath(hone ? hone : "build/hone", real));
    assert_int_equal(RUN(NULL, NULL, "cp", real, s->place.scratch.folder), 0);
    snprintf(s->hone, sizeof s->hone, "%s/%s", s->place.scratch.folder, strrchr(real, '/') + 1);
    snprintf(s->calm_db, sizeof s->calm_db, "%s/calm.db", s->place.scratch.folder);
    for (int i = 1; i <= WORKERS; i++) {
        snprintf(text, sizeof text, "%s/dir%d", s->place.scratch.folder, i);
        RUN(NULL, NULL, "mkdir", text);
    }
    s->has_links = links_open(&s->links, why);
    snprintf(s->master_address, sizeof s->master_address, "%s",
             s->has_links ? "tcp://*:7077" : s->place.address);
    start_master(s);
    proc_await_text(&s->master, "hone worker");
    snprintf(text, sizeof text, "%s/journal.%%d", s->place.scratch.folder);
    journal_open(&s->journal, text, WORKERS, s->place.db);
    for (int i = 1; i <= WORKERS; i++)
        start_worker(s, i);
}

/* Also of a storm that failed. */
static int end(void **state)
{
    struct storm *s = &the_storm;
    (void)state;
    forget(&s->master, &s->master_fd);
    for (int i = 1; i <= WORKERS; i++)
        forget(&s->workers[i], &s->worker_fds[i]);
    journal_close(&s->journal);
    if (s->has_links)
        links_close(&s->links);
    place_fini(&s->place);
    return 0;
}

/* ---- the verdict ---- */

static void expect_fine(struct storm *s, const char *const argv[])
{
    struct str out = {0};
    if (run_in(s->place.scratch.folder, &out, argv))
        fail_msg("%s %s: %s", argv[1], argv[2], str_text(&out));
    print_message("# %s", str_text(&out));
    str_fini(&out);
}

static void outcome(struct storm *s, const char *db, struct str *out)
{
    if (RUN(s->place.scratch.folder, out, s->hone, "sql", "--csv", "--db", db,
            "SELECT trial, status, lr, optimizer, val_acc, train_loss, best_epoch, epochs FROM \"s\" ORDER "
            "BY trial"))
        fail_msg("%s", str_text(out));
}

static void expect_the_undisturbed_outcome(struct storm *s)
{
    struct str calm = {0}, now = {0};
    outcome(s, s->calm_db, &calm);
    outcome(s, s->place.db, &now);
    assert_string_equal(str_text(&now), str_text(&calm));
    str_fini(&calm);
    str_fini(&now);
}

static void no_storm_changes_the_outcome(void **state)
{
    struct storm *s = &the_storm;
    (void)state;
    proc_timeout_ms = 3600000;
    begin(s);
    wait_for_first_epoch(s);
    int64_t began_ms = clock_mono_ms();
    storm_for(s, 1000 * (int64_t)seconds_of_storm());
    int64_t stormed_ms = clock_mono_ms() - began_ms;
    assert_false(s->over);
    end_the_storm(s);
    calm_down(s);
    int64_t calm_ms = clock_mono_ms();
    run_calmly(s);
    calm_ms = clock_mono_ms() - calm_ms;
    expect_the_undisturbed_outcome(s);
    expect_acknowledged(s);
    assert_int_equal(db_int(s->place.db,
                            "SELECT count(*) FROM (SELECT 1 FROM epoch GROUP BY trial, attempt, epoch HAVING "
                            "count(*) > 1)"),
                     0);
    expect_fine(s, (const char *[]){s->hone, "verify", s->place.db, NULL});
    expect_fine(s, (const char *[]){s->hone, "replay", "--db", s->place.db, "a", NULL});
    expect_fine(s, (const char *[]){s->hone, "replay", "--db", s->place.db, "s", NULL});
    print_message(
        "{\"chaos\":\"real "
        "processes\",\"storm_s\":%.0f,\"undisturbed_s\":%.0f,\"all_s\":%.0f,\"trials\":%lld,\"attempts\":%"
        "lld,\"acknowledged_epochs\":%lld,"
        "\"late_of_fenced\":%lld,\"lost\":0,\"processes_killed\":%d,\"trainers_killed\":%d,\"stopped\":%d,"
        "\"links_cut\":%d,\"links_lossy\":%d,\"links_slow\":%d,\"journals_compared\":%d}\n",
        (double)stormed_ms / 1000, (double)calm_ms / 1000, (double)(clock_mono_ms() - began_ms) / 1000,
        (long long)db_int(s->place.db, "SELECT count(*) FROM trial"),
        (long long)db_int(s->place.db, "SELECT count(*) FROM attempt"), (long long)journal_read(&s->journal),
        (long long)journal_dropped(&s->journal), s->kills, s->trainers, s->stops, s->cuts, s->losses,
        s->delays, s->looks);
}

/* Says, where they are not permitted, that the storm goes without them. */
static void links_can_be_cut(void **state)
{
    struct links links;
    char why[200];
    (void)state;
    if (!links_open(&links, why)) {
        print_message("# skip %s; processes are killed and stopped all the same\n", why);
        skip();
    }
    links_cut_silently(&links);
    links_close(&links);
}

int main(void)
{
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(links_can_be_cut),
                                       cmocka_unit_test_teardown(no_storm_changes_the_outcome, end)};
    return cmocka_run_group_tests_name("chaos", tests, NULL, NULL);
}
