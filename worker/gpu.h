/* gpu: which slot of a worker gets which GPUs, and how its trainers are told.
 *
 *     --gpus      slots   4 GPUs: each slot's
 *     (nothing)   1       0,1,2,3          as there is nothing to split; with more slots than GPUs nothing is split either
 *     (nothing)   2       0,1   2,3
 *     auto        –       0   1   2   3    as many slots as GPUs
 *     0,2         –       0   2            ids as CUDA_VISIBLE_DEVICES has them, or UUIDs
 *     none        any     every slot sees what the worker sees
 *
 * With slots_per_gpu = n up to n slots have a GPU together. The same arguments give the same plan, so a slot keeps its
 * GPUs over a restart of its worker. A trainer is told by the variable that was set for the worker; where none was, by
 * CUDA_VISIBLE_DEVICES (ids by bus: CUDA_DEVICE_ORDER) or, of AMD's, ROCR_VISIBLE_DEVICES.
 *
 * Refuses, if GPUs were asked for: one named twice, one that is not there, more slots than GPUs.
 * Pure but for files below `root` (gpu_seen.h). Ownership: gpu_plan_fini frees, and gpu_env_free.
 */
#ifndef HONE_WORKER_GPU_H
#define HONE_WORKER_GPU_H

#include "common/err.h"
#include "worker/gpu_seen.h"

struct gpu_options {
    const char *gpus;  /* auto, none, a list; NULL: not said */
    int slots;         /* 0: not said */
    int slots_per_gpu; /* 0: not said */
};

struct gpu_plan {
    int slots;         /* from 1 */
    char **gpus;       /* (slots) "0", "0,1"; NULL: nothing is handed out */
    char summary[256]; /* "0,1,2,3": what this worker has; "": nothing is handed out */
    char note[256];    /* for the log: why it is not as one might think; "": nothing to say */
    bool tell[3];      /* which of gpu_variables trainers are told by */
    bool by_bus;       /* the ids count along the bus */
};

int gpu_plan_make(const struct gpu_options *options, char *const *env, const char *root, struct gpu_plan *out,
                  struct err *err);
void gpu_plan_fini(struct gpu_plan *plan);

/* False: the slots need not be told, for there is one and it has all that the worker sees. */
bool gpu_plan_tells(const struct gpu_plan *plan);

/* The GPUs of slots [first, first + count) as a value of --gpus, each once; NULL: nothing is handed out. The caller frees. */
char *gpu_plan_part(const struct gpu_plan *plan, int first, int count);

/* What the process of a slot is started with: `env`, its GPUs, HONE_SLOT and HONE_GPU. A plan of NULL hands nothing out. */
char **gpu_env(const struct gpu_plan *plan, int slot, char *const *env);
void gpu_env_free(char **env);

#endif
