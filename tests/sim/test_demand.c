/* How many more slots a master's studies could use, as the verb `workers` says it to whoever starts workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/log.h"
#include "tests/sim/play.h"

static double flat(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)params, (void)seed, (void)epochs;
    return epoch;
}

struct demanded {
    int64_t open, wanted;
};

static struct demanded ask(struct rehearsal *r)
{
    struct msg answer;
    rehearsal_call(r, "workers", "{}", &answer);
    assert_int_equal(answer.answer.code, 0);
    struct demanded demanded = {(int64_t)json_num(json_get(answer.answer.result, "open")),
                                (int64_t)json_num(json_get(answer.answer.result, "wanted"))};
    msg_fini(&answer);
    return demanded;
}

static void expect_demand(struct rehearsal *r, int64_t open, int64_t wanted)
{
    struct demanded demanded = ask(r);
    assert_int_equal(demanded.open, open);
    assert_int_equal(demanded.wanted, wanted);
}

static void call(struct rehearsal *r, const char *verb)
{
    struct msg answer;
    rehearsal_call(r, verb, "{}", &answer);
    assert_int_equal(answer.answer.code, 0);
    msg_fini(&answer);
}

static void points_that_may_be_sampled_are_wanted_and_those_that_run_are_not(void **state)
{
    (void)state;
    struct rehearsal *r = axis_begin((struct rehearsal_options){.objective = flat, .seed = 1}, false, 0,
                                     "\"trials\":20,\"epochs\":4", "");
    expect_demand(r, 1, 1); /* its checks want one */
    rehearsal_add_worker(r, 3);
    rehearsal_run(r, 300);
    assert_int_equal(study_of(r)->counts[TRIAL_running], 3);
    expect_demand(r, 1, 20 - study_sampled(study_of(r)) + study_of(r)->counts[TRIAL_waiting]);
    rehearsal_free(r);
}

static void no_more_than_may_run_at_once(void **state)
{
    (void)state;
    struct rehearsal *r = axis_begin((struct rehearsal_options){.objective = flat, .seed = 2}, false, 0,
                                     "\"trials\":20,\"epochs\":4,\"parallel\":3", "");
    rehearsal_add_worker(r, 2);
    rehearsal_run(r, 300);
    assert_int_equal(study_of(r)->counts[TRIAL_running], 2);
    expect_demand(r, 1, 1);
    rehearsal_add_worker(r, 2);
    rehearsal_run(r, 300);
    expect_demand(r, 1, 0);
    rehearsal_free(r);
}

static void a_paused_study_is_open_and_wants_nobody(void **state)
{
    (void)state;
    struct rehearsal *r = axis_begin((struct rehearsal_options){.objective = flat, .seed = 3}, false, 0,
                                     "\"trials\":20,\"epochs\":4", "");
    call(r, "pause");
    expect_demand(r, 1, 0);
    call(r, "resume");
    expect_demand(r, 1, 1);
    rehearsal_free(r);
}

int main(void)
{
    log_init(LOG_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_that_may_be_sampled_are_wanted_and_those_that_run_are_not),
        cmocka_unit_test(no_more_than_may_run_at_once),
        cmocka_unit_test(a_paused_study_is_open_and_wants_nobody),
    };
    return cmocka_run_group_tests_name("demand", tests, NULL, NULL);
}
