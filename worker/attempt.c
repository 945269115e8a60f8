#include "worker/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "common/check_result.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/log.h"

enum {
    DETAIL_MAX = 4000,
    QUOTE_MAX = 200,
    LOG_MOST = 64 << 20 /* bytes, unless the worker's user says otherwise */
};

/* ---- folder, log, resume ---- */

static void open_log(struct attempt *attempt)
{
    const struct json *most = json_get(json_get(attempt->job, "may"), "log");
    char *path = path_join(attempt->dir, "log");
    log_file_open(&attempt->log, path, most ? (int64_t)json_num(most) : LOG_MOST, NULL);
    free(path);
}

/* A log that cannot be written must not stop a training; the tail still has its last lines. */
void attempt_print(struct attempt *attempt, const void *bytes, size_t len)
{
    tail_add(&attempt->tail, bytes, len);
    if (!attempt->log.path)
        open_log(attempt);
    log_file_write(&attempt->log, bytes, len);
}

void attempt_note(struct attempt *attempt, const char *text)
{
    struct str line = {0};
    str_add(&line, "hone: ");
    text_clean(text, strlen(text), DETAIL_MAX, &line);
    str_addc(&line, '\n');
    attempt_print(attempt, line.text, line.len);
    str_fini(&line);
}

/* Opening a pipe or device would wait for somebody, and a slot that waits cannot see its worker die; a link
 * could name any file of this host. */
static int hash_regular(const char *path, char hash[HASH_HEX], int64_t *bytes, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return err_set(err, ERR_IO, "%.300s: is not a regular file", path);
    return hash_file(path, hash, bytes, err);
}

/* 0 if the file is the one that the master's row describes. */
static int check_resume(const struct json *resume, struct err *err)
{
    const char *path = json_text(json_get(resume, "path")), *want = json_text(json_get(resume, "hash"));
    const struct json *bytes = json_get(resume, "bytes");
    char hash[HASH_HEX];
    int64_t size;
    if (!path[0])
        return err_set(err, ERR_BAD, "the checkpoint has no path");
    if (hash_regular(path, hash, &size, err))
        return ERR_IO;
    if (bytes && (double)size != json_num(bytes))
        return err_set(err, ERR_BAD, "%.300s: has %lld bytes, not %.0f", path, (long long)size,
                       json_num(bytes));
    if (want[0] && strcmp(want, hash))
        return err_set(err, ERR_BAD, "%.300s: has the hash %s, not %.40s", path, hash, want);
    return 0;
}

static void take_resume(struct attempt *attempt)
{
    const struct json *resume = json_get(attempt->job, "resume");
    struct err why = ERR_NONE;
    if (!resume)
        return;
    if (!check_resume(resume, &why)) {
        attempt->epoch = (uint64_t)json_num(json_get(resume, "epoch"));
        return;
    }
    struct str text = {0};
    str_addf(&text, "cannot go on from epoch %.0f, starting over: %s", json_num(json_get(resume, "epoch")),
             why.text);
    attempt_note(attempt, text.text);
    log_warn("%s trial %.0f: %s", json_text(json_get(attempt->job, "study")),
             json_num(json_get(attempt->job, "trial")), text.text);
    str_fini(&text);
    json_free(json_take(attempt->job, "resume"));
}

int attempt_open(struct attempt *attempt, struct json *job, int64_t now_ms, struct err *err)
{
    *attempt = (struct attempt){.job = job, .log.fd = -1, .mark_ms = now_ms};
    attempt->dir = json_text(json_get(job, "dir"));
    attempt->shown = json_text(json_get(job, "shown"));
    attempt->metric = json_text(json_get(job, "metric"));
    attempt->until = (uint64_t)json_num(json_get(job, "until"));
    attempt->is_check = json_bool(json_get(job, "check"));
    if (dir_make(attempt->dir, err))
        return err_prefix(err, "the attempt's folder: ");
    take_resume(attempt);
    return 0;
}

void attempt_close(struct attempt *attempt)
{
    log_file_close(&attempt->log);
    json_free(attempt->job);
    str_fini(&attempt->detail);
    str_fini(&attempt->others);
    *attempt = (struct attempt){.log.fd = -1};
}

int attempt_job_line(const struct attempt *attempt, struct str *out, struct err *err)
{
    static const char *const keys[] = {"study",  "trial",  "attempt", "params", "seed",   "until",
                                       "epochs", "metric", "dir",     "base",   "trainer"};
    const struct json *resume = json_get(attempt->job, "resume");
    struct jw w = jw_to(out);
    jw_object(&w, NULL);
    jw_object(&w, attempt->is_check ? "check" : "job");
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        jw_node(&w, keys[i], json_get(attempt->job, keys[i]));
    if (resume) {
        jw_object(&w, "resume");
        jw_text(&w, "path", json_text(json_get(resume, "path")));
        jw_num(&w, "epoch", json_num(json_get(resume, "epoch")));
        jw_close_object(&w);
    }
    jw_close_object(&w);
    jw_close_object(&w);
    if (out->len > TRAINER_LINE_MAX)
        return err_set(err, ERR_BAD, "the job takes %zu bytes: more than the %d of a trainer's line",
                       out->len, TRAINER_LINE_MAX);
    return 0;
}

