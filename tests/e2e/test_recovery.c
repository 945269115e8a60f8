/* What the project promises when processes die, with the real executable, real sockets and real files: a killed
 * worker leaves nothing behind and its trial goes on elsewhere from its checkpoint; workers outlive a killed master;
 * ^C is resumable. Each outcome is compared, number by number, with an undisturbed run of the same study. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tools/place.h"

enum { MOST_PIDS = 64 };

/* Epochs of about a tenth of a second: long enough to be killed in. */
static const char study_text[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral:n=60000\", \"batch\": 16, \"seed\": 1,\n"
    "                \"layers\": [\"affine 32\", \"relu\", \"dropout 0.1\"]},\n"
    "  \"space\": {\"lr\": {\"log\": [1e-4, 1]}, \"optimizer\": {\"choice\": [\"sgd\", \"momentum\", "
    "\"adam\"]}},\n"
    "  \"search\": {\"method\": \"random\", \"trials\": 6, \"epochs\": 6, \"seed\": 7} }\n";

/* Everything that descends from a process: its slots, their trainers. */
static int descendants(pid_t root, pid_t *pids, int most)
{
    int count = 0;
    pid_t queue[MOST_PIDS] = {root};
    for (int at = 0, end = 1; at < end; at++) {
        char path[64], line[4096];
        snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)queue[at], (int)queue[at]);
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        if (fgets(line, sizeof line, file))
            for (char *word = strtok(line, " "); word && count < most && end < MOST_PIDS;
                 word = strtok(NULL, " "))
                queue[end++] = pids[count++] = (pid_t)atoi(word);
        fclose(file);
    }
    return count;
}

static void a_killed_worker_leaves_nothing_behind_and_its_trial_goes_on(void **state)
{
    (void)state;
    struct place p;
    struct proc master, first, second;
    pid_t pids[MOST_PIDS];
    place_init(&p, study_text);
    p.lease = "2s";
    place_master(&master, &p);
    place_worker(&first, &p, "w1");
    db_await(p.db,
             "SELECT count(*) FROM checkpoint c JOIN trial t ON t.id = c.trial WHERE c.state = 'kept' AND "
             "c.epoch BETWEEN 1 AND 4 AND t.status = 'running'");
    int count = descendants(first.pid, pids, MOST_PIDS);
    assert_true(count >= 2); /* a slot and a trainer */
    proc_signal(&first, SIGKILL);
    assert_int_equal(proc_wait(&first), 128 + SIGKILL);
    for (int i = 0; i < count; i++)
        await_gone(pids[i]);
    place_worker(&second, &p, "w2");
    if (proc_wait(&master))
        fail_msg("%s", str_text(&master.out));
    assert_int_equal(proc_wait(&second), 0);
    place_expect_undisturbed(&p);
    assert_true(db_int(p.db, "SELECT max(attempt) FROM attempt") >= 2);
    assert_true(db_int(p.db, "SELECT max(from_epoch) FROM attempt") >= 1); /* it resumed */
    proc_fini(&master);
    proc_fini(&first);
    proc_fini(&second);
    place_fini(&p);
}

static void workers_outlive_a_killed_master(void **state)
{
    (void)state;
    struct place p;
    struct proc master, again, worker;
    struct str before = {0};
    place_init(&p, study_text);
    p.lease = "10m";
    place_master(&master, &p);
    place_worker(&worker, &p, "w1");
    db_await(p.db, "SELECT count(*) >= 2 FROM epoch");
    proc_signal(&master, SIGKILL);
    proc_wait(&master);
    db_text(p.db, "SELECT group_concat(trial || ':' || attempt || ':' || epoch) FROM epoch", &before);
    int64_t rows = db_int(p.db, "SELECT count(*) FROM epoch");
    assert_true(is_alive(worker.pid));
    place_master(&again, &p);
    if (proc_wait(&again))
        fail_msg("%s", str_text(&again.out));
    assert_int_equal(proc_wait(&worker), 0);
    place_expect_undisturbed(&p);
    assert_int_equal(db_int(p.db, "SELECT max(attempt) FROM attempt"), 1); /* it reattached */
    assert_true(db_int(p.db, "SELECT count(*) FROM epoch") > rows);
    str_fini(&before);
    proc_fini(&master);
    proc_fini(&again);
    proc_fini(&worker);
    place_fini(&p);
}

static void interrupting_a_run_is_resumable(void **state)
{
    (void)state;
    struct place p;
    struct proc run;
    struct str out = {0};
    place_init(&p, study_text);
    START(&run, p.scratch.folder, "hone", "run", "study.json", "--workers", "2");
    db_await(p.db, "SELECT count(*) >= 3 FROM epoch");
    proc_signal(&run, SIGINT);
    assert_int_equal(proc_wait(&run), 130);
    assert_true(db_int(p.db, "SELECT count(*) FROM trial WHERE status = 'waiting'") >= 1);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM trial WHERE status = 'running'"), 0);
    pid_t left[MOST_PIDS];
    assert_int_equal(find_processes(p.scratch.folder, left, MOST_PIDS), 0);
    if (RUN(p.scratch.folder, &out, "hone", "run", "study.json", "--workers", "2"))
        fail_msg("%s", str_text(&out));
    place_expect_undisturbed(&p);
    str_fini(&out);
    proc_fini(&run);
    place_fini(&p);
}

static void a_run_killed_with_its_master_is_taken_up_again(void **state)
{
    (void)state;
    struct place p;
    struct proc run;
    struct str out = {0};
    place_init(&p, study_text);
    START(&run, p.scratch.folder, "hone", "run", "study.json", "--workers", "1");
    db_await(p.db, "SELECT count(*) >= 2 FROM epoch");
    proc_signal(&run, SIGKILL);
    proc_wait(&run);
    if (RUN(p.scratch.folder, &out, "hone", "run", "study.json", "--workers", "1"))
        fail_msg("%s", str_text(&out));
    place_expect_undisturbed(&p);
    str_fini(&out);
    proc_fini(&run);
    place_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_worker_leaves_nothing_behind_and_its_trial_goes_on),
        cmocka_unit_test(workers_outlive_a_killed_master),
        cmocka_unit_test(interrupting_a_run_is_resumable),
        cmocka_unit_test(a_run_killed_with_its_master_is_taken_up_again),
    };
    return cmocka_run_group_tests_name("recovery", tests, NULL, place_forget_undisturbed);
}
