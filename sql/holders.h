/* holders: which processes of this host have a database open, and which of them hold a snapshot of it. Read from
 * /proc alone: no lock is taken, no file of the database is opened (closing one would drop this process's own locks).
 *
 * An open read transaction keeps the WAL from being folded back, so it grows: its process is the one to name.
 * Processes of other users may hide what they have open; their locks are seen all the same.
 */
#ifndef HONE_SQL_HOLDERS_H
#define HONE_SQL_HOLDERS_H

#include <stdbool.h>
#include <stdint.h>

struct holder {
    int64_t pid;
    char command[96]; /* its command line, cut */
    bool reads;       /* holds a snapshot: the WAL cannot be folded back past it */
    bool writes;      /* in a write transaction */
    bool is_stopped;  /* SIGSTOP, a debugger */
};

/* How many were found, at most `most` of which are filled in; by pid. */
int holders_find(const char *db_path, struct holder *out, int most);

/* "pid 4711 (hone trials --json), stopped": for a person; false if nobody but `except` reads. */
bool holders_reader(const char *db_path, int64_t except, char *text, int room);

#endif
