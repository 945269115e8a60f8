/* bench/large: how long each command that looks at a database takes on a large one: ten thousand trials of eight parameters
 * under a pruner and as many of two metrics, made by the real master with simulated workers. Beside each the time of
 * the plainest reading there is, `hone sql` that adds up every row of every table: what a command takes is said as so many
 * times that.
 *
 *   bench/large [TRIALS [DB]]     default 10000 and a folder of its own; a DB that is there is used and kept
 *
 * HONE names the program. One JSON line per command: {"bench":"large","trials":...,"command":...,"cpu_s":...,"wall_s":...,
 * "scans":...}; the best of three, output thrown away. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/log.h"
#include "common/rng.h"
#include "common/str.h"
#include "master/rehearsal.h"
#include "sql/store.h"

enum { EPOCHS = 9, SLOTS = 16, ROUNDS = 3 };

static const char *const axes[] = {"a", "b", "c", "d", "e", "f", "g", "h"};

static void die(const struct err *err)
{
    fprintf(stderr, "large: %s\n", err->text);
    exit(1);
}

/* ---- the database ---- */

static double shortfall(const struct json *params, int skip)
{
    double sum = 0;
    for (size_t i = 0; i < COUNT_OF(axes); i++) {
        double x = json_num(json_get(params, axes[i])) - 0.3 - 0.05 * (double)((i + (size_t)skip) % 8);
        sum += x * x / (double)(1 + i);
    }
    return sum;
}

static double loss_after(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)seed, (void)epochs;
    return shortfall(params, 0) + exp(-epoch / 3.0);
}

static double size_after(void *arg, int k, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)k, (void)seed, (void)epoch, (void)epochs;
    return shortfall(params, 3);
}

static void add_space(struct str *out)
{
    str_add(out, "\"space\":{");
    for (size_t i = 0; i < COUNT_OF(axes); i++)
        str_addf(out, "%s\"%s\":{\"uniform\":[0,1]}", i ? "," : "", axes[i]);
    str_add(out, "}");
}

static void submit(struct rehearsal *r, const char *name, const char *metric, const char *more, int trials)
{
    struct str text = {0};
    struct err err = ERR_NONE;
    str_addf(&text, "{\"study\":\"%s\",\"metric\":%s,\"trainer\":{\"command\":[\"true\"],\"seed\":1},%s",
             name, metric, more);
    add_space(&text);
    str_addf(
        &text,
        ",\"search\":{\"method\":\"random\",\"seed\":1,\"trials\":%d,\"epochs\":%d,\"boundary\":\"off\"}}",
        trials, EPOCHS);
    if (rehearsal_submit(r, str_text(&text), &err))
        die(&err);
    str_fini(&text);
}

static void make(const char *path, int trials)
{
    struct err err = ERR_NONE;
    struct store_options memory = {.memory = true};
    struct store *store;
    if (store_open("", &memory, &store, &err))
        die(&err);
    struct rehearsal_options options = {.seed = 1,
                                        .objective = loss_after,
                                        .further = size_after,
                                        .further_names = {"size"},
                                        .metric = "loss",
                                        .store = store};
    struct rehearsal *r = rehearsal_new(&options, &err);
    if (!r)
        die(&err);
    submit(r, "front",
           "[{\"name\":\"loss\",\"goal\":\"minimize\"},{\"name\":\"size\",\"goal\":\"minimize\"}]", "",
           trials);
    submit(r, "single", "{\"name\":\"loss\",\"goal\":\"minimize\"}", "\"prune\":{\"method\":\"median\"},",
           trials);
    rehearsal_add_worker(r, SLOTS);
    rehearsal_run(r, INT64_C(1) << 50);
    if (store_backup(store, path, &err))
        die(&err);
    rehearsal_free(r);
    store_close(store);
}

/* ---- the commands ---- */

struct took {
    double cpu_s, wall_s;
};

static const char *program, *database;

