/* Checkpoints in transit, in rehearsal: simulated workers that see no shared folder, the master's real files, storms.
 * After each, every kept row has its file with its hash, workers resumed from the bytes that were saved (the rehearsal
 * compares), and what was let go is gone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/rng.h"
#include "master/rehearsal.h"
#include "tests/tools/scratch.h"
#include "sql/store_load.h"

static double bowl(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)seed, (void)epochs;
    double d = log10(json_num(json_get(params, "lr"))) + 2;
    return (1 - 0.02 * d * d) * (1 - exp(-epoch));
}

static const char definition[] =
    "{\"study\":\"s\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},\"max_attempts\":1000,%s"
    "\"trainer\":{\"command\":[\"true\"],\"seed\":3},\"space\":{\"lr\":{\"log\":[1e-6,10]}},"
    "\"search\":{%s,\"epochs\":6,\"seed\":1}}";

static struct rehearsal *begin_search(struct rehearsal_options options, const struct scratch *scratch,
                                      const char *extra, const char *search)
{
    struct err err = ERR_NONE;
    char text[1000];
    options.objective = bowl;
    options.metric = "acc";
    options.root = scratch->folder;
    struct rehearsal *r = rehearsal_new(&options, &err);
    assert_non_null(r);
    snprintf(text, sizeof text, definition, extra, search);
    if (rehearsal_submit(r, text, &err))
        fail_msg("%s", err.text);
    for (int i = 0; i < 3; i++)
        rehearsal_add_worker(r, 1);
    return r;
}

static struct rehearsal *begin(struct rehearsal_options options, const struct scratch *scratch,
                               const char *extra)
{
    return begin_search(options, scratch, extra, "\"method\":\"random\",\"trials\":8");
}

struct count {
    const char *root;
    int kept, offered, bad;
    int64_t bytes;
};

static int look(void *arg, const struct row_checkpoint *row, double value)
{
    struct count *c = arg;
    char hash[HASH_HEX] = "", *path = path_join(c->root, row->path);
    int64_t bytes = 0;
    (void)value;
    if (row->state == CHECKPOINT_OFFERED) {
        c->offered++;
    } else {
        hash_file(path, hash, &bytes, NULL);
        c->kept++;
        c->bytes += bytes;
        c->bad += bytes != row->bytes || strcmp(hash, row->hash) != 0;
    }
    free(path);
    return 0;
}

static struct count count_rows(struct rehearsal *r, const struct scratch *scratch)
{
    struct count c = {.root = scratch->folder};
    struct study *s = reactor_study(rehearsal_reactor(r), "s");
    for (uint32_t n = 1; n <= s->count; n++)
        store_load_checkpoints(rehearsal_store(r), study_trial(s, n)->id, look, &c, NULL);
    return c;
}

static void a_calm_study_keeps_the_best_of_each_trial(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_init(&scratch);
    struct rehearsal *r = begin((struct rehearsal_options){0}, &scratch, "");
    assert_true(rehearsal_run(r, 600000));
    struct count c = count_rows(r, &scratch);
    assert_int_equal(c.kept, 8);
    assert_int_equal(c.bad + c.offered, 0);
    assert_int_equal(c.bytes, reactor_study(rehearsal_reactor(r), "s")->kept_bytes);
    assert_int_equal(rehearsal_fetched(r), 0);
    rehearsal_free(r);
    scratch_fini(&scratch);
}

static void a_killed_workers_trial_goes_on_from_the_masters_copy(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_init(&scratch);
    struct rehearsal *r = begin((struct rehearsal_options){.epoch_ms = 300}, &scratch, "");
    rehearsal_run(r, 1300);
    rehearsal_kill_worker(r, 0);
    assert_true(rehearsal_run(r, 600000));
    assert_true(rehearsal_fetched(r) > 150000);
    assert_in_range(rehearsal_epochs_run(r), 48, 50); /* 8 trials of 6 epochs; the one under way was lost */
    struct err err = ERR_NONE;
    if (rehearsal_check(r, &err))
        fail_msg("%s", err.text);
    rehearsal_free(r);
    scratch_fini(&scratch);
}

