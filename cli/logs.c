/* hone logs: what the attempts of a trial, or a worker, have printed. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/log_tail.h"
#include "cli/rows.h"
#include "cli/select.h"
#include "cli/signals.h"
#include "cli/source.h"
#include "common/mem.h"
#include "common/trial_status.h"
#include "worker/tail.h"

enum { LOOK_MS = 200 };

struct logs {
    const struct opt_logs *opt;
    struct source *source;
    char *study;
    uint32_t trial;
    struct rows head, attempts;
    struct log_tail tail; /* of the attempt that was printed last */
    int64_t attempt;      /* 0: none yet */
    bool any;             /* a line was printed */
    const char *worker;   /* whose own log it is; NULL: a trial's */
    struct str begun;     /* with --json: a line of which the end has not come */
};

/* {"study": "mnist", "trial": 17, "attempt": 1, "line": "epoch 3"} */
static void print_line(const struct logs *logs, const char *line)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_object(&w, NULL);
    if (logs->worker) {
        jw_text(&w, "worker", logs->worker);
    } else {
        jw_text(&w, "study", logs->study);
        jw_int(&w, "trial", logs->trial);
        jw_int(&w, "attempt", logs->attempt);
    }
    jw_text(&w, "line", line);
    jw_close_object(&w);
    puts(str_text(&text));
    str_fini(&text);
}

static void end_line(struct logs *logs)
{
    if (logs->begun.len)
        print_line(logs, str_text(&logs->begun));
    str_clear(&logs->begun);
}

static void print_lines(struct logs *logs, const struct str *text)
{
    for (size_t i = 0; i < text->len; i++) {
        if (text->text[i] != '\n') {
            str_addc(&logs->begun,
                     text->text[i] ? text->text[i] : ' '); /* JSON has no NUL that is a text here */
            continue;
        }
        print_line(logs, str_text(&logs->begun));
        str_clear(&logs->begun);
    }
    fflush(stdout);
}

/* What a trainer prints is not trusted with a terminal; a file or a pipe gets every byte. */
static void print(struct logs *logs, const struct str *text)
{
    struct str clean = {0};
    bool live = isatty(STDOUT_FILENO);
    if (logs->opt->json) {
        print_lines(logs, text);
        return;
    }
    if (live)
        text_clean(str_text(text), text->len, SIZE_MAX, &clean);
    fwrite(live ? str_text(&clean) : str_text(text), 1, live ? clean.len : text->len, stdout);
    fflush(stdout);
    str_fini(&clean);
}

/* ---- a trial's attempts ---- */

static int load(struct logs *logs, struct err *err)
{
    struct bind binds[] = {BIND_TEXT(":study", logs->study), BIND_INT(":trial", logs->trial)};
    rows_fini(&logs->head);
    rows_fini(&logs->attempts);
    int rc = source_run(logs->source, "trial_head", binds, 2, &logs->head, err);
    return rc ? rc : source_run(logs->source, "trial_attempts", binds, 2, &logs->attempts, err);
}

/* "==> mnist/17, attempt 1 on w1 (node1), lost <==", as tail writes it over several files. */
static void print_header(struct logs *logs, size_t row)
{
    const char *outcome = cell_text(rows_named(&logs->attempts, row, "outcome"));
    if (logs->opt->json)
        return; /* each line says whose it is */
    printf("%s==> %s/%u, attempt %lld on %s (%s)%s%s <==\n", logs->any ? "\n" : "", logs->study, logs->trial,
           (long long)logs->attempt, cell_text(rows_named(&logs->attempts, row, "worker")),
           cell_text(rows_named(&logs->attempts, row, "host")), *outcome ? ", " : "", outcome);
    logs->any = true;
}

/* A log that is not here: what came with the attempt's end is all there is to show. */
static void print_elsewhere(struct logs *logs, size_t row)
{
    const char *detail = cell_text(rows_named(&logs->attempts, row, "detail"));
    struct str text = {0};
    str_addf(&text, "%s%s", detail, *detail && detail[strlen(detail) - 1] != '\n' ? "\n" : "");
    print(logs, &text);
    fflush(stdout);
    if (rows_named(&logs->attempts, row, "outcome")->kind != CELL_NULL || !logs->opt->follow)
        fprintf(stderr, "%s is not here: nothing was printed, or it is with a worker who has gone%s\n",
                logs->tail.path, *detail ? "; these are the last lines that it sent" : "");
    str_fini(&text);
}

static void print_attempt(struct logs *logs, size_t row)
{
    struct str text = {0};
    end_line(logs);
    logs->attempt = cell_int(rows_named(&logs->attempts, row, "attempt"));
    log_tail_close(&logs->tail);
    log_tail_attempt(&logs->tail, logs->opt->db, logs->opt->master, logs->study, logs->trial, logs->attempt);
    logs->tail.db = logs->opt->db;
    print_header(logs, row);
    if (log_tail_last(&logs->tail, logs->opt->count, &text))
        print(logs, &text);
    else
        print_elsewhere(logs, row);
    str_fini(&text);
}