/* ---- reports ---- */

static int check_epoch(const struct attempt *attempt, uint64_t epoch, struct err *err)
{
    if (epoch != attempt->epoch + 1)
        return err_set(err, ERR_PROTO, "reported epoch %llu where %llu comes next", (unsigned long long)epoch,
                       (unsigned long long)attempt->epoch + 1);
    if (epoch > attempt->until)
        return err_set(err, ERR_PROTO, "reported epoch %llu, but its job ends after %llu",
                       (unsigned long long)epoch, (unsigned long long)attempt->until);
    return 0;
}

/* The trainer has synced the file and this folder; the folders above it are ours. They are the attempt's, the
 * trial's and perhaps the study's first entry, made by us moments ago. */
static void sync_folders(struct attempt *attempt)
{
    char *folder = path_dir(attempt->dir);
    for (int up = 0; up < 2 && !attempt->synced; up++) {
        struct err why = ERR_NONE;
        if (dir_sync(folder, &why))
            log_warn("%s", why.text);
        char *above = path_dir(folder);
        free(folder);
        folder = above;
    }
    free(folder);
    attempt->synced = true;
}

/* A trainer may have gone on and removed an older checkpoint by the time we look: the report counts, the
 * checkpoint does not. One that never leaves any is told so in its log. */
static void note_missing_checkpoint(struct attempt *attempt, const char *path)
{
    struct str text = {0};
    if (!attempt->synced) {
        str_addf(&text, "there is no checkpoint %s; nothing can resume from it", path);
        attempt_note(attempt, text.text);
    }
    str_fini(&text);
}

static int write_checkpoint(struct attempt *attempt, const char *name, struct jw *w, struct err *err)
{
    char hash[HASH_HEX];
    int64_t bytes;
    char *path = path_join(attempt->dir, name), *shown = path_join(attempt->shown, name);
    int rc = hash_regular(path, hash, &bytes, err);
    if (rc && !file_exists(path)) {
        note_missing_checkpoint(attempt, path);
        rc = 0;
    } else if (rc) {
        err_prefix(err, "the checkpoint it reported: ");
    } else {
        sync_folders(attempt);
        jw_object(w, "checkpoint");
        jw_text(w, "path", shown);
        jw_int(w, "bytes", bytes);
        jw_text(w, "hash", hash);
        jw_close_object(w);
    }
    free(path);
    free(shown);
    return rc;
}

static void note_others(struct attempt *attempt, const struct json *report)
{
    enum { MOST = 200 };
    str_clear(&attempt->others);
    for (const struct json *m = json_first(report); m && attempt->others.len < MOST; m = json_next(m))
        if (trainer_key_is_metric(json_key(m)))
            str_addf(&attempt->others, "%s%s", attempt->others.len ? ", " : "", json_key(m));
}

/* A study may be ranked by what an epoch takes, and a trainer need not know that. */
static void write_metrics(struct attempt *attempt, const struct json *report, double seconds, struct jw *w)
{
    bool is_said = json_get(report, attempt->metric) != NULL,
         is_measured = !is_said && strcmp(attempt->metric, "seconds") == 0;
    if (!is_said)
        note_others(attempt, report);
    jw_object(w, "metrics");
    if (is_measured)
        jw_num(w, "seconds", seconds);
    attempt->has_metric = attempt->has_metric || is_measured;
    for (const struct json *m = json_first(report); m; m = json_next(m)) {
        if (!trainer_key_is_metric(json_key(m)))
            continue;
        jw_node(w, json_key(m), m);
        if (strcmp(json_key(m), attempt->metric) == 0)
            attempt->has_metric = true;
    }
    jw_close_object(w);
}

int attempt_report(struct attempt *attempt, const struct trainer_line *line, int64_t now_ms, struct str *out,
                   struct err *err)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    if (check_epoch(attempt, line->epoch, err))
        return ERR_PROTO;
    jw_object(&w, NULL);
    jw_int(&w, "epoch", (int64_t)line->epoch);
    double seconds = (double)(now_ms - attempt->mark_ms) / 1000;
    jw_num(&w, "seconds", seconds);
    if (line->checkpoint && write_checkpoint(attempt, line->checkpoint, &w, err)) {
        str_fini(&text);
        return ERR_PROTO;
    }
    write_metrics(attempt, line->tree, seconds, &w);
    if (line->findings)
        jw_node(&w, "findings", line->findings);
    jw_close_object(&w);
    str_addn(out, text.text, text.len);
    str_addc(out, '\n');
    str_fini(&text);
    attempt->epoch = line->epoch;
    attempt->mark_ms = now_ms;
    return 0;
}

