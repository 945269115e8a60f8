/* mirror: a copy of the database elsewhere (--mirror), every minute and once more at the end. Each is made by a process
 * of its own (`hone backup`), so that a large database never holds up the loop.
 *
 * Ownership: the caller's storage; mirror_fini. */
#ifndef HONE_MASTER_MIRROR_H
#define HONE_MASTER_MIRROR_H

#include <sys/types.h>

#include "sql/store.h"

struct mirror {
    char *path; /* NULL: no mirror */
    pid_t pid;  /* the backup under way, 0: none */
    int64_t next_mono_ms;
};

void mirror_init(struct mirror *mirror, const char *path, int64_t now_mono_ms);
void mirror_tick(struct mirror *mirror, const char *db, int64_t now_mono_ms);
/* The last one, here and now. */
void mirror_finish(struct mirror *mirror, struct store *store);
void mirror_fini(struct mirror *mirror);

#endif
