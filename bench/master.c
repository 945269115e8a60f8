/* bench/master: durable acknowledged epoch reports per second through the whole master (real sockets, real SQLite
 * file, synchronous=FULL), against the limit of the same machine in the same minute: a bare loop that receives the
 * same frames, parses them with the same parser, inserts one row each and commits when the socket is drained.
 *
 *   bench/master [WORKERS [OUTSTANDING [SECONDS]]]     default 64 1 3
 *
 * One JSON line per figure; `ratio` is master / limit, `ack_p50_ms` and `ack_p99_ms` are what a worker waits. */
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "bench/load.h"
#include "bench/study.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "proto/wire.h"

static char folder[] = "/tmp/hone-bench-XXXXXX";

/* ---- the limit ---- */

struct limit_peer {
    zmq_msg_t id;
    char answer[64];
};

static void run_limit(void *router, sqlite3 *db, volatile sig_atomic_t *stop)
{
    sqlite3_stmt *insert;
    sqlite3_prepare_v2(db, "INSERT INTO r VALUES(?,?,?)", -1, &insert, NULL);
    static struct limit_peer peers[20000];
    char head[64], *body = xmalloc(65536);
    int64_t row = 0;
    while (!*stop) {
        zmq_pollitem_t item = {router, 0, ZMQ_POLLIN, 0};
        zmq_poll(&item, 1, 200);
        size_t count = 0;
        while (count < COUNT_OF(peers)) {
            struct limit_peer *p = &peers[count];
            zmq_msg_init(&p->id);
            if (zmq_msg_recv(&p->id, router, ZMQ_DONTWAIT) < 0) {
                zmq_msg_close(&p->id);
                break;
            }
            if (!receive(router, head, body, 65536))
                break;
            if (strcmp(head, "HONE1 HELLO") == 0) {
                snprintf(p->answer, sizeof p->answer, "{\"trial\":1,\"token\":\"%032d\"}", 1);
                count++;
            } else if (strcmp(head, "HONE1 REPORT") == 0) {
                struct json *json = json_parse(body, strlen(body), "bench", NULL);
                if (!count++)
                    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
                sqlite3_bind_int64(insert, 1, ++row);
                sqlite3_bind_double(insert, 2, json_num(json_get(json, "seconds")));
                sqlite3_bind_double(insert, 3, json_num(json_get(json_get(json, "metrics"), "val_acc")));
                sqlite3_step(insert);
                sqlite3_reset(insert);
                snprintf(p->answer, sizeof p->answer, "{\"seq\":%.0f}", json_num(json_get(json, "seq")));
                json_free(json);
            } else {
                zmq_msg_close(&p->id);
            }
        }
        sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
        for (size_t i = 0; i < count; i++) {
            zmq_msg_send(&peers[i].id, router, ZMQ_SNDMORE);
            bool job = strstr(peers[i].answer, "token") != NULL;
            zmq_send(router, job ? "HONE1 JOB" : "HONE1 ACK", 9, ZMQ_SNDMORE);
            zmq_send(router, peers[i].answer, strlen(peers[i].answer), 0);
        }
    }
    free(body);
    sqlite3_finalize(insert);
}

static volatile sig_atomic_t load_ended;

static void on_child(int signal)
{
    (void)signal;
    load_ended = 1;
}

static pid_t start_load(const char *address, int workers, int outstanding, double seconds, int out)
{
    load_ended = 0;
    pid_t pid = fork();
    if (pid == 0)
        run_load(address, workers, outstanding, seconds, 0, out);
    return pid;
}

static void measure_limit(int workers, int outstanding, double seconds, int fds[2])
{
    char path[256], address[256];
    snprintf(path, sizeof path, "%s/limit.db", folder);
    snprintf(address, sizeof address, "ipc://%s/limit.sock", folder);
    pid_t pid = start_load(address, workers, outstanding, seconds, fds[1]);
    sqlite3 *db;
    sqlite3_open(path, &db);
    sqlite3_exec(db,
                 "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE r(a INTEGER PRIMARY KEY, b "
                 "REAL, c REAL)",
                 NULL, NULL, NULL);
    void *context = zmq_ctx_new(), *router = zmq_socket(context, ZMQ_ROUTER);
    zmq_bind(router, address);
    run_limit(router, db, &load_ended);
    waitpid(pid, NULL, 0);
    sqlite3_close(db);
    int zero = 0;
    zmq_setsockopt(router, ZMQ_LINGER, &zero, sizeof zero);
    zmq_close(router);
    zmq_ctx_term(context);
}

static void measure_master(int workers, int outstanding, double seconds, int fds[2])
{
    char path[256], address[256];
    snprintf(path, sizeof path, "%s/hone.db", folder);
    snprintf(address, sizeof address, "ipc://%s/master.sock", folder);
    pid_t pid = start_load(address, workers, outstanding, seconds, fds[1]);
    struct err err = ERR_NONE;
    struct server *server = open_study(path, address, endless_study);
    while (!load_ended)
        if (server_turn(server, 200, &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
    waitpid(pid, NULL, 0);
    server_close(server);
}

int main(int argc, char **argv)
{
    int workers = argc > 1 ? atoi(argv[1]) : 64, outstanding = argc > 2 ? atoi(argv[2]) : 1;
    double seconds = argc > 3 ? atof(argv[3]) : 3, limit[3], master[3];
    if (workers < 1 || workers > MOST_WORKERS || outstanding < 1 || !mkdtemp(folder))
        return 2;
    signal(SIGCHLD, on_child);
    int fds[2];
    if (pipe(fds))
        return 1;
    measure_limit(workers, outstanding, seconds, fds);
    if (read(fds[0], limit, sizeof limit) != sizeof limit)
        return 1;
    measure_master(workers, outstanding, seconds, fds);
    if (read(fds[0], master, sizeof master) != sizeof master)
        return 1;
    printf("{\"bench\":\"master.acked_reports_per_s\",\"workers\":%d,\"outstanding\":%d,\"master\":%.0f,"
           "\"limit\":%.0f,"
           "\"ratio\":%.3f,\"ack_p50_ms\":%.2f,\"ack_p99_ms\":%.2f,\"limit_p50_ms\":%.2f,\"limit_p99_ms\":%."
           "2f}\n",
           workers, outstanding, master[0], limit[0], master[0] / limit[0], master[1], master[2], limit[1],
           limit[2]);
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0;
}
