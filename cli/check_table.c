#include "cli/check_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/rows.h"
#include "cli/table.h"
#include "common/mem.h"

enum { INDENT = 18 }; /* what stands below a check's name begins where that does */

/* A reason may end with the last lines of a log: each stays a line. */
static void print_lines(const char *text)
{
    char *copy = xstrdup(text), *rest = NULL;
    int indent = 0;
    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        struct str clean = {0};
        table_clean(&clean, line, 0);
        printf("%*s%s\n", indent, "", str_text(&clean));
        str_fini(&clean);
        indent = INDENT + 2;
    }
    if (!indent)
        printf("\n");
    free(copy);
}

static void print_one(const struct check_result *result)
{
    struct str hint = {0};
    table_clean(&hint, result->hint, 0);
    printf("%-5s %-11s %s%s%s%s: ", result->gate, verdict_name(result->verdict), result->name,
           result->part[0] ? " (" : "", result->part, result->part[0] ? ")" : "");
    print_lines(result->text);
    if (hint.len)
        printf("%*s→ %s\n", INDENT, "", str_text(&hint));
    str_fini(&hint);
}

void check_table_print(const struct check_result *results, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print_one(&results[i]);
}

const char *check_table_gates(const struct json *trainer)
{
    if (json_get(trainer, "builtin"))
        return "gradient, initial loss, overfit, data, one epoch, determinism, resume";
    return "one epoch, determinism, kill and resume";
}

static double number_in(const struct rows *rows, size_t row, const char *column)
{
    const struct cell *cell = rows_named(rows, row, column);
    return cell->kind == CELL_NULL ? NAN : cell_num(cell);
}

static void take(char *out, size_t room, const struct rows *rows, size_t row, const char *column)
{
    const struct cell *cell = rows_named(rows, row, column);
    snprintf(out, room, "%s", cell->kind == CELL_NULL ? "" : cell_text(cell));
}

static void result_in(const struct rows *rows, size_t row, struct check_result *out)
{
    *out = (struct check_result){.value = number_in(rows, row, "value"),
                                 .expected = number_in(rows, row, "expected")};
    verdict_parse(cell_text(rows_named(rows, row, "verdict")), &out->verdict);
    take(out->gate, sizeof out->gate, rows, row, "gate");
    take(out->name, sizeof out->name, rows, row, "check");
    take(out->part, sizeof out->part, rows, row, "part");
    take(out->text, sizeof out->text, rows, row, "text");
    take(out->hint, sizeof out->hint, rows, row, "hint");
}

int check_table_of_study(struct source *source, const char *study, struct err *err)
{
    int good = 0;
    struct rows rows;
    int rc = source_run(source, "study_checks", (struct bind[]){BIND_TEXT(":study", study)}, 1, &rows, err);
    for (size_t row = 0; !rc && row < rows.count; row++) {
        struct check_result result;
        result_in(&rows, row, &result);
        if (result.verdict == VERDICT_SUSPICIOUS || result.verdict == VERDICT_WRONG)
            print_one(&result);
        else
            good += result.verdict != VERDICT_SKIPPED;
    }
    if (!rc && good)
        printf("      good        %d more: hone check STUDY.json shows them\n", good);
    if (!rc)
        rows_fini(&rows);
    return rc;
}