/* Those not printed yet. */
static int print_attempts(struct logs *logs, struct err *err)
{
    bool found = false;
    for (size_t row = 0; row < logs->attempts.count; row++) {
        int64_t attempt = cell_int(rows_named(&logs->attempts, row, "attempt"));
        bool is_meant = logs->opt->attempt < 0 || attempt == logs->opt->attempt;
        found = found || is_meant;
        if (is_meant && attempt > logs->attempt)
            print_attempt(logs, row);
    }
    if (found || logs->opt->follow)
        return 0;
    if (!logs->attempts.count)
        return err_set(err, ERR_NO, "%s/%u is %s: it has not run yet", logs->study, logs->trial,
                       first_text(&logs->head, "status"));
    return err_set(err, ERR_GONE, "%s/%u has no attempt %lld; it has %zu", logs->study, logs->trial,
                   (long long)logs->opt->attempt, logs->attempts.count);
}

/* ---- following ---- */

static void print_more(struct logs *logs)
{
    struct str text = {0};
    log_tail_more(&logs->tail, &text);
    print(logs, &text);
    str_fini(&text);
}

/* No further line will come: the trial is through, or the attempt that was asked for. */
static bool is_over(const struct logs *logs)
{
    enum trial_status status;
    for (size_t row = 0; logs->opt->attempt > 0 && row < logs->attempts.count; row++)
        if (cell_int(rows_named(&logs->attempts, row, "attempt")) == logs->opt->attempt)
            return rows_named(&logs->attempts, row, "outcome")->kind != CELL_NULL;
    return trial_status_parse(first_text(&logs->head, "status"), &status) && trial_status_is_final(status);
}

/* What an attempt printed last stands in its file before its end stands in the database: read once more when that has come. */
static int follow(struct logs *logs, struct err *err)
{
    bool over = is_over(logs);
    while (!signals_count()) {
        if (logs->attempt)
            print_more(logs);
        if (over)
            return 0;
        poll(NULL, 0, LOOK_MS);
        int rc = load(logs, err);
        if (rc == ERR_REACH)
            continue; // a master that is away comes back
        if (rc)
            return rc;
        if (logs->attempt)
            print_more(logs);
        print_attempts(logs, err);
        over = is_over(logs);
    }
    return 0;
}

static int show_trial(struct logs *logs, struct err *err)
{
    int rc = load(logs, err);
    if (!rc)
        rc = print_attempts(logs, err);
    return rc || !logs->opt->follow ? rc : follow(logs, err);
}

/* ---- a worker ---- */

static int show_worker(struct logs *logs, struct err *err)
{
    const struct opt_logs *opt = logs->opt;
    struct str text = {0};
    log_tail_worker(&logs->tail, opt->db, opt->master, logs->worker);
    bool is_here = name_ok(logs->worker) && log_tail_last(&logs->tail, opt->count, &text);
    print(logs, &text);
    while (is_here && opt->follow && !signals_count()) {
        poll(NULL, 0, LOOK_MS);
        print_more(logs);
    }
    if (!is_here) {
        err_set(err, ERR_GONE, "there is no trial \"%.64s\", and no log of a worker of that name",
                logs->worker);
        err_hint(err, "a worker that hone run did not start logs to its own standard error, or --log-file");
    }
    str_fini(&text);
    return is_here ? 0 : ERR_GONE;
}

/* ---- which ---- */

static bool is_trial(const char *word)
{
    struct selector selector;
    return !word || select_parse(word, &selector, NULL) == 0;
}

static int show(const struct opt_logs *opt, const char *word, struct err *err)
{
    struct logs logs = {.opt = opt, .worker = is_trial(word) ? NULL : word};
    int rc = logs.worker ? 0 : source_open(opt->db, opt->master, &logs.source, err);
    if (!rc && !logs.worker)
        rc = select_trial(logs.source, word, opt->study, &logs.study, &logs.trial, err);
    if (!rc)
        rc = logs.worker ? show_worker(&logs, err) : show_trial(&logs, err);
    end_line(&logs);
    str_fini(&logs.begun);
    log_tail_close(&logs.tail);
    rows_fini(&logs.head);
    rows_fini(&logs.attempts);
    free(logs.study);
    source_free(logs.source);
    return rc;
}

int cmd_logs(const struct opt_logs *opt)
{
    struct err err = ERR_NONE;
    if (opt->follow)
        signals_catch();
    int rc = show(opt, opt->args.count ? opt->args.items[0] : NULL, &err);
    return rc ? command_fail("logs", &err) : signals_status();
}
