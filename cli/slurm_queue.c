#include "cli/slurm_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/str.h"

enum { PROGRAM_MS = 60000, OUTPUT_MAX = 1 << 22, ARGUMENTS_MAX = 200 };

#define WORD(text) ((char *)(uintptr_t)(text)) // argv is not const for reasons of history

/* ---- running a program ---- */

static int start(char *const *argv, int to, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, to, 1);
    posix_spawn_file_actions_adddup2(&files, to, 2);
    int failed = posix_spawnp(pid, argv[0], &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    return failed;
}

/* What it says until it ends; false: it takes too long. */
static bool read_all(int from, struct str *out)
{
    int64_t until = clock_mono_ms() + PROGRAM_MS;
    char chunk[4096];
    for (;;) {
        struct pollfd ready = {.fd = from, .events = POLLIN};
        int64_t left = until - clock_mono_ms();
        int rc = left > 0 ? poll(&ready, 1, (int)left) : 0;
        if (rc == 0)
            return false;
        ssize_t got = rc > 0 ? read(from, chunk, sizeof chunk) : -1;
        if (got == 0)
            return true;
        if (got < 0 && errno != EINTR)
            return true;
        if (got > 0 && out->len < OUTPUT_MAX)
            str_addn(out, chunk, (size_t)got);
    }
}

static void trim(struct str *text)
{
    while (text->len && (text->text[text->len - 1] == '\n' || text->text[text->len - 1] == ' '))
        text->text[--text->len] = '\0';
}

/* Status 0, or the last of what it said as the error. */
static int run(char *const *argv, struct str *out, struct err *err)
{
    int ends[2], status = 0;
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC))
        return err_errno(err, "no pipe");
    int failed = start(argv, ends[1], &pid);
    close(ends[1]);
    bool in_time = !failed && read_all(ends[0], out);
    close(ends[0]);
    if (failed) {
        err_set(err, ERR_IO, "%s cannot be started: %s", argv[0], strerror(failed));
        return err_hint(err, "hone slurm runs where sbatch, squeue and scancel are: on a login node");
    }
    if (!in_time)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    trim(out);
    if (!in_time)
        return err_set(err, ERR_IO, "%s has not answered for a minute", argv[0]);
    if (status)
        return err_set(err, ERR_IO, "%s: %.500s", argv[0],
                       out->len ? out->text : "it failed and said nothing");
    return 0;
}

/* ---- the jobs ---- */

static struct slurm_job *job_of(struct slurm_queue *queue, int64_t id)
{
    for (size_t i = 0; i < queue->count; i++)
        if (queue->jobs[i].id == id)
            return &queue->jobs[i];
    return NULL;
}

static struct slurm_job *job_add(struct slurm_queue *queue, int64_t id)
{
    GROW(queue->jobs, queue->room, queue->count + 1);
    queue->jobs[queue->count] = (struct slurm_job){.id = id, .seen = true};
    return &queue->jobs[queue->count++];
}

static enum slurm_state state_of(const char *word)
{
    static const struct {
        const char *words;
        enum slurm_state state;
    } known[] = {{" PD RQ RF RH SE ", SLURM_WAITS},
                 {" CF R CG S ST SO SI RS ", SLURM_RUNS},
                 {" CD ", SLURM_ENDED},
                 {" CA TO PR DL RV ", SLURM_STOPPED}};
    char padded[24];
    snprintf(padded, sizeof padded, " %.20s ", word);
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strstr(known[i].words, padded))
            return known[i].state;
    return SLURM_FAILED; /* F NF OOM BF LF */
}

/* "1-02:03:04", "03:04", "INVALID" */
static int64_t seconds_of(const char *text)
{
    int64_t days = 0, seconds = 0;
    for (; *text >= '0' && *text <= '9';) {
        char *end;
        int64_t part = strtoll(text, &end, 10);
        if (*end == '-')
            days = part;
        else
            seconds = seconds * 60 + part;
        text = *end == '-' || *end == ':' ? end + 1 : end;
    }
    return days * 86400 + seconds;
}

