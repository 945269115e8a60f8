#include "cli/gpus.h"

#include <stdlib.h>
#include <unistd.h>

enum { SLOTS_MOST = 1024 };

int gpus_plan(const struct gpus_wish *wish, struct gpu_plan *out, struct err *err)
{
    const char *root = getenv("HONE_GPU_ROOT");
    *out = (struct gpu_plan){0};
    if (!wish->slots || wish->slots > SLOTS_MOST)
        return err_set(err, ERR_BAD, "--slots: from 1 to %d (got %lld)", SLOTS_MOST, (long long)wish->slots);
    if (!wish->slots_per_gpu || wish->slots_per_gpu > SLOTS_MOST)
        return err_set(err, ERR_BAD, "--slots-per-gpu: from 1 to %d (got %lld)", SLOTS_MOST,
                       (long long)wish->slots_per_gpu);
    struct gpu_options options = {.gpus = wish->gpus,
                                  .slots = wish->slots < 0 ? 0 : (int)wish->slots,
                                  .slots_per_gpu = wish->slots_per_gpu < 0 ? 0 : (int)wish->slots_per_gpu};
    return gpu_plan_make(&options, environ, root ? root : "", out, err);
}
