/* What a person sees of a search, with the real executable at a real terminal: the live screen, tables that keep up, charts,
 * logs. The trainer goes on by an epoch when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "common/json.h"
#include "tests/tools/pty.h"
#include "tests/tools/shell.h"

static const char trainer_text[] = "for e in 1 2 3; do\n"
                                   "    echo \"began $e\"\n"
                                   "    read word < \"$1\"\n"
                                   "    [ \"$word\" = die ] && exit 1\n"
                                   "    echo \"{\\\"epoch\\\": $e, \\\"loss\\\": 0.$e}\" >&$HONE_OUT_FD\n"
                                   "done\n";

static int gate; /* a line in it lets the trainer go on by one epoch */

static void let(const char *words)
{
    assert_int_equal(write(gate, words, strlen(words)), (ssize_t)strlen(words));
}

static void write_study(const char *name, int trials)
{
    char text[2048], file[64];
    snprintf(text, sizeof text,
             "{\"study\": \"%s\", \"metric\": {\"name\": \"loss\", \"goal\": \"minimize\"},\n"
             " \"trainer\": {\"command\": [\"sh\", \"%s/trainer.sh\", \"%s/gate\"]},\n"
             " \"space\": {\"lr\": {\"log\": [1e-3, 1]}},\n"
             " \"search\": {\"method\": \"random\", \"trials\": %d, \"epochs\": 3, \"seed\": 1}}\n",
             name, scratch.folder, scratch.folder, trials);
    snprintf(file, sizeof file, "%s.json", name);
    scratch_text(&scratch, file, text);
}

