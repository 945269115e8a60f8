#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/check.h"

int terminal_width(FILE *file)
{
    if (!isatty(fileno(file)))
        return 0;
    const char *columns = getenv("COLUMNS");
    int width = columns ? atoi(columns) : 0;
    struct winsize size = {0};
    if (width <= 0 && ioctl(fileno(file), TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    return width > 0 ? width : 80;
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
    return isatty(fileno(file)) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

const char *terminal_status_colour(const char *status)
{
    static const struct {
        const char *name, *colour;
    } colours[] = {
        {"complete", "\033[32m"}, {"running", "\033[36m"},  {"pruned", "\033[33m"},
        {"failed", "\033[31m"},   {"cancelled", "\033[2m"}, {"waiting", "\033[2m"},
    };
    for (size_t i = 0; i < COUNT_OF(colours); i++)
        if (strcmp(status, colours[i].name) == 0)
            return colours[i].colour;
    return "";
}
