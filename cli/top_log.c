/* The log of a trial's page in hone top, where it is not here and a master is asked: `hone logs` does it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/errand.h"
#include "cli/rows.h"
#include "cli/top.h"
#include "common/mem.h"

enum { ASK_LEAST_MS = 1000 };

static bool is_of_page(const struct top_log *log, const struct top *top)
{
    return log->trial == top->trial && strcmp(log->study, top->study) == 0 &&
           log->attempt == first_int(&top->head, "attempts");
}

static void show(struct top *top, char *text)
{
    free(top->log);
    top->log = text;
}

static void turn_to_page(struct top_log *log, struct top *top)
{
    top_log_fini(log);
    show(top, NULL);
    str_copy(log->study, sizeof log->study, top->study);
    log->trial = top->trial;
    log->attempt = first_int(&top->head, "attempts");
    top->log_awaited = log->attempt > 0;
}

static void ask(struct top_log *log, const struct top *top, const char *keys)
{
    char trial[TOP_NAME + 16], attempt[24], lines[24];
    snprintf(trial, sizeof trial, "%s/%u", log->study, log->trial);
    snprintf(attempt, sizeof attempt, "%lld", (long long)log->attempt);
    snprintf(lines, sizeof lines, "%d", TOP_LOG_LINES);
    const char *argv[] = {"hone",
                          "logs",
                          trial,
                          "--attempt",
                          attempt,
                          "-n",
                          lines,
                          top->master ? "--master" : "--db",
                          top->master ? top->master : top->db,
                          keys ? "--keys" : NULL,
                          keys,
                          NULL};
    errand_ask(argv, &log->errand, NULL); // where that fails the next read asks again
}

void top_log_ask(struct top_log *log, struct top *top, const char *keys)
{
    if (top->mode != TOP_TRIAL || !top->head.count)
        return;
    if (top->log_here) {
        top_log_fini(log);
        return;
    }
    if (!is_of_page(log, top))
        turn_to_page(log, top);
    if (log->errand || !log->attempt || top->read_ms - log->asked_ms < ASK_LEAST_MS)
        return;
    log->asked_ms = top->read_ms;
    ask(log, top, keys);
}

void top_log_take(struct top_log *log, struct top *top)
{
    struct err err = ERR_NONE;
    if (!log->errand || !errand_ended(log->errand, 0, &err))
        return;
    const char *said = errand_said(log->errand),
               *brk = strchr(said, '\n'); // which attempt it is of, then the log
    if (!err.code) {
        show(top, brk && brk[1] ? xstrdup(brk + 1) : NULL);
        top->log_awaited = false;
    }
    errand_free(log->errand);
    log->errand = NULL;
}

void top_log_fini(struct top_log *log)
{
    errand_drop(log->errand);
    *log = (struct top_log){0};
}