/* A finished study of the built-in trainer in done.db; the gate. */
static int setup(void **state)
{
    char path[128];
    shell_open(state);
    scratch_text(&scratch, "trainer.sh", trainer_text);
    snprintf(path, sizeof path, "%s/gate", scratch.folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    gate = open(path, O_RDWR | O_CLOEXEC);
    assert_true(gate >= 0);
    scratch_text(&scratch, "done.json",
                 "{\"study\": \"done\", \"metric\": [{\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
                 "  {\"name\": \"parameters\", \"goal\": \"minimize\"}],\n"
                 " \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral\", \"batch\": 50, \"seed\": 1},\n"
                 " \"space\": {\"lr\": {\"log\": [1e-3, 1]}, \"hidden\": {\"int\": [4, 32], \"log\": true},\n"
                 "             \"optimizer\": {\"choice\": [\"sgd\", \"adam\"]}},\n"
                 " \"search\": {\"method\": \"random\", \"trials\": 8, \"epochs\": 3, \"seed\": 1}}\n");
    if (HONE("run", "done.json", "--workers", "1", "--db", "done.db", "-q"))
        fail_msg("%s", str_text(&out));
    setenv("NO_COLOR", "1", 1);
    return 0;
}

static int teardown(void **state)
{
    close(gate);
    return shell_close(state);
}

static void start_run(struct proc *run, const char *study, const char *db)
{
    char file[64], path[256];
    snprintf(file, sizeof file, "%s.json", study);
    START(run, scratch.folder, "hone", "run", file, "--db", db, "--workers", "1", "--no-check", "--quiet");
    snprintf(path, sizeof path, "%s/%s", scratch.folder, db);
    db_await(path, "SELECT count(*) FROM trial WHERE status = 'running'");
}

static void end_run(struct proc *run, const char *words)
{
    let(words);
    assert_int_equal(proc_wait(run), 0);
    proc_fini(run);
}

/* ---- the live screen ---- */

static void test_top_follows_a_run(void **state)
{
    (void)state;
    struct proc run;
    struct pty top;
    write_study("live", 3);
    start_run(&run, "live", "live.db");
    PTY(&top, scratch.folder, 30, 100, "vt100", "C.UTF-8", "hone", "top", "--db", "live.db");
    pty_await(&top, "▸ live            running    ░");
    pty_await(&top, "master here");
    pty_await(&top, "      1 running   w1            0/3");
    let("go\n");
    pty_await(&top, "      1 running   w1            1/3    0.1");
    pty_type(&top, "\r");
    pty_await(&top, "▸     1 running");
    pty_type(&top, "\r");
    pty_await(&top, "live/1  running  loss 0.1 at epoch 1");
    pty_await(&top, "LOG\n began 1\n began 2\n"); // as it is printed, before the epoch is over
    let("go\n");
    pty_await(&top, "epoch 2 of 3");
    pty_type(&top, "q");
    pty_await(&top, "TRIALS of live");
    pty_type(&top, "c");
    pty_await(&top, "cancel live/1? its epochs stay; y or n");
    pty_type(&top, "n");
    pty_await(&top, "not cancelled");
    pty_type(&top, "cy");
    pty_await(&top, "live/1: cancelled");
    pty_await(&top, "▸     1 cancelled");
    pty_resize(&top, 24, 60);
    pty_await(&top, "      2 running      0/3");
    pty_type(&top, "p");
    pty_await(&top, "live: trials end their epoch and wait");
    pty_await(&top, "paus");
    pty_type(&top, "p");
    pty_await(&top, "live: goes on");
    let("go\ngo\ngo\ngo\ngo\ngo\ngo\ngo\ngo\ngo\n");
    pty_await(&top, "ended");
    pty_await(&top, "by trials");
    assert_true(!pty_is_as_before(&top));
    pty_type(&top, "q");
    assert_int_equal(pty_wait(&top), 0);
    end_run(&run, "");
    pty_fini(&top);
}

static void test_top_waits_for_its_master(void **state)
{
    (void)state;
    struct proc run;
    struct pty top;
    struct str address = {0};
    char path[256];
    write_study("away", 1);
    start_run(&run, "away", "away.db");
    snprintf(path, sizeof path, "%s/away.db", scratch.folder);
    db_text(path, "SELECT value FROM meta WHERE key = 'address'", &address);
    PTY(&top, scratch.folder, 24, 100, "vt100", "C.UTF-8", "hone", "top", "--master", str_text(&address));
    pty_await(&top, "▸ away            running");
    pid_t worker = (pid_t)db_int(path, "SELECT pid FROM worker");
    proc_signal(&run, SIGKILL);
    pty_await(&top, "away  "); // the master, in the first line
    pty_await(&top, "no master can be reached");
    pty_await(&top, "▸ away            running"); // what was known stays
    pty_type(&top, "q");
    assert_int_equal(pty_wait(&top), 0);
    pty_fini(&top);
    proc_fini(&run);
    str_fini(&address);
    kill(worker, SIGKILL); // it would wait for its master to return
    await_gone(worker);
}

/* The log comes from the master, meanwhile; when he does not answer what was known of it stays. */
static void test_top_asks_its_master_for_a_log(void **state)
{
    (void)state;
    struct proc run;
    struct pty top;
    struct str address = {0};
    char path[256];
    write_study("far", 1);
    start_run(&run, "far", "far.db");
    snprintf(path, sizeof path, "%s/far.db", scratch.folder);
    db_text(path, "SELECT value FROM meta WHERE key = 'address'", &address);
    PTY(&top, scratch.folder, 24, 100, "vt100", "C.UTF-8", "hone", "top", "--master", str_text(&address));
    pty_await(&top, "▸ far             running");
    pty_type(&top, "\r");
    pty_await(&top, "▸     1 running");
    pty_type(&top, "\r");
    pty_await(&top, "far/1  running");
    pty_await(&top, "LOG\n began 1\n");
    let("go\n");
    pty_await(&top, "LOG\n began 1\n began 2\n");
    proc_signal(&run, SIGSTOP);
    pty_await(&top, "no master can be reached");
    pty_await(&top, "LOG\n began 1\n began 2\n");
    pty_type(&top, "q");
    pty_await(&top, "TRIALS of far");
    proc_signal(&run, SIGCONT);
    pty_type(&top, "q");
    assert_int_equal(pty_wait(&top), 0);
    pty_fini(&top);
    end_run(&run, "go\ngo\n");
    str_fini(&address);
}

/* A master that does not answer keeps the screen from nothing, and who leaves hears what became of it. */
static void test_top_goes_on_while_it_asks(void **state)
{
    (void)state;
    struct proc run;
    struct pty top;
    char path[256];
    write_study("slow", 1);
    start_run(&run, "slow", "slow.db");
    snprintf(path, sizeof path, "%s/slow.db", scratch.folder);
    PTY(&top, scratch.folder, 24, 100, "vt100", "C.UTF-8", "hone", "top", "--db", "slow.db");
    pty_await(&top, "▸ slow            running");
    proc_signal(&run, SIGSTOP);
    pty_type(&top, "p");
    pty_await(&top, "asking the master to pause slow ...\n j k choose");
    pty_type(&top, "p");
    pty_await(&top, "not yet, it is still asking the master to pause slow ...");
    pty_type(&top, "\r");
    pty_await(&top, "▸     1 running");
    pty_await(&top, "\n asking the master to pause slow ...");
    pty_type(&top, "\r");
    pty_await(&top, "slow/1  running");
    pty_await(&top, "\n asking the master to pause slow ...");
    proc_signal(&run, SIGCONT);
    pty_await(&top, "slow: trials end their epoch and wait");
    pty_type(&top, "qpq"); // it goes on
    assert_int_equal(pty_wait(&top), 0);
    assert_non_null(strstr(str_text(&top.raw), "slow: goes on"));
    assert_int_equal(db_int(path, "SELECT wish = 'run' FROM study"), 1);
    pty_fini(&top);
    end_run(&run, "go\ngo\ngo\n");
}

/* With a viewer's key one sees everything and is offered nothing that changes something. */
static void test_a_viewer_looks_on(void **state)
{
    (void)state;
    struct proc master;
    struct pty top;
    struct str address = {0};
    char path[256];
    write_study("keyed", 1);
    assert_int_equal(HONE("keygen", "all"), 0);
    assert_int_equal(RUN(scratch.folder, &out, "sh", "-c",
                         "mkdir -m 700 viewer && cp all/server.pub all/viewer.key viewer"),
                     0);
    START(&master, scratch.folder, "hone", "master", "keyed.json", "--no-check", "--db", "keyed.db", "--keys",
          "all", "--bind", "tcp://127.0.0.1:*");
    snprintf(path, sizeof path, "%s/keyed.db", scratch.folder);
    db_await(path, "SELECT value LIKE 'tcp%' FROM meta WHERE key = 'address'");
    db_text(path, "SELECT value FROM meta WHERE key = 'address'", &address);
    for (int may = 0; may < 2; may++) {
        PTY(&top, scratch.folder, 24, 100, "vt100", "C.UTF-8", "hone", "top", "--master", str_text(&address),
            "--keys", may ? "all" : "viewer");
        pty_await(&top, "▸ keyed");
        pty_await(&top, "q quit");
        assert_int_equal(strstr(pty_screen(&top), "p pause  c cancel") != NULL, may);
        pty_type(&top, "pq");
        assert_int_equal(pty_wait(&top), 0);
        pty_fini(&top);
        assert_int_equal(db_int(path, "SELECT wish = 'pause' FROM study"), may);
    }
    proc_signal(&master, SIGTERM);
    proc_wait(&master);
    proc_fini(&master);
    str_fini(&address);
}

/* However it ends, the terminal is as it was: keys echo, and the screen from before is back. */
static void test_the_terminal_is_given_back(void **state)
{
    (void)state;
    static const int signals[] = {0, SIGTERM, SIGINT, SIGHUP, SIGSEGV, SIGABRT};
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        struct pty top;
        PTY(&top, scratch.folder, 24, 80, "xterm", "C.UTF-8", "hone", "top", "--db", "done.db");
        pty_await_raw(&top, "STUDIES");
        if (signals[i])
            kill(top.pid, signals[i]);
        else
            pty_type(&top, "q");
        pty_await_raw(&top, "\033[?1049l");
        assert_int_equal(pty_wait(&top), signals[i] ? 128 + signals[i] : 0);
        assert_true(pty_is_as_before(&top));
        pty_fini(&top);
    }
}

