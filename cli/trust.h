/* trust: which keys this command line uses, if any.
 *
 * --keys DIR or HONE_KEYS, else ~/.config/hone/keys; "none" is none. A socket file (ipc) needs no keys, its folder
 * is guarded by its permissions. On loopback, keys are used if they were asked for, or if the database says that
 * its master wants them. Beyond this machine they are used wherever there are any: never the other way round, so
 * that nobody who answers in the master's place can talk us out of them.
 */
#ifndef HONE_CLI_TRUST_H
#define HONE_CLI_TRUST_H

#include <stdbool.h>

#include "proto/keys.h"

/* What the options of this command say; NULL: nothing. Borrowed. */
void trust_option(const char *keys);

/* For a master that listens at `address`: *folder is NULL if it goes without. ERR_BAD if it must not. The caller
 * frees. */
int trust_listen(const char *address, bool insecure, char **folder, struct err *err);

/* For who connects there. `keyed`: the master is known to want keys. *use: false if it goes without. */
int trust_connect(const char *address, bool keyed, const enum role *roles, struct key_trust *out, bool *use,
                  struct err *err);

#endif