/* Its newest checkpoint is here, an older one that was still to come is let go: nobody waits for that one. Leases are long:
 * what waits for one to pass does not end in a minute. */
static void a_drained_trial_goes_on_as_soon_as_its_newest_is_here(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct scratch scratch;
        struct msg answer;
        scratch_init(&scratch);
        struct rehearsal *r =
            begin((struct rehearsal_options){.seed = seed, .lease_ms = 600000, .epoch_ms = 50, .late = 0.8},
                  &scratch, "");
        rehearsal_run(r, 1000 + 20 * (int64_t)seed);
        rehearsal_call(r, "drain", "{\"worker\":\"w1\"}", &answer);
        assert_int_equal(answer.answer.code, 0);
        msg_fini(&answer);
        if (!rehearsal_run(r, 60000))
            fail_msg("seed %llu: a trial still waits after a minute", (unsigned long long)seed);
        rehearsal_free(r);
        scratch_fini(&scratch);
    }
}

static bool says(struct rehearsal *r, uint32_t trial, const char *reason)
{
    struct msg answer;
    char args[32];
    snprintf(args, sizeof args, "{\"trial\":%u}", trial);
    rehearsal_call(r, "explain", args, &answer);
    assert_int_equal(answer.answer.code, 0);
    bool said = strcmp(json_text(json_get(answer.answer.result, "waits")), reason) == 0;
    msg_fini(&answer);
    return said;
}

static uint32_t one_that_waits_for_its_file(struct rehearsal *r)
{
    struct study *s = reactor_study(rehearsal_reactor(r), "s");
    for (uint32_t n = 1; n <= s->count; n++)
        if (study_trial(s, n)->status == TRIAL_waiting &&
            says(r, n, "the checkpoint it goes on from is on the way here, from the worker that saved it"))
            return n;
    return 0;
}

/* The trial that waits for its file after a drain; 0: it was faster than its worker's farewell. */
static uint32_t drained(struct rehearsal *r)
{
    struct msg answer;
    uint32_t trial = 0;
    assert_int_equal(one_that_waits_for_its_file(r), 0);
    rehearsal_call(r, "drain", "{\"worker\":\"w1\"}", &answer);
    msg_fini(&answer);
    for (int ms = 0; ms < 500 && !trial; ms++) {
        rehearsal_run(r, 1);
        trial = one_that_waits_for_its_file(r);
    }
    return trial;
}

/* Said as long as it is true. A master that was stopped meanwhile waits for it no longer than a lease, and tells who
 * asks before its next tick what it would do. */
static void what_is_on_its_way_is_a_reason_to_wait_for_a_lease(void **state)
{
    (void)state;
    uint32_t trial = 0;
    for (uint64_t seed = 1; !trial && seed <= 50; seed++) {
        struct scratch scratch;
        scratch_init(&scratch);
        struct rehearsal *r =
            begin((struct rehearsal_options){.seed = seed, .lease_ms = 60000, .epoch_ms = 50, .late = 0.8},
                  &scratch, "");
        rehearsal_run(r, 1000 + 20 * (int64_t)seed);
        if ((trial = drained(r)) != 0) {
            assert_true(count_rows(r, &scratch).offered > 0);
            rehearsal_sleep(r, 70000);
            rehearsal_run(r, 61000);
            assert_true(says(r, trial, "no slot is free; 0 trials of this study before it"));
            assert_true(rehearsal_run(r, 600000));
        }
        rehearsal_free(r);
        scratch_fini(&scratch);
    }
    assert_true(trial > 0); /* there was one to see */
}

/* Of its own it has none yet: its parent's, which is complete. */
static void a_child_waits_for_its_parents_file(void **state)
{
    (void)state;
    bool seen = false;
    for (uint64_t seed = 1; !seen && seed <= 50; seed++) {
        struct scratch scratch;
        scratch_init(&scratch);
        struct rehearsal *r =
            begin_search((struct rehearsal_options){.seed = seed, .epoch_ms = 50, .late = 0.8}, &scratch, "",
                         "\"method\":\"pbt\",\"population\":8,\"interval\":3");
        struct study *s = reactor_study(rehearsal_reactor(r), "s");
        while (!seen && !rehearsal_run(r, 5)) {
            const struct trial *t = study_trial(s, one_that_waits_for_its_file(r));
            seen = t && t->parent && !t->last_epoch;
        }
        assert_true(rehearsal_run(r, 600000));
        rehearsal_free(r);
        scratch_fini(&scratch);
    }
    assert_true(seen);
}

