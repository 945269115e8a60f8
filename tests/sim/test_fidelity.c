/* Hyperband, extrapolated curves and populations in whole studies: epochs that are paid once, brackets and lineage in the
 * store, checkpoints that travel to children, restarts and storms that change nothing, replay to the bit. */
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
#include "tests/sim/play.h"
#include "tests/tools/scratch.h"

/* Best at lr = 1e-2, better with every epoch; far off it diverges. */
static double bowl(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)seed, (void)epochs;
    double d = log10(json_num(json_get(params, "lr"))) + 2;
    return d > 2.9 ? NAN : 1 - 0.02 * d * d - 0.3 * exp(-0.5 * epoch);
}

static const char hyperband[] =
    "\"method\":\"%s\",\"trials\":66,\"epochs\":9},\"prune\":{\"method\":\"hyperband\",\"eta\":3";
static const char pbt[] = "\"method\":\"pbt\",\"population\":8,\"interval\":3,\"epochs\":12";
static const char curve[] =
    "\"method\":\"random\",\"trials\":40,\"epochs\":20},\"prune\":{\"method\":\"curve\",\"grace_trials\":3";

static struct rehearsal *begin(struct rehearsal_options options, const char *search, int workers)
{
    char text[2000];
    struct err err = ERR_NONE;
    options.objective = bowl;
    options.metric = "acc";
    struct rehearsal *r = rehearsal_new(&options, &err);
    snprintf(text, sizeof text,
             "{\"study\":\"s\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},\"trainer\":{\"command\":["
             "\"true\"],\"seed\":1},\"space\":{\"lr\":{\"log\":[1e-6,10]},\"dead\":{\"log\":[1e-3,1]}},"
             "\"search\":{\"seed\":4,%s}}",
             search);
    if (!r || rehearsal_submit(r, text, &err))
        fail_msg("%s", err.text);
    for (int i = 0; i < workers; i++)
        rehearsal_add_worker(r, 1);
    return r;
}

static struct rehearsal_options storm_of(uint64_t seed)
{
    struct rng rng = rng_at(seed, 3, 0, 0);
    return (struct rehearsal_options){.seed = seed,
                                      .lose = 0.02 * rng_unit(&rng),
                                      .twice = 0.1 * rng_unit(&rng),
                                      .late = 0.3 * rng_unit(&rng),
                                      .crash_before = 0.03 * rng_unit(&rng),
                                      .crash_after = 0.03 * rng_unit(&rng),
                                      .kill_worker = 0.1 * rng_unit(&rng),
                                      .cut_worker = 0.2 * rng_unit(&rng),
                                      .fail = 0.03 * rng_unit(&rng)};
}

static struct replay_report replay(struct rehearsal *r)
{
    struct replay_report report;
    struct err err = ERR_NONE;
    if (replay_study(rehearsal_store(r), "s", NULL, &report, &err))
        fail_msg("%s", err.text);
    assert_int_equal(report.proposals, (int64_t)study_of(r)->count);
    return report;
}

static void weather(struct rehearsal *r)
{
    rehearsal_run(r, 6000);
    rehearsal_calm(r);
    if (rehearsal_run(r, 900000))
        return;
    const struct study *s = study_of(r);
    for (uint32_t n = 1; n <= s->count; n++) {
        const struct trial *t = study_trial(s, n);
        print_error("trial %u: %s (%s), epoch %d of %d, parent %u\n", n, trial_status_name(t->status),
                    t->cause, t->last_epoch, t->until, t->parent);
    }
    fail_msg("it did not end: %s, %zu trials", study_state(s), s->count);
}

/* ---- hyperband ---- */

