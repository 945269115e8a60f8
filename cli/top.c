/* hone top: the loop: read when something has changed, draw, wait for a key. */
#include "cli/top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/curses.h"
#include "cli/errand.h"
#include "cli/remote.h"
#include "cli/signals.h"
#include "common/clock.h"
#include "common/log.h"

enum {
    LOOK_MS = 250,
    LOOK_SOON_MS = 50,   /* while something is asked for */
    READ_LEAST_MS = 500, /* between two reads, however often the database changes */
    READ_MOST_MS = 2000, /* and at the latest: a worker that is silent changes nothing */
    ANSWER_MS = 3000,    /* a master that takes longer is away, for keys are not read meanwhile */
};

struct screen_loop {
    const struct opt_top *opt;
    struct top top;
    uint64_t stamp;             /* of the files at the last read */
    int64_t read_ms;            /* monotonic; 0: never */
    struct errand *errand;      /* NULL: nothing is asked for */
    char object[TOP_NAME + 16]; /* of it: "mnist", "mnist/17" */
    const char *done;
    int failed; /* a code, of the newest that ended */
    struct top_log log;
};

/* ---- reading ---- */

static void read_anew(struct screen_loop *loop)
{
    struct err err = ERR_NONE;
    struct source *source;
    struct top *top = &loop->top;
    loop->stamp = loop->opt->master ? 0 : query_stamp(loop->opt->db);
    int rc = source_open(loop->opt->db, loop->opt->master, &source, &err);
    if (!rc) {
        source_hurry(source, ANSWER_MS);
        rc = top_load(top, source, clock_wall_ms(), &err);
        source_free(source);
    }
    snprintf(top->away, sizeof top->away, "%s", rc ? err.text : "");
    top_log_ask(&loop->log, top, loop->opt->keys);
    top->master_here = loop->opt->master ? !rc : master_there(loop->opt->db);
    loop->read_ms = clock_mono_ms();
}

static bool is_due(const struct screen_loop *loop)
{
    int64_t ms = clock_mono_ms() - loop->read_ms;
    bool changed = loop->opt->master || query_stamp(loop->opt->db) != loop->stamp;
    return ms >= READ_MOST_MS || (changed && ms >= READ_LEAST_MS);
}

/* ---- drawing ---- */

static void draw(const struct top *top)
{
    struct sheet sheet;
    int rows, cols;
    screen_size(&rows, &cols);
    sheet_init(&sheet, rows, cols, screen_is_ascii());
    if (top->mode == TOP_TRIAL)
        top_trial_sheet(top, &sheet);
    else
        top_sheet(top, &sheet);
    screen_show(&sheet);
    sheet_fini(&sheet);
}

/* ---- doing ---- */

/* One of our commands does it: a master may take its time to answer, and the screen goes on. */
static void begin(struct screen_loop *loop, const char *verb, const char *done)
{
    struct err err = ERR_NONE;
    struct top *top = &loop->top;
    const struct opt_top *opt = loop->opt;
    if (loop->errand) {
        snprintf(top->message, sizeof top->message, "not yet, it is still %s", top->awaited);
        return;
    }
    bool of_trial = strcmp(verb, "cancel") == 0;
    snprintf(loop->object, sizeof loop->object, of_trial ? "%s/%u" : "%s", top->study, top->trial);
    const char *argv[] = {"hone",
                          verb,
                          loop->object,
                          opt->master ? "--master" : "--db",
                          opt->master ? opt->master : opt->db,
                          opt->keys ? "--keys" : NULL,
                          opt->keys,
                          NULL};
    loop->done = done;
    loop->failed = 0;
    if (errand_start(argv, &loop->errand, &err))
        snprintf(top->message, sizeof top->message, "%s", err.text);
    else
        snprintf(top->awaited, sizeof top->awaited, "asking the master to %s %s ...", verb, loop->object);
}

/* True: what was asked for is over, and its message there. */
static bool finish(struct screen_loop *loop, int wait_ms)
{
    struct err err = ERR_NONE;
    struct top *top = &loop->top;
    if (!loop->errand || !errand_ended(loop->errand, wait_ms, &err))
        return false;
    errand_free(loop->errand);
    loop->errand = NULL;
    top->awaited[0] = '\0';
    if (err.code)
        snprintf(top->message, sizeof top->message, "%s", err.text);
    else
        snprintf(top->message, sizeof top->message, "%s: %s", loop->object, loop->done);
    loop->failed = err.code;
    return true;
}

/* False: the person wants to go. */
static bool act(struct screen_loop *loop, enum top_act what)
{
    switch (what) {
    case TOP_NOTHING: return true;
    case TOP_QUIT: return false;
    case TOP_PAUSE: begin(loop, "pause", "trials end their epoch and wait"); return true;
    case TOP_RESUME: begin(loop, "resume", "goes on"); return true;
    case TOP_CANCEL: begin(loop, "cancel", "cancelled"); return true;
    case TOP_LOAD: break;
    }
    read_anew(loop);
    return true;
}

/* What is logged here would stand across the screen. */
static void on_log(const char *line, void *arg)
{
    struct top *top = arg;
    snprintf(top->message, sizeof top->message, "%s", line);
}

static void run(struct screen_loop *loop)
{
    bool goes_on = true;
    log_divert(on_log, &loop->top);
    while (goes_on && !signals_count()) {
        if (finish(loop, 0) || is_due(loop))
            read_anew(loop);
        top_log_take(&loop->log, &loop->top);
        draw(&loop->top);
        goes_on = act(
            loop, top_key(&loop->top, screen_key(loop->errand || loop->log.errand ? LOOK_SOON_MS : LOOK_MS)));
    }
    log_divert(NULL, NULL);
}

/* Who presses p and q wants to know that it was done. ^C: not that much. */
static int wait_for_errand(struct screen_loop *loop)
{
    if (!loop->errand)
        return 0;
    fprintf(stderr, "hone top: %s\n", loop->top.awaited);
    while (!signals_count() && !finish(loop, -1))
        ;
    if (!loop->errand)
        fprintf(stderr, "hone top: %s\n", loop->top.message);
    errand_free(loop->errand);
    return loop->failed;
}

/* ---- beginning ---- */

static int utc_offset(void)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm local;
    return localtime_r(&now, &local) ? (int)local.tm_gmtoff : 0;
}

int cmd_top(const struct opt_top *opt)
{
    struct err err = ERR_NONE;
    struct screen_loop loop = {.opt = opt};
    struct source *source = NULL;
    int rc = source_open(opt->db, opt->master, &source,
                         &err); // a name that is wrong is told before the screen is taken
    source_free(source);
    if (rc)
        return command_fail("top", &err);
    snprintf(loop.top.place, sizeof loop.top.place, "%s", opt->master ? opt->master : opt->db);
    loop.top.db = opt->db;
    loop.top.master = opt->master;
    loop.top.utc_offset_s = utc_offset();
    loop.top.may_change = master_may_change(opt->db, opt->master);
    signals_catch();
    rc = screen_open(&err);
    if (!rc)
        run(&loop);
    screen_close();
    int failed = wait_for_errand(&loop);
    top_log_fini(&loop.log);
    top_fini(&loop.top);
    if (rc)
        return command_fail("top", &err);
    return signals_status() ? signals_status() : err_exit_status(failed);
}
