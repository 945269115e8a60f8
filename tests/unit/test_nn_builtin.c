/* `hone train` over two pipes, in a child process, as a slot would run it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/trainer_options.h"
#include "tests/tools/trainer.h"

static const char spiral[] = "\"data\":\"spiral:n=300\"";

/* What is reported is what a study may name as its metric. */
static void expect_known(const struct json *line)
{
    static const char *const beside[] = {"epoch", "checkpoint", "findings"};
    for (const struct json *m = json_first(line); m; m = json_next(m)) {
        bool known = false;
        for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
            known |= strcmp(beside[i], json_key(m)) == 0;
        for (const char *const *metric = trainer_metrics; *metric; metric++)
            known |= strcmp(*metric, json_key(m)) == 0;
        if (!known)
            fail_msg("trainer_metrics lacks %s", json_key(m));
    }
}

static void expect_true(struct peer *peer, const char *key)
{
    struct json *line = peer_hear_report(peer);
    struct str text = {0};
    json_print(line, &text);
    if (!json_bool(json_get(line, key)))
        fail_msg("expected %s, heard %s", key, str_text(&text));
    str_fini(&text);
    json_free(line);
}

/* `trainer` and `more` are members of the trainer and of the job object. */
static void send_job(struct peer *peer, const char *trainer, int until, const char *more)
{
    char *line =
        xasprintf("{\"job\":{\"study\":\"s\",\"trial\":42,\"attempt\":1,\"params\":{\"lr\":0.05},\"seed\":3,"
                  "\"until\":%d,\"epochs\":6,\"metric\":\"val_acc\",\"dir\":\"%s\",\"base\":\"/\","
                  "\"trainer\":{\"builtin\":\"mlp\",%s}%s}}",
                  until, peer->dir, trainer, more);
    peer_say(peer, line);
    free(line);
}

/* Epoch report n; gives its val_loss, and its checkpoint's path in `path`. */
static double expect_epoch(struct peer *peer, int n, char *path, size_t room)
{
    struct json *line = peer_hear_report(peer);
    if (json_num(json_get(line, "epoch")) != n)
        fail_msg("no epoch %d: %s", n, json_text(json_get(line, "text")));
    snprintf(path, room, "%s/%s", peer->dir, json_text(json_get(line, "checkpoint")));
    assert_true(file_exists(path));
    assert_true(json_num(json_get(line, "lr")) == 0.05 && json_num(json_get(line, "samples_per_s")) > 0);
    double loss = json_num(json_get(line, "val_loss"));
    json_free(line);
    return loss;
}

static int count_files(const char *dir)
{
    char *command = xasprintf("ls %s | wc -l", dir);
    FILE *out = popen(command, "r");
    int count = -1;
    assert_int_equal(fscanf(out, "%d", &count), 1);
    pclose(out);
    free(command);
    return count;
}

static void a_warm_trainer_takes_job_after_job(void **state)
{
    (void)state;
    struct peer peer;
    char path[256];
    double first[6];
    peer_start(&peer);
    expect_true(&peer, "ready");
    send_job(&peer, spiral, 6, "");
    for (int n = 1; n <= 6; n++)
        first[n - 1] = expect_epoch(&peer, n, path, sizeof path);
    expect_true(&peer, "done");
    assert_int_equal(count_files(peer.dir), 6); /* which of them stay is the master's to decide */
    send_job(&peer, spiral, 2, "");
    for (int n = 1; n <= 2; n++)
        assert_true(first[n - 1] == expect_epoch(&peer, n, path, sizeof path)); /* same seed, same numbers */
    expect_true(&peer, "done");
    char *more = xasprintf(",\"resume\":{\"path\":\"%s\",\"epoch\":2}", path);
    send_job(&peer, spiral, 4, more);
    for (int n = 3; n <= 4; n++)
        assert_true(first[n - 1] == expect_epoch(&peer, n, path, sizeof path));
    expect_true(&peer, "done");
    free(more);
    assert_int_equal(peer_end(&peer), 0);
}

/* Weights, biases, gammas and betas; neither the gaps between them nor running moments. */
static void what_a_net_learns_is_counted(void **state)
{
    (void)state;
    struct peer peer;
    peer_start(&peer);
    expect_true(&peer, "ready");
    send_job(&peer, "\"data\":\"spiral:n=300\",\"layers\":[\"affine 7\",\"batchnorm\",\"relu\"]", 1, "");
    struct json *line = peer_hear_report(&peer);
    assert_int_equal((int)json_num(json_get(line, "parameters")), (2 * 7 + 7) + (7 + 7) + (7 * 3 + 3));
    json_free(line);
    expect_true(&peer, "done");
    assert_int_equal(peer_end(&peer), 0);
}

static void a_bad_job_is_answered_and_the_next_one_taken(void **state)
{
    (void)state;
    struct peer peer;
    char path[256];
    peer_start(&peer);
    expect_true(&peer, "ready");
    send_job(&peer, "\"data\":\"csv:nowhere.csv\"", 1, "");
    struct json *line = peer_hear(&peer);
    assert_true(json_get(line, "done") && !json_bool(json_get(line, "done")));
    assert_string_equal(json_text(json_get(line, "cause")), "error");
    assert_non_null(strstr(json_text(json_get(line, "text")), "nowhere.csv"));
    json_free(line);
    peer_say(&peer, "{\"job\":3}");
    line = peer_hear(&peer);
    assert_true(json_get(line, "done") && !json_bool(json_get(line, "done")));
    json_free(line);
    send_job(&peer, spiral, 1, "");
    expect_epoch(&peer, 1, path, sizeof path);
    expect_true(&peer, "done");
    assert_int_equal(peer_end(&peer), 0);
}

