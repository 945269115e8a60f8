/* What a person types, with the real executable: results, exit statuses, and what stands where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/json.h"
#include "tests/tools/shell.h"

/* Small enough for a second, and every hyperparameter is there. */
static const char study_text[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral\", \"batch\": 50, \"seed\": 1},\n"
    "  \"space\": {\"lr\": {\"log\": [1e-3, 1]}, \"optimizer\": {\"choice\": [\"sgd\", \"adam\"]}},\n"
    "  \"search\": {\"method\": \"random\", \"trials\": 6, \"epochs\": 3, \"seed\": 1} }\n";

/* Epochs long enough to be interrupted in. */
static const char long_text[] =
    "{ \"study\": \"long\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral:n=30000\", \"batch\": 32, \"seed\": 1},\n"
    "  \"space\": {\"lr\": {\"log\": [1e-3, 1]}},\n"
    "  \"search\": {\"method\": \"random\", \"trials\": 4, \"epochs\": 6, \"seed\": 1} }\n";

static size_t lines(void)
{
    size_t n = 0;
    for (const char *c = str_text(&out); *c; c++)
        n += *c == '\n';
    return n;
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

/* A folder with a finished study in hone.db. */
static int setup(void **state)
{
    shell_open(state);
    scratch_text(&scratch, "study.json", study_text);
    scratch_text(&scratch, "long.json", long_text);
    if (HONE("run", "study.json", "--workers", "2"))
        fail_msg("%s", str_text(&out));
    return 0;
}

static void test_run_again_prints_the_result(void **state)
{
    (void)state;
    assert_int_equal(HONE("run", "study.json"), 0);
    assert_said("s: 6 trials, 18 epochs");
    assert_said("rank  trial  val_acc");
    assert_said("hone show s/");
    assert_said("SELECT * FROM best_trials");
    assert_null(strpbrk(str_text(&out), "\r\033"));
    assert_true(is_there("hone.db"));
    assert_false(is_there("hone.db-wal"));
    assert_int_equal(HONE("run", "study.json", "--json"), 0);
    struct err err = ERR_NONE;
    struct json *json = json_parse(str_text(&out), out.len, "result", &err);
    assert_non_null(json);
    assert_int_equal(json_count(json_get(json, "best")), 6);
    json_free(json);
}

static void test_another_definition(void **state)
{
    (void)state;
    assert_int_equal(HONE("run", "study.json", "--set", "search.trials=7"), 2);
    assert_said("search.trials");
    assert_said("--fresh");
    assert_int_equal(
        HONE("run", "study.json", "--set", "search.trials=2", "--fresh", "--workers", "1", "--db", "f.db"),
        0);
    assert_int_equal(HONE("run", "study.json", "--fresh", "--workers", "1", "--db", "f.db", "--quiet"), 0);
    assert_said("s-2: 6 trials");
    assert_int_equal(HONE("studies", "-q", "--db", "f.db"), 0);
    assert_string_equal(str_text(&out), "s-2\ns\n");
}

static void test_reading(void **state)
{
    (void)state;
    assert_int_equal(HONE("best", "-n", "3", "--csv"), 0);
    assert_said("rank,trial,score,best_epoch,epochs,lr,optimizer,status,seconds,worker\n1,");
    assert_int_equal(lines(), 4);
    assert_int_equal(HONE("best", "nope"), 2);
    assert_said("there is no study \"nope\"");
    assert_int_equal(HONE("trials", "--csv"), 0);
    assert_said("trial,status,cause,lr,optimizer,val_acc,");
    assert_int_equal(lines(), 7);
    assert_int_equal(HONE("trials", "s/2-3,5", "-q"), 0);
    assert_string_equal(str_text(&out), "2\n3\n5\n");
    assert_int_equal(HONE("trials", "s", "-q"), 0);
    assert_string_equal(str_text(&out), "1\n2\n3\n4\n5\n6\n");
    assert_int_equal(HONE("trials", "-n", "2", "-q"), 0);
    assert_string_equal(str_text(&out), "5\n6\n");
    assert_int_equal(HONE("trials", "--status", "waiting,running", "-q"), 0);
    assert_string_equal(str_text(&out), "");
    assert_int_equal(HONE("trials", "--status", "faild"), 2);
    assert_said("did you mean failed?");
    assert_int_equal(HONE("show", "2"), 0);
    assert_said("s/2  complete  val_acc");
    assert_said("Curve of val_acc");
    assert_said("hone.db.d/s/t00002/a1/log");
    assert_int_equal(HONE("show", "7"), 2);
    assert_said("it has 1 to 6");
    assert_int_equal(HONE("show", "1-2"), 2);
    assert_int_equal(HONE("workers", "--all", "--csv"), 0);
    assert_int_equal(HONE("sql", "SELECT count(*) AS n FROM trial", "--csv"), 0);
    assert_string_equal(str_text(&out), "n\n6\n");
    assert_int_equal(HONE("sql", "DELETE FROM trial"), 2);
}

static void test_json_twins(void **state)
{
    (void)state;
    static const char *const calls[][3] = {{"best", "--json"},      {"trials", "--json"},
                                           {"show", "1", "--json"}, {"studies", "--json"},
                                           {"workers", "--json"},   {"check", "study.json", "--json"},
                                           {"version", "--json"}};
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        struct err err = ERR_NONE;
        assert_int_equal(HONE(calls[i][0], calls[i][1], calls[i][2]), 0);
        struct json *json = json_parse(str_text(&out), out.len, calls[i][0], &err);
        if (!json)
            fail_msg("%s: %s\n%s", calls[i][0], err.text, str_text(&out));
        json_free(json);
    }
}

/* One object on a line, with these members; what is said to a person stands between them. */
static void expect_lines(size_t count, const char *const *keys)
{
    struct err err = ERR_NONE;
    size_t found = 0;
    for (const char *line = str_text(&out); *line; line += strcspn(line, "\n") + 1) {
        if (*line != '{')
            continue;
        found++;
        struct json *json = json_parse(line, strcspn(line, "\n"), "line", &err);
        if (!json)
            fail_msg("%s\n%s", err.text, str_text(&out));
        for (size_t k = 0; keys[k]; k++)
            if (!json_get(json, keys[k]))
                fail_msg("no \"%s\" in:\n%s", keys[k], str_text(&out));
        json_free(json);
    }
    assert_int_equal(found, count);
}
#define EXPECT_LINES(count, ...) expect_lines((count), (const char *const[]){__VA_ARGS__, NULL})

static void test_json_of_what_changes(void **state)
{
    (void)state;
    assert_int_equal(HONE("submit", "long.json", "--db", "j.db", "--json"), 0);
    assert_int_equal(HONE("pause", "long", "--db", "j.db", "--json"), 0);
    EXPECT_LINES(1, "study", "state");
    assert_int_equal(HONE("edit", "long", "--set", "search.trials=2", "--db", "j.db", "--json"), 0);
    EXPECT_LINES(1, "study", "state", "changes");
    assert_said("{\"path\":\"search.trials\",\"before\":4,\"after\":2}");
    assert_int_equal(HONE("enqueue", "long", "--point", "{\"lr\":0.1}", "--point", "{\"lr\":0.2}", "--db",
                          "j.db", "--json"),
                     0);
    EXPECT_LINES(1, "study", "trials");
    assert_said("\"trials\":[1,2]");
    assert_int_equal(HONE("cancel", "long/1-2", "--db", "j.db", "--json"), 0);
    assert_said("{\"study\":\"long\",\"cancelled\":2}\n");
    assert_int_equal(HONE("retry", "long/1", "--db", "j.db", "--json"), 0);
    assert_said("{\"study\":\"long\",\"retried\":1}\n");
    assert_int_equal(HONE("delete", "long/1", "--db", "j.db", "--json"), 0);
    assert_said("{\"study\":\"long\",\"deleted\":1}\n");
    assert_int_equal(HONE("rename", "long", "wide", "--db", "j.db", "--json"), 0);
    assert_said("{\"study\":\"wide\",\"was\":\"long\"}\n");
    assert_int_equal(HONE("stop", "wide", "--db", "j.db", "--json"), 0);
    EXPECT_LINES(1, "study", "state");
}

static void test_json_of_what_happened(void **state)
{
    (void)state;
    assert_int_equal(HONE("wait", "s", "--json"), 0);
    EXPECT_LINES(1, "study", "end_reason", "trials", "complete", "metric", "best_score", "best_trial");
    scratch_text(&scratch, "hone.db.d/workers/nora.log", "zero\none\ntwo\n");
    assert_int_equal(HONE("logs", "nora", "--json", "-n", "2"), 0);
    EXPECT_LINES(2, "worker", "line");
    scratch_text(&scratch, "hone.db.d/s/t00001/a1/log", "one\n\"two\"\tand\nno end");
    assert_int_equal(HONE("logs", "1", "--json"), 0);
    EXPECT_LINES(3, "study", "trial", "attempt", "line");
    assert_said("{\"study\":\"s\",\"trial\":1,\"attempt\":1,\"line\":\"\\\"two\\\"\\tand\"}\n");
    assert_int_equal(HONE("gc", "--dry-run", "--json"), 0);
    EXPECT_LINES(1, "deleted", "files", "bytes");
}

static void test_exit_statuses(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *argv[6], *said;
    } cases[] = {
        {0, {"--help"}, "Usage: hone COMMAND"},
        {0, {"run", "--help"}, "Examples"},
        {2, {"bets"}, "did you mean hone best?"},
        {2, {"optimize"}, "hone run STUDY.json searches"},
        {2, {"list"}, "hone studies lists studies"},
        {2, {"nope"}, "hone --help lists the commands"},
        {2, {"best", "--cuont", "3"}, "did you mean --count?"},
        {2, {"best", "--n", "3"}, "--help lists the options"},
        {2, {"best", "-y"}, "--help lists the options"},
        {2, {"pause", "ss"}, "did you mean s?"},
        {2, {"evaluate", "model.json"}, "model.json: there is no such file"},
        {2, {"edit", "s", "--set", "search.trails=9"}, "did you mean search.trials?"},
        {2, {"rename", "s", "a b"}, "a letter or _, then letters"},
        {2, {"approve", "s", "lrr"}, "did you mean lr?"},
        {3, {"doctor", "--db", "nope.db"}, "hone run STUDY.json makes one"},
        {3, {"plot", "-o", "nowhere/x.svg"}, "nowhere/x.svg: cannot create it"},
        {2, {"best", "a", "b"}, "one argument too many"},
        {2, {"run"}, "needs STUDY.json"},
        {2, {"run", "nope.json"}, "nope.json"},
        {2, {"run", "study.json", "--set", "space.lr.log[0]=0"}, "space.lr.log"},
        {2, {"run", "study.json", "--bind", "tcp://*:0"}, "--insecure"},
        {2, {"master", "--bind", "tcp://0.0.0.0:0"}, "there are no keys"},
        {2, {"trials", "0"}, "does not name trials"},
        {2, {"show", "s"}, "if that is a study: s/all"},
        {2, {"trials", "9"}, "it has 1 to 6"},
        {0, {"trials", "--status", "failed"}, "no trial of study \"s\" is among these"},
        {2, {"show", "s/1", "--study", "t"}, "are two studies"},
        {2, {"best", "s", "--study", "t"}, "are two studies"},
        {2, {"replay", "s", "-s", "t"}, "are two studies"},
        {2, {"importance", "s", "-s", "t"}, "are two studies"},
        {2, {"cancel", "s/1", "-s", "t"}, "are two studies"},
        {2, {"best", "--json", "--csv"}, "--csv or --json, not both"},
        {3, {"best", "--db", "nope.db"}, "hone run STUDY.json makes one"},
        {3, {"pause", "--db", "nope.db"}, "hone run STUDY.json makes one"},
        {3, {"best", "--master", "tcp://127.0.0.1:9"}, "no master can be reached"},
        {1, {"cancel", "all"}, "no trial you named"},
        {1, {"pause"}, "has ended"},
        {0, {"wait"}, "s: ended (trials), 6 trials, 6 complete"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *const *a = cases[i].argv;
        int status = HONE(a[0], a[1], a[2], a[3], a[4]);
        if (status != cases[i].status)
            fail_msg("hone %s: %d\n%s", a[0], status, str_text(&out));
        assert_said(cases[i].said);
    }
    assert_false(is_there("nope.db"));
}

/* A slip in the command is found by the checks; put right in the same file, the same command goes on. */
static void test_what_the_checks_found_is_put_right(void **state)
{
    (void)state;
    static const char text[] =
        "{ \"study\": \"own\", \"metric\": {\"name\": \"m\", \"goal\": \"minimize\"},\n"
        "  \"trainer\": {\"command\": [\"%s\", \"own.sh\"]}, \"space\": {\"x\": {\"uniform\": [0, 1]}},\n"
        "  \"search\": {\"trials\": 2} }\n";
    char study[400];
    scratch_text(&scratch, "own.sh", "echo '{\"epoch\":1,\"m\":1}' >\"/dev/fd/$HONE_OUT_FD\"\n");
    snprintf(study, sizeof study, text, "shh");
    scratch_text(&scratch, "own.json", study);
    assert_int_equal(HONE("run", "own.json", "--db", "own.db", "--workers", "1"), 1);
    assert_said("cannot start shh");
    snprintf(study, sizeof study, text, "sh");
    scratch_text(&scratch, "own.json", study);
    assert_int_equal(HONE("run", "own.json", "--db", "own.db", "--workers", "1"), 0);
    assert_said("own: 2 trials");
    assert_int_equal(HONE("studies", "-q", "--db", "own.db"), 0);
    assert_string_equal(str_text(&out), "own\nown-unchecked\n");
    assert_int_equal(HONE("run", "own.json", "--db", "own.db", "--set", "search.trials=3"), 2);
    assert_said("3 here, 2 there");
    assert_said("hone edit own");
}

static void test_backup_is_a_database(void **state)
{
    (void)state;
    assert_int_equal(HONE("backup", "copy.db"), 0);
    assert_int_equal(HONE("backup", "copy.db", "--quiet"), 0);
    assert_string_equal(str_text(&out), "");
    assert_int_equal(HONE("trials", "-q", "--db", "copy.db"), 0);
    assert_int_equal(lines(), 6);
    assert_int_equal(HONE("verify", "copy.db"), 1);
    assert_said("copy.db.d is not there, and in it 6 checkpoints: a copy of the database alone has none");
    assert_int_equal(lines(), 2);
}

/* A reader that has seen enough is no error, and nothing is said about it. */
static void test_a_closed_pipe_is_quiet(void **state)
{
    (void)state;
    const char *hone = getenv("HONE") ? getenv("HONE") : "build/hone";
    char *path = realpath(hone, NULL), line[4200];
    snprintf(line, sizeof line, "%s trials --csv | head -1", path);
    str_clear(&out);
    assert_int_equal(RUN(scratch.folder, &out, "sh", "-c", line), 0);
    assert_int_equal(lines(), 1);
    snprintf(line, sizeof line, "%s trials > /dev/full", path);
    str_clear(&out);
    assert_int_equal(RUN(scratch.folder, &out, "sh", "-c", line), 3);
    assert_said("standard output");
    free(path);
}

static void test_interrupted_run_goes_on(void **state)
{
    (void)state;
    char db[128];
    struct proc run;
    snprintf(db, sizeof db, "%s/long.db", scratch.folder);
    START(&run, scratch.folder, "hone", "run", "long.json", "--workers", "2", "--db", "long.db");
    db_await(db, "SELECT count(*) FROM epoch");
    proc_signal(&run, SIGINT);
    assert_int_equal(proc_wait(&run), 130);
    proc_fini(&run);
    pid_t pids[8];
    assert_int_equal(find_processes(db, pids, 8), 0); // workers are gone with it
    assert_int_equal(db_int(db, "SELECT count(*) FROM study WHERE ended_ms IS NULL"), 1);
    assert_int_equal(HONE("studies", "--db", "long.db"), 0);
    assert_said("no master is running: hone run STUDY.json or hone master goes on");
    assert_int_equal(HONE("run", "long.json", "--workers", "2", "--db", "long.db"), 0);
    assert_said("long: 4 trials");
    assert_int_equal(db_int(db, "SELECT count(*) FROM trial WHERE status = 'complete'"), 4);
}

static void test_a_trial_that_nobody_runs(void **state)
{
    (void)state;
    assert_int_equal(HONE("submit", "long.json", "--db", "nobody.db"), 0);
    assert_int_equal(HONE("enqueue", "long", "lr=0.1", "--db", "nobody.db"), 0);
    assert_int_equal(HONE("explain", "long/last", "--db", "nobody.db"), 0);
    assert_said("no master is running: hone run or hone master goes on with it");
}

static void test_a_study_that_run_leaves_unfinished(void **state)
{
    (void)state;
    assert_int_equal(HONE("submit", "long.json", "--set", "search.trials=400", "--db", "two.db"), 0);
    assert_int_equal(HONE("run", "study.json", "--workers", "1", "--db", "two.db"), 0);
    assert_said("nfinished: long; `hone master --db two.db` and a worker go on with it");
}

static void test_twice_is_at_once(void **state)
{
    (void)state;
    char db[128];
    struct proc run;
    snprintf(db, sizeof db, "%s/twice.db", scratch.folder);
    START(&run, scratch.folder, "hone", "run", "long.json", "--workers", "1", "--db", "twice.db");
    db_await(db, "SELECT count(*) FROM epoch");
    proc_signal(&run, SIGINT);
    proc_await_text(&run, "interrupted");
    proc_signal(&run, SIGINT); // it may have come to its end by now: the outcome is the same
    assert_int_equal(proc_wait(&run), 130);
    proc_fini(&run);
    pid_t pids[8];
    assert_int_equal(find_processes(db, pids, 8), 0);
}

/* Workers outlive a killed run and are taken over by the next, instead of new ones beside them. */
static void test_workers_of_a_killed_run_come_back(void **state)
{
    (void)state;
    char db[128];
    struct proc run;
    snprintf(db, sizeof db, "%s/back.db", scratch.folder);
    START(&run, scratch.folder, "hone", "run", "long.json", "--set", "search.trials=30", "--workers", "2",
          "--db", "back.db");
    db_await(db, "SELECT (SELECT count(*) FROM worker) = 2 AND (SELECT count(*) FROM epoch) > 0");
    proc_signal(&run, SIGKILL);
    proc_wait(&run);
    proc_fini(&run);
    assert_int_equal(HONE("pause", "--db", "back.db"), 0); // nobody is there to be asked
    assert_int_equal(HONE("resume", "--db", "back.db"), 0);
    assert_said("no master is running: hone run STUDY.json or hone master goes on with it");
    assert_int_equal(
        HONE("run", "long.json", "--set", "search.trials=30", "--workers", "2", "--db", "back.db"), 0);
    assert_said("of the run before came back");
    assert_int_equal(db_int(db, "SELECT count(*) FROM worker"), 2);
    assert_int_equal(db_int(db, "SELECT count(*) FROM trial WHERE status = 'complete'"), 30);
}

/* A master, a worker and the commands that change things. */
static void test_a_master_is_asked(void **state)
{
    (void)state;
    struct proc master, worker;
    char address[128], db[128];
    snprintf(db, sizeof db, "%s/m.db", scratch.folder);
    START(&master, scratch.folder, "hone", "master", "long.json", "--bind", "tcp://127.0.0.1:*", "--beat",
          "200ms", "--db", "m.db");
    proc_await_text(&master, "hone worker tcp://");
    proc_await_text(&master, "\n");
    sscanf(strstr(str_text(&master.out), "hone worker tcp://"), "hone worker %127s", address);
    assert_int_equal(HONE("pause", "--db", "m.db"), 0);
    assert_said("long: paused");
    assert_int_equal(HONE("submit", "study.json", "--db", "m.db"), 0);
    assert_said("s: submitted");
    assert_int_equal(HONE("submit", "study.json", "--master", address), 0);
    assert_said("s: goes on");
    START(&worker, scratch.folder, "hone", "worker", address, "--slots", "2", "--name", "nora");
    assert_int_equal(HONE("wait", "s", "-t", "60s", "--db", "m.db"), 0);
    assert_int_equal(HONE("workers", "--db", "m.db"), 0);
    assert_said("nora");
    assert_int_equal(HONE("trials", "-s", "long", "-q", "--db", "m.db"), 0);
    assert_string_equal(str_text(&out), ""); // paused before a worker came
    assert_int_equal(HONE("resume", "long", "--db", "m.db"), 0);
    assert_null(strstr(str_text(&out), "no master"));
    assert_int_equal(HONE("stop", "long", "--db", "m.db"), 0);
    int nothing =
        HONE("wait", "long", "-t", "60s", "--db", "m.db"); // unless a trial was quicker than the stop
    assert_int_equal(nothing, db_int(db, "SELECT count(*) = 0 FROM trial t JOIN study s ON s.id = t.study "
                                         "WHERE s.name = 'long' AND t.status = 'complete'"));
    assert_int_equal(HONE("run", "study.json", "--db", "m.db"), 3);
    assert_said("in use by the master");
    proc_signal(&master, SIGTERM);
    assert_int_equal(proc_wait(&master), 143);
    assert_int_equal(proc_wait(&worker), 0);
    // with no master alive the same commands write themselves
    assert_int_equal(HONE("submit", "study.json", "--fresh", "--db", "m.db"), 0);
    assert_said("s-2: submitted");
    assert_int_equal(HONE("pause", "s-2", "--db", "m.db"), 0);
    proc_fini(&worker);
    proc_fini(&master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_again_prints_the_result),
        cmocka_unit_test(test_another_definition),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_json_twins),
        cmocka_unit_test(test_json_of_what_changes),
        cmocka_unit_test(test_json_of_what_happened),
        cmocka_unit_test(test_exit_statuses),
        cmocka_unit_test(test_what_the_checks_found_is_put_right),
        cmocka_unit_test(test_backup_is_a_database),
        cmocka_unit_test(test_a_closed_pipe_is_quiet),
        cmocka_unit_test(test_interrupted_run_goes_on),
        cmocka_unit_test(test_a_trial_that_nobody_runs),
        cmocka_unit_test(test_a_study_that_run_leaves_unfinished),
        cmocka_unit_test(test_twice_is_at_once),
        cmocka_unit_test(test_workers_of_a_killed_run_come_back),
        cmocka_unit_test(test_a_master_is_asked),
    };
    return cmocka_run_group_tests(tests, setup, shell_close);
}
