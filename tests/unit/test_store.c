/* The store on real files: what goes in comes out, what must be refused is refused with nothing written, and what
 * was committed survives whatever happens next. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "sql/migrate.h"
#include "sql/place.h"
#include "sql/query.h"
#include "sql/store.h"
#include "sql/text.h"
#include "tests/unit/test_store_room.h"

/* ---- round trips ---- */

static int see_study(void *arg, const struct row_study *row)
{
    int *seen = arg;
    assert_string_equal(row->name, "mnist-mlp");
    assert_string_equal(row->definition, "{\"study\":1}");
    assert_true(row->seed == UINT64_MAX - 5);
    assert_true(row->priority == 1 && row->weight == 2);
    assert_int_equal(row->wish, WISH_PAUSE);
    assert_int_equal(row->wall_used_ms, 77);
    assert_int_equal(row->slot_used_ms, 88);
    assert_int_equal(row->ended_ms, 0);
    assert_null(row->end_reason);
    ++*seen;
    return 0;
}

static void test_study_comes_back(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t id = add_study(store, "mnist-mlp");
    store_study_wish(store, id, WISH_PAUSE, 5);
    store_study_used(store, id, 77, 88);
    store_study_ended(store, id, "target", 9);
    store_study_reopened(store, id, 10);
    commit(store);
    store_close(store);
    store = open_db(room->db);
    int seen = 0;
    assert_int_equal(store_load_studies(store, see_study, &seen, NULL), 0);
    assert_int_equal(seen, 1);
    store_close(store);
}

static int see_trial(void *arg, const struct row_trial *row, const struct row_value *values, int count)
{
    int *seen = arg;
    ++*seen;
    assert_int_equal(row->number, *seen);
    assert_true(row->seed == 1ull << 63);
    assert_string_equal(row->sampler, "random");
    assert_string_equal(row->why, "drawn");
    assert_int_equal(count, 2);
    assert_string_equal(values[0].name, "lr");
    assert_true(values[0].is_number && values[0].number == (row->number == 1 ? 0.1 + 0.2 : 128));
    assert_string_equal(values[1].text, "adam");
    assert_int_equal(row->until, 5);
    if (row->number == 2) {
        assert_int_equal(row->status, TRIAL_waiting);
        assert_true(isnan(row->score) && row->best_epoch == 0 && row->started_ms == 0);
        return 0;
    }
    assert_int_equal(row->status, TRIAL_pruned);
    assert_string_equal(row->cause, "budget");
    assert_true(row->score == 0.75 && row->best_epoch == 2 && row->last_epoch == 3);
    assert_int_equal(row->started_ms, 3000);
    assert_int_equal(row->ended_ms, 6000);
    assert_int_equal(row->attempt, 1);
    assert_int_equal(row->own_failures, 1);
    return 0;
}

static void test_trials_come_back(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s");
    int64_t trial = add_trial(store, study, 1, 0.1 + 0.2);
    add_trial(store, study, 2, 128);
    start_attempt(store, trial, 1, join(store, "w"));
    struct row_trial now = {.id = trial,
                            .score = 0.75,
                            .best_epoch = 2,
                            .last_epoch = 3,
                            .until = 5,
                            .epochs = 10,
                            .own_failures = 1};
    store_trial_progress(store, &now);
    store_attempt_ended(store, trial, 1, "stopped", "budget", NULL, 6000);
    store_trial_moved(store, trial, TRIAL_running, TRIAL_pruned, "stopped", "budget", 1, 6000, "{\"seq\":1}");
    commit(store);
    store_close(store);
    store = open_db(room->db);
    int seen = 0;
    assert_int_equal(store_load_trials(store, study, see_trial, &seen, NULL), 0);
    assert_int_equal(seen, 2);
    store_close(store);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM trial_event WHERE trial = 1"), 3);
    assert_int_equal(
        ask_int(room->db, "SELECT typeof(value) = 'integer' FROM param WHERE trial = 2 AND name = 'lr'"), 1);
}

static int see_attempt(void *arg, const struct row_attempt *row)
{
    int *seen = arg;
    assert_int_equal(row->attempt, 2);
    assert_string_equal(row->token, "t");
    assert_null(row->outcome);
    ++*seen;
    return 0;
}

