/* Checkpoints without a shared folder, with the real executable: each worker keeps its files in a folder of its own, the
 * master brings them to its own by WANT and CHUNK, and another worker goes on from the master's copy. The outcome is
 * that of an undisturbed run, number by number; what the keep policy lets go is deleted everywhere. */
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

#include "common/file.h"
#include "tests/tools/place.h"

/* Checkpoints of about a megabyte, so that each takes several stretches; epochs of about a tenth of a second. */
#define STUDY(epochs, more)                                                                            \
    "{ \"study\": \"s\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"               \
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral:n=6000\", \"batch\": 64, \"seed\": 1,\n" \
    "                \"layers\": [\"affine 400\", \"relu\", \"affine 300\", \"relu\"]},\n"             \
    "  \"space\": {\"lr\": {\"log\": [1e-4, 1e-1]}, \"optimizer\": {\"choice\": [\"sgd\", "            \
    "\"momentum\"]}},\n"                                                                               \
    "  \"search\": {\"method\": \"random\", \"trials\": 3, \"epochs\": " #epochs ", \"seed\": 7}" more \
    " }\n"

static const char study_text[] = STUDY(6, "");
static const char long_text[] = STUDY(14, ""); /* still under way when who has seen its checkpoint kills it */
static const char stays_text[] = STUDY(6, ", \"checkpoints\": \"worker\"");

/* Nobody is lost for being slow: the machine may have more to do than this. */
static void begin(struct place *p)
{
    place_init(p, study_text);
    p->lease = "10m";
}

/* With a folder of its own, and no eyes for the master's. */
static void start_worker(struct proc *worker, const struct place *p, const char *name)
{
    char keys[64] = "none";
    if (p->keys)
        snprintf(keys, sizeof keys, "k/clients/%s", name);
    START(worker, p->scratch.folder, "hone", "worker", p->address, "--name", name, "--idle", "10m", "--dir",
          name, "--apart", "--keys", keys);
}

static void make_keys(struct place *p)
{
    static const char *const names[] = {"w1", "w2"};
    p->keys = "k";
    assert_int_equal(RUN(p->scratch.folder, NULL, "hone", "keygen", "k"), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            RUN(p->scratch.folder, NULL, "hone", "keys", "add", names[i], "--role", "worker", "--keys", "k"),
            0);
}

static int count_files(const struct place *p, const char *below, const char *pattern)
{
    struct str out = {0};
    char folder[160];
    snprintf(folder, sizeof folder, "%s/%s", p->scratch.folder, below);
    RUN(NULL, &out, "find", folder, "-name", pattern, "-type", "f");
    int count = 0;
    for (const char *c = str_text(&out); *c; c++)
        count += *c == '\n';
    str_fini(&out);
    return count;
}

static void finish(const struct place *p, struct proc *master, struct proc *worker)
{
    if (proc_wait(master))
        fail_msg("%s", str_text(&master->out));
    if (proc_wait(worker))
        fail_msg("%s", str_text(&worker->out));
    place_expect_undisturbed(p);
    /* Each ended trial keeps its best, here, and nothing is left on the way or at the worker that stayed. */
    assert_int_equal(
        db_int(p->db, "SELECT count(*) FROM checkpoint WHERE state = 'kept' AND path NOT LIKE '/%'"), 3);
    assert_int_equal(db_int(p->db, "SELECT count(*) FROM checkpoint WHERE state IN ('offered', 'doomed')"),
                     0);
    assert_int_equal(count_files(p, "hone.db.d", "*.ckpt"), 3);
    assert_int_equal(count_files(p, "hone.db.d", "*.part"), 0);
    proc_fini(master);
    proc_fini(worker);
}

static void checkpoints_come_to_the_master(void **state)
{
    (void)state;
    struct place p;
    struct proc master, worker;
    begin(&p);
    place_master(&master, &p);
    start_worker(&worker, &p, "w1");
    db_await(p.db, "SELECT count(*) = 3 FROM trial WHERE status = 'complete'");
    finish(&p, &master, &worker);
    assert_int_equal(count_files(&p, "w1", "*.ckpt"), 0);
    place_fini(&p);
}

#define PRINTER                                                                    \
    "{ \"study\": \"s\", \"metric\": {\"name\": \"m\", \"goal\": \"minimize\"},\n" \
    "  \"trainer\": {\"command\": [\"sh\", \"printer.sh\"]},\n"                    \
    "  \"space\": {\"x\": {\"uniform\": [0, 1]}},\n"                               \
    "  \"search\": {\"method\": \"random\", \"trials\": 1, \"epochs\": 1} }\n"

static void expect_log(const struct place *p, const char *how, const char *where, const char *text)
{
    struct str out = {0};
    RUN(p->scratch.folder, &out, "hone", "logs", "s/1", how, where, "--keys", "none");
    if (!strstr(str_text(&out), text))
        fail_msg("no \"%s\" in:\n%s", text, str_text(&out));
    str_fini(&out);
}