/* A trial that is complete while its checkpoint is still at its worker. */
static bool an_ended_trial_waits_for_its_file(struct rehearsal *r, const struct scratch *scratch)
{
    struct study *s = reactor_study(rehearsal_reactor(r), "s");
    for (uint32_t n = 1; n <= s->count; n++) {
        struct count c = {.root = scratch->folder};
        struct trial *t = study_trial(s, n);
        store_load_checkpoints(rehearsal_store(r), t->id, look, &c, NULL);
        if (t->status == TRIAL_complete && c.offered)
            return true;
    }
    return false;
}

static void what_a_vanished_worker_offered_is_waited_for_a_day_and_given_up(void **state)
{
    (void)state;
    enum { HOUR_MS = 3600000 };
    struct scratch scratch;
    struct msg answer;
    scratch_init(&scratch);
    struct rehearsal *r =
        begin((struct rehearsal_options){.beat_ms = 20000, .lease_ms = 60000}, &scratch, "");
    while (!an_ended_trial_waits_for_its_file(r, &scratch))
        assert_false(rehearsal_run(r, 1));
    for (int i = 0; i < 3; i++)
        rehearsal_kill_worker(r, i);
    rehearsal_call(r, "pause", "{}", &answer);
    msg_fini(&answer);
    rehearsal_run(r, 20 * HOUR_MS);
    assert_true(an_ended_trial_waits_for_its_file(r, &scratch));
    rehearsal_run(r, 5 * HOUR_MS);
    assert_false(an_ended_trial_waits_for_its_file(r, &scratch));
    assert_int_equal(rehearsal_reactor(r)->checkpoints.arrival_count, 0);
    rehearsal_free(r);
    scratch_fini(&scratch);
}

/* A worker comes with a checkpoint of an epoch that no REPORT has told of. Is it told to delete it? */
static bool is_dropped(struct rehearsal *r, const struct trial *t, bool holds_the_attempt)
{
    struct outbox outbox = {0};
    struct turn turn = {rehearsal_store(r), &outbox, {1000000 + rehearsal_now_ms(r), 1700000000000}};
    struct msg msg = {.kind = MSG_hello}, said;
    struct str offer = {0};
    bool is_told = false;
    str_addf(&offer, "[{\"study\":\"s\",\"trial\":%u,\"attempt\":%d,\"token\":\"%s\",\"epoch\":%d}]",
             t->number, t->attempt, t->token, t->last_epoch + 1);
    str_copy(msg.hello.uuid, sizeof msg.hello.uuid, "0fe1");
    str_copy(msg.hello.name, sizeof msg.hello.name, "successor");
    msg.hello.slots = 1;
    msg.hello.transit = true;
    msg.hello.offers = json_parse(str_text(&offer), offer.len, "offers", NULL);
    msg.hello.held = holds_the_attempt ? json_clone(msg.hello.offers) : NULL;
    reactor_on_message(rehearsal_reactor(r), &turn, 4711, &msg);
    for (size_t i = 0; i < outbox.count; i++) {
        const struct outbox_item *item = &outbox.items[i];
        assert_int_equal(
            msg_decode(item->head.text, item->head.len, item->body.text, item->body.len, &said, NULL), 0);
        is_told = is_told || said.kind == MSG_drop;
        msg_fini(&said);
    }
    msg_fini(&msg);
    outbox_fini(&outbox);
    str_fini(&offer);
    return is_told;
}

/* The report of a process that was killed never comes: its successor keeps no file for it. Who still holds the attempt will
 * report. */
static void a_successor_keeps_nothing_that_nobody_will_report(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_init(&scratch);
    struct rehearsal *r = begin((struct rehearsal_options){.epoch_ms = 300}, &scratch, "");
    rehearsal_run(r, 800);
    const struct trial *t = study_trial(reactor_study(rehearsal_reactor(r), "s"), 1);
    assert_int_equal(t->status, TRIAL_running);
    assert_true(is_dropped(r, t, false));
    assert_false(is_dropped(r, t, true));
    rehearsal_free(r);
    scratch_fini(&scratch);
}

