/* check: what a study file says, and the first points a search over it would try. Writes nothing. */
#include <math.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/check_table.h"
#include "cli/commands.h"
#include "cli/rows.h"
#include "cli/study_file.h"
#include "cli/table.h"
#include "common/check.h"
#include "common/mem.h"
#include "common/units.h"
#include "master/checks.h"
#include "worker/checkup_local.h"

enum { POINTS_MAX = 10000 };

/* ---- points ---- */

static struct cell text_cell(struct str *text)
{
    return (struct cell){.kind = CELL_TEXT, .text = str_take(text)};
}

static struct rows new_rows(const char *const *names, int cols, size_t rows)
{
    struct rows out = {.cols = cols, .room = rows};
    out.names = xcalloc((size_t)cols, sizeof *out.names);
    for (int c = 0; c < cols; c++)
        out.names[c] = xstrdup(names[c]);
    out.cells = xcalloc(rows * (size_t)cols + 1, sizeof *out.cells);
    return out;
}

/* Rows of trial, params: the points a study would begin with. Methods that learn propose as if nothing had
 * ended. */
static int sample(const struct study_def *def, size_t count, struct rows *out, struct err *err)
{
    struct sampler *sampler = sampler_new(&def->search, &def->space, def->search.seed, err);
    if (!sampler)
        return err->code;
    struct history history = {0};
    struct proposal note;
    struct point point;
    point_init(&point, &def->space);
    *out = new_rows((const char *const[]){"trial", "params"}, 2, count);
    int rc = 0;
    while (out->count < count && !rc) {
        uint32_t trial = (uint32_t)out->count + 1;
        rc = sampler_propose(sampler, &history, trial, &point, &note, err);
        if (rc)
            break;
        struct str text = {0};
        struct jw w = jw_to(&text);
        point_write(&def->space, &point, &w, NULL);
        out->cells[out->count * 2] = (struct cell){.kind = CELL_INT, .integer = trial};
        out->cells[out->count++ * 2 + 1] = text_cell(&text);
        history_add(&history, trial, trial, &point, NULL, 0, trial);
    }
    history_fini(&history);
    point_fini(&point);
    sampler_free(sampler);
    return rc == ERR_BUSY || rc == ERR_GONE ? 0 : rc; // as many as there are
}

static void spread_points(const struct study_def *def, const struct rows *points, struct rows *out)
{
    struct text_list names = {0};
    for (int i = 0; i < def->space.count; i++)
        text_list_add(&names, def->space.params[i].name);
    const struct rows_item items[] = {{.column = "trial"}, {.column = "params", .keys = &names}};
    rows_arrange(points, items, COUNT_OF(items), out);
    text_list_fini(&names);
}

/* ---- for people ---- */

static void print_space(const struct study_def *def)
{
    struct rows rows =
        new_rows((const char *const[]){"parameter", "values", "definition"}, 3, (size_t)def->space.count);
    const struct json *space = json_get(def->json, "space");
    for (int i = 0; i < def->space.count; i++) {
        const struct param *param = &def->space.params[i];
        struct str name = {0}, values = {0}, definition = {0};
        int64_t count = param_count(param);
        str_add(&name, param->name);
        if (count < 0)
            str_add(&values, "continuous");
        else
            str_addf(&values, "%lld", (long long)count);
        json_print(json_get(space, param->name), &definition);
        struct cell *row = &rows.cells[rows.count++ * 3];
        row[0] = text_cell(&name);
        row[1] = text_cell(&values);
        row[2] = text_cell(&definition);
    }
    printf("\nSpace\n");
    table_show_part(&rows, NULL);
    rows_fini(&rows);
    const struct json *rules = json_get(def->json, "require");
    for (const struct json *rule = rules ? json_first(rules) : NULL; rule; rule = json_next(rule))
        printf("require  %s\n", json_text(rule));
}

static void print_search(const struct study_def *def)
{
    printf("search   %s", def->search.method);
    if (def->search.trials)
        printf(", %lld trials", (long long)def->search.trials);
    printf(", %d epoch%s each", def->epochs, def->epochs == 1 ? "" : "s");
    if (def->search.parallel)
        printf(", %d in parallel", def->search.parallel);
    if (def->search.has_seed)
        printf(", seed %llu\n", (unsigned long long)def->search.seed);
    else
        printf(", seed drawn at submit\n");
}

static void print_prune(const struct study_def *def)
{
    static const char *const names[] = {"none", "median", "asha", "hyperband", "curve"};
    const struct asha *asha = &def->prune.asha;
    int64_t one_in = prune_one_in(&def->prune);
    if (def->prune.method == PRUNE_NONE)
        return;
    printf("prune    %s", names[def->prune.method]);
    for (int rung = 0; def->prune.method == PRUNE_ASHA && rung < asha->count; rung++)
        printf("%s%d", rung ? ", " : ", rungs at epoch ", asha->epochs[rung]);
    if (one_in > 1)
        printf("; one trial in %lld reaches the last", (long long)one_in);
    if (def->search.trials && def->search.trials < one_in)
        printf(": with %lld trials none may", (long long)def->search.trials);
    printf("\n");
}

