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

#include "tests/tools/proc.h"
#include "tests/tools/scratch.h"

/* Checkpoints of about a megabyte, so that each takes several stretches; epochs of about a tenth of a second. */
static const char study_text[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral:n=6000\", \"batch\": 64, \"seed\": 1,\n"
    "                \"layers\": [\"affine 400\", \"relu\", \"affine 300\", \"relu\"]},\n"
    "  \"space\": {\"lr\": {\"log\": [1e-4, 1e-1]}},\n"
    "  \"search\": {\"method\": \"random\", \"trials\": 3, \"epochs\": 6, \"seed\": 7}%s }\n";

struct place {
    struct scratch scratch;
    char address[128], db[128];
    const char *lease;
    bool keyed; /* over TCP, with the keys in k/ */
};

static struct str undisturbed;

/* Nobody is lost for being slow: the machine may have more to do than this. */
static void place_init(struct place *p, const char *extra)
{
    char text[2048];
    *p = (struct place){.lease = "10m"};
    scratch_init(&p->scratch);
    snprintf(text, sizeof text, study_text, extra);
    scratch_text(&p->scratch, "study.json", text);
    snprintf(p->address, sizeof p->address, "ipc://%s/m.sock", p->scratch.folder);
    snprintf(p->db, sizeof p->db, "%s/hone.db", p->scratch.folder);
}

static void start_master(struct proc *master, struct place *p)
{
    static const char says[] = "hone worker ";
    START(master, p->scratch.folder, "hone", "master", "--once", "study.json", "--bind",
          p->keyed ? "tcp://127.0.0.1:*" : p->address, "--keys", p->keyed ? "k" : "none", "--beat", "200ms",
          "--lease", p->lease);
    proc_await_text(master, says);
    while (!strchr(strstr(str_text(&master->out), says), '\n'))
        proc_await_text(master, "\n");
    sscanf(strstr(str_text(&master->out), says) + strlen(says), "%127s", p->address);
}

/* With a folder of its own, and no eyes for the master's. */
static void start_worker(struct proc *worker, const struct place *p, const char *name)
{
    char keys[64] = "none";
    if (p->keyed)
        snprintf(keys, sizeof keys, "k/clients/%s", name);
    START(worker, p->scratch.folder, "hone", "worker", p->address, "--name", name, "--idle", "10m", "--dir",
          name, "--apart", "--keys", keys);
}

static void make_keys(struct place *p)
{
    static const char *const names[] = {"w1", "w2"};
    p->keyed = true;
    assert_int_equal(RUN(p->scratch.folder, NULL, "hone", "keygen", "k"), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            RUN(p->scratch.folder, NULL, "hone", "keys", "add", names[i], "--role", "worker", "--keys", "k"),
            0);
}

static void outcome(const struct place *p, struct str *out)
{
    int status =
        RUN(p->scratch.folder, out, "hone", "sql", "--csv",
            "SELECT trial, status, lr, val_acc, train_loss, best_epoch, epochs FROM \"s\" ORDER BY trial");
    if (status)
        fail_msg("%s", str_text(out));
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

static void finish(struct place *p, struct proc *master, struct proc *worker)
{
    struct str now = {0}, out = {0};
    if (proc_wait(master))
        fail_msg("%s", str_text(&master->out));
    if (proc_wait(worker))
        fail_msg("%s", str_text(&worker->out));
    outcome(p, &now);
    assert_string_equal(str_text(&now), str_text(&undisturbed));
    if (RUN(p->scratch.folder, &out, "hone", "verify", "hone.db"))
        fail_msg("%s", str_text(&out));
    /* Each ended trial keeps its best, here, and nothing is left on the way or at the worker that stayed. */
    assert_int_equal(
        db_int(p->db, "SELECT count(*) FROM checkpoint WHERE state = 'kept' AND path NOT LIKE '/%'"), 3);
    assert_int_equal(db_int(p->db, "SELECT count(*) FROM checkpoint WHERE state IN ('offered', 'doomed')"),
                     0);
    assert_int_equal(count_files(p, "hone.db.d", "*.ckpt"), 3);
    assert_int_equal(count_files(p, "hone.db.d", "*.part"), 0);
    str_fini(&now);
    str_fini(&out);
    proc_fini(master);
    proc_fini(worker);
}

static void checkpoints_come_to_the_master(void **state)
{
    (void)state;
    struct place p;
    struct proc master, worker;
    place_init(&p, "");
    start_master(&master, &p);
    start_worker(&worker, &p, "w1");
    db_await(p.db, "SELECT count(*) = 3 FROM trial WHERE status = 'complete'");
    finish(&p, &master, &worker);
    assert_int_equal(count_files(&p, "w1", "*.ckpt"), 0);
    scratch_fini(&p.scratch);
}

static void go_on_elsewhere(bool keyed)
{
    struct place p;
    struct proc master, first, second;
    place_init(&p, "");
    p.lease = "2s";
    if (keyed)
        make_keys(&p);
    start_master(&master, &p);
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
    scratch_fini(&p.scratch);
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
    place_init(&p, "");
    p.lease = "2s";
    start_master(&master, &p);
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
    scratch_fini(&p.scratch);
}

static void a_worker_that_is_sent_away_hands_its_last_checkpoint_over(void **state)
{
    (void)state;
    struct place p;
    struct proc master, first, second;
    place_init(&p, "");
    start_master(&master, &p);
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
    scratch_fini(&p.scratch);
}

static void a_killed_master_goes_on_fetching(void **state)
{
    (void)state;
    struct place p;
    struct proc master, again, worker;
    place_init(&p, "");
    start_master(&master, &p);
    start_worker(&worker, &p, "w1");
    db_await(p.db, "SELECT count(*) >= 1 FROM checkpoint WHERE epoch >= 2");
    proc_signal(&master, SIGKILL);
    proc_wait(&master);
    start_master(&again, &p);
    finish(&p, &again, &worker);
    assert_int_equal(db_int(p.db, "SELECT max(attempt) FROM attempt"), 1);
    assert_int_equal(count_files(&p, "w1", "*.ckpt"), 0);
    proc_fini(&master);
    scratch_fini(&p.scratch);
}

static void a_drained_worker_leaves_and_nothing_is_lost(void **state)
{
    (void)state;
    struct place p;
    struct proc master, first, second;
    struct str out = {0};
    place_init(&p, "");
    start_master(&master, &p);
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
    scratch_fini(&p.scratch);
}

/* "checkpoints": "worker": the rows name the worker's own files. */
static void they_may_stay_at_the_worker(void **state)
{
    (void)state;
    struct place p;
    struct proc master, worker;
    place_init(&p, ", \"checkpoints\": \"worker\"");
    start_master(&master, &p);
    start_worker(&worker, &p, "w1");
    assert_int_equal(proc_wait(&master), 0);
    assert_int_equal(proc_wait(&worker), 0);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM checkpoint WHERE state = 'kept' AND path LIKE '/%'"),
                     3);
    assert_int_equal(count_files(&p, "hone.db.d", "*.ckpt"), 0);
    assert_int_equal(count_files(&p, "w1", "*.ckpt"), 3);
    proc_fini(&master);
    proc_fini(&worker);
    scratch_fini(&p.scratch);
}

/* On a shared folder: nothing travels, and the policy deletes there. */
static int run_undisturbed(void **state)
{
    (void)state;
    struct place p;
    place_init(&p, "");
    if (RUN(p.scratch.folder, &undisturbed, "hone", "run", "study.json", "--workers", "1"))
        fail_msg("%s", str_text(&undisturbed));
    str_clear(&undisturbed);
    outcome(&p, &undisturbed);
    assert_int_equal(count_files(&p, "hone.db.d", "*.ckpt"), 3);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM checkpoint WHERE state = 'gone'"), 15);
    scratch_fini(&p.scratch);
    return 0;
}

static int forget_undisturbed(void **state)
{
    (void)state;
    str_fini(&undisturbed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_come_to_the_master),
        cmocka_unit_test(another_worker_goes_on_from_the_masters_copy),
        cmocka_unit_test(they_travel_encrypted_where_there_are_keys),
        cmocka_unit_test(a_killed_workers_successor_clears_its_folder),
        cmocka_unit_test(a_worker_that_is_sent_away_hands_its_last_checkpoint_over),
        cmocka_unit_test(a_killed_master_goes_on_fetching),
        cmocka_unit_test(a_drained_worker_leaves_and_nothing_is_lost),
        cmocka_unit_test(they_may_stay_at_the_worker),
    };
    return cmocka_run_group_tests_name("transit", tests, run_undisturbed, forget_undisturbed);
}
