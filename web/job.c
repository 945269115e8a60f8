#include "web/job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"

enum { RESULTS = 8, YOUNG_MS = 5000, YOUNG_TIMES = 10, RESULT_MAX = 8 << 20 };

struct result {
    char *study, *text;
    char version[64];
    struct err err; /* code 0: the text is it */
    int64_t began_ms, done_ms;
};

struct jobs {
    char *db;
    job_work *work;
    struct result results[RESULTS];
    struct result under_way; /* study NULL: nothing is */
    pid_t pid;               /* 0: it is to begin */
    int pipe;
    struct str read;
};

struct jobs *jobs_new(const char *db, job_work *work)
{
    struct jobs *jobs = xcalloc(1, sizeof *jobs);
    jobs->db = xstrdup(db);
    jobs->work = work;
    jobs->pipe = -1;
    return jobs;
}

static void result_fini(struct result *result)
{
    free(result->study);
    free(result->text);
    *result = (struct result){0};
}

/* ---- the child ---- */

static void write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len) {
        ssize_t wrote = write(fd, at, len);
        if (wrote <= 0 && errno != EINTR)
            return;
        at += wrote > 0 ? wrote : 0;
        len -= wrote > 0 ? (size_t)wrote : 0;
    }
}

/* The error first, then the text. */
static void work_in_child(const struct jobs *jobs, const char *study, int fd)
{
    struct err err = ERR_NONE;
    struct str out = {0};
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_IGN); // the terminal's: it is for the parent, which ends us
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fd, STDERR_FILENO + 1); // and nothing else: neither browsers' connections nor the database's files
    closefrom(STDERR_FILENO + 2);
    fd = STDERR_FILENO + 1;
    err.code = jobs->work(jobs->db, study, &out, &err);
    write_all(fd, &err, sizeof err);
    write_all(fd, str_text(&out), out.len);
    _exit(0);
}

static int start(struct jobs *jobs, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return err_errno(err, "pipe");
    jobs->pid = fork();
    if (jobs->pid == 0)
        work_in_child(jobs, jobs->under_way.study, ends[1]);
    close(ends[1]);
    if (jobs->pid < 0) {
        close(ends[0]);
        return err_errno(err, "cannot start a process");
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    jobs->pipe = ends[0];
    return 0;
}

/* ---- its result ---- */

static void stop(struct jobs *jobs)
{
    if (jobs->pid > 0) {
        kill(jobs->pid, SIGKILL);
        while (waitpid(jobs->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        close(jobs->pipe);
    }
    jobs->pid = 0;
    result_fini(&jobs->under_way);
    str_fini(&jobs->read);
}

static struct result *result_of(struct jobs *jobs, const char *study)
{
    for (int i = 0; i < RESULTS; i++)
        if (jobs->results[i].study && strcmp(jobs->results[i].study, study) == 0)
            return &jobs->results[i];
    return NULL;
}

static struct result *place_for(struct jobs *jobs, const char *study)
{
    struct result *place = result_of(jobs, study);
    for (int i = 0; i < RESULTS && !place; i++)
        if (!jobs->results[i].study)
            place = &jobs->results[i];
    for (int i = 0; i < RESULTS && !place; i++)
        if (jobs->results[i].done_ms <= jobs->results[0].done_ms)
            place = &jobs->results[i];
    return place;
}

static void keep(struct jobs *jobs, int64_t now_ms)
{
    struct result done = jobs->under_way;
    done.study = xstrdup(done.study);
    done.done_ms = now_ms;
    if (done.err.code) {
        done.text = NULL; // it did not even begin
    } else if (jobs->read.len < sizeof done.err) {
        err_set(&done.err, ERR_IO, "the process that computed it ended early");
    } else {
        memcpy(&done.err, jobs->read.text, sizeof done.err);
        done.text = xstrdup(jobs->read.text + sizeof done.err);
    }
    struct result *place = place_for(jobs, done.study);
    result_fini(place);
    *place = done;
}

/* Takes what the child has written; its end is the end of the pipe. */
static void take(struct jobs *jobs, int64_t now_ms)
{
    char bytes[16384];
    ssize_t got = 1;
    while (got > 0 && jobs->read.len < RESULT_MAX && (got = read(jobs->pipe, bytes, sizeof bytes)) > 0)
        str_addn(&jobs->read, bytes, (size_t)got);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    keep(jobs, now_ms);
    stop(jobs);
}

static bool is_young(const struct result *result, const char *version, int64_t now_ms)
{
    int64_t took = result->done_ms - result->began_ms;
    int64_t young = took * YOUNG_TIMES > YOUNG_MS ? took * YOUNG_TIMES : YOUNG_MS;
    return strcmp(result->version, version) == 0 || now_ms - result->done_ms < young;
}

int jobs_ask(struct jobs *jobs, const char *study, const char *version, int64_t now_ms, const char **out,
             struct err *err)
{
    if (jobs->pid)
        take(jobs, now_ms);
    struct result *result = result_of(jobs, study);
    if (result && is_young(result, version, now_ms)) {
        *out = result->text ? result->text : "";
        if (result->err.code)
            *err = result->err;
        return result->err.code;
    }
    if (!jobs->under_way.study) {
        jobs->under_way = (struct result){.study = xstrdup(study)};
        str_copy(jobs->under_way.version, sizeof jobs->under_way.version, version);
    }
    return err_set(err, ERR_BUSY, "it is being computed");
}

void jobs_begin(struct jobs *jobs, int64_t now_ms)
{
    if (!jobs || !jobs->under_way.study || jobs->pid)
        return;
    jobs->under_way.began_ms = now_ms;
    if (start(jobs, &jobs->under_way.err)) {
        jobs->pid = 0;
        keep(jobs, now_ms);
        stop(jobs);
    }
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    stop(jobs);
    for (int i = 0; i < RESULTS; i++)
        result_fini(&jobs->results[i]);
    str_fini(&jobs->read);
    free(jobs->db);
    free(jobs);
}
