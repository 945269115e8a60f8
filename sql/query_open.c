/* Opening a database for reading.
 * At rest (no WAL) the file is read as immutable, for even a read-only connection would else leave a -wal and a
 * -shm file behind, and a clean exit leaves one file. A stamp taken before and after each statement tells when a
 * master has begun to write meanwhile; the statement is then run again. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "sql/migrate.h"
#include "sql/place.h"
#include "sql/query_inner.h"
#include "sql/query_parts.h"
#include "sql/text.h"

enum {
    TEXT_MAX = 64 << 20, /* bytes of one value */
    BUSY_MS = 1000,      /* a reader is locked out by a recovery, shortly, and by --network-db, for good */
};

static struct stamp stamp_of(const struct query *query)
{
    struct stat st = {0};
    stat(query->path, &st);
    return (struct stamp){
        .live = file_size(query->wal) > 0, .changed = st.st_mtim, .bytes = st.st_size, .inode = st.st_ino};
}

static bool stamp_same(const struct stamp *a, const struct stamp *b)
{
    return a->live == b->live && a->bytes == b->bytes && a->inode == b->inode &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* SQLite's URI: everything but plain characters in %xx. */
static char *uri_of(const char *path, bool immutable)
{
    static const char hex[] = "0123456789abcdef";
    struct str uri = {0};
    str_add(&uri, "file:");
    for (const unsigned char *c = (const unsigned char *)path; *c; c++) {
        if (strchr("?#%", *c)) {
            char coded[4] = {'%', hex[*c >> 4], hex[*c & 15], '\0'};
            str_add(&uri, coded);
        } else {
            str_addc(&uri, (char)*c);
        }
    }
    str_add(&uri, immutable ? "?immutable=1" : "");
    return str_take(&uri);
}

/* Also reads the schema: a damaged file is told apart now and not by the first question. */
static int check_version(struct query *query, struct err *err)
{
    int64_t version = 0;
    sqlite3_stmt *any;
    int rc = conn_pragma(query->conn, "PRAGMA user_version", &version, err);
    if (!rc)
        rc = conn_stmt(query->conn, "meta", &any, err);
    if (rc || version == migration_count)
        return rc;
    err_set(err, ERR_BAD, "%s: of %s hone (version %lld of the database; this one reads %d)", query->path,
            version > migration_count ? "a newer" : "an older", (long long)version, migration_count);
    if (version > migration_count)
        return err_hint(err, "use that hone");
    struct str word = {0};
    str_add_word(&word, query->path);
    err_hint(err, "hone master --db %s brings it up to date when it starts (no trial runs without a worker)",
             str_text(&word));
    str_fini(&word);
    return ERR_BAD;
}

static int refuse_live_on_network(const struct query *query, struct err *err)
{
    char type[64];
    if (!query->stamp.live || !place_is_network(query->path, NULL, type))
        return 0;
    err_set(err, ERR_REACH, "%s: a master writes it, and it lies on a network file system: %s", query->path,
            type);
    return err_hint(err, "ask that master (--master ADDR), or read its mirror");
}

static int connect(struct query *query, struct err *err)
{
    query->stamp = stamp_of(query);
    int rc = refuse_live_on_network(query, err);
    if (rc)
        return rc;
    char *uri = uri_of(query->path, !query->stamp.live);
    rc = conn_open(&query->own, uri, query->path, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
    free(uri);
    if (!rc)
        sqlite3_busy_timeout(query->own.db, BUSY_MS);
    if (!rc)
        rc = conn_exec(query->conn, "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY", err);
    if (!rc)
        rc = check_version(query, err);
    if (!rc)
        sqlite3_limit(query->own.db, SQLITE_LIMIT_LENGTH, TEXT_MAX);
    return rc;
}

static int query_look(const char *path, struct err *err)
{
    bool empty;
    int rc = place_look(path, &empty, err);
    if (!rc && empty) {
        rc = err_set(err, ERR_GONE, "%s: there is no database", path);
        err_hint(err, "hone run STUDY.json makes one; --db FILE or HONE_DB names another");
    }
    return rc;
}

int query_open(const char *path, struct query **out, struct err *err)
{
    *out = NULL;
    int rc = query_look(path, err);
    if (rc)
        return rc;
    struct query *query = xcalloc(1, sizeof *query);
    query->conn = &query->own;
    rc = place_resolve(path, &query->path, err);
    if (!rc) {
        query->wal = xasprintf("%s-wal", query->path);
        rc = connect(query, err);
    }
    if (rc) {
        query_close(query);
        return rc;
    }
    *out = query;
    return 0;
}

int query_open_on(struct conn *conn, struct query **out, struct err *err)
{
    (void)err;
    struct query *query = xcalloc(1, sizeof *query);
    query->conn = conn;
    *out = query;
    return 0;
}

void query_take_conn(struct query *query, struct conn *out)
{
    *out = query->own;
    query->own = (struct conn){0};
}

/* A master that ended while we were connected could not take its -wal and -shm along, and a read-only connection
 * may not. SQLite does when the last one closes that might write; this one never does. */
static void tidy(const struct query *query)
{
    char type[64];
    if (!query->stamp.live || file_size(query->wal) != 0 || place_is_network(query->path, NULL, type))
        return;
    struct conn last;
    int64_t version;
    if (conn_open(&last, query->path, query->path, SQLITE_OPEN_READWRITE, NULL) == 0)
        conn_pragma(&last, "PRAGMA user_version", &version, NULL);
    conn_fini(&last);
}

void query_close(struct query *query)
{
    if (!query)
        return;
    conn_fini(&query->own);
    if (query->wal)
        tidy(query);
    free(query->path);
    free(query->wal);
    free(query);
}

static uint64_t mixed(uint64_t hash, const char *path)
{
    struct stat st = {0};
    stat(path, &st);
    const uint64_t parts[] = {st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec,
                              (uint64_t)st.st_mtim.tv_nsec};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        hash = (hash ^ parts[i]) * 1099511628211u; // FNV-1a
    return hash;
}

uint64_t query_stamp(const char *path)
{
    char *wal = xasprintf("%s-wal", path);
    uint64_t hash = mixed(mixed(14695981039346656037u, path), wal);
    free(wal);
    return hash;
}

int query_refresh(struct query *query, struct err *err)
{
    if (!query->path || query->stamp.live)
        return 0;
    struct stamp now = stamp_of(query);
    if (stamp_same(&now, &query->stamp))
        return 0;
    conn_fini(&query->own);
    return connect(query, err);
}

bool query_overtaken(const struct query *query)
{
    if (!query->path || query->stamp.live)
        return false;
    struct stamp now = stamp_of(query);
    return !stamp_same(&now, &query->stamp);
}