/* R = 9: brackets of 9, 5 and 3; (9,1)(3,3)(1,9), (5,3)(1,9), (3,9). 66 trials: three rounds of 17, then 9, 5, and 1. */
static void brackets_spend_what_they_say(const char *method, int workers)
{
    enum { ROUND = 9 + 3 * 2 + 6 + 5 * 3 + 6 + 3 * 9, REST = 9 + 3 * 2 + 6 + 5 * 3 + 6 + 9 };
    char search[200];
    snprintf(search, sizeof search, hyperband, method);
    struct rehearsal *r = begin((struct rehearsal_options){0}, search, workers);
    assert_true(rehearsal_run(r, 900000));
    const struct study *s = study_of(r);
    assert_int_equal(s->count, 66);
    int64_t epochs = 0, lost = 0;
    for (uint32_t n = 1; n <= s->count; n++) {
        const struct trial *t = study_trial(s, n);
        epochs += t->last_epoch;
        lost += strcmp(t->cause, "rung") == 0;
        assert_true(t->status == TRIAL_complete || t->status == TRIAL_pruned);
    }
    bool diverges = s->counts[TRIAL_complete] + lost < 66;
    assert_int_equal(rehearsal_epochs_run(r), epochs); /* no epoch is paid twice */
    if (!diverges)
        assert_int_equal(epochs, 3 * ROUND + REST);
    assert_true(epochs <= 3 * ROUND + REST);
    assert_true(replay(r).moves > 20);
    end(r);
}

static void hyperband_spends_what_it_says(void **state)
{
    (void)state;
    brackets_spend_what_they_say("random", 1);
    brackets_spend_what_they_say("random", 7);
    brackets_spend_what_they_say("tpe", 4);
    brackets_spend_what_they_say("gp", 4);
}

/* With one sampler that knows nothing, any number of workers makes the same study. */
static void hyperband_is_the_same_with_any_workers(void **state)
{
    (void)state;
    char search[200];
    snprintf(search, sizeof search, hyperband, "halton");
    struct rehearsal *a = begin((struct rehearsal_options){0}, search, 1);
    struct rehearsal *b = begin(storm_of(5), search, 6);
    assert_true(rehearsal_run(a, 900000));
    weather(b);
    for (uint32_t n = 1; n <= 66; n++) {
        const struct trial *ta = study_trial(study_of(a), n), *tb = study_trial(study_of(b), n);
        assert_true(point_equal(&ta->point, &tb->point));
        if (ta->status != TRIAL_failed && tb->status != TRIAL_failed && !study_of(b)->counts[TRIAL_failed])
            assert_int_equal(ta->last_epoch, tb->last_epoch);
    }
    end(a);
    end(b);
}

static void storms_of(const char *search, int least_moves)
{
    int64_t moves = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct rehearsal *r = begin(storm_of(seed), search, 8);
        weather(r);
        moves += replay(r).moves;
        end(r);
    }
    assert_true(moves > least_moves);
}

static void hyperband_replays_after_storms(void **state)
{
    (void)state;
    char search[200];
    snprintf(search, sizeof search, hyperband, "tpe");
    storms_of(search, 200);
}

static void curves_stop_and_replay(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, curve, 4);
    assert_true(rehearsal_run(r, 900000));
    int64_t stopped = 0;
    for (uint32_t n = 1; n <= study_of(r)->count; n++)
        stopped += strcmp(study_trial(study_of(r), n)->cause, "curve") == 0;
    assert_true(stopped >= 15);
    assert_true(study_of(r)->best->score > 0.99);
    end(r);
    storms_of(curve, 50);
}

/* ---- populations ---- */

struct kin {
    struct study *study;
    int count, with_checkpoint;
};

static int count_kin(void *arg, const struct row_lineage *row)
{
    struct kin *kin = arg;
    kin->count++;
    kin->with_checkpoint += row->parent_attempt > 0;
    return 0;
}

/* Each child begins at its parent's last epoch: the population pays 8 x 12 epochs, and each once. */
static void a_population_pays_each_epoch_once(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, pbt, 3);
    assert_true(rehearsal_run(r, 900000));
    struct study *s = study_of(r);
    struct kin kin = {.study = s};
    assert_int_equal(store_load_lineage(rehearsal_store(r), s->id, count_kin, &kin, NULL), 0);
    int children = 0;
    for (uint32_t n = 1; n <= s->count; n++) {
        const struct trial *t = study_trial(s, n);
        children += t->parent != 0;
        if (t->parent)
            assert_true(t->parent < n && t->parent_epoch % 3 == 0);
    }
    assert_int_equal(children, (int)s->count - 8);
    assert_in_range(children, 3 * 2, 3 * 4); /* three generations, a quarter of eight and whoever diverged */
    assert_int_equal(kin.count, children);
    assert_int_equal(kin.with_checkpoint, children);
    assert_int_equal(s->counts[TRIAL_complete], 8);
    assert_true(rehearsal_epochs_run(r) <= 8 * 12);
    assert_true(rehearsal_epochs_run(r) >= 8 * 12 - 9);
    struct replay_report report = replay(r);
    assert_true(report.moves >= 3 * 6);
    end(r);
}

