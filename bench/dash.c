/* bench/dash: what the dashboard costs. First line: 10,000 trials asked for, by the one who comes first and by the next, and
 * how much of that is SQLite alone, on the same statement. Second line: eight workers report every 5 ms each, in half of the
 * rounds beside `hone dash` with tabs that follow the search as the page does; what a worker waits for its acknowledgement
 * is compared, the rounds interleaved.
 *
 *   bench/dash [ROUNDS [SECONDS]]     default 5 2; HONE names the executable
 */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "bench/load.h"
#include "bench/study.h"
#include "common/check.h"
#include "common/str.h"
#include "sql/query.h"

enum { WORKERS = 8, PACE_US = 5000, TABS = 8, MOST_ROUNDS = 100, TRIALS = 10000, ASKED = 50 };

static char folder[] = "/tmp/hone-bench-XXXXXX";
static volatile sig_atomic_t load_ended;

static void on_child(int signal)
{
    (void)signal;
    load_ended = 1;
}

static double median(double *values, int count)
{
    for (int i = 1; i < count; i++)
        for (int k = i; k > 0 && values[k] < values[k - 1]; k--) {
            double v = values[k];
            values[k] = values[k - 1];
            values[k - 1] = v;
        }
    return values[count / 2];
}

/* ---- a browser ---- */

static pid_t start_dash(const char *db, int *port)
{
    int says[2];
    char line[256];
    POST(pipe(says) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        const char *hone = getenv("HONE");
        dup2(says[1], 1);
        execl(hone ? hone : "build/hone", "hone", "dash", "--db", db, "--port", "0", "--no-token",
              (char *)NULL);
        _exit(127);
    }
    close(says[1]);
    ssize_t got = read(says[0], line, sizeof line - 1);
    close(says[0]);
    line[got > 0 ? got : 0] = '\0';
    if (sscanf(line, "http://127.0.0.1:%d/", port) != 1) {
        fprintf(stderr, "no dashboard\n");
        exit(1);
    }
    return pid;
}

static int connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    POST(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

/* On a connection that is kept; the bytes of the body, whose text is in *out. */
static size_t ask(int fd, const char *target, struct str *out)
{
    char bytes[65536], text[512];
    const char *gap = NULL;
    size_t length = 0;
    str_clear(out);
    int len = snprintf(text, sizeof text,
                       "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n", target);
    POST(write(fd, text, (size_t)len) == len);
    while (!gap || out->len < (size_t)(gap - out->text) + 4 + length) {
        ssize_t got = read(fd, bytes, sizeof bytes);
        POST(got > 0);
        str_addn(out, bytes, (size_t)got);
        gap = memmem(out->text, out->len, "\r\n\r\n", 4);
        const char *said = gap ? strstr(out->text, "Content-Length: ") : NULL;
        length = said ? strtoul(said + 16, NULL, 10) : 0;
    }
    return length;
}

/* What the page does: waits for news, then takes what has changed. Answers are gzip, but for the version, which is
 * short and stands in the plain one. */
static void follow(int port)
{
    int fd = connect_to(port);
    struct str answer = {0};
    char target[256];
    for (int i = 0;; i++) {
        snprintf(target, sizeof target, "/api/changes?since=%d&wait=30", i);
        ask(fd, target, &answer);
        ask(fd, "/api/studies", &answer);
        ask(fd, "/api/trials?study=b", &answer);
        ask(fd, "/api/events?study=b", &answer);
    }
}

/* ---- many trials ---- */

static void fill(const char *path)
{
    static const char text[] =
        "BEGIN; WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1000 + %d - 1)"
        " INSERT INTO trial (id, study, number, \"group\", repeat, status, seed, sampler, sampler_version, "
        "seq_cut, why,"
        " attempt, until, epochs, last_epoch, best_epoch, score, created_ms, started_ms, ended_ms)"
        " SELECT i, 1, i, i, 0, 'complete', i, 'random', 1, 0, 'a random point', 0, 20, 20, 20, 18, i * "
        "1e-5, 1, 2, 1000 FROM n;"
        " INSERT INTO param SELECT id, 'lr', number * 1.2345e-6 FROM trial WHERE id >= 1000;"
        " INSERT INTO trial_event (seq, trial, at_ms, event, to_status) SELECT id, id, 1, 'finished', "
        "'complete' FROM trial"
        " WHERE id >= 1000; COMMIT";
    char sql[2048];
    sqlite3 *db;
    char *why = NULL;
    snprintf(sql, sizeof sql, text, TRIALS);
    POST(sqlite3_open(path, &db) == SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why)) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    sqlite3_close(db);
}

