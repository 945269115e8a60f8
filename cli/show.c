/* show: all about one trial. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/curve.h"
#include "cli/draw/status_style.h"
#include "cli/glyph.h"
#include "cli/log_tail.h"
#include "cli/rows.h"
#include "cli/select.h"
#include "cli/source.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "sql/row_json.h"

enum { CURVE_ROWS = 20, SPARK_WIDTH = 60, VALUE_WIDTH = 24 };

struct shown {
    struct rows head, params, attempts, curve, events, checkpoints, findings, lineage;
};

static const char *const statements[] = {"trial_head",     "trial_params", "trial_attempts",
                                         "trial_curve",    "trial_events", "trial_checkpoints",
                                         "trial_findings", "trial_lineage"};

static struct rows *part(struct shown *shown, size_t i)
{
    struct rows *parts[] = {&shown->head,   &shown->params,      &shown->attempts, &shown->curve,
                            &shown->events, &shown->checkpoints, &shown->findings, &shown->lineage};
    return parts[i];
}

static int load(struct source *source, const char *study, uint32_t trial, struct shown *out, struct err *err)
{
    struct bind binds[] = {BIND_TEXT(":study", study), BIND_INT(":trial", trial)};
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        int rc = source_run(source, statements[i], binds, 2, part(out, i), err);
        if (rc)
            return rc;
    }
    return 0;
}

static void shown_fini(struct shown *shown)
{
    for (size_t i = 0; i < COUNT_OF(statements); i++)
        rows_fini(part(shown, i));
}

/* ---- for people ---- */

static void print_head(const struct rows *head)
{
    const char *status = first_text(head, "status");
    struct str shown = {0};
    status_text(terminal_colour(stdout) ? status : "", status, &shown);
    printf("%s/%lld  %s", first_text(head, "study"), (long long)first_int(head, "trial"), str_text(&shown));
    str_fini(&shown);
    if (*first_text(head, "cause"))
        printf(" (%s)", first_text(head, "cause"));
    const struct cell *score = rows_named(head, 0, "score");
    if (score->kind != CELL_NULL) {
        char number[32];
        table_number(cell_num(score), number);
        printf("  %s %s at epoch %lld, rank %lld of %lld", first_text(head, "metric"), number,
               (long long)first_int(head, "best_epoch"), (long long)first_int(head, "rank"),
               (long long)first_int(head, "trials"));
    }
    printf("\nepoch %lld of %lld, seed %lld, proposed by %s", (long long)first_int(head, "epochs"),
           (long long)first_int(head, "length"), (long long)first_int(head, "seed"),
           first_text(head, "sampler"));
    printf(*first_text(head, "why") ? ": %s\n" : "\n", first_text(head, "why"));
}

static void print_part(const char *title, const struct rows *rows, const struct column *columns)
{
    if (!rows->count)
        return;
    printf("\n%s\n", title);
    table_show_part(rows, columns);
}

/* What an attempt left for people: often the last lines of its log. */
static void print_detail(const struct rows *attempts, size_t row)
{
    const char *detail = cell_text(rows_named(attempts, row, "detail"));
    if (!*detail)
        return;
    printf("attempt %lld:\n", (long long)cell_int(rows_named(attempts, row, "attempt")));
    while (*detail) {
        struct str line = {0};
        char *raw = xstrndup(detail, strcspn(detail, "\n"));
        table_clean(&line, raw, 0);
        printf("    %s\n", str_text(&line));
        detail += strlen(raw);
        detail += *detail == '\n';
        free(raw);
        str_fini(&line);
    }
}

static void print_params(const struct rows *params)
{
    if (!params->count)
        return;
    printf("\nParameters\n");
    for (size_t row = 0; row < params->count; row++) {
        char number[32];
        struct str text = {0};
        const struct cell *value = rows_named(params, row, "value");
        num_text(cell_num(value), number);
        table_clean(&text, value->kind == CELL_TEXT ? value->text : number, 0);
        int room = VALUE_WIDTH - (int)glyph_columns(str_text(&text));
        printf("%-20s %s%*s %s\n", cell_text(rows_named(params, row, "name")), str_text(&text),
               room > 0 ? room : 0, "", cell_text(rows_named(params, row, "definition")));
        str_fini(&text);
    }
}

static void print_curve(const struct rows *curve, const char *metric)
{
    if (!curve->count)
        return;
    struct rows table;
    struct str spark = {0};
    curve_table(curve, metric, &table);
    double *values = xcalloc(table.count, sizeof *values);
    for (size_t row = 0; row < table.count; row++)
        values[row] = cell_num(rows_cell(&table, row, 1));
    curve_spark(values, table.count, SPARK_WIDTH, &spark);
    printf("\nCurve of %s\n%s\n", metric, str_text(&spark));
    curve_thin(&table, CURVE_ROWS);
    table_show_part(&table, (struct column[]){{"attempt", COLUMN_DATA_ONLY, NULL}, {0}});
    str_fini(&spark);
    free(values);
    rows_fini(&table);
}

