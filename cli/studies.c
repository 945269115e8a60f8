/* studies, workers, sql: rows of the database as they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/remote.h"
#include "cli/rows.h"
#include "cli/source.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/str.h"
#include "sql/doing.h"

/* Runs a named statement on a fresh source. */
static int read_rows(const char *db, const char *master, const char *name, struct rows *out, struct err *err)
{
    struct source *source;
    int rc = source_open(db, master, &source, err);
    if (rc)
        return rc;
    rc = source_run(source, name, NULL, 0, out, err);
    source_free(source);
    return rc;
}

static void print_names(const struct rows *rows, const char *column)
{
    for (size_t row = 0; row < rows->count; row++)
        puts(cell_text(rows_named(rows, row, column)));
}

/* ---- studies ---- */

/* What a person wants to know is whether it has ended; the wish is only what was asked for. */
static void wish_to_state(struct rows *rows)
{
    int wish = rows_find(rows, "wish");
    for (size_t row = 0; wish >= 0 && row < rows->count; row++) {
        struct cell *cell = &rows->cells[row * (size_t)rows->cols + (size_t)wish];
        char *word = xstrdup(study_doing(rows, row));
        free(cell->text);
        cell->text = word;
    }
}

static bool goes_on(const struct rows *rows)
{
    bool any = false;
    for (size_t row = 0; row < rows->count; row++)
        any = any || (!*cell_text(rows_named(rows, row, "end_reason")) &&
                      !*cell_text(rows_named(rows, row, "unreadable")));
    return any;
}

/* Below the table: a column is no place for a sentence. */
static void tell_unreadable(const struct rows *rows)
{
    struct str text = {0};
    for (size_t row = 0; row < rows->count; row++) {
        const char *why = cell_text(rows_named(rows, row, "unreadable"));
        if (!*why)
            continue;
        str_clear(&text);
        table_clean(&text, why, 0);
        fprintf(stderr, "study \"%s\" is unreadable: %s\n", cell_text(rows_named(rows, row, "study")),
                str_text(&text));
    }
    str_fini(&text);
}

static int show_studies(const void *arg, bool *ended, struct err *err)
{
    const struct opt_studies *opt = arg;
    static const struct column columns[] = {
        {"wish", COLUMN_PLAIN, "state"},        {"end_reason", COLUMN_IF_ANY, "ended by"},
        {"checks", COLUMN_DATA_ONLY, NULL},     {"waiting", COLUMN_IF_ANY, NULL},
        {"paused", COLUMN_IF_ANY, NULL},        {"pruned", COLUMN_IF_ANY, NULL},
        {"failed", COLUMN_IF_ANY, NULL},        {"cancelled", COLUMN_IF_ANY, NULL},
        {"best_score", COLUMN_PLAIN, "best"},   {"best_trial", COLUMN_PLAIN, "trial"},
        {"created_at", COLUMN_DATA_ONLY, NULL}, {"started_at", COLUMN_DATA_ONLY, NULL},
        {"ended_at", COLUMN_DATA_ONLY, NULL},   {"wall_seconds", COLUMN_SECONDS, "took"},
        {"goal", COLUMN_DATA_ONLY, NULL},       {"slot_seconds", COLUMN_DATA_ONLY, NULL},
        {"unreadable", COLUMN_DATA_ONLY, NULL}, {0}};
    struct rows rows;
    int rc = read_rows(opt->db, opt->master, "studies", &rows, err);
    if (rc)
        return rc;
    *ended = !goes_on(&rows);
    if (opt->quiet) {
        print_names(&rows, "study");
    } else if (!rows.count && !opt->csv && !opt->json) {
        fprintf(stderr, "no studies yet; `hone run STUDY.json` makes one\n");
    } else {
        if (!opt->csv && !opt->json)
            wish_to_state(&rows);
        table_show(&rows, columns, opt->csv, opt->json);
        if (!opt->csv && !opt->json)
            tell_unreadable(&rows);
        if (!opt->csv && !opt->json && !opt->master && goes_on(&rows) && !master_there(opt->db))
            fprintf(
                stderr,
                "no master is running: hone run STUDY.json or hone master goes on with what has not ended\n");
    }
    rows_fini(&rows);
    return 0;
}

