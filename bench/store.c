/* bench/store: how fast the store takes epochs and gives its views. One JSON line per figure:
 * {"bench":"store","what":...,"value":...,"unit":...}. Usage: store [folder], default /tmp. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/mem.h"
#include "sql/query.h"
#include "sql/store.h"

enum { TRIALS = 64 };

static void die(const struct err *err)
{
    fprintf(stderr, "%s\n", err->text);
    exit(3);
}

static void say(const char *what, double value, const char *unit)
{
    printf("{\"bench\":\"store\",\"what\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", what, value, unit);
    fflush(stdout);
}

static void commit(struct store *store)
{
    struct err err = ERR_NONE;
    if (store_commit(store, &err))
        die(&err);
}

static int64_t add_trial(struct store *store, int64_t study, uint32_t number, int params)
{
    struct row_trial trial = {.study = study,
                              .number = number,
                              .group = number,
                              .sampler = "random",
                              .until = 9,
                              .epochs = 9,
                              .score = NAN};
    struct row_value values[16];
    char names[16][8];
    for (int i = 0; i < params; i++) {
        snprintf(names[i], sizeof names[i], "p%d", i);
        values[i] = (struct row_value){
            .name = names[i], .is_number = true, .number = 1.0 / (number + (unsigned)i + 1)};
    }
    store_add_trial(store, &trial, values, params);
    return trial.id;
}

static int64_t add_study(struct store *store, const char *name, int params)
{
    struct row_study study = {
        .name = name, .definition = "{}", .base = "/", .metric = "val_acc", .maximize = true, .weight = 1};
    struct row_study_param axes[16];
    char names[16][8];
    for (int i = 0; i < params; i++) {
        snprintf(names[i], sizeof names[i], "p%d", i);
        axes[i] = (struct row_study_param){names[i], "log", "{}"};
    }
    struct err err = ERR_NONE;
    if (store_add_study(store, &study, axes, params, &err))
        die(&err);
    return study.id;
}

static void start(struct store *store, int64_t trial, int64_t worker)
{
    struct row_attempt attempt = {.trial = trial, .attempt = 1, .worker = worker, .token = "t"};
    store_attempt_started(store, &attempt);
    store_trial_moved(
        store, &(struct row_move){trial, TRIAL_waiting, TRIAL_running, "dispatched", NULL, 1, 1, NULL});
}

static void report(struct store *store, int64_t trial, int epoch, int metrics)
{
    static const struct row_metric all[] = {{"train_loss", 0.25}, {"train_acc", 0.5}, {"val_loss", 0.125}};
    struct row_epoch row = {.trial = trial,
                            .attempt = 1,
                            .epoch = epoch,
                            .value = 1.0 / (epoch + 1),
                            .seconds = 0.1,
                            .received_ms = 1};
    store_add_epoch(store, &row, all, metrics);
}

/* Reports of 64 trials in turn, `turn` of them to a commit. */
static void reports(struct store *store, const int64_t *trials, int *epoch, int metrics, int turn, int total)
{
    int64_t began = clock_mono_us();
    for (int i = 0; i < total; i++) {
        if (i % TRIALS == 0)
            ++*epoch;
        report(store, trials[i % TRIALS], *epoch, metrics);
        if ((i + 1) % turn == 0)
            commit(store);
    }
    commit(store);
    double seconds = (double)(clock_mono_us() - began) / 1e6;
    char what[64];
    snprintf(what, sizeof what, "epochs, %d more metrics, %d to a commit", metrics, turn);
    say(what, total / seconds, "epochs/s");
    snprintf(what, sizeof what, "rows, %d more metrics, %d to a commit", metrics, turn);
    say(what, total * (1 + metrics) / seconds, "rows/s");
}

static void ask(const char *db, const char *what, const char *sql)
{
    struct err err = ERR_NONE;
    struct query *query;
    struct rows rows;
    if (query_open(db, &query, &err))
        die(&err);
    int64_t began = clock_mono_us();
    if (query_sql(query, sql, 0, &rows, &err))
        die(&err);
    say(what, (double)(clock_mono_us() - began) / 1e3, "ms");
    rows_fini(&rows);
    query_close(query);
}

static void views(struct store *store, const char *db)
{
    int64_t study = add_study(store, "wide", 10);
    struct row_worker worker = {.uuid = "v", .name = "w", .host = "h", .version = "0", .platform = "p"};
    store_worker_joined(store, &worker, 1);
    int64_t began = clock_mono_us();
    for (uint32_t i = 1; i <= 10000; i++) {
        struct row_trial trial = {.id = add_trial(store, study, i, 10),
                                  .until = 9,
                                  .epochs = 9,
                                  .last_epoch = 3,
                                  .best_epoch = 1 + (int)i % 3,
                                  .score = 1.0 / i};
        start(store, trial.id, worker.id);
        for (int epoch = 1; epoch <= 3; epoch++)
            report(store, trial.id, epoch, 3);
        store_trial_progress(store, &trial);
    }
    commit(store);
    say("10000 trials with 10 params, 3 epochs, one commit", (double)(clock_mono_us() - began) / 1e3, "ms");
    ask(db, "flat view, all of 10000 x 10", "SELECT * FROM wide");
    ask(db, "flat view, where and order",
        "SELECT p1, p2, val_acc FROM wide WHERE p1 < 1e-3 ORDER BY val_acc DESC");
    ask(db, "best_trials LIMIT 10", "SELECT * FROM best_trials LIMIT 10");
    ask(db, "best_trials, all", "SELECT * FROM best_trials");
    ask(db, "leaderboard, first 10", "SELECT * FROM leaderboard WHERE study = 'wide' AND rank <= 10");
    ask(db, "learning_curves of one trial",
        "SELECT * FROM learning_curves WHERE study = 'wide' AND trial = 77");
    ask(db, "learning_curves, all", "SELECT count(*), sum(value) FROM learning_curves");
    ask(db, "study_progress", "SELECT * FROM study_progress");
}

int main(int argc, char **argv)
{
    char *dir = xasprintf("%s/hone-bench-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    PRE(mkdtemp(dir));
    char *db = xasprintf("%s/bench.db", dir);
    struct store *store;
    struct err err = ERR_NONE;
    if (store_open(db, NULL, &store, &err))
        die(&err);
    int64_t study = add_study(store, "b", 3), trials[TRIALS];
    struct row_worker worker = {.uuid = "u", .name = "w", .host = "h", .version = "0", .platform = "p"};
    store_worker_joined(store, &worker, 1);
    for (uint32_t i = 0; i < TRIALS; i++) {
        trials[i] = add_trial(store, study, i + 1, 3);
        start(store, trials[i], worker.id);
    }
    commit(store);
    int epoch = 0;
    reports(store, trials, &epoch, 0, 100000, 300000);
    reports(store, trials, &epoch, 3, 100000, 300000);
    reports(store, trials, &epoch, 3, 1000, 200000);
    reports(store, trials, &epoch, 3, 100, 50000);
    reports(store, trials, &epoch, 0, 1, 2000);
    views(store, db);
    store_close(store);
    char *command = xasprintf("rm -rf '%s'", dir);
    int rc = system(command);
    free(command);
    free(db);
    free(dir);
    return rc;
}
