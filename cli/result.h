/* result: what `hone run` ends with: the table of best trials, where everything is, and what to try next; or what the
 * checks found wrong. Reads the database alone, so that a run that had ended before prints the same. */
#ifndef HONE_CLI_RESULT_H
#define HONE_CLI_RESULT_H

#include <stdbool.h>

struct result_style {
    const char *db;
    bool json;
};

/* Reads it from the database. The exit status: 0, 1 if the study ended without an answer, 3. */
int result_print(const char *study, const struct result_style *style);

#endif
