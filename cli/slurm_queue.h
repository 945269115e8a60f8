/* slurm_queue: the jobs of one `hone slurm` in Slurm's queue, by its own programs: sbatch, squeue, scancel from the PATH.
 *
 * Jobs are known by their name, so that a `hone slurm` that starts again finds those of the one before. What squeue still
 * shows of jobs that ended (for MinJobAge) says how; what vanished in between ended somehow.
 *
 * Each program may take a minute: a controller that is down must not hold anything up for ever. Ownership: the caller's.
 */
#ifndef HONE_CLI_SLURM_QUEUE_H
#define HONE_CLI_SLURM_QUEUE_H

#include <stddef.h>

#include "cli/slurm_decide.h"
#include "common/err.h"

enum slurm_state { SLURM_WAITS, SLURM_RUNS, SLURM_ENDED, SLURM_STOPPED, SLURM_FAILED };

struct slurm_job {
    int64_t id;
    enum slurm_state state; /* ended well; stopped by somebody or its time limit; failed */
    int64_t ran_s;
    bool joined;  /* a worker of it was seen at the master */
    bool counted; /* its end has been taken note of */
    bool seen;    /* in this look */
};

struct slurm_queue {
    const char *name; /* of the jobs; borrowed */
    struct slurm_job *jobs;
    size_t count, room;
};

/* `options` go to sbatch as they are, `script` is what the job runs. The job's number. */
int slurm_queue_submit(struct slurm_queue *queue, const char *const *options, const char *script, int64_t *id,
                       struct err *err);
int slurm_queue_look(struct slurm_queue *queue, struct err *err);
/* All that are in the queue, or those alone that have not started; how many there were. */
int slurm_queue_cancel(struct slurm_queue *queue, bool only_waiting, int *count, struct err *err);
void slurm_queue_fini(struct slurm_queue *queue);

/* One line of squeue, "4711|PD|1-02:03:04"; false: of something else. */
bool slurm_queue_line(struct slurm_queue *queue, const char *line);

/* Does a worker of this name run in the job? "n1-4711", "n1-4711.3". */
bool slurm_is_of_job(const char *worker, int64_t job);

#endif
