#include "cli/children.h"

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

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"

enum {
    QUICK_MS = 3000,  /* a worker that lives shorter did not work at all */
    QUICK_DEATHS = 3, /* in a row, then it is given up */
    AGAIN_MS = 500,   /* before the next start */
    LEAVE_MS = 3000,  /* to leave by themselves when the master is done */
    TERM_MS = 12000,  /* after SIGTERM: longer than a slot's grace of 10 s */
    LOOK_MS = 20,
};

#define WORD(text) ((char *)(uintptr_t)(text)) // argv is not const for reasons of history

struct child {
    char name[16];
    pid_t pid; /* 0: not running */
    int64_t started_ms, again_ms;
    int quick_deaths;
    char *gpus; /* NULL: it finds out itself */
};

struct children {
    int count;
    struct child *list;
    char *address, *dir, *log_dir, slots[24], per_gpu[24];
    void (*died)(void *arg, int64_t pid);
    void *arg;
};

/* ---- starting ---- */

static void set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    sigaddset(&defaults, SIGHUP);
    posix_spawnattr_init(attr);
    posix_spawnattr_setpgroup(attr, 0);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setsigdefault(attr, &defaults);
    posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

/* The log is all it gets: descriptors of the database stay here. */
static void set_files(posix_spawn_file_actions_t *files, const char *log)
{
    posix_spawn_file_actions_init(files);
    posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    posix_spawn_file_actions_adddup2(files, 1, 2);
    posix_spawn_file_actions_addclosefrom_np(files, 3);
}

static void add_pair(char **argv, size_t *n, const char *name, const char *value)
{
    if (!value)
        return;
    argv[(*n)++] = WORD(name);
    argv[(*n)++] = WORD(value);
}

static int start(const struct children *c, struct child *child, int64_t mono_ms)
{
    char *log = xasprintf("%s/%s.log", c->log_dir, child->name);
    char *argv[20] = {WORD("hone"),   WORD("worker"), c->address,     WORD("--slots"), WORD(c->slots),
                      WORD("--idle"), WORD("60s"),    WORD("--name"), child->name};
    size_t n = 9;
    add_pair(argv, &n, "--dir", c->dir);
    add_pair(argv, &n, "--gpus", child->gpus);
    add_pair(argv, &n, "--slots-per-gpu", *c->per_gpu ? c->per_gpu : NULL);
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t files;
    set_attributes(&attr);
    set_files(&files, log);
    int rc = posix_spawn(&child->pid, "/proc/self/exe", &files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    free(log);
    child->started_ms = mono_ms;
    if (rc)
        child->pid = 0;
    return rc;
}

/* What the parent has found is not found again: with a plan that hands nothing out, its children do not either. */
static char *gpus_of(const struct children_options *options, int child)
{
    if (!options->gpus || (options->gpus->gpus && !gpu_plan_tells(options->gpus)))
        return NULL;
    int slots = (int)options->slots, first = (options->first - 1 + child) * slots;
    char *part = gpu_plan_part(options->gpus, first, slots);
    return part ? part : xstrdup("none");
}

int children_start(const struct children_options *options, int64_t mono_ms, struct children **out,
                   struct err *err)
{
    int rc = dir_make(options->log_dir, err);
    if (rc)
        return rc;
    struct children *c = xcalloc(1, sizeof *c);
    c->count = options->count;
    c->list = xcalloc((size_t)options->count + 1, sizeof *c->list);
    c->address = xstrdup(options->address);
    c->dir = options->dir ? xstrdup(options->dir) : NULL;
    c->log_dir = xstrdup(options->log_dir);
    c->died = options->died;
    c->arg = options->arg;
    snprintf(c->slots, sizeof c->slots, "%lld", (long long)options->slots);
    if (options->slots_per_gpu > 0)
        snprintf(c->per_gpu, sizeof c->per_gpu, "%lld", (long long)options->slots_per_gpu);
    *out = c;
    for (int i = 0; i < c->count; i++) {
        snprintf(c->list[i].name, sizeof c->list[i].name, "w%d", options->first + i);
        c->list[i].gpus = gpus_of(options, i);
        rc = start(c, &c->list[i], mono_ms);
        if (rc)
            return err_set(err, ERR_IO, "cannot start a worker: %s", strerror(rc));
    }
    return 0;
}

/* ---- watching ---- */

static void describe(int status, char out[64])
{
    if (WIFSIGNALED(status))
        snprintf(out, 64, "signal %d", WTERMSIG(status));
    else
        snprintf(out, 64, "status %d", WEXITSTATUS(status));
}

static void on_death(const struct children *c, struct child *child, int status, int64_t mono_ms)
{
    char how[64];
    child->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        child->again_ms = mono_ms + AGAIN_MS;
        return;
    }
    bool quick = mono_ms - child->started_ms < QUICK_MS;
    child->quick_deaths = quick ? child->quick_deaths + 1 : 0;
    child->again_ms = mono_ms + AGAIN_MS;
    describe(status, how);
    if (child->quick_deaths >= QUICK_DEATHS)
        log_error("worker %s died again (%s) and is given up; see %s/%s.log", child->name, how, c->log_dir,
                  child->name);
    else
        log_warn("worker %s died (%s); it is started again, its trials go on from their checkpoints",
                 child->name, how);
}

