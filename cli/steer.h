/* steer: the commands that steer a running study (enqueue, approve, edit, rename) make their calls in a person's name,
 * which becomes part of every row they change. */
#ifndef HONE_CLI_STEER_H
#define HONE_CLI_STEER_H

#include "cli/remote.h"

/* {"study": ..., "who": "anna@node1"}; the caller's. */
struct json *steer_args(const char *study);

/* The answer of a command with --json, on a line: {"study": ..., and those of the answer's members}; keys ends with NULL. */
void steer_print_json(const char *study, const struct json *result, const char *const *keys);

/* After a change that wants to be carried out: tells a person if no master is there to do it. */
void steer_remind(const char *db, const char *master);

#endif
