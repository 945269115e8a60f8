#include "cli/best.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/front.h"
#include "cli/rows.h"
#include "cli/select.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "common/check.h"
#include "common/mem.h"
#include "common/rng.h"

static bool has_score(const struct rows *rows, size_t row, void *arg)
{
    (void)arg;
    const struct cell *score = rows_named(rows, row, "score");
    return score && score->kind != CELL_NULL;
}

static void arrange(const struct rows *found, const struct text_list *params, struct rows *out)
{
    const struct rows_item items[] = {
        {.column = ROWS_RANK, .as = "rank"},
        {.column = "trial"},
        {.column = "score"},
        {.column = "best_epoch"},
        {.column = "epochs"},
        {.column = "params", .keys = params, .clash = "param."},
        {.column = "status"},
        {.column = "seconds"},
        {.column = "worker"},
    };
    rows_arrange(found, items, COUNT_OF(items), out);
}

static int load_trials(struct source *source, const char *study, int64_t limit, struct rows *out,
                       struct err *err)
{
    struct text_list params = {0};
    struct rows found;
    struct bind binds[] = {BIND_TEXT(":study", study), BIND_INT(":limit", limit ? limit : -1)};
    int rc = source_params(source, study, &params, err);
    if (!rc)
        rc = source_run(source, "best", binds, 2, &found, err);
    if (!rc) {
        rows_filter(&found, has_score, NULL);
        arrange(&found, &params, out);
        rows_fini(&found);
    }
    text_list_free(&params);
    return rc;
}

/* ---- where points were repeated ---- */

enum { DRAWS = 10000 };

static const double OUT_OF_REACH = 8; /* standard errors: not once in 10^15 draws */

struct rival {
    size_t row;
    double mean, error; /* more is better; standard error of the mean */
};

/* Whoever cannot come up to `least`, which the best of them never falls below, is not drawn: of thousands of groups a few
 * are left. */
static size_t winner_of_draw(const struct rival *rivals, size_t count, uint32_t draw, double least)
{
    struct rng rng = rng_at(1, draw, 0, 0);
    size_t best = 0;
    double most = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        const struct rival *r = &rivals[i];
        if (r->mean + OUT_OF_REACH * r->error < least)
            continue;
        double z = r->mean + r->error * rng_normal(&rng);
        if (z > most) {
            most = z;
            best = i;
        }
    }
    return best;
}

/* How often each group is the best when all means are drawn again from what their spread allows (Bergstra and Bengio
 * 2012, 2.3): normal, with the deviation pooled over all groups, over the root of a group's repeats. */
static void probabilities(const struct rows *groups, bool maximize, double *out)
{
    double squares = 0, freedom = 0;
    for (size_t row = 0; row < groups->count; row++) {
        double n = cell_num(rows_named(groups, row, "repeats")),
               sd = cell_num(rows_named(groups, row, "spread"));
        if (n > 1) {
            squares += (n - 1) * sd * sd;
            freedom += n - 1;
        }
    }
    double pooled = freedom > 0 ? sqrt(squares / freedom) : 0, least = -INFINITY;
    struct rival *rivals = xcalloc(groups->count + 1, sizeof *rivals);
    size_t count = 0;
    for (size_t row = 0; row < groups->count; row++) {
        double n = cell_num(rows_named(groups, row, "repeats")),
               mean = cell_num(rows_named(groups, row, "score"));
        if (n > 1)
            rivals[count++] = (struct rival){row, maximize ? mean : -mean, pooled / sqrt(n)};
    }
    for (size_t i = 0; i < count; i++)
        least = fmax(least, rivals[i].mean - OUT_OF_REACH * rivals[i].error);
    for (uint32_t draw = 0; draw < DRAWS && count; draw++)
        out[rivals[winner_of_draw(rivals, count, draw, least)].row] += 1.0 / DRAWS;
    free(rivals);
}

/* The groups with a column more, how likely each of those with several repeats is the best. */
static void add_probabilities(struct rows *groups, bool maximize)
{
    double *p = xcalloc(groups->count + 1, sizeof *p);
    size_t cols = (size_t)groups->cols;
    struct cell *cells = xcalloc(groups->count * (cols + 1) + 1, sizeof *cells);
    probabilities(groups, maximize, p);
    for (size_t row = 0; row < groups->count; row++) {
        memcpy(&cells[row * (cols + 1)], &groups->cells[row * cols], cols * sizeof *cells);
        if (cell_num(rows_named(groups, row, "repeats")) > 1)
            cells[row * (cols + 1) + cols] = (struct cell){.kind = CELL_NUM, .number = p[row]};
    }
    free(groups->cells);
    groups->cells = cells;
    groups->names = xrealloc(groups->names, (cols + 1) * sizeof *groups->names);
    groups->names[groups->cols++] = xstrdup("p_best");
    free(p);
}

