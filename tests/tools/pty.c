#include "tests/tools/pty.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/tools/proc.h"

enum { WAIT_MS = 60000, ARGS_MAX = 8 };

/* ---- the screen ---- */

static void blank(struct pty *p, int row, int from, int to)
{
    for (int col = from; col < to && col < p->cols; col++)
        memcpy(p->cells[row][col], " ", 2);
}

static void scroll(struct pty *p, bool up)
{
    int count = p->bottom - p->top;
    if (up)
        memmove(p->cells[p->top], p->cells[p->top + 1], (size_t)count * sizeof p->cells[0]);
    else
        memmove(p->cells[p->top + 1], p->cells[p->top], (size_t)count * sizeof p->cells[0]);
    blank(p, up ? p->bottom : p->top, 0, p->cols);
}

static void line_feed(struct pty *p)
{
    if (p->row == p->bottom)
        scroll(p, true);
    else if (p->row + 1 < p->rows)
        p->row++;
}

static int held(int value, int most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

static void erase(struct pty *p, int how)
{
    int from = how == 0 ? p->row + 1 : 0, to = how == 1 ? p->row : p->rows;
    blank(p, p->row, how == 0 ? p->col : 0, how == 1 ? p->col + 1 : p->cols);
    for (int row = from; row < to; row++)
        if (row != p->row)
            blank(p, row, 0, p->cols);
}

static void obey(struct pty *p, char final, const int *args, int count)
{
    int by = count && args[0] ? args[0] : 1;
    switch (final) {
    case 'A': p->row = held(p->row - by, p->rows - 1); break;
    case 'B': p->row = held(p->row + by, p->rows - 1); break;
    case 'C': p->col = held(p->col + by, p->cols - 1); break;
    case 'D': p->col = held(p->col - by, p->cols - 1); break;
    case 'H':
        p->row = held((count > 0 && args[0] ? args[0] : 1) - 1, p->rows - 1);
        p->col = held((count > 1 && args[1] ? args[1] : 1) - 1, p->cols - 1);
        break;
    case 'J': erase(p, count ? args[0] : 0); break;
    case 'K':
        blank(p, p->row, count && args[0] ? 0 : p->col, count && args[0] == 1 ? p->col + 1 : p->cols);
        break;
    case 'r':
        p->top = held((count > 0 && args[0] ? args[0] : 1) - 1, p->rows - 1);
        p->bottom = held((count > 1 && args[1] ? args[1] : p->rows) - 1, p->rows - 1);
        break;
    case 'm':
    case 'h':
    case 'l': break; // colours and modes are not to be seen here
    default: fail_msg("the program sent ESC [ ... %c, which a VT100 does not know", final);
    }
}

/* Bytes of the sequence at `text`; 0: it is not whole yet. */
static size_t escape(struct pty *p, const char *text, size_t len)
{
    int args[ARGS_MAX] = {0}, count = 0;
    if (len < 2)
        return 0;
    if (text[1] == 'M' && p->row == p->top)
        scroll(p, false);
    else if (text[1] == 'M')
        p->row = held(p->row - 1, p->rows - 1);
    if (text[1] == '(' || text[1] == ')')
        return len < 3 ? 0 : 3;
    if (text[1] != '[')
        return 2;
    for (size_t at = 2; at < len; at++) {
        if (text[at] >= '0' && text[at] <= '9') {
            count = count ? count : 1;
            args[count - 1] = args[count - 1] * 10 + text[at] - '0';
        } else if (text[at] == ';' && count < ARGS_MAX) {
            count = (count ? count : 1) + 1;
        } else if (text[at] >= '@') {
            obey(p, text[at], args, count);
            return at + 1;
        }
    }
    return 0;
}

static size_t plain(struct pty *p, const char *text, size_t len)
{
    size_t bytes = utf8_width(text, len);
    if (!bytes && len < 4)
        return 0;
    assert_true(bytes > 0);
    if (p->col == p->cols) {
        p->col = 0;
        line_feed(p);
    }
    memcpy(p->cells[p->row][p->col], text, bytes);
    p->cells[p->row][p->col++][bytes] = '\0';
    return bytes;
}

static void draw(struct pty *p)
{
    while (p->draws && p->drawn < p->raw.len) {
        const char *text = str_text(&p->raw) + p->drawn;
        size_t len = p->raw.len - p->drawn, used = 1;
        switch (*text) {
        case '\r': p->col = 0; break;
        case '\n': line_feed(p); break;
        case '\b': p->col = held(p->col - 1, p->cols - 1); break;
        case '\t': p->col = held((p->col / 8 + 1) * 8, p->cols - 1); break;
        case '\0':
        case '\a':
        case '\016':
        case '\017': break;
        case '\033': used = escape(p, text, len); break;
        default: used = plain(p, text, len);
        }
        if (!used)
            return;
        p->drawn += used;
    }
}

const char *pty_screen(struct pty *p)
{
    static char out[PTY_ROWS * PTY_COLS * 4];
    size_t len = 0;
    for (int row = 0; row < p->rows; row++) {
        int cols = p->cols;
        while (cols && strcmp(p->cells[row][cols - 1], " ") == 0)
            cols--;
        for (int col = 0; col < cols; col++) {
            size_t bytes = strlen(p->cells[row][col]);
            memcpy(out + len, p->cells[row][col], bytes);
            len += bytes;
        }
        out[len++] = '\n';
    }
    out[len] = '\0';
    return out;
}

/* ---- the program ---- */

static void set_size(struct pty *p, int rows, int cols)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    assert_true(rows <= PTY_ROWS && cols < PTY_COLS);
    p->rows = rows;
    p->cols = cols;
    p->row = p->col = p->top = 0;
    p->bottom = rows - 1;
    for (int row = 0; row < rows; row++)
        blank(p, row, 0, cols);
    assert_int_equal(ioctl(p->fd, TIOCSWINSZ, &size), 0);
}

