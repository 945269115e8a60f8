/* Checks before training, by the real program: each trainer with a planted fault is caught by the gate that is there
 * for it, and a sane one passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/json.h"
#include "tests/tools/proc.h"
#include "tests/tools/scratch.h"

static struct scratch place;

/* Trains by counting: the value after an epoch is the seed and all epochs so far. */
static const char sane[] = "s=$HONE_SEED; e=0\n"
                           "[ -n \"$HONE_RESUME\" ] && { e=$HONE_RESUME_EPOCH; s=$(cat \"$HONE_RESUME\"); }\n"
                           "while [ $e -lt $HONE_UNTIL ]; do\n"
                           "  e=$((e + 1)); s=$(((s * 31 + e) % 1000003)); echo $s >\"$HONE_DIR/e$e\"\n"
                           "  echo '{\"epoch\":'$e',\"v\":'$s',\"checkpoint\":\"e'$e'\"}' >&$HONE_OUT_FD\n"
                           "done\n";

static void write_study(const char *trainer)
{
    struct str text = {0};
    str_addf(&text,
             "{\"study\":\"s\",\"metric\":{\"name\":\"v\",\"goal\":\"maximize\"},\"trainer\":%s,"
             "\"space\":{\"x\":{\"uniform\":[0,1]}},"
             "\"search\":{\"method\":\"random\",\"trials\":3,\"epochs\":3,\"seed\":1}}",
             trainer);
    scratch_text(&place, "study.json", text.text);
    str_fini(&text);
}

static void write_script(const char *script)
{
    scratch_text(&place, "train.sh", script);
    write_study("{\"command\":[\"sh\",\"train.sh\"]}");
}

static void take_worse(const char *verdict, char worst[16])
{
    static const char *const order[] = {"none", "skipped", "good", "fine", "suspicious", "wrong"};
    int a = 0, b = 0;
    for (int i = 0; i < 6; i++) {
        a = strcmp(order[i], verdict) ? a : i;
        b = strcmp(order[i], worst) ? b : i;
    }
    if (a > b)
        strcpy(worst, order[a]);
}

/* `hone check --json`: its status, and the worst verdict of a gate. */
static int check(const char *gate, char verdict[16])
{
    struct str out = {0};
    int status = RUN(place.folder, &out, "sh", "-c", "\"$0\" check study.json --json 2>/dev/null",
                     getenv("HONE") ? getenv("HONE") : "hone");
    struct json *tree = json_parse(str_text(&out), out.len, "check", NULL);
    if (!tree)
        fail_msg("no JSON: %s", str_text(&out));
    strcpy(verdict, "none");
    for (const struct json *c = json_first(json_get(tree, "checks")); c; c = json_next(c))
        if (strcmp(json_text(json_get(c, "gate")), gate) == 0)
            take_worse(json_text(json_get(c, "verdict")), verdict);
    json_free(tree);
    str_fini(&out);
    return status;
}

static void expect(const char *gate, const char *verdict, int status)
{
    char got[16];
    assert_int_equal(check(gate, got), status);
    assert_string_equal(got, verdict);
}

static void a_sane_trainer_passes_all_three(void **state)
{
    (void)state;
    write_script(sane);
    expect("G4", "good", 0);
    expect("G5", "good", 0);
    expect("G6", "good", 0);
}

static void no_metric_is_caught_by_g4(void **state)
{
    (void)state;
    write_script("echo '{\"epoch\":1,\"other\":1}' >&$HONE_OUT_FD\n");
    expect("G4", "wrong", 1);
    write_script("echo cannot read the data; exit 3\n");
    expect("G4", "wrong", 1);
    write_study("{\"command\":[\"./there-is-no-such-program\"]}");
    expect("G4", "wrong", 1);
}

/* Killed once, it is tried again; what is killed every time is wrong. The study goes on after a first bad luck. */
static void killed_once_it_is_tried_again(void **state)
{
    (void)state;
    char script[1000];
    snprintf(script, sizeof script, "[ -e killed ] || { touch killed; kill -9 $$; }\n%s", sane);
    write_script(script);
    expect("G4", "suspicious", 0);
    write_script("kill -9 $$\n");
    expect("G4", "wrong", 1);
    snprintf(script, sizeof script,
             "[ -n \"$HONE_RESUME\" ] && [ ! -e shot ] && { touch shot; kill -9 $$; }\n%s", sane);
    write_script(script);
    expect("G6", "good", 0);
}

static void another_number_each_time_is_caught_by_g5(void **state)
{
    (void)state;
    write_script("n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) >n\n"
                 "echo '{\"epoch\":1,\"v\":'$n'}' >&$HONE_OUT_FD\n");
    expect("G5", "wrong", 1);
    /* the metric agrees, a loss does not */
    write_script("n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) >n\n"
                 "echo '{\"epoch\":1,\"v\":1,\"loss\":'$n'}' >&$HONE_OUT_FD\n");
    expect("G5", "wrong", 1);
}

static void one_that_ignores_resume_is_caught_by_g6(void **state)
{
    (void)state;
    char script[1000];
    const char *second_line = strchr(sane, '\n') + 1, *third_line = strchr(second_line, '\n') + 1;
    /* starts over: epoch 1 comes again */
    snprintf(script, sizeof script, "s=$HONE_SEED; e=0\n%s", third_line);
    write_script(script);
    expect("G6", "wrong", 1);
    /* counts on, but the state is not what it was */
    snprintf(script, sizeof script, "s=$HONE_SEED; e=${HONE_RESUME_EPOCH:-0}\n%s", third_line);
    write_script(script);
    expect("G6", "wrong", 1);
    expect("G5", "good", 1);
}

