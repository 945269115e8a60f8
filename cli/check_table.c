#include "cli/check_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/rows.h"
#include "cli/table.h"
#include "common/check.h"
#include "common/mem.h"

static void print_one(const struct check_result *result)
{
    struct str text = {0}, hint = {0};
    table_clean(&text, result->text, 0);
    table_clean(&hint, result->hint, 0);
    printf("%-5s %-11s %s%s%s%s: %s\n", result->gate, verdict_name(result->verdict), result->name,
           result->part[0] ? " (" : "", result->part, result->part[0] ? ")" : "", str_text(&text));
    if (hint.len)
        printf("%17s → %s\n", "", str_text(&hint));
    str_fini(&text);
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
    struct rows rows;
    int rc = source_run(source, "study_checks", (struct bind[]){BIND_TEXT(":study", study)}, 1, &rows, err);
    for (size_t row = 0; !rc && row < rows.count; row++) {
        struct check_result result;
        result_in(&rows, row, &result);
        print_one(&result);
    }
    if (!rc)
        rows_fini(&rows);
    return rc;
}
