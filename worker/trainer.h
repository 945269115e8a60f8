/* trainer: the child process that trains, and the three pipes to it.
 *
 * It leads a process group of its own, so that a signal to the group reaches its helpers; it dies with its
 * slot (PR_SET_PDEATHSIG, beside the slot's own sweep); it sees no descriptor of ours but the two of the
 * protocol, default signals, and its output in a pipe, because a warm trainer's log changes with its job.
 *
 * Refuses: nothing to say on a line is waited for; what the pipe does not take stays in `to` until it can.
 * Ownership: the caller's storage; trainer_close after the process is reaped frees and closes everything.
 */
#ifndef HONE_WORKER_TRAINER_H
#define HONE_WORKER_TRAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "worker/cgroup.h"
#include "worker/command.h"
#include "worker/lines.h"

struct trainer {
    pid_t pid;    /* 0: there is none */
    int to_fd;    /* lines for it, -1 once hung up */
    int from_fd;  /* lines from it, -1 at its end */
    int print_fd; /* what it prints, -1 at its end */
    struct lines lines;
    struct str to; /* not yet written */
    bool warm;     /* said {"ready":true} */
    bool spoke;    /* said anything since it started */
    char *spec;    /* struct command */
    int64_t ooms;  /* kills for lack of memory that the system had counted when it started */
};

/* In that control group, if there is one. ERR_IO with program and reason if it cannot be started. */
int trainer_start(struct trainer *trainer, const struct command *command, const struct cgroup *group,
                  struct err *err);
void trainer_say(struct trainer *trainer, const char *line); /* adds the line break */
void trainer_flush(struct trainer *trainer);                 /* once to_fd takes more */
void trainer_hang_up(struct trainer *trainer);
void trainer_signal(const struct trainer *trainer, int signal); /* to its whole group */
/* The system has killed something for lack of memory since it started. */
bool trainer_saw_oom(const struct trainer *trainer);
void trainer_close(struct trainer *trainer);

#endif
