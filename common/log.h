/* log: one line per event on standard error, for the processes that nobody watches (master, worker, slot).
 * "2026-11-23T05:54:00.123Z warn  worker node1: lost its connection". No logic depends on it. HONE_LOG
 * sets the least level: debug, info (default), note, warn, error, none. */
#ifndef HONE_COMMON_LOG_H
#define HONE_COMMON_LOG_H

#include <stdint.h>

#include "common/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_NOTE, LOG_WARN, LOG_ERROR, LOG_NONE };

void log_init(enum log_level least); /* HONE_LOG overrides */
/* Lines without the time and, for notes, without the level: for a person at a terminal. */
void log_for_people(void);
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Lines go to a file of at most so many bytes, with the one before it (log_file.h). */
int log_to_file(const char *path, int64_t most, struct err *err);
/* Where lines go instead of standard error while something else owns the terminal (the progress line). */
void log_divert(void (*sink)(const char *line, void *arg), void *arg);

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
/* What the search decided: for everyone who watches, also where the workers' comings and goings are not told. */
#define log_note(...) log_line(LOG_NOTE, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

#endif
