/* What a study file may say of points and metrics, with the real executable: rules, several metrics, groups. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/tools/shell.h"

/* Reports a and b: a hill whose foot is cheap. */
static const char trainer_text[] =
    "awk -v x=\"$HONE_PARAM_x\" -v y=\"$HONE_PARAM_y\" 'BEGIN { printf \"{\\\"epoch\\\":1,\\\"a\\\":%.9f,"
    "\\\"b\\\":%.9f}\\n\", x * y, x + y * y }' >\"/dev/fd/$HONE_OUT_FD\"\n";

static void write_study(const char *file, const char *name, const char *metric, const char *search,
                        const char *more)
{
    char text[1200];
    snprintf(
        text, sizeof text,
        "{\"study\": \"%s\", \"metric\": %s, \"trainer\": {\"command\": [\"sh\", \"t.sh\"], \"seed\": 1},\n"
        " \"space\": {\"x\": {\"uniform\": [0, 1]}, \"y\": {\"uniform\": [0, 1]}}, \"search\": %s%s}\n",
        name, metric, search, more);
    scratch_text(&scratch, file, text);
}

static int setup(void **state)
{
    shell_open(state);
    scratch_text(&scratch, "t.sh", trainer_text);
    return 0;
}

static const char one[] = "{\"name\": \"a\", \"goal\": \"maximize\"}";
static const char two[] =
    "[{\"name\": \"a\", \"goal\": \"maximize\"}, {\"name\": \"b\", \"goal\": \"minimize\"}]";

/* The same points with one worker and with three, every one within the rules. */
static void rules_are_kept_whoever_trains(void **state)
{
    (void)state;
    static const char points[] = "SELECT trial, x, y FROM \"r\" ORDER BY trial";
    struct str first = {0};
    write_study("r.json", "r", one, "{\"method\": \"halton\", \"trials\": 24, \"seed\": 2}",
                ", \"require\": [\"x + y < 0.9\", \"y <= x\"], \"enqueue\": [{\"x\": 0.5}]");
    assert_int_equal(HONE("run", "r.json", "--db", "r1.db", "--workers", "1", "--quiet", "--no-check"), 0);
    assert_int_equal(HONE("run", "r.json", "--db", "r3.db", "--workers", "3", "--quiet", "--no-check"), 0);
    assert_int_equal(HONE("sql", "--db", "r1.db", "--csv", points), 0);
    str_add(&first, str_text(&out));
    assert_int_equal(HONE("sql", "--db", "r3.db", "--csv", points), 0);
    assert_string_equal(str_text(&out), str_text(&first));
    str_fini(&first);
    assert_int_equal(
        HONE("sql", "--db", "r3.db", "--csv", "SELECT count(*), sum(x + y < 0.9 AND y <= x) FROM \"r\""), 0);
    assert_said("\n24,24\n");
    assert_int_equal(HONE("replay", "--db", "r3.db"), 0);
    assert_int_equal(HONE("edit", "r", "--db", "r3.db", "--set", "search.trials=30"), 0);
    assert_int_equal(HONE("enqueue", "r", "--db", "r3.db", "x=0.1", "y=0.7"), 2);
    assert_said("breaks the rule \"y <= x\"");
}

static void rules_that_cannot_be_are_refused(void **state)
{
    (void)state;
    write_study("w.json", "w", one, "{\"trials\": 5}", ", \"require\": [\"x > 0\", \"x < yy\"]");
    assert_int_equal(HONE("run", "w.json"), 2);
    assert_said("w.json:2: require[1]: column 5: no parameter 'yy'; did you mean 'y'?");
    write_study("w.json", "w", one, "{\"trials\": 5}", ", \"require\": [\"x > 3\"]");
    assert_int_equal(HONE("submit", "w.json", "--master", "ipc://nowhere"), 2);
    assert_said("no point of the space keeps all rules");
}

/* Another study's trials that break a rule of this one are no evidence here. */
static void a_warm_start_leaves_out_what_breaks_a_rule(void **state)
{
    (void)state;
    write_study("from.json", "from", one, "{\"method\": \"random\", \"trials\": 20, \"seed\": 1}", "");
    write_study("to.json", "to", one, "{\"method\": \"tpe\", \"trials\": 12, \"seed\": 1}",
                ", \"require\": [\"x > y\"], \"warm_start\": {\"study\": \"from\"}");
    assert_int_equal(HONE("run", "from.json", "--db", "warm.db", "--quiet", "--no-check"), 0);
    assert_int_equal(HONE("run", "to.json", "--db", "warm.db", "--quiet", "--no-check"), 0);
    assert_int_equal(
        HONE("sql", "--db", "warm.db", "--csv",
             "SELECT count(*) = (SELECT sum(x > y) FROM \"from\"), count(*) BETWEEN 1 AND 19 FROM warm"),
        0);
    assert_said("\n1,1\n");
    assert_int_equal(HONE("explain", "to/1", "--db", "warm.db"), 0);
    assert_said("results of study from, which it began with");
    assert_int_equal(HONE("replay", "to", "--db", "warm.db"), 0);
}

