/* worker, slot, train: the processes that train. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/bind.h"
#include "cli/commands.h"
#include "cli/gpus.h"
#include "cli/trust.h"
#include "common/log.h"
#include "worker/builtin.h"
#include "worker/permit.h"
#include "worker/session.h"
#include "worker/slot.h"

/* Who shows the pinned key may have anything run, for that is what workers are for; so may a master on this machine,
 * which could as well start programs itself. A master that anybody could play may not. */
static int write_permit(const struct opt_worker *opt, bool trusted, struct str *out, struct err *err)
{
    bool fenced = opt->allow.count || opt->trainers;
    struct permit_options permit = {.any = opt->allow_any || (!fenced && trusted),
                                    .allow = opt->allow.items,
                                    .allow_count = opt->allow.count,
                                    .trainers = opt->trainers,
                                    .env = opt->env.items,
                                    .env_count = opt->env.count,
                                    .memory = opt->limit_memory,
                                    .files = opt->limit_files,
                                    .time_ms = opt->limit_time,
                                    .log = opt->limit_log};
    if (fenced && opt->allow_any)
        return err_set(err, ERR_BAD, "--allow-any does not go with --allow and --trainers");
    return permit_write(&permit, out, err);
}

static int train(const struct opt_worker *opt, const struct gpu_plan *gpus, struct err *err)
{
    struct worker_options options = {.address = opt->args.items[0],
                                     .slots = gpus->slots,
                                     .gpus = gpus,
                                     .idle_ms = opt->idle < 0 ? 0 : opt->idle,
                                     .dir = opt->dir,
                                     .apart = opt->apart,
                                     .name = opt->name,
                                     .journal = opt->journal};
    static const enum role roles[] = {ROLE_WORKER, ROLE_NONE};
    struct key_trust trust;
    bool use;
    int rc = trust_connect(options.address, false, roles, &trust, &use, err);
    if (rc)
        return rc;
    struct str may = {0};
    rc = write_permit(opt, use || bind_is_local(options.address), &may, err);
    options.trust = use ? &trust : NULL;
    options.may = str_text(&may);
    options.own_base = opt->allow.count || opt->trainers;
    int status = rc ? rc : worker_run(&options, err);
    str_fini(&may);
    key_pair_wipe(&trust.own);
    return status;
}

static void tell_gpus(const struct gpu_plan *gpus)
{
    if (*gpus->summary)
        log_info("GPUs %s: %d slot%s", gpus->summary, gpus->slots, gpus->slots == 1 ? "" : "s");
    if (*gpus->note)
        log_warn("%s", gpus->note);
}

int cmd_worker(const struct opt_worker *opt)
{
    struct err err = ERR_NONE;
    struct gpu_plan gpus;
    log_init(LOG_INFO);
    if (opt->log_file && log_to_file(opt->log_file, opt->log_size, &err))
        return command_fail("worker", &err);
    if (gpus_plan(&(struct gpus_wish){opt->gpus, opt->slots, opt->slots_per_gpu}, &gpus, &err))
        return command_fail("worker", &err);
    tell_gpus(&gpus);
    int status = train(opt, &gpus, &err);
    gpu_plan_fini(&gpus);
    return err.code ? command_fail("worker", &err) : status;
}

int cmd_slot(const struct opt_slot *opt)
{
    char *end;
    long fd = strtol(opt->args.items[0], &end, 10);
    if (*end || fd < 0 || fd > 1 << 20) {
        fprintf(stderr, "hone slot: is started by hone worker, not by hand\n");
        return 2;
    }
    return slot_main((int)fd);
}

int cmd_train(const struct opt_train *opt)
{
    (void)opt;
    return builtin_train();
}
