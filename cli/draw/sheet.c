#include "cli/draw/sheet.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/glyph.h"
#include "common/check.h"
#include "common/mem.h"

void sheet_init(struct sheet *sheet, int rows, int cols, bool ascii)
{
    *sheet = (struct sheet){.rows = rows < 0 ? 0 : rows, .cols = cols < 0 ? 0 : cols, .ascii = ascii};
    size_t count = (size_t)sheet->rows * (size_t)sheet->cols;
    sheet->spots = xcalloc(count + 1, sizeof *sheet->spots);
    for (size_t i = 0; i < count; i++)
        sheet->spots[i].text[0] = ' ';
}

void sheet_fini(struct sheet *sheet)
{
    free(sheet->spots);
    *sheet = (struct sheet){0};
}

static struct spot *spot_at(struct sheet *sheet, int row, int col)
{
    bool inside = row >= 0 && row < sheet->rows && col >= 0 && col < sheet->cols;
    return inside ? &sheet->spots[row * sheet->cols + col] : NULL;
}

const struct spot *sheet_at(const struct sheet *sheet, int row, int col)
{
    PRE(row >= 0 && row < sheet->rows && col >= 0 && col < sheet->cols);
    return &sheet->spots[row * sheet->cols + col];
}

/* ---- without UTF-8 ---- */

/* U+2800 and the dots: 1 2 3 7 on the left, 4 5 6 8 on the right, from the top. */
static char braille_in_ascii(unsigned dots)
{
    bool top = dots & 0x1b, bottom = dots & 0xe4;
    return top && bottom ? ':' : top ? '\'' : bottom ? '.' : ' ';
}

static char in_ascii(const char *text)
{
    static const struct {
        const char *mark;
        char ascii;
    } marks[] = {
        {"│", '|'}, {"┊", ':'}, {"─", '-'}, {"└", '+'}, {"┤", '|'}, {"┬", '+'}, {"┴", '+'}, {"…", '~'},
        {"→", '>'}, {"←", '<'}, {"·", '.'}, {"▸", '>'}, {"▁", '_'}, {"▂", '.'}, {"▃", ':'}, {"▄", '-'},
        {"▅", '='}, {"▆", '+'}, {"▇", '*'}, {"█", '#'}, {"▉", '#'}, {"▊", '#'}, {"▋", '#'}, {"▌", '='},
        {"▍", '-'}, {"▎", '-'}, {"▏", '-'}, {"░", '.'}, {"×", 'x'}, {"●", '*'}, {"↑", '^'}, {"↓", 'v'},
    };
    if (!(*text & 0x80))
        return *text;
    for (size_t i = 0; i < COUNT_OF(marks); i++)
        if (strcmp(text, marks[i].mark) == 0)
            return marks[i].ascii;
    const unsigned char *b = (const unsigned char *)text;
    if (b[0] == 0xe2 && b[1] >= 0xa0 && b[1] <= 0xa3)
        return braille_in_ascii((unsigned)(b[1] & 3) << 6 | (b[2] & 0x3f));
    return '?';
}

/* ---- drawing ---- */

static void put_spot(struct sheet *sheet, int row, int col, struct style style, const char *text,
                     const struct glyph *g)
{
    struct spot *spot = spot_at(sheet, row, col);
    if (!spot)
        return;
    *spot = (struct spot){.style = style};
    memcpy(spot->text, g->is_control ? "?" : text, g->is_control ? 1 : g->bytes);
    struct spot *right = g->columns == 2 ? spot_at(sheet, row, col + 1) : NULL;
    if (right)
        *right = (struct spot){.style = style};
    else if (g->columns == 2)
        memcpy(spot->text, " ", 2); // half of it would wrap
    if (sheet->ascii)
        spot->text[0] = in_ascii(spot->text), spot->text[1] = '\0';
    if (sheet->ascii && right)
        right->text[0] = ' ';
}

static void add_accent(struct sheet *sheet, int row, int col, const char *text, size_t bytes)
{
    struct spot *spot = spot_at(sheet, row, col);
    if (spot && !sheet->ascii && strlen(spot->text) + bytes < sizeof spot->text)
        strncat(spot->text, text, bytes);
}

int sheet_put(struct sheet *sheet, int row, int col, int room, struct style style, const char *text)
{
    int end = room > 0 && col + room < sheet->cols ? col + room : sheet->cols;
    bool is_cut = col + (int)glyph_columns(text) > end;
    int last = is_cut ? end - 1 : end, at = col;
    for (struct glyph g = glyph_at(text); g.bytes; text += g.bytes, g = glyph_at(text)) {
        if (g.columns == 0) {
            add_accent(sheet, row, at - 1, text, g.bytes);
            continue;
        }
        if (at + (int)g.columns > last)
            break;
        put_spot(sheet, row, at, style, text, &g);
        at += (int)g.columns;
    }
    if (is_cut && at < end)
        put_spot(sheet, row, at++, style, "…", &(struct glyph){3, 1, false});
    return at;
}

int sheet_putf(struct sheet *sheet, int row, int col, struct style style, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    PRE(len >= 0);
    int end = sheet_put(sheet, row, col, 0, style, text);
    free(text);
    return end;
}

void sheet_face(struct sheet *sheet, int row, unsigned face)
{
    for (int col = 0; col < sheet->cols; col++)
        if (spot_at(sheet, row, col))
            spot_at(sheet, row, col)->style.face |= face;
}

/* ---- as text ---- */

static bool style_same(struct style a, struct style b)
{
    return a.hue == b.hue && a.face == b.face;
}

void style_sgr(struct style style, struct str *out)
{
    static const char *const hues[HUE_COUNT] = {"", ";34", ";31", ";32", ";35", ";33", ";36"};
    str_addf(out, "\033[0%s%s%s%sm", style.face & FACE_BOLD ? ";1" : "", style.face & FACE_FAINT ? ";2" : "",
             style.face & FACE_REVERSE ? ";7" : "", hues[style.hue]);
}

static int used_cols(const struct sheet *sheet, int row)
{
    int cols = sheet->cols;
    while (cols && strcmp(sheet_at(sheet, row, cols - 1)->text, " ") == 0 &&
           !(sheet_at(sheet, row, cols - 1)->style.face & FACE_REVERSE))
        cols--;
    return cols;
}

void sheet_text(const struct sheet *sheet, bool colour, struct str *out)
{
    for (int row = 0; row < sheet->rows; row++) {
        struct style now = {0};
        int cols = used_cols(sheet, row);
        for (int col = 0; col < cols; col++) {
            const struct spot *spot = sheet_at(sheet, row, col);
            if (colour && !style_same(spot->style, now))
                style_sgr(now = spot->style, out);
            str_add(out, spot->text);
        }
        str_add(out, colour && !style_same(now, (struct style){0}) ? "\033[0m\n" : "\n");
    }
}
