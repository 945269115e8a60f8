/* Whatever the weather, a study's decisions are what its rows say: storms over several methods, then replay. And a row
 * that was not decided so is found. HONE_REPLAY_SEEDS sets how many storms each (default 12). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/rng.h"
#include "master/rehearsal.h"
#include "master/replay.h"

/* The best learning rate lies outside the range, so that walls move. */
static double bowl(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)seed, (void)epochs;
    double d = log10(json_num(json_get(params, "lr"))) + 2, h = json_num(json_get(params, "hidden")) / 512;
    return d > 2.5 ? NAN : 1 - 0.02 * d * d - 0.05 * h * h - 0.1 / epoch;
}

/* What a trainer says of its own time, which is not what its slot measures. */
static double further(void *arg, int k, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)k, (void)seed, (void)epochs;
    return json_num(json_get(params, "hidden")) * 1e-6 * epoch;
}

static struct rehearsal *begin_ranked(uint64_t seed, bool storm, const char *second_metric,
                                      const char *search, const char *prune, int workers)
{
    char text[2000];
    struct err err = ERR_NONE;
    struct rng rng = rng_at(seed, 2, 0, 0);
    struct rehearsal_options options = {.seed = seed, .objective = bowl, .metric = "acc"};
    options.further = further;
    options.further_names[0] = "seconds";
    if (storm) {
        options.lose = 0.02 * rng_unit(&rng);
        options.twice = 0.1 * rng_unit(&rng);
        options.late = 0.3 * rng_unit(&rng);
        options.crash_before = 0.03 * rng_unit(&rng);
        options.crash_after = 0.03 * rng_unit(&rng);
        options.kill_worker = 0.1 * rng_unit(&rng);
        options.cut_worker = 0.2 * rng_unit(&rng);
        options.fail = 0.05 * rng_unit(&rng);
    }
    struct rehearsal *r = rehearsal_new(&options, &err);
    snprintf(text, sizeof text,
             "{\"study\":\"s\",\"metric\":[{\"name\":\"acc\",\"goal\":\"maximize\"}%s],\"max_attempts\":3,%s"
             "\"trainer\":{\"command\":[\"true\"],\"seed\":1},\"space\":{\"lr\":{\"log\":[1e-6,1e-3]},"
             "\"hidden\":{\"int\":[16,512],\"log\":true},\"kind\":{\"choice\":[\"a\",\"b\",\"c\"]},"
             "\"momentum\":{\"logit\":[0.5,0.99],\"when\":{\"kind\":[\"a\",\"b\"]}}},"
             "\"search\":{\"seed\":%llu,%s}}",
             second_metric, prune, (unsigned long long)seed, search);
    if (!r || rehearsal_submit(r, text, &err))
        fail_msg("%s", err.text);
    for (int i = 0; i < workers; i++)
        rehearsal_add_worker(r, 1);
    return r;
}

static struct rehearsal *begin(uint64_t seed, bool storm, const char *search, const char *prune, int workers)
{
    return begin_ranked(seed, storm, "", search, prune, workers);
}

static void weather(struct rehearsal *r)
{
    rehearsal_run(r, 4000);
    rehearsal_calm(r);
    if (rehearsal_run(r, 600000))
        return;
    const struct study *s = reactor_study(rehearsal_reactor(r), "s");
    for (uint32_t n = 1; n <= s->count; n++) {
        const struct trial *t = study_trial(s, n);
        if (!trial_status_is_final(t->status))
            print_error("trial %u: %s (%s), epoch %d of %d, lost on %d, %s\n", n,
                        trial_status_name(t->status), t->cause, t->last_epoch, t->until, t->lost_on,
                        t->is_open ? "open" : "closed");
    }
    fail_msg("it did not end: %s, %zu trials", study_state(s), s->count);
}

static struct replay_report replay(struct rehearsal *r)
{
    struct replay_report report;
    struct err err = ERR_NONE;
    if (replay_study(rehearsal_store(r), "s", NULL, &report, &err))
        fail_msg("%s", err.text);
    assert_int_equal(report.proposals, (int64_t)reactor_study(rehearsal_reactor(r), "s")->count);
    assert_int_equal(report.elsewhere, 0);
    return report;
}

static struct replay_report storms_of(const char *search, const char *prune)
{
    const char *setting = getenv("HONE_REPLAY_SEEDS");
    uint64_t seeds = setting ? strtoull(setting, NULL, 10) : 12;
    struct replay_report sum = {0};
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct rehearsal *r = begin(seed, true, search, prune, 16);
        weather(r);
        struct replay_report one = replay(r);
        sum.boxes += one.boxes;
        sum.events += one.events;
        sum.moves += one.moves;
        rehearsal_free(r);
    }
    return sum;
}

static struct replay_report storms(const char *search)
{
    return storms_of(search, "");
}

static void tpe_replays_after_storms(void **state)
{
    (void)state;
    struct replay_report sum = storms("\"method\":\"tpe\",\"trials\":60,\"epochs\":3");
    assert_true(sum.boxes > 0 && sum.events > 0);
}

static void a_front_with_its_time_replays(void **state)
{
    (void)state;
    struct rehearsal *r = begin_ranked(4, true, ",{\"name\":\"seconds\",\"goal\":\"minimize\"}",
                                       "\"method\":\"tpe\",\"trials\":60,\"epochs\":3", "", 16);
    weather(r);
    replay(r);
    rehearsal_free(r);
}

