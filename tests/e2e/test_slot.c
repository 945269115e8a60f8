/* A real slot process with real trainers, small shell scripts: jobs, placeholders, logs, checkpoints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/mem.h"
#include "tests/e2e/slot_party.h"

/* ---- a trial that goes well ---- */

static void reports_log_and_a_good_end(void **state)
{
    struct slot_test *t = *state;
    run_script(t,
               "echo to out; echo to err >&2; tell '{\"note\":\"halfway\"}'\n"
               "tell '{\"epoch\":1,\"val_acc\":0.5,\"train_loss\":2.5}'; tell ''\n"
               "tell '{\"epoch\":2,\"val_acc\":null}'",
               2);
    struct json *line = hear(t);
    const struct json *metrics = json_get(line, "metrics");
    assert_true(json_num(json_get(metrics, "val_acc")) == 0.5 &&
                json_num(json_get(metrics, "train_loss")) == 2.5);
    assert_int_equal(json_count(metrics), 2);
    assert_true(json_num(json_get(line, "seconds")) < 20);
    json_free(line);
    line = hear(t);
    assert_int_equal(json_type(json_get(json_get(line, "metrics"), "val_acc")), JSON_NULL);
    json_free(line);
    hear_end(t, 2, "finished", "", "");
    expect_text(t, "s/t1/log", "to out");
    expect_text(t, "s/t1/log", "to err");
    expect_text(t, "s/t1/log", "hone: halfway");
}

/* A study may be ranked by the time an epoch takes, whoever the trainer is: what it says itself comes first. */
static void seconds_are_measured_where_they_are_the_metric(void **state)
{
    struct slot_test *t = *state;
    char *trainer = script(t, "tell '{\"epoch\":1,\"acc\":0.5}'; tell '{\"epoch\":2,\"seconds\":77}'");
    t->metric = "seconds";
    run_job(t, trainer, "{}", 2, "");
    struct json *line = hear(t);
    const struct json *metrics = json_get(line, "metrics"), *seconds = json_get(metrics, "seconds");
    assert_int_equal(json_count(metrics), 2);
    assert_true(seconds && json_num(seconds) == json_num(json_get(line, "seconds")));
    json_free(line);
    line = hear(t);
    assert_true(json_num(json_get(json_get(line, "metrics"), "seconds")) == 77);
    json_free(line);
    hear_end(t, 2, "finished", "", "");
    free(trainer);
}

static void a_log_without_end_keeps_its_newest_bytes(void **state)
{
    struct slot_test *t = *state;
    char *trainer = script(t, "i=0; while [ $i -lt 3000 ]; do echo \"line $i of many\"; i=$((i+1)); done\n"
                              "tell '{\"epoch\":1,\"val_acc\":1}'");
    run_job(t, trainer, "{}", 1, "\"may\":{\"any\":true,\"allow\":[],\"env\":[],\"log\":10000},");
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "finished", "", "");
    char *log = in_folder(t, "s/t1/log"), *before = in_folder(t, "s/t1/log.1");
    assert_in_range(file_size(log), 1, 5000);
    assert_in_range(file_size(before), 1, 5000);
    expect_text(t, "s/t1/log", "line 2999 of many");
    free(log);
    free(before);
    free(trainer);
}

static void the_job_is_in_line_and_environment(void **state)
{
    struct slot_test *t = *state;
    char *trainer =
        script(t, "read -r job <&$HONE_IN_FD; printf '%s\\n' \"$job\"; env; pwd; ls -l /proc/self/fd\n"
                  "tell '{\"epoch\":1,\"val_acc\":1}'");
    setenv("HONE_SECRET", "x", 1);
    run_job(t, trainer, "{\"lr\":0.125,\"opt-kind\":\"adam\",\"nesterov\":true}", 1, "");
    free(trainer);
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "finished", "", "");
    expect_text(
        t, "s/t1/log",
        "{\"job\":{\"study\":\"s\",\"trial\":1,\"attempt\":1,\"params\":{\"lr\":0.125,\"opt-kind\":\"adam\","
        "\"nesterov\":true},\"seed\":11,\"until\":1,\"epochs\":9,\"metric\":\"val_acc\",\"dir\":");
    static const char *const lines[] = {"HONE_STUDY=s\n",
                                        "HONE_TRIAL=1\n",
                                        "HONE_ATTEMPT=1\n",
                                        "HONE_SEED=11\n",
                                        "HONE_UNTIL=1\n",
                                        "HONE_EPOCHS=9\n",
                                        "HONE_METRIC=val_acc\n",
                                        "HONE_PARAM_lr=0.125\n",
                                        "HONE_PARAM_opt_kind=adam\n",
                                        "HONE_PARAM_nesterov=true\n",
                                        "HONE_PARAMS={\"lr\":0.125,",
                                        "HONE_IN_FD=3\n",
                                        "HONE_OUT_FD=4\n",
                                        "OPENBLAS_NUM_THREADS=1\n",
                                        "OMP_NUM_THREADS=1\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        expect_text(t, "s/t1/log", lines[i]);
    char *log = text_of(t, "s/t1/log");
    assert_null(strstr(log, "HONE_SECRET"));
    assert_null(strstr(log, "HONE_RESUME"));
    assert_null(strstr(log, " 6 -> ")); /* 5 is what ls itself opens: nothing of ours is left in it */
    assert_non_null(strstr(log, t->folder));
    free(log);
}

