/* worker, slot, train: the processes that train. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "common/log.h"
#include "worker/builtin.h"
#include "worker/session.h"
#include "worker/slot.h"

int cmd_worker(const struct opt_worker *opt)
{
    struct err err = ERR_NONE;
    log_init(LOG_INFO);
    if (opt->slots < 1 || opt->slots > 1024) {
        err_set(&err, ERR_BAD, "--slots: from 1 to 1024 (got %lld)", (long long)opt->slots);
        return command_fail("worker", &err);
    }
    struct worker_options options = {.address = opt->args.items[0],
                                     .slots = (int)opt->slots,
                                     .idle_ms = opt->idle < 0 ? 0 : opt->idle,
                                     .dir = opt->dir,
                                     .apart = opt->apart,
                                     .name = opt->name};
    int status = worker_run(&options, &err);
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
