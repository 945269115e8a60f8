/* sheet: rows and columns of characters, as a terminal shows them. Whoever draws draws here; whether a terminal's screen, a
 * pipe or a test gets it is decided afterwards. So a screen is a function from what is known to a sheet.
 *
 * Columns are a terminal's: a Chinese character takes two. What does not fit is cut, a control character becomes '?'. For a
 * terminal without UTF-8 (`ascii`) each mark has one that stands for it: '#' for a block, ':' for dots.
 *
 * Ownership: sheet_fini frees. */
#ifndef HONE_CLI_DRAW_SHEET_H
#define HONE_CLI_DRAW_SHEET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

/* The first is the terminal's own colour. Meaning is never in a colour alone. */
enum hue { HUE_NONE, HUE_BLUE, HUE_RED, HUE_GREEN, HUE_PURPLE, HUE_YELLOW, HUE_CYAN, HUE_COUNT };
enum face { FACE_PLAIN = 0, FACE_BOLD = 1, FACE_FAINT = 2, FACE_REVERSE = 4 };

struct style {
    enum hue hue;
    unsigned face; /* enum face, added */
};

struct spot {
    char text[12]; /* one character with its accents; "": the right half of a wide one */
    struct style style;
};

struct sheet {
    int rows, cols;
    bool ascii;
    struct spot *spots; /* [rows][cols] */
};

void sheet_init(struct sheet *sheet, int rows, int cols, bool ascii); /* blank */
void sheet_fini(struct sheet *sheet);

/* From that column on, at most `room` columns ("abc…"; 0: to the edge). The column after it. Outside nothing is drawn. */
int sheet_put(struct sheet *sheet, int row, int col, int room, struct style style, const char *text);
int sheet_putf(struct sheet *sheet, int row, int col, struct style style, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void sheet_face(struct sheet *sheet, int row, unsigned face); /* added to the whole row */

const struct spot *sheet_at(const struct sheet *sheet, int row, int col);
/* Lines without their blanks at the end; with colours and faces as SGR sequences if asked for. */
void sheet_text(const struct sheet *sheet, bool colour, struct str *out);
void style_sgr(struct style style, struct str *out); /* the SGR sequence that begins it */

#endif
