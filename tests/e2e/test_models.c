/* What is left when a search is over, with the real executable: findings about its trainings, and models made of its
 * checkpoints. */
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
#include "common/json.h"
#include "tests/tools/shell.h"

static char db[128];

static void search(const char *name, const char *trainer, const char *space, int trials, int epochs,
                   const char *more)
{
    struct str text = {0};
    str_addf(
        &text,
        "{\"study\":\"%s\",\"metric\":{\"name\":\"val_acc\",\"goal\":\"maximize\"},"
        "\"trainer\":{\"builtin\":\"mlp\",\"seed\":1,%s},\"space\":{%s},"
        "\"search\":{\"method\":\"random\",\"trials\":%d,\"epochs\":%d,\"seed\":1},\"keep\":{\"best\":4}%s}",
        name, trainer, space, trials, epochs, more);
    scratch_text(&scratch, "study.json", text.text);
    str_fini(&text);
    if (HONE("run", "study.json", "--workers", "1", "--no-check", "-q") > 1) /* 1: no trial is complete */
        fail_msg("%s", str_text(&out));
}

static struct json *answer(void)
{
    struct json *tree = json_parse(str_text(&out), out.len, "answer", NULL);
    if (!tree)
        fail_msg("no JSON: %s", str_text(&out));
    return tree;
}

/* ---- findings ---- */

static const char diverging[] = "\"layers\":[\"affine 16\",\"relu\"],\"data\":\"spiral\",\"init\":\"small\"";

static void run_diverging(const char *name, const char *babysit)
{
    char trainer[200];
    snprintf(trainer, sizeof trainer, "%s,\"babysit\":\"%s\"", diverging, babysit);
    search(name, trainer, "\"lr\":{\"uniform\":[10,11]}", 2, 6, "");
}

static void a_diverging_run_leaves_findings(void **state)
{
    (void)state;
    run_diverging("warned", "warn");
    assert_true(db_int(db, "SELECT count(*) FROM findings WHERE study = 'warned' AND rule IN ('D0', 'D1')") >
                0);
    assert_int_equal(db_int(db, "SELECT count(*) FROM findings WHERE action = 'stop'"), 0);
    assert_int_equal(db_int(db, "SELECT count(*) FROM trial WHERE cause = 'babysit'"), 0);
    assert_int_equal(HONE("show", "warned/1"), 0);
    assert_said("Findings");
    assert_int_equal(HONE("show", "warned/1", "--json"), 0);
    struct json *tree = answer();
    assert_true(json_count(json_get(tree, "findings")) > 0);
    json_free(tree);
}

static void with_stop_a_hopeless_trial_ends(void **state)
{
    (void)state;
    run_diverging("stopped", "stop");
    assert_int_equal(
        db_int(db, "SELECT count(*) FROM trial t JOIN study s ON s.id = t.study WHERE s.name = 'stopped' "
                   "AND t.status = 'pruned' AND t.cause = 'babysit' AND t.last_epoch = "
                   "(SELECT epoch FROM trial_finding f WHERE f.trial = t.id AND f.action = 'stop')"),
        2);
    assert_int_equal(db_int(db, "SELECT count(*) FROM trial_event WHERE cause = 'babysit' "
                                "AND json_extract(detail, '$.rule') LIKE 'D%'"),
                     2);
    assert_int_equal(HONE("replay", "stopped"), 0);
}

static void off_is_silent(void **state)
{
    (void)state;
    run_diverging("off", "off");
    assert_int_equal(db_int(db, "SELECT count(*) FROM findings WHERE study = 'off'"), 0);
}

static int64_t told_by(const char *study, const char *rule)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM findings WHERE study = '%s' AND rule = '%s'", study,
             rule);
    return db_int(db, sql);
}

/* A training that came to rest far above another one, whose rate was right. */
static void a_high_plateau_is_found(void **state)
{
    (void)state;
    static const char trainer[] =
        "\"layers\":[\"affine 32\",\"relu\"],\"data\":\"glyphs:n=1500\",\"schedule\":\"exp\","
        "\"decay\":0.5";
    search("high", trainer, "\"lr\":{\"log\":[1e-3,2]}", 2, 14, ",\"enqueue\":[{\"lr\":0.05},{\"lr\":1}]");
    assert_int_equal(told_by("high", "D12"), 1);
    assert_int_equal(HONE("show", "high/2"), 0);
    assert_said("D12");
    search("level", trainer, "\"lr\":{\"log\":[1e-3,2]}", 2, 14,
           ",\"enqueue\":[{\"lr\":0.05},{\"lr\":0.06}]");
    assert_int_equal(told_by("level", "D12"), 0);
}

