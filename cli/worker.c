/* worker, slot, train: the processes that train. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/bind.h"
#include "cli/commands.h"
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

int cmd_worker(const struct opt_worker *opt)
{
    struct err err = ERR_NONE;
    log_init(LOG_INFO);
    if (opt->log_file && log_to_file(opt->log_file, opt->log_size, &err))
        return command_fail("worker", &err);
    if (opt->slots < 1 || opt->slots > 1024) {
        err_set(&err, ERR_BAD, "--slots: from 1 to 1024 (got %lld)", (long long)opt->slots);
        return command_fail("worker", &err);
    }
    struct worker_options options = {.address = opt->args.items[0],
                                     .slots = (int)opt->slots,
                                     .idle_ms = opt->idle < 0 ? 0 : opt->idle,
                                     .dir = opt->dir,
                                     .apart = opt->apart,
                                     .name = opt->name,
                                     .journal = opt->journal};
    static const enum role roles[] = {ROLE_WORKER, ROLE_NONE};
    struct key_trust trust;
    bool use;
    if (trust_connect(options.address, false, roles, &trust, &use, &err))
        return command_fail("worker", &err);
    struct str may = {0};
    if (write_permit(opt, use || bind_is_local(options.address), &may, &err))
        return command_fail("worker", &err);
    options.trust = use ? &trust : NULL;
    options.may = str_text(&may);
    options.own_base = opt->allow.count || opt->trainers;
    int status = worker_run(&options, &err);
    str_fini(&may);
    key_pair_wipe(&trust.own);
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