static void keep_first(struct rows *rows, int64_t limit)
{
    for (size_t row = limit ? (size_t)limit : rows->count; row < rows->count; row++)
        for (int c = 0; c < rows->cols; c++)
            if (rows_cell(rows, row, c)->kind == CELL_TEXT)
                free(rows->cells[row * (size_t)rows->cols + (size_t)c].text);
    if (limit && rows->count > (size_t)limit)
        rows->count = (size_t)limit;
}

static void arrange_groups(const struct rows *found, const struct text_list *params, struct rows *out)
{
    const struct rows_item items[] = {
        {.column = ROWS_RANK, .as = "rank"},
        {.column = "trial"},
        {.column = "score"},
        {.column = "spread"},
        {.column = "repeats"},
        {.column = "members"},
        {.column = "p_best"},
        {.column = "params", .keys = params, .clash = "param."},
    };
    rows_arrange(found, items, COUNT_OF(items), out);
}

/* No rows: no point was repeated. */
static int load_groups(struct source *source, const struct rows *head, int64_t limit, struct rows *out,
                       struct err *err)
{
    const char *study = first_text(head, "study");
    struct rows found;
    struct text_list params = {0};
    int rc = source_run(source, "best_groups", (struct bind[]){BIND_TEXT(":study", study)}, 1, &found, err);
    if (rc)
        return rc;
    if (found.count)
        rc = source_params(source, study, &params, err);
    if (found.count && !rc) {
        add_probabilities(&found, strcmp(first_text(head, "goal"), "maximize") == 0);
        keep_first(&found, limit);
        arrange_groups(&found, &params, out);
    }
    text_list_free(&params);
    rows_fini(&found);
    return rc;
}

/* ---- the whole ---- */

int best_load(struct source *source, const char *study, int64_t limit, struct best *out, struct err *err)
{
    struct rows head;
    *out = (struct best){0};
    int rc = source_read_study(source, study, &head, err);
    if (rc)
        return rc;
    out->study = xstrdup(first_text(&head, "study"));
    out->metric = xstrdup(first_text(&head, "metric"));
    rc = front_load(source, out->study, limit, &out->front, err);
    if (!rc && !out->front.trials)
        rc = load_groups(source, &head, limit, &out->rows, err);
    out->kind = out->front.trials ? BEST_FRONT : out->rows.count ? BEST_GROUPS : BEST_TRIALS;
    if (!rc && out->kind == BEST_TRIALS)
        rc = load_trials(source, out->study, limit, &out->rows, err);
    rows_fini(&head);
    if (rc)
        best_fini(out);
    return rc;
}

void best_fini(struct best *best)
{
    free(best->study);
    free(best->metric);
    rows_fini(&best->rows);
    front_fini(&best->front);
    *best = (struct best){0};
}

const struct rows *best_rows(const struct best *best)
{
    return best->kind == BEST_FRONT ? &best->front.rows : &best->rows;
}

void best_show(const struct best *best, const struct best_style *style)
{
    const struct column columns[] = {{"score", COLUMN_PLAIN, best->metric},
                                     {"seconds", COLUMN_SECONDS, "took"},
                                     {"best_epoch", COLUMN_PLAIN, "at"},
                                     {"p_best", COLUMN_PLAIN, "P(best)"},
                                     {0}};
    if (best->kind == BEST_FRONT)
        front_show(&best->front, style);
    else if (best->rows.count || style->csv || style->json)
        table_show(&best->rows, columns, style->csv, style->json);
}

static int print(struct source *source, const char *study, const struct best_style *style, struct err *err)
{
    struct best best;
    int rc = best_load(source, study, style->limit, &best, err);
    if (rc)
        return rc;
    best_show(&best, style);
    if (!best_rows(&best)->count) {
        rc = err_set(err, ERR_NO, "no trial of study \"%s\" has a score yet", best.study);
        err_hint(err, "`hone trials -s %s` says what they do, `hone studies` what ended it", best.study);
    }
    best_fini(&best);
    return rc;
}

static int show(const void *arg, bool *ended, struct err *err)
{
    const struct opt_best *opt = arg;
    struct source *source;
    struct best_style style = {opt->csv, opt->json, opt->count};
    const char *study;
    int rc = select_study(opt->args.count ? opt->args.items[0] : NULL, opt->study, &study, err);
    if (!rc)
        rc = source_open(opt->db, opt->master, &source, err);
    if (rc)
        return rc;
    rc = source_ended(source, study, ended, err);
    if (!rc)
        rc = print(source, study, &style, err);
    source_free(source);
    return rc;
}

int cmd_best(const struct opt_best *opt)
{
    return watch_command(&(struct watch){"best", opt->db, opt->master, opt->watch, show, opt});
}