/* Everything beyond the best rate diverged, or not quite. */
static void an_edge_of_stability_is_found(void **state)
{
    (void)state;
    static const char trainer[] =
        "\"layers\":[\"affine 16\",\"relu\",\"affine 16\",\"relu\"],\"data\":\"glyphs:n=600\","
        "\"optimizer\":\"sgd\",\"babysit\":\"stop\"";
    static const char rates[] =
        "{\"lr\":0.1},{\"lr\":0.2},{\"lr\":0.3},{\"lr\":0.4},{\"lr\":0.01},{\"lr\":0.02},"
        "{\"lr\":500},{\"lr\":50},{\"lr\":100},{\"lr\":1e3},{\"lr\":1e4}";
    char more[400];
    snprintf(more, sizeof more, ",\"enqueue\":[%s,{\"lr\":2e4}]", rates);
    search("edge", trainer, "\"lr\":{\"log\":[1e-9,1e5]}", 12, 3, more);
    assert_int_equal(told_by("edge", "D13"), 1);
    snprintf(more, sizeof more, ",\"enqueue\":[%s,{\"lr\":2}]", rates); /* one that lives */
    search("soft", trainer, "\"lr\":{\"log\":[1e-9,1e5]}", 12, 3, more);
    assert_int_equal(told_by("soft", "D13"), 0);
}

/* ---- models ---- */

static double accuracy_said(void)
{
    struct json *tree = answer();
    double acc = json_num(json_get(tree, "accuracy")), sum = 0;
    for (const struct json *row = json_first(json_get(tree, "confusion")); row; row = json_next(row))
        for (const struct json *n = json_first(row); n; n = json_next(n))
            sum += json_num(n);
    assert_true(sum == json_num(json_get(tree, "samples")));
    json_free(tree);
    return acc;
}

static double accuracy_of(const char *model, const char *part)
{
    if (HONE("evaluate", model, "--json", "--part", part))
        fail_msg("%s", str_text(&out));
    return accuracy_said();
}

static double told(const struct json *tree, int row, const char *column)
{
    return json_num(json_get(json_at(json_get(tree, "models"), (size_t)row), column));
}

static void glyphs(void)
{
    search("g", "\"layers\":[\"affine 32\",\"relu\"],\"data\":\"glyphs:n=1500\"", "\"lr\":{\"log\":[1e-2,1]}",
           12, 4, "");
}

/* The score in the database is what the checkpoint's own prediction gives. */
static void evaluate_agrees_with_the_search(void)
{
    struct str score = {0};
    db_text(
        db,
        "SELECT printf('%.6f', max(score)) FROM trial t JOIN study s ON s.id = t.study WHERE s.name = 'g'",
        &score);
    assert_float_equal(accuracy_of("g/best", "val"), atof(str_text(&score)), 1e-6);
    str_fini(&score);
}

static void an_ensemble_is_never_worse_on_validation(void **state)
{
    (void)state;
    glyphs();
    evaluate_agrees_with_the_search();
    assert_int_equal(HONE("ensemble", "g", "--top", "12", "-o", "e.json", "--json"), 0);
    struct json *tree = answer();
    double single = told(tree, 0, "val_loss"), average = told(tree, 1, "val_loss");
    double test = told(tree, 1, "test_acc"), votes = told(tree, 2, "test_acc");
    json_free(tree);
    assert_true(average <= single);
    assert_float_equal(accuracy_of("e.json", "test"), test, 1e-9);
    assert_int_equal(HONE("ensemble", "g", "--top", "12", "-o", "v.json", "--vote"), 0);
    assert_float_equal(accuracy_of("v.json", "test"), votes, 1e-9);
}

