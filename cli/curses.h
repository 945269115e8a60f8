/* curses: a whole terminal: sheets are shown on it, keys come from it. The only file that includes ncurses.h.
 *
 * The terminal is given back as it was by screen_close, at exit, by the signals that end a program, and while it is stopped
 * (^Z). Refuses what cannot be drawn on: a pipe, TERM=dumb, a terminal that terminfo does not know. */
#ifndef HONE_CLI_CURSES_H
#define HONE_CLI_CURSES_H

#include "cli/draw/sheet.h"
#include "common/err.h"

/* What screen_key returns besides the bytes of plain keys. */
enum {
    SCREEN_NONE = 0x1000, /* none came in time, or a signal did */
    SCREEN_RESIZED,
    SCREEN_UP,
    SCREEN_DOWN,
    SCREEN_PAGE_UP,
    SCREEN_PAGE_DOWN,
    SCREEN_HOME,
    SCREEN_END,
    SCREEN_BACK, /* left, backspace */
    SCREEN_ENTER,
    SCREEN_OTHER,
};

int screen_open(struct err *err);
void screen_close(void); /* also of one that is not open */
void screen_size(int *rows, int *cols);
bool screen_is_ascii(void);
void screen_show(const struct sheet *sheet);
int screen_key(int wait_ms);

#endif
