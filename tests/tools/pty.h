/* pty: a program at a terminal of its own, and what a person would see on it. The terminal is a VT100 that knows UTF-8: what a
 * program with TERM=vt100 sends (and no more) becomes rows of characters; of another TERM only the bytes are kept. Every wait is for what is to be seen, with a
 * deadline that fails the test. */
#ifndef HONE_TESTS_TOOLS_PTY_H
#define HONE_TESTS_TOOLS_PTY_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

#include "common/str.h"

enum { PTY_ROWS = 60, PTY_COLS = 200 };

struct pty {
    pid_t pid;  /* 0: not running */
    int fd;     /* the master's side */
    int status; /* as a shell sees it */
    struct termios before;
    struct str raw; /* everything that was sent */
    size_t drawn;   /* bytes of it that are on the screen */
    bool draws;     /* it takes us for a VT100 */
    int rows, cols, row, col, top, bottom;
    char cells[PTY_ROWS][PTY_COLS][5];
};

/* argv as for proc_start; `term` and `lang` become TERM and LC_ALL. */
void pty_start(struct pty *pty, const char *folder, int rows, int cols, const char *term, const char *lang,
               const char *const argv[]);
#define PTY(pty, folder, rows, cols, term, lang, ...) \
    pty_start((pty), (folder), (rows), (cols), (term), (lang), (const char *const[]){__VA_ARGS__, NULL})

void pty_type(struct pty *pty, const char *keys);
void pty_resize(struct pty *pty, int rows, int cols);
void pty_await(struct pty *pty, const char *text);      /* until the screen shows it */
void pty_await_gone(struct pty *pty, const char *text); /* until it does not */
void pty_await_raw(struct pty *pty, const char *bytes); /* until they were sent */
void pty_await_stopped(struct pty *pty);                /* by ^Z */
bool pty_is_as_before(struct pty *pty);  /* the terminal's settings are those it was started with */
const char *pty_screen(struct pty *pty); /* rows without their blanks at the end; borrowed until the next */
int pty_wait(struct pty *pty);           /* for its end; the status */
void pty_fini(struct pty *pty);

#endif
