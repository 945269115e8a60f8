/* Where things are, and that it does not matter how many work on them: the same study with one and with four workers,
 * a mirror of the database, a database that only its master may open, and leaving at once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "tests/tools/proc.h"
#include "tests/tools/scratch.h"

static const char study_text[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral:n=%d\", \"batch\": 32, \"seed\": 1},\n"
    "  \"space\": {\"lr\": {\"log\": [1e-4, 1]}, \"l2\": {\"log\": [1e-6, 0.1], \"or_zero\": 0.2},\n"
    "            \"optimizer\": {\"choice\": [\"sgd\", \"momentum\", \"adam\"]},\n"
    "            \"momentum\": {\"choice\": [0.5, 0.9], \"when\": {\"optimizer\": [\"momentum\"]}}},\n"
    "  \"search\": {\"method\": \"random\", \"trials\": 12, \"epochs\": 4, \"seed\": 7} }\n";

static void begin(struct scratch *scratch, int samples)
{
    char text[2000];
    scratch_init(scratch);
    snprintf(text, sizeof text, study_text, samples);
    scratch_text(scratch, "s.json", text);
}

/* Everything but times and workers, which come last in a trial's line. */
static void trials(const struct scratch *scratch, const char *db, struct str *out)
{
    int status =
        RUN(scratch->folder, out, "hone", "sql", "--csv", "--db", db,
            "SELECT trial, status, lr, l2, optimizer, momentum, val_acc, train_acc, train_loss, val_loss, "
            "best_epoch, epochs FROM s ORDER BY trial");
    if (status)
        fail_msg("%s", str_text(out));
}

static void one_worker_and_four_find_the_same(void **state)
{
    (void)state;
    struct scratch scratch;
    struct str out = {0}, one = {0}, four = {0};
    begin(&scratch, 1000);
    if (RUN(scratch.folder, &out, "hone", "run", "s.json", "--workers", "1", "--db", "one.db"))
        fail_msg("%s", str_text(&out));
    if (RUN(scratch.folder, &out, "hone", "run", "s.json", "--workers", "4", "--db", "four.db"))
        fail_msg("%s", str_text(&out));
    trials(&scratch, "one.db", &one);
    trials(&scratch, "four.db", &four);
    assert_string_equal(str_text(&one), str_text(&four));
    assert_non_null(strstr(str_text(&one), "\n12,complete,"));
    str_fini(&out);
    str_fini(&one);
    str_fini(&four);
    scratch_fini(&scratch);
}

static void a_mirror_holds_what_the_database_holds(void **state)
{
    (void)state;
    struct scratch scratch;
    struct str out = {0}, mine = {0}, mirrored = {0};
    begin(&scratch, 500);
    if (RUN(scratch.folder, &out, "hone", "run", "s.json", "--db", "h.db", "--mirror", "copy.db", "--workers",
            "2"))
        fail_msg("%s", str_text(&out));
    trials(&scratch, "h.db", &mine);
    trials(&scratch, "copy.db", &mirrored);
    assert_string_equal(str_text(&mine), str_text(&mirrored));
    str_fini(&out);
    str_fini(&mine);
    str_fini(&mirrored);
    scratch_fini(&scratch);
}

/* Exclusive locking, no shared memory: other processes ask the master, which is found beside the file. */
static void a_network_database_is_read_through_its_master(void **state)
{
    (void)state;
    struct scratch scratch;
    struct proc master;
    struct str out = {0};
    char path[160];
    begin(&scratch, 500);
    START(&master, scratch.folder, "hone", "master", "s.json", "--db", "n.db", "--network-db", "--bind",
          "tcp://127.0.0.1:*");
    proc_await_text(&master, "hone worker ");
    snprintf(path, sizeof path, "%s/n.db-shm", scratch.folder);
    assert_false(file_exists(path));
    if (RUN(scratch.folder, &out, "hone", "studies", "--db", "n.db", "--csv"))
        fail_msg("%s", str_text(&out));
    assert_non_null(strstr(str_text(&out), "\ns,run,"));
    if (RUN(scratch.folder, &out, "hone", "pause", "s", "--db", "n.db"))
        fail_msg("%s", str_text(&out));
    proc_signal(&master, SIGTERM);
    assert_int_equal(proc_wait(&master), 128 + SIGTERM);
    if (RUN(scratch.folder, &out, "hone", "studies", "--db", "n.db", "--csv"))
        fail_msg("%s", str_text(&out));
    assert_non_null(strstr(str_text(&out), "\ns,pause,"));
    proc_fini(&master);
    str_fini(&out);
    scratch_fini(&scratch);
}

static void interrupting_twice_leaves_at_once_and_nothing_behind(void **state)
{
    (void)state;
    struct scratch scratch;
    struct proc run;
    pid_t left[16];
    char db[160];
    begin(&scratch, 60000);
    snprintf(db, sizeof db, "%s/hone.db", scratch.folder);
    START(&run, scratch.folder, "hone", "run", "s.json", "--workers", "2");
    db_await(db, "SELECT count(*) FROM attempt");
    int count = find_processes(scratch.folder, left, 16);
    assert_true(count > 0);
    proc_signal(&run, SIGINT);
    proc_signal(&run, SIGINT);
    assert_int_equal(proc_wait(&run), 130);
    for (int i = 0; i < count; i++)
        await_gone(left[i]);
    proc_fini(&run);
    scratch_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_worker_and_four_find_the_same),
        cmocka_unit_test(a_mirror_holds_what_the_database_holds),
        cmocka_unit_test(a_network_database_is_read_through_its_master),
        cmocka_unit_test(interrupting_twice_leaves_at_once_and_nothing_behind),
    };
    return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
