/* One study whose rows cannot be read, beside others: it is set aside and told, they go on, nothing of it is written or
 * lost, and once its column is mended it goes on, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <utime.h>

#include "common/file.h"
#include "common/mem.h"
#include "tests/tools/place.h"
#include "tests/tools/shell.h"

/* Everything that is kept of study "bad", but what this hone makes of it. */
static const char all_of_bad[] = "SELECT group_concat(x, char(10)) FROM (SELECT json_array(name, definition, "
                                 "wish, ended_ms, wall_used_ms, "
                                 "slot_used_ms) AS x FROM study WHERE name = 'bad'"
                                 " UNION ALL SELECT json_array(t.id, number, status, cause, attempt, "
                                 "last_epoch, score) FROM trial t JOIN study s "
                                 "ON s.id = t.study WHERE s.name = 'bad'"
                                 " UNION ALL SELECT json_array(c.trial, c.attempt, c.epoch, c.path, c.state) "
                                 "FROM checkpoint c JOIN trial t ON t.id = "
                                 "c.trial JOIN study s ON s.id = t.study WHERE s.name = 'bad'"
                                 " UNION ALL SELECT json_array(e.seq, e.trial, e.to_status) FROM trial_event "
                                 "e JOIN trial t ON t.id = e.trial JOIN "
                                 "study s ON s.id = t.study WHERE s.name = 'bad')";

static char *db;
static char kept[256]; /* a checkpoint of "bad" that no row names */

static void write_study(const char *name, int trials)
{
    char file[64], text[1000];
    snprintf(file, sizeof file, "%s.json", name);
    snprintf(
        text, sizeof text,
        "{ \"study\": \"%s\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
        "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral\", \"batch\": 50, \"seed\": 1},\n"
        "  \"space\": {\"lr\": {\"log\": [1e-3, 1]}, \"optimizer\": {\"choice\": [\"sgd\", \"adam\"]}},\n"
        "  \"search\": {\"method\": \"random\", \"trials\": %d, \"epochs\": 2, \"seed\": 1} }\n",
        name, trials);
    scratch_text(&scratch, file, text);
}

static void expect_run(const char *file)
{
    if (HONE("run", file, "--workers", "1", "--no-check"))
        fail_msg("%s", str_text(&out));
}

/* "good" and "bad" have ended; a checkpoint from before lies in the folder of the second. */
static int setup(void **state)
{
    shell_open(state);
    db = xasprintf("%s/hone.db", scratch.folder);
    write_study("good", 2);
    write_study("bad", 2);
    write_study("third", 1);
    expect_run("good.json");
    expect_run("bad.json");
    snprintf(kept, sizeof kept, "%s/hone.db.d/bad/t00001/a1/e9.ckpt", scratch.folder);
    char *dir = path_dir(kept);
    assert_int_equal(dir_make(dir, NULL), 0);
    assert_int_equal(file_write_whole(kept, "x", 1, NULL), 0);
    assert_int_equal(utime(kept, &(struct utimbuf){1, 1}), 0);
    free(dir);
    return 0;
}

static int teardown(void **state)
{
    free(db);
    place_forget_undisturbed(state);
    return shell_close(state);
}

static void damage(const char *sql)
{
    char *all = xasprintf("PRAGMA ignore_check_constraints = ON; %s", sql);
    db_change(db, all);
    free(all);
}

/* What every way to damage it has in common: others run, it stays, and it goes on when it is mended. */
static void expect_set_aside(const char *spoil, const char *mend, const char *where)
{
    struct str before = {0}, after = {0};
    damage(spoil);
    db_text(db, all_of_bad, &before);
    expect_run("third.json");
    assert_said("study \"bad\" is unreadable");
    assert_said(where);
    assert_int_equal(HONE("studies"), 0);
    assert_said("unreadable");
    assert_said(where);
    assert_int_equal(HONE("pause", "bad"), 2);
    assert_said("study \"bad\" is unreadable");
    assert_said(where);
    assert_said("hint: ");
    db_text(db, all_of_bad, &after);
    assert_string_equal(str_text(&after), str_text(&before));
    damage(mend);
    expect_run("bad.json");
    assert_int_equal(HONE("studies"), 0);
    assert_null(strstr(str_text(&out), "unreadable"));
    str_fini(&before);
    str_fini(&after);
}

