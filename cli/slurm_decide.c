#include "cli/slurm_decide.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/str.h"

__attribute__((format(printf, 3, 4))) static void act(struct slurm_act *out, enum slurm_what what,
                                                      const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    *out = (struct slurm_act){.what = what};
    vsnprintf(out->why, sizeof out->why, fmt, args);
    va_end(args);
}

static void end(struct slurm_act *out, int status, const char *why)
{
    act(out, SLURM_END, "%s", why);
    out->status = status;
}

/* ---- reasons to end ---- */

static bool without_master(const struct slurm_view *view, struct slurm_memory *memory, int64_t now_ms,
                           struct slurm_act *out)
{
    if (view->master) {
        memory->alone_ms = 0;
        return false;
    }
    if (!memory->alone_ms)
        memory->alone_ms = now_ms;
    if (view->over)
        end(out, 0, "every study has ended");
    else if (now_ms - memory->alone_ms >= SLURM_ALONE_MS)
        end(out, 3, "no master has answered for five minutes");
    else
        act(out, SLURM_LOOK, "no master answers; jobs that run go on without it");
    return true;
}

/* ---- reasons to wait ---- */

static bool nothing_wanted(const struct slurm_view *view, struct slurm_memory *memory, int64_t now_ms,
                           struct slurm_act *out)
{
    if (view->wanted > 0) {
        memory->unwanted_ms = 0;
        return false;
    }
    if (!memory->unwanted_ms)
        memory->unwanted_ms = now_ms;
    if (view->waiting && now_ms - memory->unwanted_ms >= SLURM_UNWANTED_MS)
        act(out, SLURM_CANCEL_WAITING, "no trial has waited for a worker for a minute");
    else
        act(out, SLURM_LOOK, "no trial waits for a worker");
    return true;
}

static bool enough_there(const struct slurm_view *view, const struct slurm_limits *limits, int64_t missing,
                         struct slurm_act *out)
{
    if (view->waiting + view->running >= limits->most)
        act(out, SLURM_LOOK, "%d jobs are in the queue, the most there may be",
            view->waiting + view->running);
    else if (view->waiting >= limits->backlog)
        act(out, SLURM_LOOK, "%d job%s for Slurm to start %s", view->waiting,
            view->waiting == 1 ? " waits" : "s wait", view->waiting == 1 ? "it" : "them");
    else if (view->free > 0)
        act(out, SLURM_LOOK, "workers are free");
    else if (missing <= 0)
        act(out, SLURM_LOOK, "workers that are starting will do");
    else
        return false;
    return true;
}

/* ---- all of it ---- */

static int least(int64_t a, int64_t b, int64_t c)
{
    int64_t least = a < b ? a : b;
    return (int)(least < c ? least : c);
}

void slurm_decide(const struct slurm_view *view, const struct slurm_limits *limits,
                  struct slurm_memory *memory, int64_t now_ms, struct slurm_act *out)
{
    int64_t missing = view->wanted - view->free - (int64_t)view->starting * limits->slots;
    if (without_master(view, memory, now_ms, out))
        return;
    if (!view->open && !limits->stay) {
        end(out, 0, "every study has ended");
        return;
    }
    if (memory->crashes >= SLURM_CRASHES_MOST) {
        end(out, 1, "five jobs in a row have come to nothing");
        return;
    }
    if (nothing_wanted(view, memory, now_ms, out) || enough_there(view, limits, missing, out))
        return;
    if (memory->crashes && view->waiting + view->starting > 0) {
        act(out, SLURM_LOOK, "%d in a row came to nothing: first the one that is on its way",
            memory->crashes);
        return;
    }
    if (now_ms < memory->rest_until_ms) {
        act(out, SLURM_LOOK, "%d in a row came to nothing: a rest before the next", memory->crashes);
        return;
    }
    char number[32];
    snprintf(number, sizeof number, view->wanted >= 1000 ? "many" : "%lld", (long long)view->wanted);
    act(out, SLURM_SUBMIT, "%s trial%s for a worker", number, view->wanted == 1 ? " waits" : "s wait");
    out->count = least((missing + limits->slots - 1) / limits->slots, limits->backlog - view->waiting,
                       limits->most - view->waiting - view->running);
}

void slurm_crashed(struct slurm_memory *memory, int64_t rest_ms, int64_t now_ms)
{
    int doublings = memory->crashes < SLURM_CRASHES_MOST ? memory->crashes : SLURM_CRASHES_MOST;
    memory->rest_until_ms = now_ms + (rest_ms << doublings);
    memory->crashes++;
}

void slurm_worked(struct slurm_memory *memory)
{
    memory->crashes = 0;
    memory->rest_until_ms = 0;
}
