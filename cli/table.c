#include "cli/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/draw/status_style.h"
#include "cli/glyph.h"
#include "cli/terminal.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/units.h"
#include "sql/row_json.h"

enum { GAP = 2, TEXT_MIN = 8, HEADER_MIN = 4, KEPT_COLUMNS = 3 };

/* csv and json as the user asked; width and colour if `file` is a terminal (NO_COLOR, COLUMNS). */
static struct table_style style_for(bool csv, bool json, FILE *file)
{
    enum table_format format = csv ? TABLE_CSV : json ? TABLE_JSON : TABLE_TEXT;
    bool colour = format == TABLE_TEXT && terminal_colour(file);
    return (struct table_style){.format = format, .width = terminal_width(file), .colour = colour};
}

/* ---- text ---- */

void table_clean(struct str *out, const char *text, size_t max_columns)
{
    bool is_cut = max_columns && glyph_columns(text) > max_columns;
    size_t left = is_cut ? max_columns - 1 : SIZE_MAX;
    for (struct glyph g = glyph_at(text); g.bytes; text += g.bytes, g = glyph_at(text)) {
        if (g.columns > left)
            break;
        left -= g.columns;
        if (g.is_control)
            str_addc(out, '?');
        else
            str_addn(out, text, g.bytes);
    }
    str_add(out, is_cut ? "…" : "");
}

void table_number(double value, char out[32])
{
    if (isnan(value))
        snprintf(out, 32, "-");
    else
        snprintf(out, 32, fabs(value) >= 1e3 && fabs(value) < 1e9 ? "%.0f" : "%.4g", value + 0.0); /* no -0 */
}

static void time_text(int64_t ms, struct str *out)
{
    char iso[32];
    clock_iso(ms, iso);
    iso[10] = ' ';
    str_addn(out, iso, 19);
}

static void cell_text_into(const struct cell *cell, enum column_kind kind, struct str *out)
{
    char text[32];
    if (cell->kind == CELL_NULL) {
        str_add(out, "-");
    } else if (cell->kind == CELL_TEXT) {
        table_clean(out, cell->text, 0);
    } else if (kind == COLUMN_TIME_MS) {
        time_text(cell_int(cell), out);
    } else if (kind == COLUMN_DURATION_MS || kind == COLUMN_SECONDS) {
        duration_text((int64_t)(cell_num(cell) * (kind == COLUMN_SECONDS ? 1000 : 1)), text);
        str_add(out, text);
    } else if (kind == COLUMN_BYTES) {
        size_text(cell_int(cell), text);
        str_add(out, text);
    } else if (cell->kind == CELL_INT) {
        str_addf(out, "%lld", (long long)cell->integer);
    } else {
        table_number(cell->number, text);
        str_add(out, text);
    }
}

/* ---- layout ---- */

struct layout_column {
    const char *title;
    int source; /* column of the rows */
    enum column_kind kind;
    bool number;        /* every cell is a number or null */
    size_t whole, rest; /* width before the decimal point, and from it on */
    size_t width;       /* of cells and header, as printed */
    char **cells;
};

struct layout {
    struct layout_column *columns;
    int count;
    size_t rows;
    struct str left_out; /* titles of columns that did not fit */
    int left_out_count;
};

static const struct column *column_of(const struct column *columns, const char *name)
{
    for (; columns && columns->name; columns++)
        if (strcmp(columns->name, name) == 0)
            return columns;
    return NULL;
}

static size_t whole_part(const char *text)
{
    return strcspn(text, ".e");
}

static void measure(struct layout_column *column, const char *text)
{
    if (!column->number) {
        size_t width = glyph_columns(text);
        column->whole = width > column->whole ? width : column->whole;
        return;
    }
    size_t whole = whole_part(text), rest = strlen(text) - whole;
    column->whole = whole > column->whole ? whole : column->whole;
    column->rest = rest > column->rest ? rest : column->rest;
}

static void column_fill(struct layout_column *column, const struct rows *rows)
{
    column->cells = xcalloc(rows->count + 1, sizeof *column->cells);
    column->number = true;
    for (size_t r = 0; r < rows->count; r++) {
        const struct cell *cell = rows_cell(rows, r, column->source);
        column->number = column->number && cell->kind != CELL_TEXT;
    }
    bool on_point = column->kind == COLUMN_PLAIN ||
                    column->kind == COLUMN_IF_ANY; // "2h 30m" has a rest, but no decimal point
    for (size_t r = 0; r < rows->count; r++) {
        struct str text = {0};
        cell_text_into(rows_cell(rows, r, column->source), column->kind, &text);
        column->cells[r] = str_take(&text);
        if (on_point || !column->number)
            measure(column, column->cells[r]);
        else if (glyph_columns(column->cells[r]) > column->whole)
            column->whole = glyph_columns(column->cells[r]);
    }
    size_t cells = column->whole + column->rest, title = glyph_columns(column->title);
    column->width = cells > title ? cells : title;
}

