#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/clock.h"

static const char *const level_names[] = {"debug", "info", "warn", "error", "none"};

static enum log_level least_level = LOG_INFO;
static void (*divert)(const char *line, void *arg);
static void *divert_arg;

void log_init(enum log_level least)
{
    least_level = least;
    const char *wish = getenv("HONE_LOG");
    for (size_t i = 0; wish && i < COUNT_OF(level_names); i++)
        if (strcmp(wish, level_names[i]) == 0)
            least_level = (enum log_level)i;
}

void log_divert(void (*sink)(const char *line, void *arg), void *arg)
{
    divert = sink;
    divert_arg = arg;
}

void log_line(enum log_level level, const char *fmt, ...)
{
    if (level < least_level)
        return;
    char when[32], what[1024], line[1100];
    clock_iso(clock_wall_ms(), when);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    /* Text of peers and users ends up here: no line breaks or escape codes of theirs. */
    for (char *c = what; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    snprintf(line, sizeof line, "%s %-5s %s", when, level_names[level], what);
    if (divert)
        divert(line, divert_arg);
    else
        fprintf(stderr, "%s\n", line);
}
