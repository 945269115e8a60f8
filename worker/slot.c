#include "worker/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/attempt.h"
#include "worker/cgroup.h"
#include "worker/command.h"
#include "worker/orphans.h"
#include "worker/trainer.h"

enum {
    SESSION_LINE_MAX = 4 << 20, /* a job of 1 MiB, every byte escaped, and paths */
    OUT_FULL = 1 << 20,         /* unread by the session: then the trainer is not heard either */
    GRACE_MS = 10000,
};

struct slot {
    int fd, signals;
    struct lines in;
    struct str out; /* for the session */
    bool over;      /* the session is gone */

    struct cgroup group; /* the trainers' */
    struct trainer trainer;
    struct attempt attempt;
    struct command command;
    struct str job_line;
    bool busy;   /* there is an attempt */
    bool waits;  /* … whose trainer starts when the one before has left */
    bool reused; /* … which a warm trainer of an earlier job got, */
    bool heard;  /* … and has answered */
    bool killed; /* SIGKILL by us */

    int64_t grace_ms;
    int64_t term_at, kill_at, timeout_at; /* monotonic; 0: not set */
};

/* ---- ends ---- */

static void forget_deadlines(struct slot *slot)
{
    slot->term_at = slot->kill_at = slot->timeout_at = 0;
}

/* The {"end":…} line is in `out`: the slot is free. */
static void release(struct slot *slot)
{
    attempt_close(&slot->attempt);
    command_fini(&slot->command);
    str_clear(&slot->job_line);
    slot->busy = slot->waits = false;
    forget_deadlines(slot);
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
    release(slot);
}

static void kill_trainer(struct slot *slot)
{
    slot->killed = true;
    slot->kill_at = slot->term_at = 0;
    trainer_signal(&slot->trainer, SIGKILL);
    cgroup_kill(&slot->group);
}

/* Everything that a trainer started, and it itself. */
static void kill_all(struct slot *slot)
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

static void start_trainer(struct slot *slot, int64_t now)
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

static void begin(struct slot *slot, struct json *job, const char *program, int64_t now)
{
    struct err why = ERR_NONE;
    const struct json *grace = json_get(job, "grace_ms");
    PRE(!slot->busy);
    slot->busy = true;
    slot->grace_ms = grace ? (int64_t)json_num(grace) : GRACE_MS;
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
        start_trainer(slot, now);
}

/* ---- what the session says ---- */

static void stop_now(struct slot *slot, enum attempt_stop stop, int64_t now)
{
    slot->attempt.stop = stop;
    if (slot->waits) {
        attempt_end_done(&slot->attempt, &slot->out);
        release(slot);
        return;
    }
    trainer_say(&slot->trainer, "{\"stop\":\"now\"}");
    slot->term_at = stop == STOP_PREEMPT ? now : now + slot->grace_ms / 10;
    slot->kill_at = now + slot->grace_ms;
}

static void on_stop(struct slot *slot, const char *how, int64_t now)
{
    enum attempt_stop stop = strcmp(how, "preempt") == 0 ? STOP_PREEMPT
                             : strcmp(how, "now") == 0   ? STOP_NOW
                                                         : STOP_EPOCH;
    if (!slot->busy || stop <= slot->attempt.stop)
        return;
    if (stop != STOP_EPOCH) {
        stop_now(slot, stop, now);
        return;
    }
    slot->attempt.stop = STOP_EPOCH;
    if (!slot->waits)
        trainer_say(&slot->trainer, "{\"stop\":\"epoch\"}");
}

static void on_session_line(struct slot *slot, const char *line, size_t len, const char *program, int64_t now)
{
    struct err why = ERR_NONE;
    struct json *tree = json_parse(line, len, "session", &why);
    if (!tree) {
        log_error("slot: %s", why.text);
        return;
    }
    struct json *job = json_take(tree, "run");
    if (job)
        begin(slot, job, program, now);
    else
        on_stop(slot, json_text(json_get(tree, "stop")), now);
    json_free(tree);
}

static void on_session(struct slot *slot, const char *program, int64_t now)
{
    ssize_t got = lines_fill(&slot->in, slot->fd);
    char *line;
    size_t len;
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        slot->over = true;
    while (!slot->over && lines_next(&slot->in, &line, &len) == LINES_LINE)
        on_session_line(slot, line, len, program, now);
}

/* ---- what the trainer says and prints ---- */

static void read_prints(struct slot *slot)
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
    read_prints(slot);
    attempt_end_done(&slot->attempt, &slot->out);
    release(slot);
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
    kill_trainer(slot);
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
        kill_trainer(slot);
    }
}

