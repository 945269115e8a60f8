#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/check.h"

static struct {
    FILE *file, *real;
} stand_in;

void terminal_stand_in(FILE *file, FILE *real)
{
    stand_in.file = file;
    stand_in.real = real;
}

static int descriptor(FILE *file)
{
    return fileno(file && file == stand_in.file ? stand_in.real : file);
}

/* LINES and COLUMNS win; `fallback` if nobody says. */
static int extent(FILE *file, const char *variable, bool is_width, int fallback)
{
    struct winsize size = {0};
    const char *text = getenv(variable);
    int count = text ? atoi(text) : 0;
    if (!isatty(descriptor(file)))
        return 0;
    if (count <= 0 && ioctl(descriptor(file), TIOCGWINSZ, &size) == 0)
        count = is_width ? size.ws_col : size.ws_row;
    return count > 0 ? count : fallback;
}

int terminal_width(FILE *file)
{
    return extent(file, "COLUMNS", true, 80);
}

int terminal_rows(FILE *file)
{
    return extent(file, "LINES", false, 24);
}

/* The variables themselves: a locale may be named that this host does not have, and the terminal is far away. */
bool terminal_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *locale = getenv(names[i]);
        if (locale && *locale)
            return strcasestr(locale, "utf-8") || strcasestr(locale, "utf8");
    }
    return false;
}

bool terminal_colour(FILE *file)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(descriptor(file)) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}