static bool is_hidden(const struct rows *rows, int col, enum column_kind kind)
{
    if (kind != COLUMN_IF_ANY)
        return kind == COLUMN_DATA_ONLY;
    for (size_t r = 0; r < rows->count; r++) {
        const struct cell *cell = rows_cell(rows, r, col);
        if (cell->kind == CELL_TEXT || (cell->kind != CELL_NULL && cell_num(cell) != 0))
            return false;
    }
    return true;
}

static void layout_init(struct layout *layout, const struct rows *rows, const struct column *columns)
{
    *layout = (struct layout){.columns = xcalloc((size_t)rows->cols + 1, sizeof *layout->columns),
                              .rows = rows->count};
    for (int c = 0; c < rows->cols; c++) {
        const struct column *known = column_of(columns, rows->names[c]);
        if (known && is_hidden(rows, c, known->kind))
            continue;
        struct layout_column *column = &layout->columns[layout->count++];
        column->source = c;
        column->kind = known ? known->kind : COLUMN_PLAIN;
        column->title = known && known->title ? known->title : rows->names[c];
        column_fill(column, rows);
    }
}

static void column_fini(struct layout_column *column, size_t rows)
{
    for (size_t r = 0; r < rows; r++)
        free(column->cells[r]);
    free(column->cells);
}

static void layout_fini(struct layout *layout)
{
    for (int c = 0; c < layout->count; c++)
        column_fini(&layout->columns[c], layout->rows);
    free(layout->columns);
    str_fini(&layout->left_out);
}

static size_t layout_width(const struct layout *layout)
{
    size_t width = layout->count ? (size_t)(layout->count - 1) * GAP : 0;
    for (int c = 0; c < layout->count; c++)
        width += layout->columns[c].width;
    return width;
}

/* Digits are never cut; titles and texts are. */
static size_t column_least(const struct layout_column *column)
{
    size_t cells = column->whole + column->rest;
    if (!column->number && cells > TEXT_MIN)
        cells = TEXT_MIN;
    return cells > HEADER_MIN ? cells : HEADER_MIN;
}

static size_t layout_least(const struct layout *layout)
{
    size_t width = layout->count ? (size_t)(layout->count - 1) * GAP : 0;
    for (int c = 0; c < layout->count; c++)
        width += column_least(&layout->columns[c]);
    return width;
}

static bool narrow_one(struct layout *layout)
{
    struct layout_column *widest = NULL;
    for (int c = 0; c < layout->count; c++) {
        struct layout_column *column = &layout->columns[c];
        if (column->width > column_least(column) && (!widest || column->width > widest->width))
            widest = column;
    }
    if (widest)
        widest->width--;
    return widest;
}

static void leave_out_last(struct layout *layout)
{
    struct layout_column *last = &layout->columns[--layout->count];
    struct str titles = {0};
    str_addf(&titles, "%s%s%s", last->title, layout->left_out.len ? ", " : "", str_text(&layout->left_out));
    str_fini(&layout->left_out);
    layout->left_out = titles;
    layout->left_out_count++;
    column_fini(last, layout->rows);
}

/* Whole columns go first, so that what stays keeps its titles if it can. */
static void layout_fit(struct layout *layout, size_t width)
{
    while (layout_least(layout) > width && layout->count > KEPT_COLUMNS)
        leave_out_last(layout);
    while (layout_width(layout) > width && narrow_one(layout))
        ;
}

static void pad(struct str *out, size_t count)
{
    while (count--)
        str_addc(out, ' ');
}

static void print_cell(const struct layout_column *column, const char *text, bool last, bool colour,
                       struct str *out)
{
    if (column->number) {
        size_t rest = column->rest;
        size_t whole = column->rest ? whole_part(text) : glyph_columns(text);
        size_t used = column->rest ? rest : 0;
        pad(out, column->width - used - whole);
        str_add(out, text);
        pad(out, last || !used ? 0 : rest - (strlen(text) - whole));
        return;
    }
    struct str shown = {0};
    table_clean(&shown, text, column->width);
    size_t used = glyph_columns(str_text(&shown)); /* a wide one that was cut leaves a column free */
    status_text(colour ? text : "", str_text(&shown), out);
    pad(out, last ? 0 : column->width - used);
    str_fini(&shown);
}

