/* listening: where a master can be reached, and how others learn it. The address is in the store, for commands that find
 * the database, and in the file <db>.d/address, for those that may not read the database; the file <db>.d/keyed is there
 * where an address needs keys.
 *
 * Without `bind` it is a socket beside the database, always the same one, so that the workers of a master that is gone find
 * the next. Refuses nothing by itself: wire.h refuses addresses, and tcp without keys. Ownership: the wire is the caller's.
 */
#ifndef HONE_MASTER_LISTENING_H
#define HONE_MASTER_LISTENING_H

#include "common/err.h"
#include "proto/wire.h"
#include "sql/store.h"

/* `bind` NULL: beside the database. `keys`: their folder, or NULL; a socket beside the database is guarded by its
 * permissions and needs none. Commits. */
int listening_begin(struct store *store, const char *bind, const char *keys, struct wire **wire,
                    struct err *err);
/* Nobody is to look for it there any more. Commits. */
int listening_end(struct store *store, struct err *err);

#endif