int attempt_result(const struct attempt *attempt, const struct trainer_line *line, struct str *out,
                   struct err *err)
{
    struct check_result result;
    struct jw w = jw_to(out);
    if (!attempt->is_check)
        return err_set(err, ERR_PROTO, "a result of a check, and nobody asked for checks");
    if (!check_result_read(json_get(line->tree, "check"), &result))
        return err_set(err, ERR_PROTO, "a result of a check has a gate, a name and a verdict");
    jw_object(&w, NULL);
    check_result_write(&result, &w, "check");
    jw_close_object(&w);
    str_addc(out, '\n');
    return 0;
}

/* ---- the end ---- */

void attempt_fail(struct attempt *attempt, const char *cause, const char *detail)
{
    if (attempt->cause)
        return;
    attempt->cause = cause;
    text_clean(detail, strlen(detail), DETAIL_MAX / 2, &attempt->detail);
}

void attempt_fail_line(struct attempt *attempt, const char *line, size_t len, const struct err *why)
{
    struct str text = {0};
    str_addf(&text, "%s\n", why->text);
    if (why->hint[0])
        str_addf(&text, "(%s)\n", why->hint);
    str_add(&text, "the line: ");
    text_clean(line, len, QUOTE_MAX, &text);
    if (len > QUOTE_MAX)
        str_add(&text, " ...");
    attempt_note(attempt, text.text);
    attempt_fail(attempt, "protocol", text.text);
    str_fini(&text);
}

static void write_end(struct attempt *attempt, const char *outcome, const char *cause, const char *detail,
                      struct str *out)
{
    struct jw w = jw_to(out);
    jw_object(&w, NULL);
    jw_object(&w, "end");
    jw_int(&w, "epoch", (int64_t)attempt->epoch);
    jw_text(&w, "outcome", outcome);
    if (cause)
        jw_text(&w, "cause", cause);
    if (detail)
        jw_text(&w, "detail", detail);
    jw_close_object(&w);
    jw_close_object(&w);
    str_addc(out, '\n');
}

/* The failure's own sentence and the last lines of the log: usually all that people need. */
static void write_failed(struct attempt *attempt, const char *cause, const char *sentence, struct str *out)
{
    struct str detail = {0};
    str_add(&detail, sentence);
    /* A note of ours is in the log already. */
    if (attempt->tail.count && strcmp(cause, "protocol") != 0) {
        str_addc(&detail, '\n');
        tail_text(&attempt->tail, DETAIL_MAX - detail.len, &detail);
    }
    write_end(attempt, "failed", cause, str_text(&detail), out);
    str_fini(&detail);
}

/* What was asked for goes before what came of it: a trainer that was told to end now may end anyhow. One that
 * has reported its last epoch is through, whatever it was told after that. */
static bool ended_as_told(struct attempt *attempt, struct str *out)
{
    if (attempt->stop < STOP_NOW)
        return false;
    bool through = attempt->has_metric && attempt->epoch >= attempt->until;
    const char *told = attempt->stop == STOP_PREEMPT ? "preempted" : "stopped";
    write_end(attempt, through ? "finished" : told, NULL, NULL, out);
    return true;
}

static void end_well(struct attempt *attempt, struct str *out)
{
    struct str sentence = {0};
    if (attempt->stop == STOP_EPOCH && attempt->epoch < attempt->until) {
        write_end(attempt, "stopped", NULL, NULL, out);
    } else if (!attempt->has_metric && !attempt->is_check) {
        str_addf(&sentence, "ended well, but no report held the metric \"%s\"%s%s", attempt->metric,
                 attempt->others.len ? ": they held " : "", str_text(&attempt->others));
        write_failed(attempt, "no_metric", sentence.text, out);
    } else {
        write_end(attempt, "finished", NULL, NULL, out);
    }
    str_fini(&sentence);
}

void attempt_end_done(struct attempt *attempt, struct str *out)
{
    if (ended_as_told(attempt, out))
        return;
    if (attempt->cause)
        write_failed(attempt, attempt->cause, str_text(&attempt->detail), out);
    else
        end_well(attempt, out);
}

void attempt_end_exit(struct attempt *attempt, int wait_status, bool out_of_memory, struct str *out)
{
    struct str sentence = {0};
    bool well = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
    if (well || attempt->cause || attempt->stop >= STOP_NOW) {
        attempt_end_done(attempt, out);
    } else if (WIFEXITED(wait_status)) {
        str_addf(&sentence, "exit status %d", WEXITSTATUS(wait_status));
        write_failed(attempt, "exit", sentence.text, out);
    } else {
        int number = WTERMSIG(wait_status);
        const char *name = sigabbrev_np(number);
        str_addf(&sentence, "signal %d%s%s%s", number, name ? " (SIG" : "", name ? name : "",
                 name ? ")" : "");
        bool memory = number == SIGKILL && out_of_memory;
        str_add(&sentence, memory ? ", out of memory: the system has killed for memory while it ran" : "");
        write_failed(attempt, memory ? "oom" : "signal", sentence.text, out);
    }
    str_fini(&sentence);
}