/* What an epoch said of its running average is what evaluate says of it; batchnorm's moments are those of the average. */
static void the_running_average_is_a_model_too(void **state)
{
    (void)state;
    struct str said = {0};
    search("ema", "\"layers\":[\"affine 24\",\"batchnorm\",\"relu\"],\"data\":\"glyphs:n=600\",\"ema\":0.98",
           "\"lr\":{\"log\":[0.5,1]}", 1, 3, "");
    db_text(db,
            "SELECT printf('%.6f', m.value) FROM epoch_metric m JOIN metric n ON n.id = m.metric JOIN trial "
            "t ON t.id = m.trial "
            "JOIN study s ON s.id = t.study WHERE s.name = 'ema' AND n.name = 'ema_val_acc' AND m.epoch = "
            "t.best_epoch",
            &said);
    double plain = accuracy_of("ema/best", "val");
    assert_int_equal(HONE("evaluate", "ema/best", "--ema", "--json", "--part", "val"), 0);
    double averaged = accuracy_said();
    assert_float_equal(averaged, atof(str_text(&said)), 1e-6);
    assert_true(averaged != plain);
    str_fini(&said);
    assert_int_equal(HONE("predict", "ema/best", "--ema"), 0);
    assert_int_equal(HONE("evaluate", "g/best", "--ema"), 2);
    assert_said("the option ema was not set");
}

static void checkpoints_of_one_trial(void **state)
{
    (void)state;
    assert_int_equal(HONE("ensemble", "--checkpoints", "g/1", "-o", "c.json", "--json"), 0);
    struct json *tree = answer();
    assert_true(told(tree, 1, "val_loss") <= told(tree, 0, "val_loss"));
    json_free(tree);
    assert_int_equal(HONE("ensemble", "--average", "g/1", "-o", "a.json", "--json"), 0);
    tree = answer();
    assert_int_equal(json_count(json_get(tree, "members")), 4);
    double test = told(tree, 1, "test_acc");
    json_free(tree);
    assert_float_equal(accuracy_of("a.json", "test"), test, 1e-9);
    assert_int_equal(HONE("ensemble", "g", "--average", "1"), 2);
}

/* The same configuration with three seeds. */
static void repeats_of_one_configuration(void **state)
{
    (void)state;
    search("r", "\"layers\":[\"affine 32\",\"relu\"],\"data\":\"glyphs:n=1500\"",
           "\"lr\":{\"log\":[0.05,0.1]}", 3, 3, ",\"repeat\":{\"seeds\":3}");
    assert_int_equal(db_int(db, "SELECT count(*) FROM trial t JOIN study s ON s.id = t.study "
                                "WHERE s.name = 'r' AND t.\"group\" = 1"),
                     3);
    assert_int_equal(HONE("ensemble", "--group", "r/2", "-o", "r.json", "--json"), 0);
    struct json *tree = answer();
    assert_true(told(tree, 1, "val_loss") <= told(tree, 0, "val_loss"));
    json_free(tree);
    assert_int_equal(HONE("ensemble", "--group", "r/1", "--average", "r/1"), 2);
}

static void predictions_are_csv(void **state)
{
    (void)state;
    assert_int_equal(HONE("predict", "g/best", "glyphs:n=20,seed=9", "--csv"), 0);
    assert_said("sample,answer,p(0),p(1)");
    int lines = 0;
    for (const char *at = strchr(str_text(&out), '\n'); at; at = strchr(at + 1, '\n')) {
        int sample, right;
        double sum = 0, p;
        if (sscanf(at, "%d,%d", &sample, &right) != 2)
            continue;
        assert_int_equal(sample, ++lines);
        const char *cell = strchr(strchr(at, ',') + 1, ',');
        for (int k = 0; k < 10 && sscanf(cell, ",%lf", &p) == 1; k++, cell = strpbrk(cell + 1, ",\n"))
            sum += p;
        assert_float_equal(sum, 1, 1e-5);
    }
    assert_int_equal(lines, 20);
}

