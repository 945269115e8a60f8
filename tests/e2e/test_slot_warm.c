/* Warm trainers of a real slot: one process for many trials. Here it is this program itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/json.h"
#include "tests/e2e/slot_party.h"

/* ---- a warm trainer: `PROGRAM train` ---- */

static void warm_epochs(const struct json *job)
{
    double from = json_num(json_get(json_get(job, "resume"), "epoch"));
    for (double n = from + 1; n <= json_num(json_get(job, "until")); n++)
        dprintf(4, "{\"epoch\":%.0f,\"val_acc\":0.5,\"pid\":%d}\n", n, (int)getpid());
}

/* False: leave. */
static bool warm_job(const struct json *job, FILE *in)
{
    const char *mode = json_text(json_get(json_get(job, "params"), "mode"));
    char line[4096];
    printf("trial %.0f\n", json_num(json_get(job, "trial")));
    fflush(stdout);
    if (strcmp(mode, "fail") == 0) {
        dprintf(4, "{\"done\":false,\"cause\":\"error\",\"text\":\"no such data set\"}\n");
        return true;
    }
    if (strcmp(mode, "wait") != 0)
        warm_epochs(job);
    else if (!fgets(line, sizeof line, in))
        return false;
    dprintf(4, "{\"done\":true}\n");
    return strcmp(mode, "leave") != 0;
}

static int warm_trainer(void)
{
    char line[65536];
    FILE *in = fdopen(3, "r");
    dprintf(4, "{\"ready\":true}\n");
    while (fgets(line, sizeof line, in)) {
        struct json *tree = json_parse(line, strlen(line), "job", NULL);
        const struct json *job = json_get(tree, "job");
        bool stays = !job || warm_job(job, in);
        json_free(tree);
        if (!stays)
            return 0;
    }
    return 0;
}

/* ---- warm trainers ---- */

static const char warm[] = "{\"builtin\":\"test\"}";

static void a_warm_trainer_takes_the_next_job(void **state)
{
    struct slot_test *t = *state;
    run_job(t, warm, "{}", 1, "");
    double pid = hear_epoch(t, 1, "pid");
    hear_end(t, 1, "finished", "", "");
    run_job(t, warm, "{}", 2, "");
    assert_true(hear_epoch(t, 1, "pid") == pid);
    hear_epoch(t, 2, "pid");
    hear_end(t, 2, "finished", "", "");
    char *first = text_of(t, "s/t1/log"), *second = text_of(t, "s/t2/log");
    assert_string_equal(first, "trial 1\n");
    assert_string_equal(second, "trial 2\n");
    free(first);
    free(second);
}

static void another_study_gets_another_trainer(void **state)
{
    struct slot_test *t = *state;
    run_job(t, warm, "{}", 1, "");
    double pid = hear_epoch(t, 1, "pid");
    hear_end(t, 1, "finished", "", "");
    run_job(t, "{\"builtin\":\"other\"}", "{}", 1, "");
    assert_true(hear_epoch(t, 1, "pid") != pid);
    hear_end(t, 1, "finished", "", "");
    run_script(t, "tell '{\"epoch\":1,\"val_acc\":1}'", 1);
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "finished", "", "");
    run_job(t, warm, "{}", 1, "");
    hear_epoch(t, 1, "pid");
    hear_end(t, 1, "finished", "", "");
}

static void a_warm_trainer_survives_a_failed_and_a_stopped_trial(void **state)
{
    struct slot_test *t = *state;
    run_job(t, warm, "{}", 1, "");
    double pid = hear_epoch(t, 1, "pid");
    hear_end(t, 1, "finished", "", "");
    run_job(t, warm, "{\"mode\":\"fail\"}", 1, "");
    hear_end(t, 0, "failed", "error", "no such data set");
    run_job(t, warm, "{\"mode\":\"wait\"}", 1, "");
    say(t, "{\"stop\":\"now\"}");
    hear_end(t, 0, "stopped", "", "");
    run_job(t, warm, "{}", 1, "");
    assert_true(hear_epoch(t, 1, "pid") == pid);
    hear_end(t, 1, "finished", "", "");
}

static void a_warm_trainer_that_left_is_replaced(void **state)
{
    struct slot_test *t = *state;
    for (int i = 0; i < 20; i++) {
        run_job(t, warm, "{\"mode\":\"leave\"}", 1, "");
        hear_epoch(t, 1, "pid");
        hear_end(t, 1, "finished", "", "");
    }
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "slot") == 0)
        return slot_main(atoi(argv[2]));
    if (argc > 1 && strcmp(argv[1], "train") == 0)
        return warm_trainer();
    setenv("HONE_LOG", "none", 0);
    const struct CMUnitTest tests[] = {
        SLOT_TEST(a_warm_trainer_takes_the_next_job),
        SLOT_TEST(another_study_gets_another_trainer),
        SLOT_TEST(a_warm_trainer_survives_a_failed_and_a_stopped_trial),
        SLOT_TEST(a_warm_trainer_that_left_is_replaced),
    };
    return cmocka_run_group_tests_name("slot_warm", tests, NULL, NULL);
}
