#include "cli/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/best.h"
#include "cli/check_table.h"
#include "cli/commands.h"
#include "cli/rows.h"
#include "cli/source.h"
#include "cli/table.h"
#include "common/file.h"
#include "common/units.h"
#include "sql/doing.h"
#include "sql/row_json.h"

enum { SHOWN = 10 };

struct result {
    const char *study;
    const struct result_style *style;
    struct rows progress, all; /* of the study; of every study in the database */
    struct best best;
};

static int load(struct source *source, struct result *r, struct err *err)
{
    int rc = source_run(source, "study_progress", (struct bind[]){BIND_TEXT(":study", r->study)}, 1,
                        &r->progress, err);
    if (!rc)
        rc = source_run(source, "studies", NULL, 0, &r->all, err);
    return rc || !r->progress.count ? rc : best_load(source, r->study, SHOWN, &r->best, err);
}

static int64_t count_of(const struct result *r, const char *status)
{
    return cell_int(rows_named(&r->progress, 0, status));
}

static bool failed_checks(const struct result *r)
{
    return strcmp(first_text(&r->progress, "end_reason"), "checks") == 0;
}

/* No trial complete, or too many failed. A target may be reached before the first trial is through. */
static bool has_answer(const struct result *r)
{
    const char *reason = first_text(&r->progress, "end_reason");
    if (strcmp(reason, "failed") == 0)
        return false;
    return count_of(r, "complete") > 0 || (strcmp(reason, "target") == 0 && best_rows(&r->best)->count);
}

/* ---- for people ---- */

static void print_head(const struct result *r)
{
    char took[32];
    int64_t trials = count_of(r, "trials"), failed = count_of(r, "failed");
    duration_text((int64_t)(cell_num(rows_named(&r->progress, 0, "wall_seconds")) * 1000), took);
    int64_t epochs = count_of(r, "epochs");
    printf("%s: %lld trial%s, %lld epoch%s, %s", r->study, (long long)trials, trials == 1 ? "" : "s",
           (long long)epochs, epochs == 1 ? "" : "s", took);
    if (failed)
        printf(", %lld failed", (long long)failed);
    const char *reason = first_text(&r->progress, "end_reason");
    bool all = strcmp(reason, "exhausted") == 0;
    printf("; ended%s%s\n\n", all ? ": nothing is left to try" : " by ", all ? "" : reason);
}

static void print_next(const struct result *r)
{
    char *path = path_absolute(r->style->db);
    bool here = strcmp(r->style->db, "hone.db") == 0 && !getenv("HONE_DB");
    struct str word = {0};
    str_add_word(&word, r->style->db);
    const char *flag = here ? "" : " --db ", *db = here ? "" : str_text(&word);
    const struct rows *rows = best_rows(&r->best);
    long long best = rows->count ? (long long)first_int(rows, "trial") : 1;
    printf("\nEvery epoch of every trial is in %s; try\n", path);
    printf("  hone best -n 20%s%s\n", flag, db);
    printf("  hone show %s/%lld%s%s\n", r->study, best, flag, db);
    printf("  hone trials --csv%s%s\n", flag, db);
    printf("  sqlite3 %s 'SELECT * FROM %s LIMIT 10'\n", str_text(&word),
           r->best.kind == BEST_FRONT ? "pareto" : "best_trials");
    printf("  sqlite3 %s 'SELECT * FROM \"%s\" ORDER BY trial'\n", str_text(&word), r->study);
    str_fini(&word);
    free(path);
}

/* Submitted meanwhile, perhaps: `hone run` ends with its own study, and its workers with it. */
static void print_unfinished(const struct result *r)
{
    struct str names = {0}, db = {0};
    str_add_word(&db, r->style->db);
    for (size_t row = 0; row < r->all.count; row++) {
        const char *doing = study_doing(&r->all, row);
        if (strcmp(doing, "unfinished") == 0 || strcmp(doing, "checking") == 0)
            str_addf(&names, "%s%s", names.len ? ", " : "", cell_text(rows_named(&r->all, row, "study")));
    }
    if (names.len)
        printf("\nStill unfinished: %s; `hone master --db %s` and a worker go on with it\n", str_text(&names),
               str_text(&db));
    str_fini(&names);
    str_fini(&db);
}

static void print_text(const struct result *r)
{
    const struct best_style style = {.limit = SHOWN};
    print_head(r);
    best_show(&r->best, &style);
    if (!best_rows(&r->best)->count)
        printf("no trial has a score\n");
    print_next(r);
    print_unfinished(r);
}

/* ---- for programs ---- */

static void print_json(const struct result *r)
{
    const struct rows *rows = best_rows(&r->best);
    struct str out = {0};
    struct jw w = jw_to(&out);
    jw_object(&w, NULL);
    row_json(&w, "study", &r->progress, 0);
    jw_text(&w, "database", r->style->db);
    rows_json(&w, "best", rows);
    if (r->best.kind == BEST_FRONT)
        jw_num(&w, "hypervolume", r->best.front.hypervolume);
    jw_close_object(&w);
    printf("%s\n", str_text(&out));
    str_fini(&out);
}

/* A study that never began has no best trials: what was wrong takes their place. */
static int print_failed_checks(struct source *source, const struct result *r, struct err *err)
{
    int rc = 0;
    if (r->style->json)
        print_json(r);
    else
        rc = check_table_of_study(source, r->study, err);
    if (rc)
        return rc;
    err_set(err, ERR_NO, "the checks of study \"%s\" failed, no trial was begun", r->study);
    return err_hint(
        err,
        "put it right and run it again; --force goes on all the same, --no-check does not look; logs: "
        "%s.d/%s/check",
        r->style->db, r->study);
}

static int print(struct source *source, const struct result *r, struct err *err)
{
    if (!r->progress.count)
        return err_set(err, ERR_GONE, "there is no study \"%s\" in this database", r->study);
    if (failed_checks(r))
        return print_failed_checks(source, r, err);
    if (r->style->json)
        print_json(r);
    else
        print_text(r);
    if (has_answer(r))
        return 0;
    struct str word = {0};
    str_add_word(&word, r->style->db);
    err_set(err, ERR_NO, count_of(r, "complete") ? "too many trials failed" : "no trial is complete");
    err_hint(err, "hone trials%s --db %s says how they ended, hone show %s/NUMBER what one printed",
             count_of(r, "failed") ? " --status failed" : "", str_text(&word), r->study);
    str_fini(&word);
    return ERR_NO;
}

int result_print(const char *study, const struct result_style *style)
{
    struct err err = ERR_NONE;
    struct result r = {.study = study, .style = style};
    struct source *source = NULL;
    int rc = source_open(style->db, NULL, &source, &err);
    if (!rc)
        rc = load(source, &r, &err);
    if (!rc)
        rc = print(source, &r, &err);
    rows_fini(&r.progress);
    rows_fini(&r.all);
    best_fini(&r.best);
    source_free(source);
    return rc ? command_fail("run", &err) : 0;
}
