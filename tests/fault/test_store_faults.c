/* A disk that fails at the n-th call, for n = 1, 2, 3, … until a whole life of a store goes through undisturbed: once
 * (EIO), from then on (ENOSPC), a write torn in half and the machine gone, gone before the call, gone with all that
 * was not synced. Whatever happened:
 * the file opens again, is whole, holds all that was acknowledged and nothing twice; a file written whole is read whole
 * or not at all.
 *
 * The life runs in a process of its own (this program, with the folder as argument) under the shim. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

#include "common/hash.h"
#include "master/porter.h"
#include "tests/tools/proc.h"
#include "tests/tools/scratch.h"
#include "tests/tools/shim.h"
#include "tests/unit/test_store_room.h"

enum { TRIALS = 3, EPOCHS = 3, TRIES = 3, NOTE_BYTES = 5000, CALLS_MOST = 5000 };

/* ---- the life ---- */

/* Outside the shim's reach: what this life was told is safe. */
static void acknowledge(const char *folder, int64_t trial, int epoch, double value)
{
    char *path = xasprintf("%s/acknowledged", folder);
    FILE *file = fopen(path, "a");
    PRE(file);
    fprintf(file, "%lld %d %.17g\n", (long long)trial, epoch, value);
    PRE(!fclose(file));
    free(path);
}

static void acknowledge_checkpoint(const char *folder)
{
    char *path = xasprintf("%s/acknowledged-checkpoint", folder);
    FILE *file = fopen(path, "w");
    PRE(file && !fclose(file));
    free(path);
}

static int begin_study(struct store *store, int64_t *study, int64_t *worker, struct err *err)
{
    struct row_study row = {.name = "s",
                            .definition = "{}",
                            .base = "/",
                            .metric = "val_acc",
                            .maximize = true,
                            .priority = 1,
                            .weight = 1,
                            .created_ms = 1};
    int rc = store_add_study(store, &row, two_params, 2, err);
    *study = row.id;
    *worker = rc ? 0 : join(store, "w");
    return rc ? rc : store_commit(store, err);
}

/* The way of the master: undone is undone, memory is read again, and once more. */
#define AGAIN(store, call)                                       \
    for (int tries = 0; (rc = (call)) && tries < TRIES; tries++) \
        if (store_reload(store, &err))                           \
            return rc;                                           \
    if (rc)                                                      \
    return rc

static int begin_trial(struct store *store, int64_t study, int64_t worker, uint32_t number, int64_t *trial,
                       struct err *err)
{
    *trial = add_trial(store, study, number, 0.1 * number);
    if (!store_failed(store))
        start_attempt(store, *trial, 1, worker);
    return store_commit(store, err);
}

static int say_epoch(struct store *store, int64_t trial, int epoch, double value, struct err *err)
{
    report(store, trial, 1, epoch, value);
    return store_commit(store, err);
}

static int live(struct store *store, const char *folder)
{
    struct err err = ERR_NONE;
    int64_t study, worker, trial;
    int rc;
    AGAIN(store, begin_study(store, &study, &worker, &err));
    for (uint32_t n = 1; n <= TRIALS; n++) {
        AGAIN(store, begin_trial(store, study, worker, n, &trial, &err));
        for (int epoch = 1; epoch <= EPOCHS; epoch++) {
            AGAIN(store, say_epoch(store, trial, epoch, 0.1 * n + epoch, &err));
            acknowledge(folder, trial, epoch, 0.1 * n + epoch);
        }
    }
    return 0;
}

static int write_note(const char *folder, char letter)
{
    char *path = xasprintf("%s/hone.db.d/note", folder), text[NOTE_BYTES];
    memset(text, letter, sizeof text);
    int rc = file_write_whole(path, text, sizeof text, NULL);
    free(path);
    return rc;
}

/* ---- a checkpoint that arrives in pieces, as the master keeps it ---- */

enum { PIECES = 3, PIECE_BYTES = 3000, CHECKPOINT_BYTES = PIECES * PIECE_BYTES };
#define CHECKPOINT_NAME "s/t00001/a1/e1.ckpt"

static void fill_checkpoint(char bytes[CHECKPOINT_BYTES], char hash[HASH_HEX])
{
    for (int i = 0; i < CHECKPOINT_BYTES; i++)
        bytes[i] = (char)('a' + i % 23);
    hash_bytes(bytes, CHECKPOINT_BYTES, hash);
}

