/* run: a master in this process, its workers beside it, one study from the first trial to the table of the
 * best. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/best.h"
#include "cli/bind.h"
#include "cli/check_table.h"
#include "cli/commands.h"
#include "cli/gpus.h"
#include "cli/here.h"
#include "cli/result.h"
#include "cli/sidecar.h"
#include "cli/signals.h"
#include "cli/study_file.h"
#include "cli/trust.h"
#include "common/clock.h"
#include "common/log.h"
#include "master/submission.h"

enum { ADOPT_MS = 2500, ADOPT_TURN_MS = 100 };

struct run {
    const struct opt_run *opt;
    struct here here;
    char study[65];
    struct sidecar dash;
    const char *gates; /* what is checked; NULL: said already */
    int workers;
    struct gpu_plan gpus;
    bool ended; /* the study; ^C may have come too late */
};

/* All slots of all workers share the GPUs; if some are asked for and no number of workers, they say how many. */
static int plan_workers(struct run *run, struct err *err)
{
    const struct opt_run *opt = run->opt;
    bool by_gpu = opt->workers < 0 && (opt->gpus || opt->slots_per_gpu > 0);
    run->workers = opt->workers >= 0 ? (int)opt->workers : here_worker_count();
    if (!run->workers)
        return 0;
    struct gpus_wish wish = {opt->gpus, by_gpu ? -1 : run->workers * opt->slots, opt->slots_per_gpu};
    int rc = gpus_plan(&wish, &run->gpus, err);
    if (!rc && by_gpu && run->gpus.gpus)
        run->workers = run->gpus.slots / (int)opt->slots ? run->gpus.slots / (int)opt->slots : 1;
    if (!rc && *run->gpus.note)
        fprintf(stderr, "%s\n", run->gpus.note);
    return rc;
}

static int check_options(struct run *run, struct err *err)
{
    const struct opt_run *opt = run->opt;
    if (opt->workers > 1000)
        return err_set(err, ERR_BAD, "--workers: at most 1000 (got %lld)", (long long)opt->workers);
    if (opt->slots < 1 || opt->slots > 1024)
        return err_set(err, ERR_BAD, "--slots: from 1 to 1024 (got %lld)", (long long)opt->slots);
    return plan_workers(run, err);
}

/* Our own workers come over the same socket, so they need keys where others do. */
static int find_keys(const struct opt_run *opt, char **keys, struct err *err)
{
    int rc = opt->bind ? trust_listen(opt->bind, opt->insecure, keys, err) : 0;
    if (!rc && *keys)
        setenv("HONE_KEYS", *keys, 1);
    if (!rc && !*keys && opt->bind && !bind_is_local(opt->bind))
        fprintf(stderr, "%s\n", NO_KEYS_TEXT);
    return rc;
}

static int open_server(struct run *run, struct err *err)
{
    const struct opt_run *opt = run->opt;
    char *keys = NULL;
    if (find_keys(opt, &keys, err))
        return ERR_BAD;
    struct server_options options = {.db = opt->db,
                                     .bind = opt->bind,
                                     .keys = keys,
                                     .once = true,
                                     .network_db = opt->network_db,
                                     .mirror = opt->mirror,
                                     .beat_ms = opt->beat,
                                     .lease_ms = opt->lease};
    int rc = server_open(&options, &run->here.server, err);
    free(keys);
    if (rc == ERR_REACH && err && !err->hint[0])
        err_hint(err, "hone submit %s gives the study to the master that is running", opt->args.items[0]);
    return rc;
}

/* Workers outlive a killed `hone run`: those that come back now need not be started. They retry every two seconds. */
static int adopt_workers(struct run *run, int wanted, int *adopted, struct err *err)
{
    struct server_snapshot snapshot;
    int64_t until = clock_mono_ms() + ADOPT_MS;
    *adopted = 0;
    struct here *here = &run->here;
    if (server_snapshot(here->server, run->study, &snapshot) || !snapshot.counts[TRIAL_running])
        return 0;
    while (*adopted < wanted && clock_mono_ms() < until && !signals_count()) {
        int rc = server_turn(here->server, ADOPT_TURN_MS, err);
        if (rc)
            return rc < 0 ? rc : 0;
        server_snapshot(here->server, run->study, &snapshot);
        *adopted = snapshot.workers;
    }
    if (*adopted)
        progress_say(&here->progress, "%d worker%s of the run before came back", *adopted,
                     *adopted == 1 ? "" : "s");
    return 0;
}