bool slurm_queue_line(struct slurm_queue *queue, const char *line)
{
    char state[16], ran[32];
    long long id;
    if (sscanf(line, "%lld|%15[A-Z]|%31s", &id, state, ran) != 3 || id <= 0)
        return false;
    struct slurm_job *job = job_of(queue, id);
    bool is_new = !job;
    if (is_new)
        job = job_add(queue, id);
    job->state = state_of(state);
    job->ran_s = seconds_of(ran);
    job->seen = true;
    if (is_new) /* of the one before us, and over: that was for it to count */
        job->counted = job->state > SLURM_RUNS;
    return true;
}

int slurm_queue_look(struct slurm_queue *queue, struct err *err)
{
    struct str out = {0};
    char *name = xasprintf("--name=%s", queue->name);
    char *const argv[] = {WORD("squeue"),       WORD("--noheader"),        WORD("--me"), name,
                          WORD("--states=all"), WORD("--format=%i|%t|%M"), NULL};
    int rc = run(argv, &out, err);
    free(name);
    for (size_t i = 0; i < queue->count && !rc; i++)
        queue->jobs[i].seen = false;
    for (const char *line = str_text(&out); !rc && *line; line += strcspn(line, "\n"), line += *line == '\n')
        slurm_queue_line(queue, line);
    for (size_t i = 0; i < queue->count && !rc; i++)
        if (!queue->jobs[i].seen && queue->jobs[i].state <= SLURM_RUNS)
            queue->jobs[i].state = queue->jobs[i].joined ? SLURM_ENDED : SLURM_FAILED;
    str_fini(&out);
    return rc;
}

int slurm_queue_submit(struct slurm_queue *queue, const char *const *options, const char *script, int64_t *id,
                       struct err *err)
{
    struct str out = {0};
    char *name = xasprintf("--job-name=%s", queue->name);
    char *argv[ARGUMENTS_MAX] = {WORD("sbatch"), WORD("--parsable"), name,
                                 WORD("--output=hone-worker-%j.log"), WORD("--signal=TERM@120")};
    size_t n = 5;
    for (; options && *options && n < ARGUMENTS_MAX - 3; options++)
        argv[n++] = WORD(*options);
    argv[n++] = WORD("--wrap");
    argv[n++] = WORD(script);
    int rc = run(argv, &out, err);
    const char *last = strrchr(str_text(&out), '\n'); /* warnings come first */
    *id = strtoll(last ? last + 1 : str_text(&out), NULL, 10);
    if (!rc && *id <= 0)
        rc = err_set(err, ERR_IO, "sbatch says no number of a job: %.300s", str_text(&out));
    if (!rc && !job_of(queue, *id))
        job_add(queue, *id)->state = SLURM_WAITS;
    free(name);
    str_fini(&out);
    return rc;
}

int slurm_queue_cancel(struct slurm_queue *queue, bool only_waiting, int *count, struct err *err)
{
    struct str out = {0};
    char *name = xasprintf("--name=%s", queue->name);
    char *const argv[] = {WORD("scancel"),
                          WORD("--quiet"),
                          WORD("--me"),
                          name,
                          only_waiting ? WORD("--state=PENDING") : NULL,
                          NULL};
    *count = 0;
    for (size_t i = 0; i < queue->count; i++)
        *count +=
            queue->jobs[i].state == SLURM_WAITS || (!only_waiting && queue->jobs[i].state == SLURM_RUNS);
    int rc = *count ? run(argv, &out, err) : 0;
    free(name);
    str_fini(&out);
    return rc;
}

void slurm_queue_fini(struct slurm_queue *queue)
{
    free(queue->jobs);
    *queue = (struct slurm_queue){0};
}

bool slurm_is_of_job(const char *worker, int64_t job)
{
    char part[32];
    snprintf(part, sizeof part, "-%lld", (long long)job);
    for (const char *at = strstr(worker, part); at; at = strstr(at + 1, part))
        if (!at[strlen(part)] || at[strlen(part)] == '.')
            return true;
    return false;
}
