/* Steering a study while it lives: points that somebody names, what it knew before, what a trial waits for. Each ends
 * with a replay: whatever people did is in the rows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "master/rehearsal.h"
#include "master/replay.h"

static double bowl(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)seed, (void)epochs;
    double d = log10(json_num(json_get(params, "lr"))) + 2;
    return d > 2.5 ? NAN : 1 - 0.02 * d * d - 0.1 / epoch;
}

static void submit(struct rehearsal *r, const char *name, const char *search, const char *more)
{
    char text[2000];
    struct err err = ERR_NONE;
    snprintf(text, sizeof text,
             "{\"study\":\"%s\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},\"trainer\":{\"command\":[\"true\"],"
             "\"seed\":1},\"space\":{\"lr\":{\"log\":[1e-6,1],\"limits\":[1e-8,10]},\"hidden\":{\"int\":[16,512]},"
             "\"kind\":{\"choice\":[\"a\",\"b\"]},\"momentum\":{\"logit\":[0.5,0.99],\"when\":{\"kind\":[\"a\"]}}},"
             "\"search\":{\"seed\":4,%s}%s}",
             name, search, more);
    if (rehearsal_submit(r, text, &err))
        fail_msg("%s", err.text);
}

static struct rehearsal *begin(const char *search, const char *more, int workers)
{
    struct err err = ERR_NONE;
    struct rehearsal_options options = {.objective = bowl, .metric = "acc"};
    struct rehearsal *r = rehearsal_new(&options, &err);
    if (!r)
        fail_msg("%s", err.text);
    submit(r, "s", search, more);
    for (int i = 0; i < workers; i++)
        rehearsal_add_worker(r, 1);
    return r;
}

static struct study *study_of(struct rehearsal *r, const char *name)
{
    return reactor_study(rehearsal_reactor(r), name);
}

static void end(struct rehearsal *r, const char *name)
{
    struct replay_report report;
    struct err err = ERR_NONE;
    if (replay_study(rehearsal_store(r), name, &report, &err) || rehearsal_check(r, &err))
        fail_msg("%s", err.text);
    assert_int_equal(report.proposals, (int64_t)study_of(r, name)->count);
    rehearsal_free(r);
}

/* The answer's code, and its text or what it found. */
static int call(struct rehearsal *r, const char *verb, const char *args, char said[800])
{
    struct msg answer;
    struct str result = {0};
    rehearsal_call(r, verb, args, &answer);
    if (answer.answer.result)
        json_print(answer.answer.result, &result);
    snprintf(said, 800, "%.300s%.490s", answer.answer.text, str_text(&result));
    int code = (int)answer.answer.code;
    str_fini(&result);
    msg_fini(&answer);
    return code;
}

#define assert_said(text)                        \
    do {                                         \
        if (!strstr(said, text))                 \
            fail_msg("no \"%s\" in: %s", text, said); \
    } while (0)

static void points_of_the_file_come_first(void **state)
{
    (void)state;
    struct rehearsal *r = begin("\"method\":\"tpe\",\"trials\":20,\"epochs\":2",
                                ",\"enqueue\":[{\"lr\":0.01,\"hidden\":64,\"kind\":\"a\",\"momentum\":0.9},{\"lr\":5}]", 2);
    struct study *s = study_of(r, "s");
    assert_int_equal(s->count, 2);
    assert_true(study_trial(s, 1)->point.v[0].num == 0.01);
    assert_true(study_trial(s, 2)->point.v[0].num == 5); /* beyond the range, within the limits */
    rehearsal_crash_master(r, 10);
    assert_true(rehearsal_run(r, 600000));
    s = study_of(r, "s");
    assert_int_equal(s->count, 20);
    assert_int_equal(s->best->number, 1);
    end(r, "s");
}

static void points_are_named_while_it_runs(void **state)
{
    (void)state;
    char said[800];
    struct rehearsal *r = begin("\"method\":\"random\",\"boundary\":\"expand\",\"trials\":30,\"epochs\":1", "", 2);
    rehearsal_run(r, 1000);
    assert_int_equal(call(r, "enqueue", "{\"who\":\"me\",\"points\":[{\"lr\":0.01},{\"kind\":\"b\"}]}", said), 0);
    assert_said("{\"trials\":[");
    assert_int_equal(call(r, "enqueue", "{\"points\":[{\"lr\":0.01},{\"lr\":100}]}", said), 2);
    assert_said("points[1].lr: 100 lies outside");
    assert_int_equal(call(r, "enqueue", "{\"points\":[{\"kind\":\"b\",\"momentum\":0.9}]}", said), 2);
    assert_said("points[0].momentum: is not active here");
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(study_of(r, "s")->count, 30);
    assert_int_equal(call(r, "enqueue", "{\"points\":[{\"lr\":0.01}]}", said), 1);
    assert_said("has ended");
    end(r, "s");
}

