#include "sql/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/mem.h"

static const char command_line[] = "for a command";

enum { WAIT_MS = 10000, LOOK_MS = 10 };

/* The text of the file: "pid 4711 on node1", and of a command a second line. */
struct holder {
    char who[128];
    bool is_brief; /* a command, or one that has not signed yet */
};

static struct holder read_holder(int fd)
{
    struct holder holder = {.who = "another process", .is_brief = true};
    char text[160];
    ssize_t got = pread(fd, text, sizeof text - 1, 0);
    if (got <= 0)
        return holder;
    text[got] = '\0';
    holder.is_brief = strstr(text, command_line) != NULL;
    text[strcspn(text, "\n")] = '\0';
    str_copy(holder.who, sizeof holder.who, text);
    return holder;
}

static int held_by_other(const char *db_path, const struct holder *holder, struct err *err)
{
    if (holder->is_brief) {
        err_set(err, ERR_REACH, "%s: in use by a command with %s", db_path, holder->who);
        return err_hint(err, "try again when it is through");
    }
    err_set(err, ERR_REACH, "%s: in use by the master with %s", db_path, holder->who);
    return err_hint(err,
                    "submit to it (hone submit, --master ADDR), stop it, or name another file with --db");
}

/* A file that its holder removed between our open and our lock is no lock any more. */
static bool still_named(int fd, const char *path)
{
    struct stat ours, named;
    return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_ino == named.st_ino &&
           ours.st_dev == named.st_dev;
}

static void sign(int fd, enum db_lock_use use)
{
    char host[96] = "this host", who[160];
    gethostname(host, sizeof host - 1);
    int len = snprintf(who, sizeof who, "pid %ld on %s\n%s", (long)getpid(), host,
                       use == DB_LOCK_COMMAND ? command_line : "");
    /* Only a courtesy to whoever comes second: the lock holds without it. */
    if (ftruncate(fd, 0) || pwrite(fd, who, (size_t)len, 0) != len)
        return;
}

enum lock_holder db_lock_holder(const char *db_path)
{
    char host[96] = "this host", there[96] = "", *path = xasprintf("%s.lock", db_path);
    struct str who = {0};
    long pid = 0;
    gethostname(host, sizeof host - 1);
    bool is_signed =
        !file_read(path, 1024, &who, NULL) && sscanf(str_text(&who), "pid %ld on %95s", &pid, there) == 2;
    free(path);
    str_fini(&who);
    if (!is_signed || pid <= 0)
        return LOCK_NOBODY;
    if (strcmp(host, there) != 0)
        return LOCK_ELSEWHERE;
    return kill((pid_t)pid, 0) && errno == ESRCH ? LOCK_NOBODY : LOCK_HERE;
}

int db_lock_take(struct db_lock *lock, const char *db_path, enum db_lock_use use, struct err *err)
{
    char *path = xasprintf("%s.lock", db_path);
    int rc = 0;
    for (int waited_ms = 0;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0) {
            rc = err_errno(err, "%s: cannot make the lock file", path);
            err_hint(err, "who changes a database must be able to write beside it: --db FILE names one "
                          "elsewhere, --master ADDR a master that does it");
            break;
        }
        if (flock(fd, LOCK_EX | LOCK_NB)) {
            bool held = errno == EWOULDBLOCK;
            struct holder holder = read_holder(fd);
            if (!held)
                rc = err_errno(err, "%s: cannot lock", path);
            close(fd);
            if (held && holder.is_brief && waited_ms < WAIT_MS) {
                waited_ms += LOOK_MS;
                poll(NULL, 0, LOOK_MS);
                continue;
            }
            if (held)
                rc = held_by_other(db_path, &holder, err);
            break;
        }
        if (still_named(fd, path)) {
            sign(fd, use);
            *lock = (struct db_lock){.path = path, .fd = fd};
            return 0;
        }
        close(fd);
    }
    free(path);
    return rc;
}

void db_lock_release(struct db_lock *lock)
{
    if (!lock->path)
        return;
    if (still_named(lock->fd, lock->path)) /* else it was removed, and may be another master's by now */
        unlink(lock->path);                /* first: whoever opens the name from now on makes a new file */
    close(lock->fd);
    free(lock->path);
    lock->path = NULL;
}