/* What a trainer prints into a folder that nobody else sees: while it runs, and afterwards, as long as its worker is there. */
static void a_log_is_read_where_its_worker_is(void **state)
{
    (void)state;
    struct place p;
    struct proc master, worker, logs;
    char gate[160], folder[160];
    place_init(&p, PRINTER);
    p.lease = "10m";
    p.more = "--no-check"; /* its trainer would wait, too */
    snprintf(folder, sizeof folder, "%s/w1", p.scratch.folder);
    assert_int_equal(dir_make(folder, NULL), 0);
    snprintf(gate, sizeof gate, "%s/w1/gate", p.scratch.folder);
    assert_int_equal(mkfifo(gate, 0600), 0);
    scratch_text(&p.scratch, "w1/printer.sh",
                 "echo printed afar; read word <gate; echo \"and $word\"\n"
                 "echo '{\"epoch\":1,\"m\":1}' >&$HONE_OUT_FD; read word <gate\n");
    place_master(&master, &p);
    start_worker(&worker, &p, "w1");
    FILE *words = fopen(gate, "w"); /* once the trainer reads */
    assert_non_null(words);
    START(&logs, p.scratch.folder, "hone", "logs", "s/1", "-f", "--db", p.db, "--keys", "none");
    proc_await_text(&logs, "printed afar\n");
    assert_int_equal(count_files(&p, "hone.db.d", "log"), 0);
    expect_log(&p, "--master", p.address, "printed afar\n");
    fputs("later\n", words);
    fflush(words);
    proc_await_text(&logs, "and later\n");
    expect_log(&p, "--db", p.db, "printed afar\nand later\n");
    fputs("end\n", words);
    fclose(words);
    assert_int_equal(proc_wait(&logs), 0);
    proc_fini(&logs);
    proc_wait(&master);
    proc_wait(&worker);
    expect_log(&p, "--db", p.db, "is with a worker who has gone");
    proc_fini(&worker);
    proc_fini(&master);
    place_fini(&p);
}

static void go_on_elsewhere(bool keyed)
{
    struct place p;
    struct proc master, first, second;
    place_init(&p, long_text);
    p.lease = "2s";
    if (keyed)
        make_keys(&p);
    place_master(&master, &p);
    start_worker(&first, &p, "w1");
    db_await(
        p.db,
        "SELECT count(*) FROM checkpoint c JOIN trial t ON t.id = c.trial WHERE c.state = 'kept' AND c.epoch "
        "BETWEEN 2 AND 4 AND t.status = 'running'");
    proc_signal(&first, SIGKILL);
    proc_wait(&first);
    start_worker(&second, &p, "w2");
    finish(&p, &master, &second);
    assert_true(db_int(p.db, "SELECT max(from_epoch) FROM attempt") >= 2); /* it resumed, elsewhere */
    assert_int_equal(count_files(&p, "w2", "*.part"), 0);
    proc_fini(&first);
    place_fini(&p);
}

static void another_worker_goes_on_from_the_masters_copy(void **state)
{
    (void)state;
    go_on_elsewhere(false);
}

/* The same through CURVE, each worker with a key of its own: to the master and from it. */
static void they_travel_encrypted_where_there_are_keys(void **state)
{
    (void)state;
    go_on_elsewhere(true);
}

/* The master stands still while a checkpoint is on its way: DROP comes after the row has changed. */
static void stop_while_offered(struct proc *master, const struct place *p)
{
    static const char offered[] = "SELECT count(*) FROM checkpoint WHERE state = 'offered'";
    db_await(p->db, offered);
    proc_signal(master, SIGSTOP);
    while (!db_int(p->db, offered)) {
        proc_signal(master, SIGCONT);
        db_await(p->db, offered);
        proc_signal(master, SIGSTOP);
    }
}

/* It comes as a new process in the same folder: what the killed one had offered is handed over or deleted. */
static void a_killed_workers_successor_clears_its_folder(void **state)
{
    (void)state;
    struct place p;
    struct proc master, first, second;
    begin(&p);
    p.lease = "2s";
    place_master(&master, &p);
    start_worker(&first, &p, "w1");
    stop_while_offered(&master, &p);
    proc_signal(&first, SIGKILL);
    proc_wait(&first);
    proc_signal(&master, SIGCONT);
    assert_true(count_files(&p, "w1", "*.offer") >= 1);
    start_worker(&second, &p, "w1");
    finish(&p, &master, &second);
    assert_int_equal(count_files(&p, "w1", "*.offer"), 0);
    assert_true(count_files(&p, "w1", "*.ckpt") <= 1); /* one may have been written and not yet reported */
    proc_fini(&first);
    place_fini(&p);
}

static void a_worker_that_is_sent_away_hands_its_last_checkpoint_over(void **state)
{
    (void)state;
    struct place p;
    struct proc master, first, second;
    begin(&p);
    place_master(&master, &p);
    start_worker(&first, &p, "w1");
    db_await(p.db, "SELECT count(*) >= 2 FROM epoch");
    start_worker(&second, &p, "w2");
    proc_signal(&first, SIGTERM);
    assert_int_equal(proc_wait(&first), 143);
    finish(&p, &master, &second);
    /* Not one epoch was trained twice. */
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM epoch"), 18);
    /* It waits five seconds to be told that a file may go; on a machine with much else to do one may stay. */
    assert_true(count_files(&p, "w1", "*.ckpt") <= 1);
    proc_fini(&first);
    place_fini(&p);
}

