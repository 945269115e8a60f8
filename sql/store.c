#include "sql/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "sql/backup.h"
#include "sql/migrate.h"
#include "sql/place.h"
#include "sql/query_inner.h"
#include "sql/store_inner.h"
#include "sql/text.h"

/* ---- making a file ---- */

static int set_meta(struct conn *conn, const char *key, const char *value, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = conn_stmt(conn, "set_meta", &stmt, err);
    if (rc)
        return rc;
    sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, value, -1, SQLITE_STATIC);
    int got = sqlite3_step(stmt);
    if (got != SQLITE_DONE)
        rc = conn_fail(conn, got, err);
    sqlite3_reset(stmt);
    return rc;
}

/* A uuid that no other database has, and who made it. */
static int sign(struct conn *conn, struct err *err)
{
    char uuid[HASH_HEX];
    random_hex(uuid);
    int rc = set_meta(conn, "uuid", uuid, err);
    return rc ? rc : set_meta(conn, "hone", HONE_VERSION, err);
}

static int furnish(struct conn *conn, struct err *err)
{
    int rc = conn_run(conn, "begin", err);
    if (!rc)
        rc = conn_exec(conn, text_schema, err);
    if (!rc)
        rc = conn_exec(conn, text_views, err);
    if (!rc)
        rc = sign(conn, err);
    return rc ? rc : conn_run(conn, "commit", err);
}

/* What an earlier file of this name left behind would be taken for the new one's. */
static int refuse_orphaned_wal(const char *path, struct err *err)
{
    char *wal = xasprintf("%s-wal", path);
    int rc = 0;
    if (file_size(wal) > 0) {
        rc = err_set(err, ERR_BAD, "%s: is there without its database", wal);
        err_hint(err, "put %s back beside it, or remove it with what it holds", path);
    }
    free(wal);
    return rc;
}

