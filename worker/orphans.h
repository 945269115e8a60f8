/* orphans: nothing that a trainer started outlives its attempt.
 *
 * A trainer may fork helpers, and those may leave its process group or session. A slot is the subreaper of
 * all of them: whoever loses its parent becomes the slot's child, so killing children until there are none
 * left reaches everybody, however they are nested. Linux only.
 */
#ifndef HONE_WORKER_ORPHANS_H
#define HONE_WORKER_ORPHANS_H

#include <stddef.h>
#include <sys/types.h>

/* From here on this process inherits the children of its children that die. */
void orphans_adopt(void);

/* SIGKILL to every child of this process but `spare`, and to theirs as they are inherited; returns when all
 * of them are reaped. `seen` is told the wait status of each. */
void orphans_kill(const pid_t *spare, size_t count, void (*seen)(pid_t pid, int status, void *arg),
                  void *arg);

#endif
