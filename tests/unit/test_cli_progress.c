/* The progress line, and which binds are open to others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/bind.h"
#include "cli/patience.h"
#include "cli/progress.h"
#include "common/check.h"

static struct server_snapshot snapshot(void)
{
    return (struct server_snapshot){
        .study = "spiral",
        .metric = "val_acc",
        .counts = {[TRIAL_complete] = 11, [TRIAL_pruned] = 1, [TRIAL_running] = 2},
        .planned = 40,
        .has_best = true,
        .best = 0.93124,
        .best_trial = 7,
        .epochs_per_s = 35.21,
        .eta_ms = 11500,
        .workers = 2,
        .state = "running"};
}

static void assert_line(const struct server_snapshot *s, bool brief, const char *wanted)
{
    struct str out = {0};
    progress_line(s, brief, &out);
    assert_string_equal(str_text(&out), wanted);
    str_fini(&out);
}

static void test_line(void **state)
{
    (void)state;
    struct server_snapshot s = snapshot();
    assert_line(&s, false,
                "spiral: 12/40 done, 2 running, 26 waiting, 1 pruned; best val_acc 0.9312 (trial 7); "
                "35.2 epochs/s; ETA 12s");
    assert_line(&s, true,
                "spiral: 12/40 done, 2 run, 26 wait, 1 pruned; val_acc 0.9312 (7); 35.2 ep/s; ETA 12s");
    s.eta_ms = 3600000 * 2 + 1000;
    s.epochs_per_s = 1234.5;
    s.has_best = false;
    s.planned = -1;
    s.counts[TRIAL_waiting] = 3;
    assert_line(&s, false, "spiral: 12 done, 2 running, 3 waiting, 1 pruned; 1234 epochs/s; ETA 2h 01m");
    s.eta_ms = -1;
    s.epochs_per_s = 0;
    assert_line(&s, true, "spiral: 12 done, 2 run, 3 wait, 1 pruned");
    s.workers = 0;
    assert_line(&s, true, "spiral: 12 done, 2 run, 3 wait, 1 pruned; no workers yet");
    s.state = "paused";
    assert_line(&s, true, "spiral: 12 done, 2 run, 3 wait, 1 pruned; paused");
}

/* On a file there is a line at once, at each tenth, and every five seconds; never a control code. */
static void test_plain_lines(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *pipe = tmpfile();
    struct progress p;
    struct server_snapshot s = snapshot();
    progress_init(&p, pipe, false);
    progress_show(&p, &s, 1000);
    progress_show(&p, &s, 2000); // not due
    progress_show(&p, &s, 6000); // five seconds
    s.counts[TRIAL_complete] += 4;
    progress_show(&p, &s, 6100); // 40 %
    progress_show(&p, &s, 6200);
    progress_say(&p, "interrupted");
    progress_fini(&p);
    rewind(pipe);
    int lines = 0;
    while (getline(&text, &len, pipe) > 0) {
        lines++;
        assert_null(strpbrk(text, "\r\033"));
    }
    assert_int_equal(lines, 4);
    free(text);
    fclose(pipe);
}

static void test_quiet_is_silent(void **state)
{
    (void)state;
    FILE *pipe = tmpfile();
    struct progress p;
    struct server_snapshot s = snapshot();
    progress_init(&p, pipe, true);
    progress_show(&p, &s, 1000);
    progress_say(&p, "interrupted");
    progress_fini(&p);
    assert_int_equal(ftell(pipe), 0);
    fclose(pipe);
}

static void test_binds(void **state)
{
    (void)state;
    static const char *const local[] = {"tcp://127.0.0.1:7077", "tcp://127.1.2.3:*", "tcp://localhost:7077",
                                        "tcp://[::1]:7077", "ipc:///tmp/x"};
    static const char *const open[] = {"tcp://*:7077",
                                       "tcp://0.0.0.0:7077",
                                       "tcp://node1:7077",
                                       "tcp://10.0.0.1:*",
                                       "tcp://[::]:7077",
                                       "tcp://127.evil.example:7077",
                                       "tcp://localhost.evil.example:7077"};
    struct err err = ERR_NONE;
    for (size_t i = 0; i < COUNT_OF(local); i++)
        assert_int_equal(bind_check(local[i], false, &err), 0);
    for (size_t i = 0; i < COUNT_OF(open); i++) {
        assert_int_equal(bind_check(open[i], true, &err), 0);
        assert_int_equal(bind_check(open[i], false, &err), ERR_BAD);
        assert_non_null(strstr(err.hint, "--insecure"));
    }
}

static void test_reach(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"tcp://*:7077", "tcp://node1:7077"},
                                           {"tcp://0.0.0.0:7077", "tcp://node1:7077"},
                                           {"tcp://[::]:7077", "tcp://node1:7077"},
                                           {"tcp://10.0.0.1:7077", "tcp://10.0.0.1:7077"},
                                           {"ipc:///tmp/x", "ipc:///tmp/x"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str out = {0};
        bind_reach(cases[i][0], "node1", &out);
        assert_string_equal(str_text(&out), cases[i][1]);
        str_fini(&out);
    }
}

/* A line from the first second on, ten times a second, and nothing of it is left. */
static void test_patience(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len;
    FILE *file = open_memstream(&text, &len);
    struct patience p;
    patience_init(&p, file, "verify", "checkpoints");
    assert_int_equal(p.width, 0); // no terminal
    patience_tell(&p, 1, 9, p.from_ms + 5000);
    p.width = 22;
    patience_tell(&p, 2, 9, p.from_ms + 999);
    patience_hide(&p);
    fflush(file);
    assert_int_equal(len, 0);
    patience_tell(&p, 3, 9, p.from_ms + 1000);
    patience_tell(&p, 4, 9, p.from_ms + 1099);
    patience_tell(&p, 5, 0, p.from_ms + 1100);
    patience_hide(&p);
    patience_hide(&p);
    fclose(file);
    assert_string_equal(text,
                        "\rverify: 3 of 9 check\xe2\x80\xa6\033[K\rverify: 5 checkpoints\033[K\r\033[K");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_plain_lines),
        cmocka_unit_test(test_quiet_is_silent),
        cmocka_unit_test(test_patience),
        cmocka_unit_test(test_binds),
        cmocka_unit_test(test_reach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
