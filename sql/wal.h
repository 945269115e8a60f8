/* wal: folds the WAL back into the database on a thread and a connection of its own, so that the master's loop never
 * waits for it. The loop says after a commit how long the WAL is; when the thread has copied nearly all of it, the
 * last few pages are copied by the loop itself, between two commits: only then can the next write begin the WAL anew.
 *
 * One of the two copies at a time, and the thread only begins when the loop has just committed something that is not
 * copied. Before 3.51.3 SQLite loses commits if a copy begins with nothing to copy while another connection begins the
 * WAL anew (sqlite.org/wal.html#walresetbug); distributions carry older ones, so it must not come to that (adr/016).
 *
 * A reader that keeps a snapshot open keeps the WAL from being folded back: it grows, nobody waits. Over a bound (1 GiB)
 * the reader is named, once a minute.
 *
 * Ownership: heap; the path is borrowed. The thread starts with the first WAL that is worth it.
 */
#ifndef HONE_SQL_WAL_H
#define HONE_SQL_WAL_H

#include <stdbool.h>
#include <sqlite3.h>
#include <stdint.h>

struct wal;

/* named_bytes 0: 1 GiB. */
struct wal *wal_new(const char *db_path, sqlite3 *writer, int64_t named_bytes);
void wal_free(struct wal *wal); /* waits for the copying under way; NULL is fine */

/* After a commit. */
void wal_committed(struct wal *wal);
/* True if there is something to tell the people: the text, once. */
bool wal_says(struct wal *wal, char text[512]);

#endif