static double sqlite_ms(const char *path)
{
    struct err err = ERR_NONE;
    struct query *query;
    struct rows rows;
    double took[ASKED];
    POST(query_open(path, &query, &err) == 0);
    for (int i = 0; i < ASKED; i++) {
        int64_t began = clock_mono_us();
        struct bind study = BIND_TEXT(":study", "b");
        POST(query_run(query, "dash_trials", &study, 1, &rows, &err) == 0);
        took[i] = (double)(clock_mono_us() - began) / 1000;
        rows_fini(&rows);
    }
    query_close(query);
    return median(took, ASKED);
}

/* `again` false: each time under another address, so that no answer is a kept one. */
static double asked_ms(int fd, const char *path, bool again, size_t *bytes)
{
    struct str answer = {0};
    double took[ASKED];
    for (int i = 0; i < ASKED; i++) {
        char target[128];
        snprintf(target, sizeof target, "%s&x=%d", path, again ? 0 : i);
        int64_t began = clock_mono_us();
        *bytes = ask(fd, target, &answer);
        took[i] = (double)(clock_mono_us() - began) / 1000;
    }
    str_fini(&answer);
    return median(took, ASKED);
}

static void many_trials(void)
{
    char path[256], address[256];
    int port;
    size_t packed, news;
    snprintf(path, sizeof path, "%s/many.db", folder);
    snprintf(address, sizeof address, "ipc://%s/many.sock", folder);
    server_close(open_study(path, address, endless_study));
    fill(path);
    double limit = sqlite_ms(path);
    pid_t dash = start_dash(path, &port);
    int fd = connect_to(port);
    double first = asked_ms(fd, "/api/trials?study=b", false, &packed),
           next = asked_ms(fd, "/api/trials?study=b", true, &packed);
    double look = asked_ms(fd, "/api/changes?wait=0", true, &news);
    printf("{\"bench\":\"dash\",\"trials\":%d,\"gzip_bytes\":%zu,\"first_ms\":%.1f,\"next_ms\":%.1f,\"news_"
           "ms\":%.1f,"
           "\"sqlite_ms\":%.1f,\"first_ratio\":%.2f}\n",
           TRIALS, packed, first, next, look, limit, first / limit);
    close(fd);
    kill(dash, SIGTERM);
    waitpid(dash, NULL, 0);
}

/* ---- beside a search ---- */

static void one_round(int round, int tabs, double seconds, double result[3])
{
    char path[256], address[256];
    int fds[2], port = 0;
    snprintf(path, sizeof path, "%s/r%d.db", folder, round);
    snprintf(address, sizeof address, "ipc://%s/m%d.sock", folder, round);
    POST(pipe(fds) == 0);
    struct err err = ERR_NONE;
    struct server *server = open_study(path, address, endless_study);
    pid_t pids[TABS + 1];
    if (tabs)
        pids[tabs] = start_dash(path, &port);
    for (int i = 0; i < tabs; i++)
        if ((pids[i] = fork()) == 0)
            follow(port);
    load_ended = 0;
    if (fork() == 0)
        run_load(address, WORKERS, 1, seconds, PACE_US, fds[1]);
    while (!load_ended)
        if (server_turn(server, 200, &err) < 0)
            exit(1);
    for (int i = 0; tabs && i <= tabs; i++)
        kill(pids[i], SIGKILL);
    while (wait(NULL) > 0)
        ;
    server_close(server);
    POST(read(fds[0], result, 3 * sizeof *result) == 3 * (ssize_t)sizeof *result);
    close(fds[0]);
    close(fds[1]);
}

static void beside(int rounds, double seconds)
{
    double alone[3][MOST_ROUNDS], shown[3][MOST_ROUNDS], result[3];
    signal(SIGCHLD, on_child);
    for (int i = 0; i < rounds; i++) {
        one_round(2 * i, 0, seconds, result);
        for (int k = 0; k < 3; k++)
            alone[k][i] = result[k];
        one_round(2 * i + 1, TABS, seconds, result);
        for (int k = 0; k < 3; k++)
            shown[k][i] = result[k];
    }
    printf("{\"bench\":\"dash_beside\",\"tabs\":%d,\"rounds\":%d,\"reports_per_s_alone\":%.0f,\"reports_per_"
           "s_shown\":%.0f,"
           "\"ratio\":%.4f,\"ack_p50_ms_alone\":%.3f,\"ack_p50_ms_shown\":%.3f,\"ack_p99_ms_alone\":%.3f,"
           "\"ack_p99_ms_shown\":%.3f}\n",
           TABS, rounds, median(alone[0], rounds), median(shown[0], rounds),
           median(shown[0], rounds) / median(alone[0], rounds), median(alone[1], rounds),
           median(shown[1], rounds), median(alone[2], rounds), median(shown[2], rounds));
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    double seconds = argc > 2 ? atof(argv[2]) : 2;
    char command[300];
    if (rounds < 1 || rounds > MOST_ROUNDS || !mkdtemp(folder))
        return 2;
    many_trials();
    fflush(stdout);
    beside(rounds, seconds);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0;
}
