#include "worker/gpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/str.h"

enum { SLOTS_MAX = 1024 };

/* ---- which GPUs ---- */

static void list_text(const struct gpu_ids *ids, char *out, size_t room)
{
    size_t len = 0;
    out[0] = '\0';
    for (int i = 0; i < ids->count; i++) {
        size_t more = strlen(ids->items[i]) + 1;
        if (len + more + 4 > room) {
            snprintf(out + len, room - len, ",…");
            return;
        }
        len += (size_t)snprintf(out + len, room - len, "%s%s", i ? "," : "", ids->items[i]);
    }
}

/* Index, UUID or the beginning of a UUID, as CUDA takes them. Slices of a GPU (MIG) are in no list that we could read. */
static bool is_there(const struct gpu_seen *seen, const char *id)
{
    bool uuid = str_starts(id, "GPU-");
    for (int i = 0; uuid && i < seen->uuids.count; i++)
        if (str_starts(seen->uuids.items[i], id))
            return true;
    return gpu_ids_have(&seen->ids, id) || str_starts(id, "MIG-") ||
           (uuid && !seen->source && !seen->uuids.count);
}

static int refuse_unknown(const struct gpu_seen *seen, const char *list, const char *id, struct err *err)
{
    char there[200];
    list_text(&seen->ids, there, sizeof there);
    err_set(err, ERR_BAD, "--gpus %.100s: there is no GPU %.60s here; there is %s", list, id, there);
    return seen->source ? err_hint(err, "%s says which this process may use", seen->source)
                        : err_hint(err, "nvidia-smi -L lists indices and UUIDs");
}

/* What was asked for by name. Where none can be seen (no driver's files, as on WSL) the user knows better. */
static int take_named(const struct gpu_seen *seen, const char *list, struct gpu_ids *out, struct err *err)
{
    struct gpu_ids named = {0};
    int rc = 0;
    gpu_ids_split(list, &named);
    if (!named.count) {
        err_set(err, ERR_BAD, "--gpus \"%.60s\": no list of GPUs", list);
        rc = err_hint(err, "auto, none, or ids as in 0,1 or GPU-8932f937,…");
    }
    if (!rc && seen->slurm_gave_none) {
        err_set(err, ERR_BAD, "--gpus %.100s: Slurm gave this job no GPU", list);
        rc = err_hint(err, "sbatch --gpus-per-task=1");
    }
    for (int i = 0; i < named.count && !rc; i++) {
        if (gpu_ids_have(out, named.items[i]))
            rc = err_set(err, ERR_BAD, "--gpus %.100s: GPU %.60s is named twice", list, named.items[i]);
        else if (seen->ids.count && !is_there(seen, named.items[i]))
            rc = refuse_unknown(seen, list, named.items[i], err);
        else
            gpu_ids_add(out, named.items[i]);
    }
    gpu_ids_fini(&named);
    return rc;
}

/* A task's share of a list that several tasks of its node see. */
static int take_share(const struct gpu_seen *seen, int *per_gpu, struct gpu_ids *out, struct err *err)
{
    int there = seen->ids.count, share = there / seen->sharers;
    if (there && !share && seen->sharers > there * *per_gpu) {
        err_set(err, ERR_BAD, "%d tasks of this job on this node see %d GPU%s", seen->sharers, there,
                there == 1 ? "" : "s");
        return err_hint(err, "a task for each GPU, --gpus-per-task=1, or --slots-per-gpu");
    }
    for (int i = 0; i < share; i++)
        gpu_ids_add(out, seen->ids.items[seen->place * share + i]);
    if (there && !share) {
        gpu_ids_add(out, seen->ids.items[seen->place % there]);
        *per_gpu = 1;
    }
    return 0;
}

/* ---- for which slot ---- */

