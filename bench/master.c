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

#include "common/check.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "master/server.h"
#include "proto/wire.h"

enum { MOST_WORKERS = 4096, MOST_SAMPLES = 1 << 20 };

static char folder[] = "/tmp/hone-bench-XXXXXX";

/* ---- the load: workers in one process, one thread ---- */

struct load {
    void *socket;
    char token[33];
    unsigned trial;
    uint64_t seq, acked, epoch;
    int64_t sent_us;
};

static void send_frames(void *socket, const char *head, const char *body)
{
    zmq_send(socket, head, strlen(head), ZMQ_SNDMORE);
    zmq_send(socket, body, strlen(body), 0);
}

static void send_report(struct load *l)
{
    char body[512];
    l->seq++;
    l->epoch++;
    snprintf(body, sizeof body,
             "{\"seq\":%llu,\"study\":\"b\",\"trial\":%u,\"attempt\":1,\"token\":\"%s\",\"epoch\":%llu,"
             "\"metrics\":{\"val_acc\":0.%06u,\"train_loss\":0.25,\"lr\":0.001},\"seconds\":1.5}",
             (unsigned long long)l->seq, l->trial, l->token, (unsigned long long)l->epoch,
             (unsigned)(l->epoch % 1000000));
    l->sent_us = clock_mono_us();
    send_frames(l->socket, "HONE1 REPORT", body);
}

/* True: a frame pair was there. */
static bool receive(void *socket, char head[64], char *body, size_t room)
{
    int got = zmq_recv(socket, head, 63, ZMQ_DONTWAIT);
    if (got < 0)
        return false;
    head[got < 63 ? got : 63] = '\0';
    got = zmq_recv(socket, body, room - 1, 0);
    body[got < (int)room - 1 ? got : (int)room - 1] = '\0';
    return true;
}

static void take_job(struct load *l, const char *body)
{
    const char *token = strstr(body, "\"token\":\""), *trial = strstr(body, "\"trial\":");
    if (!token || !trial)
        return;
    memcpy(l->token, token + 9, 32);
    l->trial = (unsigned)strtoul(trial + 8, NULL, 10);
}

static void hello(struct load *l, int i)
{
    char body[600];
    snprintf(body, sizeof body,
             "{\"uuid\":\"%032x\",\"name\":\"w%d\",\"host\":\"bench\",\"pid\":%d,\"slots\":1,\"version\":\"1\","
             "\"platform\":\"bench\"}",
             i + 1, i, (int)getpid());
    send_frames(l->socket, "HONE1 HELLO", body);
    send_frames(l->socket, "HONE1 CREDIT", "{\"jobs\":1}");
}

static int compare_int64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void run_load(const char *address, int workers, int outstanding, double seconds, int out)
{
    void *context = zmq_ctx_new();
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, MOST_WORKERS + 16);
    struct load *loads = xcalloc((size_t)workers, sizeof *loads);
    zmq_pollitem_t *items = xcalloc((size_t)workers, sizeof *items);
    int64_t *samples = xcalloc(MOST_SAMPLES, sizeof *samples);
    size_t sample_count = 0;
    for (int i = 0; i < workers; i++) {
        loads[i].socket = zmq_socket(context, ZMQ_DEALER);
        zmq_connect(loads[i].socket, address);
        items[i] = (zmq_pollitem_t){loads[i].socket, 0, ZMQ_POLLIN, 0};
        hello(&loads[i], i);
    }
    char head[64], *body = xmalloc(65536);
    int64_t begin = 0, acked = 0;
    int ready = 0;
    while (!begin || clock_mono_us() - begin < (int64_t)(seconds * 1e6)) {
        zmq_poll(items, workers, 1000);
        for (int i = 0; i < workers; i++) {
            struct load *l = &loads[i];
            while ((items[i].revents & ZMQ_POLLIN) && receive(l->socket, head, body, 65536)) {
                if (strcmp(head, "HONE1 JOB") == 0 && !l->token[0]) {
                    take_job(l, body);
                    ready++;
                } else if (strcmp(head, "HONE1 ACK") == 0) {
                    uint64_t seq = strtoull(strchr(body, ':') + 1, NULL, 10);
                    acked += (int64_t)(seq - l->acked);
                    l->acked = seq;
                    if (sample_count < MOST_SAMPLES)
                        samples[sample_count++] = clock_mono_us() - l->sent_us;
                }
            }
            while (begin && l->seq - l->acked < (uint64_t)outstanding)
                send_report(l);
        }
        if (!begin && ready == workers) {
            begin = clock_mono_us();
            for (int i = 0; i < workers; i++)
                send_report(&loads[i]);
        }
    }
    double took = (double)(clock_mono_us() - begin) / 1e6;
    qsort(samples, sample_count, sizeof *samples, compare_int64);
    double result[3] = {(double)acked / took, (double)samples[sample_count / 2] / 1000,
                        (double)samples[sample_count * 99 / 100] / 1000};
    if (write(out, result, sizeof result) < 0)
        _exit(1);
    _exit(0); /* sockets and all */
}

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
        run_load(address, workers, outstanding, seconds, out);
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
    sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE r(a INTEGER PRIMARY KEY, b REAL, c REAL)",
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
    char path[256], address[256], name[65];
    snprintf(path, sizeof path, "%s/hone.db", folder);
    snprintf(address, sizeof address, "ipc://%s/master.sock", folder);
    pid_t pid = start_load(address, workers, outstanding, seconds, fds[1]);
    struct err err = ERR_NONE;
    struct server *server;
    bool finished;
    struct server_options options = {.db = path, .bind = address};
    static const char study[] = "{\"study\":\"b\",\"metric\":{\"name\":\"val_acc\",\"goal\":\"maximize\"},\"trainer\":{"
                                "\"command\":[\"true\"]},\"space\":{\"lr\":{\"log\":[1e-6,10]}},\"search\":{\"method\":"
                                "\"random\",\"trials\":100000,\"epochs\":100000000,\"seed\":1}}";
    if (server_open(&options, &server, &err) ||
        server_submit(server, study, "bench", "/", false, name, &finished, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
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
    printf("{\"bench\":\"master.acked_reports_per_s\",\"workers\":%d,\"outstanding\":%d,\"master\":%.0f,\"limit\":%.0f,"
           "\"ratio\":%.3f,\"ack_p50_ms\":%.2f,\"ack_p99_ms\":%.2f,\"limit_p50_ms\":%.2f,\"limit_p99_ms\":%.2f}\n",
           workers, outstanding, master[0], limit[0], master[0] / limit[0], master[1], master[2], limit[1], limit[2]);
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0;
}
