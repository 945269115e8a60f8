#include "common/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/log_file.h"

static const char *const level_names[] = {"debug", "info", "note", "warn", "error", "none"};

static const char *name_of(enum log_level level)
{
    return level < LOG_NONE ? level_names[level] : "?";
}

static enum log_level least_level = LOG_INFO;
static void (*divert)(const char *line, void *arg);
static void *divert_arg;
static bool for_people;
static struct log_file file = {.fd = -1};

void log_init(enum log_level least)
{
    least_level = least;
    const char *wish = getenv("HONE_LOG");
    for (size_t i = 0; wish && i < COUNT_OF(level_names); i++)
        if (strcmp(wish, level_names[i]) == 0)
            least_level = (enum log_level)i;
}

void log_for_people(void)
{
    for_people = true;
}

void log_divert(void (*sink)(const char *line, void *arg), void *arg)
{
    divert = sink;
    divert_arg = arg;
}

int log_to_file(const char *path, int64_t most, struct err *err)
{
    return log_file_open(&file, path, most, err);
}

static void write_to_file(char *line)
{
    size_t len = strlen(line);
    line[len] = '\n';
    log_file_write(&file, line, len + 1);
    line[len] = '\0';
}

/* A pipe that nobody reads must not hold up a master: lines are dropped while it is full, and counted. */
static void write_line(const char *line)
{
    static int dropped;
    struct pollfd ready = {STDERR_FILENO, POLLOUT, 0};
    poll(&ready, 1, 0);
    if (!(ready.revents & POLLOUT)) {
        dropped++;
        return;
    }
    if (dropped)
        fprintf(stderr, "(%d lines were dropped: nobody read them)\n", dropped);
    dropped = 0;
    fprintf(stderr, "%s\n", line);
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
    if (!for_people)
        snprintf(line, sizeof line, "%s %-5s %s", when, name_of(level), what);
    else if (level <= LOG_NOTE)
        snprintf(line, sizeof line, "%s", what);
    else
        snprintf(line, sizeof line, "%s: %s", name_of(level), what);
    if (divert)
        divert(line, divert_arg);
    else if (file.fd >= 0)
        write_to_file(line);
    else
        write_line(line);
}
