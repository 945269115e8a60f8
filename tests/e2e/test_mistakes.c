/* The mistakes of a first hour, with the real executable: each ends with its exit status, says what is wrong, and has a
 * hint that names what to do. Nothing is made, nothing is begun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/file.h"
#include "tests/tools/shell.h"

static const char study_text[] =
    "{ \"study\": \"spiral\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral\", \"batch\": 50, \"seed\": 1},\n"
    "  \"space\": {\"lr\": {\"log\": [1e-3, 1]}, \"optimizer\": {\"choice\": [\"sgd\", \"adam\"]}},\n"
    "  \"search\": {\"method\": \"random\", \"trials\": 2, \"epochs\": 1, \"seed\": 1} }\n";

/* A choice that the program would take for an option of its own. */
static const char option_text[] =
    "{ \"study\": \"flags\", \"metric\": {\"name\": \"loss\", \"goal\": \"minimize\"},\n"
    "  \"trainer\": {\"command\": [\"sh\", \"train.sh\", \"{flag}\"]},\n"
    "  \"space\": {\"flag\": {\"choice\": [\"fast\", \"-v\"]}},\n"
    "  \"search\": {\"trials\": 2} }\n";

static void make_folder(const char *name)
{
    struct err err = ERR_NONE;
    char path[256];
    snprintf(path, sizeof path, "%s/%s", scratch.folder, name);
    if (dir_make(path, &err))
        fail_msg("%s", err.text);
}

/* A folder with a finished study in hone.db, a folder that has a study file in it, and one that has none. */
static int setup(void **state)
{
    shell_open(state);
    scratch_text(&scratch, "spiral.json", study_text);
    scratch_text(&scratch, "flags.json", option_text);
    scratch_text(&scratch, "empty.json", "{}");
    make_folder("mine");
    make_folder("bare");
    scratch_text(&scratch, "mine/spiral.json", study_text);
    scratch_text(&scratch, "mine/notes.txt", "no study");
    if (HONE("run", "spiral.json", "--workers", "1", "--no-check"))
        fail_msg("%s", str_text(&out));
    return 0;
}

static size_t count_files(void)
{
    size_t count = 0;
    DIR *folder = opendir(scratch.folder);
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

struct mistake {
    int status;
    const char *argv[6], *said, *hint;
};

static void each_has_a_hint(const struct mistake *mistakes, size_t count)
{
    size_t files = count_files();
    for (size_t i = 0; i < count; i++) {
        const char *const *a = mistakes[i].argv;
        int status = HONE(a[0], a[1], a[2], a[3], a[4]);
        const char *hint = strstr(str_text(&out), "\n  hint: ");
        if (status != mistakes[i].status || !hint || !strstr(hint, mistakes[i].hint) ||
            !strstr(str_text(&out), mistakes[i].said))
            fail_msg("hone %s %s %s: %d, not %d with \"%s\" and the hint \"%s\":\n%s", a[0], a[1] ? a[1] : "",
                     a[2] ? a[2] : "", status, mistakes[i].status, mistakes[i].said, mistakes[i].hint,
                     str_text(&out));
    }
    assert_int_equal(count_files(), files);
}

static void something_else_where_a_study_file_belongs(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {2, {"run", "mine"}, "mine: is a folder", "did you mean mine/spiral.json?"},
        {2, {"check", "mine/"}, "mine/: is a folder", "did you mean mine/spiral.json?"},
        {2, {"check", "bare"}, "bare: is a folder", "hone help spiral.json > bare/study.json"},
        {2, {"submit", "bare"}, "bare: is a folder", "hone help spiral.json > bare/study.json"},
        {2, {"simulate", "bare", "--objective", "branin"}, "bare: is a folder", "hone help spiral.json"},
        {2, {"master", "mine"}, "mine: is a folder", "did you mean mine/spiral.json?"},
        {2, {"check", "spiral"}, "spiral: cannot open", "did you mean spiral.json?"},
        {2, {"run", "mine/spiral"}, "mine/spiral: cannot open", "did you mean mine/spiral.json?"},
        {2, {"run", "nope.json"}, "nope.json: cannot open", "hone help spiral.json > study.json"},
        {2, {"run", "hone.db"}, "hone.db: is a database", "hone best --db hone.db"},
        {2, {"check", "mine/notes.txt"}, "notes.txt:1", "hone help spiral.json shows one"},
        {2, {"check", "empty.json"}, "study: is missing", "\"study\": \"mnist-1\""},
        {2, {"check", "flags.json"}, "trainer.command[2]", "\"--flag={flag}\""},
    };
    each_has_a_hint(mistakes, COUNT_OF(mistakes));
}