static int refuse_slots(int slots, int gpus, int per_gpu, struct err *err)
{
    if (per_gpu > 1)
        err_set(err, ERR_BAD, "--slots %d: more than %d on each of %d GPU%s", slots, per_gpu, gpus,
                gpus == 1 ? "" : "s");
    else
        err_set(err, ERR_BAD, "--slots %d: more than there are GPUs (%d)", slots, gpus);
    return err_hint(err, "--slots-per-gpu N lets N slots have a GPU together, --gpus none all of them all");
}

/* Slots of their own take neighbours together; with fewer GPUs than slots they go round. */
static void deal(const struct gpu_ids *ids, struct gpu_plan *out)
{
    int share = ids->count / out->slots;
    out->gpus = xcalloc((size_t)out->slots, sizeof *out->gpus);
    for (int slot = 0; slot < out->slots; slot++) {
        struct str text = {0};
        for (int i = 0; i < share; i++)
            str_addf(&text, "%s%s", i ? "," : "", ids->items[slot * share + i]);
        if (!share)
            str_add(&text, ids->items[slot % ids->count]);
        out->gpus[slot] = str_take(&text);
    }
    list_text(ids, out->summary, sizeof out->summary);
    if (share && ids->count % out->slots)
        snprintf(out->note, sizeof out->note, "%d of the GPUs %.150s %s: %d slots", ids->count % out->slots,
                 out->summary, ids->count % out->slots == 1 ? "is idle" : "are idle", out->slots);
}

/* CUDA_ and HIP_VISIBLE_DEVICES count within what ROCR_ leaves: that one is only narrowed where it stands alone. */
static void choose_variables(char *const *env, const struct gpu_seen *seen, struct gpu_plan *out)
{
    for (int i = 0; i < 3 && seen->source; i++) {
        const char *value = env_get(env, gpu_variables[i]);
        bool alone = strcmp(seen->source, gpu_variables[i]) == 0;
        out->tell[i] = alone || (i < 2 && value && strcmp(value, env_get(env, seen->source)) == 0);
    }
    if (!seen->source)
        out->tell[seen->kind == GPU_AMD ? 2 : 0] = true;
    out->by_bus = !seen->source && seen->kind == GPU_NVIDIA && !env_get(env, "CUDA_DEVICE_ORDER");
}

static struct gpu_plan untold(const struct gpu_plan *plan)
{
    struct gpu_plan out = *plan;
    memset(out.tell, 0, sizeof out.tell);
    out.by_bus = false;
    return out;
}

/* ---- the plan ---- */

static void hand_out_nothing(int slots, struct gpu_plan *out)
{
    gpu_plan_fini(out);
    *out = (struct gpu_plan){.slots = slots ? slots : 1};
}

static int plan_of(const struct gpu_options *options, char *const *env, const struct gpu_seen *seen,
                   struct gpu_plan *out, struct err *err)
{
    struct gpu_ids ids = {0};
    bool named = options->gpus && strcmp(options->gpus, "auto") != 0,
         asked = options->gpus || options->slots_per_gpu;
    int per_gpu = options->slots_per_gpu ? options->slots_per_gpu : 1;
    int rc = named ? take_named(seen, options->gpus, &ids, err) : take_share(seen, &per_gpu, &ids, err);
    int64_t most = (int64_t)ids.count * per_gpu;
    hand_out_nothing(options->slots, out);
    if (!rc && ids.count && asked && !options->slots)
        out->slots = most < SLOTS_MAX ? (int)most : SLOTS_MAX;
    if (!rc && ids.count && out->slots > most)
        rc = refuse_slots(out->slots, ids.count, per_gpu, err);
    if (!rc && ids.count) {
        deal(&ids, out);
        choose_variables(env, seen, out);
        if (!asked && out->slots == 1 &&
            seen->sharers == 1) /* all of them: nothing to say that it does not know */
            *out = untold(out);
    }
    if (!rc && !ids.count && asked)
        snprintf(out->note, sizeof out->note, "no GPU: %s",
                 seen->slurm_gave_none ? "Slurm gave this job none (sbatch --gpus-per-task=1)"
                 : seen->source        ? "the worker's environment shows it none"
                                       : "none is to be seen here");
    gpu_ids_fini(&ids);
    return rc;
}

