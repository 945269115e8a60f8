/* bind: where a master may listen, and how a worker reaches it.
 *
 * There are no keys yet: whoever reaches the port can read every study and have trainers started. So anything
 * beyond this machine (tcp other than loopback) is refused unless the user says --insecure. */
#ifndef HONE_CLI_BIND_H
#define HONE_CLI_BIND_H

#include <stdbool.h>

#include "common/err.h"
#include "common/str.h"

int bind_check(const char *address, bool insecure, struct err *err);
bool bind_is_local(const char *address);

/* The address a worker on another host (or this one) connects to: every-interface hosts become `host`. */
void bind_reach(const char *listening, const char *host, struct str *out);

#endif