static void test_stopped_and_continued(void **state)
{
    (void)state;
    struct pty shell;
    setenv("PS1", "prompt>", 1);
    PTY(&shell, scratch.folder, 24, 80, "vt100", "C.UTF-8", "bash", "--norc", "--noediting", "-i");
    pty_await(&shell, "prompt>");
    char line[600];
    const char *hone = getenv("HONE");
    char *path = path_absolute(hone ? hone : "build/hone");
    snprintf(line, sizeof line, "%s top --db done.db\n", path);
    free(path);
    pty_type(&shell, line);
    pty_await(&shell, "TRIALS of done");
    pty_type(&shell, "\032");
    pty_await(&shell, "Stopped");
    pty_type(&shell, "clear; echo th''ere\n");
    pty_await(&shell, "there");
    pty_await_gone(&shell, "TRIALS of done");
    pty_type(&shell, "fg\n");
    pty_await(&shell, "TRIALS of done");
    pty_type(&shell, "q");
    pty_await(&shell, "prompt>");
    pty_type(&shell, "exit\n");
    assert_int_equal(pty_wait(&shell), 0);
    pty_fini(&shell);
}

static void test_terminals_that_can_little(void **state)
{
    (void)state;
    struct pty top;
    PTY(&top, scratch.folder, 24, 80, "dumb", "C.UTF-8", "hone", "top", "--db", "done.db");
    assert_int_equal(pty_wait(&top), 2);
    assert_non_null(strstr(str_text(&top.raw), "TERM=dumb"));
    assert_non_null(strstr(str_text(&top.raw), "hone studies --watch"));
    pty_fini(&top);
    assert_int_equal(HONE("top", "--db", "done.db"), 2); // a pipe
    assert_said("needs a terminal");
    PTY(&top, scratch.folder, 24, 80, "vt100", "C", "hone", "top", "--db", "done.db");
    pty_await(&top, "> done");
    pty_await(&top, "q quit");
    for (const char *c = pty_screen(&top); *c; c++)
        assert_true((unsigned char)*c < 0x80);
    pty_type(&top, "q");
    assert_int_equal(pty_wait(&top), 0);
    pty_fini(&top);
}