/* In two sittings, so that the second one's history comes out of the store. */
static void a_front_is_kept(void **state)
{
    (void)state;
    static const char *const methods[] = {"nsga-ii", "auto"};
    for (int k = 0; k < 2; k++) {
        char search[100], db[20], by[120];
        snprintf(search, sizeof search, "{\"method\": \"%s\", \"trials\": 15, \"seed\": 1}", methods[k]);
        snprintf(db, sizeof db, "front%d.db", k);
        snprintf(by, sizeof by, "SELECT count(*) > 5 FROM trial WHERE sampler = '%s'", k ? "tpe" : "nsga-ii");
        write_study("f.json", "f", two, search, "");
        assert_int_equal(HONE("run", "f.json", "--db", db, "--workers", "3", "--quiet", "--no-check"), 0);
        assert_int_equal(HONE("edit", "f", "--db", db, "--set", "search.trials=40"), 0);
        assert_int_equal(HONE("run", "f.json", "--db", db, "--workers", "3", "--quiet", "--no-check", "--set",
                              "search.trials=40"),
                         0);
        assert_said(" are on the front");
        assert_int_equal(HONE("replay", "--db", db), 0);
        assert_said("f: the same: 40 proposals");
        assert_int_equal(HONE("sql", "--db", db, "--csv", by), 0);
        assert_said("\n1\n");
        assert_int_equal(HONE("best", "--db", db, "--csv", "-n", "0"), 0);
        assert_said("trial,a,b,dominates,best_epoch,epochs,x,y,status,took,worker\n");
        /* By the definition, from the study's own view. */
        assert_int_equal(
            HONE(
                "sql", "--db", db, "--csv",
                "SELECT (SELECT group_concat(trial) FROM (SELECT trial FROM pareto ORDER BY trial)) = "
                "group_concat(trial) FROM (SELECT trial FROM \"f\" p WHERE NOT EXISTS (SELECT 1 FROM \"f\" q "
                "WHERE q.a >= p.a AND q.b <= p.b AND (q.a > p.a OR q.b < p.b)) ORDER BY trial)"),
            0);
        assert_said("\n1\n");
    }
}

static void a_metric_that_never_comes_fails_the_trial(void **state)
{
    (void)state;
    write_study("m.json", "m",
                "[{\"name\": \"a\", \"goal\": \"maximize\"}, {\"name\": \"c\", \"goal\": \"minimize\"}]",
                "{\"method\": \"random\", \"trials\": 2, \"seed\": 1}", "");
    assert_int_equal(HONE("run", "m.json", "--db", "m.db", "--quiet", "--no-check"), 1);
    assert_int_equal(HONE("show", "m/1", "--db", "m.db"), 0);
    assert_said("failed (no_metric)");
    assert_said("it ended well but never reported the metric \"c\"");
}

static void what_several_metrics_cannot_have_is_refused(void **state)
{
    (void)state;
    static const char *const sets[] = {
        "search.method=\"gp\"",
        "search.method=\"cma-es\"",
        "prune={\"method\":\"median\"}",
        "repeat={\"seeds\":3}",
        "confirm={\"top\":2,\"seeds\":2}",
        "budget={\"target\":1}",
        "search.boundary=\"expand\"",
        "warm_start={\"study\":\"f\"}",
        "space.x.boundary=\"warn\"",
        "search={\"method\":\"pbt\",\"population\":8,\"epochs\":10}",
    };
    write_study("f.json", "f", two, "{\"trials\": 30}", "");
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        assert_int_equal(HONE("check", "f.json", "--quick", "--set", sets[i]), 2);
        if (!strstr(str_text(&out), "has no place beside several metrics"))
            fail_msg("%s: %s", sets[i], str_text(&out));
    }
    assert_int_equal(
        HONE("check", "f.json", "--quick", "--set", "search.boundary=off", "--set", "prune={\"below\":0.1}"),
        0);
    assert_int_equal(HONE("simulate", "f.json", "--objective", "branin"), 2);
    assert_said("is ranked by 2");
}

/* The end of a run shows what `hone best` does: means, and how sure the winner is. */
static void groups_are_shown_at_the_end(void **state)
{
    (void)state;
    write_study("g.json", "g", one, "{\"method\": \"random\", \"trials\": 20, \"seed\": 1}",
                ", \"confirm\": {\"top\": 3, \"seeds\": 2}");
    assert_int_equal(HONE("run", "g.json", "--db", "g.db", "--quiet", "--no-check"), 0);
    assert_said("P(best)");
    assert_said("repeats");
    assert_int_equal(HONE("best", "--db", "g.db", "--csv"), 0);
    assert_said("rank,trial,score,spread,repeats,members,p_best,x,y\n1,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_kept_whoever_trains),
        cmocka_unit_test(rules_that_cannot_be_are_refused),
        cmocka_unit_test(a_warm_start_leaves_out_what_breaks_a_rule),
        cmocka_unit_test(a_front_is_kept),
        cmocka_unit_test(a_metric_that_never_comes_fails_the_trial),
        cmocka_unit_test(what_several_metrics_cannot_have_is_refused),
        cmocka_unit_test(groups_are_shown_at_the_end),
    };
    return cmocka_run_group_tests_name("space", tests, setup, shell_close);
}
