/* bench/turn: what one turn of the master's loop costs, its fsync and its waiting apart, while a study under a Gaussian
 * process grows past a thousand trials: eight simulated workers whose trainings take no time, real sockets, a real
 * SQLite file. The processor time of the loop's own thread is what is counted: neither the proposer's thread nor a
 * disk nor a neighbour on the machine is in it.
 *
 *   bench/turn [METHOD [TRIALS]]     default gp 1100
 *
 * One JSON line: milliseconds of all turns, and of those with a thousand finished trials and more; `ratio` is p99 over
 * the 10 ms that are allowed. */
#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "bench/load.h"
#include "bench/study.h"
#include "common/json.h"

enum { WORKERS = 8, DIMS = 6, MOST_TURNS = 1 << 20, GROWN = 1000 };
static const double ALLOWED_MS = 10;

static char folder[] = "/tmp/hone-bench-XXXXXX";

/* ---- workers ---- */

/* A bowl on logarithmic axes, its bottom beyond a wall of the first. */
static double accuracy(const struct json *params)
{
    double off = 0;
    for (const struct json *p = json_first(params); p; p = json_next(p)) {
        double t = log10(json_num(p)) + 2 + (p == json_first(params) ? -1.5 : 0);
        off += 0.02 * t * t;
    }
    return exp(-off);
}

static void train(struct load *l, const char *body, int jobs)
{
    struct json *job = json_parse(body, strlen(body), "bench", NULL);
    const struct json *params = job ? json_get(job, "params") : NULL;
    char text[400], head[200];
    if (!params)
        exit(1);
    snprintf(head, sizeof head, "\"study\":\"b\",\"trial\":%.0f,\"attempt\":1,\"token\":\"%s\",\"epoch\":1",
             json_num(json_get(job, "trial")), json_text(json_get(job, "token")));
    snprintf(text, sizeof text, "{\"seq\":%llu,%s,\"metrics\":{\"val_acc\":%.6f},\"seconds\":1}",
             (unsigned long long)++l->seq, head, accuracy(params));
    send_frames(l->socket, "HONE1 REPORT", text);
    snprintf(text, sizeof text, "{\"seq\":%llu,%s,\"outcome\":\"finished\"}", (unsigned long long)++l->seq,
             head);
    send_frames(l->socket, "HONE1 DONE", text);
    snprintf(text, sizeof text, "{\"jobs\":%d}", jobs + 1);
    send_frames(l->socket, "HONE1 CREDIT", text);
    json_free(job);
}

static void run_workers(const char *address)
{
    void *context = zmq_ctx_new();
    struct load loads[WORKERS] = {0};
    zmq_pollitem_t items[WORKERS];
    int jobs[WORKERS] = {0};
    char head[64], *body = xmalloc(65536);
    for (int i = 0; i < WORKERS; i++) {
        loads[i].socket = zmq_socket(context, ZMQ_DEALER);
        zmq_connect(loads[i].socket, address);
        items[i] = (zmq_pollitem_t){loads[i].socket, 0, ZMQ_POLLIN, 0};
        hello(&loads[i], i);
    }
    for (;;) {
        int got = zmq_poll(items, WORKERS, 1000);
        for (int i = 0; i < WORKERS; i++) {
            while ((items[i].revents & ZMQ_POLLIN) && receive(loads[i].socket, head, body, 65536))
                if (strcmp(head, "HONE1 JOB") == 0)
                    train(&loads[i], body, ++jobs[i]);
            if (got == 0)
                send_frames(loads[i].socket, "HONE1 BEAT", "{}");
        }
    }
}

/* ---- turns ---- */

static double thread_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int finished_trials(const struct server *server)
{
    struct server_snapshot now;
    return server_snapshot(server, NULL, &now) ? 0 : (int)now.counts[TRIAL_complete];
}

static void print_turns(const char *method, const char *what, double *ms, size_t n)
{
    if (!n)
        return;
    qsort(ms, n, sizeof *ms, compare_double);
    printf(
        "{\"bench\":\"turn\",\"method\":\"%s\",\"of\":\"%s\",\"turns\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
        "\"max_ms\":%.3f,\"ratio\":%.3f}\n",
        method, what, n, ms[n / 2], ms[n * 99 / 100], ms[n - 1], ms[n * 99 / 100] / ALLOWED_MS);
    fflush(stdout);
}

static struct server *open_search(const char *method, int trials, const char *address)
{
    char definition[1200], path[256], space[600] = "";
    for (int i = 0; i < DIMS; i++)
        snprintf(space + strlen(space), sizeof space - strlen(space), "%s\"x%d\":{\"log\":[1e-5,0.1]}",
                 i ? "," : "", i);
    snprintf(
        definition, sizeof definition,
        "{\"study\":\"b\",\"metric\":{\"name\":\"val_acc\",\"goal\":\"maximize\"},\"trainer\":{"
        "\"command\":[\"true\"]},\"space\":{%s},\"search\":{\"method\":\"%s\",\"trials\":%d,\"epochs\":1,"
        "\"seed\":1}}",
        space, method, trials);
    snprintf(path, sizeof path, "%s/turn.db", folder);
    return open_study(path, address, definition);
}

int main(int argc, char **argv)
{
    const char *method = argc > 1 ? argv[1] : "gp";
    int trials = argc > 2 ? atoi(argv[2]) : 1100;
    char address[256];
    if (!mkdtemp(folder))
        return 1;
    snprintf(address, sizeof address, "ipc://%s/turn.sock", folder);
    pid_t pid = fork();
    if (pid == 0)
        run_workers(address);
    struct server *server = open_search(method, trials, address);
    double *all = xcalloc(MOST_TURNS, sizeof *all), *grown = xcalloc(MOST_TURNS, sizeof *grown);
    size_t n = 0, grown_count = 0;
    struct err err = ERR_NONE;
    for (int finished = 0; finished < trials && n < MOST_TURNS;) {
        double began = thread_ms();
        if (server_turn(server, 200, &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        all[n++] = thread_ms() - began;
        finished = finished_trials(server);
        if (finished >= GROWN)
            grown[grown_count++] = all[n - 1];
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    print_turns(method, "all", all, n);
    print_turns(method, "a thousand and more", grown, grown_count);
    server_close(server);
    char command[300];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}
