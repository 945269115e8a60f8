/* A person for whom things are not as usual: odd paths, no HOME, limits, a quota. What is told must be of use, and what is
 * printed to be typed must work when it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/mem.h"
#include "tests/tools/shell.h"
#include "tests/tools/shim.h"

static const char study_text[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral\", \"batch\": 50, \"seed\": 1},\n"
    "  \"space\": {\"lr\": {\"log\": [1e-3, 1]}},\n"
    "  \"search\": {\"method\": \"random\", \"trials\": 2, \"epochs\": 1, \"seed\": 1} }\n";

static int setup(void **state)
{
    char path[160];
    shell_open(state);
    scratch_text(&scratch, "study.json", study_text);
    snprintf(path, sizeof path, "%s/home", scratch.folder);
    return mkdir(path, 0700);
}

/* As typed at a prompt. */
static int shell(const char *line)
{
    char *all = xasprintf("hone() { \"$HONE_UNDER_TEST\" \"$@\"; }; %s", line);
    const char *hone = getenv("HONE");
    char *whole = realpath(hone ? hone : "build/hone", NULL);
    setenv("HONE_UNDER_TEST", whole, 1);
    str_clear(&out);
    int status = RUN(scratch.folder, &out, "sh", "-c", all);
    free(whole);
    free(all);
    return status;
}

/* The rest of the line behind `front`, the caller's. */
static char *line_behind(const char *front)
{
    assert_said(front);
    const char *at = strstr(str_text(&out), front);
    return xstrndup(at, strcspn(at, "\n"));
}

static void what_is_printed_can_be_typed(void **state)
{
    (void)state;
    static const char *const dbs[] = {"my runs/first db.db", "r\xc3\xa9sum\xc3\xa9 #1?%41.db", "it's.db",
                                      "plain.db"};
    char path[160];
    snprintf(path, sizeof path, "%s/my runs", scratch.folder);
    assert_int_equal(mkdir(path, 0700), 0);
    for (size_t i = 0; i < sizeof dbs / sizeof *dbs; i++) {
        if (HONE("run", "study.json", "--workers", "1", "--db", dbs[i], "--no-check"))
            fail_msg("%s", str_text(&out));
        char *best = line_behind("hone best -n 20"), *show = line_behind("hone show s/");
        if (shell(best) || shell(show))
            fail_msg("%s, %s: %s", best, show, str_text(&out));
        assert_said("val_acc");
        free(best);
        free(show);
        assert_int_equal(HONE("verify", dbs[i]), 0);
        assert_int_equal(HONE("replay", "--db", dbs[i]), 0);
    }
}

/* Where its socket has a space in its name, too. */
static void a_worker_is_started_by_the_line_that_a_master_prints(void **state)
{
    (void)state;
    struct proc master;
    char *bind = xasprintf("ipc://%s/my runs/m.sock", scratch.folder);
    START(&master, scratch.folder, "hone", "master", "--once", "study.json", "--db", "m.db", "--bind", bind,
          "--no-check");
    proc_await_text(&master, "hone worker ");
    proc_await_text(&master, "m.sock");
    proc_await_text(&master, "\n");
    const char *at = strstr(str_text(&master.out), "hone worker ");
    char *line = xstrndup(at, strcspn(at, "\n"));
    if (shell(line))
        fail_msg("%s: %s", line, str_text(&out));
    assert_int_equal(proc_wait(&master), 0);
    proc_fini(&master);
    free(line);
    free(bind);
}

/* The user's folder is that of the password file; the test's own user is left alone. */
static void without_HOME_keys_are_where_they_are_with_it(void **state)
{
    (void)state;
    assert_int_equal(
        shell("h=$(getent passwd \"$(id -u)\" | cut -d: -f6); unset XDG_CONFIG_HOME; "
              "HOME=$h hone keys list 2>with; env -u HOME \"$HONE_UNDER_TEST\" keys list 2>without; "
              "cat with; cmp with without"),
        0);
}

static void where_keys_cannot_be_another_folder_is_told(void **state)
{
    (void)state;
    assert_int_equal(HONE("keygen", "study.json/keys"), 3);
    assert_said("study.json");
    assert_said("hint: hone keygen DIR");
}

static void a_limit_of_file_size_is_told(void **state)
{
    (void)state;
    assert_int_equal(shell("ulimit -f 64; hone run study.json --workers 1 --db small.db"), 3);
    assert_said("small.db: the file may not grow any more");
    assert_said("ulimit -f");
}

static void a_quota_is_told(void **state)
{
    (void)state;
    struct disk disk;
    disk_init(&disk, scratch.folder);
    disk_break(&disk, EDQUOT);
    disk_load(&disk, "quota.db");
    int status = HONE("submit", "study.json", "--db", "quota.db");
    disk_unload();
    disk_fini(&disk);
    assert_int_equal(status, 3);
    assert_said("quota");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_can_be_typed),
        cmocka_unit_test(a_worker_is_started_by_the_line_that_a_master_prints),
        cmocka_unit_test(without_HOME_keys_are_where_they_are_with_it),
        cmocka_unit_test(where_keys_cannot_be_another_folder_is_told),
        cmocka_unit_test(a_limit_of_file_size_is_told),
        cmocka_unit_test(a_quota_is_told),
    };
    return cmocka_run_group_tests(tests, setup, shell_close);
}
