#include "cli/curses.h"

#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/terminal.h"
#include "common/check.h"

enum { ESCAPE_WAIT_MS = 25 };

static struct {
    SCREEN *screen;
    bool colours, ascii;
    struct termios before;
    char leave[64]; /* what takes the terminal back, for a program that is falling */
} own;

/* ---- falling ---- */

static void on_fall(int number)
{
    ssize_t ignored = write(STDOUT_FILENO, own.leave, strlen(own.leave));
    (void)ignored;
    tcsetattr(STDIN_FILENO, TCSANOW, &own.before);
    signal(number, SIG_DFL);
    raise(number);
}

static void add_leave(const char *capability)
{
    const char *text = tigetstr(capability);
    if (text && text != (const char *)-1 && strlen(own.leave) + strlen(text) < sizeof own.leave)
        strncat(own.leave, text, sizeof own.leave - strlen(own.leave) - 1);
}

static void catch_falls(void)
{
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    own.leave[0] = '\0';
    add_leave("sgr0");
    add_leave("cnorm");
    add_leave("rmcup");
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        signal(signals[i], on_fall);
}

/* ---- being stopped ---- */

static volatile sig_atomic_t stop_wanted;

static void on_stop(int number)
{
    (void)number;
    stop_wanted = 1;
}

/* Not ncurses' own handler, which draws from inside the signal: it may come in the midst of anything. */
static void catch_stop(void)
{
    struct sigaction action = {.sa_handler = on_stop}; // no SA_RESTART: a wait for a key must return
    sigemptyset(&action.sa_mask);
    sigaction(SIGTSTP, &action, NULL);
}

static void stop(void)
{
    stop_wanted = 0;
    endwin();
    raise(SIGSTOP);
    clearok(stdscr, TRUE);
    refresh();
}

/* ---- opening ---- */

/* ncurses asks the locale how wide a character is. A host without the user's own has C.UTF-8. */
static void set_locale(void)
{
    setlocale(LC_CTYPE, "");
    if (terminal_utf8() && MB_CUR_MAX < 2)
        setlocale(LC_CTYPE, "C.UTF-8");
    own.ascii = !terminal_utf8() || MB_CUR_MAX < 2;
}

static void set_colours(void)
{
    static const short colours[HUE_COUNT] = {-1,           COLOR_BLUE, COLOR_RED, COLOR_GREEN, COLOR_MAGENTA,
                                             COLOR_YELLOW, COLOR_CYAN};
    own.colours =
        terminal_colour(stdout) && has_colors() && start_color() == OK && use_default_colors() == OK;
    for (short hue = 1; own.colours && hue < HUE_COUNT; hue++)
        init_pair(hue, colours[hue], -1);
}

static int refuse(struct err *err)
{
    const char *term = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        err_set(err, ERR_BAD, "needs a terminal for its screen and keys");
    else
        err_set(err, ERR_BAD, "cannot draw on this terminal (TERM=%.40s)", term ? term : "");
    return err_hint(err, "`hone studies --watch` prints a table whenever it has changed, on anything");
}

int screen_open(struct err *err)
{
    const char *term = getenv("TERM");
    bool is_dumb = !term || !*term || strcmp(term, "dumb") == 0;
    if (is_dumb || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return refuse(err);
    tcgetattr(STDIN_FILENO, &own.before);
    set_locale();
    own.screen = newterm(NULL, stdout, stdin);
    if (!own.screen)
        return refuse(err);
    atexit(screen_close);
    catch_falls();
    catch_stop();
    set_colours();
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    set_escdelay(ESCAPE_WAIT_MS);
    curs_set(0);
    return 0;
}

void screen_close(void)
{
    if (!own.screen)
        return;
    endwin();
    delscreen(own.screen);
    own.screen = NULL;
}

/* ---- drawing ---- */

void screen_size(int *rows, int *cols)
{
    getmaxyx(stdscr, *rows, *cols);
}

bool screen_is_ascii(void)
{
    return own.ascii;
}

static attr_t attributes(struct style style)
{
    attr_t attr = A_NORMAL;
    attr |= style.face & FACE_BOLD ? A_BOLD : 0;
    attr |= style.face & FACE_FAINT ? A_DIM : 0;
    attr |= style.face & FACE_REVERSE ? A_REVERSE : 0;
    return attr;
}

void screen_show(const struct sheet *sheet)
{
    erase();
    for (int row = 0; row < sheet->rows; row++) {
        for (int col = 0; col < sheet->cols; col++) {
            const struct spot *spot = sheet_at(sheet, row, col);
            if (strcmp(spot->text, " ") == 0 && !spot->style.face)
                continue;
            attr_set(attributes(spot->style), own.colours ? (short)spot->style.hue : 0, NULL);
            mvaddstr(row, col, spot->text);
        }
    }
    attr_set(A_NORMAL, 0, NULL);
    refresh();
}

/* ---- keys ---- */

int screen_key(int wait_ms)
{
    static const struct {
        int curses, ours;
    } keys[] = {
        {ERR, SCREEN_NONE},        {KEY_RESIZE, SCREEN_RESIZED}, {KEY_UP, SCREEN_UP},
        {KEY_DOWN, SCREEN_DOWN},   {KEY_PPAGE, SCREEN_PAGE_UP},  {KEY_NPAGE, SCREEN_PAGE_DOWN},
        {KEY_HOME, SCREEN_HOME},   {KEY_END, SCREEN_END},        {KEY_LEFT, SCREEN_BACK},
        {KEY_RIGHT, SCREEN_ENTER}, {KEY_BACKSPACE, SCREEN_BACK}, {127, SCREEN_BACK},
        {8, SCREEN_BACK},          {KEY_ENTER, SCREEN_ENTER},    {'\r', SCREEN_ENTER},
        {'\n', SCREEN_ENTER},
    };
    timeout(wait_ms);
    int key = getch();
    if (stop_wanted) {
        stop();
        return SCREEN_RESIZED;
    }
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (keys[i].curses == key)
            return keys[i].ours;
    return key < 256 ? key : SCREEN_OTHER;
}
