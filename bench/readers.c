/* bench/readers: do people who ask the database slow the master down? Beside a search (bench/beside.h) two other processes
 * ask best_trials, learning_curves, study_progress and the flat view, one after the other, twenty times a second each.
 *
 *   bench/readers [ROUNDS [SECONDS]]     default 5 2
 */
#include <poll.h>
#include <sqlite3.h>

#include "bench/beside.h"

enum { READERS = 2, READ_EVERY_MS = 50 };

static char folder[] = "/tmp/hone-bench-XXXXXX";

static void run_reader(const char *path)
{
    static const char *const asks[] = {
        "SELECT * FROM best_trials LIMIT 10",
        "SELECT count(*), max(value) FROM learning_curves",
        "SELECT * FROM study_progress",
        "SELECT * FROM b ORDER BY val_acc DESC LIMIT 10",
        "SELECT * FROM worker_timeline ORDER BY started_at DESC LIMIT 20",
    };
    for (int i = 0;; i++) {
        sqlite3 *db;
        if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
            sqlite3_busy_timeout(db, 1000);
            sqlite3_exec(db, asks[i % (int)COUNT_OF(asks)], NULL, NULL, NULL);
        }
        sqlite3_close(db);
        poll(NULL, 0, READ_EVERY_MS);
    }
}

static int start_readers(const char *path, pid_t *pids)
{
    for (int i = 0; i < READERS; i++)
        if ((pids[i] = fork()) == 0)
            run_reader(path);
    return READERS;
}

int main(int argc, char **argv)
{
    static const struct beside readers = {"readers", "read", "", start_readers};
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    double seconds = argc > 2 ? atof(argv[2]) : 2;
    char command[300];
    if (rounds < 1 || rounds > BESIDE_ROUNDS_MAX || !mkdtemp(folder))
        return 2;
    beside_measure(&readers, folder, rounds, seconds);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0;
}
