/* bench/dash: what the dashboard costs. First line: 10,000 trials asked for, by the one who comes first and by the next, and
 * how much of that is SQLite alone, on the same statement. Second line: a search beside `hone dash` with tabs that follow it
 * as the page does (bench/beside.h).
 *
 *   bench/dash [ROUNDS [SECONDS]]     default 5 2; HONE names the executable
 */
#include <arpa/inet.h>
#include <poll.h>
#include <sqlite3.h>

#include "bench/beside.h"
#include "common/str.h"
#include "sql/query.h"

enum { TABS = 8, TRIALS = 10000, ASKED = 50 };

static char folder[] = "/tmp/hone-bench-XXXXXX";

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

static double sqlite_ms(struct query *query)
{
    struct err err = ERR_NONE;
    struct rows rows;
    struct bind study = BIND_TEXT(":study", "b");
    int64_t began = clock_mono_us();
    POST(query_run(query, "dash_trials", &study, 1, &rows, &err) == 0);
    rows_fini(&rows);
    return (double)(clock_mono_us() - began) / 1000;
}

static double asked_ms(int fd, const char *target, size_t *bytes)
{
    struct str answer = {0};
    int64_t began = clock_mono_us();
    *bytes = ask(fd, target, &answer);
    str_fini(&answer);
    return (double)(clock_mono_us() - began) / 1000;
}

static void many_trials(void)
{
    char path[256], address[256];
    int port;
    size_t packed, news;
    double limit[ASKED], first[ASKED], next[ASKED], look[ASKED];
    struct query *query;
    struct err err = ERR_NONE;
    snprintf(path, sizeof path, "%s/many.db", folder);
    snprintf(address, sizeof address, "ipc://%s/many.sock", folder);
    server_close(open_study(path, address, endless_study));
    fill(path);
    pid_t dash = start_dash(path, &port);
    int fd = connect_to(port);
    POST(query_open(path, &query, &err) == 0);
    for (int i = 0; i < ASKED; i++) {
        char target[128];
        snprintf(target, sizeof target, "/api/trials?study=b&x=%d", i); /* no answer of it has been kept */
        limit[i] = sqlite_ms(query);
        first[i] = asked_ms(fd, target, &packed);
        next[i] = asked_ms(fd, target, &packed);
        look[i] = asked_ms(fd, "/api/changes?wait=0", &news);
    }
    query_close(query);
    double alone = median(limit, ASKED), whole = median(first, ASKED);
    printf("{\"bench\":\"dash\",\"trials\":%d,\"gzip_bytes\":%zu,\"first_ms\":%.1f,\"next_ms\":%.1f,\"news_"
           "ms\":%.1f,"
           "\"sqlite_ms\":%.1f,\"first_ratio\":%.2f}\n",
           TRIALS, packed, whole, median(next, ASKED), median(look, ASKED), alone, whole / alone);
    close(fd);
    kill(dash, SIGTERM);
    waitpid(dash, NULL, 0);
}

/* ---- beside a search ---- */

static int start_tabs(const char *path, pid_t *pids)
{
    int port = 0;
    pids[TABS] = start_dash(path, &port);
    for (int i = 0; i < TABS; i++)
        if ((pids[i] = fork()) == 0)
            follow(port);
    return TABS + 1;
}

int main(int argc, char **argv)
{
    char tabs[32];
    struct beside beside = {"dash_beside", "shown", tabs, start_tabs};
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    double seconds = argc > 2 ? atof(argv[2]) : 2;
    char command[300];
    if (rounds < 1 || rounds > BESIDE_ROUNDS_MAX || !mkdtemp(folder))
        return 2;
    many_trials();
    fflush(stdout);
    snprintf(tabs, sizeof tabs, "\"tabs\":%d,", TABS);
    beside_measure(&beside, folder, rounds, seconds);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0;
}
