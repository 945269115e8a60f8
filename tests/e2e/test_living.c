/* Living with a study, with the real executable: what it decided is recomputed, also after its master was killed with
 * sixteen trainers at work. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "tests/tools/shell.h"

/* A trial is one small awk: the search is what is tried here. */
static const char study_text[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"height\", \"goal\": \"minimize\"},\n"
    "  \"trainer\": {\"command\": [\"sh\", \"t.sh\"], \"seed\": 1},\n"
    "  \"space\": {\"x\": {\"uniform\": [-2, 0.5], \"limits\": [-4, 4]}, \"y\": {\"uniform\": [-2, 2]},\n"
    "              \"z\": {\"log\": [1e-3, 1]}},\n"
    "  \"search\": {\"method\": \"tpe\", \"trials\": 90, \"epochs\": 1, \"seed\": 1} }\n";

static const char trainer_text[] =
    "h=$(awk -v x=\"$HONE_PARAM_x\" -v y=\"$HONE_PARAM_y\" 'BEGIN { print (2 - x) ^ 2 + (y - 1) ^ 2 }')\n"
    "printf '{\"epoch\":1,\"height\":%s}\\n' \"$h\" >\"/dev/fd/$HONE_OUT_FD\"\n";

static char address[128], db[128];

static void start_master(struct proc *master)
{
    START(master, scratch.folder, "hone", "master", "--once", "study.json", "--bind", address, "--beat",
          "200ms", "--lease", "2s");
    proc_await_text(master, "hone worker");
}

static void start_worker(struct proc *worker, const char *name)
{
    START(worker, scratch.folder, "hone", "worker", address, "--slots", "8", "--name", name, "--idle", "30s");
}

/* A finished study of 90 trials, 16 slots, whose master was killed in the middle. */
static int setup(void **state)
{
    struct proc master, first, second;
    shell_open(state);
    scratch_text(&scratch, "study.json", study_text);
    scratch_text(&scratch, "t.sh", trainer_text);
    snprintf(address, sizeof address, "ipc://%s/m.sock", scratch.folder);
    snprintf(db, sizeof db, "%s/hone.db", scratch.folder);
    start_master(&master);
    start_worker(&first, "w1");
    start_worker(&second, "w2");
    db_await(db, "SELECT count(*) >= 30 FROM trial WHERE status = 'complete'");
    proc_signal(&master, SIGKILL);
    proc_wait(&master);
    proc_fini(&master);
    start_master(&master);
    db_await(db, "SELECT count(*) >= 50 FROM trial WHERE status = 'complete'");
    if (HONE("replay", "s")) /* while it runs */
        fail_msg("%s", str_text(&out));
    if (proc_wait(&master))
        fail_msg("%s", str_text(&master.out));
    proc_wait(&first);
    proc_wait(&second);
    proc_fini(&master);
    proc_fini(&first);
    proc_fini(&second);
    return 0;
}

static bool is_there(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", scratch.folder, name);
    FILE *file = fopen(path, "r");
    if (file)
        fclose(file);
    return file;
}

static void every_decision_replays(void **state)
{
    (void)state;
    assert_int_equal(HONE("replay"), 0);
    assert_said("s: the same: 90 proposals, ");
    assert_false(is_there("hone.db-wal"));
    assert_int_equal(HONE("replay", "s", "--json"), 0);
    assert_said("\"same\":true,\"proposals\":90");
    assert_true(db_int(db, "SELECT count(*) FROM box") > 0);
    assert_int_equal(HONE("replay", "nosuch"), 2);
    assert_said("there is no study \"nosuch\"");
    assert_int_equal(HONE("replay", "--db", "nosuch.db"), 3);
}

static void what_a_trial_was_is_explained(void **state)
{
    (void)state;
    /* Which trials look behind a wall instead depends on which worker was faster. */
    char modelled[32];
    snprintf(modelled, sizeof modelled, "s/%d",
             (int)db_int(db, "SELECT max(number) FROM trial WHERE sampler = 'tpe' AND seq_cut > 0"));
    assert_int_equal(HONE("explain", modelled), 0);
    assert_said("proposed by tpe, version ");
    assert_said("happened   attempt 1 on w");
    assert_said("now        complete: it reached epoch 1 of 1");
    assert_int_equal(HONE("explain", modelled, "--json"), 0);
    assert_said("\"origin\":{\"seq_cut\":");
    assert_int_equal(HONE("explain", "400"), 2);
    assert_int_equal(HONE("explain", "1-3"), 2);
}

static void what_matters_is_told(void **state)
{
    (void)state;
    assert_int_equal(HONE("importance", "s", "--csv"), 0);
    assert_said("param,share,low,high,raw,trials\n");
    assert_said("\nx,0.");
    assert_said("\nz,0.");
    /* z does nothing. Which of the others leads depends on the points, and these on which worker was faster. */
    assert_null(strstr(str_text(&out), "trials\nz,"));
    assert_int_equal(HONE("importance", "--draws", "0", "--json"), 0);
    assert_said("\"low\":null");
    assert_int_equal(HONE("importance", "nosuch"), 2);
}

/* The first group of a list in the output, under `key` or by itself: its numbers are those of its members. */
static void assert_groups_say(const char *key)
{
    char sql[300];
    struct json *root = json_parse(str_text(&out), out.len, "out", NULL);
    assert_non_null(root);
    const struct json *list = key ? json_get(root, key) : root, *first = json_at(list, 0);
    const char *members = json_text(json_get(first, "members"));
    snprintf(sql, sizeof sql,
             "SELECT count(*) = %d AND abs(avg(score) - %.17g) < 1e-12 AND "
             "abs(sqrt((sum(score * score) - 3 * avg(score) * avg(score)) / 2) - %.17g) < 1e-6 FROM trial "
             "WHERE instr(' %s ', ' ' || number || ' ')",
             (int)json_num(json_get(first, "repeats")), json_num(json_get(first, "score")),
             json_num(json_get(first, "spread")), members);
    char path[160];
    snprintf(path, sizeof path, "%s/g.db", scratch.folder);
    if (!db_int(path, sql))
        fail_msg("%s: %s", sql, str_text(&out));
    json_free(root);
}

static void groups_are_ranked_by_their_mean(void **state)
{
    (void)state;
    scratch_text(&scratch, "g.json",
                 "{ \"study\": \"g\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
                 "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral:n=300\", \"seed\": 1},\n"
                 "  \"space\": {\"lr\": {\"log\": [1e-3, 1]}}, \"search\": {\"trials\": 12, \"epochs\": 1, "
                 "\"seed\": 1},\n"
                 "  \"repeat\": {\"folds\": 3} }\n");
    assert_int_equal(HONE("run", "g.json", "--db", "g.db", "--workers", "2", "--quiet"), 0);
    assert_int_equal(HONE("best", "--db", "g.db", "--csv"), 0);
    assert_said("rank,trial,score,spread,repeats,members,p_best,lr\n1,");
    assert_int_equal(HONE("run", "g.json", "--db", "g.db", "--json"), 0); /* ended: what it found */
    assert_groups_say("best");
    assert_int_equal(HONE("best", "--db", "g.db", "--json"), 0);
    assert_groups_say(NULL);
    assert_int_equal(
        HONE("sql", "--db", "g.db", "--csv", "SELECT max(repeats), count(spread) > 0 FROM groups"), 0);
    assert_said("\n3,1\n");
    assert_int_equal(HONE("replay", "--db", "g.db"), 0);
}

static void a_search_is_simulated(void **state)
{
    (void)state;
    assert_int_equal(
        HONE("simulate", "study.json", "--objective", "branin", "--set", "search.trials=40", "--csv"), 0);
    assert_said("trials,epochs,best\n1,1,");
    assert_said("\n40,40,");
    assert_int_equal(HONE("simulate", "study.json", "--objective", "branin", "--set", "search.trials=40",
                          "--seeds", "5", "--slots", "8", "--noise", "0.1", "--set", "search.epochs=3",
                          "--csv"),
                     0);
    assert_said("trials,epochs,q1,median,q3\n1,3,");
    assert_said("\n40,120,");
    assert_int_equal(HONE("simulate", "study.json", "--objective", "study:s", "--json"), 0);
    assert_said("{\"trials\":1,\"epochs\":1,\"best\":");
    /* what it was not ranked by, but told: what each epoch took */
    assert_int_equal(HONE("simulate", "study.json", "--objective", "study:s", "--set",
                          "metric=[{\"name\":\"height\",\"goal\":\"minimize\"},{\"name\":\"seconds\","
                          "\"goal\":\"minimize\"}]",
                          "--reference", "100,240", "--set", "search.trials=3"),
                     0);
    assert_said("hypervolume from height 100, seconds 240");
    assert_int_equal(HONE("simulate", "study.json", "--objective", "study:s", "--set", "metric.name=weight"),
                     2);
    assert_said("no trial of study \"s\" reported \"weight\"");
    assert_said("it is ranked by height");
    scratch_text(&scratch, "f.sh", "while read -r line; do echo '{\"height\":[3,2,1]}'; done\n");
    assert_int_equal(HONE("simulate", "study.json", "--exec", "sh f.sh", "--set", "search.epochs=2", "--set",
                          "search.trials=3", "--csv"),
                     0);
    assert_said("trials,epochs,best\n1,2,2\n3,6,2\n");
    assert_int_equal(HONE("simulate", "study.json", "--exec", "true"), 3);
    assert_said("the program ended before it answered {");
    assert_int_equal(HONE("simulate", "study.json", "--exec", "while read -r l; do echo '{}'; done"), 2);
    assert_said("the program's answer has no \"height\"");
    assert_int_equal(HONE("simulate", "study.json", "--objective", "table:study.json"), 2);
    assert_said("is no table of a family that is known here");
    assert_int_equal(HONE("simulate", "study.json", "--objective", "hartmann6"), 2);
    assert_said("is of 6 numeric parameters, and the space has 3");
    assert_said("branin wants two");
    assert_int_equal(HONE("simulate", "study.json", "--objective", "nosuch"), 2);
    assert_int_equal(HONE("simulate", "study.json"), 2);
}

/* With no master: the same calls, applied to the database. */
static void a_finished_study_is_steered(void **state)
{
    (void)state;
    struct proc master, worker;
    assert_int_equal(HONE("enqueue", "s", "x=2", "y=1"), 1);
    assert_said("has ended (trials)");
    assert_int_equal(HONE("edit", "s"), 2);
    assert_int_equal(HONE("edit", "s", "--set", "search.trials=93", "--set", "description=more"), 0);
    assert_said("search.trials: 90 -> 93\ndescription: null -> \"more\"\ns: running");
    assert_int_equal(HONE("enqueue", "s", "x=2", "y=1"), 0);
    assert_said("s/91: enqueued");
    assert_int_equal(HONE("enqueue", "s", "--point", "{\"x\": 3, \"z\": 9e9}"), 2);
    assert_said("points[0].z: 9");
    assert_int_equal(HONE("explain"), 0);
    assert_said("enqueued: 2 of 3 parameters named by ");
    assert_said("waiting\n");
    START(&master, scratch.folder, "hone", "master", "--once", "--bind", address, "--beat", "200ms",
          "--lease", "2s");
    proc_await_text(&master, "hone worker");
    start_worker(&worker, "w3");
    assert_int_equal(proc_wait(&master), 0);
    proc_wait(&worker);
    proc_fini(&master);
    proc_fini(&worker);
    assert_int_equal(HONE("best", "-n", "1", "--csv"), 0);
    assert_said("\n1,91,0,1,1,2,1,");
    assert_int_equal(HONE("delete", "s/91"), 0);
    assert_said("s: 1 trial deleted");
    assert_int_equal(HONE("best", "-n", "1", "--csv"), 0);
    assert_null(strstr(str_text(&out), "\n1,91,"));
    assert_int_equal(HONE("retry", "--failed"), 1);
    assert_said("no trial you named has failed");
    assert_int_equal(HONE("retry"), 2);
    assert_int_equal(HONE("approve", "s"), 1);
    assert_int_equal(HONE("approve", "s", "w"), 2);
    assert_said("study \"s\" has no parameter w");
    assert_int_equal(HONE("rename", "s", "valley"), 0);
    assert_int_equal(HONE("show", "valley/5"), 0);
    assert_said("hone.db.d/valley/t00005/a1/log");
    assert_int_equal(HONE("replay", "valley"), 0);
    assert_said("valley: the same: 93 proposals");
    assert_int_equal(db_int(db, "SELECT count(*) FROM study_event WHERE who LIKE '%@%'"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_decision_replays), cmocka_unit_test(what_a_trial_was_is_explained),
        cmocka_unit_test(what_matters_is_told),   cmocka_unit_test(groups_are_ranked_by_their_mean),
        cmocka_unit_test(a_search_is_simulated),  cmocka_unit_test(a_finished_study_is_steered),
    };
    return cmocka_run_group_tests_name("living", tests, setup, shell_close);
}
