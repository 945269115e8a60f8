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
#include "sql/query.h"
#include "tests/sim/play.h"
#include "sql/store_load.h"

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
    snprintf(
        text, sizeof text,
        "{\"study\":\"%s\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},\"trainer\":{\"command\":["
        "\"true\"],"
        "\"seed\":1},\"space\":{\"lr\":{\"log\":[1e-6,1],\"limits\":[1e-8,10]},\"hidden\":{\"int\":[16,512]},"
        "\"kind\":{\"choice\":[\"a\",\"b\"]},\"momentum\":{\"logit\":[0.5,0.99],\"when\":{\"kind\":[\"a\"]}}}"
        ","
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

static struct study *study_named(struct rehearsal *r, const char *name)
{
    return reactor_study(rehearsal_reactor(r), name);
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

#define assert_said(text)                             \
    do {                                              \
        if (!strstr(said, text))                      \
            fail_msg("no \"%s\" in: %s", text, said); \
    } while (0)

static void points_of_the_file_come_first(void **state)
{
    (void)state;
    struct rehearsal *r =
        begin("\"method\":\"tpe\",\"trials\":20,\"epochs\":2",
              ",\"enqueue\":[{\"lr\":0.01,\"hidden\":64,\"kind\":\"a\",\"momentum\":0.9},{\"lr\":5}]", 2);
    struct study *s = study_named(r, "s");
    assert_int_equal(s->count, 2);
    assert_true(study_trial(s, 1)->point.v[0].num == 0.01);
    assert_true(study_trial(s, 2)->point.v[0].num == 5); /* beyond the range, within the limits */
    rehearsal_crash_master(r, 10);
    assert_true(rehearsal_run(r, 600000));
    s = study_named(r, "s");
    assert_int_equal(s->count, 20);
    assert_int_equal(s->best->number, 1);
    end_replayed(r, "s");
}

static void points_are_named_while_it_runs(void **state)
{
    (void)state;
    char said[800];
    struct rehearsal *r =
        begin("\"method\":\"random\",\"boundary\":\"expand\",\"trials\":30,\"epochs\":1", "", 2);
    rehearsal_run(r, 1000);
    assert_int_equal(call(r, "enqueue", "{\"who\":\"me\",\"points\":[{\"lr\":0.01},{\"kind\":\"b\"}]}", said),
                     0);
    assert_said("{\"trials\":[");
    assert_int_equal(call(r, "enqueue", "{\"points\":[{\"lr\":0.01},{\"lr\":100}]}", said), 2);
    assert_said("points[1].lr: 100 lies outside");
    assert_int_equal(call(r, "enqueue", "{\"points\":[{\"kind\":\"b\",\"momentum\":0.9}]}", said), 2);
    assert_said("points[0].momentum: is not active here");
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(study_named(r, "s")->count, 30);
    assert_int_equal(call(r, "enqueue", "{\"points\":[{\"lr\":0.01}]}", said), 1);
    assert_said("has ended");
    end_replayed(r, "s");
}

/* Whether it runs or has ended: more trials would not help a grid, another study does. */
static void a_grid_takes_no_points(void **state)
{
    (void)state;
    struct msg answer;
    struct rehearsal *r =
        begin("\"method\":\"grid\",\"grid\":{\"lr\":2,\"hidden\":2,\"momentum\":2},\"epochs\":1", "", 2);
    for (int ended = 0; ended < 2; ended++) {
        rehearsal_call(r, "enqueue", "{\"study\":\"s\",\"points\":[{\"lr\":0.01}]}", &answer);
        assert_int_equal(answer.answer.code, 1);
        assert_true(strstr(answer.answer.text, "a grid visits its own points and no others"));
        assert_true(strstr(answer.answer.hint, "another study") &&
                    !strstr(answer.answer.hint, "search.trials"));
        assert_true(rehearsal_run(r, 600000));
    }
    end_replayed(r, "s");
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
    assert_int_equal(study_named(r, "s")->count, 12 + 4);
    end_replayed(r, "s");
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
    struct study *t = study_named(r, "t");
    assert_int_equal(history_finished(&t->history), 40);
    rehearsal_run(r, 300);
    rehearsal_crash_master(r, 10);
    assert_true(rehearsal_run(r, 600000));
    t = study_named(r, "t");
    assert_int_equal(t->count, 12);
    assert_int_equal(history_finished(&t->history), 52);
    assert_true(history_find(&t->history, 1)->added > 0);
    assert_string_equal(proposer_of(r, t, 1), "tpe"); /* no start of its own: it knows enough */
    end_replayed(r, "t");
}

static void what_was_deleted_is_no_evidence_elsewhere(void **state)
{
    (void)state;
    char said[800];
    struct rehearsal *r = begin("\"method\":\"random\",\"trials\":20,\"epochs\":2", "", 4);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(call(r, "delete", "{\"trials\":[3,7,20]}", said), 0);
    submit(r, "t", "\"method\":\"tpe\",\"trials\":4,\"epochs\":2", ",\"warm_start\":{\"study\":\"s\"}");
    assert_int_equal(history_finished(&study_named(r, "t")->history), 17);
    assert_true(rehearsal_run(r, 600000));
    end_replayed(r, "t");
}

static void evidence_must_fit(void **state)
{
    (void)state;
    struct err err = ERR_NONE;
    struct rehearsal *r = begin("\"method\":\"random\",\"trials\":2,\"epochs\":1", "", 1);
    static const char other[] =
        "{\"study\":\"t\",\"metric\":{\"name\":\"loss\",\"goal\":\"minimize\"},\"trainer\":{\"command\":["
        "\"true\"]},"
        "\"space\":{\"lr\":{\"log\":[1e-6,1]}},\"search\":{\"trials\":2},\"warm_start\":{\"study\":\"s\"}}";
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(rehearsal_submit(r, other, &err), ERR_BAD);
    assert_non_null(strstr(err.text, "is ranked by another metric"));
    assert_null(study_named(r, "t"));
    end_replayed(r, "s");
}

/* A trial whose values the new space has no room for is left out, and what was evidence stays it when an edit leaves no
 * room for it any more: a master that comes back knows the same. */
static void evidence_outlives_its_space(void **state)
{
    (void)state;
    char said[800], text[1000];
    struct err err = ERR_NONE;
    struct rehearsal *r = begin("\"method\":\"random\",\"trials\":40,\"epochs\":1", "", 2);
    assert_true(rehearsal_run(r, 600000));
    static const char other[] = "{\"study\":\"t\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},"
                                "\"trainer\":{\"command\":[\"true\"],"
                                "\"seed\":1},\"space\":{\"lr\":{\"log\":[1e-6,1]},\"hidden\":{\"int\":[16,%s]"
                                "}},\"search\":{\"method\":"
                                "\"tpe\",\"trials\":12,\"seed\":1},\"warm_start\":{\"study\":\"s\"}}";
    snprintf(text, sizeof text, other, "264");
    if (rehearsal_submit(r, text, &err))
        fail_msg("%s", err.text);
    size_t known = history_finished(&study_named(r, "t")->history);
    assert_in_range(known, 5, 35);
    rehearsal_run(r, 100);
    assert_int_equal(call(r, "edit", "{\"study\":\"t\",\"sets\":[\"space.hidden.int=[16,100]\"]}", said), 0);
    rehearsal_crash_master(r, 10);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(history_finished(&study_named(r, "t")->history), known + 12);
    end_replayed(r, "t");
}

/* The values of its trials are values of the axis for ever. */
static void steps_stay_where_they_are(void **state)
{
    (void)state;
    char said[800];
    struct err err = ERR_NONE;
    struct rehearsal *r = begin("\"method\":\"random\",\"trials\":4,\"epochs\":1", "", 2);
    static const char stepped[] = "{\"study\":\"t\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},"
                                  "\"trainer\":{\"command\":[\"true\"],"
                                  "\"seed\":1},\"space\":{\"lr\":{\"uniform\":[0.5,2],\"step\":0.25}},"
                                  "\"search\":{\"trials\":6,\"seed\":1}}";
    if (rehearsal_submit(r, stepped, &err))
        fail_msg("%s", err.text);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(call(r, "edit", "{\"study\":\"t\",\"sets\":[\"space.lr.uniform=[0.6,2]\"]}", said), 2);
    assert_said("space.lr: 0.6 is not on its steps (0.5, 0.75, ...)");
    assert_int_equal(call(r, "edit",
                          "{\"study\":\"t\",\"sets\":[\"space.lr.uniform=[0.25,3]\",\"search.trials=9\"]}",
                          said),
                     0);
    rehearsal_crash_master(r, 10);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(study_named(r, "t")->count, 9);
    end_replayed(r, "t");
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
    end_replayed(r, "s");
}

static void a_larger_budget_goes_on(void **state)
{
    (void)state;
    char said[800];
    struct rehearsal *r = begin("\"method\":\"tpe\",\"trials\":16,\"epochs\":2", "", 3);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(call(r, "edit", "{\"sets\":[\"search.trials=24\",\"priority=2\"],\"who\":\"me\"}", said),
                     0);
    assert_said("{\"path\":\"search.trials\",\"before\":16,\"after\":24}");
    assert_said("\"state\":\"running\"");
    rehearsal_run(r, 200);
    rehearsal_crash_master(r, 10);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(study_named(r, "s")->count, 24);
    assert_true(study_named(r, "s")->def.priority == 2);
    call(r, "edit", "{\"sets\":[\"search.trials=24\"]}", said);
    assert_said("\"changes\":[],\"state\":\"ended\"");
    end_replayed(r, "s");
}

static void more_epochs_go_on_from_the_checkpoints(void **state)
{
    (void)state;
    char said[800];
    struct rehearsal *r = begin("\"method\":\"random\",\"trials\":10,\"epochs\":3", "", 3);
    rehearsal_run(r, 900);
    assert_int_equal(call(r, "edit", "{\"sets\":[\"search.epochs=5\"]}", said), 0);
    rehearsal_run(r, 300);
    rehearsal_crash_master(r, 10);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(call(r, "edit", "{\"sets\":[\"search.epochs=6\"]}", said), 0);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_named(r, "s");
    for (uint32_t n = 1; n <= s->count; n++)
        if (study_trial(s, n)->status == TRIAL_complete)
            assert_int_equal(study_trial(s, n)->last_epoch, 6);
    assert_true(s->counts[TRIAL_complete] >= 8);
    assert_true(rehearsal_epochs_run(r) <= 60); /* none is paid twice, but for those of the crash */
    end_replayed(r, "s");
}

static void edited_axes_replay(void **state)
{
    (void)state;
    char said[800];
    struct rehearsal *r = begin("\"method\":\"tpe\",\"trials\":80,\"epochs\":1", "", 4);
    rehearsal_run(r, 700);
    assert_int_equal(
        call(r, "edit", "{\"sets\":[\"space.lr.log=[1e-5,0.1]\",\"space.hidden.int=[32,256]\"]}", said), 0);
    rehearsal_run(r, 700);
    assert_int_equal(call(r, "edit",
                          "{\"sets\":[\"space.lr.limits=[1e-6,0.5]\",\"space.lr.boundary=\\\"expand\\\"\"]}",
                          said),
                     0);
    rehearsal_crash_master(r, 10);
    rehearsal_run(r, 400);
    assert_int_equal(call(r, "edit", "{\"sets\":[\"space.lr.log=[1e-4,0.3]\",\"search.parallel=2\"]}", said),
                     0);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_named(r, "s");
    assert_int_equal(s->count, 80);
    for (uint32_t n = 60; n <= 80; n++)
        assert_true(study_trial(s, n)->point.v[0].num >= 1e-6 && study_trial(s, n)->point.v[0].num <= 0.5);
    end_replayed(r, "s");
}

/* However far a wall has moved and whatever was found there, limits that come later are the hard stop. */
static void later_limits_hold(void **state)
{
    (void)state;
    static const char *const methods[] = {"gp", "tpe"};
    static const char file[] =
        "{\"study\":\"t\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},"
        "\"trainer\":{\"command\":[\"true\"]},\"space\":{\"lr\":{\"log\":[1e-6,1e-4],\"limits\":"
        "[1e-8,1]}},\"search\":{\"method\":\"%s\",\"trials\":60,\"seed\":3}}";
    for (int m = 0; m < 2; m++) {
        char said[800], text[500];
        struct err err = ERR_NONE;
        struct rehearsal *r = begin("\"method\":\"random\",\"trials\":1,\"epochs\":1", "", 1);
        snprintf(text, sizeof text, file, methods[m]);
        assert_int_equal(rehearsal_submit(r, text, &err), 0);
        assert_int_equal(call(r, "edit", "{\"study\":\"t\",\"sets\":[\"search.trials=35\"]}", said), 0);
        assert_true(rehearsal_run(r, 600000));
        assert_true(study_named(r, "t")->best->point.v[0].num > 2e-3);
        assert_int_equal(
            call(r, "edit",
                 "{\"study\":\"t\",\"sets\":[\"search.trials=60\",\"space.lr.limits=[1e-8,1e-3]\"]}", said),
            0);
        rehearsal_crash_master(r, 10);
        assert_true(rehearsal_run(r, 600000));
        for (uint32_t n = 36; n <= 60; n++)
            assert_true(study_trial(study_named(r, "t"), n)->point.v[0].num <= 1e-3);
        end_replayed(r, "t");
    }
}

/* A master that is begun again with the file it had goes on with what was edited meanwhile. */
static void the_file_of_before_an_edit_is_no_other(void **state)
{
    (void)state;
    char said[800];
    struct err err = ERR_NONE;
    static const char file[] = "{\"study\":\"t\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},"
                               "\"trainer\":{\"command\":[\"true\"]},"
                               "\"space\":{\"lr\":{\"log\":[1e-4,1]}},\"search\":{\"trials\":%d}}";
    char before[400], other[400];
    struct rehearsal *r = begin("\"method\":\"random\",\"trials\":3,\"epochs\":1", "", 1);
    snprintf(before, sizeof before, file, 6);
    snprintf(other, sizeof other, file, 9);
    assert_int_equal(rehearsal_submit(r, before, &err), 0);
    assert_int_equal(
        call(r, "edit", "{\"study\":\"t\",\"sets\":[\"search.trials=8\",\"budget.epochs=500\"]}", said), 0);
    assert_int_equal(call(r, "edit", "{\"study\":\"t\",\"sets\":[\"space.lr.log=[1e-3,1]\"]}", said), 0);
    rehearsal_crash_master(r, 10);
    rehearsal_run(r, 20);
    assert_int_equal(rehearsal_submit(r, before, &err), 0);
    assert_int_equal(rehearsal_submit(r, other, &err), ERR_BAD);
    assert_non_null(strstr(err.text, "differs from study \"t\" in this database"));
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(study_named(r, "t")->count, 8);
    end_replayed(r, "t");
}

static void what_would_change_the_meaning_is_refused(void **state)
{
    (void)state;
    char said[800];
    struct rehearsal *r = begin("\"method\":\"random\",\"trials\":3,\"epochs\":1", "", 1);
    static const char *const sets[] = {"search.seed=5",
                                       "search.method=\\\"tpe\\\"",
                                       "metric.goal=\\\"minimize\\\"",
                                       "space.kind.choice=[\\\"a\\\"]",
                                       "space.new={\\\"log\\\":[1,2]}",
                                       "space.lr.uniform=[0,1]",
                                       "trainer.seed=3",
                                       "study=\\\"x\\\""};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        char args[200];
        snprintf(args, sizeof args, "{\"sets\":[\"priority=1\",\"%s\"]}", sets[i]);
        assert_int_equal(call(r, "edit", args, said), 2);
        assert_said("cannot be changed");
    }
    assert_int_equal(call(r, "edit", "{\"sets\":[\"space.lr.limits=[1,2]\"]}", said), 2);
    assert_true(study_named(r, "s")->def.priority == 0);
    assert_true(rehearsal_run(r, 600000));
    end_replayed(r, "s");
}

static void deleted_trials_are_no_evidence(void **state)
{
    (void)state;
    char said[800], args[200];
    struct rehearsal *r =
        begin("\"method\":\"tpe\",\"trials\":40,\"epochs\":3", ",\"prune\":{\"method\":\"median\"}", 4);
    rehearsal_run(r, 2000);
    struct study *s = study_named(r, "s");
    uint32_t best = s->best->number;
    snprintf(args, sizeof args, "{\"trials\":[%u,%zu]}", best, s->count);
    assert_int_equal(call(r, "delete", args, said), 0);
    assert_said("{\"deleted\":2}");
    call(r, "delete", args, said);
    assert_said("{\"deleted\":0}");
    assert_true(s->best->number != best);
    rehearsal_run(r, 500);
    rehearsal_crash_master(r, 10);
    assert_true(rehearsal_run(r, 600000));
    s = study_named(r, "s");
    assert_true(study_trial(s, best)->is_deleted && s->best->number != best);
    assert_int_equal(history_find(&s->history, best)->state, HISTORY_GONE);
    assert_int_equal(s->count, 40 + s->counts[TRIAL_cancelled]);
    struct query *query;
    struct rows rows;
    assert_int_equal(query_of_store(rehearsal_store(r), &query, NULL), 0);
    snprintf(args, sizeof args,
             "SELECT (SELECT count(*) FROM s WHERE trial = %u) + (SELECT count(*) FROM leaderboard "
             "WHERE trial = %u)",
             best, best);
    assert_int_equal(query_sql(query, args, 0, &rows, NULL), 0);
    assert_int_equal(cell_int(rows_cell(&rows, 0, 0)), 0);
    rows_fini(&rows);
    query_close(query);
    end_replayed(r, "s");
}

static void a_study_is_renamed(void **state)
{
    (void)state;
    char said[800];
    struct rehearsal *r = begin("\"method\":\"random\",\"trials\":9,\"epochs\":3", "", 2);
    rehearsal_run(r, 400);
    assert_int_equal(call(r, "rename", "{\"to\":\"t\"}", said), 1);
    assert_said("attempts run");
    call(r, "pause", "{}", said);
    rehearsal_run(r, 1000);
    assert_int_equal(call(r, "rename", "{\"to\":\"trial\"}", said), 2); /* a table of ours */
    assert_int_equal(call(r, "rename", "{\"to\":\"t\"}", said), 0);
    rehearsal_crash_master(r, 10);
    rehearsal_run(r, 100);
    assert_null(study_named(r, "s"));
    call(r, "resume", "{\"study\":\"t\"}", said);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(study_named(r, "t")->count, 9);
    struct query *query;
    struct rows rows;
    assert_int_equal(query_of_store(rehearsal_store(r), &query, NULL), 0);
    assert_int_equal(query_sql(query, "SELECT count(*) FROM t", 0, &rows, NULL), 0);
    assert_int_equal(cell_int(rows_cell(&rows, 0, 0)), 9);
    rows_fini(&rows);
    query_close(query);
    struct replay_report report;
    assert_int_equal(replay_study(rehearsal_store(r), "t", NULL, &report, NULL), 0);
    rehearsal_free(r);
}

int main(void)
{
    log_init(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_of_the_file_come_first),
        cmocka_unit_test(points_are_named_while_it_runs),
        cmocka_unit_test(a_grid_takes_no_points),
        cmocka_unit_test(stages_take_named_points),
        cmocka_unit_test(another_study_is_evidence),
        cmocka_unit_test(what_was_deleted_is_no_evidence_elsewhere),
        cmocka_unit_test(evidence_must_fit),
        cmocka_unit_test(evidence_outlives_its_space),
        cmocka_unit_test(steps_stay_where_they_are),
        cmocka_unit_test(what_a_trial_waits_for),
        cmocka_unit_test(a_larger_budget_goes_on),
        cmocka_unit_test(more_epochs_go_on_from_the_checkpoints),
        cmocka_unit_test(edited_axes_replay),
        cmocka_unit_test(later_limits_hold),
        cmocka_unit_test(the_file_of_before_an_edit_is_no_other),
        cmocka_unit_test(what_would_change_the_meaning_is_refused),
        cmocka_unit_test(deleted_trials_are_no_evidence),
        cmocka_unit_test(a_study_is_renamed),
    };
    return cmocka_run_group_tests_name("living", tests, NULL, NULL);
}