int gpu_plan_make(const struct gpu_options *options, char *const *env, const char *root, struct gpu_plan *out,
                  struct err *err)
{
    struct slurm slurm;
    struct gpu_seen seen;
    struct err why = ERR_NONE;
    *out = (struct gpu_plan){0};
    hand_out_nothing(options->slots, out);
    if (options->gpus && strcmp(options->gpus, "none") == 0)
        return 0;
    slurm_read(env, &slurm);
    gpu_seen_read(env, root, &slurm, &seen);
    int rc = plan_of(options, env, &seen, out, &why);
    gpu_seen_fini(&seen);
    if (!rc)
        return 0;
    hand_out_nothing(options->slots, out);
    if (!options->gpus && !options->slots_per_gpu) { /* nobody asked: as it was before anybody could */
        snprintf(out->note, sizeof out->note, "GPUs are not split among slots (%.200s)", why.text);
        return 0;
    }
    if (err)
        *err = why;
    return rc;
}

void gpu_plan_fini(struct gpu_plan *plan)
{
    for (int i = 0; plan->gpus && i < plan->slots; i++)
        free(plan->gpus[i]);
    free(plan->gpus);
    *plan = (struct gpu_plan){0};
}

bool gpu_plan_tells(const struct gpu_plan *plan)
{
    return plan->gpus && (plan->tell[0] || plan->tell[1] || plan->tell[2]);
}

char *gpu_plan_part(const struct gpu_plan *plan, int first, int count)
{
    struct gpu_ids ids = {0};
    struct str text = {0};
    if (!plan->gpus)
        return NULL;
    for (int slot = first; slot < first + count && slot < plan->slots; slot++) {
        struct gpu_ids own = {0};
        gpu_ids_split(plan->gpus[slot], &own);
        for (int i = 0; i < own.count; i++)
            if (!gpu_ids_have(&ids, own.items[i]))
                gpu_ids_add(&ids, own.items[i]);
        gpu_ids_fini(&own);
    }
    for (int i = 0; i < ids.count; i++)
        str_addf(&text, "%s%s", i ? "," : "", ids.items[i]);
    gpu_ids_fini(&ids);
    return str_take(&text);
}

/* ---- telling ---- */

static bool names(const char *entry, const char *name)
{
    size_t len = strlen(name);
    return strncmp(entry, name, len) == 0 && entry[len] == '=';
}

static bool is_ours(const struct gpu_plan *plan, const char *entry)
{
    bool ours = names(entry, "HONE_SLOT") || names(entry, "HONE_GPU");
    for (int i = 0; i < 3 && plan && plan->gpus; i++)
        ours = ours || (plan->tell[i] && names(entry, gpu_variables[i]));
    return ours;
}

char **gpu_env(const struct gpu_plan *plan, int slot, char *const *env)
{
    size_t count = 0, most = 0;
    while (env[most])
        most++;
    char **out = xcalloc(most + 8, sizeof *out);
    for (char *const *entry = env; *entry; entry++)
        if (!is_ours(plan, *entry))
            out[count++] = xstrdup(*entry);
    out[count++] = xasprintf("HONE_SLOT=%d", slot);
    if (!plan || !plan->gpus)
        return out;
    out[count++] = xasprintf("HONE_GPU=%s", plan->gpus[slot]);
    for (int i = 0; i < 3; i++)
        if (plan->tell[i])
            out[count++] = xasprintf("%s=%s", gpu_variables[i], plan->gpus[slot]);
    if (plan->by_bus)
        out[count++] = xstrdup("CUDA_DEVICE_ORDER=PCI_BUS_ID");
    return out;
}

void gpu_env_free(char **env)
{
    for (char **entry = env; entry && *entry; entry++)
        free(*entry);
    free(env);
}