static void something_else_where_a_database_belongs(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {2, {"best", "--db", "mine"}, "mine: is a folder", "--db"},
        {2, {"best", "--db", "spiral.json"}, "spiral.json: is there, but is not a database", "--db"},
        {2, {"run", "spiral.json", "--db", "spiral.json"}, "is there, but is not a database", "--db"},
        {2, {"verify", "spiral.json"}, "is not a database", "name another file"},
        {3, {"best", "--db", "nope.db"}, "nope.db: there is no database", "hone run STUDY.json makes one"},
        {3, {"run", "spiral.json", "--db", "no/x.db"}, "there is no folder", "mkdir -p"},
        {2, {"backup", "mine"}, "mine: is a folder", "name another file for the copy"},
        {2, {"studies", "hone.db"}, "one argument too many", "hone studies --db hone.db"},
        {2, {"doctor", "hone.db"}, "one argument too many", "hone doctor --db hone.db"},
        {2, {"best", "hone.db"}, "no study \"hone.db\"", "hone studies"},
    };
    each_has_a_hint(mistakes, COUNT_OF(mistakes));
}

static void a_study_or_a_trial_that_is_not_there(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {2, {"best", "spirl"}, "no study \"spirl\"", "did you mean spiral?"},
        {2, {"best", "spiral.json"}, "no study \"spiral.json\"", "did you mean spiral?"},
        {2, {"best", "10"}, "no study \"10\"", "-n 10"},
        {2, {"plot", "nope"}, "no study \"nope\"", "hone studies"},
        {2, {"replay", "spirl"}, "no study \"spirl\"", "did you mean spiral?"},
        {2, {"importance", "spiral.json"}, "no study \"spiral.json\"", "did you mean spiral?"},
        {2, {"importance", "nope"}, "no study \"nope\"", "hone studies"},
        {2, {"pause", "spirl"}, "no study \"spirl\"", "did you mean spiral?"},
        {2, {"enqueue", "spirl", "lr=1"}, "no study \"spirl\"", "did you mean spiral?"},
        {2, {"show", "9"}, "no trial 9", "it has 1 to 2"},
        {2, {"show", "spirl/1"}, "no study \"spirl\"", "did you mean spiral?"},
        {2, {"cancel", "9"}, "no trial 9", "it has 1 to 2"},
        {2, {"cancel", "spiral"}, "does not name trials", "spiral/all"},
        {2, {"logs", "spiral"}, "no trial \"spiral\"", "hone run"},
        {2, {"evaluate", "mine"}, "mine: is a folder", "a model is a checkpoint"},
        {2, {"evaluate", "spiral.json"}, "spiral.json: is a study file", "hone evaluate best"},
        {2, {"workers", "drain", "nope"}, "no worker here is called \"nope\"", "hone workers"},
    };
    each_has_a_hint(mistakes, COUNT_OF(mistakes));
}