static void stages_take_named_points(void **state)
{
    (void)state;
    char said[800];
    struct rehearsal *r = begin("\"method\":\"coarse-to-fine\",\"stages\":[{\"trials\":12,\"epochs\":1},"
                                "{\"trials\":6,\"epochs\":3}]",
                                ",\"enqueue\":[{\"lr\":0.01}]", 3);
    rehearsal_run(r, 200);
    assert_int_equal(call(r, "enqueue", "{\"points\":[{\"lr\":0.02}]}", said), 0);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(study_of(r, "s")->count, 12 + 4);
    end(r, "s");
}

static char proposer_name[32];

static int see_sampler(void *arg, const struct row_trial *row, const struct row_value *values, int count)
{
    (void)values, (void)count;
    if (row->number == *(const uint32_t *)arg)
        snprintf(proposer_name, sizeof proposer_name, "%s", row->sampler);
    return 0;
}

static const char *proposer_of(struct rehearsal *r, const struct study *s, uint32_t trial)
{
    assert_int_equal(store_load_trials(rehearsal_store(r), s->id, see_sampler, &trial, NULL), 0);
    return proposer_name;
}

static void another_study_is_evidence(void **state)
{
    (void)state;
    struct rehearsal *r = begin("\"method\":\"random\",\"trials\":40,\"epochs\":2", "", 4);
    assert_true(rehearsal_run(r, 600000));
    submit(r, "t", "\"method\":\"tpe\",\"trials\":12,\"epochs\":2", ",\"warm_start\":{\"study\":\"s\"}");
    struct study *t = study_of(r, "t");
    assert_int_equal(history_finished(&t->history), 40);
    rehearsal_run(r, 300);
    rehearsal_crash_master(r, 10);
    assert_true(rehearsal_run(r, 600000));
    t = study_of(r, "t");
    assert_int_equal(t->count, 12);
    assert_int_equal(history_finished(&t->history), 52);
    assert_true(history_find(&t->history, 1)->added > 0);
    assert_string_equal(proposer_of(r, t, 1), "tpe"); /* no start of its own: it knows enough */
    end(r, "t");
}

static void evidence_must_fit(void **state)
{
    (void)state;
    struct err err = ERR_NONE;
    struct rehearsal *r = begin("\"method\":\"random\",\"trials\":2,\"epochs\":1", "", 1);
    static const char other[] =
        "{\"study\":\"t\",\"metric\":{\"name\":\"loss\",\"goal\":\"minimize\"},\"trainer\":{\"command\":[\"true\"]},"
        "\"space\":{\"lr\":{\"log\":[1e-6,1]}},\"search\":{\"trials\":2},\"warm_start\":{\"study\":\"s\"}}";
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(rehearsal_submit(r, other, &err), ERR_BAD);
    assert_non_null(strstr(err.text, "is ranked by another metric"));
    assert_null(study_of(r, "t"));
    end(r, "s");
}

static void what_a_trial_waits_for(void **state)
{
    (void)state;
    char said[800];
    struct rehearsal *r = begin("\"method\":\"random\",\"trials\":9,\"epochs\":9,\"parallel\":1",
                                ",\"enqueue\":[{\"lr\":0.01},{\"lr\":0.02}]", 0);
    assert_int_equal(call(r, "explain", "{\"trial\":2}", said), 0);
    assert_said("no worker is connected");
    rehearsal_add_worker(r, 1);
    rehearsal_run(r, 300);
    call(r, "explain", "{\"trial\":2}", said);
    assert_said("the study allows 1 at once (search.parallel)");
    call(r, "explain", "{\"trial\":1}", said);
    assert_said("\"status\":\"running\",\"waits\":null,\"worker\":\"w1\"");
    call(r, "pause", "{}", said);
    call(r, "explain", "{\"trial\":2}", said);
    assert_said("the study is paused");
    assert_int_equal(call(r, "explain", "{\"trial\":7}", said), 2);
    call(r, "resume", "{}", said);
    assert_true(rehearsal_run(r, 600000));
    end(r, "s");
}

int main(void)
{
    log_init(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_of_the_file_come_first),
        cmocka_unit_test(points_are_named_while_it_runs),
        cmocka_unit_test(stages_take_named_points),
        cmocka_unit_test(another_study_is_evidence),
        cmocka_unit_test(evidence_must_fit),
        cmocka_unit_test(what_a_trial_waits_for),
    };
    return cmocka_run_group_tests_name("living", tests, NULL, NULL);
}
