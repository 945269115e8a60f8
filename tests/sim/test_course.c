/* Stages and walls in whole studies: what is decided, what is written, what a restart makes of it. */
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
#include "tests/sim/play.h"

/* Best at lr = 1e-2, a little better with every epoch. */
static double bowl(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)seed, (void)epochs;
    double d = log10(json_num(json_get(params, "lr"))) + 2;
    return 1 - 0.02 * d * d - 0.1 / epoch;
}

static struct rehearsal *begin(struct rehearsal_options options, const char *lr, const char *search,
                               int workers)
{
    char text[2000];
    struct err err = ERR_NONE;
    options.objective = options.objective ? options.objective : bowl;
    options.metric = "acc";
    struct rehearsal *r = rehearsal_new(&options, &err);
    snprintf(text, sizeof text,
             "{\"study\":\"s\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},\"trainer\":{\"command\":["
             "\"true\"],"
             "\"seed\":1},\"space\":{\"lr\":%s,\"dead\":{\"log\":[1e-3,1]}},\"search\":{\"seed\":4,%s}}",
             lr, search);
    if (!r || rehearsal_submit(r, text, &err))
        fail_msg("%s", err.text);
    for (int i = 0; i < workers; i++)
        rehearsal_add_worker(r, 1);
    return r;
}

static const char stages[] = "\"method\":\"coarse-to-fine\",\"stages\":[{\"trials\":20,\"epochs\":1},"
                             "{\"trials\":10,\"epochs\":3},{\"trials\":5,\"epochs\":6}]";

static void stages_carry_the_best_and_prune_the_rest(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "{\"log\":[1e-6,10]}", stages, 3);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    /* 20 new, then 2 carried and 8 new, then 1 carried and 4 new */
    assert_int_equal(s->count, 32);
    assert_int_equal(s->counts[TRIAL_complete], 5);
    assert_int_equal(s->counts[TRIAL_pruned], 27);
    int carried = 0;
    for (uint32_t n = 1; n <= s->count; n++) {
        struct trial *t = study_trial(s, n);
        carried += t->attempt > 1;
        if (t->status == TRIAL_pruned)
            assert_string_equal(t->cause, "stage");
        assert_int_equal(t->epochs, 6);
    }
    assert_true(carried >= 2);
    assert_int_equal(rehearsal_epochs_run(r), 20 + 2 * 2 + 8 * 3 + 3 + 4 * 6); /* no epoch is paid twice */
    assert_true(s->best->score > 0.95);
    end(r);
}

static void ask(struct rehearsal *r, const char *verb, const char *args)
{
    struct msg answer;
    rehearsal_call(r, verb, args, &answer);
    assert_int_equal(answer.answer.code, 0);
    msg_fini(&answer);
}

static bool goes_beyond(const struct study *s, uint32_t trial, int stage)
{
    static const int epochs[] = {1, 3, 6};
    return trial <= s->count && study_trial(s, trial)->last_epoch > epochs[stage];
}

/* The first trial of the first stage that it carries on, or gives up. */
static uint32_t find_trial(bool carried)
{
    struct rehearsal *r = begin((struct rehearsal_options){0}, "{\"log\":[1e-6,10]}", stages, 3);
    uint32_t n = 1;
    assert_true(rehearsal_run(r, 600000));
    while (goes_beyond(study_of(r), n, 0) != carried)
        n++;
    assert_true(n <= 20);
    end(r);
    return n;
}

/* Cancelled in the first stage, tried again when that is over: in the second one, or when all are. */
static void try_again(uint32_t trial, bool carried, bool at_the_end)
{
    char args[64];
    struct rehearsal *r = begin((struct rehearsal_options){0}, "{\"log\":[1e-6,10]}", stages, 3);
    const struct study *s = study_of(r);
    snprintf(args, sizeof args, "{\"study\":\"s\",\"trials\":[%u]}", trial);
    while (s->count < trial)
        rehearsal_run(r, 10);
    ask(r, "cancel", args);
    if (at_the_end)
        assert_true(rehearsal_run(r, 600000));
    while (!history_box(&s->history) || history_box(&s->history)->stage < 1)
        rehearsal_run(r, 10);
    int64_t before = rehearsal_epochs_run(r);
    ask(r, "retry", args);
    assert_true(rehearsal_run(r, 600000));
    const struct trial *t = study_trial(s, trial);
    assert_int_equal(goes_beyond(s, trial, 0), carried);
    if (!carried) {
        assert_int_equal(t->status, TRIAL_pruned);
        assert_string_equal(t->cause, "stage");
        assert_true(!at_the_end || rehearsal_epochs_run(r) <= before + 1);
    } else if (at_the_end) {
        assert_int_equal(t->last_epoch, 6);
    }
    check(r);
    end_replayed(r, "s");
}