static void test_open_attempts_come_back(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s"), trial = add_trial(store, study, 1, 1), worker = join(store, "w");
    start_attempt(store, trial, 1, worker);
    store_attempt_ended(store, trial, 1, "lost", NULL, NULL, 1);
    store_trial_moved(store, trial, TRIAL_running, TRIAL_waiting, "given_back", "lost", 1, 1, NULL);
    start_attempt(store, trial, 2, worker);
    store_attempt_ended(store, trial, 2, "lost", "lease", "x", 2);
    store_attempt_reinstated(store, trial, 2, worker);
    commit(store);
    int seen = 0;
    assert_int_equal(store_load_attempts(store, study, see_attempt, &seen, NULL), 0);
    assert_int_equal(seen, 1);
    assert_int_equal(join(store, "w"), worker);
    store_close(store);
}

struct curve {
    int epochs[16], attempts[16], count;
    double values[16];
    uint64_t last_seq;
};

static int see_epoch(void *arg, const struct row_epoch *row, uint64_t seq)
{
    struct curve *curve = arg;
    curve->epochs[curve->count] = row->epoch;
    curve->attempts[curve->count] = row->attempt;
    curve->values[curve->count++] = row->value;
    curve->last_seq = seq;
    return 0;
}

static void test_newest_attempt_of_an_epoch_counts(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s"), trial = add_trial(store, study, 1, 1), worker = join(store, "w");
    start_attempt(store, trial, 1, worker);
    for (int epoch = 1; epoch <= 3; epoch++)
        report(store, trial, 1, epoch, epoch / 10.0);
    store_attempt_ended(store, trial, 1, "lost", NULL, NULL, 1);
    store_trial_moved(store, trial, TRIAL_running, TRIAL_waiting, "given_back", "lost", 1, 1, NULL);
    start_attempt(store, trial, 2, worker);
    report(store, trial, 2, 2, NAN);
    struct curve curve = {0};
    assert_int_equal(store_load_epochs(store, study, see_epoch, &curve, NULL), 0);
    assert_int_equal(curve.count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(curve.epochs[i], i + 1);
    assert_int_equal(curve.attempts[0], 1);
    assert_int_equal(curve.attempts[1], 2);
    assert_int_equal(curve.attempts[2], 1);
    assert_true(isnan(curve.values[1]) && curve.values[2] == 0.3);
    store_close(store);
}

static void test_a_report_sent_twice_changes_nothing(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t trial = add_trial(store, add_study(store, "s"), 1, 1);
    start_attempt(store, trial, 1, join(store, "w"));
    uint64_t seq = report(store, trial, 1, 1, 0.5);
    assert_int_equal(seq, store_seq(store));
    assert_int_equal(report(store, trial, 1, 1, 0.9), 0);
    assert_int_equal(store_seq(store), seq);
    commit(store);
    assert_int_equal(report(store, trial, 1, 1, 0.9), 0);
    commit(store);
    store_close(store);
    assert_int_equal(ask_int(room->db, "SELECT count(*) = 1 AND max(value) = 0.5 FROM epoch"), 1);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM epoch_metric"), 1);
}

static void test_seq_goes_on_after_a_restart(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t trial = add_trial(store, add_study(store, "s"), 1, 1);
    start_attempt(store, trial, 1, join(store, "w"));
    uint64_t seq = report(store, trial, 1, 1, 0.5);
    commit(store);
    store_close(store);
    store = open_db(room->db);
    assert_int_equal(store_seq(store), seq);
    assert_int_equal(report(store, trial, 1, 2, 0.5), seq + 1);
    store_close(store);
    store = open_db(room->db);
    assert_int_equal(store_seq(store), seq); /* not committed, not there */
    store_close(store);
}

/* Events and epochs in one row, as text: "seq:what". */
static int see_log(void *arg, const struct row_log *row)
{
    struct str *log = arg;
    str_addf(log, "%d:", (int)row->seq);
    if (row->epoch)
        str_addf(log, "e%d a%d %g ", row->epoch, row->attempt, row->value);
    else
        str_addf(log, "%s %s%s", trial_status_name(row->to_status), row->cause ? row->cause : "",
                 row->detail ? row->detail : "");
    return 0;
}

static void test_the_log_in_order(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s"), trial = add_trial(store, study, 1, 1), worker = join(store, "w");
    start_attempt(store, trial, 1, worker);
    report(store, trial, 1, 0, 0.25); /* before training: kept, and no part of the log */
    report(store, trial, 1, 1, 0.5);
    add_trial(store, add_study(store, "other"), 1, 1);
    store_attempt_ended(store, trial, 1, "lost", NULL, NULL, 1);
    store_trial_moved(store, trial, TRIAL_running, TRIAL_waiting, "given_back", "lost", 1, 1, "{}");
    start_attempt(store, trial, 2, worker);
    report(store, trial, 2, 1, 0.75);
    struct str log = {0};
    assert_int_equal(store_load_log(store, study, see_log, &log, NULL), 0);
    assert_string_equal(
        str_text(&log),
        "1:waiting {\"until\":5}2:running 4:e1 a1 0.5 6:waiting lost{}7:running 8:e1 a2 0.75 ");
    str_fini(&log);
    store_close(store);
}

static void test_newest_checkpoint(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t trial = add_trial(store, add_study(store, "s"), 1, 1), worker = join(store, "w");
    start_attempt(store, trial, 1, worker);
    for (int epoch = 1; epoch <= 4; epoch++) {
        struct row_checkpoint row = {.trial = trial,
                                     .attempt = 1,
                                     .epoch = epoch,
                                     .path = "s/t00001/a1/x",
                                     .bytes = epoch * 10,
                                     .hash = "h",
                                     .created_ms = 5};
        store_add_checkpoint(store, &row);
    }
    commit(store);
    struct row_checkpoint found;
    assert_int_equal(store_last_checkpoint(store, trial, 3, &found, NULL), 0);
    assert_int_equal(found.epoch, 3);
    assert_int_equal(found.bytes, 30);
    assert_string_equal(found.path, "s/t00001/a1/x");
    assert_int_equal(store_last_checkpoint(store, trial, 0, &found, NULL), ERR_GONE);
    store_close(store);
}

static void test_memory_store(void **state)
{
    (void)state;
    struct store_options options = {.memory = true};
    struct store *store;
    assert_int_equal(store_open(NULL, &options, &store, NULL), 0);
    int64_t trial = add_trial(store, add_study(store, "s"), 1, 1);
    start_attempt(store, trial, 1, join(store, "w"));
    report(store, trial, 1, 1, 0.5);
    commit(store);
    assert_string_equal(store_root(store), "");
    store_close(store);
}

/* ---- what a file is, and is not ---- */

static void test_every_statement_can_be_prepared(void **state)
{
    struct room *room = *state;
    store_close(open_db(room->db));
    struct err err = ERR_NONE;
    struct query *query;
    assert_int_equal(query_open(room->db, &query, &err), 0);
    assert_true(text_count() > 50);
    for (int i = 0; i < text_count(); i++) {
        struct rows rows = {0};
        int rc = query_run(query, text_at(i)->name, NULL, 0, &rows, &err);
        if (rc && !strstr(err.text, "cannot be written") && !strstr(err.text, "no transaction"))
            fail_msg("%s: %s", text_at(i)->name, err.text);
        rows_fini(&rows);
    }
    query_close(query);
    assert_int_equal(text_find("no_such_statement"), -1);
}

/* The list in schema.sql is common/trial_status.def, in its order. */
static void test_check_of_status_is_the_table(void **state)
{
    (void)state;
    const char *list = strstr(text_schema, "CHECK (status IN (");
    assert_non_null(list);
    const char *end = strstr(list, "))");
    struct str wanted = {0}, found = {0};
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++)
        str_addf(&wanted, "'%s',", trial_status_name((enum trial_status)i));
    for (const char *c = strchr(list, '\''); c < end; c++)
        if (*c == '\'' || *c == ',' || (*c >= 'a' && *c <= 'z'))
            str_addc(&found, *c);
    str_addc(&found, ',');
    assert_string_equal(str_text(&found), str_text(&wanted));
    str_fini(&wanted);
    str_fini(&found);
}