/* Under another name first: a database is there whole or not at all. */
static int create(const char *path, struct err *err)
{
    int rc = refuse_orphaned_wal(path, err);
    if (rc)
        return rc;
    char *temporary = xasprintf("%s.new", path), *dir = path_dir(path);
    struct conn conn;
    unlink(temporary);
    rc = conn_open(&conn, temporary, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (!rc) {
        rc = furnish(&conn, err);
        conn_fini(&conn);
    }
    if (!rc && rename(temporary, path))
        rc = err_errno(err, "%s: cannot be made", path);
    if (!rc)
        rc = dir_sync(dir, err);
    else
        unlink(temporary);
    free(temporary);
    free(dir);
    return rc;
}

/* ---- opening ---- */

static int bring_up(struct store *store, const struct store_options *options, struct err *err)
{
    int changed;
    int rc = options->steps ? migrate(&store->conn, options->steps, options->step_count, &changed, err)
                            : migrate(&store->conn, migrations, migration_count, &changed, err);
    if (rc || !changed)
        return rc ? rc : known_load(store, err);
    rc = conn_exec(&store->conn, text_views, err);
    if (!rc)
        rc = known_load(store, err);
    if (!rc)
        rc = study_views_make_all(store, err);
    if (!rc)
        rc = conn_run(&store->conn, "commit", err);
    if (rc)
        conn_run(&store->conn, "rollback", NULL);
    return rc ? rc : conn_exec(&store->conn, "PRAGMA foreign_keys = ON", err);
}

/* locking_mode comes before journal_mode: only then does the WAL go without shared memory. synchronous = FULL: a
 * commit that returned survives a power cut. cache_size: 16 MiB hold the pages that a thousand running trials write to;
 * four times as much made nothing faster, for the kernel keeps the rest. */
static int set_pragmas(struct store *store, bool exclusive, struct err *err)
{
    int rc = 0;
    if (exclusive)
        rc = conn_exec(&store->conn, "PRAGMA locking_mode = EXCLUSIVE", err);
    if (!rc && !store->memory)
        rc = conn_exec(&store->conn, "PRAGMA journal_mode = WAL", err);
    return rc ? rc
              : conn_exec(&store->conn,
                          "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
                          "PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864",
                          err);
}

static int read_uuid(struct store *store, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = conn_stmt(&store->conn, "meta", &stmt, err);
    if (rc)
        return rc;
    sqlite3_bind_text(stmt, 1, "uuid", -1, SQLITE_STATIC);
    if (sqlite3_step(stmt) != SQLITE_ROW ||
        !str_copy(store->uuid, sizeof store->uuid, (const char *)sqlite3_column_text(stmt, 0)))
        rc = err_set(err, ERR_BAD, "%s: has no uuid", store->conn.path);
    sqlite3_reset(stmt);
    return rc;
}

int store_sign_again(struct store *store, struct err *err)
{
    int rc = sign(&store->conn, err);
    return rc ? rc : read_uuid(store, err);
}

/* Workers read <db>.d/probe to find out whether they see the same folder. */
static int make_root(struct store *store, struct err *err)
{
    store->root = xasprintf("%s.d", store->path);
    int rc = dir_make(store->root, err);
    if (rc)
        return rc;
    char *probe = path_join(store->root, "probe");
    struct str there = {0};
    file_read(probe, HASH_HEX, &there, NULL);
    if (strcmp(str_text(&there), store->uuid) != 0)
        rc = file_write_whole(probe, store->uuid, strlen(store->uuid), err);
    str_fini(&there);
    free(probe);
    return rc;
}

static int open_memory(struct store *store, const struct store_options *options, struct err *err)
{
    store->memory = true;
    store->path = xstrdup(":memory:");
    store->root = xstrdup("");
    int rc = conn_open(&store->conn, store->path, store->path,
                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY, err);
    if (!rc)
        rc = furnish(&store->conn, err);
    if (!rc)
        rc = set_pragmas(store, false, err);
    if (!rc)
        rc = read_uuid(store, err);
    return rc ? rc : bring_up(store, options, err);
}

static int open_locked(struct store *store, bool empty, const struct store_options *options, struct err *err)
{
    int rc = empty ? create(store->path, err) : 0;
    if (!rc)
        rc = conn_open(&store->conn, store->path, store->path, SQLITE_OPEN_READWRITE, err);
    if (!rc)
        rc = set_pragmas(store, options->network_db, err);
    if (!rc)
        rc = bring_up(store, options, err);
    if (!rc)
        rc = read_uuid(store, err);
    if (!rc && !options->network_db)
        store->wal = wal_new(store->path, store->conn.db, options->wal_named_bytes);
    return rc ? rc : make_root(store, err);
}

static int open_file(struct store *store, const char *path, const struct store_options *options,
                     struct err *err)
{
    bool empty;
    int rc = place_resolve(path, &store->path, err);
    if (!rc)
        rc = place_look(store->path, &empty, err);
    if (!rc && !options->network_db)
        rc = place_refuse_network(store->path, options->mountinfo, err);
    if (!rc)
        rc = db_lock_take(&store->lock, store->path, options->brief ? DB_LOCK_COMMAND : DB_LOCK_MASTER, err);
    if (!rc) /* again: another master may have made it before it gave the lock back */
        rc = place_look(store->path, &empty, err);
    return rc ? rc : open_locked(store, empty, options, err);
}

/* Through a reader's connection, which knows how to leave no trace; everything is read in one transaction. */
static int open_read_only(struct store *store, const char *path, struct err *err)
{
    int rc = query_open(path, &store->reader, err);
    if (rc)
        return rc;
    query_take_conn(store->reader, &store->conn);
    store->path = xstrdup(store->conn.path);
    store->root = xasprintf("%s.d", store->path);
    rc = conn_exec(&store->conn, "BEGIN", err);
    return rc ? rc : read_uuid(store, err);
}

bool store_overtaken(const struct store *store)
{
    return query_overtaken(store->reader);
}

int store_open(const char *path, const struct store_options *options, struct store **out, struct err *err)
{
    static const struct store_options plain;
    if (!options)
        options = &plain;
    struct store *store = xcalloc(1, sizeof *store);
    int rc = options->memory      ? open_memory(store, options, err)
             : options->read_only ? open_read_only(store, path, err)
                                  : open_file(store, path, options, err);
    if (rc) {
        store_close(store);
        store = NULL;
    }
    *out = store;
    return rc;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    wal_free(store->wal);
    if (store->conn.db && !sqlite3_get_autocommit(store->conn.db))
        conn_run(&store->conn, "rollback", NULL);
    if (store->conn.db && !store->memory && !store->reader)
        conn_exec(&store->conn, "PRAGMA wal_checkpoint(TRUNCATE)", NULL);
    conn_fini(&store->conn);
    query_close(store->reader);
    db_lock_release(&store->lock);
    known_fini(store);
    free(store->checkpoint_path);
    free(store->checkpoint_hash);
    free(store->path);
    free(store->root);
    free(store);
}

/* ---- what it knows of itself ---- */

const char *store_uuid(const struct store *store)
{
    return store->uuid;
}

const char *store_path(const struct store *store)
{
    return store->path;
}

const char *store_root(const struct store *store)
{
    return store->root;
}

bool store_dirty(const struct store *store)
{
    return store->dirty || store->failed.code;
}

int store_failed(const struct store *store)
{
    return store->failed.code;
}

uint64_t store_seq(const struct store *store)
{
    return store->seq;
}

/* ---- transactions ---- */

/* The turn is undone already; what memory held of it is read again. */
static int report_failure(struct store *store, struct err *err)
{
    struct err why = store->failed;
    store->failed = ERR_NONE;
    store->dirty = false;
    if (known_load(store, NULL))
        err_hint(&why, "the database cannot be read any more either");
    if (err)
        *err = why;
    return why.code;
}

int store_commit(struct store *store, struct err *err)
{
    struct err why = ERR_NONE;
    if (store->dirty && !store->failed.code &&
        (study_views_make_stale(store, &why) || conn_run(&store->conn, "commit", &why)))
        store_fail(store, &why);
    if (store->failed.code)
        return report_failure(store, err);
    if (store->dirty && store->wal)
        wal_committed(store->wal);
    store->dirty = false;
    store->committed_seq = store->seq;
    return 0;
}

void store_rollback(struct store *store)
{
    if (!store_dirty(store))
        return;
    if (!sqlite3_get_autocommit(store->conn.db))
        conn_run(&store->conn, "rollback", NULL);
    store->dirty = false;
    store->failed = ERR_NONE;
    struct err why = ERR_NONE;
    if (known_load(store, &why))
        store_fail(store, &why); /* the next commit says so */
}

int store_reload(struct store *store, struct err *err)
{
    if (!sqlite3_get_autocommit(store->conn.db))
        conn_run(&store->conn, "rollback", NULL);
    store->dirty = store->damaged = false;
    store->failed = ERR_NONE;
    return known_load(store, err);
}

int store_try(struct store *store, int64_t now_ms, struct err *err)
{
    char now[32];
    snprintf(now, sizeof now, "%lld", (long long)now_ms);
    struct put put = put_begin(store, "set_meta");
    put_text(&put, "tried"); /* another value every time: a page that has not changed would not be written */
    put_text(&put, now);
    put_run(&put);
    return store_commit(store, err);
}

bool store_says(struct store *store, char text[512])
{
    return store->wal && wal_says(store->wal, text);
}

/* ---- still where it was? ---- */

static bool is_same_file(const char *path, struct file_mark *mark)
{
    struct stat st;
    if (stat(path, &st))
        return mark->ino == 0 || (errno != ENOENT && errno != ENOTDIR);
    if (!mark->ino)
        *mark = (struct file_mark){(uint64_t)st.st_dev, (uint64_t)st.st_ino};
    return mark->dev == (uint64_t)st.st_dev && mark->ino == (uint64_t)st.st_ino;
}

int store_in_place(struct store *store, struct err *err)
{
    if (store->memory)
        return 0;
    char wal[PATH_MAX + 8];
    snprintf(wal, sizeof wal, "%s-wal", store->path);
    bool db_is_here = is_same_file(store->path, &store->db_mark);
    if (db_is_here && is_same_file(wal, &store->wal_mark))
        return 0;
    err_set(err, ERR_REACH, "%s: was removed or replaced while this master was writing to it",
            db_is_here ? wal : store->path);
    return err_hint(err,
                    "put it back, or start again on what is there now; workers go on training meanwhile");
}

int store_set_address(struct store *store, const char *address, struct err *err)
{
    struct put put = put_begin(store, address ? "set_meta" : "drop_meta");
    put_text(&put, "address");
    if (address)
        put_text(&put, address);
    put_run(&put);
    return store_commit(store, err);
}

int store_backup(struct store *store, const char *path, struct err *err)
{
    PRE(!store->dirty);
    return backup_to(&store->conn, path, err);
}

int query_of_store(struct store *store, struct query **out, struct err *err)
{
    return query_open_on(&store->conn, out, err);
}
