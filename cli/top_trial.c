/* The page of one trial in hone top: what it is, its point, why it was proposed, its curve, findings and the end of its log. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/draw/chart.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/top.h"
#include "common/mem.h"

enum { CHART_LEAST = 8, FINDINGS_MOST = 3, LOG_LEAST = 3 };

static const struct style plain = {0}, bold = {.face = FACE_BOLD}, faint = {.face = FACE_FAINT};

static int put_head(const struct top *top, struct sheet *sheet)
{
    const struct rows *head = &top->head;
    char score[32];
    int at = sheet_putf(sheet, 0, 1, bold, "%s/%u", top->study, top->trial);
    at = sheet_putf(sheet, 0, at + 2, plain, "%s", first_text(head, "status"));
    if (*first_text(head, "cause"))
        at = sheet_putf(sheet, 0, at + 1, plain, "(%s)", first_text(head, "cause"));
    table_number(cell_num(rows_named(head, 0, "score")), score);
    if (rows_named(head, 0, "score")->kind != CELL_NULL)
        sheet_putf(sheet, 0, at + 2, plain, "%s %s at epoch %lld, rank %lld of %lld",
                   first_text(head, "metric"), score, (long long)first_int(head, "best_epoch"),
                   (long long)first_int(head, "rank"), (long long)first_int(head, "trials"));
    sheet_putf(sheet, 1, 1, plain, "epoch %lld of %lld, attempt %lld, proposed by %s%s%s",
               (long long)first_int(head, "epochs"), (long long)first_int(head, "length"),
               (long long)first_int(head, "attempts"), first_text(head, "sampler"),
               *first_text(head, "why") ? ": " : "", first_text(head, "why"));
    return 2;
}

/* As many parameters in a row as fit. */
static int put_params(const struct top *top, struct sheet *sheet, int y)
{
    int at = 1, rows = 1;
    for (size_t row = 0; row < top->params.count; row++) {
        const struct cell *value = rows_named(&top->params, row, "value");
        char number[32];
        struct str text = {0};
        table_number(cell_num(value), number);
        str_addf(&text, "%s ", cell_text(rows_named(&top->params, row, "name")));
        table_clean(&text, value->kind == CELL_TEXT ? value->text : number, 0);
        if (at > 1 && at + (int)text.len >= sheet->cols) {
            at = 1;
            rows++;
        }
        at = sheet_put(sheet, y + rows - 1, at, 0, plain, str_text(&text)) + 3;
        str_fini(&text);
    }
    return y + rows;
}

static void put_curve(const struct top *top, struct sheet *sheet, int y, int rows)
{
    struct chart chart = {0};
    double low, high;
    const char *metric = first_text(&top->head, "metric");
    struct series *line = chart_add(&chart, SERIES_LINE, (struct style){.hue = HUE_CYAN}, "");
    for (size_t row = 0; row < top->curve.count; row++)
        if (strcmp(cell_text(rows_named(&top->curve, row, "metric")), metric) == 0)
            series_point(line, cell_num(rows_named(&top->curve, row, "epoch")),
                         cell_num(rows_named(&top->curve, row, "value")), 0);
    snprintf(chart.title, sizeof chart.title, "%s by epoch", metric);
    if (chart_span_x(&chart, &low, &high)) {
        double length = (double)first_int(&top->head, "length");
        chart.x.is_whole = true;
        axis_set(&chart.x, AXIS_LINEAR, low, length > high ? length : high);
        if (!chart_span_y(&chart, &low, &high))
            low = 0, high = 1;
        axis_set(&chart.y, AXIS_LINEAR, low, high);
        axis_air(&chart.y, 0.05);
        chart_onto(&chart, sheet, y, 1, rows, sheet->cols - 2);
    } else {
        sheet_put(sheet, y, 1, 0, faint, "no epoch yet");
    }
    chart_fini(&chart);
}

static int put_findings(const struct top *top, struct sheet *sheet, int y)
{
    int count = top->findings.count > FINDINGS_MOST ? FINDINGS_MOST : (int)top->findings.count;
    for (int i = 0; i < count; i++) {
        size_t row = top->findings.count - (size_t)count + (size_t)i;
        sheet_putf(sheet, y + i, 1, (struct style){.hue = HUE_YELLOW}, "%s (epoch %lld): %s",
                   cell_text(rows_named(&top->findings, row, "rule")),
                   (long long)cell_int(rows_named(&top->findings, row, "epoch")),
                   cell_text(rows_named(&top->findings, row, "text")));
    }
    return y + count;
}

/* The end of a text that takes so many rows at most. */
static const char *last_rows(const char *text, int rows)
{
    int lines = 0;
    for (const char *c = text; *c; c++)
        lines += *c == '\n' || !c[1];
    for (; lines > rows; lines--)
        text += strcspn(text, "\n") + 1;
    return text;
}

static void put_log(const struct top *top, struct sheet *sheet, int y)
{
    int rows = sheet->rows - top_foot_rows(top, sheet->rows) - y - 1;
    if (rows < 1)
        return;
    const char *none = top->log_awaited ? "LOG  asking the master"
                                        : "LOG  nothing was printed, or it is with a worker who has gone";
    sheet_put(sheet, y, 1, 0, bold, top->log ? "LOG" : none);
    for (const char *line = last_rows(top->log ? top->log : "", rows); *line;) {
        size_t len = strcspn(line, "\n");
        char *text = xstrndup(line, len);
        sheet_put(sheet, ++y, 1, 0, plain, text);
        free(text);
        line += len + (line[len] == '\n');
    }
}

void top_trial_sheet(const struct top *top, struct sheet *sheet)
{
    if (!top->head.count)
        return;
    int y = put_params(top, sheet, put_head(top, sheet)) + 1;
    int left = sheet->rows - y - LOG_LEAST - 1,
        chart = left * 2 / 3 < CHART_LEAST ? CHART_LEAST : left * 2 / 3;
    if (left >= CHART_LEAST) {
        put_curve(top, sheet, y, chart);
        y += chart;
    }
    y = put_findings(top, sheet, y);
    put_log(top, sheet, y);
    top_foot(top, sheet, faint,
             top->may_change ? "j k next trial  c cancel  q back" : "j k next trial  q back");
}
