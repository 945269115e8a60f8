/* gpu_seen: which GPUs this process may hand out, before anybody has asked for some.
 *
 * A list in CUDA_VISIBLE_DEVICES (else HIP_, else ROCR_VISIBLE_DEVICES) is what somebody gave this process; its ids are
 * taken as they stand. Tasks of one Slurm step that see the same list split it (slurm.h). Inside of Slurm no list means
 * no GPU: without cgroups such a job could reach the GPUs of others. Elsewhere the files of the drivers are counted, and
 * the ids are 0, 1, 2, … in the order of the bus: /proc/driver/nvidia/gpus and /dev/nvidia0, …; /sys/class/kfd.
 *
 * Reads its arguments and files below `root`. Ownership: gpu_seen_fini frees.
 */
#ifndef HONE_WORKER_GPU_SEEN_H
#define HONE_WORKER_GPU_SEEN_H

#include <stdbool.h>
#include <stddef.h>

#include "worker/slurm.h"

enum { GPUS_MAX = 1024 };

struct gpu_ids {
    char **items;
    size_t room;
    int count;
};

enum gpu_kind { GPU_BY_LIST, GPU_NVIDIA, GPU_AMD };

struct gpu_seen {
    struct gpu_ids ids;
    struct gpu_ids uuids; /* of the same GPUs, where the driver says so; else empty */
    enum gpu_kind kind;   /* what the ids go by: variables that are set, or files */
    const char *source;   /* "CUDA_VISIBLE_DEVICES"; the variable, if one is set; else NULL */
    int sharers, place;   /* tasks that see the same list, and which of them this is */
    bool slurm_gave_none;
};

/* `root`: "" for the machine itself. */
void gpu_seen_read(char *const *env, const char *root, const struct slurm *slurm, struct gpu_seen *out);
void gpu_seen_fini(struct gpu_seen *seen);

/* The parts of a list parted by commas, blanks around them left out, up to one that ends it as for CUDA (-1, NoDevFiles). */
void gpu_ids_split(const char *list, struct gpu_ids *out);
void gpu_ids_add(struct gpu_ids *ids, const char *id);
bool gpu_ids_have(const struct gpu_ids *ids, const char *id);
void gpu_ids_fini(struct gpu_ids *ids);

/* The variables by which programs are told which GPUs are theirs; ends with NULL. ROCR_ comes last: the other two count
 * within what it leaves. */
extern const char *const gpu_variables[];

#endif