static struct took once(const char *words)
{
    struct rusage used;
    int status;
    char line[600];
    snprintf(line, sizeof line, "exec \"$HONE\" %s", words);
    int64_t from_us = clock_mono_us();
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        setenv("HONE_DB", database, 1);
        setenv("HONE", program, 1);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    if (wait4(pid, &status, 0, &used) != pid || !WIFEXITED(status) || WEXITSTATUS(status) > 1) {
        fprintf(stderr, "large: hone %s: failed\n", words);
        exit(1);
    }
    return (struct took){(double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                             (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6,
                         (double)(clock_mono_us() - from_us) / 1e6};
}

static struct took best_of(const char *words)
{
    struct took best = once(words);
    for (int i = 1; i < ROUNDS && best.wall_s < 10; i++) {
        struct took next = once(words);
        best.cpu_s = fmin(best.cpu_s, next.cpu_s);
        best.wall_s = fmin(best.wall_s, next.wall_s);
    }
    return best;
}

static const char scan[] =
    "sql 'SELECT (SELECT sum(value) FROM epoch), (SELECT sum(value) FROM epoch_metric), "
    "(SELECT sum(value) FROM param), (SELECT sum(seed / 3.0) FROM trial), "
    "(SELECT sum(seq) FROM trial_event), (SELECT count(token) FROM attempt)'";

static const char *const commands[] = {
    "best single",
    "best front",
    "trials -s single",
    "trials -s single --status failed",
    "show single/5000",
    "show single/best",
    "explain single/5000",
    "explain front/5000",
    "importance single",
    "importance single --method fanova",
    "importance single --method fanova --pairs",
    "replay single",
    "replay front",
    "studies",
    "workers",
    "doctor",
    "verify",
    "gc --dry-run",
    "backup \"$HONE_DB.copy\"",
    "sql 'SELECT * FROM best_trials LIMIT 10'",
    "sql 'SELECT * FROM leaderboard WHERE rank <= 10'",
    "sql 'SELECT * FROM study_progress'",
    "sql \"SELECT * FROM pareto WHERE study = 'front'\"",
    "sql 'SELECT count(*), max(value) FROM learning_curves'",
    "sql 'SELECT * FROM groups LIMIT 10'",
    "sql 'SELECT * FROM findings'",
    "sql 'SELECT * FROM worker_timeline LIMIT 20'",
    "sql 'SELECT * FROM single ORDER BY loss LIMIT 10'",
};

int main(int argc, char **argv)
{
    int trials = argc > 1 ? atoi(argv[1]) : 10000;
    char folder[] = "/tmp/hone-bench-XXXXXX", path[300], clean[400];
    program = getenv("HONE") ? getenv("HONE") : "hone";
    if (trials < 1 || (argc <= 2 && !mkdtemp(folder)))
        return 2;
    snprintf(path, sizeof path, "%s/large.db", folder);
    database = argc > 2 ? argv[2] : path;
    log_init(LOG_ERROR);
    if (access(database, F_OK) != 0)
        make(database, trials);
    struct took reading = best_of(scan);
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        struct took took = best_of(commands[i]);
        struct str line = {0};
        struct jw w = jw_to(&line);
        jw_object(&w, NULL);
        jw_text(&w, "bench", "large");
        jw_int(&w, "trials", trials);
        jw_text(&w, "command", commands[i]);
        jw_num(&w, "cpu_s", took.cpu_s);
        jw_num(&w, "wall_s", took.wall_s);
        jw_num(&w, "scans", round(took.cpu_s / reading.cpu_s * 10) / 10);
        jw_close_object(&w);
        printf("%s\n", str_text(&line));
        fflush(stdout);
        str_fini(&line);
    }
    snprintf(clean, sizeof clean, argc > 2 ? "rm -f '%s.copy'" : "rm -rf '%s'", argc > 2 ? database : folder);
    return system(clean) != 0;
}