static void print_budget(const struct study_def *def)
{
    const struct budget *b = &def->budget;
    struct str text = {0};
    char amount[32];
    if (b->wall_ms) {
        duration_text(b->wall_ms, amount);
        str_addf(&text, ", %s of wall time", amount);
    }
    if (b->slot_ms) {
        duration_text(b->slot_ms, amount);
        str_addf(&text, ", %s of slot time", amount);
    }
    if (b->epochs)
        str_addf(&text, ", %lld epochs", (long long)b->epochs);
    if (b->failed)
        str_addf(&text, ", %lld failed trials", (long long)b->failed);
    if (!isnan(b->target)) {
        num_text(b->target, amount);
        str_addf(&text, ", a score of %s", amount);
    }
    printf("budget   %s\n", text.len ? str_text(&text) + 2 : "none but the trials");
    str_fini(&text);
}

static void print_text(const struct study_file *file, const struct rows *points)
{
    const struct study_def *def = &file->def;
    struct str trainer = {0};
    struct rows spread;
    json_print(json_get(def->json, "trainer"), &trainer);
    printf("study    %s\n", def->name);
    printf("metric   %s, %s, the %s epoch's\n", def->metric, def->maximize ? "maximize" : "minimize",
           def->score_last ? "last" : "best");
    for (int k = 0; k < def->more_count; k++)
        printf("         %s, %s, at the same epoch\n", def->more[k].name,
               def->more[k].maximize ? "maximize" : "minimize");
    printf("trainer  %s\n", str_text(&trainer));
    print_search(def);
    print_prune(def);
    print_budget(def);
    print_space(def);
    spread_points(def, points, &spread);
    size_t given = json_count(json_get(def->json, "enqueue"));
    printf("\nFirst points");
    if (given)
        printf(" after the %zu of \"enqueue\"", given);
    printf("%s\n", def->search.has_seed ? "" : " (as an example: the seed is not fixed)");
    table_show_part(&spread, NULL);
    rows_fini(&spread);
    str_fini(&trainer);
}

static void print_checks(const struct checkup *checkup)
{
    printf("\nChecks\n");
    check_table_print(checkup->results, (size_t)checkup->count);
}

/* ---- for programs ---- */

static void print_json(const struct study_file *file, const struct rows *points,
                       const struct checkup *checkup)
{
    struct str out = {0};
    struct jw w = jw_to(&out);
    jw_object(&w, NULL);
    jw_text(&w, "study", file->def.name);
    jw_node(&w, "definition", file->def.json);
    jw_array(&w, "points");
    for (size_t row = 0; row < points->count; row++)
        jw_raw(&w, NULL, cell_text(rows_cell(points, row, 1)));
    jw_close_array(&w);
    if (checkup) {
        jw_text(&w, "verdict", verdict_name(checkup_worst(checkup)));
        jw_array(&w, "checks");
        for (int i = 0; i < checkup->count; i++)
            check_result_write(&checkup->results[i], &w, NULL);
        jw_close_array(&w);
    }
    jw_close_object(&w);
    printf("%s\n", str_text(&out));
    str_fini(&out);
}

/* ---- the trainer ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

/* Logs of what went wrong stay, and are named. */
static void leave(const char *folder, enum verdict worst)
{
    if (worst == VERDICT_WRONG)
        fprintf(stderr, "logs: %s\n", folder);
    else
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int run_checks(const struct study_file *file, bool quiet, struct checkup **out, struct err *err)
{
    const char *tmp = getenv("TMPDIR");
    char *folder = xasprintf("%s/hone-check-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
    struct msg msg;
    if (!mkdtemp(folder)) {
        err_errno(err, "%s", folder);
        free(folder);
        return ERR_IO;
    }
    if (!quiet)
        fprintf(stderr, "checking: %s\n", check_table_gates(json_get(file->def.json, "trainer")));
    checks_describe(&file->def, file->base, &msg);
    int rc = checkup_local(&msg.check, folder, out, err);
    msg_fini(&msg);
    leave(folder, rc ? VERDICT_SKIPPED : checkup_worst(*out));
    free(folder);
    return rc;
}

/* What was found, after the rest; the exit status. */
static int answer(const struct checkup *checkup)
{
    int wrong = 0;
    for (int i = 0; checkup && i < checkup->count; i++)
        wrong += checkup->results[i].verdict == VERDICT_WRONG;
    if (!wrong)
        return 0;
    fprintf(stderr, "hone check: %d of %d checks found something wrong\n", wrong, checkup->count);
    return 1;
}

int cmd_check(const struct opt_check *opt)
{
    struct err err = ERR_NONE;
    struct study_file file;
    struct rows points = {0};
    struct checkup *checkup = NULL;
    if (study_file_load(opt->args.items[0], &opt->set, &file, &err))
        return command_fail("check", &err);
    if (!file.def.search.has_seed)
        file.def.search.seed = 1; // an example, and the same one every time
    int rc = sample(&file.def, opt->points > POINTS_MAX ? POINTS_MAX : (size_t)opt->points, &points, &err);
    if (!rc && !opt->json)
        print_text(&file, &points);
    fflush(stdout);
    if (!rc && !opt->quick)
        rc = run_checks(&file, opt->json, &checkup, &err);
    if (!rc && opt->json)
        print_json(&file, &points, checkup);
    else if (!rc && checkup)
        print_checks(checkup);
    int status = rc ? command_fail("check", &err) : answer(checkup);
    checkup_free(checkup);
    rows_fini(&points);
    study_file_fini(&file);
    return status;
}