static void first_weights_become_pictures(void **state)
{
    (void)state;
    struct str file = {0};
    char *path = path_join(scratch.folder, "w.pgm");
    assert_int_equal(HONE("weights", "g/best", "-o", "w.pgm", "--json"), 0);
    struct json *tree = answer();
    assert_true(json_num(json_get(tree, "units")) == 32 && json_num(json_get(tree, "width")) == 16);
    assert_true(json_num(json_get(tree, "roughness")) > 0);
    json_free(tree);
    assert_int_equal(file_read(path, 1 << 20, &file, NULL), 0);
    assert_memory_equal(file.text, "P5\n", 3);
    assert_int_equal(HONE("weights", "g/best", "-o", "w.png"), 0);
    assert_said("32 units of 16 x 16");
    assert_int_equal(HONE("weights", "g/best", "-o", "w.jpg"), 2);
    assert_said(".pgm");
    assert_int_equal(HONE("weights", "e.json"), 2); /* which of them? */
    str_fini(&file);
    free(path);
}

static const char table[] =
    "x,y,kind\n0.1,0.2,low\n0.9,0.8,high\n0.2,0.1,low\n0.8,0.9,high\n0.15,0.1,low\n0.95,0.9,high\n"
    "0.3,0.2,low\n0.7,0.8,high\n0.25,0.1,low\n0.85,0.9,high\n";

static void tables_keep_their_labels(void **state)
{
    (void)state;
    scratch_text(&scratch, "t.csv", table);
    search("t", "\"layers\":[\"affine 8\",\"relu\"],\"data\":\"csv:t.csv\",\"batch\":2",
           "\"lr\":{\"log\":[0.1,1]}", 2, 20, "");
    scratch_text(&scratch, "new.csv", "x,y,kind\n0.9,0.9,high\n0.95,0.85,high\n0.1,0.1,low\n");
    assert_int_equal(HONE("evaluate", "t/best", "new.csv", "--json"), 0);
    assert_said("\"accuracy\":1,");
    assert_int_equal(HONE("predict", "t/best", "new.csv"), 0);
    assert_said("1,high,");
    assert_said("3,low,");
    scratch_text(&scratch, "bare.csv", "x,y\n0.1,0.1\n0.9,0.9\n");
    assert_int_equal(HONE("predict", "t/best", "bare.csv"), 2);
    assert_said("csv:FILE?label=none");
    assert_int_equal(HONE("predict", "t/best", "nope.csv"), 2);
    assert_said("nope.csv: there is no such file");
    assert_int_equal(HONE("predict", "t/best", "csv:bare.csv?label=none"), 0);
    assert_said("1,low,");
    assert_said("2,high,");
    assert_int_equal(HONE("evaluate", "t/best", "csv:bare.csv?label=none"), 2);
    scratch_text(&scratch, "odd.csv", "x,y,kind\n0.1,0.1,middle\n");
    assert_int_equal(HONE("evaluate", "t/best", "odd.csv"), 2);
    assert_said("middle");
}

static void what_is_no_model_is_refused(void **state)
{
    (void)state;
    scratch_text(&scratch, "bad.json", "{\"ensemble\":[]}");
    assert_int_equal(HONE("evaluate", "bad.json"), 2);
    scratch_text(&scratch, "bad.ckpt", "HONECKPT and nothing else");
    assert_int_equal(HONE("predict", "bad.ckpt"), 2);
    assert_int_equal(HONE("evaluate", "no-such-file"), 2);
    assert_int_equal(HONE("evaluate", "g/99"), 2);
    assert_int_equal(HONE("evaluate", "g/1", "--part", "all"), 2);
}

static int setup(void **state)
{
    shell_open(state);
    snprintf(db, sizeof db, "%s/hone.db", scratch.folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_diverging_run_leaves_findings),
        cmocka_unit_test(with_stop_a_hopeless_trial_ends),
        cmocka_unit_test(off_is_silent),
        cmocka_unit_test(a_high_plateau_is_found),
        cmocka_unit_test(an_edge_of_stability_is_found),
        cmocka_unit_test(an_ensemble_is_never_worse_on_validation),
        cmocka_unit_test(the_running_average_is_a_model_too),
        cmocka_unit_test(checkpoints_of_one_trial),
        cmocka_unit_test(repeats_of_one_configuration),
        cmocka_unit_test(predictions_are_csv),
        cmocka_unit_test(first_weights_become_pictures),
        cmocka_unit_test(tables_keep_their_labels),
        cmocka_unit_test(what_is_no_model_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, shell_close);
}