static void test_every_status_fits(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s"), trial = add_trial(store, study, 1, 1);
    enum trial_status at = TRIAL_waiting;
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++) {
        store_trial_moved(store, trial, at, (enum trial_status)i, "test", NULL, 0, 5, NULL);
        at = (enum trial_status)i;
    }
    commit(store);
    store_close(store);
}

static void test_clean_exit_leaves_one_file(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    add_study(store, "s");
    commit(store);
    struct rows rows;
    run_sql(room->db, "SELECT * FROM s", &rows); /* a reader meanwhile */
    rows_fini(&rows);
    store_close(store);
    assert_names(room->dir, "a.db a.db.d ");
    run_sql(room->db, "SELECT * FROM s", &rows); /* and one afterwards */
    rows_fini(&rows);
    assert_names(room->dir, "a.db a.db.d ");
    struct str probe = {0};
    char *path = path_join(room->dir, "a.db.d/probe");
    assert_int_equal(file_read(path, 100, &probe, NULL), 0);
    store = open_db(room->db);
    assert_string_equal(str_text(&probe), store_uuid(store));
    store_close(store);
    str_fini(&probe);
    free(path);
}

/* A reader that outlives the master cleans up after both. */
static void test_last_reader_leaves_one_file(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    add_study(store, "s");
    commit(store);
    struct query *query;
    struct rows rows;
    assert_int_equal(query_open(room->db, &query, NULL), 0);
    assert_int_equal(query_run(query, "studies", NULL, 0, &rows, NULL), 0);
    assert_int_equal(rows.count, 1);
    rows_fini(&rows);
    store_close(store);
    assert_int_equal(query_run(query, "studies", NULL, 0, &rows, NULL), 0);
    rows_fini(&rows);
    query_close(query);
    assert_names(room->dir, "a.db a.db.d ");
}

