/* watch: a command that shows something, once, or again whenever it has changed (--watch): on a terminal in place of what
 * it showed before, elsewhere below it.
 *
 * The database's files are looked at twice a second from outside; it is read when they have changed, a master asked once a
 * second. A master that goes away is waited for: what was shown last stands. ^C ends it, and so does the end of what is
 * watched. Ownership: everything is borrowed. */
#ifndef HONE_CLI_WATCH_H
#define HONE_CLI_WATCH_H

#include <stdbool.h>

#include "common/err.h"

struct watch {
    const char *command, *db, *master; /* master NULL: the database is read */
    bool again;                        /* false: once */
    /* Prints to stdout and stderr. *ended: nothing will change any more. */
    int (*show)(const void *arg, bool *ended, struct err *err);
    const void *arg;
};

/* The exit status. */
int watch_command(const struct watch *watch);

#endif
