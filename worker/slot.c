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
#include "worker/orphans.h"
#include "worker/slot_parts.h"

enum {
    SESSION_LINE_MAX = 4 << 20, /* a job of 1 MiB, every byte escaped, and paths */
    OUT_FULL = 1 << 20,         /* unread by the session: then the trainer is not heard either */
    TOLD_MS = 3000,             /* from a trainer's end until we must have been told, too */
};

/* ---- what the session says ---- */

static void stop_now(struct slot *slot, enum attempt_stop stop, int64_t now)
{
    slot->attempt.stop = stop;
    if (slot->waits) {
        attempt_end_done(&slot->attempt, &slot->out);
        slot_release(slot);
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
        slot_begin(slot, job, program, now);
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

/* ---- processes end ---- */

/* The session has died. Or a batch system tells every process of its job to go: then the trainer knows, what it does now
 * is no failure of its own, and the session, which knows too, decides what is next. */
static void on_sigterm(struct slot *slot, int64_t now)
{
    if (getppid() != slot->parent) {
        slot->over = true;
    } else if (slot->busy && slot->attempt.stop < STOP_PREEMPT) {
        stop_now(slot, STOP_PREEMPT, now);
        slot->term_at = slot->term_at ? now + slot->grace_ms / 10 : 0; /* should it not know after all */
    }
}

/* Slurm tells the processes of a job one after the other, and a trainer that was told before us may be gone before we are:
 * to end early, unasked, is then no word of its own. Elsewhere nobody is told behind our back. */
static bool may_have_been_told(const struct slot *slot, int status)
{
    bool early = WIFEXITED(status) && WEXITSTATUS(status) == 0 && slot->attempt.epoch < slot->attempt.until;
    bool by_term = (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) ||
                   (WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGTERM);
    return getenv("SLURM_JOB_ID") && slot->busy && !slot->killed && slot->attempt.stop == STOP_NONE &&
           (early || by_term);
}

static void wait_for_word(struct slot *slot, int64_t now)
{
    struct pollfd told = {.fd = slot->signals, .events = POLLIN};
    struct signalfd_siginfo info;
    if (poll(&told, 1, TOLD_MS) <= 0)
        return;
    while (read(slot->signals, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD)
            on_sigterm(slot, now);
}

/* Orphans that end by themselves while the trainer runs are reaped here too. SIGTERM has the lower number: where both wait,
 * it comes before SIGCHLD. */
static void on_signal(struct slot *slot, int64_t now)
{
    struct signalfd_siginfo info;
    int status;
    while (read(slot->signals, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD)
            on_sigterm(slot, now);
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == slot->trainer.pid) {
            if (may_have_been_told(slot, status))
                wait_for_word(slot, now);
            slot_on_exit(slot, status, now);
        }
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
        slot_kill_trainer(slot);
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
        slot_read_prints(slot);
    if (fds[2].revents)
        slot_read_trainer(slot, now);
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
    *slot = (struct slot){.fd = fd, .grace_ms = SLOT_GRACE_MS};
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
    slot_init(&slot, fd);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    slot.parent = getppid();
    while (!slot.over)
        turn(&slot, program);
    trainer_signal(&slot.trainer, SIGKILL);
    slot_kill_all(&slot);
    cgroup_remove(&slot.group);
    trainer_close(&slot.trainer);
    if (slot.busy)
        slot_release(&slot);
    lines_fini(&slot.in);
    str_fini(&slot.out);
    str_fini(&slot.job_line);
    free(program);
    return 0;
}