/* Its epochs are trained again, silently, with the numbers they had. */
static void a_lost_checkpoint_costs_time_only(void **state)
{
    (void)state;
    struct peer peer;
    char path[256];
    double expected = 0;
    peer_start(&peer);
    expect_true(&peer, "ready");
    send_job(&peer, spiral, 3, "");
    for (int n = 1; n <= 3; n++)
        expected = expect_epoch(&peer, n, path, sizeof path);
    expect_true(&peer, "done");
    send_job(&peer, spiral, 3, ",\"resume\":{\"path\":\"/nowhere\",\"epoch\":2}");
    struct json *note = peer_hear(&peer);
    assert_non_null(strstr(json_text(json_get(note, "note")), "/nowhere"));
    json_free(note);
    assert_true(expect_epoch(&peer, 3, path, sizeof path) == expected);
    expect_true(&peer, "done");
    assert_int_equal(peer_end(&peer), 0);
}

static void a_watched_epoch_reports_what_it_saw(void **state)
{
    (void)state;
    struct peer peer;
    char *path;
    peer_start(&peer);
    expect_true(&peer, "ready");
    send_job(&peer, "\"data\":\"spiral:n=300\",\"watch\":2", 3, "");
    for (int n = 1; n <= 3; n++) {
        struct json *line = peer_hear_report(&peer);
        expect_known(line);
        assert_int_equal(json_num(json_get(line, "update_ratio")) > 0, n == 2);
        assert_int_equal(json_get(line, "dead_units") != NULL, n == 2);
        json_free(line);
    }
    expect_true(&peer, "done");
    path = path_join(peer.dir, "t00042.e002.watch.json");
    assert_true(file_exists(path));
    free(path);
    path = path_join(peer.dir, "t00042.e002.weights.png");
    assert_true(file_exists(path));
    free(path);
    assert_int_equal(count_files(peer.dir), 5); /* three checkpoints, and what was seen */
    assert_int_equal(peer_end(&peer), 0);
}

/* A rate that cannot work: a note says so, and the metric of the last report is null. */
static void a_hopeless_rate_is_noted(void **state)
{
    (void)state;
    struct peer peer;
    bool noted = false, diverged = false, done = false;
    peer_start(&peer);
    expect_true(&peer, "ready");
    send_job(&peer, "\"data\":\"spiral:n=300\",\"l2\":1e9", 6, "");
    while (!done) {
        struct json *line = peer_hear(&peer);
        const struct json *acc = json_get(line, "val_acc");
        noted |= strncmp(json_text(json_get(line, "note")), "D0 (stop), epoch ", 17) == 0;
        diverged |= acc && json_type(acc) == JSON_NULL;
        done = json_bool(json_get(line, "done"));
        json_free(line);
    }
    assert_true(noted && diverged);
    assert_int_equal(peer_end(&peer), 0);
}

static void a_stop_is_heard_in_mid_training(void **state)
{
    (void)state;
    for (int now = 0; now < 2; now++) {
        struct peer peer;
        char path[256];
        peer_start(&peer);
        expect_true(&peer, "ready");
        send_job(&peer, spiral, 100000000, "");
        expect_epoch(&peer, 1, path, sizeof path);
        peer_say(&peer, now ? "{\"stop\":\"now\"}" : "{\"stop\":\"epoch\"}");
        for (struct json *line = peer_hear(&peer);; line = peer_hear(&peer)) {
            bool done = json_bool(json_get(line, "done"));
            json_free(line);
            if (done)
                break;
        }
        assert_int_equal(peer_end(&peer), 0);
    }
}

static void sigterm_ends_it_at_once(void **state)
{
    (void)state;
    struct peer peer;
    char path[256];
    peer_start(&peer);
    expect_true(&peer, "ready");
    send_job(&peer, spiral, 100000000, "");
    expect_epoch(&peer, 1, path, sizeof path);
    kill(peer.pid, SIGTERM);
    int status = peer_end(&peer);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void it_ends_when_its_slot_is_gone(void **state)
{
    (void)state;
    struct peer peer;
    char path[256];
    peer_start(&peer);
    expect_true(&peer, "ready");
    send_job(&peer, spiral, 100000000, "");
    expect_epoch(&peer, 1, path, sizeof path);
    assert_int_equal(peer_end(&peer), 0); /* closes the pipe and waits */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_warm_trainer_takes_job_after_job),
        cmocka_unit_test(what_a_net_learns_is_counted),
        cmocka_unit_test(a_bad_job_is_answered_and_the_next_one_taken),
        cmocka_unit_test(a_lost_checkpoint_costs_time_only),
        cmocka_unit_test(a_watched_epoch_reports_what_it_saw),
        cmocka_unit_test(a_hopeless_rate_is_noted),
        cmocka_unit_test(a_stop_is_heard_in_mid_training),
        cmocka_unit_test(sigterm_ends_it_at_once),
        cmocka_unit_test(it_ends_when_its_slot_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
