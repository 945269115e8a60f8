/* importance: which parameters matter, and how sure that is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cli/commands.h"
#include "cli/importance.h"
#include "cli/patience.h"
#include "cli/rows.h"
#include "cli/select.h"
#include "cli/table.h"
#include "common/check.h"
#include "common/mem.h"
#include "master/past.h"
#include "master/search/fanova.h"
#include "master/search/importance.h"

enum { DRAWS_MOST = 100000, DRAWS_JSON = 200, LOWEST = 19 };
static const double LOW = 0.05, HIGH = 0.95;

struct judged {
    const struct space *space;
    struct importance *found;
    double *shares; /* [parameter][room]: one of each draw */
    int draws, room;
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double part_of(double *values, int count, double part)
{
    if (!count)
        return NAN;
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[(int)(part * (count - 1) + 0.5)];
}

/* ---- printing ---- */

static struct cell number(double value)
{
    struct cell cell = {.kind = CELL_NUM, .number = value};
    if (isnan(value))
        cell.kind = CELL_NULL;
    return cell;
}

/* The largest share first; the caller frees the cells, names are the space's. */
static void judged_rows(struct judged *j, struct rows *rows)
{
    static char titles[][12] = {"param", "share", "low", "high", "raw", "trials"};
    static char *names[] = {titles[0], titles[1], titles[2], titles[3], titles[4], titles[5]};
    *rows = (struct rows){.cols = COUNT_OF(titles), .names = names, .count = (size_t)j->space->count};
    rows->cells = xcalloc(rows->count * COUNT_OF(titles) + 1, sizeof *rows->cells);
    bool *taken = xcalloc(rows->count + 1, sizeof *taken);
    for (size_t row = 0; row < rows->count; row++) {
        int next = -1; /* the largest share that is left */
        for (int i = 0; i < j->space->count; i++)
            if (!taken[i] && (next < 0 || j->found[i].share > j->found[next].share))
                next = i;
        taken[next] = true;
        double *shares = j->shares + (long)next * j->room;
        struct cell *to = &rows->cells[row * COUNT_OF(titles)];
        to[0] = (struct cell){.kind = CELL_TEXT, .text = j->space->params[next].name};
        to[1] = number(j->found[next].share);
        to[2] = number(part_of(shares, j->draws, LOW));
        to[3] = number(part_of(shares, j->draws, HIGH));
        to[4] = number(j->found[next].raw);
        to[5] = (struct cell){.kind = CELL_INT, .integer = j->found[next].trials};
    }
    free(taken);
}

typedef void show_rows(const struct rows *rows, void *arg);

static void show(const struct rows *rows, void *arg)
{
    const struct opt_importance *opt = arg;
    table_show(rows,
               (struct column[]){{"low", COLUMN_PLAIN, "5 %"},
                                 {"high", COLUMN_PLAIN, "95 %"},
                                 {"raw", COLUMN_DATA_ONLY, NULL},
                                 {0}},
               opt->csv, opt->json);
}

static void show_json(const struct rows *rows, void *arg)
{
    table_print(rows, NULL, &(struct table_style){.format = TABLE_JSON}, arg);
}

static int judge_ped(const struct study *s, int draws, show_rows *shown, void *arg, struct err *err)
{
    const struct space *space = &s->def.space;
    size_t count = (size_t)space->count, room = (size_t)draws;
    struct judged j = {.space = space,
                       .found = xcalloc(count + 1, sizeof *j.found),
                       .shares = xcalloc(count * room + 1, sizeof *j.shares),
                       .room = draws};
    int rc = importance_ped(space, &s->history, j.found, err);
    if (!rc) {
        struct rows rows;
        j.draws = importance_again(space, &s->history, j.room, j.shares);
        judged_rows(&j, &rows);
        shown(&rows, arg);
        free(rows.cells);
    }
    free(j.shares);
    free(j.found);
    return rc;
}

/* ---- the other method ---- */

static int by_share(const void *a, const void *b)
{
    const struct fanova_share *p = a, *q = b;
    return (p->share < q->share) - (p->share > q->share);
}