static void reap(const struct children *c, struct child *child, int64_t mono_ms)
{
    int status;
    pid_t pid = child->pid;
    if (!pid || waitpid(pid, &status, WNOHANG) != pid)
        return;
    on_death(c, child, status, mono_ms);
    if (c->died)
        c->died(c->arg, pid);
}

int children_tend(struct children *c, bool again, int64_t mono_ms, struct err *err)
{
    int hopeless = 0;
    for (int i = 0; i < c->count; i++) {
        struct child *child = &c->list[i];
        reap(c, child, mono_ms);
        bool given_up = child->quick_deaths >= QUICK_DEATHS;
        hopeless += given_up;
        // one that left for want of work is wanted again, too, as long as the study goes on
        bool wanted = again && !given_up && !child->pid && mono_ms >= child->again_ms;
        if (wanted && start(c, child, mono_ms))
            child->again_ms = mono_ms + AGAIN_MS;
    }
    if (!c->count || hopeless < c->count)
        return 0;
    err_set(err, ERR_IO, "no worker can be kept running");
    return err_hint(err, "see %s/%s.log", c->log_dir, c->list[0].name);
}

/* ---- ending ---- */

static int running(const struct children *c)
{
    int n = 0;
    for (int i = 0; i < c->count; i++)
        n += c->list[i].pid != 0;
    return n;
}

static void wait_until(struct children *c, int64_t until_ms)
{
    while (running(c) && clock_mono_ms() < until_ms) {
        for (int i = 0; i < c->count; i++) {
            int status;
            if (c->list[i].pid && waitpid(c->list[i].pid, &status, WNOHANG) != 0)
                c->list[i].pid = 0;
        }
        if (running(c))
            poll(NULL, 0, LOOK_MS);
    }
}

/* A group of its own: the worker's slots and trainers go down with it even if it cannot say so any more. */
static void signal_all(const struct children *c, int number)
{
    for (int i = 0; i < c->count; i++)
        if (c->list[i].pid)
            kill(number == SIGKILL ? -c->list[i].pid : c->list[i].pid, number);
}

void children_end(struct children *c)
{
    if (!c)
        return;
    wait_until(c, clock_mono_ms() + LEAVE_MS);
    signal_all(c, SIGTERM);
    wait_until(c, clock_mono_ms() + TERM_MS);
    children_kill(c);
}

void children_kill(struct children *c)
{
    if (!c)
        return;
    signal_all(c, SIGKILL);
    wait_until(c, clock_mono_ms() + LEAVE_MS);
}

void children_free(struct children *c)
{
    if (!c)
        return;
    for (int i = 0; i < c->count; i++)
        free(c->list[i].gpus);
    free(c->list);
    free(c->address);
    free(c->dir);
    free(c->log_dir);
    free(c);
}