/* Of a stage that ended without it: it goes on where the others are if it belongs among those that went on, and costs no more
 * than that stage's epochs if it does not. */
static void a_trial_tried_again_is_judged_as_its_stage_did(void **state)
{
    (void)state;
    uint32_t good = find_trial(true), bad = find_trial(false);
    for (int at_the_end = 0; at_the_end < 2; at_the_end++) {
        try_again(good, true, at_the_end);
        try_again(bad, false, at_the_end);
    }
}

static void a_restart_changes_nothing(void **state)
{
    (void)state;
    struct rehearsal *a = begin((struct rehearsal_options){0}, "{\"log\":[1e-6,10]}", stages, 1);
    struct rehearsal *b =
        begin((struct rehearsal_options){.crash_before = 0.05, .crash_after = 0.05, .seed = 3},
              "{\"log\":[1e-6,10]}", stages, 1);
    assert_true(rehearsal_run(a, 600000));
    rehearsal_run(b, 100000);
    rehearsal_calm(b);
    assert_true(rehearsal_run(b, 600000));
    assert_int_equal(study_of(a)->count, study_of(b)->count);
    for (uint32_t n = 1; n <= study_of(a)->count; n++) {
        struct trial *ta = study_trial(study_of(a), n), *tb = study_trial(study_of(b), n);
        assert_true(point_equal(&ta->point, &tb->point));
        assert_int_equal(ta->status, tb->status);
    }
    end(a);
    end(b);
}

/* The optimum lies two decades above the wall; with "expand" the search goes there. */
static void a_wall_that_is_leaned_on_moves(void **state)
{
    (void)state;
    struct rehearsal *r =
        begin((struct rehearsal_options){0}, "{\"log\":[1e-7,1e-4],\"limits\":[1e-9,10]}",
              "\"method\":\"random\",\"trials\":80,\"epochs\":2,\"boundary\":\"expand\"", 2);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    const struct history_box *box = history_box(&s->history);
    assert_non_null(box);
    assert_true(box_range(&box->box, &s->def.space, 0).hi > 1e-3);
    assert_true(s->best->point.v[0].num > 1e-4);
    end(r);
}

/* Chance but for the box's last strip, as a net that learns nothing below some rate: a model alone stays there. */
static double asleep(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)seed, (void)epochs;
    double x = log10(json_num(json_get(params, "lr")));
    return 0.34 + 0.6 / (1 + exp(-3.5 * (x + 3.4))) - 0.02 * fmax(0, x + 1.7) - 0.001 / epoch;
}

static void a_model_leaves_a_box_that_sleeps(void **state)
{
    (void)state;
    struct rehearsal *r =
        begin((struct rehearsal_options){.objective = asleep}, "{\"log\":[1e-6,1e-4],\"limits\":[1e-9,10]}",
              "\"method\":\"gp\",\"trials\":60,\"epochs\":2", 2);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    assert_non_null(history_box(&s->history));
    assert_true(s->best->score > 0.9);
    end(r);
}

/* By default a design by number only warns: the same study with any number of workers. */
static void random_points_do_not_follow_the_walls_unless_told(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "{\"log\":[1e-7,1e-4]}",
                                "\"method\":\"random\",\"trials\":40,\"epochs\":2", 5);
    assert_true(rehearsal_run(r, 600000));
    assert_null(history_box(&study_of(r)->history));
    assert_true(store_last_look(rehearsal_store(r), study_of(r)->id) > 0); /* it said so */
    end(r);
}

static void asking_waits_for_an_answer(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "{\"log\":[1e-7,1e-4],\"limits\":[1e-9,10]}",
                                "\"method\":\"random\",\"trials\":80,\"epochs\":2,\"boundary\":\"ask\"", 2);
    rehearsal_run(r, 4500);
    assert_null(history_box(&study_of(r)->history));
    struct msg answer;
    rehearsal_call(r, "approve", "{\"study\":\"s\"}", &answer);
    assert_int_equal(answer.answer.code, 0);
    assert_int_equal(json_num(json_get(answer.answer.result, "moved")), 1);
    msg_fini(&answer);
    assert_non_null(history_box(&study_of(r)->history));
    assert_true(rehearsal_run(r, 600000));
    assert_true(study_of(r)->best->point.v[0].num > 1e-4);
    end(r);
}

static const char asha[] =
    "\"method\":\"random\",\"trials\":40,\"epochs\":9},\"prune\":{\"method\":\"asha\",\"eta\":3";

