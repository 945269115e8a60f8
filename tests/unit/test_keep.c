/* Which checkpoints stay: the policy as a pure function, and its part of the study file. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/check.h"
#include "master/keep.h"

static const struct keep usual = {.latest = 1, .best = 1, .top_trials = 10};

/* Epochs 1, 2, 3, … of attempt 1 with these values, all here; "1 3" are those that stay. */
static void expect(const struct keep *keep, enum trial_status status, const double *values, size_t count,
                   const char *stay)
{
    struct keep_row rows[16] = {0};
    char text[64] = "";
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct keep_row){.attempt = 1, .epoch = (int)i + 1, .value = values[i], .here = true};
    keep_choose(keep, true, status, rows, count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].stays)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", text[0] ? " " : "",
                     rows[i].epoch);
    assert_string_equal(text, stay);
}

static void a_trial_that_goes_on_keeps_its_newest_and_its_best(void **state)
{
    (void)state;
    static const double values[] = {0.1, 0.9, 0.5, 0.4};
    expect(&usual, TRIAL_running, values, 4, "2 4");
    expect(&usual, TRIAL_waiting, values, 4, "2 4");
    expect(&usual, TRIAL_paused, values, 4, "2 4");
    expect(&(struct keep){.latest = 2, .best = 2}, TRIAL_running, values, 4, "2 3 4");
    expect(&(struct keep){.latest = 0, .best = 0}, TRIAL_running, values, 4, "4"); /* it resumes there */
    expect(&usual, TRIAL_running, values, 0, "");
}

static void a_trial_that_has_ended_keeps_its_best(void **state)
{
    (void)state;
    static const double values[] = {0.1, 0.9, 0.5, 0.4};
    expect(&usual, TRIAL_complete, values, 4, "2");
    expect(&usual, TRIAL_pruned, values, 4, "2");
    expect(&usual, TRIAL_failed, values, 4, "2 4"); /* a retry goes on there */
    expect(&usual, TRIAL_cancelled, values, 4, "2 4");
    expect(&(struct keep){.latest = 1, .best = 0}, TRIAL_complete, values, 4, "");
}

static void ties_go_to_the_earlier_epoch_and_nan_is_the_worst(void **state)
{
    (void)state;
    static const double ties[] = {0.5, 0.9, 0.9}, bad[] = {NAN, 0.1, NAN}, none[] = {NAN, NAN};
    expect(&usual, TRIAL_complete, ties, 3, "2");
    expect(&usual, TRIAL_complete, bad, 3, "2");
    expect(&usual, TRIAL_complete, none, 2, "1");
    struct keep_row rows[] = {{1, 1, 0.9, true, false}, {1, 2, 0.1, true, false}};
    keep_choose(&usual, false, TRIAL_complete, rows, 2);
    assert_true(!rows[0].stays && rows[1].stays); /* minimize */
}

static void a_later_attempt_is_newer_whatever_its_epoch(void **state)
{
    (void)state;
    struct keep_row rows[] = {{1, 5, 0.5, true, false}, {2, 1, 0.1, true, false}};
    keep_choose(&(struct keep){.latest = 1, .best = 0}, true, TRIAL_running, rows, 2);
    assert_true(!rows[0].stays && rows[1].stays);
}

/* What is on its way must arrive before anything goes for it; a newer offer does not cancel an older one. */
static void what_is_offered_displaces_nothing(void **state)
{
    (void)state;
    struct keep_row rows[] = {{1, 1, 0.1, true, false}, {1, 2, 0.2, false, false}, {1, 3, 0.3, false, false}};
    keep_choose(&usual, true, TRIAL_running, rows, 3);
    assert_true(rows[0].stays && rows[1].stays && rows[2].stays);
    rows[2].here = true;
    keep_choose(&usual, true, TRIAL_running, rows, 3);
    assert_true(!rows[0].stays && !rows[1].stays && rows[2].stays);
}

static int parse(const char *text, struct keep *out, struct err *err)
{
    struct json *tree = json_parse(text, strlen(text), "study.json", err);
    struct jcur root = jcur_root(tree, "study.json");
    *err = ERR_NONE;
    int rc = keep_parse(&root, out, err);
    json_free(tree);
    return rc;
}

static void the_study_file_says_what_stays(void **state)
{
    (void)state;
    struct keep keep;
    struct err err = ERR_NONE;
    assert_int_equal(parse("{}", &keep, &err), 0);
    assert_true(keep.latest == 1 && keep.best == 1 && keep.top_trials == 10 && !keep.max_bytes &&
                !keep.at_worker);
    assert_int_equal(parse("{\"keep\":{\"latest\":2,\"best\":0,\"top_trials\":3,\"max_bytes\":\"50G\"},"
                           "\"checkpoints\":\"worker\"}",
                           &keep, &err),
                     0);
    assert_true(keep.latest == 2 && keep.best == 0 && keep.top_trials == 3 && keep.at_worker);
    assert_int_equal(keep.max_bytes, INT64_C(50) << 30);
    assert_int_equal(parse("{\"keep\":{\"max_bytes\":\"lots\"}}", &keep, &err), ERR_BAD);
    assert_non_null(strstr(err.text, "keep.max_bytes"));
    assert_true(err.hint[0]);
    assert_int_equal(parse("{\"keep\":{\"newest\":1}}", &keep, &err), ERR_BAD);
    assert_int_equal(parse("{\"checkpoints\":\"here\"}", &keep, &err), ERR_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trial_that_goes_on_keeps_its_newest_and_its_best),
        cmocka_unit_test(a_trial_that_has_ended_keeps_its_best),
        cmocka_unit_test(ties_go_to_the_earlier_epoch_and_nan_is_the_worst),
        cmocka_unit_test(a_later_attempt_is_newer_whatever_its_epoch),
        cmocka_unit_test(what_is_offered_displaces_nothing),
        cmocka_unit_test(the_study_file_says_what_stays),
    };
    return cmocka_run_group_tests_name("keep", tests, NULL, NULL);
}
