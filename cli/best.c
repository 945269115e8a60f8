#include "cli/best.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "common/check.h"
#include "common/mem.h"

int study_params(struct source *source, const char *study, struct text_list *out, struct err *err)
{
    struct rows rows;
    int rc = source_run(source, "space", (struct bind[]){BIND_TEXT(":study", study)}, 1, &rows, err);
    if (rc)
        return rc;
    for (size_t row = 0; row < rows.count; row++)
        text_list_add(out, xstrdup(cell_text(rows_named(&rows, row, "name"))));
    rows_fini(&rows);
    return 0;
}

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

int best_rows(struct source *source, const char *study, int64_t limit, struct rows *out, struct err *err)
{
    struct text_list params = {0};
    struct rows found;
    struct bind binds[] = {BIND_TEXT(":study", study), BIND_INT(":limit", limit ? limit : -1)};
    int rc = study_params(source, study, &params, err);
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

static int print_study(struct source *source, const struct rows *head, const struct best_style *style,
                       struct err *err)
{
    const char *study = cell_text(rows_named(head, 0, "study")),
               *metric = cell_text(rows_named(head, 0, "metric"));
    const struct column columns[] = {{"score", COLUMN_PLAIN, metric},
                                     {"seconds", COLUMN_SECONDS, "took"},
                                     {"best_epoch", COLUMN_PLAIN, "at"},
                                     {0}};
    struct rows rows;
    int rc = best_rows(source, study, style->limit, &rows, err);
    if (rc)
        return rc;
    if (rows.count || style->csv || style->json)
        table_show(&rows, columns, style->csv, style->json);
    if (!rows.count) {
        rc = err_set(err, ERR_NO, "no trial of study \"%s\" has a score yet", study);
        err_hint(err, "`hone trials -s %s` says what they do", study);
    }
    rows_fini(&rows);
    return rc;
}

int best_print(struct source *source, const char *study, const struct best_style *style, struct err *err)
{
    struct rows head;
    int rc = source_study(source, study, &head, err);
    if (rc)
        return rc;
    rc = print_study(source, &head, style, err);
    rows_fini(&head);
    return rc;
}

int cmd_best(const struct opt_best *opt)
{
    struct err err = ERR_NONE;
    struct source *source;
    struct best_style style = {opt->csv, opt->json, opt->count};
    int rc = source_open(opt->db, opt->master, &source, &err);
    if (!rc) {
        rc = best_print(source, opt->args.count ? opt->args.items[0] : opt->study, &style, &err);
        source_free(source);
    }
    return rc ? command_fail("best", &err) : 0;
}
