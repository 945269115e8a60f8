/* sidecar: `hone dash` as a child of the command that searches (--http), which has no part in it but to start it, to pass
 * on the address it prints, and to end it. It reads our end of a pipe, so it ends with us however we end.
 *
 * Whatever goes wrong with it is said and is no failure of the search.
 * Ownership: the caller's storage; all zero is one that was not asked for. */
#ifndef HONE_CLI_SIDECAR_H
#define HONE_CLI_SIDECAR_H

#include <sys/types.h>

struct sidecar {
    pid_t pid; /* 0: none */
    int leash; /* it ends when this is closed */
};

/* `port`: as typed, "" the usual one, NULL: none is wanted. Waits for it to say where it is: `address` then has
 * "http://…", or is "" and it was logged why not. */
void sidecar_start(struct sidecar *sidecar, const char *db, const char *port, char address[256]);
void sidecar_end(struct sidecar *sidecar);

#endif
