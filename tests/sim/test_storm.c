/* Seeded storms over the whole master: messages lost, doubled and late, workers killed and cut off, the master
 * crashed before and after commits. After each the promises hold. HONE_STORM_SEEDS sets how many (default 300),
 * HONE_STORM_FIRST where they start; a failing seed is printed and replays exactly, and HONE_STORM_KEEP=FILE keeps
 * its database. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/rng.h"
#include "master/rehearsal.h"

static double bowl(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)seed, (void)epochs;
    double d = log10(json_num(json_get(params, "lr"))) + 2;
    return d > 2.9 ? NAN : (1 - 0.02 * d * d) * (1 - exp(-epoch));
}

static const char definition[] =
    "{\"study\":\"storm\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},\"max_attempts\":1000,"
    "\"trainer\":{\"command\":[\"true\"],\"seed\":3},\"space\":{\"lr\":{\"log\":[1e-6,10]}},"
    "\"search\":{\"method\":\"random\",\"trials\":12,\"epochs\":4,\"seed\":1}}";

static struct rehearsal_options weather(uint64_t seed)
{
    struct rng rng = rng_at(seed, 1, 0, 0);
    return (struct rehearsal_options){
        .seed = seed,
        .objective = bowl,
        .metric = "acc",
        .lose = 0.05 * rng_unit(&rng),
        .twice = 0.1 * rng_unit(&rng),
        .late = 0.5 * rng_unit(&rng),
        .crash_before = 0.05 * rng_unit(&rng),
        .crash_after = 0.05 * rng_unit(&rng),
        .kill_worker = 0.2 * rng_unit(&rng),
        .cut_worker = 0.4 * rng_unit(&rng),
        .fail = 0.05 * rng_unit(&rng),
    };
}

/* What an undisturbed run gives: a function of the point alone. */
static bool outcome_is_right(const struct study *s, uint64_t seed)
{
    for (uint32_t n = 1; n <= s->count; n++) {
        const struct trial *t = study_trial(s, n);
        if (t->status == TRIAL_failed && t->lost_on >= 3)
            continue; /* poison: the storm took its workers three times */
        double d = log10(t->point.v[0].num) + 2, top = (1 - 0.02 * d * d) * (1 - exp(-4));
        bool right = d > 2.9 ? t->status == TRIAL_pruned : t->status == TRIAL_complete && t->score == top;
        if (!right) {
            print_error("seed %llu: trial %u is %s (%s) with %.17g, expected %.17g\n", (unsigned long long)seed, n,
                        trial_status_name(t->status), t->cause, t->score, top);
            return false;
        }
    }
    return s->count == 12;
}

static bool one_storm(uint64_t seed)
{
    struct err err = ERR_NONE;
    struct rehearsal_options options = weather(seed);
    struct rehearsal *r = rehearsal_new(&options, &err);
    bool fine = r && !rehearsal_submit(r, definition, &err);
    for (int i = 0; i < 3 && fine; i++)
        rehearsal_add_worker(r, 1 + i % 2);
    if (fine) {
        rehearsal_run(r, 8000);
        rehearsal_calm(r);
        fine = rehearsal_run(r, 600000);
        if (!fine)
            err_set(&err, ERR_NO, "the study did not end in ten calm minutes");
    }
    fine = fine && !rehearsal_check(r, &err);
    if (err.code)
        print_error("seed %llu: %s\n", (unsigned long long)seed, err.text);
    fine = fine && outcome_is_right(reactor_study(rehearsal_reactor(r), "storm"), seed);
    if (!fine && getenv("HONE_STORM_KEEP"))
        store_backup(rehearsal_store(r), getenv("HONE_STORM_KEEP"), NULL);
    rehearsal_free(r);
    return fine;
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void the_promises_hold_in_every_storm(void **state)
{
    (void)state;
    uint64_t first = setting("HONE_STORM_FIRST", 1), count = setting("HONE_STORM_SEEDS", 300), bad = 0;
    for (uint64_t seed = first; seed < first + count; seed++)
        bad += !one_storm(seed);
    assert_int_equal(bad, 0);
}

int main(void)
{
    log_init(LOG_ERROR);
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_promises_hold_in_every_storm)};
    return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