/* What a pty sends with TERM=xterm of SGR: colours are 30 to 49. */
static bool has_colour(const char *text)
{
    for (const char *c = text; (c = strstr(c, "\033[3")); c++)
        if (c[3] >= '0' && c[3] <= '7' && c[4] == 'm')
            return true;
    return false;
}

static void test_colours_only_where_they_are_wanted(void **state)
{
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++) {
        struct pty top;
        if (wanted)
            unsetenv("NO_COLOR");
        PTY(&top, scratch.folder, 24, 80, "xterm", "C.UTF-8", "hone", "top", "--db", "done.db");
        pty_await_raw(&top, "q quit");
        assert_int_equal(has_colour(str_text(&top.raw)), wanted);
        pty_type(&top, "q");
        pty_wait(&top);
        pty_fini(&top);
    }
    setenv("NO_COLOR", "1", 1);
}

/* ---- tables that keep up ---- */

/* The length of the table that begins here: an empty line ends it, or the text. */
static size_t table_len(const char *text)
{
    const char *end = strstr(text, "\n\n");
    return end ? (size_t)(end - text) + 1 : strlen(text);
}

static const char *next_table(const char *text)
{
    const char *next = text + table_len(text);
    return *next ? next + 1 : NULL;
}

/* Each from every other: this search goes only forward, so what was shown does not come again. */
static void expect_tables_differ(const char *text)
{
    assert_non_null(next_table(text)); /* the one that was awaited, and the end */
    for (const char *table = text; table; table = next_table(table))
        for (const char *later = next_table(table); later; later = next_table(later))
            if (table_len(later) == table_len(table) && strncmp(table, later, table_len(table)) == 0)
                fail_msg("the same table twice:\n%.*s", (int)table_len(table), table);
}

static void test_watch_on_a_pipe(void **state)
{
    (void)state;
    struct proc run, watch;
    write_study("piped", 1);
    start_run(&run, "piped", "piped.db");
    START(&watch, scratch.folder, "hone", "studies", "--watch", "--csv", "--db", "piped.db");
    proc_await_text(&watch, "\npiped,run,1,0,1,");
    end_run(&run, "go\ngo\ngo\n");
    assert_int_equal(proc_wait(&watch), 0); // with the study
    assert_non_null(strstr(str_text(&watch.out), ",trials,"));
    assert_null(strchr(str_text(&watch.out), '\033'));
    expect_tables_differ(str_text(&watch.out));
    proc_fini(&watch);
    static const char *const tables[] = {"best", "trials", "workers", "studies"};
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        assert_int_equal(HONE(tables[i], "--watch", "--db", "piped.db"), 0); // it has ended
    assert_int_equal(HONE("best", "nope", "--watch", "--db", "piped.db"), 2);
    assert_int_equal(HONE("studies", "--watch", "--db", "nothing.db"), 3);
}