static void refuse(struct room *room, const char *path, int code, const char *words)
{
    struct err err = ERR_NONE;
    struct store *store;
    struct str before = {0}, after = {0};
    file_read(path, 1 << 20, &before, NULL);
    assert_int_equal(store_open(path, NULL, &store, &err), code);
    assert_null(store);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    struct query *query;
    assert_true(query_open(path, &query, &err) < 0);
    file_read(path, 1 << 20, &after, NULL);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(str_text(&before), str_text(&after), before.len);
    str_fini(&before);
    str_fini(&after);
    (void)room;
}

static void test_what_is_no_database(void **state)
{
    struct room *room = *state;
    assert_int_equal(file_write_whole(room->db, "{\"study\": 1}", 12, NULL), 0);
    refuse(room, room->db, ERR_BAD, "is not a database");
    assert_names(room->dir, "a.db ");
    refuse(room, room->dir, ERR_BAD, "is a folder");
    char *nowhere = path_join(room->dir, "no/such/a.db");
    refuse(room, nowhere, ERR_IO, "there is no folder");
    free(nowhere);
    refuse(room, "/dev/null", ERR_BAD, "is not a plain file");
}

static void patch(const char *path, long at, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

static void test_a_database_of_another_program(void **state)
{
    struct room *room = *state;
    store_close(open_db(room->db));
    patch(room->db, 68, "\0\0\0\1", 4); /* application_id */
    refuse(room, room->db, ERR_BAD, "another program");
}

static void test_a_newer_version_is_refused(void **state)
{
    struct room *room = *state;
    store_close(open_db(room->db));
    patch(room->db, 60, "\0\0\0\x63", 4); /* user_version 99 */
    refuse(room, room->db, ERR_BAD, "newer hone");
    assert_names(room->dir, "a.db a.db.d ");
}

static void test_a_damaged_database(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    add_study(store, "s");
    commit(store);
    store_close(store);
    char junk[3000];
    memset(junk, 0x5a, sizeof junk);
    patch(room->db, 100, junk, sizeof junk); /* the schema's own page */
    refuse(room, room->db, ERR_BAD, "damaged");
}

static void test_an_empty_file_becomes_a_database(void **state)
{
    struct room *room = *state;
    assert_int_equal(file_write_whole(room->db, "", 0, NULL), 0);
    store_close(open_db(room->db));
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM study"), 0);
}

static void test_a_wal_without_its_database(void **state)
{
    struct room *room = *state;
    char *wal = path_join(room->dir, "a.db-wal");
    assert_int_equal(file_write_whole(wal, "frames", 6, NULL), 0);
    struct err err = ERR_NONE;
    struct store *store;
    assert_int_equal(store_open(room->db, NULL, &store, &err), ERR_BAD);
    assert_non_null(strstr(err.text, "without its database"));
    assert_names(room->dir, "a.db-wal ");
    free(wal);
}

static void test_a_network_file_system(void **state)
{
    struct room *room = *state;
    char *mounts = path_join(room->dir, "mountinfo");
    const char *text = "22 1 254:0 / / rw - ext4 /dev/vda rw\n30 22 0:44 / /tmp rw - nfs4 server:/tmp rw\n";
    assert_int_equal(file_write_whole(mounts, text, strlen(text), NULL), 0);
    struct store_options options = {.mountinfo = mounts};
    struct err err = ERR_NONE;
    struct store *store;
    assert_int_equal(store_open(room->db, &options, &store, &err), ERR_BAD);
    assert_non_null(strstr(err.text, "nfs4"));
    assert_non_null(strstr(err.hint, "--mirror"));
    assert_non_null(strstr(err.hint, "--network-db"));
    assert_false(file_exists(room->db));
    options.network_db = true;
    assert_int_equal(store_open(room->db, &options, &store, &err), 0);
    store_close(store);
    free(mounts);
}

/* Exclusive locking: no shared memory; readers are told to go through the master, whose own connection reads. */
static void test_network_db(void **state)
{
    struct room *room = *state;
    struct store_options options = {.network_db = true};
    struct store *store;
    struct err err = ERR_NONE;
    assert_int_equal(store_open(room->db, &options, &store, &err), 0);
    add_study(store, "s");
    commit(store);
    assert_names(room->dir, "a.db a.db-wal a.db.d a.db.lock ");
    struct query *query;
    assert_int_equal(query_open(room->db, &query, &err), ERR_REACH);
    assert_int_equal(query_of_store(store, &query, &err), 0);
    struct rows rows;
    assert_int_equal(query_run(query, "studies", NULL, 0, &rows, &err), 0);
    assert_string_equal(cell_text(rows_named(&rows, 0, "study")), "s");
    rows_fini(&rows);
    assert_int_equal(query_sql(query, "SELECT name FROM study", 0, &rows, &err), 0);
    rows_fini(&rows);
    assert_int_equal(query_sql(query, "DELETE FROM study", 0, &rows, &err), ERR_BAD);
    assert_int_equal(query_sql(query, "ATTACH ':memory:' AS x", 0, &rows, &err), ERR_BAD);
    assert_int_equal(
        query_sql(query,
                  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n", 0,
                  &rows, &err),
        ERR_BUSY);
    query_close(query);
    add_study(store, "t"); /* the writer writes on */
    commit(store);
    store_close(store);
    assert_names(room->dir, "a.db a.db.d ");
}

/* ---- one master ---- */

static void test_a_lock_names_its_holder(void **state)
{
    struct room *room = *state;
    struct store *mine = open_db(room->db), *other;
    struct err err = ERR_NONE;
    assert_int_equal(store_open(room->db, NULL, &other, &err), ERR_REACH);
    char pid[32];
    snprintf(pid, sizeof pid, "pid %ld on ", (long)getpid());
    assert_non_null(strstr(err.text, pid));
    char *link_path = path_join(room->dir, "link.db"); /* the same file by another name */
    assert_int_equal(symlink(room->db, link_path), 0);
    assert_int_equal(store_open(link_path, NULL, &other, &err), ERR_REACH);
    free(link_path);
    store_close(mine);
    store_close(open_db(room->db));
}

/* A child that holds the database until it is killed; it writes one byte when it is ready. */
static pid_t hold(const char *db, void (*then)(struct store *store))
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct store *store;
        if (store_open(db, NULL, &store, NULL))
            _exit(1);
        if (then)
            then(store);
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void end(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void test_a_lock_held_by_another_process(void **state)
{
    struct room *room = *state;
    pid_t pid = hold(room->db, NULL);
    struct err err = ERR_NONE;
    struct store *store;
    assert_int_equal(store_open(room->db, NULL, &store, &err), ERR_REACH);
    char who[32];
    snprintf(who, sizeof who, "pid %ld on ", (long)pid);
    assert_non_null(strstr(err.text, who));
    end(pid);
    store_close(open_db(room->db)); /* its lock died with it */
    assert_names(room->dir, "a.db a.db.d ");
}

/* Committed: two epochs. Then a transaction so large that its pages spill into the WAL, not committed. */
static void write_and_hang(struct store *store)
{
    int64_t trial = add_trial(store, add_study(store, "s"), 1, 1);
    start_attempt(store, trial, 1, join(store, "w"));
    report(store, trial, 1, 1, 0.1);
    report(store, trial, 1, 2, 0.2);
    if (store_commit(store, NULL))
        _exit(1);
    for (int epoch = 3; epoch < 200000; epoch++)
        report(store, trial, 1, epoch, 0.3);
}

static void test_kill_in_mid_transaction(void **state)
{
    struct room *room = *state;
    end(hold(room->db, write_and_hang));
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM epoch"),
                     2); /* a reader first, before any master */
    struct store *store = open_db(room->db);
    assert_int_equal(store_seq(store), 4);
    assert_int_equal(report(store, 1, 1, 3, 0.3), 5);
    commit(store);
    store_close(store);
    assert_int_equal(ask_int(room->db, "SELECT max(epoch) FROM epoch"), 3);
}

/* ---- names ---- */

static void test_our_names_are_reserved(void **state)
{
    struct room *room = *state;
    store_close(open_db(room->db));
    struct rows rows;
    run_sql(room->db, "SELECT name FROM sqlite_schema", &rows);
    assert_true(rows.count > 20);
    for (size_t i = 0; i < rows.count; i++)
        if (!store_name_reserved(cell_text(rows_cell(&rows, i, 0))))
            fail_msg("%s is not reserved", cell_text(rows_cell(&rows, i, 0)));
    rows_fini(&rows);
    assert_true(store_name_reserved("Best_Trials") && store_name_reserved("sqlite_x") &&
                store_name_reserved("EPOCHS"));
    assert_false(store_name_reserved("mnist-mlp"));
}

static void refuse_study(struct store *store, const char *name, const char *param, const char *words)
{
    struct row_study study = {.name = name, .definition = "{}", .base = "/"};
    struct row_study_param params[] = {{"lr", "log", "{}"}, {param, "log", "{}"}};
    struct err err = ERR_NONE;
    assert_int_equal(store_add_study(store, &study, params, 2, "m", true, &err), ERR_BAD);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    assert_int_equal(store_failed(store), 0);
    assert_false(store_dirty(store));
}

static void test_studies_that_cannot_be(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    add_study(store, "Spiral");
    commit(store);
    refuse_study(store, "trial", "x", "the database uses it");
    refuse_study(store, "Sqlite_x", "x", "the database uses it");
    refuse_study(store, "spiral", "x", "there is a study Spiral already");
    refuse_study(store, "a b", "x", "is no name");
    refuse_study(store, "ok", "Started_At", "column of its table");
    refuse_study(store, "ok", "LR", "have the same name");
    refuse_study(store, "ok", "x\"y", "is no name");
    store_close(store);
}

/* ---- migrations ---- */

static const char good_step[] = "CREATE TABLE extra (a INTEGER) STRICT;"
                                "ALTER TABLE study ADD COLUMN note TEXT;"
                                "UPDATE study SET note = 'old';";
static const char bad_step[] =
    "CREATE TABLE extra2 (a INTEGER) STRICT; DROP TABLE param; SELECT no_such_function();";
static const char orphan_step[] = "DELETE FROM study;";

static int open_with(const char *db, const struct migration *steps, int count, struct err *err)
{
    struct store_options options = {.steps = steps, .step_count = count};
    struct store *store;
    int rc = store_open(db, &options, &store, err);
    store_close(store);
    return rc;
}

static void make_old_file(const char *db)
{
    struct store *store = open_db(db);
    int64_t trial = add_trial(store, add_study(store, "mnist-mlp"), 1, 1);
    start_attempt(store, trial, 1, join(store, "w"));
    report(store, trial, 1, 1, 0.5);
    commit(store);
    store_close(store);
}

/* Steps that change nothing up to our version, and `more` after them. Returns how many. */
enum { STEPS_MOST = 64 };
static int steps_beyond(struct migration steps[STEPS_MOST], const char *const *more)
{
    int count = 0;
    while (count < migration_count)
        steps[count++].sql = "";
    for (; *more; more++)
        steps[count++].sql = *more;
    return count;
}

static void test_a_migration(void **state)
{
    struct room *room = *state;
    struct migration steps[STEPS_MOST];
    int count = steps_beyond(steps, (const char *const[]){good_step, NULL});
    char version[32];
    struct err err = ERR_NONE;
    make_old_file(room->db);
    for (int twice = 0; twice < 2; twice++)
        if (open_with(room->db, steps, count, &err))
            fail_msg("%s", err.text);
    /* Ours does not know that version. */
    struct store *store;
    snprintf(version, sizeof version, "version %d", count);
    assert_int_equal(store_open(room->db, NULL, &store, &err), ERR_BAD);
    assert_non_null(strstr(err.text, version));
    patch(room->db, 60, (char[]){0, 0, 0, (char)migration_count}, 4);
    assert_int_equal(ask_int(room->db, "SELECT note = 'old' FROM study"), 1);
    assert_int_equal(ask_int(room->db, "SELECT val_loss = 0.5 FROM \"mnist-mlp\" WHERE 0 UNION SELECT 1"), 1);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM best_trials"), 1);
}

/* Version 2 brings new views: those of an older file are replaced. */
static void test_version_1_gets_the_views_of_2(void **state)
{
    struct room *room = *state;
    make_old_file(room->db);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(room->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DROP TABLE trial_lineage; DROP TABLE study_bracket;"
                                  "DROP VIEW leaderboard; CREATE VIEW leaderboard AS SELECT 1 AS score;"
                                  "PRAGMA user_version = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    store_close(open_db(room->db));
    assert_int_equal(
        ask_int(room->db, "SELECT sql LIKE '%seeds%' FROM sqlite_schema WHERE name = 'leaderboard'"), 1);
}

/* A file of version 2 has no brackets and no lineage; it comes to what a new one is. */
static void test_version_2_gets_the_tables_of_3(void **state)
{
    struct room *room = *state;
    static const char everything[] =
        "SELECT group_concat(what, ' ') FROM (SELECT type || ':' || name || ':' || "
        "tbl_name AS what FROM sqlite_schema ORDER BY 1)";
    struct rows fresh, migrated;
    sqlite3 *db;
    make_old_file(room->db);
    run_sql(room->db, everything, &fresh);
    assert_int_equal(sqlite3_open(room->db, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "DROP TABLE trial_lineage; DROP TABLE study_bracket; PRAGMA user_version = 2", NULL,
                     NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    struct store *store = open_db(room->db);
    struct row_bracket bracket = {
        .study = 1, .first_trial = 1, .trials = 9, .min_epochs = 1, .eta = 3, .epochs = 9};
    store_add_bracket(store, &bracket);
    store_add_bracket(store, &bracket); /* known */
    commit(store);
    store_close(store);
    run_sql(room->db, everything, &migrated);
    assert_string_equal(cell_text(rows_cell(&fresh, 0, 0)), cell_text(rows_cell(&migrated, 0, 0)));
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM study_bracket"), 1);
    rows_fini(&fresh);
    rows_fini(&migrated);
}

static void test_a_migration_that_fails(void **state)
{
    struct room *room = *state;
    struct migration steps[STEPS_MOST], orphans[STEPS_MOST];
    int count = steps_beyond(steps, (const char *const[]){good_step, bad_step, NULL});
    int orphan_count = steps_beyond(orphans, (const char *const[]){orphan_step, NULL});
    char which[48];
    make_old_file(room->db);
    struct str before = {0}, after = {0};
    assert_int_equal(file_read(room->db, 1 << 20, &before, NULL), 0);
    struct err err = ERR_NONE;
    assert_true(open_with(room->db, steps, count, &err) < 0);
    snprintf(which, sizeof which, "from version %d to %d", count - 1, count);
    assert_non_null(strstr(err.text, which));
    assert_true(open_with(room->db, orphans, orphan_count, &err) < 0);
    assert_non_null(strstr(err.text, "refer to nothing"));
    assert_int_equal(file_read(room->db, 1 << 20, &after, NULL), 0);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.text, after.text, before.len);
    str_fini(&before);
    str_fini(&after);
    store_close(open_db(room->db));
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM param"), 2);
}

/* ---- what fails in mid-turn ---- */

/* Statuses in memory and store that differ: the turn is undone, the text says what, and the next turn works. */
static void test_errors_stick_until_the_commit(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s"), trial = add_trial(store, study, 1, 1);
    commit(store);
    uint64_t seq = store_seq(store);
    add_trial(store, study, 2, 1);
    assert_int_equal(
        store_trial_moved(store, trial, TRIAL_running, TRIAL_complete, "finished", NULL, 1, 1, NULL), 0);
    assert_true(store_failed(store) != 0 && store_dirty(store));
    add_trial(store, study, 3, 1); /* does nothing */
    struct err err = ERR_NONE;
    assert_true(store_commit(store, &err) < 0);
    assert_non_null(strstr(err.text, "is not running"));
    assert_int_equal(store_failed(store), 0);
    assert_int_equal(store_seq(store), seq);
    add_trial(store, study, 2, 2);
    commit(store);
    store_close(store);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM trial"), 2);
}

static void test_a_full_disk(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t trial = add_trial(store, add_study(store, "s"), 1, 1);
    start_attempt(store, trial, 1, join(store, "w"));
    report(store, trial, 1, 1, 0.1);
    commit(store);
    struct rlimit old, small = {.rlim_cur = 400000};
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    for (int epoch = 2; epoch < 20000; epoch++)
        report(store, trial, 1, epoch, 0.1);
    struct err err = ERR_NONE;
    int rc = store_commit(store, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(rc, ERR_IO);
    assert_non_null(strstr(err.hint, "nothing acknowledged is lost"));
    assert_int_equal(report(store, trial, 1, 1, 0.1), 0); /* still there */
    assert_true(report(store, trial, 1, 2, 0.1) > 0);
    commit(store);
    store_close(store);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM epoch"), 2);
}

static void test_a_rollback_forgets_the_turn(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s"), trial = add_trial(store, study, 1, 1);
    start_attempt(store, trial, 1, join(store, "w"));
    commit(store);
    uint64_t seq = store_seq(store);
    report(store, trial, 1, 1, 0.5); /* first sight of val_loss */
    add_study(store, "t");
    store_rollback(store);
    assert_false(store_dirty(store));
    assert_int_equal(store_seq(store), seq);
    store_rollback(store);
    report(store, trial, 1, 1, 0.5);
    add_study(store, "t");
    commit(store);
    store_trial_moved(store, trial, TRIAL_paused, TRIAL_waiting, "promoted", NULL, 1, 1, NULL);
    store_rollback(store);
    assert_int_equal(store_failed(store), 0);
    store_close(store);
    assert_int_equal(ask_int(room->db, "SELECT count(*) FROM metric WHERE name = 'val_loss'"), 1);
}

/* ---- backup and address ---- */

static void test_backup(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    int64_t study = add_study(store, "s");
    add_trial(store, study, 1, 1);
    commit(store);
    char *copy = path_join(room->dir, "copy.db"), *text = path_join(room->dir, "study.json");
    struct err err = ERR_NONE;
    if (store_backup(store, copy, &err))
        fail_msg("%s", err.text);
    assert_int_equal(ask_int(copy, "SELECT count(*) FROM s"), 1);
    add_trial(store, study, 2, 1); /* not committed: not in a copy made meanwhile on another connection */
    if (query_backup(room->db, copy, &err))
        fail_msg("%s", err.text);
    assert_int_equal(ask_int(copy, "SELECT count(*) FROM s"), 1);
    commit(store);
    assert_int_equal(query_backup(room->db, copy, &err), 0);
    assert_int_equal(ask_int(copy, "SELECT count(*) FROM s"), 2);
    assert_int_equal(query_backup(room->db, room->db, &err), ERR_BAD);
    assert_int_equal(file_write_whole(text, "{}", 2, NULL), 0);
    assert_int_equal(query_backup(room->db, text, &err), ERR_BAD);
    assert_int_equal(file_size(text), 2);
    store_close(store);
    assert_int_equal(query_backup(room->db, copy, &err), 0); /* of a file at rest */
    store_close(open_db(copy));
    assert_names(room->dir, "a.db a.db.d copy.db copy.db.d study.json ");
    free(copy);
    free(text);
}

static void test_address(void **state)
{
    struct room *room = *state;
    struct store *store = open_db(room->db);
    struct query *query;
    char address[64];
    assert_int_equal(query_open(room->db, &query, NULL), 0);
    assert_int_equal(query_address(query, address, sizeof address, NULL), 0);
    assert_string_equal(address, "");
    assert_int_equal(store_set_address(store, "tcp://node1:7077", NULL), 0);
    assert_int_equal(query_address(query, address, sizeof address, NULL), 0);
    assert_string_equal(address, "tcp://node1:7077");
    assert_int_equal(store_set_address(store, NULL, NULL), 0);
    assert_int_equal(query_address(query, address, sizeof address, NULL), 0);
    assert_string_equal(address, "");
    query_close(query);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_ROOM(test_study_comes_back),
        IN_A_ROOM(test_trials_come_back),
        IN_A_ROOM(test_open_attempts_come_back),
        IN_A_ROOM(test_newest_attempt_of_an_epoch_counts),
        IN_A_ROOM(test_a_report_sent_twice_changes_nothing),
        IN_A_ROOM(test_seq_goes_on_after_a_restart),
        IN_A_ROOM(test_the_log_in_order),
        IN_A_ROOM(test_newest_checkpoint),
        IN_A_ROOM(test_memory_store),
        IN_A_ROOM(test_every_statement_can_be_prepared),
        IN_A_ROOM(test_check_of_status_is_the_table),
        IN_A_ROOM(test_every_status_fits),
        IN_A_ROOM(test_clean_exit_leaves_one_file),
        IN_A_ROOM(test_last_reader_leaves_one_file),
        IN_A_ROOM(test_what_is_no_database),
        IN_A_ROOM(test_a_database_of_another_program),
        IN_A_ROOM(test_a_newer_version_is_refused),
        IN_A_ROOM(test_a_damaged_database),
        IN_A_ROOM(test_an_empty_file_becomes_a_database),
        IN_A_ROOM(test_a_wal_without_its_database),
        IN_A_ROOM(test_a_network_file_system),
        IN_A_ROOM(test_network_db),
        IN_A_ROOM(test_a_lock_names_its_holder),
        IN_A_ROOM(test_a_lock_held_by_another_process),
        IN_A_ROOM(test_kill_in_mid_transaction),
        IN_A_ROOM(test_our_names_are_reserved),
        IN_A_ROOM(test_studies_that_cannot_be),
        IN_A_ROOM(test_a_migration),
        IN_A_ROOM(test_version_1_gets_the_views_of_2),
        IN_A_ROOM(test_version_2_gets_the_tables_of_3),
        IN_A_ROOM(test_a_migration_that_fails),
        IN_A_ROOM(test_errors_stick_until_the_commit),
        IN_A_ROOM(test_a_full_disk),
        IN_A_ROOM(test_a_rollback_forgets_the_turn),
        IN_A_ROOM(test_backup),
        IN_A_ROOM(test_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
