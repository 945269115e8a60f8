/* backup: a copy of a database while it is in use, whole or not at all: page by page to a temporary name beside the
 * target, synced, renamed. The copy is one transaction of the source: never half a turn. */
#ifndef HONE_SQL_BACKUP_H
#define HONE_SQL_BACKUP_H

#include "common/err.h"

struct conn;

/* `source` has no open write transaction. Replaces an older copy at `path`, refuses to replace anything else. */
int backup_to(struct conn *source, const char *path, struct err *err);

#endif
