/* A chart in characters: title, labels of the y axis, dots, names at the ends of lines, labels of the x axis, note. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/draw/chart.h"
#include "cli/draw/plane.h"
#include "cli/glyph.h"
#include "common/check.h"

enum {
    ROWS_LEAST = 6,
    PLANE_COLS_LEAST = 8,
    TEXT_ROWS = 3,
    LABEL_COLS = 12,
    NAME_COLS = 16,
    X_LABEL_GAP = 2
};

struct frame {
    const struct chart *chart;
    struct sheet *sheet;
    struct plane plane;
    int row, col, rows, cols; /* of the dots */
};

static const struct style plain = {0}, faint = {.face = FACE_FAINT};

/* Of 0 .. size - 1; what lies beyond is drawn at the end. -1: nowhere. */
static int pixel(const struct axis *axis, double v, int size)
{
    double place = axis_place(axis, v);
    if (isnan(place))
        return isnan(v) ? -1 : 0; // zero, on a log axis
    place = place < 0 ? 0 : place > 1 ? 1 : place;
    return (int)lround(place * (size - 1));
}

/* ---- axes ---- */

static int y_ticks(const struct frame *f, struct tick *ticks)
{
    return axis_ticks(&f->chart->y, (f->rows + 4) / 3, ticks);
}

static int label_cols(const struct tick *ticks, int count)
{
    int cols = 0;
    for (int i = 0; i < count; i++) {
        int width = (int)glyph_columns(ticks[i].text);
        cols = width > cols ? width : cols;
    }
    return cols > LABEL_COLS ? LABEL_COLS : cols;
}

static void draw_y(const struct frame *f, const struct tick *ticks, int count)
{
    for (int row = 0; row < f->rows; row++)
        sheet_put(f->sheet, f->row + row, f->col - 1, 1, faint, "│");
    sheet_put(f->sheet, f->row + f->rows, f->col - 1, 1, faint, "└");
    for (int i = 0; i < count; i++) {
        int row = f->row + f->rows - 1 - pixel(&f->chart->y, ticks[i].at, plane_height(&f->plane)) / 4;
        int width = (int)glyph_columns(ticks[i].text);
        width = width > LABEL_COLS ? LABEL_COLS : width;
        sheet_put(f->sheet, row, f->col - 2 - width, width, plain, ticks[i].text);
        sheet_put(f->sheet, row, f->col - 1, 1, faint, "┤");
    }
}

/* The most labels of which none touches another. */
static int x_ticks(const struct frame *f, struct tick *ticks)
{
    for (int most = AXIS_TICKS_MAX; most > 2; most--) {
        int count = axis_ticks(&f->chart->x, most, ticks), free_from = f->col - 4;
        bool fits = true;
        for (int i = 0; i < count; i++) {
            int width = (int)glyph_columns(ticks[i].text);
            int at = f->col + pixel(&f->chart->x, ticks[i].at, plane_width(&f->plane)) / 2 - width / 2;
            fits = fits && at >= free_from;
            free_from = at + width + X_LABEL_GAP;
        }
        if (fits)
            return count;
    }
    return axis_ticks(&f->chart->x, 2, ticks);
}

static void draw_x(const struct frame *f)
{
    struct tick ticks[AXIS_TICKS_MAX];
    int count = x_ticks(f, ticks), edge = f->col + f->cols;
    for (int col = 0; col < f->cols; col++)
        sheet_put(f->sheet, f->row + f->rows, f->col + col, 1, faint, "─");
    for (int i = 0; i < count; i++) {
        int width = (int)glyph_columns(ticks[i].text);
        int at = f->col + pixel(&f->chart->x, ticks[i].at, plane_width(&f->plane)) / 2;
        int from = at - width / 2 + width > edge + 1 ? edge + 1 - width : at - width / 2;
        sheet_put(f->sheet, f->row + f->rows, at, 1, faint, "┬");
        sheet_put(f->sheet, f->row + f->rows + 1, from, 0, plain, ticks[i].text);
    }
}

/* ---- what lies between ---- */

static void draw_rules(const struct frame *f)
{
    for (size_t i = 0; i < f->chart->rule_count; i++) {
        const struct rule *rule = &f->chart->rules[i];
        double place = axis_place(&f->chart->x, rule->at);
        if (!(place >= -1e-9 && place <= 1 + 1e-9))
            continue;
        int col = f->col + pixel(&f->chart->x, rule->at, plane_width(&f->plane)) / 2;
        for (int row = 0; row < f->rows; row++)
            sheet_put(f->sheet, f->row + row, col, 1, rule->was ? faint : plain, rule->was ? "┊" : "│");
    }
}

