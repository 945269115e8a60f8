/* slot_process: the start of `hone slot`, a process group of its own with one end of a socket as its life line.
 * For the worker's loop, and for `hone check`, which needs a slot and no worker. */
#ifndef HONE_WORKER_SLOT_PROCESS_H
#define HONE_WORKER_SLOT_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* With `env`, a NULL-terminated list of NAME=value. False: it could not be started, errno says why. *fd is ours,
 * non-blocking; closing it ends the slot. */
bool slot_process_start(const char *program, char *const *env, pid_t *pid, int *fd);

#endif