static void placeholders_fill_one_element(void **state)
{
    struct slot_test *t = *state;
    char *trainer = script(t, "for a; do echo \"<$a>\"; done; tell '{\"epoch\":1,\"val_acc\":1}'");
    free(trainer);
    run_job(t,
            "{\"command\":[\"sh\",\"train.sh\",\"--lr={lr}\",\"{lr}\",\"{name}\",\"{\\\"x\\\":{trial}}\",\"{}"
            "\"]}",
            "{\"lr\":-0.5,\"name\":\"a b; $(c)\"}", 1, "");
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "finished", "", "");
    expect_text(t, "s/t1/log", "<--lr=-0.5>\n<-0.5>\n<a b; $(c)>\n<{\"x\":1}>\n<{}>\n");
}

static void a_checkpoint_is_reported_with_size_and_hash(void **state)
{
    struct slot_test *t = *state;
    char hash[HASH_HEX];
    run_script(t,
               "printf weights > \"$HONE_DIR/e1.ckpt\"; tell "
               "'{\"epoch\":1,\"val_acc\":1,\"checkpoint\":\"e1.ckpt\"}'",
               1);
    struct json *line = hear(t);
    const struct json *checkpoint = json_get(line, "checkpoint");
    hash_bytes("weights", 7, hash);
    assert_string_equal(json_text(json_get(checkpoint, "path")), "s/t1/e1.ckpt");
    assert_string_equal(json_text(json_get(checkpoint, "hash")), hash);
    assert_int_equal((int)json_num(json_get(checkpoint, "bytes")), 7);
    assert_null(json_get(json_get(line, "metrics"), "checkpoint"));
    json_free(line);
    hear_end(t, 1, "finished", "", "");
}

static void a_checkpoint_that_is_gone_already_does_not_count(void **state)
{
    struct slot_test *t = *state;
    run_script(t, "tell '{\"epoch\":1,\"val_acc\":1,\"checkpoint\":\"e1.ckpt\"}'", 1);
    struct json *line = hear(t);
    assert_int_equal((int)json_num(json_get(line, "epoch")), 1);
    assert_null(json_get(line, "checkpoint"));
    json_free(line);
    hear_end(t, 1, "finished", "", "");
    expect_text(t, "s/t1/log", "hone: there is no checkpoint");
}

/* ---- going on from a checkpoint ---- */

static char *resume_json(const struct slot_test *t, const char *hash)
{
    return xasprintf("\"resume\":{\"path\":\"%s/old.ckpt\",\"epoch\":4,\"bytes\":7,\"hash\":\"%s\"},",
                     t->folder, hash);
}

static void resume_from_a_whole_checkpoint(void **state)
{
    struct slot_test *t = *state;
    char hash[HASH_HEX], *path = in_folder(t, "old.ckpt");
    hash_bytes("weights", 7, hash);
    file_write_whole(path, "weights", 7, NULL);
    char *resume = resume_json(t, hash);
    char *trainer = script(t, "env; read -r job <&3; echo \"$job\"; tell '{\"epoch\":5,\"val_acc\":1}'");
    run_job(t, trainer, "{}", 5, resume);
    hear_epoch(t, 5, "val_acc");
    hear_end(t, 5, "finished", "", "");
    expect_text(t, "s/t1/log", "HONE_RESUME_EPOCH=4\n");
    char *told = xasprintf("\"resume\":{\"path\":\"%s\",\"epoch\":4}}}", path);
    expect_text(t, "s/t1/log", told);
    free(told);
    free(trainer);
    free(resume);
    free(path);
}

static void a_torn_checkpoint_starts_over(void **state)
{
    struct slot_test *t = *state;
    char hash[HASH_HEX], *path = in_folder(t, "old.ckpt");
    hash_bytes("weights", 7, hash);
    file_write_whole(path, "weighty", 7, NULL);
    char *resume = resume_json(t, hash);
    char *trainer = script(t, "env; tell '{\"epoch\":1,\"val_acc\":1}'");
    run_job(t, trainer, "{}", 1, resume);
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "finished", "", "");
    unlink(path);
    run_job(t, trainer, "{}", 1, resume);
    hear_epoch(t, 1, "val_acc");
    hear_end(t, 1, "finished", "", "");
    expect_text(t, "s/t1/log", "hone: cannot go on from epoch 4, starting over");
    expect_text(t, "s/t2/log", "cannot open");
    char *log = text_of(t, "s/t1/log");
    assert_null(strstr(log, "HONE_RESUME"));
    free(log);
    free(trainer);
    free(resume);
    free(path);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "slot") == 0)
        return slot_main(atoi(argv[2]));
    setenv("HONE_LOG", "none", 0);
    const struct CMUnitTest tests[] = {
        SLOT_TEST(reports_log_and_a_good_end),
        SLOT_TEST(seconds_are_measured_where_they_are_the_metric),
        SLOT_TEST(a_log_without_end_keeps_its_newest_bytes),
        SLOT_TEST(the_job_is_in_line_and_environment),
        SLOT_TEST(placeholders_fill_one_element),
        SLOT_TEST(a_checkpoint_is_reported_with_size_and_hash),
        SLOT_TEST(a_checkpoint_that_is_gone_already_does_not_count),
        SLOT_TEST(resume_from_a_whole_checkpoint),
        SLOT_TEST(a_torn_checkpoint_starts_over),
    };
    return cmocka_run_group_tests_name("slot", tests, NULL, NULL);
}
