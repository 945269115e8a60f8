#include "sql/backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "sql/place.h"
#include "sql/stmt.h"

static int copy_pages(struct conn *from, struct conn *to, struct err *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", from->db, "main");
    if (!backup)
        return conn_fail(to, sqlite3_extended_errcode(to->db), err);
    int stepped =
        sqlite3_backup_step(backup, -1); /* all at once: one snapshot, and writers do not wait for it */
    int finished = sqlite3_backup_finish(backup);
    if (stepped == SQLITE_DONE && finished == SQLITE_OK)
        return 0;
    return conn_fail(to, finished != SQLITE_OK ? finished : stepped, err);
}

static int write_copy(struct conn *source, const char *temporary, const char *path, struct err *err)
{
    struct conn copy;
    int rc = conn_open(&copy, temporary, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (rc)
        return rc;
    rc = conn_exec(&copy, "PRAGMA synchronous = FULL", err);
    if (!rc)
        rc = copy_pages(source, &copy, err);
    conn_fini(&copy);
    return rc;
}

static int check_target(const struct conn *source, const char *path, struct err *err)
{
    bool empty;
    int rc = place_look(path, &empty, err);
    if (!rc && strcmp(path, source->path) == 0)
        rc = err_set(err, ERR_BAD, "%s: is the database itself", path);
    if (rc)
        err_hint(err, "name another file for the copy");
    return rc;
}

int backup_to(struct conn *source, const char *path, struct err *err)
{
    PRE(sqlite3_get_autocommit(source->db));
    char *target;
    int rc = place_resolve(path, &target, err);
    if (rc)
        return rc;
    rc = check_target(source, target, err);
    char *temporary = xasprintf("%s.tmp%ld", target, (long)getpid()), *dir = path_dir(target);
    if (!rc)
        rc = write_copy(source, temporary, target, err);
    if (!rc && rename(temporary, target))
        rc = err_errno(err, "%s: cannot be made", target);
    if (!rc)
        rc = dir_sync(dir, err);
    else
        unlink(temporary);
    free(temporary);
    free(target);
    free(dir);
    return rc;
}
