/* hone ensemble --seeds: the best configuration trained again with other seeds, by a master of its own or by the one that
 * runs, and the search it belongs to as it was. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "tests/tools/shell.h"

static const char study[] =
    "{\"study\":\"g\",\"metric\":{\"name\":\"val_acc\",\"goal\":\"maximize\"},\"trainer\":{\"builtin\":"
    "\"mlp\",\"seed\":1,"
    "\"layers\":[\"affine 32\",\"relu\"],\"data\":\"glyphs:n=1500\"},\"space\":{\"lr\":{\"log\":[0.01,1]}},"
    "\"search\":{\"method\":\"random\",\"trials\":6,\"epochs\":4,\"seed\":1},\"budget\":{\"wall\":\"1h\"}}";

static struct str before;
static char db[128];

#define SEEDS "SELECT count(*) FROM trial WHERE sampler = 'seeds' AND status = 'complete'"

/* The search, as people see it: what is in the rankings, and how far it came. */
static void look(struct str *to)
{
    if (HONE("best", "--csv") || HONE("studies", "--csv"))
        fail_msg("%s", str_text(&out));
    str_clear(to);
    str_add(to, str_text(&out));
    assert_int_equal(HONE("best", "-n", "100", "--csv"), 0);
    str_add(to, str_text(&out));
    db_text(db, "SELECT group_concat(trial || score) FROM leaderboard", &out);
    str_add(to, str_text(&out));
}

static void assert_search_is_as_it_was(void)
{
    struct str now = {0};
    look(&now);
    assert_string_equal(str_text(&now), str_text(&before));
    str_fini(&now);
    if (HONE("verify") || HONE("replay", "g"))
        fail_msg("%s", str_text(&out));
}

static struct json *answer(void)
{
    const char *open = strstr(str_text(&out), "{\"file\"");
    struct json *tree = open ? json_parse(open, strcspn(open, "\n"), "answer", NULL) : NULL;
    if (!tree)
        fail_msg("no JSON: %s", str_text(&out));
    return tree;
}

static double accuracy_of(const char *model)
{
    assert_int_equal(HONE("evaluate", model, "--json"), 0);
    struct json *tree = json_parse(str_text(&out), out.len, "answer", NULL);
    double accuracy = json_num(json_get(tree, "accuracy"));
    json_free(tree);
    return accuracy;
}

static void by_a_master_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(HONE("ensemble", "g", "--seeds", "3", "--workers", "2", "-o", "s.json", "--json"), 0);
    struct json *tree = answer();
    const struct json *average = json_at(json_get(tree, "models"), 1),
                      *single = json_at(json_get(tree, "models"), 0);
    double test = json_num(json_get(average, "test_acc"));
    assert_true(json_num(json_get(average, "val_loss")) <= json_num(json_get(single, "val_loss")));
    assert_true(json_count(json_get(tree, "members")) >= 2);
    json_free(tree);
    assert_int_equal(db_int(db, SEEDS), 3);
    assert_int_equal(db_int(db, "SELECT count(DISTINCT seed) FROM trial WHERE \"group\" = "
                                "(SELECT trial FROM leaderboard WHERE rank = 1)"),
                     4);
    assert_float_equal(accuracy_of("s.json"), test, 1e-9);
    assert_int_equal(HONE("predict", "s.json", "glyphs:n=20,seed=9"), 0);
    assert_search_is_as_it_was();
    assert_int_equal(HONE("ensemble", "g", "--seeds", "3", "-o", "s.json"), 0); /* they are there already */
    assert_int_equal(db_int(db, SEEDS), 3);
}

static void by_the_master_that_runs(void **state)
{
    (void)state;
    struct proc master, worker;
    char address[128];
    snprintf(address, sizeof address, "ipc://%s/m.sock", scratch.folder);
    START(&master, scratch.folder, "hone", "master", "--bind", address);
    proc_await_text(&master, "hone worker");
    START(&worker, scratch.folder, "hone", "worker", address);
    assert_int_equal(HONE("ensemble", "g", "--seeds", "5", "-o", "s.json"), 0);
    assert_non_null(strstr(str_text(&out), "2 more seeds to train, by the master that runs"));
    assert_int_equal(db_int(db, SEEDS), 5);
    proc_signal(&master, SIGTERM);
    proc_signal(&worker, SIGTERM);
    proc_wait(&master);
    proc_wait(&worker);
    proc_fini(&master);
    proc_fini(&worker);
    assert_search_is_as_it_was();
}

static void interrupted_it_goes_on(void **state)
{
    (void)state;
    struct proc command;
    START(&command, scratch.folder, "hone", "ensemble", "--group", "g/1", "--seeds", "8", "--workers", "1");
    db_await(
        db,
        "SELECT count(*) > 0 FROM trial WHERE sampler = 'seeds' AND \"group\" = 1 AND status = 'complete'");
    proc_signal(&command, SIGINT);
    int status = proc_wait(&command);
    if (status && (status != 130 || !strstr(str_text(&command.out), "goes on")))
        fail_msg("status %d: %s", status, str_text(&command.out));
    proc_fini(&command);
    assert_int_equal(HONE("ensemble", "--group", "g/1", "--seeds", "8"), 0);
    assert_int_equal(db_int(db, SEEDS " AND \"group\" = 1"), 8);
    assert_search_is_as_it_was();
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    assert_int_equal(HONE("ensemble", "g", "--seeds", "0"), 2);
    assert_int_equal(HONE("ensemble", "--average", "g/1", "--seeds", "3"), 2);
    assert_int_equal(HONE("ensemble", "nosuch", "--seeds", "3"), 2);
}

static int setup(void **state)
{
    shell_open(state);
    snprintf(db, sizeof db, "%s/hone.db", scratch.folder);
    scratch_text(&scratch, "study.json", study);
    if (HONE("run", "study.json", "--workers", "1", "--no-check", "-q"))
        fail_msg("%s", str_text(&out));
    look(&before);
    return 0;
}

static int teardown(void **state)
{
    str_fini(&before);
    return shell_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_a_master_of_its_own),
        cmocka_unit_test(by_the_master_that_runs),
        cmocka_unit_test(interrupted_it_goes_on),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