static void without_checkpoints_there_is_nothing_to_resume(void **state)
{
    (void)state;
    write_script("e=0; while [ $e -lt $HONE_UNTIL ]; do e=$((e + 1))\n"
                 "echo '{\"epoch\":'$e',\"v\":'$e'}' >&$HONE_OUT_FD; done\n");
    expect("G6", "skipped", 0);
}

static void one_that_will_not_be_killed_is(void **state)
{
    (void)state;
    char script[1000];
    snprintf(script, sizeof script, "trap '' TERM\n%s", sane);
    write_script(script);
    expect("G6", "good", 0);
}

static void quick_starts_nothing(void **state)
{
    (void)state;
    write_script("touch started\n");
    assert_int_equal(RUN(place.folder, NULL, "hone", "check", "study.json", "--quick"), 0);
    char *path = path_join(place.folder, "started");
    assert_false(file_exists(path));
    free(path);
}

static void the_builtin_trainer_passes(void **state)
{
    (void)state;
    write_study("{\"builtin\":\"mlp\",\"data\":\"spiral\"}");
    struct str out = {0};
    assert_int_equal(RUN(place.folder, &out, "hone", "check", "study.json", "--set", "metric.name=val_acc",
                         "--set", "space={\"lr\":{\"log\":[0.001,1]}}"),
                     0);
    static const char *const gates[] = {"\nG1 ", "\nG2 ", "\nG3 ", "\ndata ", "\nG4 ", "\nG5 ", "\nG6 "};
    for (size_t i = 0; i < sizeof gates / sizeof *gates; i++)
        if (!strstr(out.text, gates[i]))
            fail_msg("no %s in %s", gates[i] + 1, out.text);
    str_fini(&out);
}

/* ---- hone run ---- */

static int run(const char *more, struct str *out)
{
    str_clear(out);
    return RUN(place.folder, out, "hone", "run", "study.json", "--workers", "2", "--db", "r.db", more);
}

static void run_refuses_what_fails_its_checks(void **state)
{
    (void)state;
    struct str out = {0};
    char db[128];
    snprintf(db, sizeof db, "%s/r.db", place.folder);
    write_script("echo '{\"epoch\":1,\"other\":1}' >&$HONE_OUT_FD\n");
    assert_int_equal(run("--quiet", &out), 1);
    assert_non_null(strstr(out.text, "G4    wrong"));
    assert_non_null(strstr(out.text, "--force"));
    assert_int_equal(db_int(db, "SELECT count(*) FROM trial"), 0);
    assert_int_equal(db_int(db, "SELECT count(*) FROM study_checks WHERE verdict = 'wrong' AND hint <> ''"),
                     1);
    write_script(sane); /* mended: it is checked again, and runs */
    assert_int_equal(run("--insecure", &out), 0);
    assert_non_null(strstr(out.text, "checking: one epoch, determinism"));
    assert_int_equal(db_int(db, "SELECT count(*) FROM trial WHERE status = 'complete'"), 3);
    int64_t rows = db_int(db, "SELECT count(*) FROM check_result");
    assert_int_equal(run("--quiet", &out), 0); /* nothing to do, nothing to check */
    assert_int_equal(db_int(db, "SELECT count(*) FROM check_result"), rows);
    assert_int_equal(db_int(db, "SELECT count(*) FROM study_checks WHERE gate = 'G6' AND verdict = 'good'"),
                     1);
    str_fini(&out);
}

static void force_goes_on_and_no_check_does_not_look(void **state)
{
    (void)state;
    struct str out = {0};
    char db[128];
    snprintf(db, sizeof db, "%s/r.db", place.folder);
    write_script("echo '{\"epoch\":1,\"v\":'$$'}' >&$HONE_OUT_FD\n"); /* its pid: another one each time */
    assert_int_equal(run("--force", &out), 0);
    assert_non_null(strstr(out.text, "G5 wrong"));
    assert_int_equal(db_int(db, "SELECT count(*) FROM trial WHERE status = 'complete'"), 3);
    str_clear(&out);
    assert_int_equal(
        RUN(place.folder, &out, "hone", "run", "study.json", "--workers", "1", "--db", "n.db", "--no-check"),
        0);
    snprintf(db, sizeof db, "%s/n.db", place.folder);
    assert_int_equal(db_int(db, "SELECT count(*) FROM check_result"), 0);
    assert_null(strstr(out.text, "checking"));
    str_fini(&out);
}

static int begin(void **state)
{
    (void)state;
    scratch_init(&place);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    scratch_fini(&place);
    return 0;
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_sane_trainer_passes_all_three),
        IN_A_FOLDER(no_metric_is_caught_by_g4),
        IN_A_FOLDER(killed_once_it_is_tried_again),
        IN_A_FOLDER(another_number_each_time_is_caught_by_g5),
        IN_A_FOLDER(one_that_ignores_resume_is_caught_by_g6),
        IN_A_FOLDER(without_checkpoints_there_is_nothing_to_resume),
        IN_A_FOLDER(one_that_will_not_be_killed_is),
        IN_A_FOLDER(quick_starts_nothing),
        IN_A_FOLDER(the_builtin_trainer_passes),
        IN_A_FOLDER(run_refuses_what_fails_its_checks),
        IN_A_FOLDER(force_goes_on_and_no_check_does_not_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