static void print_header(const struct layout *layout, const struct table_style *style, struct str *out)
{
    str_add(out, style->colour ? "\033[1m" : "");
    for (int c = 0; c < layout->count; c++) {
        const struct layout_column *column = &layout->columns[c];
        size_t len = glyph_columns(column->title), width = len > column->width ? column->width : len;
        pad(out, c ? GAP : 0);
        pad(out, column->number ? column->width - width : 0);
        table_clean(out, column->title, column->width);
        pad(out, column->number || c == layout->count - 1 ? 0 : column->width - width);
    }
    str_add(out, style->colour ? "\033[0m\n" : "\n");
}

/* By name where there is room for that. */
static void print_left_out(const struct layout *layout, const struct table_style *style, struct str *out)
{
    const char *in_full = style->in_full ? style->in_full : "--csv";
    struct str note = {0};
    str_addf(&note, "(too narrow for %s; %s prints all)", str_text(&layout->left_out), in_full);
    if (glyph_columns(str_text(&note)) > (size_t)style->width) {
        str_clear(&note);
        str_addf(&note, "(%d more columns: %s)", layout->left_out_count, in_full);
    }
    table_clean(out, str_text(&note), (size_t)style->width);
    str_addc(out, '\n');
    str_fini(&note);
}

static void print_text(const struct rows *rows, const struct column *columns, const struct table_style *style,
                       struct str *out)
{
    struct layout layout;
    layout_init(&layout, rows, columns);
    if (style->width)
        layout_fit(&layout, (size_t)style->width);
    print_header(&layout, style, out);
    for (size_t r = 0; r < layout.rows; r++) {
        for (int c = 0; c < layout.count; c++) {
            bool last = c == layout.count - 1;
            pad(out, c ? GAP : 0);
            print_cell(&layout.columns[c], layout.columns[c].cells[r], last, style->colour, out);
        }
        str_addc(out, '\n');
    }
    if (layout.left_out_count) {
        print_left_out(&layout, style, out);
    }
    layout_fini(&layout);
}

/* ---- for programs ---- */

static void csv_text(struct str *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        str_add(out, text);
        return;
    }
    str_addc(out, '"');
    for (; *text; text++) {
        if (*text == '"')
            str_addc(out, '"');
        str_addc(out, *text);
    }
    str_addc(out, '"');
}

static void csv_cell(struct str *out, const struct cell *cell)
{
    if (cell->kind == CELL_INT)
        str_addf(out, "%lld", (long long)cell->integer);
    else if (cell->kind == CELL_NUM && isfinite(cell->number))
        str_add_num(out, cell->number);
    else if (cell->kind == CELL_TEXT)
        csv_text(out, cell->text);
}

static void print_csv(const struct rows *rows, struct str *out)
{
    for (int c = 0; c < rows->cols; c++) {
        str_add(out, c ? "," : "");
        csv_text(out, rows->names[c]);
    }
    str_addc(out, '\n');
    for (size_t r = 0; r < rows->count; r++) {
        for (int c = 0; c < rows->cols; c++) {
            str_add(out, c ? "," : "");
            csv_cell(out, rows_cell(rows, r, c));
        }
        str_addc(out, '\n');
    }
}

static void print_json(const struct rows *rows, struct str *out)
{
    str_addc(out, '[');
    for (size_t r = 0; r < rows->count; r++) {
        str_add(out, r ? ",\n " : "\n ");
        struct jw w = jw_to(out);
        row_json(&w, NULL, rows, r);
    }
    str_add(out, rows->count ? "\n]\n" : "]\n");
}

void table_print(const struct rows *rows, const struct column *columns, const struct table_style *style,
                 struct str *out)
{
    switch (style->format) {
    case TABLE_TEXT: print_text(rows, columns, style, out); return;
    case TABLE_CSV: print_csv(rows, out); return;
    case TABLE_JSON: print_json(rows, out); return;
    }
    UNREACHABLE();
}

static void show(const struct rows *rows, const struct column *columns, const struct table_style *style)
{
    struct str out = {0};
    table_print(rows, columns, style, &out);
    fwrite(str_text(&out), 1, out.len, stdout);
    str_fini(&out);
}

void table_show(const struct rows *rows, const struct column *columns, bool csv, bool json)
{
    struct table_style style = style_for(csv, json, stdout);
    show(rows, columns, &style);
}

void table_show_part(const struct rows *rows, const struct column *columns)
{
    struct table_style style = style_for(false, false, stdout);
    style.in_full = "--json";
    show(rows, columns, &style);
}
