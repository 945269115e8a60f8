/* D12 and D13: what only a look at the whole study shows. For each a study that sets it off, and ones that do not. */
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
#include "sql/query.h"

static struct str text;

static struct rehearsal *begin(rehearsal_objective objective, const char *metric, const char *trainer,
                               const char *space, const char *search, const char *more)
{
    struct err err = ERR_NONE;
    struct rehearsal_options options = {.objective = objective, .metric = metric};
    struct rehearsal *r = rehearsal_new(&options, &err);
    str_clear(&text);
    str_addf(&text,
             "{\"study\":\"s\",\"metric\":{\"name\":\"%s\",\"goal\":\"minimize\"},\"trainer\":{\"command\":["
             "\"true\"],\"seed\":1%s},\"space\":{%s},\"search\":{\"seed\":4,%s}%s}",
             metric, trainer, space, search, more);
    if (!r || rehearsal_submit(r, str_text(&text), &err))
        fail_msg("%s", err.text);
    rehearsal_add_worker(r, 1);
    return r;
}

static struct rehearsal *run(rehearsal_objective objective, const char *metric, const char *trainer,
                             const char *space, const char *search, const char *more)
{
    struct rehearsal *r = begin(objective, metric, trainer, space, search, more);
    assert_true(rehearsal_run(r, 600000));
    return r;
}

static void end(struct rehearsal *r)
{
    struct replay_report report;
    struct err err = ERR_NONE;
    if (replay_study(rehearsal_store(r), "s", NULL, &report, &err) || rehearsal_check(r, &err))
        fail_msg("%s", err.text);
    rehearsal_free(r);
}

/* How many findings a trial (0: any) has of a rule; *last: the text of the last. */
static int findings(struct rehearsal *r, const char *rule, uint32_t trial, char last[200])
{
    struct query *query;
    struct rows rows;
    char sql[200];
    struct err err = ERR_NONE;
    assert_int_equal(query_of_store(rehearsal_store(r), &query, &err), 0);
    snprintf(sql, sizeof sql,
             "SELECT text, action FROM findings WHERE rule = '%s' AND (%u = 0 OR trial = %u) ORDER BY epoch",
             rule, trial, trial);
    if (query_sql(query, sql, 0, &rows, &err))
        fail_msg("%s", err.text);
    int count = (int)rows.count;
    last[0] = '\0';
    for (size_t i = 0; i < rows.count; i++) {
        snprintf(last, 200, "%s", cell_text(rows_cell(&rows, i, 0)));
        assert_string_equal(cell_text(rows_cell(&rows, i, 1)), "suggest");
    }
    rows_fini(&rows);
    query_close(query);
    return count;
}

/* ---- D12 ---- */

/* Falls fast to a floor that is as high as the point says. */
static double floors(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)seed, (void)epochs;
    return json_num(json_get(params, "floor")) + 2 * exp(-2.0 * epoch);
}

/* The same, but slowly: never flat. */
static double slides(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)seed, (void)epochs;
    return json_num(json_get(params, "floor")) + 2 * exp(-0.1 * epoch);
}

static const char floor_space[] = "\"floor\":{\"uniform\":[0.1,3]}";
static const char three[] = "\"method\":\"random\",\"trials\":3,\"epochs\":9";
static const char points[] = ",\"enqueue\":[{\"floor\":0.2},{\"floor\":0.25},{\"floor\":0.4}]";

static void d12_flat_above_the_best(void **state)
{
    (void)state;
    char last[200];
    struct rehearsal *r = run(floors, "train_loss", "", floor_space, three, points);
    assert_int_equal(findings(r, "D12", 0, last), 1);
    assert_int_equal(findings(r, "D12", 3, last), 1); /* 0.4 is twice 0.2; 0.25 is not */
    assert_non_null(strstr(last, "is flat at 0.4"));
    assert_non_null(strstr(last, "flat at 0.2"));
    end(r);
}

/* A master that begins again while the third trial trains knows what the losses of the others were. */
static void d12_knows_what_was_before_a_restart(void **state)
{
    (void)state;
    char last[200];
    struct rehearsal *r = begin(floors, "train_loss", "", floor_space, three, points);
    while (rehearsal_epochs_run(r) < 2 * 9 + 3)
        assert_false(rehearsal_run(r, 50));
    rehearsal_crash_master(r, 50);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(findings(r, "D12", 3, last), 1);
    end(r);
}

static void d12_is_silent_otherwise(void **state)
{
    (void)state;
    char last[200];
    struct rehearsal *r = run(slides, "train_loss", "", floor_space, three, points); /* nothing is flat */
    assert_int_equal(findings(r, "D12", 0, last), 0);
    end(r);
    r = run(floors, "val_loss", "", floor_space, three, points); /* no training loss is reported */
    assert_int_equal(findings(r, "D12", 0, last), 0);
    end(r);
    r = run(
        floors, "train_loss", "", floor_space, three,
        ",\"enqueue\":[{\"floor\":0.4},{\"floor\":0.25},{\"floor\":0.3}]"); /* 0.4 came first, when nothing lower was known */
    assert_int_equal(findings(r, "D12", 0, last), 0);
    end(r);
}

/* ---- D13 ---- */

/* Better the higher x is, and beyond 0.7 there is nothing. */
static double cliff(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)seed, (void)epoch, (void)epochs;
    double x = json_num(json_get(params, "x"));
    return x > 0.7 ? NAN : 1 - x;
}

static double slope(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)seed, (void)epoch, (void)epochs;
    return 1 - json_num(json_get(params, "x"));
}

/* The cliff is there, and the best is far from it. */
static double hill(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    double x = json_num(json_get(params, "x")), d = x - 0.2;
    return isnan(cliff(arg, params, seed, epoch, epochs)) ? NAN : d * d;
}

static const char two[] = "\"x\":{\"uniform\":[0,1]},\"y\":{\"log\":[0.01,1]}";
static const char many[] = "\"method\":\"random\",\"trials\":40,\"epochs\":2";

static void d13_the_edge_of_stability(void **state)
{
    (void)state;
    char last[200];
    struct rehearsal *r = run(cliff, "loss", "", two, many, "");
    assert_int_equal(findings(r, "D13", 0, last), 1); /* once, however often the walls are looked at */
    assert_non_null(strstr(last, "the high end of x"));
    rehearsal_crash_master(r, 100); /* and a master that comes back knows it */
    rehearsal_run(r, 5000);
    struct msg answer;
    rehearsal_call(r, "edit", "{\"study\":\"s\",\"sets\":[\"search.trials=60\"],\"who\":\"me\"}", &answer);
    msg_fini(&answer);
    assert_true(rehearsal_run(r, 600000));
    assert_int_equal(findings(r, "D13", 0, last), 1);
    end(r);
}

static void d13_is_silent_otherwise(void **state)
{
    (void)state;
    static const rehearsal_objective quiet[] = {slope, hill};
    char last[200];
    for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++) {
        struct rehearsal *r = run(quiet[i], "loss", "", two, many, "");
        if (findings(r, "D13", 0, last))
            fail_msg("study %zu: %s", i, last);
        end(r);
    }
}

static int clean(void **state)
{
    (void)state;
    str_fini(&text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(d12_flat_above_the_best), cmocka_unit_test(d12_knows_what_was_before_a_restart),
        cmocka_unit_test(d12_is_silent_otherwise), cmocka_unit_test(d13_the_edge_of_stability),
        cmocka_unit_test(d13_is_silent_otherwise),
    };
    log_init(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, clean);
}
