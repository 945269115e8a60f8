/* From a job to a program: arguments, environment, and what makes two trainers the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "worker/command.h"

static char path[] = "PATH=/bin", db[] = "HONE_DB=x", keys[] = "HONE_KEYS=y", threads[] = "OMP_NUM_THREADS=4";
static char *const env[] = {path, db, keys, threads, NULL};

static int build(const char *trainer, const char *params, struct command *out, struct err *err)
{
    char *text = xasprintf(
        "{\"study\":\"s\",\"trial\":3,\"attempt\":1,\"params\":%s,\"seed\":9007199254740991,"
        "\"until\":5,\"epochs\":9,\"metric\":\"acc\",\"trainer\":%s,\"base\":\"/b\",\"dir\":\"/d\"}",
        params, trainer);
    struct json *job = json_parse(text, strlen(text), "job", err);
    assert_non_null(job);
    int rc = command_build(job, "/bin/hone", env, out, err);
    json_free(job);
    free(text);
    return rc;
}

static const char *env_of(const struct command *command, const char *name)
{
    for (char **entry = command->env; *entry; entry++)
        if (strncmp(*entry, name, strlen(name)) == 0 && (*entry)[strlen(name)] == '=')
            return *entry + strlen(name) + 1;
    return NULL;
}

static void a_builtin_is_our_own_program(void **state)
{
    (void)state;
    struct command command;
    assert_int_equal(build("{\"builtin\":\"mlp\",\"layers\":[\"affine {hidden}\"],\"timeout\":\"1m\"}", "{}",
                           &command, NULL),
                     0);
    assert_string_equal(command.argv[0], "/bin/hone");
    assert_string_equal(command.argv[1], "train");
    assert_null(command.argv[2]);
    assert_string_equal(command.cwd, "/b");
    assert_int_equal(command.timeout_ms, 60000);
    command_fini(&command);
}

static void the_environment_is_the_workers_without_ours(void **state)
{
    (void)state;
    struct command command;
    assert_int_equal(
        build("{\"command\":[\"t\"]}", "{\"a.b-c\":\"x y\",\"n\":0.1,\"on\":false}", &command, NULL), 0);
    assert_string_equal(env_of(&command, "PATH"), "/bin");
    assert_null(env_of(&command, "HONE_DB"));
    assert_null(env_of(&command, "HONE_KEYS"));
    assert_null(env_of(&command, "HONE_RESUME"));
    assert_string_equal(env_of(&command, "OMP_NUM_THREADS"), "4");
    assert_string_equal(env_of(&command, "OPENBLAS_NUM_THREADS"), "1");
    assert_string_equal(env_of(&command, "HONE_SEED"), "9007199254740991");
    assert_string_equal(env_of(&command, "HONE_PARAM_a_b_c"), "x y");
    assert_string_equal(env_of(&command, "HONE_PARAM_n"), "0.1");
    assert_string_equal(env_of(&command, "HONE_PARAM_on"), "false");
    assert_string_equal(env_of(&command, "HONE_PARAMS"), "{\"a.b-c\":\"x y\",\"n\":0.1,\"on\":false}");
    command_fini(&command);
}

static void expect_argument(const char *element, const char *params, const char *want)
{
    struct command command;
    char *trainer = xasprintf("{\"command\":[\"t\",\"%s\"]}", element);
    assert_int_equal(build(trainer, params, &command, NULL), 0);
    assert_string_equal(command.argv[1], want);
    assert_null(command.argv[2]);
    command_fini(&command);
    free(trainer);
}

static void placeholders(void **state)
{
    (void)state;
    expect_argument("{lr}", "{\"lr\":-1e-300}", "-1e-300");
    expect_argument("--lr={lr}/{opt}", "{\"lr\":0.1,\"opt\":\"-x; rm *\"}", "--lr=0.1/-x; rm *");
    expect_argument("{a.b-c}", "{\"a.b-c\":true}", "true");
    expect_argument("{seed}{until}", "{}", "90071992547409915");
    expect_argument("{seed}", "{\"seed\":\"mine\"}", "mine"); /* a parameter goes first */
    expect_argument("{} {a b} {{opt}} {", "{\"opt\":\"v\"}", "{} {a b} {v} {");
    expect_argument("--from={resume}@{resume_epoch}", "{}", "--from=@0");
    expect_argument("", "{}", "");
    expect_argument("{empty}", "{\"empty\":\"\"}", "");
}

static void what_is_refused(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"{\"command\":[\"t\",\"{no}\"]}", "{}", "{no} is no parameter"},
        {"{\"command\":[\"t\",\"{o}\"]}", "{\"o\":\"--x\"}", "taken for an option"},
        {"{\"command\":[\"t\",\"{e}{o}\"]}", "{\"e\":\"\",\"o\":\"-x\"}", "taken for an option"},
        {"{\"command\":[\"{e}\"]}", "{\"e\":\"\"}", "must not be empty"},
        {"{\"command\":\"t\"}", "{}", "trainer.command"},
        {"{\"command\":[[\"t\"]]}", "{}", "trainer.command[0]"},
        {"{\"command\":[\"t\"],\"timeout\":5}", "{}", "trainer.timeout"},
        {"{\"command\":[\"t\"]}", "{\"p\":null}", "params.p"},
        {"{\"command\":[\"t\"]}", "{\"p=q\":1}", "params"},
        {"7", "{}", "builtin"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct command command;
        struct err err = ERR_NONE;
        if (build(cases[i][0], cases[i][1], &command, &err) == 0)
            fail_msg("%s is taken", cases[i][0]);
        if (!strstr(err.text, cases[i][2]))
            fail_msg("%s: %s", cases[i][0], err.text);
        assert_null(command.argv);
    }
}

static void two_trainers_are_the_same_if_they_would_start_the_same(void **state)
{
    (void)state;
    struct command a, b, c;
    build("{\"builtin\":\"mlp\"}", "{\"lr\":1}", &a, NULL);
    build("{\"builtin\":\"mlp\"}", "{\"lr\":2}", &b, NULL);
    assert_string_equal(a.spec, b.spec);
    command_fini(&a);
    command_fini(&b);
    build("{\"command\":[\"t\",\"{lr}\"]}", "{\"lr\":1}", &a, NULL);
    build("{\"command\":[\"t\",\"{lr}\"]}", "{\"lr\":2}", &b, NULL);
    build("{\"command\":[\"t\"]}", "{\"lr\":2}", &c, NULL);
    assert_string_not_equal(a.spec, b.spec);
    assert_string_not_equal(b.spec, c.spec);
    command_fini(&a);
    command_fini(&b);
    command_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_builtin_is_our_own_program),
        cmocka_unit_test(the_environment_is_the_workers_without_ours),
        cmocka_unit_test(placeholders),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(two_trainers_are_the_same_if_they_would_start_the_same),
    };
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
