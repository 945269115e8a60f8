#include "worker/slurm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *env_get(char *const *env, const char *name)
{
    size_t len = strlen(name);
    for (; *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    return NULL;
}

static int number_of(char *const *env, const char *name, int otherwise)
{
    const char *text = env_get(env, name);
    char *end;
    long value = text ? strtol(text, &end, 10) : -1;
    return value < 0 || value > 1 << 20 || end == text ? otherwise : (int)value;
}

/* "2(x3),1" is 2, 2, 2, 1: the number at a place. */
static int repeated_at(const char *text, int place)
{
    while (text && *text) {
        char *end;
        long value = strtol(text, &end, 10), times = 1;
        if (end == text)
            return 1;
        if (strncmp(end, "(x", 2) == 0)
            times = strtol(end + 2, &end, 10);
        if (place < times)
            return value < 1 || value > 1 << 20 ? 1 : (int)value;
        place -= (int)times;
        text = strchr(end, ',');
        text = text ? text + 1 : NULL;
    }
    return 1;
}

/* With --gpus-per-task, and wherever a task sees fewer GPUs than the step has on its node, Slurm has split them already. */
static bool own_gpus(char *const *env)
{
    const char *visible = env_get(env, "CUDA_VISIBLE_DEVICES"), *bind = env_get(env, "SLURM_GPU_BIND");
    const char *tres = env_get(env, "SLURM_TRES_PER_TASK");
    int there = number_of(env, "SLURM_GPUS_ON_NODE", 0), seen = visible && *visible;
    for (const char *c = visible; c && *c; c++)
        seen += *c == ',';
    return env_get(env, "SLURM_GPUS_PER_TASK") || (bind && strcmp(bind, "none") != 0) ||
           (tres && strstr(tres, "gpu")) || (seen && seen < there);
}

void slurm_read(char *const *env, struct slurm *out)
{
    const char *per_node = env_get(env, "SLURM_STEP_TASKS_PER_NODE");
    *out = (struct slurm){.job = env_get(env, "SLURM_JOB_ID"), .tasks = 1, .tasks_here = 1};
    if (!out->job || !*out->job) {
        out->job = NULL;
        return;
    }
    out->node = env_get(env, "SLURMD_NODENAME");
    out->array_job = env_get(env, "SLURM_ARRAY_JOB_ID");
    out->array_task = env_get(env, "SLURM_ARRAY_TASK_ID");
    out->gpus_are_own = own_gpus(env);
    if (!per_node) /* the job's script itself: one process, whatever the job may start */
        return;
    out->tasks = number_of(env, "SLURM_STEP_NUM_TASKS", 1);
    out->task = number_of(env, "SLURM_PROCID", 0);
    out->tasks_here = repeated_at(per_node, number_of(env, "SLURM_NODEID", 0));
    out->task_here = number_of(env, "SLURM_LOCALID", 0);
    if (out->task_here >= out->tasks_here)
        out->tasks_here = out->task_here + 1;
}

bool slurm_name(const struct slurm *slurm, char *out, size_t room)
{
    char job[48], task[16] = "";
    if (!slurm->job)
        return false;
    if (slurm->array_job && slurm->array_task)
        snprintf(job, sizeof job, "%.20s_%.20s", slurm->array_job, slurm->array_task);
    else
        snprintf(job, sizeof job, "%.40s", slurm->job);
    if (slurm->tasks > 1)
        snprintf(task, sizeof task, ".%d", slurm->task);
    snprintf(out, room, "%.30s-%s%s", slurm->node ? slurm->node : "slurm", job, task);
    return true;
}