static void test_watch_on_a_terminal(void **state)
{
    (void)state;
    struct proc run;
    struct pty watch;
    write_study("placed", 2);
    start_run(&run, "placed", "placed.db");
    PTY(&watch, scratch.folder, 24, 100, "vt100", "C.UTF-8", "hone", "trials", "--watch", "--db",
        "placed.db");
    pty_await(&watch, "    1  running");
    let("go\ngo\ngo\n");
    pty_await(&watch, "    1  complete");
    pty_await(&watch, "    2  running");
    assert_null(strstr(strstr(pty_screen(&watch), "trial  status") + 1, "trial  status")); // in place
    kill(watch.pid, SIGINT);
    assert_int_equal(pty_wait(&watch), 130);
    pty_fini(&watch);
    end_run(&run, "go\ngo\ngo\n");
}

/* ---- logs ---- */

/* From a folder where there is no database: only the master's address is known. */
static void expect_logs_through_the_master(const char *db, const char *text)
{
    char path[256];
    struct str address = {0};
    snprintf(path, sizeof path, "%s/%s", scratch.folder, db);
    db_text(path, "SELECT value FROM meta WHERE key = 'address'", &address);
    assert_int_equal(RUN("/", &out, "hone", "logs", "1", "--master", str_text(&address)), 0);
    assert_said(text);
    assert_int_equal(RUN("/", &out, "hone", "logs", "w1", "-n", "1", "--master", str_text(&address)), 0);
    assert_int_equal(RUN("/", &out, "hone", "logs", "w7", "--master", str_text(&address)), 2);
    str_fini(&address);
}

static void test_logs_through_attempts(void **state)
{
    (void)state;
    struct proc run, logs;
    write_study("told", 1);
    start_run(&run, "told", "told.db");
    START(&logs, scratch.folder, "hone", "logs", "1", "-f", "--db", "told.db");
    proc_await_text(&logs, "==> told/1, attempt 1 on w1");
    proc_await_text(&logs, "began 1\n");
    let("go\n");
    proc_await_text(&logs, "began 2\n");
    expect_logs_through_the_master("told.db", "began 1\nbegan 2\n");
    let("die\n");
    proc_await_text(&logs, "\n==> told/1, attempt 2 on w1");
    end_run(&run, "go\ngo\ngo\n");
    assert_int_equal(proc_wait(&logs), 0); // with the trial
    assert_non_null(strstr(strstr(str_text(&logs.out), "attempt 2"), "began 1\nbegan 2\nbegan 3\n"));
    proc_fini(&logs);
    assert_int_equal(HONE("logs", "-n", "1", "--db", "told.db"), 0);
    assert_said(", failed <==\nbegan 2\n");
    assert_said(", finished <==\nbegan 3\n");
    assert_int_equal(HONE("logs", "told/1", "--attempt", "1", "--db", "told.db"), 0);
    assert_null(strstr(str_text(&out), "attempt 2"));
    assert_int_equal(HONE("logs", "--attempt", "7", "--db", "told.db"), 2);
    assert_said("told/1 has no attempt 7; it has 2");
    assert_int_equal(HONE("logs", "w1", "-n", "1", "--db", "told.db"), 0);
    assert_int_equal(HONE("logs", "w9", "--db", "told.db"), 2);
    assert_said("no log of a worker of that name");
}

static void test_a_log_that_is_elsewhere(void **state)
{
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s/told.db.d/told/t00001/a1/log", scratch.folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(HONE("logs", "--attempt", "1", "--db", "told.db"), 0);
    assert_said("began 2"); // the last lines came with the attempt's end
    assert_said("is not here");
}

/* ---- charts ---- */

