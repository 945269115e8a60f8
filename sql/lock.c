#include "sql/lock.h"

#include <errno.h>
#include <fcntl.h>
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

/* The text of the file: "pid 4711 on node1". */
static int held_by_other(const char *db_path, int fd, struct err *err)
{
    char who[128] = "another process";
    ssize_t got = pread(fd, who, sizeof who - 1, 0);
    if (got > 0) {
        who[got] = '\0';
        who[strcspn(who, "\n")] = '\0';
    }
    err_set(err, ERR_REACH, "%s: in use by the master with %s", db_path, who);
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

static void sign(int fd)
{
    char host[96] = "this host", who[128];
    gethostname(host, sizeof host - 1);
    int len = snprintf(who, sizeof who, "pid %ld on %s\n", (long)getpid(), host);
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

int db_lock_take(struct db_lock *lock, const char *db_path, struct err *err)
{
    char *path = xasprintf("%s.lock", db_path);
    int rc = 0;
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0) {
            rc = err_errno(err, "%s: cannot make the lock file", path);
            err_hint(err, "who changes a database must be able to write beside it: --db FILE names one "
                          "elsewhere, --master ADDR a master that does it");
            break;
        }
        if (flock(fd, LOCK_EX | LOCK_NB)) {
            rc = errno == EWOULDBLOCK ? held_by_other(db_path, fd, err)
                                      : err_errno(err, "%s: cannot lock", path);
            close(fd);
            break;
        }
        if (still_named(fd, path)) {
            sign(fd);
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
