#include "worker/gpu_seen.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/mem.h"

const char *const gpu_variables[] = {"CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
                                     NULL};

/* ---- lists ---- */

void gpu_ids_add(struct gpu_ids *ids, const char *id)
{
    GROW(ids->items, ids->room, (size_t)ids->count + 1);
    ids->items[ids->count++] = xstrdup(id);
}

bool gpu_ids_have(const struct gpu_ids *ids, const char *id)
{
    for (int i = 0; i < ids->count; i++)
        if (strcmp(ids->items[i], id) == 0)
            return true;
    return false;
}

void gpu_ids_fini(struct gpu_ids *ids)
{
    for (int i = 0; i < ids->count; i++)
        free(ids->items[i]);
    free(ids->items);
    *ids = (struct gpu_ids){0};
}

void gpu_ids_split(const char *list, struct gpu_ids *out)
{
    for (const char *at = list; *at && out->count < GPUS_MAX;) {
        at += strspn(at, " ,");
        size_t len = strcspn(at, " ,");
        char *id = xstrndup(at, len);
        bool ends = !len || strcmp(id, "-1") == 0 || strcmp(id, "NoDevFiles") == 0;
        if (!ends)
            gpu_ids_add(out, id);
        free(id);
        if (ends)
            return;
        at += len;
    }
}

/* ---- files ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Entries of a folder, in order; none if it is not there. */
static void list_folder(const char *root, const char *folder, struct gpu_ids *out)
{
    char *path = xasprintf("%s%s", root, folder);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir)) && out->count < 1 << 16;)
        if (entry->d_name[0] != '.')
            gpu_ids_add(out, entry->d_name);
    if (dir)
        closedir(dir);
    free(path);
    if (out->count)
        qsort(out->items, (size_t)out->count, sizeof *out->items, by_text);
}

static int count_devices(const char *root)
{
    struct gpu_ids names = {0};
    int count = 0;
    list_folder(root, "/dev", &names);
    for (int i = 0; i < names.count; i++) {
        unsigned minor;
        char rest;
        count += sscanf(names.items[i], "nvidia%u%c", &minor, &rest) == 1;
    }
    gpu_ids_fini(&names);
    return count;
}

static void add_uuid(const char *root, const char *bus, struct gpu_ids *out)
{
    static const char label[] = "GPU UUID:";
    struct str text = {0};
    char *path = xasprintf("%s/proc/driver/nvidia/gpus/%s/information", root, bus);
    const char *at = file_read(path, 1 << 16, &text, NULL) ? NULL : strstr(str_text(&text), label);
    if (at) {
        at += strlen(label);
        at += strspn(at, " \t");
        char *uuid = xstrndup(at, strcspn(at, " \t\r\n"));
        gpu_ids_add(out, uuid);
        free(uuid);
    }
    str_fini(&text);
    free(path);
}

/* A container may see the driver's list of all GPUs, and the devices of its own alone; or none before a first use. */
static void read_nvidia(const char *root, struct gpu_seen *out)
{
    struct gpu_ids buses = {0};
    list_folder(root, "/proc/driver/nvidia/gpus", &buses);
    int devices = count_devices(root), count = buses.count;
    if (devices && (!count || devices < count))
        count = devices;
    for (int i = 0; i < count && i < GPUS_MAX; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        gpu_ids_add(&out->ids, id);
    }
    for (int i = 0; i < count && count == buses.count; i++)
        add_uuid(root, buses.items[i], &out->uuids);
    if (out->uuids.count != out->ids.count)
        gpu_ids_fini(&out->uuids);
    gpu_ids_fini(&buses);
    out->kind = GPU_NVIDIA;
}

/* Processors are nodes of the topology, too: their gpu_id is 0. */
static void read_amd(const char *root, struct gpu_seen *out)
{
    struct gpu_ids nodes = {0};
    list_folder(root, "/sys/class/kfd/kfd/topology/nodes", &nodes);
    for (int i = 0; i < nodes.count; i++) {
        struct str text = {0};
        char id[16], *path = xasprintf("%s/sys/class/kfd/kfd/topology/nodes/%s/gpu_id", root, nodes.items[i]);
        bool gpu = !file_read(path, 64, &text, NULL) && strtoul(str_text(&text), NULL, 10) != 0;
        snprintf(id, sizeof id, "%d", out->ids.count);
        if (gpu && out->ids.count < GPUS_MAX)
            gpu_ids_add(&out->ids, id);
        str_fini(&text);
        free(path);
    }
    gpu_ids_fini(&nodes);
    out->kind = GPU_AMD;
}

/* ---- all of it ---- */

void gpu_seen_read(char *const *env, const char *root, const struct slurm *slurm, struct gpu_seen *out)
{
    *out = (struct gpu_seen){.sharers = 1};
    for (const char *const *name = gpu_variables; *name && !out->source; name++)
        if (env_get(env, *name))
            out->source = *name;
    if (out->source) {
        gpu_ids_split(env_get(env, out->source), &out->ids);
        if (slurm->job && !slurm->gpus_are_own) {
            out->sharers = slurm->tasks_here;
            out->place = slurm->task_here;
        }
        return;
    }
    out->slurm_gave_none = slurm->job;
    if (!slurm->job)
        read_nvidia(root, out);
    if (!slurm->job && !out->ids.count)
        read_amd(root, out);
}

void gpu_seen_fini(struct gpu_seen *seen)
{
    gpu_ids_fini(&seen->ids);
    gpu_ids_fini(&seen->uuids);
}
