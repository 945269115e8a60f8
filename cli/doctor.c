/* doctor: looks at a database from outside: the disk it lies on, its WAL and who holds it, the master, this machine's
 * limits. It opens no database, so that it works while everything else is stuck. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/remote.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/units.h"
#include "sql/holders.h"
#include "sql/place.h"

enum { HOLDERS_MOST = 64, FILES_LEAST = 1024 };
static const int64_t wal_most = (int64_t)1 << 30, free_least = (int64_t)1 << 30;

struct looked {
    char *path;
    int64_t db_bytes, wal_bytes, free_bytes;
    char fs_type[64];
    bool is_network, may_write, master;
    int64_t files_limit;
    struct holder holders[HOLDERS_MOST];
    int holder_count;
    struct str wrong; // one line each
};

// what is wrong, and what to do
static void complain(struct looked *l)
{
    char size[32], reader[200];
    if (l->free_bytes < free_least) {
        size_text(l->free_bytes, size);
        str_addf(&l->wrong, "only %s free on its disk: a full disk stops the study until there is room\n",
                 size);
    }
    if (!l->may_write)
        str_add(&l->wrong, "this user cannot write the database\n");
    if (l->is_network)
        str_addf(&l->wrong,
                 "lies on %s, a network file system: use a local --db with --mirror, or --network-db\n",
                 l->fs_type);
    if (l->wal_bytes > wal_most) {
        bool found = holders_reader(l->path, getpid(), reader, sizeof reader);
        size_text(l->wal_bytes, size);
        str_addf(&l->wrong, "the WAL has grown to %s: %s keeps a read transaction open; end it\n", size,
                 found ? reader : "nobody of this host");
    }
    for (int i = 0; i < l->holder_count && i < HOLDERS_MOST; i++)
        if (l->holders[i].is_stopped && (l->holders[i].reads || l->holders[i].writes))
            str_addf(&l->wrong, "pid %lld is stopped while it holds %s: kill -CONT %lld\n",
                     (long long)l->holders[i].pid, l->holders[i].writes ? "the write lock" : "a snapshot",
                     (long long)l->holders[i].pid);
    if (l->files_limit < FILES_LEAST)
        str_addf(&l->wrong, "at most %lld open files: ulimit -n %d, for more than a few hundred workers\n",
                 (long long)l->files_limit, FILES_LEAST);
}

// by its address file: the database itself may be what is stuck
static bool has_master(const char *db)
{
    char *file = xasprintf("%s.d/address", db);
    struct str address = {0};
    bool alive =
        file_read(file, 4096, &address, NULL) == 0 && address.len && remote_alive(str_text(&address));
    str_fini(&address);
    free(file);
    return alive;
}

static int look(const char *db, struct looked *l, struct err *err)
{
    bool empty;
    int rc = place_resolve(db, &l->path, err);
    if (!rc)
        rc = place_look(l->path, &empty, err);
    if (!rc && empty) {
        err_set(err, ERR_REACH, "%s: there is no database", db);
        rc = err_hint(err, "hone run STUDY.json makes one; --db FILE or HONE_DB names another");
    }
    if (rc)
        return rc;
    char *wal = xasprintf("%s-wal", l->path);
    struct statvfs disk;
    struct rlimit files;
    l->db_bytes = file_size(l->path);
    l->wal_bytes = file_size(wal) > 0 ? file_size(wal) : 0;
    l->free_bytes = statvfs(l->path, &disk) ? 0 : (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    l->is_network = place_is_network(l->path, NULL, l->fs_type);
    l->may_write = access(l->path, W_OK) == 0;
    l->files_limit = getrlimit(RLIMIT_NOFILE, &files) ? 0 : (int64_t)files.rlim_cur;
    l->holder_count = holders_find(l->path, l->holders, HOLDERS_MOST);
    l->master = has_master(l->path);
    free(wal);
    complain(l);
    return 0;
}

static void print_json(const struct looked *l)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_object(&w, NULL);
    jw_text(&w, "version", HONE_VERSION);
    jw_text(&w, "database", l->path);
    jw_int(&w, "bytes", l->db_bytes);
    jw_int(&w, "wal_bytes", l->wal_bytes);
    jw_int(&w, "disk_free_bytes", l->free_bytes);
    jw_text(&w, "file_system", l->fs_type);
    jw_bool(&w, "network_file_system", l->is_network);
    jw_bool(&w, "writable", l->may_write);
    jw_bool(&w, "master", l->master);
    jw_int(&w, "files_limit", l->files_limit);
    jw_array(&w, "holders");
    for (int i = 0; i < l->holder_count && i < HOLDERS_MOST; i++) {
        const struct holder *h = &l->holders[i];
        jw_object(&w, NULL);
        jw_int(&w, "pid", h->pid);
        jw_text(&w, "command", h->command);
        jw_bool(&w, "reads", h->reads);
        jw_bool(&w, "writes", h->writes);
        jw_bool(&w, "stopped", h->is_stopped);
        jw_close_object(&w);
    }
    jw_close_array(&w);
    jw_text(&w, "wrong", str_text(&l->wrong));
    jw_close_object(&w);
    printf("%s\n", str_text(&text));
    str_fini(&text);
}

static void print_plain(const struct looked *l)
{
    char db[32], wal[32], disk[32];
    size_text(l->db_bytes, db);
    size_text(l->wal_bytes, wal);
    size_text(l->free_bytes, disk);
    printf("hone      %s\n", HONE_VERSION);
    printf("database  %s: %s, WAL %s\n", l->path, db, wal);
    printf("disk      %s free, %s%s\n", disk, l->fs_type, l->may_write ? "" : ", read-only for this user");
    printf("master    %s\n", l->master ? "alive" : "none");
    printf("limits    %lld open files\n", (long long)l->files_limit);
    for (int i = 0; i < l->holder_count && i < HOLDERS_MOST; i++) {
        const struct holder *h = &l->holders[i];
        printf("open in   pid %lld (%s)%s%s%s\n", (long long)h->pid, h->command, h->writes ? ", writes" : "",
               h->reads ? ", holds a snapshot" : "", h->is_stopped ? ", stopped" : "");
    }
    if (l->wrong.len)
        printf("\n%s", str_text(&l->wrong));
}

int cmd_doctor(const struct opt_doctor *opt)
{
    struct err err = ERR_NONE;
    struct looked l = {0};
    int status = 0;
    if (look(opt->db, &l, &err))
        status = command_fail("doctor", &err);
    else if (opt->json)
        print_json(&l);
    else
        print_plain(&l);
    status = status ? status : l.wrong.len > 0;
    str_fini(&l.wrong);
    free(l.path);
    return status;
}