static void print_log(const struct shown *shown, const char *db)
{
    if (!shown->attempts.count)
        return;
    char *path = log_of_attempt(db, first_text(&shown->head, "study"), first_int(&shown->head, "trial"),
                                first_int(&shown->head, "attempts"));
    printf("\nLog\n%s%s\n", path,
           file_exists(path) ? "" : "  (not here: nothing was printed, or it is on the worker)");
    free(path);
}

static void print_text(const struct shown *shown, const char *db)
{
    static const struct column attempts[] = {{"started_ms", COLUMN_TIME_MS, "started"},
                                             {"ended_ms", COLUMN_DATA_ONLY, NULL},
                                             {"seconds", COLUMN_SECONDS, "took"},
                                             {"from_epoch", COLUMN_IF_ANY, NULL},
                                             {"cause", COLUMN_IF_ANY, NULL},
                                             {"detail", COLUMN_DATA_ONLY, NULL},
                                             {0}};
    static const struct column events[] = {{"seq", COLUMN_DATA_ONLY, NULL},
                                           {"at_ms", COLUMN_TIME_MS, "at"},
                                           {"from_status", COLUMN_PLAIN, "from"},
                                           {"to_status", COLUMN_PLAIN, "to"},
                                           {"cause", COLUMN_IF_ANY, NULL},
                                           {"detail", COLUMN_IF_ANY, NULL},
                                           {0}};
    static const struct column checkpoints[] = {{"bytes", COLUMN_BYTES, "size"},
                                                {"hash", COLUMN_DATA_ONLY, NULL},
                                                {"created_ms", COLUMN_DATA_ONLY, NULL},
                                                {0}};
    static const struct column lineage[] = {{"attempt", COLUMN_IF_ANY, NULL},
                                            {"path", COLUMN_IF_ANY, "checkpoint"},
                                            {"other", COLUMN_DATA_ONLY, NULL},
                                            {0}};
    print_head(&shown->head);
    print_params(&shown->params);
    print_part("Lineage", &shown->lineage, lineage);
    print_part("Attempts", &shown->attempts, attempts);
    for (size_t row = 0; row < shown->attempts.count; row++)
        print_detail(&shown->attempts, row);
    print_curve(&shown->curve, first_text(&shown->head, "metric"));
    print_part("Findings", &shown->findings, NULL);
    print_part("Events", &shown->events, events);
    print_part("Checkpoints", &shown->checkpoints, checkpoints);
    print_log(shown, db);
}

/* ---- for programs ---- */

static void print_json(const struct shown *shown)
{
    struct str out = {0};
    struct rows curve;
    struct jw w = jw_to(&out);
    curve_table(&shown->curve, first_text(&shown->head, "metric"), &curve);
    jw_object(&w, NULL);
    row_json(&w, "trial", &shown->head, 0);
    jw_object(&w, "params");
    for (size_t row = 0; row < shown->params.count; row++) {
        const char *name = cell_text(rows_named(&shown->params, row, "name"));
        cell_json(&w, name, rows_named(&shown->params, row, "value"));
    }
    jw_close_object(&w);
    rows_json(&w, "lineage", &shown->lineage);
    rows_json(&w, "attempts", &shown->attempts);
    rows_json(&w, "curve", &curve);
    rows_json(&w, "findings", &shown->findings);
    rows_json(&w, "events", &shown->events);
    rows_json(&w, "checkpoints", &shown->checkpoints);
    jw_close_object(&w);
    printf("%s\n", str_text(&out));
    rows_fini(&curve);
    str_fini(&out);
}

/* ---- which ---- */

static int show_one(struct source *source, const char *study, uint32_t trial, const struct opt_show *opt,
                    struct err *err)
{
    struct shown shown = {0};
    int rc = load(source, study, trial, &shown, err);
    if (!rc && opt->json)
        print_json(&shown);
    else if (!rc)
        print_text(&shown, opt->db);
    shown_fini(&shown);
    return rc;
}

int cmd_show(const struct opt_show *opt)
{
    struct err err = ERR_NONE;
    struct source *source = NULL;
    char *study = NULL;
    uint32_t trial = 0;
    int rc = source_open(opt->db, opt->master, &source, &err);
    if (!rc)
        rc = select_trial(source, opt->args.count ? opt->args.items[0] : NULL, opt->study, &study, &trial,
                          &err);
    if (!rc)
        rc = show_one(source, study, trial, opt, &err);
    free(study);
    source_free(source);
    return rc ? command_fail("show", &err) : 0;
}
