/* bind: where a master may listen, and how a worker reaches it.
 *
 * Without keys, whoever reaches the port can read every study and have trainers started. So anything beyond this
 * machine (tcp other than loopback) is refused unless there are keys (trust.h) or the user says --insecure. */
#ifndef HONE_CLI_BIND_H
#define HONE_CLI_BIND_H

#include <stdbool.h>

#include "common/err.h"
#include "common/str.h"

#define NO_KEYS_TEXT                                                                                      \
    "WITHOUT KEYS, WHOEVER REACHES THE PORT CAN RUN COMMANDS ON EVERY WORKER, AND READ AND CHANGE EVERY " \
    "STUDY."

/* Without keys. */
int bind_check(const char *address, bool insecure, struct err *err);
bool bind_is_local(const char *address);

/* The address a worker on another host (or this one) connects to: every-interface hosts become `host`. */
void bind_reach(const char *listening, const char *host, struct str *out);

#endif
