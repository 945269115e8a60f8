/* gate: who is let in. Pure.
 *
 * A port on loopback is open to every user of the machine, and to every web page in one's own browser: whoever asks shows
 * a token that only the terminal printed, and the page must have been asked for by an address or this machine's name and
 * not by a name that somebody else lets point here (DNS rebinding).
 *
 * The token is 32 random bytes; it is compared in the same time whatever is wrong with it. */
#ifndef HONE_WEB_GATE_H
#define HONE_WEB_GATE_H

#include <stdbool.h>

enum { GATE_TOKEN_ROOM = 44 }; /* 43 characters of base64url and the NUL */

void gate_new_token(char token[GATE_TOKEN_ROOM]);

/* `authorization`: the header, NULL if there is none. */
bool gate_token_fits(const char *token, const char *authorization);

/* `host`: the header, with or without a port; fine are IP addresses, localhost and `own` (NULL: no name of our own). */
bool gate_host_fits(const char *host, const char *own);

#endif