static const char spoil_method[] =
    "UPDATE study SET definition = json_set(definition, '$.search.method', 'gp9') WHERE name = 'bad'";
static const char mend_method[] =
    "UPDATE study SET definition = json_set(definition, '$.search.method', 'random') WHERE name = 'bad'";

static void a_definition_that_no_longer_parses(void **state)
{
    (void)state;
    expect_set_aside(spoil_method, mend_method, "search.method");
    expect_set_aside(
        "UPDATE study SET definition = substr(definition, 1, 40) || char(7) WHERE name = 'bad'; CREATE "
        "TABLE was AS SELECT 1",
        "DROP TABLE was; UPDATE study SET definition = json_set((SELECT definition FROM study WHERE name "
        "= 'good'), '$.study', 'bad') WHERE name = 'bad'",
        "study.definition");
}

static void columns_that_are_damaged(void **state)
{
    (void)state;
    static const char *const ways[][3] = {
        {"UPDATE trial SET status = 'lost' WHERE number = 2 AND study = (SELECT id FROM study WHERE name = "
         "'bad')",
         "UPDATE trial SET status = 'complete' WHERE status = 'lost'", "trial.status"},
        {"UPDATE trial SET number = 7 WHERE number = 2 AND study = (SELECT id FROM study WHERE name = 'bad')",
         "UPDATE trial SET number = 2 WHERE number = 7", "trial.number"},
        {"UPDATE param SET value = 'nadam' WHERE name = 'optimizer' AND trial = (SELECT max(t.id) FROM trial "
         "t JOIN study "
         "s ON s.id = t.study WHERE s.name = 'bad')",
         "UPDATE param SET value = 'sgd' WHERE value = 'nadam'", "optimizer"},
        {"UPDATE epoch SET epoch = 2000000000 WHERE epoch = 2 AND trial = (SELECT max(t.id) FROM trial t "
         "JOIN study s ON "
         "s.id = t.study WHERE s.name = 'bad')",
         "UPDATE epoch SET epoch = 2 WHERE epoch = 2000000000", "epoch.epoch"},
        {"UPDATE trial_event SET to_status = 'lost' WHERE seq = (SELECT max(seq) FROM trial_event e JOIN "
         "trial t ON t.id = "
         "e.trial JOIN study s ON s.id = t.study WHERE s.name = 'bad')",
         "UPDATE trial_event SET to_status = 'complete' WHERE to_status = 'lost'", "trial_event.to_status"},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        expect_set_aside(ways[i][0], ways[i][1], ways[i][2]);
}

static void every_command_says_the_same_of_it(void **state)
{
    (void)state;
    damage(spoil_method);
    expect_run("third.json");
    static const char *const refused[][4] = {{"run", "bad.json", "--no-check"},
                                             {"submit", "bad.json"},
                                             {"resume", "bad"},
                                             {"stop", "bad"},
                                             {"edit", "bad", "--set", "search.trials=9"},
                                             {"rename", "bad", "other"},
                                             {"cancel", "bad/1"},
                                             {"retry", "bad/1"},
                                             {"delete", "bad/1"},
                                             {"replay", "bad"},
                                             {"wait", "bad"},
                                             {"enqueue", "bad", "lr=0.1"},
                                             {"approve", "bad"},
                                             {"rename", "good", "bad"}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *const *w = refused[i];
        int status = w[2] ? w[3] ? HONE(w[0], w[1], w[2], w[3]) : HONE(w[0], w[1], w[2]) : HONE(w[0], w[1]);
        if (status != 2)
            fail_msg("hone %s %s: %d: %s", w[0], w[1], status, str_text(&out));
        assert_said("study \"bad\" is unreadable");
        assert_said("search.method");
    }
    /* The newest is what a command is about that names none. */
    assert_int_equal(HONE("submit", "bad.json", "--fresh"), 0);
    assert_said("bad-2");
    assert_int_equal(HONE("stop", "bad-2"), 0);
    damage(mend_method);
    expect_run("bad.json");
}

/* `spoil` is how its definition is damaged. */
static void expect_results(const char *spoil)
{
    damage(spoil);
    expect_run("third.json");
    static const char *const reading[][2] = {
        {"best", "bad"}, {"trials", "bad"}, {"show", "bad/1"}, {"explain", "bad/1"}, {"logs", "bad/1"}};
    for (size_t i = 0; i < sizeof reading / sizeof *reading; i++) {
        if (HONE(reading[i][0], reading[i][1]))
            fail_msg("hone %s: %s", reading[i][0], str_text(&out));
        assert_said("study \"bad\" is unreadable");
    }
    assert_int_equal(HONE("studies", "--json"), 0);
    assert_said("\"unreadable\":\"");
    assert_int_equal(HONE("verify"), 1);
    assert_said("bad: study \"bad\" is unreadable: ");
    assert_int_equal(HONE("gc"), 0);
    assert_said("bad is unreadable");
    assert_true(file_exists(kept));
}

static void its_results_and_files_stay(void **state)
{
    (void)state;
    expect_results(spoil_method);
    expect_results("UPDATE study SET definition = '{' WHERE name = 'bad'");
    damage("UPDATE study SET definition = json_set((SELECT definition FROM study WHERE name = 'good'), "
           "'$.study', 'bad') "
           "WHERE name = 'bad'");
    expect_run("bad.json");
    assert_int_equal(HONE("verify"), 0);
    assert_int_equal(HONE("gc"), 0);
    assert_false(file_exists(kept));
}

/* Its attempt was under way: what the worker has trained since its last checkpoint is trained again, and no more. */
static void what_ran_of_it_goes_on_when_it_is_mended(void **state)
{
    (void)state;
    struct place p;
    struct proc master, again, other, worker, second;
    place_init(&p, place_study);
    scratch_text(&p.scratch, "other.json",
                 "{ \"study\": \"other\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
                 "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral\"}, \"space\": {\"lr\": {\"log\": "
                 "[1e-3, 1]}},\n"
                 "  \"search\": {\"trials\": 2, \"epochs\": 1} }\n");
    place_master(&master, &p);
    place_worker(&worker, &p, "w1");
    db_await(p.db,
             "SELECT count(*) FROM checkpoint c JOIN trial t ON t.id = c.trial WHERE c.state = 'kept' AND "
             "c.epoch BETWEEN 1 AND 4 AND t.status = 'running'");
    proc_signal(&master, SIGKILL);
    proc_wait(&master);
    db_change(
        p.db,
        "UPDATE study SET definition = json_set(definition, '$.search.method', 'gp9') WHERE name = 's'");
    START(&other, p.scratch.folder, "hone", "master", "--once", "other.json", "--db", p.db, "--bind",
          p.address, "--keys", "none", "--beat", "100ms", "--lease", "3s");
    if (proc_wait(&other))
        fail_msg("%s", str_text(&other.out));
    assert_int_equal(proc_wait(&worker), 0);
    assert_int_equal(
        db_int(p.db, "SELECT count(*) FROM trial t JOIN study s ON s.id = t.study WHERE s.name = 'other' AND "
                     "t.status = 'complete'"),
        2);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM study_unreadable"), 1);
    assert_true(db_int(p.db, "SELECT count(*) FROM attempt WHERE outcome IS NULL") >= 1);
    db_change(
        p.db,
        "UPDATE study SET definition = json_set(definition, '$.search.method', 'random') WHERE name = 's'");
    place_master(&again, &p);
    place_worker(&second, &p, "w2");
    if (proc_wait(&again))
        fail_msg("%s", str_text(&again.out));
    assert_int_equal(proc_wait(&second), 0);
    place_expect_undisturbed(&p);
    proc_fini(&master);
    proc_fini(&again);
    proc_fini(&other);
    proc_fini(&worker);
    proc_fini(&second);
    place_fini(&p);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_definition_that_no_longer_parses),
        cmocka_unit_test(columns_that_are_damaged),
        cmocka_unit_test(every_command_says_the_same_of_it),
        cmocka_unit_test(its_results_and_files_stay),
        cmocka_unit_test(what_ran_of_it_goes_on_when_it_is_mended),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
