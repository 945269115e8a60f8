/* beside: what a search loses by something that goes on beside it. Eight workers report every 5 ms each, as a busy study
 * does; rounds with that something and without take turns, and what a worker waits for its acknowledgement is compared. */
#ifndef HONE_BENCH_BESIDE_H
#define HONE_BENCH_BESIDE_H

#include <signal.h>
#include <sys/wait.h>

#include "bench/load.h"
#include "bench/median.h"
#include "bench/study.h"
#include "common/check.h"

enum { BESIDE_WORKERS = 8, BESIDE_PACE_US = 5000, BESIDE_ROUNDS_MAX = 100, BESIDE_MOST = 16 };

struct beside {
    const char *bench; /* the name of the figure */
    const char *with;  /* ends the names of what was measured beside it, as "alone" does of the others */
    const char *more;  /* further fields of the figure, each with its comma; "" */
    /* Forks what goes on beside the database `db`: their process ids, at most BESIDE_MOST, and how many. They are killed. */
    int (*start)(const char *db, pid_t *pids);
};

/* {acked per second, p50 ms, p99 ms} in `result`. start: NULL in a round alone. */
static void beside_round(const char *folder, int round, int (*start)(const char *, pid_t *), double seconds,
                         double result[3])
{
    char path[256], address[256];
    int fds[2], count = 0;
    pid_t pids[BESIDE_MOST], load;
    snprintf(path, sizeof path, "%s/r%d.db", folder, round);
    snprintf(address, sizeof address, "ipc://%s/m%d.sock", folder, round);
    POST(pipe(fds) == 0);
    struct err err = ERR_NONE;
    struct server *server = open_study(path, address, endless_study);
    if (start)
        count = start(path, pids);
    if ((load = fork()) == 0)
        run_load(address, BESIDE_WORKERS, 1, seconds, BESIDE_PACE_US, fds[1]);
    while (waitpid(load, NULL, WNOHANG) == 0)
        if (server_turn(server, 200, &err) < 0)
            exit(1);
    for (int i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
    while (wait(NULL) > 0)
        ;
    server_close(server);
    POST(read(fds[0], result, 3 * sizeof *result) == 3 * (ssize_t)sizeof *result);
    close(fds[0]);
    close(fds[1]);
}

/* Prints the figure. */
static void beside_measure(const struct beside *b, const char *folder, int rounds, double seconds)
{
    static const char *const names[] = {"reports_per_s", "ack_p50_ms", "ack_p99_ms"};
    double alone[3][BESIDE_ROUNDS_MAX], with[3][BESIDE_ROUNDS_MAX], result[3];
    for (int i = 0; i < rounds; i++) {
        beside_round(folder, 2 * i, NULL, seconds, result);
        for (int k = 0; k < 3; k++)
            alone[k][i] = result[k];
        beside_round(folder, 2 * i + 1, b->start, seconds, result);
        for (int k = 0; k < 3; k++)
            with[k][i] = result[k];
    }
    printf("{\"bench\":\"%s\",%s\"rounds\":%d", b->bench, b->more, rounds);
    for (int k = 0; k < 3; k++) {
        double a = median(alone[k], rounds), w = median(with[k], rounds);
        printf(",\"%s_alone\":%.*f,\"%s_%s\":%.*f", names[k], k ? 3 : 0, a, names[k], b->with, k ? 3 : 0, w);
        if (!k)
            printf(",\"ratio\":%.4f", w / a);
    }
    puts("}");
}

#endif