/* Whose turn it is hangs on who made which trial, which a master that comes back reads from the rows. */
static void turns_replay_after_storms(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct rehearsal *r = begin_ranked(seed, true, ",{\"name\":\"seconds\",\"goal\":\"minimize\"}",
                                           "\"trials\":110,\"epochs\":2", "", 16);
        weather(r);
        replay(r);
        const struct study *s = reactor_study(rehearsal_reactor(r), "s");
        int bred = 0;
        for (size_t i = 0; i < s->history.count; i++)
            bred += s->history.entries[i].fit_count == 1 && s->history.entries[i].fit[0] > 0;
        assert_true(bred > 5);
        rehearsal_free(r);
    }
}

static void stages_replay_after_storms(void **state)
{
    (void)state;
    struct replay_report sum =
        storms("\"method\":\"coarse-to-fine\",\"stages\":[{\"trials\":30,\"epochs\":1},"
               "{\"trials\":16,\"epochs\":3},{\"trials\":8,\"epochs\":6}]");
    assert_true(sum.boxes > 0 && sum.events > 0 && sum.moves > 0);
}

static void growing_walls_replay_after_storms(void **state)
{
    (void)state;
    struct replay_report sum =
        storms("\"method\":\"random\",\"boundary\":\"expand\",\"trials\":60,\"epochs\":3");
    assert_true(sum.boxes > 0 && sum.events > 0);
}

static void pruning_replays_after_storms(void **state)
{
    (void)state;
    struct replay_report sum = storms_of("\"method\":\"tpe\",\"trials\":60,\"epochs\":9",
                                         "\"prune\":{\"method\":\"asha\",\"eta\":3,\"min_epochs\":1},");
    assert_true(sum.moves > 0);
    sum = storms_of("\"method\":\"random\",\"trials\":60,\"epochs\":9",
                    "\"prune\":{\"method\":\"asha\",\"eta\":3,\"min_epochs\":1,\"variant\":\"stopping\"},");
    assert_true(sum.moves > 0);
    sum = storms_of("\"method\":\"random\",\"trials\":60,\"epochs\":6",
                    "\"prune\":{\"method\":\"median\",\"below\":0.1,\"after\":2},");
    assert_true(sum.moves > 0);
}

static void a_study_under_way_replays(void **state)
{
    (void)state;
    struct rehearsal *r = begin(3, false, "\"method\":\"tpe\",\"trials\":400,\"epochs\":2", "", 8);
    for (int i = 0; i < 4; i++) {
        rehearsal_run(r, 1000);
        replay(r);
    }
    rehearsal_free(r);
}

static void approved_walls_replay(void **state)
{
    (void)state;
    struct rehearsal *r =
        begin(5, false, "\"method\":\"tpe\",\"boundary\":\"ask\",\"trials\":200,\"epochs\":1", "", 4);
    int64_t boxes = 0;
    for (int i = 0; i < 20; i++) {
        struct msg answer;
        rehearsal_run(r, 200);
        rehearsal_call(r, "approve", "{\"who\":\"me\"}", &answer);
        boxes += answer.answer.code == 0;
        msg_fini(&answer);
    }
    assert_true(boxes > 0);
    assert_int_equal(replay(r).boxes, boxes);
    rehearsal_free(r);
}

static void expect_difference(struct rehearsal *r, const char *said)
{
    struct replay_report report;
    struct err err = ERR_NONE;
    assert_int_equal(store_commit(rehearsal_store(r), &err), 0);
    assert_int_equal(replay_study(rehearsal_store(r), "s", NULL, &report, &err), ERR_NO);
    if (!strstr(err.text, said))
        fail_msg("no \"%s\" in: %s", said, err.text);
    rehearsal_free(r);
}

static void a_point_of_another_origin_is_found(void **state)
{
    (void)state;
    struct rehearsal *r = begin(7, false, "\"method\":\"random\",\"trials\":9,\"epochs\":1", "", 2);
    weather(r);
    struct study *s = reactor_study(rehearsal_reactor(r), "s");
    struct row_value values[] = {
        {"lr", true, 1.5e-5, NULL}, {"hidden", true, 64, NULL}, {"kind", false, 0, "c"}};
    struct row_trial row = {.study = s->id,
                            .number = 10,
                            .group = 10,
                            .status = TRIAL_waiting,
                            .sampler = "random",
                            .sampler_version = 1,
                            .seq_cut = store_seq(rehearsal_store(r)),
                            .platform = "x",
                            .until = 1,
                            .epochs = 1,
                            .score = NAN};
    store_add_trial(rehearsal_store(r), &row, values, 3);
    expect_difference(r, "s/10: lr: stored 1.5e-05, recomputed ");
}

static void a_box_of_another_origin_is_found(void **state)
{
    (void)state;
    struct rehearsal *r = begin(8, false, "\"method\":\"random\",\"trials\":9,\"epochs\":1", "", 2);
    weather(r);
    store_add_box(rehearsal_store(r),
                  &(struct row_box){
                      reactor_study(rehearsal_reactor(r), "s")->id, 0, 0, 9,
                      "{\"lr\":{\"t\":[-9,-7]},\"hidden\":{\"t\":[3,6]},\"kind\":{\"keep\":[\"a\",\"b\"]},"
                      "\"momentum\":{\"t\":[0,4]}}",
                      1});
    expect_difference(r, "s: the box of seq ");
}

int main(void)
{
    log_init(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tpe_replays_after_storms),
        cmocka_unit_test(a_front_with_its_time_replays),
        cmocka_unit_test(turns_replay_after_storms),
        cmocka_unit_test(stages_replay_after_storms),
        cmocka_unit_test(growing_walls_replay_after_storms),
        cmocka_unit_test(pruning_replays_after_storms),
        cmocka_unit_test(a_study_under_way_replays),
        cmocka_unit_test(approved_walls_replay),
        cmocka_unit_test(a_point_of_another_origin_is_found),
        cmocka_unit_test(a_box_of_another_origin_is_found),
    };
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
