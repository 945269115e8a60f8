/* steer: what the commands that steer a running study share: one call, made in the person's name. */
#ifndef HONE_CLI_STEER_H
#define HONE_CLI_STEER_H

#include "cli/remote.h"

/* {"study": ..., "who": "anna@node1"}; the caller's. */
struct json *steer_args(const char *study);

#endif
