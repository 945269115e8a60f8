/* slurm: what Slurm says in the environment of a process that it started.
 *
 * A host name is no identity there: on a test cluster all nodes share one, and on any cluster several tasks of a job share
 * a node. The node's name, the job and the number of the task are one together.
 *
 * Pure: reads nothing but its argument, a NULL-terminated list of NAME=value; texts are borrowed from it.
 * Source: srun(1) and sbatch(1), OUTPUT ENVIRONMENT VARIABLES.
 */
#ifndef HONE_WORKER_SLURM_H
#define HONE_WORKER_SLURM_H

#include <stdbool.h>
#include <stddef.h>

struct slurm {
    const char *job;                    /* "4711"; NULL: not within a job */
    const char *node;                   /* as Slurm calls it; NULL: it does not say */
    const char *array_job, *array_task; /* NULL: no array */
    int tasks;                          /* of this step; 1 outside of a step */
    int task;                           /* this one, from 0 */
    int tasks_here;                     /* of this step on this node */
    int task_here;                      /* this one among them, from 0 */
    bool gpus_are_own;                  /* the list of GPUs that a task sees is for it alone */
};

void slurm_read(char *const *env, struct slurm *out);

/* "n1-4711", in an array "n1-4710_3", as one of several tasks "n1-4711.2"; false: not within a job. */
bool slurm_name(const struct slurm *slurm, char *out, size_t room);

/* The value of a variable; NULL: it is not set. */
const char *env_get(char *const *env, const char *name);

#endif
