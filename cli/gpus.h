/* gpus: --gpus, --slots and --slots-per-gpu of this process become a plan (worker/gpu.h). HONE_GPU_ROOT stands for the
 * root of the file system in which drivers leave their files: a test makes itself a machine with GPUs. */
#ifndef HONE_CLI_GPUS_H
#define HONE_CLI_GPUS_H

#include <stdint.h>

#include "worker/gpu.h"

struct gpus_wish {
    const char *gpus;             /* NULL: not said */
    int64_t slots, slots_per_gpu; /* -1: not said */
};

int gpus_plan(const struct gpus_wish *wish, struct gpu_plan *out, struct err *err);

#endif
