/* lock: one master per database. <db>.lock is held with flock(2) for as long as the master lives; its text says who
 * (pid and host), so that the second one can be told. The kernel drops the lock with the process, however it dies;
 * the file of a dead master is taken over. A command that writes with no master there holds it for one transaction and
 * says so: it is waited for.
 *
 * Ownership: the caller's storage; db_lock_release removes the file and is fine on a lock never taken (all zero). */
#ifndef HONE_SQL_LOCK_H
#define HONE_SQL_LOCK_H

#include "common/err.h"

enum db_lock_use { DB_LOCK_MASTER, DB_LOCK_COMMAND };

struct db_lock {
    char *path; /* NULL: not held */
    int fd;
};

/* ERR_REACH and who holds it, if a master does, or a command for longer than ten seconds. */
int db_lock_take(struct db_lock *lock, const char *db_path, enum db_lock_use use, struct err *err);
void db_lock_release(struct db_lock *lock);

/* Who holds it, as the file says: nobody who lives, a process of this host, or one of another host (if that one lives
 * cannot be seen from here). Takes no lock itself, so that a master which starts at this moment is not refused. */
enum lock_holder { LOCK_NOBODY, LOCK_HERE, LOCK_ELSEWHERE };
enum lock_holder db_lock_holder(const char *db_path);

#endif
