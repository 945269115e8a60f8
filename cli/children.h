/* children: the worker processes of `hone run`. Each is `hone worker` in a process group of its own, so that
 * ^C at the terminal reaches only `hone run`, with its output in <db>.d/workers/NAME.log. One that dies is
 * started again; one that dies at once, again and again, is given up.
 *
 * Ownership: children_free kills nothing; children_end and children_kill do. */
#ifndef HONE_CLI_CHILDREN_H
#define HONE_CLI_CHILDREN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "worker/gpu.h"

struct children;

struct children_options {
    int count;                   /* processes */
    int first;                   /* number of the first one's name: 1 is w1 */
    int64_t slots;               /* each */
    const struct gpu_plan *gpus; /* of the slots of all of them, in order; NULL: each finds out itself */
    int64_t slots_per_gpu;       /* -1: not said */
    const char *address;         /* of the master */
    const char *dir;             /* NULL, or --dir */
    const char *log_dir;         /* made if need be */
    void (*died)(void *arg, int64_t pid); /* told of each that ended, with its pid */
    void *arg;
};

int children_start(const struct children_options *options, int64_t mono_ms, struct children **out,
                   struct err *err);
/* Notices deaths and, with `again`, starts anew. ERR_IO once every one of them is given up; err says where
 * to look. */
int children_tend(struct children *children, bool again, int64_t mono_ms, struct err *err);
/* Waits for them to leave by themselves, asks after a while (SIGTERM), and kills in the end. */
void children_end(struct children *children);
void children_kill(struct children *children); /* SIGKILL to every group, now */
void children_free(struct children *children); /* NULL is fine */

#endif
