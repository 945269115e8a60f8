/* visitor: HTTP by hand, over a socket of 127.0.0.1, for tests of the dashboard: what a browser says, and what it never
 * would. Every wait has the deadline of proc.h. */
#ifndef HONE_TESTS_TOOLS_VISITOR_H
#define HONE_TESTS_TOOLS_VISITOR_H

#include <stdbool.h>

#include "common/str.h"

struct heard {
    int status; /* 0: the connection ended without an answer */
    struct str head, body;
};

int visitor_connect(int port);
void visitor_say(int fd, const char *text);
/* Until the other side closes: for requests with "Connection: close". */
void visitor_hear(int fd, struct heard *out);
/* One request on a connection of its own. `headers`: lines that end with \r\n, "" for none; Host is 127.0.0.1 unless they
 * have one. */
void visitor_ask(int port, const char *method, const char *target, const char *headers, struct heard *out);
/* A header's value is this, whatever the case of its name; false too if it is not there. */
bool heard_header(const struct heard *heard, const char *name, const char *value);
void heard_fini(struct heard *heard);

#endif
