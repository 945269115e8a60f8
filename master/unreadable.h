/* unreadable: studies of the database whose rows make no sense to this hone: a definition that it refuses, a column that
 * somebody has changed, a method of a later version. One of them does not stop the others: it is set aside with the reason,
 * nothing of it is written, its checkpoints stay, and commands on it are answered with that reason. At the next start of a
 * master it is tried again.
 *
 * A file that SQLite itself cannot read is another matter: writing on in it would lose more, and the master does not start.
 *
 * Ownership: the caller's storage; unreadables_fini frees. */
#ifndef HONE_MASTER_UNREADABLE_H
#define HONE_MASTER_UNREADABLE_H

#include <stdint.h>

#include "common/err.h"

struct unreadable {
    int64_t id;
    char name[65];
    struct err why; /* the column, what is wrong with it, and what to do */
};

struct unreadables {
    struct unreadable *all; /* by rising id */
    size_t count, room;
};

/* `why` as the reading function told it; what to do is added. */
void unreadables_add(struct unreadables *list, int64_t id, const char *name, const struct err *why);
void unreadables_fini(struct unreadables *list);
const struct unreadable *unreadables_find(const struct unreadables *list, const char *name); /* NULL: none */

/* ERR_BAD, with all that is to be said of it. */
int unreadable_refuse(const struct unreadable *study, struct err *err);
/* The same of a study that was just found to be one: puts it around what *err holds. */
int unreadable_say(struct err *err, const char *name);

#endif
