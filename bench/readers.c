/* bench/readers: do people who ask the database slow the master down? Eight workers report every 5 ms each, as a busy
 * study does; in half of the rounds two other processes ask best_trials, learning_curves, study_progress and the flat
 * view, one after the other, twenty times a second each. What a worker waits for its acknowledgement is compared, the
 * rounds interleaved.
 *
 *   bench/readers [ROUNDS [SECONDS]]     default 5 2
 */
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "bench/load.h"
#include "bench/study.h"
#include "common/check.h"

enum { WORKERS = 8, PACE_US = 5000, READERS = 2, READ_EVERY_MS = 50, MOST_ROUNDS = 100 };

static char folder[] = "/tmp/hone-bench-XXXXXX";
static volatile sig_atomic_t load_ended;

static void on_child(int signal)
{
    (void)signal;
    load_ended = 1;
}

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

static void one_round(int round, int readers, double seconds, double result[3])
{
    char path[256], address[256];
    int fds[2];
    snprintf(path, sizeof path, "%s/r%d.db", folder, round);
    snprintf(address, sizeof address, "ipc://%s/m%d.sock", folder, round);
    POST(pipe(fds) == 0);
    struct err err = ERR_NONE;
    struct server *server = open_study(path, address, endless_study);
    pid_t pids[READERS];
    for (int i = 0; i < readers; i++)
        if ((pids[i] = fork()) == 0)
            run_reader(path);
    load_ended = 0;
    if (fork() == 0)
        run_load(address, WORKERS, 1, seconds, PACE_US, fds[1]);
    while (!load_ended)
        if (server_turn(server, 200, &err) < 0)
            exit(1);
    for (int i = 0; i < readers; i++)
        kill(pids[i], SIGKILL);
    while (wait(NULL) > 0)
        ;
    server_close(server);
    POST(read(fds[0], result, 3 * sizeof *result) == 3 * (ssize_t)sizeof *result);
    close(fds[0]);
    close(fds[1]);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
    return values[count / 2];
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    double seconds = argc > 2 ? atof(argv[2]) : 2, alone[3][MOST_ROUNDS], read[3][MOST_ROUNDS], result[3];
    if (rounds < 1 || rounds > MOST_ROUNDS || !mkdtemp(folder))
        return 2;
    signal(SIGCHLD, on_child);
    for (int i = 0; i < rounds; i++) {
        one_round(2 * i, 0, seconds, result);
        for (int k = 0; k < 3; k++)
            alone[k][i] = result[k];
        one_round(2 * i + 1, READERS, seconds, result);
        for (int k = 0; k < 3; k++)
            read[k][i] = result[k];
    }
    printf("{\"bench\":\"readers\",\"rounds\":%d,\"reports_per_s_alone\":%.0f,\"reports_per_s_read\":%.0f,"
           "\"ratio\":%.4f,"
           "\"ack_p50_ms_alone\":%.3f,\"ack_p50_ms_read\":%.3f,\"ack_p99_ms_alone\":%.3f,\"ack_p99_ms_read\":"
           "%.3f}\n",
           rounds, median(alone[0], rounds), median(read[0], rounds),
           median(read[0], rounds) / median(alone[0], rounds), median(alone[1], rounds),
           median(read[1], rounds), median(alone[2], rounds), median(read[2], rounds));
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0;
}