static void test_plots(void **state)
{
    (void)state;
    static const char *const kinds[] = {"history", "curve", "params", "walls", "front"};
    char file[64], path[256];
    setenv("LC_ALL", "C.UTF-8", 1);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct str svg = {0};
        assert_int_equal(HONE("plot", "done", kinds[i], "--db", "done.db"), 0);
        assert_said("┤");
        assert_null(strchr(str_text(&out), '\033'));
        assert_int_equal(HONE("plot", "done", kinds[i], "--db", "done.db", "--json"), 0);
        struct json *json = json_parse(str_text(&out), out.len, "plot", NULL);
        assert_true(json_count(json_get(json_at(json_get(json, "charts"), 0), "series")) > 0);
        json_free(json);
        snprintf(file, sizeof file, "%s.%s", kinds[i], i % 2 ? "html" : "svg");
        assert_int_equal(HONE("plot", kinds[i], "--db", "done.db", "-o", file), 0);
        snprintf(path, sizeof path, "%s/%s", scratch.folder, file);
        assert_int_equal(file_read(path, 1 << 20, &svg, NULL), 0);
        assert_non_null(strstr(str_text(&svg), "<svg xmlns="));
        assert_non_null(strstr(str_text(&svg), "</svg>"));
        assert_null(strstr(str_text(&svg), "<script"));
        assert_null(strstr(str_text(&svg), "nan"));
        str_fini(&svg);
    }
    setenv("LC_ALL", "C", 1);
    assert_int_equal(HONE("plot", "--db", "done.db"), 0);
    assert_said("done: val_acc of 8 trials, and the best so far");
    for (const char *c = str_text(&out); *c; c++)
        assert_true((unsigned char)*c < 0x80);
    setenv("COLUMNS", "40", 1); // of whoever reads the pipe
    assert_int_equal(HONE("plot", "--db", "done.db"), 0);
    unsetenv("COLUMNS");
    for (char *line = strtok(out.text, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 40);
    str_clear(&out);
}

/* A long search moves a wall more than once or twice. */
static void test_plots_of_many_moves(void **state)
{
    (void)state;
    char path[256];
    assert_int_equal(RUN(scratch.folder, &out, "cp", "done.db", "moved.db"), 0);
    snprintf(path, sizeof path, "%s/moved.db", scratch.folder);
    db_change(path,
              "WITH RECURSIVE move(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM move WHERE n < 40)"
              " INSERT INTO box (seq, study, at_ms, stage, trials, walls)"
              " SELECT 1000000 + n, 1, 1, 0, n, json_object('lr', json_object('low', 0.001, 'high', n + 1))"
              " FROM move");
    setenv("LC_ALL", "C.UTF-8", 1);
    assert_int_equal(HONE("plot", "done", "params", "--param", "lr", "--db", "moved.db"), 0);
    assert_said("40 moves, the newest: top wall 40 → 41 after ");
    assert_int_equal(HONE("plot", "done", "params", "--param", "lr", "--db", "moved.db", "--json"), 0);
    struct json *json = json_parse(str_text(&out), out.len, "plot", NULL);
    const struct json *chart = json_at(json_get(json, "charts"), 0);
    assert_int_equal(json_count(json_get(chart, "walls")),
                     42); // the top as it was 40 times, both as they are
    json_free(json);
}

static void test_plots_that_cannot_be(void **state)
{
    (void)state;
    assert_int_equal(HONE("plot", "done", "histroy", "--db", "done.db"), 2);
    assert_said("did you mean history?");
    assert_int_equal(HONE("plot", "done", "params", "--param", "lrr", "--db", "done.db"), 2);
    assert_said("did you mean lr?");
    assert_int_equal(HONE("plot", "-o", "x.png", "--db", "done.db"), 2);
    assert_said("FILE.svg is a picture");
    assert_int_equal(HONE("plot", "told", "front", "--db", "told.db"), 1);
    assert_said("no trial with scores of two metrics");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_top_follows_a_run),
        cmocka_unit_test(test_top_waits_for_its_master),
        cmocka_unit_test(test_top_asks_its_master_for_a_log),
        cmocka_unit_test(test_top_goes_on_while_it_asks),
        cmocka_unit_test(test_a_viewer_looks_on),
        cmocka_unit_test(test_the_terminal_is_given_back),
        cmocka_unit_test(test_stopped_and_continued),
        cmocka_unit_test(test_terminals_that_can_little),
        cmocka_unit_test(test_colours_only_where_they_are_wanted),
        cmocka_unit_test(test_watch_on_a_pipe),
        cmocka_unit_test(test_watch_on_a_terminal),
        cmocka_unit_test(test_logs_through_attempts),
        cmocka_unit_test(test_a_log_that_is_elsewhere),
        cmocka_unit_test(test_plots),
        cmocka_unit_test(test_plots_of_many_moves),
        cmocka_unit_test(test_plots_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