static int do_chore(struct porter *porter, enum chore_kind kind, int64_t offset, const char *bytes,
                    int64_t *there)
{
    struct chore *chore = chore_new(kind, 1, CHECKPOINT_NAME);
    char whole[CHECKPOINT_BYTES];
    fill_checkpoint(whole, chore->hash);
    chore->bytes = CHECKPOINT_BYTES;
    chore->offset = offset;
    if (bytes) {
        chore->len =
            (size_t)(CHECKPOINT_BYTES - offset < PIECE_BYTES ? CHECKPOINT_BYTES - offset : PIECE_BYTES);
        chore->data = xmalloc(chore->len);
        memcpy(chore->data, bytes + offset, chore->len);
    }
    porter_post(porter, chore);
    PRE(porter_take(porter) == chore);
    int rc = chore->rc;
    if (there)
        *there = chore->bytes;
    chore_free(chore);
    return rc;
}

/* From where it is; ERR_BAD: what was there is damaged, and gone now. */
static int bring_checkpoint(const char *folder)
{
    char *root = xasprintf("%s/hone.db.d", folder), bytes[CHECKPOINT_BYTES], hash[HASH_HEX];
    struct porter *porter = porter_new(root, false);
    int64_t there = 0;
    fill_checkpoint(bytes, hash);
    int rc = do_chore(porter, CHORE_BEGIN, 0, NULL, &there);
    for (int64_t at = there < CHECKPOINT_BYTES ? there : CHECKPOINT_BYTES; at < CHECKPOINT_BYTES && !rc;
         at += PIECE_BYTES)
        rc = do_chore(porter, CHORE_WRITE, at, bytes, NULL);
    if (!rc)
        rc = do_chore(porter, CHORE_FINISH, 0, NULL, NULL);
    porter_free(porter);
    free(root);
    return rc;
}

static int keep_checkpoint(struct store *store, const char *folder, struct err *err)
{
    char bytes[CHECKPOINT_BYTES], hash[HASH_HEX];
    fill_checkpoint(bytes, hash);
    int rc = bring_checkpoint(folder);
    if (rc)
        return rc;
    struct row_checkpoint row = {.trial = 1,
                                 .attempt = 1,
                                 .epoch = 1,
                                 .path = CHECKPOINT_NAME,
                                 .bytes = CHECKPOINT_BYTES,
                                 .hash = hash,
                                 .created_ms = 1,
                                 .state = CHECKPOINT_KEPT};
    store_add_checkpoint(store, &row);
    rc = store_commit(store, err);
    if (!rc)
        acknowledge_checkpoint(folder);
    return rc;
}

static int scenario(const char *folder)
{
    struct err err = ERR_NONE;
    struct store *store = NULL;
    char *db = xasprintf("%s/hone.db", folder), *copy = xasprintf("%s/copy-of-hone.db", folder);
    int rc = store_open(db, NULL, &store, &err);
    if (!rc)
        rc = live(store, folder);
    if (!rc)
        rc = keep_checkpoint(store, folder, &err);
    if (!rc)
        rc = store_backup(store, copy, &err);
    if (!rc)
        rc = write_note(folder, 'a');
    if (!rc)
        rc = write_note(folder, 'b');
    store_close(store);
    free(db);
    free(copy);
    return rc ? 3 : 0;
}

/* ---- afterwards ---- */

static void expect_acknowledged(const char *folder, const char *db)
{
    char *path = xasprintf("%s/acknowledged", folder), sql[200];
    FILE *file = fopen(path, "r");
    long long trial;
    int epoch;
    double value;
    while (file && fscanf(file, "%lld %d %lg", &trial, &epoch, &value) == 3) {
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM epoch WHERE trial = %lld AND epoch = %d AND value = %.17g", trial,
                 epoch, value);
        assert_int_equal(db_int(db, sql), 1);
    }
    if (file)
        fclose(file);
    free(path);
}

static void expect_whole(const char *db)
{
    struct str text = {0};
    db_text(db, "PRAGMA integrity_check", &text);
    assert_string_equal(str_text(&text), "ok");
    db_text(db, "SELECT count(*) FROM pragma_foreign_key_check", &text);
    assert_string_equal(str_text(&text), "0");
    str_fini(&text);
}

static void expect_note(const char *folder)
{
    char *path = xasprintf("%s/hone.db.d/note", folder);
    struct str text = {0};
    if (file_read(path, 1 << 20, &text, NULL) == 0) {
        assert_int_equal(text.len, NOTE_BYTES);
        for (size_t i = 1; i < text.len; i++)
            assert_int_equal(text.text[i], text.text[0]);
    }
    str_fini(&text);
    free(path);
}

