#include "cli/here.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/bind.h"
#include "cli/signals.h"
#include "common/clock.h"
#include "common/mem.h"

enum { WORKERS_MOST = 8, TURN_LIVE_MS = 100, TURN_PLAIN_MS = 250 };

int here_worker_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > WORKERS_MOST ? WORKERS_MOST : (int)cores;
}

static void worker_died(void *arg, int64_t pid)
{
    server_worker_gone(arg, pid);
}

int here_start(struct here *here, const struct here_options *options, struct err *err)
{
    struct str address = {0};
    char *log_dir = xasprintf("%s.d/workers", options->db);
    bind_reach(server_address(here->server), "127.0.0.1", &address);
    struct children_options children = {.count = options->workers,
                                        .first = options->first,
                                        .slots = options->slots,
                                        .gpus = options->gpus,
                                        .slots_per_gpu = options->slots_per_gpu,
                                        .address = str_text(&address),
                                        .dir = options->dir,
                                        .log_dir = log_dir,
                                        .died = worker_died,
                                        .arg = here->server};
    int rc = children_start(&children, clock_mono_ms(), &here->children, err);
    free(log_dir);
    str_fini(&address);
    return rc;
}

static void heed_signals(struct here *here)
{
    int count = signals_count();
    if (count > 1) {
        here->killed = true;
    } else if (count == 1 && !here->interrupted) {
        progress_say(&here->progress,
                     "interrupted: trials keep their checkpoints; ^C again to leave at once");
        here_finish(here);
    }
}

int here_loop(struct here *here, const char *study, here_watch *watch, void *arg, struct err *err)
{
    int64_t wait = here->progress.live ? TURN_LIVE_MS : TURN_PLAIN_MS;
    for (;;) {
        struct server_snapshot snapshot;
        int rc = server_turn(here->server, wait, err);
        if (rc < 0)
            return rc;
        int64_t now = clock_mono_ms();
        if (server_snapshot(here->server, study, &snapshot) == 0) {
            watch(arg, &snapshot);
            progress_show(&here->progress, &snapshot, now);
        }
        heed_signals(here);
        if (rc == 1 || here->killed)
            return 0;
        rc = children_tend(here->children, !here->interrupted, now, err);
        if (rc)
            return rc;
    }
}

void here_finish(struct here *here)
{
    if (!here->interrupted)
        server_interrupt(here->server);
    here->interrupted = true;
}

void here_close(struct here *here)
{
    if (here->killed)
        children_kill(here->children);
    server_close(here->server); /* workers hear of the end, or lose their master */
    children_end(here->children);
    children_free(here->children);
}