int cmd_studies(const struct opt_studies *opt)
{
    return watch_command(&(struct watch){"studies", opt->db, opt->master, opt->watch, show_studies, opt});
}

/* ---- workers ---- */

static bool is_here(const struct rows *rows, size_t row, void *arg)
{
    (void)arg;
    return rows_named(rows, row, "left_ms")->kind == CELL_NULL;
}

static int drain(const struct opt_workers *opt)
{
    struct err err = ERR_NONE;
    struct msg_answer answer;
    if (opt->args.count != 2 || strcmp(opt->args.items[0], "drain") != 0) {
        err_set(&err, ERR_BAD, "\"%.60s\" is one argument too many", opt->args.items[0]);
        err_hint(&err, "hone workers, or hone workers drain NAME|HOST");
        return command_fail("workers", &err);
    }
    struct json *args =
        json_parse(opt->finish ? "{\"finish\":true}" : "{}", opt->finish ? 15 : 2, "args", NULL);
    json_put_text(args, "worker", opt->args.items[1]);
    int rc = master_call(opt->db, opt->master, "drain", args, &answer, &err);
    json_free(args);
    if (rc)
        return command_fail("workers", &err);
    double stopped = json_num(json_get(answer.result, "stopped"));
    printf("%.0f drained, %.0f trial%s after the epoch\n", json_num(json_get(answer.result, "drained")),
           stopped, stopped == 1 ? " stops" : "s stop");
    answer_fini(&answer);
    return 0;
}

static int show_workers(const void *arg, bool *ended, struct err *err)
{
    const struct opt_workers *opt = arg;
    static const struct column columns[] = {{"gpus", COLUMN_IF_ANY, NULL},
                                            {"gpus_out", COLUMN_IF_ANY, "fail"},
                                            {"joined_ms", COLUMN_TIME_MS, "joined"},
                                            {"left_ms", COLUMN_DATA_ONLY, NULL},
                                            {"joined_at", COLUMN_DATA_ONLY, NULL},
                                            {"left_at", COLUMN_DATA_ONLY, NULL},
                                            {"left_why", COLUMN_IF_ANY, "left"},
                                            {"platform", COLUMN_DATA_ONLY, NULL},
                                            {"failed", COLUMN_IF_ANY, NULL},
                                            {"failed_in_row", COLUMN_IF_ANY, "in a row"},
                                            {0}};
    struct rows rows, studies = {0};
    int rc = opt->watch ? read_rows(opt->db, opt->master, "studies", &studies, err) : 0;
    if (!rc)
        rc = read_rows(opt->db, opt->master, "workers", &rows, err);
    *ended = !goes_on(&studies);
    rows_fini(&studies);
    if (rc)
        return rc;
    if (!opt->all)
        rows_filter(&rows, is_here, NULL);
    if (!rows.count && !opt->csv && !opt->json)
        fprintf(stderr, opt->all ? "no worker was ever here\n"
                                 : "no worker is here now; --all shows those that left\n");
    else
        table_show(&rows, columns, opt->csv, opt->json);
    if (!opt->csv && !opt->json && !opt->master && rows.count && !master_there(opt->db))
        fprintf(stderr, "no master is running: they were connected to the last one\n");
    rows_fini(&rows);
    return 0;
}

int cmd_workers(const struct opt_workers *opt)
{
    if (opt->args.count)
        return drain(opt);
    return watch_command(&(struct watch){"workers", opt->db, opt->master, opt->watch, show_workers, opt});
}

/* ---- sql ---- */

int cmd_sql(const struct opt_sql *opt)
{
    enum { SQL_MAX_BYTES = 1 << 20 };
    struct err err = ERR_NONE;
    struct source *source = NULL;
    struct str text = {0};
    struct rows rows;
    int rc = 0;
    if (strcmp(opt->args.items[0], "-") == 0)
        rc = file_read("-", SQL_MAX_BYTES, &text, &err);
    else
        str_add(&text, opt->args.items[0]);
    if (!rc)
        rc = source_open(opt->db, opt->master, &source, &err);
    if (!rc)
        rc = source_sql(source, str_text(&text), (size_t)opt->count, &rows, &err);
    if (!rc) {
        table_show(&rows, NULL, opt->csv, opt->json);
        rows_fini(&rows);
    }
    source_free(source);
    str_fini(&text);
    return rc ? command_fail("sql", &err) : 0;
}
