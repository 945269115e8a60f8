/* 10,000 messages that no master should take, at the socket of one that is busy: it answers afterwards, and the
 * study that ran meanwhile ends as if nothing had been. */
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
#include "tests/tools/storm.h"

enum { MESSAGES = 10000, SEED = 1 };

static const char study_text[] =
    "{ \"study\": \"calm\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral:n=3000\", \"batch\": 32, \"seed\": 1,\n"
    "                \"layers\": [\"affine 32\", \"relu\"]},\n"
    "  \"space\": {\"lr\": {\"log\": [1e-4, 1]}},\n"
    "  \"search\": {\"method\": \"random\", \"trials\": 12, \"epochs\": 10, \"seed\": 7} }\n";

static void start_master(struct proc *master, const struct scratch *scratch, const char *bind,
                         char address[256])
{
    START(master, scratch->folder, "hone", "master", "study.json", "--bind", bind, "--beat", "200ms",
          "--lease", "15s");
    proc_await_text(master, "hone worker ");
    proc_await_text(master, "\n");
    const char *line = strstr(str_text(&master->out), "hone worker ") + strlen("hone worker ");
    snprintf(address, 256, "%.*s", (int)strcspn(line, " \n"), line);
}

/* Asks it to end; a sanitizer would have ended it otherwise. */
static void end(struct proc *proc)
{
    proc_signal(proc, SIGTERM);
    int status = proc_wait(proc);
    if (status != 128 + SIGTERM)
        fail_msg("ended with %d: %s", status, str_text(&proc->out));
    proc_fini(proc);
}

static void weather(const struct scratch *scratch, const char *bind)
{
    struct proc master, worker;
    char address[256], db[256];
    scratch_text(scratch, "study.json", study_text);
    snprintf(db, sizeof db, "%s/hone.db", scratch->folder);
    start_master(&master, scratch, bind, address);
    START(&worker, scratch->folder, "hone", "worker", address, "--name", "calm", "--slots", "2");
    db_await(db, "SELECT count(*) FROM epoch");
    assert_int_equal(storm(address, "calm", SEED, MESSAGES), MESSAGES);
    assert_true(storm_ping(address));
    db_await(db, "SELECT ended_ms FROM study");
    assert_int_equal(db_int(db, "SELECT count(*) FROM trial WHERE status = 'complete'"), 12);
    assert_int_equal(db_int(db, "SELECT count(*) FROM attempt WHERE outcome = 'finished'"), 12);
    /* Somebody in the storm may have asked for work as a worker does, and a master that is slow to answer (a sanitizer)
     * makes ours connect anew: a job that was on its way then is given out again. Nothing else may have happened. */
    assert_int_equal(
        db_int(db,
               "SELECT count(*) FROM attempt WHERE outcome IS NULL OR outcome NOT IN ('finished', 'lost')"),
        0);
    assert_int_equal(db_int(db, "SELECT count(DISTINCT trial || ' ' || epoch) FROM epoch"), 120);
    end(&worker);
    end(&master);
}

static void test_storm_over_ipc(void **state)
{
    (void)state;
    struct scratch scratch;
    char bind[128];
    scratch_init(&scratch);
    snprintf(bind, sizeof bind, "ipc://%s/m.sock", scratch.folder);
    weather(&scratch, bind);
    scratch_fini(&scratch);
}

static void test_storm_over_tcp(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_init(&scratch);
    weather(&scratch, "tcp://127.0.0.1:*");
    scratch_fini(&scratch);
}

int main(void)
{
    setenv("HONE_LOG", "none", 1); /* a pipe that nobody reads meanwhile would hold up the master */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storm_over_ipc),
        cmocka_unit_test(test_storm_over_tcp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
