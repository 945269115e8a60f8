/* steer: what the commands that steer a running study share: one call, made in the person's name. */
#ifndef HONE_CLI_STEER_H
#define HONE_CLI_STEER_H

#include "cli/remote.h"

/* {"study": ..., "who": "anna@node1"}; the caller's. */
struct json *steer_args(const char *study);

/* Makes the call, frees `args`. On failure prints it under the verb's name: the exit status. 0: `answer` is the
 * caller's. */
int steer_call(const char *db, const char *master, const char *verb, struct json *args,
               struct msg_answer *answer);

#endif
