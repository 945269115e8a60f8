/* program: a user's objective as a process that answers lines: one JSON of params in, one JSON with each metric out, a
 * number or a list with one per epoch (a shorter list ends with its last). null is "diverged".
 *
 * It runs under sh -c for as long as the simulation does; what it says on standard error is shown. Each point is asked
 * once, answers are kept. Refuses answers that are no JSON or lack a metric. Ownership: heap. */
#ifndef HONE_CLI_PROGRAM_H
#define HONE_CLI_PROGRAM_H

#include "common/err.h"
#include "common/json.h"

struct program;

int program_start(const char *command, struct program **out, struct err *err);
void program_free(struct program *program); /* NULL is fine; ends it by closing its input */

/* NaN: diverged, or *err says what went wrong. */
double program_ask(struct program *program, const struct json *params, const char *metric, int epoch,
                   struct err *err);

#endif