static void a_population_is_the_same_with_any_workers(void **state)
{
    (void)state;
    struct rehearsal *a = begin((struct rehearsal_options){0}, pbt, 1);
    struct rehearsal *b = begin(
        (struct rehearsal_options){
            .seed = 9, .crash_before = 0.05, .crash_after = 0.05, .kill_worker = 0.2, .cut_worker = 0.2},
        pbt, 8);
    assert_true(rehearsal_run(a, 900000));
    weather(b);
    assert_int_equal(study_of(a)->count, study_of(b)->count);
    for (uint32_t n = 1; n <= study_of(a)->count; n++) {
        const struct trial *ta = study_trial(study_of(a), n), *tb = study_trial(study_of(b), n);
        assert_true(point_equal(&ta->point, &tb->point));
        assert_int_equal(ta->parent, tb->parent);
        assert_int_equal(ta->parent_epoch, tb->parent_epoch);
        assert_int_equal(ta->status, tb->status);
    }
    end(a);
    end(b);
}

static void populations_replay_after_storms(void **state)
{
    (void)state;
    storms_of(pbt, 100);
}

/* Workers that see none of the master's folder: a child's checkpoint is its parent's, sent through the master; what a child
 * still needs is not let go. The simulated worker compares each byte with what the parent saved. */
static void children_fetch_their_parents_checkpoint(void **state)
{
    (void)state;
    struct scratch room;
    scratch_init(&room);
    struct rehearsal *r = begin((struct rehearsal_options){.root = room.folder}, pbt, 4);
    assert_true(rehearsal_run(r, 900000));
    struct study *s = study_of(r);
    int children = (int)s->count - 8;
    assert_true(children >= 6);
    assert_true(rehearsal_fetched(r) >= (8 * 3 - 3) * 150000); /* also those that went on fetched theirs */
    assert_true(rehearsal_epochs_run(r) <= 8 * 12);
    end(r);
    r = begin(
        (struct rehearsal_options){.root = room.folder, .seed = 3, .crash_after = 0.02, .kill_worker = 0.1},
        pbt, 4);
    weather(r);
    assert_int_equal(study_of(r)->counts[TRIAL_complete], 8);
    replay(r);
    end(r);
    scratch_fini(&room);
}

static void a_population_is_not_joined_later(void **state)
{
    (void)state;
    struct rehearsal *r = begin((struct rehearsal_options){0}, pbt, 2);
    struct msg answer;
    rehearsal_call(r, "enqueue", "{\"study\":\"s\",\"points\":[{\"lr\":0.01}],\"who\":\"me\"}", &answer);
    assert_int_equal(answer.answer.code, 0); /* a member like any other */
    msg_fini(&answer);
    rehearsal_run(r, 3000);
    rehearsal_call(r, "enqueue", "{\"study\":\"s\",\"points\":[{\"lr\":0.01}],\"who\":\"me\"}", &answer);
    assert_int_not_equal(answer.answer.code, 0);
    assert_non_null(strstr(answer.answer.text, "population of 8"));
    msg_fini(&answer);
    assert_true(rehearsal_run(r, 900000));
    replay(r);
    end(r);
}

int main(void)
{
    log_init(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hyperband_spends_what_it_says),
        cmocka_unit_test(hyperband_is_the_same_with_any_workers),
        cmocka_unit_test(hyperband_replays_after_storms),
        cmocka_unit_test(curves_stop_and_replay),
        cmocka_unit_test(a_population_pays_each_epoch_once),
        cmocka_unit_test(a_population_is_the_same_with_any_workers),
        cmocka_unit_test(populations_replay_after_storms),
        cmocka_unit_test(children_fetch_their_parents_checkpoint),
        cmocka_unit_test(a_population_is_not_joined_later),
    };
    return cmocka_run_group_tests_name("fidelity", tests, NULL, NULL);
}