static void a_command_that_is_typed_wrong(void **state)
{
    (void)state;
    static const struct mistake mistakes[] = {
        {2, {NULL}, "which command?", "hone run STUDY.json searches"},
        {2, {"chek", "spiral.json"}, "no command \"chek\"", "did you mean hone check?"},
        {2, {"--db", "hone.db", "best"}, "no command \"--db\"", "hone COMMAND --db"},
        {2, {"help", "study"}, "no page \"study\"", "did you mean hone help study-file?"},
        {2, {"run"}, "needs STUDY.json", "hone run STUDY.json"},
        {2, {"run", "spiral.json", "b.json"}, "one argument too many", "hone run STUDY.json"},
        {2, {"run", "spiral.json", "search.trials=3"}, "one argument too many", "--set search.trials=3"},
        {2, {"edit", "spiral", "search.trials=3"}, "one argument too many", "--set search.trials=3"},
        {2, {"run", "spiral.json", "--trials", "3"}, "unknown option --trials", "--set search.trials=100"},
        {2, {"run", "spiral.json", "--set", "trials"}, "no PATH=VALUE", "--set search.trials=100"},
        {2, {"best", "--cuont", "3"}, "unknown option --cuont", "did you mean --count?"},
        {2, {"best", "-n"}, "--count needs a value", "hone best --help"},
        {2, {"best", "-n", "ten"}, "must be a whole number", "hone best --help"},
        {2, {"trials", "--status", "fail"}, "no status \"fail\"", "did you mean failed?"},
        {2, {"plot", "spiral", "curves"}, "no chart \"curves\"", "did you mean curve?"},
        {2, {"enqueue", "spiral"}, "no point to try", "hone enqueue spiral NAME=VALUE"},
        {2, {"enqueue", "spiral", "lrr=1"}, "unknown key \"lrr\"", "did you mean \"lr\"?"},
        {2, {"edit", "spiral"}, "nothing to change", "--set search.trials=200"},
        {2, {"retry"}, "which trials?", "--failed"},
        {2, {"workers", "nope"}, "one argument too many", "hone workers drain NAME|HOST"},
        {2, {"weights", "best", "-o", "x"}, "x: a picture", "-o x.png"},
        {2, {"ensemble", "spiral", "--top", "0"}, "--top: must be from 1", "hone ensemble --help"},
        {2, {"worker", "localhost:7077"}, "must begin with tcp://", "tcp://host:7077"},
        {2, {"simulate", "spiral.json"}, "say on what", "--objective branin"},
        {2, {"completion", "tcsh"}, "no completion for \"tcsh\"", "bash, zsh and fish"},
    };
    each_has_a_hint(mistakes, COUNT_OF(mistakes));
}

/* A program of one's own: what is wrong is found before the first trial, and the advice is about just that. */
static void a_program_that_is_not_a_trainer_yet(void **state)
{
    (void)state;
    static const struct {
        const char *command, *script, *said, *advice;
    } mistakes[] = {
        {"\"no-such-program\"", "", "cannot start no-such-program", "is it installed"},
        {"\"./train.sh\"", "#!/bin/sh\n", "Permission denied", "chmod +x"},
        {"\"sh\", \"train.sh\"", "echo '{\"epoch\":1,\"loss\":1}'", "no report held the metric \"loss\"",
         "to the descriptor that HONE_OUT_FD names"},
        {"\"sh\", \"train.sh\"", "echo '{\"epoch\":1,\"val_loss\":1}' >/dev/fd/$HONE_OUT_FD",
         "they held val_loss", "\"metric\": {\"name\": \"val_loss\""},
        {"\"sh\", \"train.sh\"", "echo '{\"epoch\":1,\"loss\":\"1\"}' >/dev/fd/$HONE_OUT_FD", "not a string",
         "run the command by hand"},
        {"\"sh\", \"train.sh\"", "echo no such data >&2; exit 3", "no such data", "run the command by hand"},
    };
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        char study[400];
        snprintf(study, sizeof study,
                 "{\"study\":\"t\",\"metric\":{\"name\":\"loss\",\"goal\":\"minimize\"},"
                 "\"trainer\":{\"command\":[%s]},\"space\":{\"lr\":{\"log\":[1e-5,1]}},"
                 "\"search\":{\"trials\":2,\"epochs\":1}}",
                 mistakes[i].command);
        scratch_text(&scratch, "t.json", study);
        scratch_text(&scratch, "train.sh", mistakes[i].script);
        assert_int_equal(HONE("check", "t.json"), 1);
        assert_said(mistakes[i].said);
        assert_said(mistakes[i].advice);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(something_else_where_a_study_file_belongs),
        cmocka_unit_test(something_else_where_a_database_belongs),
        cmocka_unit_test(a_study_or_a_trial_that_is_not_there),
        cmocka_unit_test(a_command_that_is_typed_wrong),
        cmocka_unit_test(a_program_that_is_not_a_trainer_yet),
    };
    return cmocka_run_group_tests(tests, setup, shell_close);
}
