/* How an attempt begins in a slot, and ends. */
#include <signal.h>
#include <string.h>

#include "common/check.h"
#include "worker/orphans.h"
#include "worker/slot_parts.h"

/* ---- ends ---- */

void slot_forget_deadlines(struct slot *slot)
{
    slot->term_at = slot->kill_at = slot->timeout_at = 0;
}

void slot_release(struct slot *slot)
{
    attempt_close(&slot->attempt);
    command_fini(&slot->command);
    str_clear(&slot->job_line);
    slot->busy = slot->waits = false;
    slot_forget_deadlines(slot);
}

static void end_before_start(struct slot *slot, const struct err *why)
{
    struct str detail = {0};
    str_add(&detail, why->text);
    if (why->hint[0])
        str_addf(&detail, " (%s)", why->hint);
    attempt_fail(&slot->attempt, "start", detail.text);
    attempt_end_done(&slot->attempt, &slot->out);
    str_fini(&detail);
    slot_release(slot);
}

void slot_kill_trainer(struct slot *slot)
{
    slot->killed = true;
    slot->kill_at = slot->term_at = 0;
    trainer_signal(&slot->trainer, SIGKILL);
    cgroup_kill(&slot->group);
}

void slot_kill_all(struct slot *slot)
{
    cgroup_kill(&slot->group);
    orphans_kill(NULL, 0, NULL, NULL);
}

/* ---- beginnings ---- */

static void give_job(struct slot *slot, int64_t now)
{
    slot->heard = false;
    slot->attempt.mark_ms = now;
    slot->timeout_at = slot->command.timeout_ms ? now + slot->command.timeout_ms : 0;
    trainer_say(&slot->trainer, slot->job_line.text);
}

void slot_start_trainer(struct slot *slot, int64_t now)
{
    struct err why = ERR_NONE;
    slot->waits = slot->reused = slot->killed = false;
    if (trainer_start(&slot->trainer, &slot->command, &slot->group, &why))
        end_before_start(slot, &why);
    else
        give_job(slot, now);
}

/* A warm trainer of another study: end of its input, then signals, as with any stop. */
static void let_go(struct slot *slot, int64_t now)
{
    trainer_hang_up(&slot->trainer);
    slot->term_at = now + slot->grace_ms / 10;
    slot->kill_at = now + slot->grace_ms;
    slot->waits = true;
}

void slot_begin(struct slot *slot, struct json *job, const char *program, int64_t now)
{
    struct err why = ERR_NONE;
    const struct json *grace = json_get(job, "grace_ms");
    PRE(!slot->busy);
    slot->busy = true;
    slot->grace_ms = grace ? (int64_t)json_num(grace) : SLOT_GRACE_MS;
    if (attempt_open(&slot->attempt, job, now, &why) ||
        attempt_job_line(&slot->attempt, &slot->job_line, &why) ||
        command_build(job, program, environ, &slot->command, &why)) {
        end_before_start(slot, &why);
        return;
    }
    slot->reused = slot->trainer.pid && slot->trainer.warm && !slot->killed &&
                   strcmp(slot->trainer.spec, slot->command.spec) == 0;
    if (slot->reused)
        give_job(slot, now);
    else if (slot->trainer.pid)
        let_go(slot, now);
    else
        slot_start_trainer(slot, now);
}
