/* `hone run --bind` with keys: its own workers come over the same socket and bring the keys by themselves, one from
 * elsewhere may join them with a key of its own, and without one nobody hears anything. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/tools/proc.h"
#include "tests/tools/scratch.h"

static const char study_text[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral:n=3000\", \"batch\": 32, \"seed\": 1},\n"
    "  \"space\": {\"lr\": {\"log\": [1e-3, 1]}},\n"
    "  \"search\": {\"method\": \"random\", \"trials\": %d, \"epochs\": 5, \"seed\": 1} }\n";

static struct scratch scratch;
static struct str out;
static char db[128], address[128];

#define HONE(...) (str_clear(&out), RUN(scratch.folder, &out, "hone", __VA_ARGS__))

static int begin(void **state)
{
    (void)state;
    scratch_init(&scratch);
    snprintf(db, sizeof db, "%s/hone.db", scratch.folder);
    assert_int_equal(HONE("keygen", "k"), 0);
    assert_int_equal(HONE("keys", "add", "w2", "--role", "worker", "--keys", "k"), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    scratch_fini(&scratch);
    str_fini(&out);
    return 0;
}

static void start_run(struct proc *run, int trials)
{
    char text[1024];
    struct str said = {0};
    snprintf(text, sizeof text, study_text, trials);
    scratch_text(&scratch, "study.json", text);
    START(run, scratch.folder, "hone", "run", "study.json", "--no-check", "--workers", "1", "--bind",
          "tcp://127.0.0.1:*", "--keys", "k");
    db_await(db, "SELECT count(*) >= 2 FROM epoch");
    db_text(db, "SELECT value FROM meta WHERE key = 'address'", &said);
    snprintf(address, sizeof address, "%s", str_text(&said));
    str_fini(&said);
}

static void its_own_workers_bring_the_keys(void **state)
{
    (void)state;
    struct proc run;
    start_run(&run, 3);
    if (proc_wait(&run))
        fail_msg("%s", str_text(&run.out));
    assert_int_equal(db_int(db, "SELECT count(*) FROM trial WHERE status = 'complete'"), 3);
    assert_int_equal(HONE("verify", "hone.db"), 0);
    proc_fini(&run);
}

static void others_come_in_with_a_key_and_not_without(void **state)
{
    (void)state;
    struct proc run, worker;
    start_run(&run, 1000);
    assert_int_equal(HONE("workers", "--master", address, "--keys", "none"), 3);
    assert_non_null(strstr(str_text(&out), "wants keys"));
    assert_int_equal(HONE("workers", "--master", address, "--keys", "k"), 0);
    START(&worker, scratch.folder, "hone", "worker", address, "--name", "w2", "--keys", "k/clients/w2");
    db_await(db, "SELECT count(*) FROM epoch e JOIN attempt a USING (trial, attempt) JOIN worker w ON w.id = "
                 "a.worker WHERE w.name = 'w2'");
    proc_signal(&worker, SIGTERM);
    proc_wait(&worker);
    proc_signal(&run, SIGINT);
    assert_int_equal(proc_wait(&run), 130);
    assert_int_equal(HONE("verify", "hone.db"), 0);
    proc_fini(&worker);
    proc_fini(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(its_own_workers_bring_the_keys, begin, end),
        cmocka_unit_test_setup_teardown(others_come_in_with_a_key_and_not_without, begin, end),
    };
    return cmocka_run_group_tests_name("keyed", tests, NULL, NULL);
}