/* A kept row has its file, whole; an acknowledged one its row; and what was cut short comes on the next try, or on the
 * one after it if half of it was damaged. */
static void expect_checkpoint(const char *folder, const char *db)
{
    char *file = xasprintf("%s/hone.db.d/" CHECKPOINT_NAME, folder),
         *told = xasprintf("%s/acknowledged-checkpoint", folder);
    char bytes[CHECKPOINT_BYTES], hash[HASH_HEX], found[HASH_HEX] = "";
    int64_t kept = db_int(db, "SELECT count(*) FROM checkpoint WHERE state = 'kept'");
    fill_checkpoint(bytes, hash);
    if (kept || file_exists(file)) {
        assert_int_equal(hash_file(file, found, NULL, NULL), 0);
        assert_string_equal(found, hash);
    }
    if (file_exists(told))
        assert_int_equal(kept, 1);
    int rc = kept ? 0 : bring_checkpoint(folder);
    if (rc == ERR_BAD)
        rc = bring_checkpoint(folder);
    assert_int_equal(rc, 0);
    assert_int_equal(hash_file(file, found, NULL, NULL), 0);
    assert_string_equal(found, hash);
    free(file);
    free(told);
}

static void expect_promises(const char *folder)
{
    char *db = xasprintf("%s/hone.db", folder), *copy = xasprintf("%s/copy-of-hone.db", folder);
    struct stat st;
    store_close(open_db(db)); /* opens, whatever happened to it */
    expect_whole(db);
    expect_acknowledged(folder, db);
    if (stat(copy, &st) == 0)
        expect_whole(copy);
    expect_note(folder);
    expect_checkpoint(folder, db);
    free(db);
    free(copy);
}

/* One life with the disk failing at call n; false: there was no such call any more. */
static bool disturbed(enum shim_fault fault, int error, bool all, uint64_t n)
{
    struct scratch scratch;
    struct disk disk;
    struct proc life;
    scratch_init(&scratch);
    disk_init(&disk, scratch.folder);
    *disk.shim = (struct shim){.fault = (uint32_t)fault, .error = error, .nth = n, .all = all};
    disk_load(&disk, "hone.db");
    START(&life, NULL, "/proc/self/exe", "scenario", scratch.folder);
    disk_unload();
    int status = proc_wait(&life);
    uint64_t hits = disk.shim->hits;
    if (status != 0 && status != 3 && status != SHIM_CRASHED)
        fail_msg("call %llu: status %d: %s", (unsigned long long)n, status, str_text(&life.out));
    if (!hits)
        assert_int_equal(status, 0);
    expect_promises(scratch.folder);
    proc_fini(&life);
    disk_fini(&disk);
    scratch_fini(&scratch);
    return hits > 0;
}

static void at_every_call(enum shim_fault fault, int error, bool all)
{
    uint64_t n = 1;
    while (n < CALLS_MOST && disturbed(fault, error, all, n))
        n++;
    print_message("# %llu calls, each disturbed once\n", (unsigned long long)n - 1);
    assert_in_range(n, 50, CALLS_MOST - 1);
}

static void an_error_at_any_call_loses_nothing(void **state)
{
    (void)state;
    at_every_call(SHIM_FAIL, EIO, false);
}

static void a_disk_full_from_any_call_on_loses_nothing(void **state)
{
    (void)state;
    at_every_call(SHIM_FAIL, ENOSPC, true);
}

static void a_write_torn_anywhere_loses_nothing(void **state)
{
    (void)state;
    at_every_call(SHIM_TEAR, 0, false);
}

static void a_crash_before_any_call_loses_nothing(void **state)
{
    (void)state;
    at_every_call(SHIM_CRASH, 0, false);
}

/* What was written and not yet synced is gone, of every file. */
static void a_power_cut_before_any_call_loses_nothing(void **state)
{
    (void)state;
    at_every_call(SHIM_POWER, 0, false);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "scenario") == 0)
        return scenario(argv[2]);
    /* What a disk does is the shim's to play: a real one would only take its time for each of 100,000 syncs. */
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_at_any_call_loses_nothing),
        cmocka_unit_test(a_disk_full_from_any_call_on_loses_nothing),
        cmocka_unit_test(a_write_torn_anywhere_loses_nothing),
        cmocka_unit_test(a_crash_before_any_call_loses_nothing),
        cmocka_unit_test(a_power_cut_before_any_call_loses_nothing),
    };
    return cmocka_run_group_tests_name("store faults", tests, NULL, NULL);
}