static void a_killed_master_goes_on_fetching(void **state)
{
    (void)state;
    struct place p;
    struct proc master, again, worker;
    begin(&p);
    place_master(&master, &p);
    start_worker(&worker, &p, "w1");
    db_await(p.db, "SELECT count(*) >= 1 FROM checkpoint WHERE epoch >= 2");
    proc_signal(&master, SIGKILL);
    proc_wait(&master);
    place_master(&again, &p);
    finish(&p, &again, &worker);
    assert_int_equal(db_int(p.db, "SELECT max(attempt) FROM attempt"), 1);
    assert_int_equal(count_files(&p, "w1", "*.ckpt"), 0);
    proc_fini(&master);
    place_fini(&p);
}

static void a_drained_worker_leaves_and_nothing_is_lost(void **state)
{
    (void)state;
    struct place p;
    struct proc master, first, second;
    struct str out = {0};
    begin(&p);
    place_master(&master, &p);
    start_worker(&first, &p, "w1");
    db_await(p.db, "SELECT count(*) >= 2 FROM epoch");
    assert_int_equal(RUN(p.scratch.folder, &out, "hone", "workers", "drain", "nobody"), 2);
    str_clear(&out);
    if (RUN(p.scratch.folder, &out, "hone", "workers", "drain", "w1"))
        fail_msg("%s", str_text(&out));
    assert_int_equal(proc_wait(&first), 0);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM worker WHERE name = 'w1' AND mode = 'draining'"), 1);
    start_worker(&second, &p, "w2");
    finish(&p, &master, &second);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM epoch"), 18); /* none twice */
    str_fini(&out);
    proc_fini(&first);
    place_fini(&p);
}

/* Says which rows there are where they are not as many as expected. */
static void expect_rows(const struct place *p, const char *where, int count)
{
    struct str sql = {0}, rows = {0};
    str_addf(&sql, "SELECT count(*) FROM checkpoint WHERE %s", where);
    if (db_int(p->db, str_text(&sql)) != count) {
        db_text(
            p->db,
            "SELECT group_concat(t.number || '/' || c.attempt || ' ' || t.status || ' until ' || t.until || "
            "', best ' || ifnull(t.best_epoch, 0) || ': epoch ' || c.epoch || ' ' || c.state || ' ' || "
            "c.path, "
            "char(10)) FROM checkpoint c JOIN trial t ON t.id = c.trial",
            &rows);
        fail_msg("%s: not %d of\n%s", where, count, str_text(&rows));
    }
    str_fini(&sql);
    str_fini(&rows);
}

/* "checkpoints": "worker": the rows name the worker's own files. */
static void they_may_stay_at_the_worker(void **state)
{
    (void)state;
    struct place p;
    struct proc master, worker;
    place_init(&p, stays_text);
    p.lease = "10m";
    place_master(&master, &p);
    start_worker(&worker, &p, "w1");
    assert_int_equal(proc_wait(&master), 0);
    assert_int_equal(proc_wait(&worker), 0);
    expect_rows(&p, "state = 'kept' AND path LIKE '/%'", 3);
    assert_int_equal(count_files(&p, "hone.db.d", "*.ckpt"), 0);
    assert_int_equal(count_files(&p, "w1", "*.ckpt"), 3);
    proc_fini(&master);
    proc_fini(&worker);
    place_fini(&p);
}

static void on_a_shared_folder_nothing_travels(void **state)
{
    (void)state;
    struct place p;
    struct str out = {0};
    begin(&p);
    if (RUN(p.scratch.folder, &out, "hone", "run", "study.json", "--workers", "1"))
        fail_msg("%s", str_text(&out));
    place_expect_undisturbed(&p);
    assert_int_equal(count_files(&p, "hone.db.d", "*.ckpt"), 3); /* the policy deletes there */
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM checkpoint WHERE state = 'gone'"), 15);
    str_fini(&out);
    place_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_a_shared_folder_nothing_travels),
        cmocka_unit_test(checkpoints_come_to_the_master),
        cmocka_unit_test(a_log_is_read_where_its_worker_is),
        cmocka_unit_test(another_worker_goes_on_from_the_masters_copy),
        cmocka_unit_test(they_travel_encrypted_where_there_are_keys),
        cmocka_unit_test(a_killed_workers_successor_clears_its_folder),
        cmocka_unit_test(a_worker_that_is_sent_away_hands_its_last_checkpoint_over),
        cmocka_unit_test(a_killed_master_goes_on_fetching),
        cmocka_unit_test(a_drained_worker_leaves_and_nothing_is_lost),
        cmocka_unit_test(they_may_stay_at_the_worker),
    };
    return cmocka_run_group_tests_name("transit", tests, NULL, place_forget_undisturbed);
}