static void show_fanova(const struct space *space, struct fanova_share *shares, int count,
                        const struct opt_importance *opt)
{
    char titles[][12] = {"param", "with", "share", "low", "high"};
    char *names[] = {titles[0], titles[1], titles[2], titles[3], titles[4]};
    struct rows rows = {.cols = COUNT_OF(titles), .names = names, .count = (size_t)count};
    rows.cells = xcalloc(rows.count * COUNT_OF(titles) + 1, sizeof *rows.cells);
    qsort(shares, (size_t)count, sizeof *shares, by_share);
    for (int i = 0; i < count; i++) {
        struct cell *to = &rows.cells[(size_t)i * COUNT_OF(titles)];
        to[0] = (struct cell){.kind = CELL_TEXT, .text = space->params[shares[i].param].name};
        if (shares[i].other >= 0)
            to[1] = (struct cell){.kind = CELL_TEXT, .text = space->params[shares[i].other].name};
        to[2] = number(shares[i].share);
        to[3] = number(shares[i].low);
        to[4] = number(shares[i].high);
    }
    table_show(
        &rows,
        (struct column[]){
            {"with", COLUMN_IF_ANY, NULL}, {"low", COLUMN_PLAIN, "5 %"}, {"high", COLUMN_PLAIN, "95 %"}, {0}},
        opt->csv, opt->json);
    free(rows.cells);
}

static int judge_fanova(const struct study *s, const struct opt_importance *opt, struct err *err)
{
    const struct space *space = &s->def.space;
    int count = fanova_count(space, opt->pairs);
    struct fanova_share *shares = xcalloc((size_t)count + 1, sizeof *shares);
    struct patience patience;
    patience_init(&patience, stderr, "importance", "trees");
    struct fanova_options options = {opt->pairs, patience.watcher};
    int rc = fanova(space, &s->history, &options, shares, err);
    patience_hide(&patience);
    if (!rc)
        show_fanova(space, shares, count, opt);
    free(shares);
    return rc;
}

static int judge(const struct study *s, const struct opt_importance *opt, struct err *err)
{
    bool is_fanova = strcmp(opt->method, "fanova") == 0;
    if (!is_fanova && strcmp(opt->method, "ped-anova") != 0) {
        err_set(err, ERR_BAD, "--method %.40s: not one of ped-anova, fanova", opt->method);
        return err_hint(err,
                        "ped-anova asks what made the best tenth good, fanova what moves the score anywhere");
    }
    if (!is_fanova && opt->pairs)
        return err_set(err, ERR_BAD, "--pairs: only with --method fanova");
    return is_fanova ? judge_fanova(s, opt, err)
                     : judge_ped(s, (int)opt->draws, show, (void *)(uintptr_t)opt, err);
}

/* A read-only store for as long as it takes to load the study. */
static int load(const char *db, const char *study, struct study **out, struct err *err)
{
    struct store_options options = {.read_only = true};
    struct store *store;
    int rc = store_open(db, &options, &store, err);
    if (rc == ERR_GONE && err)
        rc = err->code = ERR_REACH; // as for every other reader
    if (rc)
        return rc;
    rc = past_study(store, study, out, NULL, err);
    store_close(store);
    return rc;
}

int importance_json(const char *db, const char *study, struct str *out, struct err *err)
{
    struct study *s = NULL;
    int rc = load(db, study, &s, err);
    setpriority(PRIO_PROCESS, 0, LOWEST);
    if (!rc)
        rc = judge_ped(s, DRAWS_JSON, show_json, out, err);
    study_free(s);
    return rc;
}

int cmd_importance(const struct opt_importance *opt)
{
    struct err err = ERR_NONE;
    struct study *s = NULL;
    const char *study;
    int rc = select_study(opt->args.count ? opt->args.items[0] : NULL, opt->study, &study, &err);
    if (opt->draws < 0 || opt->draws > DRAWS_MOST)
        rc = err_set(&err, ERR_BAD, "--draws: 0 to %d", DRAWS_MOST);
    if (!rc)
        rc = load(opt->db, study, &s, &err);
    if (!rc)
        rc = judge(s, opt, &err);
    if (!rc && s->def.more_count && !opt->csv && !opt->json)
        printf("for %s, the first of %d metrics\n", s->def.metric, s->def.more_count + 1);
    study_free(s);
    return rc ? command_fail("importance", &err) : 0;
}
