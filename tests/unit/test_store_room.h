/* test_store_room: what the tests of the cellar share: a folder for each test, and a small study made by hand.
 * Include it after cmocka.h. */
#ifndef HONE_TESTS_UNIT_TEST_STORE_ROOM_H
#define HONE_TESTS_UNIT_TEST_STORE_ROOM_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "sql/query.h"
#include "sql/store.h"

/* ---- a folder of its own for every test ---- */

struct room {
    char dir[64];
    char *db;
};

static inline int enter(void **state)
{
    struct room *room = xcalloc(1, sizeof *room);
    strcpy(room->dir, "/tmp/hone-test-XXXXXX");
    if (!mkdtemp(room->dir))
        return -1;
    room->db = path_join(room->dir, "a.db");
    *state = room;
    return 0;
}

static inline int leave(void **state)
{
    struct room *room = *state;
    char *command = xasprintf("chmod -R u+w '%s'; rm -rf '%s'", room->dir, room->dir);
    int rc = system(command);
    free(command);
    free(room->db);
    free(room);
    return rc;
}

static inline struct store *open_db(const char *path)
{
    struct err err = ERR_NONE;
    struct store *store = NULL;
    if (store_open(path, NULL, &store, &err))
        fail_msg("%s (%s)", err.text, err.hint);
    return store;
}

static inline void commit(struct store *store)
{
    struct err err = ERR_NONE;
    if (store_commit(store, &err))
        fail_msg("%s", err.text);
}

static inline void run_sql(const char *db, const char *sql, struct rows *out)
{
    struct err err = ERR_NONE;
    struct query *query;
    if (query_open(db, &query, &err) || query_sql(query, sql, 0, out, &err))
        fail_msg("%s: %s", sql, err.text);
    query_close(query);
}

static inline int64_t ask_int(const char *db, const char *sql)
{
    struct rows rows;
    run_sql(db, sql, &rows);
    assert_int_equal(rows.count, 1);
    int64_t value = cell_int(rows_cell(&rows, 0, 0));
    rows_fini(&rows);
    return value;
}

/* What is in a folder, in order, each name with a blank behind it. */
static inline void assert_names(const char *dir, const char *wanted)
{
    char *command = xasprintf("LC_ALL=C ls -A '%s' | tr '\\n' ' '", dir), names[512] = "";
    FILE *list = popen(command, "r");
    assert_non_null(list);
    size_t got = fread(names, 1, sizeof names - 1, list);
    names[got] = '\0';
    pclose(list);
    free(command);
    assert_string_equal(names, wanted);
}

/* ---- a small study ---- */

static const struct row_study_param two_params[] = {
    {"lr", "log", "{\"log\":[0.0001,1]}"},
    {"optimizer", "choice", "{\"choice\":[\"sgd\",\"adam\"]}"},
};

static inline int64_t add_study(struct store *store, const char *name)
{
    struct row_study study = {
        .name = name,
        .definition = "{\"study\":1}",
        .base = "/tmp",
        .metric = "val_acc",
        .maximize = true,
        .seed = UINT64_MAX - 5,
        .priority = 1,
        .weight = 2,
        .created_ms = 1000,
    };
    struct err err = ERR_NONE;
    if (store_add_study(store, &study, two_params, 2, &err))
        fail_msg("%s", err.text);
    return study.id;
}

static inline int64_t add_trial(struct store *store, int64_t study, uint32_t number, double lr)
{
    struct row_trial trial = {
        .study = study,
        .number = number,
        .group = number,
        .status = TRIAL_waiting,
        .seed = 1ull << 63,
        .sampler = "random",
        .sampler_version = 1,
        .seq_cut = store_seq(store),
        .why = "drawn",
        .platform = "test",
        .until = 5,
        .epochs = 10,
        .score = NAN,
        .created_ms = 2000 + number,
    };
    struct row_value values[] = {{.name = "lr", .is_number = true, .number = lr},
                                 {.name = "optimizer", .text = "adam"}};
    store_add_trial(store, &trial, values, 2);
    return trial.id;
}

static inline int64_t join(struct store *store, const char *uuid)
{
    struct row_worker worker = {.uuid = uuid,
                                .name = uuid,
                                .host = "node1",
                                .version = "0",
                                .platform = "test",
                                .pid = 7,
                                .slots = 2};
    store_worker_joined(store, &worker, 1500);
    return worker.id;
}

static inline void start_attempt(struct store *store, int64_t trial, int attempt, int64_t worker)
{
    struct row_attempt row = {
        .trial = trial, .attempt = attempt, .worker = worker, .token = "t", .started_ms = 3000};
    store_attempt_started(store, &row);
    store_trial_moved(store, &(struct row_move){trial, TRIAL_waiting, TRIAL_running, "dispatched", NULL,
                                                attempt, 3000, NULL});
}

static inline uint64_t report(struct store *store, int64_t trial, int attempt, int epoch, double value)
{
    struct row_metric metrics[] = {{"val_acc", value}, {"val_loss", 1 - value}};
    struct row_epoch row = {.trial = trial,
                            .attempt = attempt,
                            .epoch = epoch,
                            .value = value,
                            .seconds = 0.5,
                            .received_ms = 4000 + epoch};
    return store_add_epoch(store, &row, metrics, 2);
}

#define IN_A_ROOM(f) cmocka_unit_test_setup_teardown(f, enter, leave)

static inline void patch(const char *path, long at, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

/* How far a trial has come; it is to run until epoch 5 of 10. */
static inline void set_progress(struct store *store, int64_t trial, double score, int best_epoch,
                                int last_epoch)
{
    struct row_trial row = {.id = trial,
                            .score = score,
                            .best_epoch = best_epoch,
                            .last_epoch = last_epoch,
                            .until = 5,
                            .epochs = 10};
    store_trial_progress(store, &row);
}

#endif