void pty_start(struct pty *p, const char *folder, int rows, int cols, const char *term, const char *lang,
               const char *const argv[])
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    *p = (struct pty){.draws = strcmp(term, "vt100") == 0};
    p->pid = forkpty(&p->fd, NULL, NULL, &size);
    assert_true(p->pid >= 0);
    if (p->pid == 0) {
        setenv("TERM", term, 1);
        setenv("LC_ALL", lang, 1);
        setenv("TZ", "UTC", 1);
        unsetenv("LINES");
        unsetenv("COLUMNS");
        proc_become(folder, argv);
    }
    tcgetattr(p->fd, &p->before);
    set_size(p, rows, cols);
}

void pty_type(struct pty *p, const char *keys)
{
    assert_int_equal(write(p->fd, keys, strlen(keys)), (ssize_t)strlen(keys));
}

void pty_resize(struct pty *p, int rows, int cols)
{
    set_size(p, rows, cols);
}

/* False at its end. */
static bool take(struct pty *p, int64_t deadline, const char *what)
{
    char chunk[4096];
    struct pollfd fd = {p->fd, POLLIN, 0};
    int64_t left = deadline - clock_mono_ms();
    if (left <= 0 || poll(&fd, 1, (int)left) == 0)
        fail_msg("waited too long for \"%s\"; the screen is:\n%s", what, pty_screen(p));
    ssize_t got = read(p->fd, chunk, sizeof chunk);
    if (got > 0)
        str_addn(&p->raw, chunk, (size_t)got);
    draw(p);
    return got > 0;
}

void pty_await(struct pty *p, const char *text)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (!strstr(pty_screen(p), text))
        if (!take(p, deadline, text))
            fail_msg("it ended without showing \"%s\":\n%s", text, pty_screen(p));
}

void pty_await_gone(struct pty *p, const char *text)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (strstr(pty_screen(p), text))
        if (!take(p, deadline, text))
            return;
}

void pty_await_raw(struct pty *p, const char *bytes)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (!strstr(str_text(&p->raw), bytes))
        if (!take(p, deadline, "bytes"))
            fail_msg("it ended without sending what was awaited");
}

void pty_await_stopped(struct pty *p)
{
    int status;
    assert_int_equal(waitpid(p->pid, &status, WUNTRACED), p->pid);
    assert_true(WIFSTOPPED(status));
}

bool pty_is_as_before(struct pty *p)
{
    struct termios now;
    return tcgetattr(p->fd, &now) == 0 && now.c_lflag == p->before.c_lflag &&
           now.c_iflag == p->before.c_iflag && now.c_oflag == p->before.c_oflag;
}

int pty_wait(struct pty *p)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    int status;
    while (take(p, deadline, "its end"))
        ;
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    p->pid = 0;
    return p->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void pty_fini(struct pty *p)
{
    if (p->pid) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
    }
    close(p->fd);
    str_fini(&p->raw);
}
