/* The file of a store: what is one and what is not, whose it is at a time, what is left of it after any end. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "sql/lock.h"
#include "sql/query.h"
#include "sql/store.h"
#include "sql/text.h"
#include "tests/unit/test_store_room.h"

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
        store_trial_moved(store,
                          &(struct row_move){trial, at, (enum trial_status)i, "test", NULL, 0, 5, NULL});
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

static void test_a_lock_of_another_host(void **state)
{
    struct room *room = *state;
    char *path = xasprintf("%s.lock", room->db);
    struct err err = ERR_NONE;
    assert_int_equal(db_lock_holder(room->db), LOCK_NOBODY);
    assert_int_equal(file_write_whole(path, "pid 1 on far-away.example\n", 26, &err), 0);
    assert_int_equal(db_lock_holder(room->db), LOCK_ELSEWHERE);
    assert_int_equal(file_write_whole(path, "pid one\n", 8, &err), 0);
    assert_int_equal(db_lock_holder(room->db), LOCK_NOBODY);
    unlink(path);
    free(path);
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
    assert_int_equal(db_lock_holder(room->db), LOCK_HERE);
    end(pid);
    assert_int_equal(db_lock_holder(room->db), LOCK_NOBODY); /* though the file is still there */
    store_close(open_db(room->db));                          /* its lock died with it */
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
        IN_A_ROOM(test_a_lock_of_another_host),
        IN_A_ROOM(test_a_lock_held_by_another_process),
        IN_A_ROOM(test_kill_in_mid_transaction),
        IN_A_ROOM(test_backup),
        IN_A_ROOM(test_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