static void draw_series(struct frame *f, const struct series *s)
{
    int width = plane_width(&f->plane), height = plane_height(&f->plane), last_x = -1, last_y = -1;
    for (size_t i = 0; i < s->count; i++) {
        int x = pixel(&f->chart->x, s->x[i], width), y = pixel(&f->chart->y, s->y[i], height);
        if (x >= 0 && y >= 0) {
            plane_dot(&f->plane, x, y, s->style);
            if (s->kind == SERIES_LINE && last_x >= 0)
                plane_line(&f->plane, last_x, last_y, x, y, s->style);
            if (s->kind == SERIES_STEPS && last_x >= 0) {
                plane_line(&f->plane, last_x, last_y, x, last_y, s->style);
                plane_line(&f->plane, x, last_y, x, y, s->style);
            }
        }
        last_x = x >= 0 && y >= 0 ? x : -1;
        last_y = y;
    }
}

static bool is_taken(const struct frame *f, int row, int col)
{
    return strcmp(sheet_at(f->sheet, row, col)->text, " ") != 0;
}

/* Beside the last point, or in the nearest row that is free. */
static void draw_name(const struct frame *f, const struct series *s)
{
    int col = f->col + f->cols + 1;
    if (!s->name[0] || s->kind == SERIES_DOTS || !s->count || col >= f->sheet->cols)
        return;
    int y = pixel(&f->chart->y, s->y[s->count - 1], plane_height(&f->plane));
    int wanted = f->row + f->rows - 1 - (y < 0 ? 0 : y) / 4;
    for (int off = 0; off < 2 * f->rows; off++) {
        int row = wanted + (off % 2 ? (off + 1) / 2 : -off / 2);
        if (row < f->row || row >= f->row + f->rows || is_taken(f, row, col))
            continue;
        sheet_put(f->sheet, row, col, NAME_COLS, s->style, s->name);
        return;
    }
}

static int name_cols(const struct chart *chart)
{
    int cols = 0;
    for (size_t i = 0; i < chart->count; i++) {
        int width = chart->series[i].kind == SERIES_DOTS ? 0 : (int)glyph_columns(chart->series[i].name);
        cols = width > cols ? width : cols;
    }
    return cols > NAME_COLS ? NAME_COLS : cols;
}

/* Bytes of the text that fit, up to a blank if there is one; all of it where `last`, to be cut by who writes it. */
static size_t fitting(const char *text, int cols, bool last)
{
    char part[CHART_TITLE];
    size_t fits = 0;
    for (size_t len = 1; !last && len <= strlen(text) && len < sizeof part; len++) {
        if (text[len] != ' ' && text[len])
            continue;
        snprintf(part, sizeof part, "%.*s", (int)len, text);
        if ((int)glyph_columns(part) > cols)
            break;
        fits = len;
    }
    return fits ? fits : strlen(text);
}

/* Over `most` rows at most; how many. sheet NULL: only counted. */
static int put_text(struct sheet *sheet, int row, int col, int cols, int most, struct style style,
                    const char *text)
{
    int used = 0;
    for (; *text && used < most; used++) {
        char part[CHART_TITLE];
        size_t len = fitting(text, cols, used == most - 1);
        snprintf(part, sizeof part, "%.*s", (int)len, text);
        if (sheet)
            sheet_put(sheet, row + used, col, cols, style, part);
        text += len;
        text += strspn(text, " ");
    }
    return used;
}

void chart_onto(const struct chart *chart, struct sheet *sheet, int row, int col, int rows, int cols)
{
    struct frame f = {.chart = chart, .sheet = sheet};
    struct tick ticks[AXIS_TICKS_MAX];
    int most = rows < 2 * ROWS_LEAST ? 1 : TEXT_ROWS;
    int title = put_text(sheet, row, col, cols, most, (struct style){.face = FACE_BOLD}, chart->title);
    int note = put_text(NULL, 0, 0, cols, most, faint, chart->note);
    title = title ? title : 1;
    f.row = row + title;
    f.rows = rows - 2 - title - note;
    int count = y_ticks(&f, ticks), names = name_cols(chart);
    f.col = col + label_cols(ticks, count) + 2;
    f.cols = col + cols - f.col - (names ? names + 1 : 0) - 1;
    if (f.cols < PLANE_COLS_LEAST)
        f.cols = col + cols - f.col - 1; /* rather the lines than their names */
    if (rows < ROWS_LEAST || cols < CHART_COLS_LEAST || f.rows < 2 || f.cols < PLANE_COLS_LEAST)
        return;
    plane_init(&f.plane, f.rows, f.cols);
    draw_rules(&f);
    for (size_t i = 0; i < chart->count; i++)
        draw_series(&f, &chart->series[i]);
    plane_onto(&f.plane, sheet, f.row, f.col);
    draw_y(&f, ticks, count);
    draw_x(&f);
    for (size_t i = 0; i < chart->count; i++)
        draw_name(&f, &chart->series[i]);
    put_text(sheet, row + rows - note, col, cols, most, faint, chart->note);
    plane_fini(&f.plane);
}