/* The three best keep theirs; of the others there is room for some. */
static void max_bytes_takes_the_worst_first(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_init(&scratch);
    struct rehearsal *r =
        begin((struct rehearsal_options){0}, &scratch, "\"keep\":{\"top_trials\":3,\"max_bytes\":\"800K\"},");
    assert_true(rehearsal_run(r, 600000));
    struct study *s = reactor_study(rehearsal_reactor(r), "s");
    assert_in_range(s->kept_bytes, 450000, 819200);
    double worst_kept = INFINITY, best_gone = -INFINITY;
    for (uint32_t n = 1; n <= s->count; n++) {
        struct count c = {.root = scratch.folder};
        struct trial *t = study_trial(s, n);
        store_load_checkpoints(rehearsal_store(r), t->id, look, &c, NULL);
        assert_int_equal(c.bad, 0);
        if (c.kept)
            worst_kept = fmin(worst_kept, t->score);
        else
            best_gone = fmax(best_gone, t->score);
    }
    assert_true(isfinite(best_gone) && best_gone < worst_kept);
    rehearsal_free(r);
    scratch_fini(&scratch);
}

static struct rehearsal_options weather(uint64_t seed)
{
    struct rng rng = rng_at(seed, 2, 0, 0);
    return (struct rehearsal_options){
        .seed = seed,
        .lose = 0.03 * rng_unit(&rng),
        .twice = 0.1 * rng_unit(&rng),
        .late = 0.5 * rng_unit(&rng),
        .crash_before = 0.03 * rng_unit(&rng),
        .crash_after = 0.03 * rng_unit(&rng),
        .kill_worker = 0.1 * rng_unit(&rng),
        .cut_worker = 0.3 * rng_unit(&rng),
        .fail = 0.05 * rng_unit(&rng),
    };
}

static bool one_storm(uint64_t seed)
{
    struct scratch scratch;
    struct err err = ERR_NONE;
    scratch_init(&scratch);
    struct rehearsal *r = begin(weather(seed), &scratch, "");
    rehearsal_run(r, 6000);
    rehearsal_calm(r);
    bool fine = rehearsal_run(r, 600000);
    if (!fine)
        err_set(&err, ERR_NO, "the study did not end in ten calm minutes");
    fine = fine && !rehearsal_check(r, &err);
    struct count c = count_rows(r, &scratch);
    if (fine && c.bad)
        err_set(&err, ERR_NO, "%d of %d kept checkpoints are not what their rows say", c.bad, c.kept);
    if (err.code)
        print_error("seed %llu: %s\n", (unsigned long long)seed, err.text);
    rehearsal_free(r);
    scratch_fini(&scratch);
    return fine && !c.bad;
}

static void no_storm_loses_or_damages_a_checkpoint(void **state)
{
    (void)state;
    const char *seeds = getenv("HONE_TRANSIT_SEEDS");
    uint64_t count = seeds ? strtoull(seeds, NULL, 10) : 20, bad = 0;
    for (uint64_t seed = 1; seed <= count; seed++)
        bad += !one_storm(seed);
    assert_int_equal(bad, 0);
}

int main(void)
{
    log_init(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_calm_study_keeps_the_best_of_each_trial),
        cmocka_unit_test(a_killed_workers_trial_goes_on_from_the_masters_copy),
        cmocka_unit_test(a_drained_trial_goes_on_as_soon_as_its_newest_is_here),
        cmocka_unit_test(what_is_on_its_way_is_a_reason_to_wait_for_a_lease),
        cmocka_unit_test(a_child_waits_for_its_parents_file),
        cmocka_unit_test(what_a_vanished_worker_offered_is_waited_for_a_day_and_given_up),
        cmocka_unit_test(a_successor_keeps_nothing_that_nobody_will_report),
        cmocka_unit_test(max_bytes_takes_the_worst_first),
        cmocka_unit_test(no_storm_loses_or_damages_a_checkpoint),
    };
    return cmocka_run_group_tests_name("transit", tests, NULL, NULL);
}
