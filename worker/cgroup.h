/* cgroup: a control group for what a slot runs, where this process may make one below its own: on a delegated cgroup v2
 * (`systemd-run --user --scope hone worker …`, a container that was given one, root).
 *
 * What it adds to orphans.h: one write kills everybody in it at once, so that nobody outruns a sweep by forking; and it
 * outlives its slot. When worker and slot are killed in the same moment, nobody inherits what left the trainer's process
 * group; the next worker below the same group finds it here. A slot holds a lock (LOCK_EX of the folder, which the kernel
 * opens when it dies) as long as it lives. Where there is none everything below does nothing, and orphans.h has to do.
 *
 * Refuses: nothing. Ownership: the caller's storage; cgroup_remove closes and frees.
 * Source: the kernel's Documentation/admin-guide/cgroup-v2.rst (cgroup.procs, cgroup.kill since 5.14, cgroup.events).
 */
#ifndef HONE_WORKER_CGROUP_H
#define HONE_WORKER_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

struct cgroup {
    int dir;    /* the folder, locked; -1: there is none */
    int procs;  /* cgroup.procs, for those who enter */
    char *path; /* of the folder */
};

void cgroup_make(struct cgroup *own);
void cgroup_enter(const struct cgroup *own); /* the calling process; may stand between fork and exec */
void cgroup_kill(const struct cgroup *own);  /* SIGKILL to everybody in it and in groups below it */
void cgroup_remove(struct cgroup *own);      /* stays if somebody is still in it: for cgroup_sweep */

/* Ends whoever is in a group whose slot is dead, and removes it; in how many of them there was somebody. */
size_t cgroup_sweep(void);

/* Folder of this process's own group in cgroup v2; false: there is none, or it lies outside of what is mounted. */
bool cgroup_own_path(char *out, size_t room);
/* The same from the texts of /proc/self/mountinfo and /proc/self/cgroup. */
bool cgroup_path_in(const char *mountinfo, const char *self, char *out, size_t room);

#endif