static void on_long_line(struct slot *slot, const char *front, size_t len)
{
    struct err why = ERR_NONE;
    err_set(&why, ERR_PROTO, "a line longer than %d bytes", TRAINER_LINE_MAX);
    if (slot->busy && !slot->waits)
        attempt_fail_line(&slot->attempt, front, len, &why);
    kill_trainer(slot);
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

static void read_trainer(struct slot *slot, int64_t now)
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
    read_prints(slot);
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

static void on_trainer_exit(struct slot *slot, int status, int64_t now)
{
    kill_all(slot);
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
        forget_deadlines(slot);
        start_trainer(slot, now);
        return;
    }
    attempt_end_exit(&slot->attempt, status, oom, &slot->out);
    release(slot);
}

/* Orphans that end by themselves while the trainer runs are reaped here too. */
static void on_signal(struct slot *slot, int64_t now)
{
    struct signalfd_siginfo info;
    int status;
    while (read(slot->signals, &info, sizeof info) == sizeof info)
        slot->over |= info.ssi_signo != SIGCHLD;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == slot->trainer.pid)
            on_trainer_exit(slot, status, now);
}

/* ---- time ---- */

static void on_timeout(struct slot *slot, int64_t now)
{
    char took[80];
    slot->timeout_at = 0;
    snprintf(took, sizeof took, "still running after %.1f s, the trainer's timeout",
             (double)slot->command.timeout_ms / 1000);
    attempt_fail(&slot->attempt, "timeout", took);
    slot->term_at = now;
    slot->kill_at = now + slot->grace_ms / 10;
}

static bool is_due(int64_t at, int64_t now)
{
    return at && at <= now;
}

static void on_time(struct slot *slot, int64_t now)
{
    if (is_due(slot->timeout_at, now))
        on_timeout(slot, now);
    if (is_due(slot->term_at, now)) {
        slot->term_at = 0;
        trainer_signal(&slot->trainer, SIGTERM);
    }
    if (is_due(slot->kill_at, now))
        kill_trainer(slot);
}

static int next_wait(const struct slot *slot, int64_t now)
{
    int64_t nearest = INT64_MAX;
    const int64_t all[] = {slot->timeout_at, slot->term_at, slot->kill_at};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (all[i] && all[i] < nearest)
            nearest = all[i];
    if (nearest == INT64_MAX)
        return -1;
    return nearest <= now ? 0 : nearest - now > INT_MAX ? INT_MAX : (int)(nearest - now);
}

/* ---- the loop ---- */

static void turn(struct slot *slot, const char *program)
{
    struct trainer *trainer = &slot->trainer;
    bool hear = slot->out.len < OUT_FULL;
    struct pollfd fds[] = {
        {.fd = slot->fd, .events = (short)(POLLIN | (slot->out.len ? POLLOUT : 0))},
        {.fd = slot->signals, .events = POLLIN},
        {.fd = hear ? trainer->from_fd : -1, .events = POLLIN},
        {.fd = trainer->print_fd, .events = POLLIN},
        {.fd = trainer->to.len ? trainer->to_fd : -1, .events = POLLOUT},
    };
    if (poll(fds, COUNT_OF(fds), next_wait(slot, clock_mono_ms())) < 0 && errno != EINTR)
        slot->over = true;
    int64_t now = clock_mono_ms();
    if (fds[3].revents)
        read_prints(slot);
    if (fds[2].revents)
        read_trainer(slot, now);
    if (fds[4].revents)
        trainer_flush(trainer);
    if (fds[1].revents)
        on_signal(slot, now);
    if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
        on_session(slot, program, now);
    on_time(slot, now);
    slot->over |= lines_flush(slot->fd, &slot->out) != 0;
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* Our own file, under its name where it still has one: that is what `ps` will show. */
static char *own_program(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    return xstrdup(len > 0 && access(path, X_OK) == 0 ? path : "/proc/self/exe");
}

static void slot_init(struct slot *slot, int fd)
{
    *slot = (struct slot){.fd = fd, .grace_ms = GRACE_MS};
    lines_init(&slot->in, SESSION_LINE_MAX);
    trainer_close(&slot->trainer);
    slot->attempt.log.fd = -1;
    slot->signals = open_signals();
    cgroup_make(&slot->group);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int slot_main(int fd)
{
    struct slot slot;
    char *program = own_program();
    log_init(LOG_INFO);
    orphans_adopt();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    slot_init(&slot, fd);
    while (!slot.over)
        turn(&slot, program);
    trainer_signal(&slot.trainer, SIGKILL);
    kill_all(&slot);
    cgroup_remove(&slot.group);
    trainer_close(&slot.trainer);
    if (slot.busy)
        release(&slot);
    lines_fini(&slot.in);
    str_fini(&slot.out);
    str_fini(&slot.job_line);
    free(program);
    return 0;
}
