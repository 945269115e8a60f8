/* What a slot's trainer says and prints, and how its process ends. */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "common/log.h"
#include "worker/slot_parts.h"

/* ---- what the trainer says and prints ---- */

void slot_read_prints(struct slot *slot)
{
    char chunk[1 << 14];
    for (int rounds = 0; rounds < 64 && slot->trainer.print_fd >= 0; rounds++) {
        ssize_t got = read(slot->trainer.print_fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0) {
            close(slot->trainer.print_fd);
            slot->trainer.print_fd = -1;
        }
        if (got <= 0)
            return;
        if (slot->busy && !slot->waits)
            attempt_print(&slot->attempt, chunk, (size_t)got);
    }
}

static void on_done(struct slot *slot)
{
    slot_read_prints(slot);
    attempt_end_done(&slot->attempt, &slot->out);
    slot_release(slot);
}

/* A trainer that is not warm has said why it fails, and has a moment to leave by itself. */
static void on_failed(struct slot *slot, const struct trainer_line *line, int64_t now)
{
    attempt_fail(&slot->attempt, line->cause, line->text[0] ? line->text : "the trainer gave no reason");
    if (slot->trainer.warm)
        on_done(slot);
    else if (!slot->kill_at)
        slot->kill_at = now + slot->grace_ms;
}

static int obey_line(struct slot *slot, const struct trainer_line *line, int64_t now, struct err *why)
{
    struct trainer *trainer = &slot->trainer;
    switch (line->says) {
    case TRAINER_REPORT: return attempt_report(&slot->attempt, line, now, &slot->out, why);
    case TRAINER_RESULT: return attempt_result(&slot->attempt, line, &slot->out, why);
    case TRAINER_NOTE: attempt_note(&slot->attempt, line->text); return 0;
    case TRAINER_FAILED: on_failed(slot, line, now); return 0;
    case TRAINER_READY:
        if (trainer->spoke)
            return err_set(why, ERR_PROTO, "{\"ready\":true} can only be the first line of a trainer");
        trainer->warm = true;
        return 0;
    case TRAINER_DONE:
        if (!trainer->warm)
            return err_set(why, ERR_PROTO,
                           "{\"done\":true} is for warm trainers, which begin with {\"ready\":true}");
        on_done(slot);
        return 0;
    }
    UNREACHABLE();
}

/* Nothing is expected between two jobs; what it says then would count for the next one. */
static void on_stray_line(struct slot *slot)
{
    log_warn("slot: the trainer spoke between two jobs; it is ended");
    slot_kill_trainer(slot);
}

static void on_trainer_line(struct slot *slot, const char *text, size_t len, int64_t now)
{
    struct trainer_line line;
    struct err why = ERR_NONE;
    if (!len || slot->waits || (slot->busy && slot->attempt.cause))
        return;
    if (!slot->busy) {
        on_stray_line(slot);
        return;
    }
    slot->heard = true;
    int rc = trainer_line_parse(text, len, &line, &why);
    if (!rc)
        rc = obey_line(slot, &line, now, &why);
    trainer_line_fini(&line);
    slot->trainer.spoke = true;
    if (rc) {
        attempt_fail_line(&slot->attempt, text, len, &why);
        slot_kill_trainer(slot);
    }
}

static void on_long_line(struct slot *slot, const char *front, size_t len)
{
    struct err why = ERR_NONE;
    err_set(&why, ERR_PROTO, "a line longer than %d bytes", TRAINER_LINE_MAX);
    if (slot->busy && !slot->waits)
        attempt_fail_line(&slot->attempt, front, len, &why);
    slot_kill_trainer(slot);
    close(slot->trainer.from_fd);
    slot->trainer.from_fd = -1;
}

static void hear_lines(struct slot *slot, int64_t now)
{
    char *line;
    size_t len;
    enum lines_next next;
    while ((next = lines_next(&slot->trainer.lines, &line, &len)) == LINES_LINE)
        on_trainer_line(slot, line, len, now);
    if (next == LINES_LONG && slot->trainer.from_fd >= 0)
        on_long_line(slot, line, len);
}

void slot_read_trainer(struct slot *slot, int64_t now)
{
    ssize_t got = lines_fill(&slot->trainer.lines, slot->trainer.from_fd);
    if (got == 0) {
        close(slot->trainer.from_fd);
        slot->trainer.from_fd = -1;
    }
    hear_lines(slot, now);
}

/* ---- the trainer's process ends ---- */

static void hear_last_words(struct slot *slot, int64_t now)
{
    slot_read_prints(slot);
    while (slot->trainer.from_fd >= 0) {
        ssize_t got = lines_fill(&slot->trainer.lines, slot->trainer.from_fd);
        if (got <= 0)
            break;
        hear_lines(slot, now);
    }
}

/* It went well, but what it began to say never ended: a report may be lost. */
static void check_unfinished_line(struct slot *slot, int status)
{
    struct err why = ERR_NONE;
    struct lines *lines = &slot->trainer.lines;
    if (status != 0 || !lines_left(lines) || slot->attempt.cause)
        return;
    err_set(&why, ERR_PROTO, "ended in the middle of a line");
    attempt_fail_line(&slot->attempt, lines->bytes + lines->start, lines_left(lines), &why);
}

void slot_on_exit(struct slot *slot, int status, int64_t now)
{
    slot_kill_all(slot);
    hear_last_words(slot, now);
    bool oom = !slot->killed && WIFSIGNALED(status) && trainer_saw_oom(&slot->trainer);
    if (slot->busy && !slot->waits)
        check_unfinished_line(slot, status);
    trainer_close(&slot->trainer);
    if (!slot->busy)
        return;
    /* A warm trainer may have been on its way out when it got the job: nothing of it has begun. */
    bool never_began = slot->reused && !slot->heard && slot->attempt.stop < STOP_NOW && !slot->killed;
    if (slot->waits || never_began) {
        slot_forget_deadlines(slot);
        slot_start_trainer(slot, now);
        return;
    }
    attempt_end_exit(&slot->attempt, status, oom, &slot->out);
    slot_release(slot);
}
