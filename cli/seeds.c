#include "cli/seeds.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/here.h"
#include "cli/remote.h"
#include "cli/rows.h"
#include "cli/signals.h"
#include "cli/steer.h"
#include "common/clock.h"
#include "common/log.h"

enum { LOOK_MS = 500, MASTER_LOOK_MS = 5000 };

/* ---- by a master that runs ---- */

static int count_open(struct source *source, const char *study, int64_t *open, struct err *err)
{
    struct rows rows;
    int rc = source_run(source, "extra_open", (struct bind[]){BIND_TEXT(":study", study)}, 1, &rows, err);
    if (rc)
        return rc;
    *open = first_int(&rows, "open");
    rows_fini(&rows);
    return 0;
}

static int no_master(const char *db, struct err *err)
{
    err_set(err, ERR_REACH, "no master runs on \"%s\" any more", db);
    return err_hint(err, "the same command goes on by itself");
}

static int wait_for_them(const struct seeds *seeds, struct source *source, const char *study, struct err *err)
{
    FILE *to = seeds->quiet ? stderr : stdout;
    int64_t next_look_ms = clock_mono_ms() + MASTER_LOOK_MS, told = -1;
    for (;;) {
        int64_t open, now = clock_mono_ms();
        int rc = count_open(source, study, &open, err);
        if (rc || !open)
            return rc;
        if (open != told)
            fprintf(to, "%s: %lld more seeds to train, by the master that runs\n", study, (long long)open);
        fflush(to);
        told = open;
        if (!seeds->master && now >= next_look_ms) {
            if (!master_alive(seeds->db))
                return no_master(seeds->db, err);
            next_look_ms = now + MASTER_LOOK_MS;
        }
        poll(NULL, 0, LOOK_MS);
    }
}

/* ---- by one of our own ---- */

static void watch(void *arg, const struct server_snapshot *snapshot)
{
    if (!snapshot->extra_open)
        here_finish(arg);
}

static int train_here(const struct seeds *seeds, const char *study, struct err *err)
{
    struct here here = {0};
    int workers = seeds->workers >= 0 ? seeds->workers : here_worker_count();
    struct here_options options = {.db = seeds->db,
                                   .dir = seeds->dir,
                                   .workers = workers < seeds->count ? workers : seeds->count,
                                   .first = 1,
                                   .slots = 1};
    int rc = server_open(&(struct server_options){.db = seeds->db, .once = true}, &here.server, err);
    if (rc)
        return rc;
    log_for_people();
    signals_catch();
    progress_init(&here.progress, seeds->quiet ? stderr : stdout, false);
    rc = here_start(&here, &options, err);
    if (!rc)
        rc = here_loop(&here, study, watch, &here, err);
    progress_fini(&here.progress);
    here_close(&here);
    if (!rc && signals_status()) {
        err_set(err, ERR_NO, "interrupted; what was trained is kept");
        rc = err_hint(err, "the same command goes on with it");
    }
    return rc;
}

/* ---- both ---- */

int seeds_train(const struct seeds *seeds, struct source *source, const char *study, uint32_t trial,
                struct err *err)
{
    struct msg_answer answer;
    struct json *args = steer_args(study);
    int64_t open = 0;
    json_put_num(args, "trial", trial);
    json_put_num(args, "seeds", seeds->count);
    int rc = master_call(seeds->db, seeds->master, "seeds", args, &answer, err);
    json_free(args);
    if (rc)
        return rc;
    answer_fini(&answer);
    rc = count_open(source, study, &open, err);
    if (rc || !open)
        return rc;
    if (seeds->master || master_alive(seeds->db))
        return wait_for_them(seeds, source, study, err);
    return train_here(seeds, study, err);
}
