#include "sql/holders.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

/* Bytes of the -shm file that SQLite locks (sqlite.org/walformat.html 2.3.1): one for the writer, one for whoever
 * folds back, one for recovery, five for readers. */
enum { WRITE_BYTE = 120, READ_FIRST = 123, READ_LAST = 127, HOLDERS_MOST = 64 };

struct found {
    struct holder *out;
    int count, most;
};

static struct holder *holder_of(struct found *f, int64_t pid)
{
    for (int i = 0; i < f->count && i < f->most; i++)
        if (f->out[i].pid == pid)
            return &f->out[i];
    if (f->count >= f->most) {
        f->count++;
        return NULL;
    }
    f->out[f->count] = (struct holder){.pid = pid};
    return &f->out[f->count++];
}

static ssize_t read_file(const char *path, char *out, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, out, room - 1);
    close(fd);
    out[got > 0 ? got : 0] = '\0';
    return got;
}

static void describe(struct holder *h)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%lld/cmdline", (long long)h->pid);
    ssize_t got = read_file(path, text, sizeof text);
    for (ssize_t i = 0; i + 1 < got; i++)
        if (!isprint((unsigned char)text[i]))
            text[i] = ' ';
    snprintf(h->command, sizeof h->command, "%.95s", got > 0 ? text : "of another user or host");
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)h->pid);
    const char *name_end = read_file(path, text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
    h->is_stopped = name_end && (name_end[2] == 'T' || name_end[2] == 't');
}

/* "1: POSIX  ADVISORY  READ 4711 fd:01:1234567 124 124" */
static void see_lock(struct found *f, const char *line, uint64_t inode)
{
    char mode[16];
    long long pid, first, last;
    unsigned long long node;
    if (sscanf(line, "%*d: POSIX %*s %15s %lld %*x:%*x:%llu %lld %lld", mode, &pid, &node, &first, &last) !=
        5)
        return;
    if (node != inode || pid <= 0)
        return;
    bool reads = first <= READ_LAST && last >= READ_FIRST && strcmp(mode, "READ") == 0;
    bool writes = first <= WRITE_BYTE && last >= WRITE_BYTE && strcmp(mode, "WRITE") == 0;
    struct holder *h = reads || writes ? holder_of(f, pid) : NULL;
    if (h) {
        h->reads |= reads;
        h->writes |= writes;
    }
}

static void see_locks(struct found *f, const char *db_path)
{
    struct stat st;
    char *shm = xasprintf("%s-shm", db_path), line[256];
    FILE *file = stat(shm, &st) ? NULL : fopen("/proc/locks", "re");
    while (file && fgets(line, sizeof line, file))
        see_lock(f, line, (uint64_t)st.st_ino);
    if (file)
        fclose(file);
    free(shm);
}

static bool has_open(const char *pid, const struct stat *db)
{
    char path[300];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *dir = opendir(path);
    bool found = false;
    for (struct dirent *entry; dir && !found && (entry = readdir(dir));) {
        found = entry->d_name[0] != '.' && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
                st.st_ino == db->st_ino && st.st_dev == db->st_dev;
    }
    if (dir)
        closedir(dir);
    return found;
}

static void see_processes(struct found *f, const char *db_path)
{
    struct stat db;
    DIR *dir = stat(db_path, &db) ? NULL : opendir("/proc");
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (isdigit((unsigned char)entry->d_name[0]) && has_open(entry->d_name, &db))
            holder_of(f, strtoll(entry->d_name, NULL, 10));
    if (dir)
        closedir(dir);
}

static int by_pid(const void *a, const void *b)
{
    const struct holder *left = a, *right = b;
    return left->pid < right->pid ? -1 : left->pid > right->pid;
}

int holders_find(const char *db_path, struct holder *out, int most)
{
    struct found f = {out, 0, most};
    see_locks(&f, db_path);
    see_processes(&f, db_path);
    int filled = f.count < most ? f.count : most;
    for (int i = 0; i < filled; i++)
        describe(&out[i]);
    qsort(out, (size_t)filled, sizeof *out, by_pid);
    return f.count;
}

bool holders_reader(const char *db_path, int64_t except, char *text, int room)
{
    struct holder holders[HOLDERS_MOST];
    struct found f = {holders, 0, HOLDERS_MOST};
    see_locks(&f, db_path);
    for (int i = 0; i < f.count && i < HOLDERS_MOST; i++) {
        if (!holders[i].reads || holders[i].pid == except)
            continue;
        describe(&holders[i]);
        snprintf(text, (size_t)room, "pid %lld (%s)%s", (long long)holders[i].pid, holders[i].command,
                 holders[i].is_stopped ? ", which is stopped" : "");
        return true;
    }
    return false;
}