static int start_workers(struct run *run, struct err *err)
{
    const struct opt_run *opt = run->opt;
    int wanted = run->workers, adopted;
    int rc = adopt_workers(run, wanted, &adopted, err);
    if (rc)
        return rc;
    struct here_options options = {.db = opt->db,
                                   .dir = opt->dir,
                                   .workers = adopted < wanted ? wanted - adopted : 0,
                                   .first = adopted + 1,
                                   .slots = opt->slots,
                                   .gpus = &run->gpus,
                                   .slots_per_gpu = opt->slots_per_gpu};
    const char *address = server_address(run->here.server);
    rc = here_start(&run->here, &options, err);
    if (opt->bind && !bind_is_local(address))
        progress_say(&run->here.progress, "workers of other hosts: hone worker %s", address);
    return rc;
}

/* Once: it may take as long as three epochs, and says why no trial has begun. */
static void tell_checking(struct run *run, const struct server_snapshot *snapshot)
{
    if (run->gates && snapshot->workers && strcmp(snapshot->state, "checking") == 0) {
        progress_say(&run->here.progress, "checking: %s", run->gates);
        run->gates = NULL;
    }
}

/* The database may hold other unfinished studies: `run` is about one. */
static void watch(void *arg, const struct server_snapshot *snapshot)
{
    struct run *run = arg;
    tell_checking(run, snapshot);
    run->ended = snapshot->state && strcmp(snapshot->state, "ended") == 0;
    if (run->ended)
        here_finish(&run->here);
}

static void show_dash(struct run *run)
{
    char address[256];
    sidecar_start(&run->dash, run->opt->db, run->opt->http, address);
    if (*address && run->opt->quiet)
        fprintf(stderr, "dashboard: %s\n", address); // it was asked for, and is no progress
    else if (*address)
        progress_say(&run->here.progress, "dashboard: %s", address);
}

static int search(struct run *run, struct err *err)
{
    struct here *here = &run->here;
    signals_catch();
    progress_init(&here->progress, run->opt->json ? stderr : stdout, run->opt->quiet);
    show_dash(run);
    int rc = start_workers(run, err);
    if (!rc)
        rc = here_loop(here, run->study, watch, run, err);
    progress_fini(&here->progress);
    return rc;
}

static int submit(struct run *run, const struct study_file *file, bool *finished, struct err *err)
{
    struct submission how = {file->path, file->base, run->opt->fresh,
                             checks_wanted(run->opt->no_check, run->opt->force)};
    return server_submit(run->here.server, str_text(&file->text), &how, run->study, finished, err);
}

/* Everything but the result; 0 also if it was interrupted. */
static int run_study(struct run *run, struct err *err)
{
    struct study_file file;
    bool finished = false;
    int rc = check_options(run, err);
    if (rc)
        return rc;
    rc = study_file_load(run->opt->args.items[0], &run->opt->set, &file, err);
    if (rc)
        return rc;
    run->gates = check_table_gates(json_get(file.def.json, "trainer"));
    rc = open_server(run, err);
    if (!rc)
        rc = submit(run, &file, &finished, err);
    if (!rc && !finished)
        rc = search(run, err);
    study_file_fini(&file);
    sidecar_end(&run->dash); // before the last writer: the database is one file again
    here_close(&run->here);
    return rc;
}

int cmd_run(const struct opt_run *opt)
{
    struct err err = ERR_NONE;
    struct run run = {.opt = opt};
    log_init(LOG_NOTE);
    log_for_people();
    int rc = run_study(&run, &err);
    gpu_plan_fini(&run.gpus);
    if (rc)
        return command_fail("run", &err);
    if (signals_status() && !run.ended) {
        fprintf(stderr, "%s is unfinished; the same command goes on with it\n", run.study);
        return signals_status();
    }
    struct result_style style = {.db = opt->db, .json = opt->json};
    return result_print(run.study, &style);
}