static void asha_promotes_and_never_pays_an_epoch_twice(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, "{\"log\":[1e-6,10]}", asha, 4);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    int64_t epochs = 0;
    for (uint32_t n = 1; n <= s->count; n++) {
        const struct trial *t = study_trial(s, n);
        epochs += t->last_epoch;
        assert_true(t->last_epoch == 1 || t->last_epoch == 3 || t->last_epoch == 9);
        assert_int_equal(t->status, t->last_epoch == 9 ? TRIAL_complete : TRIAL_pruned);
    }
    assert_int_equal(s->count, 40);
    assert_true(s->counts[TRIAL_complete] >= 40 / 9 && s->counts[TRIAL_complete] <= 8);
    assert_int_equal(rehearsal_epochs_run(r), epochs);
    assert_in_range(epochs, 40 + 13 * 2 + 4 * 6, 40 * 9 / 2);
    end(r);
}

static void asha_survives_crashes(void **state)
{
    (void)state;
    struct rehearsal *r = begin(
        (struct rehearsal_options){
            .seed = 11, .crash_before = 0.03, .crash_after = 0.03, .kill_worker = 0.1, .cut_worker = 0.2},
        "{\"log\":[1e-6,10]}", asha, 4);
    rehearsal_run(r, 60000);
    rehearsal_calm(r);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    assert_int_equal(s->counts[TRIAL_complete] + s->counts[TRIAL_pruned] + s->counts[TRIAL_failed], 40);
    assert_true(s->counts[TRIAL_complete] >= 40 / 9);
    end(r);
}

static void the_median_rule_stops_the_worse_half(void **state)
{
    (void)state;
    struct rehearsal *r =
        begin((struct rehearsal_options){0}, "{\"log\":[1e-6,10]}",
              "\"method\":\"random\",\"trials\":40,\"epochs\":9},\"prune\":{\"method\":\"median\"", 4);
    assert_true(rehearsal_run(r, 600000));
    struct study *s = study_of(r);
    assert_true(s->counts[TRIAL_pruned] >= 10);
    for (uint32_t n = 1; n <= s->count; n++)
        if (study_trial(s, n)->status == TRIAL_pruned)
            assert_string_equal(study_trial(s, n)->cause, "median");
    assert_true(rehearsal_epochs_run(r) < 40 * 9 * 3 / 4);
    end(r);
}

/* Its lists have no place to take anything out: with the better half of the complete deleted, others stop as by the rest. */
static void the_median_rule_forgets_who_was_deleted(void **state)
{
    (void)state;
    struct rehearsal *r =
        begin((struct rehearsal_options){0}, "{\"log\":[1e-6,10]}",
              "\"method\":\"random\",\"trials\":120,\"epochs\":9},\"prune\":{\"method\":\"median\"", 4);
    for (int64_t n = 0; n < 20; n = study_of(r)->counts[TRIAL_complete])
        rehearsal_run(r, 100);
    struct study *s = study_of(r);
    struct str args = {0};
    struct msg answer;
    struct replay_report report;
    struct err err = ERR_NONE;
    uint32_t judged = (uint32_t)s->count;
    int deleted = 0;
    str_add(&args, "{\"trials\":[");
    for (uint32_t n = 1; n <= s->count; n++)
        if (study_trial(s, n)->status == TRIAL_complete && study_trial(s, n)->score > s->best->score - 0.2)
            str_addf(&args, "%s%u", deleted++ ? "," : "", n);
    str_add(&args, "]}");
    assert_in_range(deleted, 5, 19);
    rehearsal_call(r, "delete", str_text(&args), &answer);
    msg_fini(&answer);
    str_fini(&args);
    assert_true(rehearsal_run(r, 600000));
    int stopped = 0;
    for (uint32_t n = judged + 1; n <= s->count; n++)
        stopped += study_trial(s, n)->status == TRIAL_pruned;
    assert_true(stopped > 5);
    if (replay_study(rehearsal_store(r), "s", NULL, &report, &err))
        fail_msg("%s", err.text);
    end(r);
}

int main(void)
{
    log_init(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_carry_the_best_and_prune_the_rest),
        cmocka_unit_test(a_trial_tried_again_is_judged_as_its_stage_did),
        cmocka_unit_test(a_restart_changes_nothing),
        cmocka_unit_test(a_wall_that_is_leaned_on_moves),
        cmocka_unit_test(a_model_leaves_a_box_that_sleeps),
        cmocka_unit_test(random_points_do_not_follow_the_walls_unless_told),
        cmocka_unit_test(asking_waits_for_an_answer),
        cmocka_unit_test(asha_promotes_and_never_pays_an_epoch_twice),
        cmocka_unit_test(asha_survives_crashes),
        cmocka_unit_test(the_median_rule_stops_the_worse_half),
        cmocka_unit_test(the_median_rule_forgets_who_was_deleted),
    };
    return cmocka_run_group_tests_name("course", tests, NULL, NULL);
}
